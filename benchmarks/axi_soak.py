"""Frames through the AXI system in Verilator with random packets, stalls and resets, each word against the integer model.

python -m benchmarks.axi_soak --frames 1000000 --seed 1 -o soak.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.environment import environment
from ernn_myhdl import RnnCell, Traffic, new_network
from ernn_myhdl.golden.network import integer_model
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.packets import pack, unpack
from ernn_myhdl.host.registers import MODES
from ernn_myhdl.host.transport import BoardTimeout
from ernn_myhdl.system.simulation.transport import QUIET_CYCLES, simulated_board
from ernn_myhdl.system.writer import system_description

BUS = 128
#: Frames of a packet, packets of an exchange at most.
LONGEST, MOST = 24, 40


def soak_design():
    layer = new_network([RnnCell(5, 6, block=2)], lanes=1, samples_per_beat=2, streams=2).layers[0]
    return replace(layer, name="small")


def packets_of(random, design, mode: str, count: int) -> list[np.ndarray]:
    """Raw frames of each packet."""
    low, high = design.input_format.minimum, design.input_format.maximum
    lengths = [1] * count if mode == "frame" else random.integers(1, LONGEST + 1, count)
    return [random.integers(low, high + 1, (n, design.inputs)) for n in lengths]


def expected(model, mode: str, streams: int, packets: list[np.ndarray]) -> list[np.ndarray]:
    """Raw y of each packet, of sequences that all start with the exchange or, in the mode sequence, with each packet."""
    frames = np.concatenate(packets)
    parts = packets if mode == "sequence" else [frames]
    made = []
    for part in parts:
        y = np.empty((len(part), model.design.outputs), dtype=np.int64)
        turns = [part[s::streams] for s in range(min(streams, len(part)))]
        for s, run in enumerate(model.run(turns)):
            y[s::streams] = run.raw
        made.append(y)
    return np.split(np.concatenate(made), np.cumsum([len(p) for p in packets])[:-1])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", metavar="FILE", type=Path)
    args = parser.parse_args(arguments)
    random, design = np.random.default_rng(args.seed), soak_design()
    system, model = system_description(design, BUS), integer_model(design)
    transport = simulated_board(design, BUS, Traffic(0.2, 0.2, args.seed))
    board = Board(transport, system)
    frames = packets = mismatches = resets = written = 0
    start = time.perf_counter()

    def record() -> dict:
        """What has been done, which is written too."""
        made = {
            "environment": environment(), "seed": args.seed, "frames": frames, "packets": packets, "cycles": transport.cycles,
            "resets": resets, "mismatches": mismatches, "errors": list(board.status().errors),
            "seconds": round(time.perf_counter() - start, 1),
        }  # fmt: skip
        if args.output:
            args.output.write_text(json.dumps(made, indent=2) + "\n")
        return made

    while frames < args.frames:
        if packets // 5000 != written:  # a long run that is stopped leaves its record
            written = packets // 5000
            record()
        mode = str(random.choice(list(MODES)))
        streams = int(random.integers(1, system.streams + 1))
        given = packets_of(random, design, mode, int(random.integers(1, MOST + 1)))
        transport.traffic = Traffic(*random.choice([0.0, 0.1, 0.5, 0.9], 2))
        for name, value in (("PACKET", MODES[mode]), ("STREAMS", streams)):
            board._keep(name, value)
        board._trigger("start")
        sizes = [len(p) * system.output_bytes for p in given]
        got = transport.exchange([pack(p, system) for p in given], sizes, 0)
        for data, y in zip(got, expected(model, mode, streams, given), strict=True):
            raw = unpack(data, system)
            mismatches += raw.shape != y.shape or int((raw != y).sum())
        frames += sum(map(len, given))
        packets += len(given)
        if random.random() < 0.05:  # x whose y nobody takes, then a reset
            transport.quiet_cycles = int(random.integers(1, 400))
            with suppress(BoardTimeout):
                transport.exchange([pack(given[0], system)], [], 0)
            transport.quiet_cycles = QUIET_CYCLES
            if random.random() < 0.5:
                transport.reset(int(random.integers(1, 4)))
            board.reset()
            resets += 1
    result = record()
    print(json.dumps(result))
    return 1 if result["mismatches"] or result["errors"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
