"""The AXI system under cocotb and cocotbext-axi: cores and widths x shapes of packets x traffics.

    python -m benchmarks.axi_matrix -o matrix.json
    python -m benchmarks.axi_matrix --only rnn-32-icarus --shapes 4 -o part.json
    python -m benchmarks.axi_matrix --banks 2 --only rnn-128 gru-32 --shapes 4 -o weights.json
    python -m benchmarks.axi_matrix --simulator ghdl -o vhdl.json

A configuration is a core with the width of its bus, built for a simulator, and a shape of packets; `BOARDS` has the first, the first of
them for Icarus, which has four states, the others for Verilator. With --simulator ghdl all are VHDL in GHDL, with stalls of 2,000 cycles at most. Packets of each configuration are sent with four traffics, and a board
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
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.command import leave
from benchmarks.environment import environment
from ernn_myhdl import GruCell, LinearCell, LstmCell, RnnCell, new_network
from ernn_myhdl.design.graph import Graph, Window
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.time_joins import Maximum, Repeat

SHAPES = 24
#: Cycles of the longest stall; in simulators that interpret.
LONG_STALL, SHORT_STALL = 100_000, 2_000


def _last() -> Network:
    return new_network(
        [GruCell(5, 6, reset="after", block=2), LinearCell(6, 3, block=1)],
        lanes=1, samples_per_beat=2, streams=2, outputs=["last", "all"],
    )  # fmt: skip


def _repeat() -> Network:
    joins = (Maximum(("layer_0",)), Repeat(("join_0",), frames=3))
    graph = Graph(("x", "join_1"), joins, "layer_1")
    return new_network([RnnCell(3, 4, block=2), RnnCell(4, 5, block=1)], lanes=1, samples_per_beat=4, graph=graph)  # fmt: skip


def _window() -> Network:
    window = Window(inputs=("x",), size=3, kernel=2, dilation=2, padding=False, stride=2)
    graph = Graph(("join_0",), (window,), "layer_0")
    return new_network([LinearCell(6, 5, block=1)], lanes=1, samples_per_beat=2, graph=graph)


def _states() -> Network:
    return new_network(
        [LstmCell(4, 6, block=2, projection=4)], lanes=1, samples_per_beat=2, streams=2, initial_states=True
    )  # fmt: skip


def _last_states() -> Network:
    return new_network(
        [GruCell(3, 4, block=2), LinearCell(4, 2, block=1)],
        lanes=1, samples_per_beat=4, initial_states=True, outputs=["last", "all"],
    )  # fmt: skip


def _row(cells, **options) -> Callable[[], Network]:
    return partial(new_network, cells, lanes=1, **options)


@dataclass(frozen=True)
class Board:
    """simulator: of the Verilog. bits: of the bus. weights: whether they can be loaded."""

    simulator: str
    make: Callable[[], Network]
    bits: int
    weights: bool = True


#: Frames of x have 1 to 5 beats of the core.
BOARDS = {
    "rnn-32-icarus": Board("icarus", _row([RnnCell(3, 4, block=1)], samples_per_beat=2), 32),
    "rnn-128": Board("verilator", _row([RnnCell(5, 6, block=2)], samples_per_beat=2), 128),
    "linear-64": Board("verilator", _row([LinearCell(8, 5, block=1)], samples_per_beat=8), 64),
    "gru-32": Board("verilator", _row([GruCell(6, 4, block=2)], samples_per_beat=2, streams=2), 32),
    "lstm-512": Board("verilator", _row([LstmCell(4, 4, block=2)], samples_per_beat=4), 512),
    "gru-256": Board("verilator", _row([GruCell(4, 6, reset="after", block=2)], samples_per_beat=4), 256),
    "network-64": Board("verilator", _row([RnnCell(9, 4, block=2), LinearCell(4, 3, block=1)], samples_per_beat=2), 64),
    "last-64": Board("verilator", _last, 64, False),
    "repeat-32": Board("verilator", _repeat, 32, False),
    "window-128": Board("verilator", _window, 128, False),
    "states-32": Board("verilator", _states, 32, False),
    "last-states-64": Board("verilator", _last_states, 64, False),
}  # fmt: skip


def board_design(name: str, banks: int = 0):
    """The design of a board. banks: of weights that load; 0: fixed."""
    network = BOARDS[name].make()
    single = len(network.layers) == 1 and network.graph is None
    design = replace(network.layers[0] if single else network, name="board")
    return design.with_weights("loadable", banks) if banks else design


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=BOARDS, metavar="NAME", help="these boards")
    parser.add_argument("--shapes", type=int, default=SHAPES, help="the first N of them")
    parser.add_argument(
        "--banks", type=int, default=0, choices=(0, 1, 2), help="of weights that load; 0: fixed"
    )
    parser.add_argument(
        "--simulator", choices=("icarus", "verilator", "ghdl"), help="of all boards"
    )
    args = parser.parse_args(arguments)
    names = args.only or [n for n, board in BOARDS.items() if board.weights or not args.banks]
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from axi_matrix.runs import run_matrix

    results = {}
    for name in names:
        simulator, bits = args.simulator or BOARDS[name].simulator, BOARDS[name].bits
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            found = run_matrix(
                board_design(name, args.banks), bits, Path(folder), simulator, args.shapes,
                stall=LONG_STALL if simulator == "verilator" else SHORT_STALL,
            )  # fmt: skip
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
    leave(lambda: main(sys.argv[1:]))
