"""Sequences through the AXI system of cores whose y stands for sequences, or whose sequences start from states: each word against the integer model.

    python -m benchmarks.axi_soak_sequences --core last-states-64 --frames 100000 --seed 1 -o soak.json
    python -m benchmarks.axi_soak_sequences --core last-64 --banks 1 --frames 100000 -o soak.json

The cores are those of `benchmarks.axi_matrix`. Packets of all modes with random stalls; a sequence ends with its packet, with its count or, frame by frame through
`Board.step_raw`, with the trigger; states are random words, or none. Resets hit sequences that run. With a bank of weights images are loaded between the exchanges, and while a
sequence runs, where the core has to refuse them.
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

from benchmarks.axi_matrix import BOARDS, board_design
from benchmarks.command import leave
from benchmarks.environment import environment
from ernn_myhdl import Traffic
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.packets import pack, unpack
from ernn_myhdl.host.registers import MODES
from ernn_myhdl.host.transport import BoardError, BoardTimeout
from ernn_myhdl.system.loadable import weight_image
from ernn_myhdl.system.simulation.transport import QUIET_CYCLES, simulated_board
from ernn_myhdl.system.writer import system_description

CORES = ("last-64", "repeat-32", "states-32", "last-states-64")
#: Frames of a sequence, sequences of a stream in an exchange at most.
LONGEST, MOST = 20, 6


class Soak:
    """A core on its simulated board, and counts of what was done."""

    def __init__(self, name: str, banks: int, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        design = board_design(name, banks)
        self.bits, self.banks = BOARDS[name].bits, banks
        self.system = system_description(design, self.bits)
        self.transport = simulated_board(design, self.bits, Traffic(0.2, 0.2, seed))
        self.board = Board(self.transport, self.system)
        self.designs = [design, *(_other(design, i) for i in range(3))] if banks else [design]
        self.models = [integer_model(each) for each in self.designs]
        self.images = [weight_image(each) for each in self.designs] if banks else []
        self.model = self.models[0]
        self.done = dict.fromkeys(("frames", "sequences", "mismatches", "resets", "loads", "refused", "wrongly_taken"), 0)  # fmt: skip

    def turn(self) -> None:
        """One exchange of a random kind, perhaps behind a load and before a reset."""
        self.transport.traffic = Traffic(*self.random.choice([0.0, 0.1, 0.5, 0.9], 2))
        if self.banks and self.random.random() < 0.2:
            number = int(self.random.integers(len(self.images)))
            self.board.load_weights(self.images[number])
            self.model = self.models[number]
            self.done["loads"] += 1
        kinds = [self._packets, self._steps]
        if self.system.frames_out.ends and not self.system.states:
            kinds.append(self._counted)
        kinds[int(self.random.integers(len(kinds)))]()
        if self.random.random() < 0.05:
            self._reset()

    def _frames(self, count: int) -> np.ndarray:
        fmt = self.system.input_format
        return self.random.integers(fmt.minimum, fmt.maximum + 1, (count, self.system.inputs))

    def _state(self):
        """Random words, or none, for each layer that has a state."""
        if not self.system.states or self.random.random() < 0.3:
            return None
        made: list = [None] * self.system.layers
        for shape in self.system.states:
            made[shape.layer] = {
                p.name: self.random.integers(p.format.minimum, p.format.maximum + 1, p.size)
                for p in shape.parts
            }
        return made if len(made) > 1 else made[0]

    def _compare(self, sequences, got, states) -> None:
        wanted = self.model.run(sequences, initial=states)
        self.done["sequences"] += len(sequences)
        self.done["frames"] += sum(map(len, sequences))
        for run, y in zip(wanted, got, strict=True):
            same = y.shape == run.raw.shape
            self.done["mismatches"] += int((y != run.raw).sum()) if same else run.raw.size

    def _packets(self) -> None:
        """Sequences through the driver, some of them side by side."""
        lengths = self.random.integers(1, LONGEST + 1, int(self.random.integers(1, MOST + 1)))
        if self.random.random() < 0.5:
            lengths[:] = lengths[0]
        sequences = [self._frames(n) for n in lengths]
        states = [self._state() for _ in sequences] if self.system.states else None
        streams = int(self.random.integers(1, self.system.streams + 1))
        self._compare(sequences, self.board.run_raw(sequences, streams, states), states)

    def _steps(self) -> None:
        """A sequence frame by frame."""
        x, state, ends = self._frames(int(self.random.integers(1, LONGEST + 1))), self._state(), self.system.frames_out.ends  # fmt: skip
        made, refused = [], int(self.random.integers(len(x))) if self.random.random() < 0.3 else -1
        for i, frame in enumerate(x):
            if self.banks and ends and i and i == refused:
                self._refused()
            last = i == len(x) - 1 if ends else None
            y = self.board.step_raw(frame, i == 0, last, state if i == 0 else None)
            made.append(np.atleast_2d(y))
        self._compare([x], [np.concatenate([y for y in made if y.size])], [state])

    def _counted(self) -> None:
        """Packets of some frames, and of many sequences, which end by their count."""
        length, streams = int(self.random.integers(1, 9)), int(self.random.integers(1, self.system.streams + 1))  # fmt: skip
        groups, mode = int(self.random.integers(1, MOST + 1)), str(self.random.choice(list(MODES)))
        x = self._frames(groups * length * streams)
        cuts = range(1, len(x))
        if mode == "sequence":
            packets = [x]
        elif mode == "frame":
            packets = np.split(x, cuts)
        else:
            packets = np.split(x, sorted(self.random.choice(cuts, len(cuts) // 3, replace=False)) if len(x) > 3 else [])  # fmt: skip
        sequences = []
        for group in np.split(x, groups):
            sequences += [group[s::streams] for s in range(streams)]
        for name, value in (("PACKET", MODES[mode]), ("STREAMS", streams), ("SEQUENCE", length)):
            self.board._keep(name, value)
        self.board._trigger("start")
        size = self.system.frames_out.per_sequence * self.system.output_bytes
        sizes = [size * len(sequences)] if mode == "sequence" else [size] * len(sequences)
        got = self.transport.exchange([pack(p, self.system) for p in packets], sizes, 0)
        self.board._sent += len(x)
        raw = [unpack(data, self.system) for data in got]
        self._compare(sequences, np.split(raw[0], len(sequences)) if mode == "sequence" else raw, None)  # fmt: skip

    def _refused(self) -> None:
        """An image while a sequence runs."""
        try:
            self.board.load_weights(self.images[0])
            self.done["wrongly_taken"] += 1
        except BoardError:
            self.done["refused"] += self.board.weights().refused == ("not_idle",)

    def _reset(self) -> None:
        """In the midst of a sequence whose y nobody takes."""
        self.board._keep("PACKET", MODES["frames"])
        self.transport.quiet_cycles = int(self.random.integers(1, 400))
        with suppress(BoardTimeout):
            self.transport.exchange([pack(self._frames(3), self.system)], [], 0)
        self.transport.quiet_cycles = QUIET_CYCLES
        if self.random.random() < 0.5:
            self.transport.reset(int(self.random.integers(1, 4)))
        self.board.reset()
        self.done["resets"] += 1


def _other(design, seed: int):
    """The same core with other weights."""
    random = np.random.default_rng(seed)
    layers = tuple(
        replace(layer, weights={n: a * random.uniform(-1.5, 1.5, a.shape).astype(np.float32) for n, a in layer.weights.items()})
        for layer in design.layers
    )  # fmt: skip
    return replace(design, layers=layers) if len(layers) > 1 else layers[0]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", choices=CORES, default=CORES[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--banks", type=int, default=0, choices=(0, 1), help="of weights")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path)
    args = parser.parse_args(arguments)
    start, soak = time.perf_counter(), Soak(args.core, args.banks, args.seed)
    result: dict = {}
    written = 0

    def record() -> None:
        result.update(
            environment=environment(), core=args.core, banks=args.banks, seed=args.seed, cycles=soak.transport.cycles,
            errors=list(soak.board.status().errors), seconds=round(time.perf_counter() - start, 1), **soak.done,
        )  # fmt: skip
        if args.output:
            args.output.write_text(json.dumps(result, indent=2) + "\n")

    while soak.done["frames"] < args.frames:
        soak.turn()
        if soak.done["frames"] // 10_000 != written:  # a long run that is stopped leaves its record
            written = soak.done["frames"] // 10_000
            record()
    record()
    print(json.dumps(result))
    return int(any(result[name] for name in ("mismatches", "errors", "wrongly_taken")))


if __name__ == "__main__":
    leave(lambda: main(sys.argv[1:]))
