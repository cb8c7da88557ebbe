"""The AXI system under cocotb and cocotbext-axi: cores and widths x shapes of packets x traffics.

    python -m benchmarks.axi_matrix -o matrix.json
    python -m benchmarks.axi_matrix --boards 1 --shapes 4 -o part.json
    python -m benchmarks.axi_matrix --banks 2 --boards 3 --shapes 4 -o weights.json

A configuration is a core with the width of its bus, built for a simulator, and a shape of packets; `BOARDS` has the first, the first of
them for Icarus, which has four states, the others for Verilator. Packets of each configuration are sent with four traffics, and a board
ends with an interrupt, a long stall and a reset while stalled. With --banks the weights of the cores load: by registers and by their stream, between
frames and, with two banks, while they run, with the four traffics and with damaged images. Exit code 1 where a word is not that of the golden model, or
the protocol is violated.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.environment import environment
from ernn_myhdl import GruCell, LinearCell, LstmCell, RnnCell, new_network
from ernn_myhdl.errors import DesignError

SHAPES = 24
#: name -> (simulator, cells, options of the network, bits of the bus, cycles of the longest stall). Frames of x have 1 to 5 beats of the core.
BOARDS = {
    "rnn-32-icarus": ("icarus", [RnnCell(3, 4, block=1)], {"samples_per_beat": 2}, 32, 2_000),
    "rnn-128": ("verilator", [RnnCell(5, 6, block=2)], {"samples_per_beat": 2}, 128, 100_000),
    "linear-64": ("verilator", [LinearCell(8, 5, block=1)], {"samples_per_beat": 8}, 64, 100_000),
    "gru-32": ("verilator", [GruCell(6, 4, block=2)], {"samples_per_beat": 2, "streams": 2}, 32, 100_000),
    "lstm-512": ("verilator", [LstmCell(4, 4, block=2)], {"samples_per_beat": 4}, 512, 100_000),
    "gru-256": ("verilator", [GruCell(4, 6, reset="after", block=2)], {"samples_per_beat": 4}, 256, 100_000),
    "network-64": ("verilator", [RnnCell(9, 4, block=2), LinearCell(4, 3, block=1)], {"samples_per_beat": 2}, 64, 100_000),
}  # fmt: skip


def board_design(name: str, banks: int = 0):
    """The design of a board. banks: of weights that load; 0: fixed."""
    _, cells, options, _, _ = BOARDS[name]
    network = new_network(cells, lanes=1, **options)
    design = replace(network if len(cells) > 1 else network.layers[0], name="board")
    return design.with_weights("loadable", banks) if banks else design


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True)
    parser.add_argument("--boards", type=int, default=len(BOARDS), help="the first N of them")
    parser.add_argument("--shapes", type=int, default=SHAPES, help="the first N of them")
    parser.add_argument(
        "--banks", type=int, default=0, choices=(0, 1, 2), help="of weights that load; 0: fixed"
    )
    args = parser.parse_args(arguments)
    if not 1 <= args.boards <= len(BOARDS):
        raise DesignError(f"boards = {args.boards}: must be 1 to {len(BOARDS)}")
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from axi_matrix.runs import run_matrix

    results = {}
    for name in list(BOARDS)[: args.boards]:
        simulator, _, _, bits, stall = BOARDS[name]
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            found = run_matrix(
                board_design(name, args.banks),
                bits,
                Path(folder),
                simulator,
                args.shapes,
                stall=stall,
            )
        found |= {
            "simulator": simulator,
            "bus": bits,
            "seconds": round(time.perf_counter() - start, 1),
        }
        results[name] = found
        print(f"{name}: {found}", flush=True)
        args.output.write_text(
            json.dumps({"environment": environment(), "boards": results}, indent=2) + "\n"
        )
    fine = all(not r["wrong"] and not r["violation_count"] for r in results.values())
    print(f"{sum(r['runs'] for r in results.values())} runs, {'all right' if fine else 'WRONG'}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
