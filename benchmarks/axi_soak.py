"""Frames through the AXI system in Verilator with random packets, stalls, resets and loads of weights, each word against the integer model.

    python -m benchmarks.axi_soak --frames 1000000 --seed 1 -o soak.json
    python -m benchmarks.axi_soak --frames 1000000 --seed 1 --banks 2 -o soak.json

With banks the weights are loaded between exchanges by registers, some images damaged, and with two banks at the stream of weights while frames run: then
each sequence has to be that of the old or of the new weights, and none the old ones behind one that had the new.
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

from benchmarks.command import leave
from benchmarks.environment import environment
from ernn_myhdl import RnnCell, Traffic, new_network
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.packets import pack, unpack
from ernn_myhdl.host.registers import MODES
from ernn_myhdl.host.transport import BoardError, BoardTimeout
from ernn_myhdl.system.loadable import weight_image
from ernn_myhdl.system.simulation.transport import QUIET_CYCLES, simulated_board
from ernn_myhdl.system.writer import system_description

BUS = 128
#: Frames of a packet, packets of an exchange at most.
LONGEST, MOST = 24, 40


def soak_design():
    layer = new_network([RnnCell(5, 6, block=2)], lanes=1, samples_per_beat=2, streams=2).layers[0]
    return replace(layer, name="small")


def weight_sets(design, count: int = 6) -> list:
    """The same core with other weights: random signs and sizes."""
    random = np.random.default_rng(count)
    return [
        replace(
            design,
            weights={
                name: array * random.uniform(-1.5, 1.5, array.shape).astype(np.float32)
                for name, array in design.weights.items()
            },
        )
        for _ in range(count)
    ]


class Loads:
    """The weights of a board, its images, and what has been loaded.

    model: of the weights that the core has now; coming: of those that wait for the start of a sequence, or None. A set of
    weights with its image is drawn for each load.
    """

    def __init__(self, board: Board, design, random) -> None:
        self.board, self.random = board, random
        self.sets = [(integer_model(d), weight_image(d)) for d in [design, *weight_sets(design)]]
        self.model, self.coming = self.sets[0][0], None
        self.done = {"loads": 0, "streamed": 0, "damaged": 0, "refused": 0, "wrongly_taken": 0}

    def between(self) -> None:
        """Perhaps an image by registers, which may be damaged."""
        draw = self.random.random()
        if draw > 0.3:
            return
        model, image = self.sets[self.random.integers(len(self.sets))]
        two = self.board.system.weights.banks == 2
        if draw < 0.1 and not (two and self.board.weights().pending):
            self._damaged(image)
            if two:
                return  # the weights in use stay
        self._load(image)
        self.done["loads"] += 1
        self.model, self.coming = model, None

    def _load(self, image: bytes) -> None:
        """By registers; a sequence that is not over is ended by a reset."""
        try:
            self.board.load_weights(image)
        except BoardTimeout:
            raise
        except BoardError:
            if self.board.weights().refused != ("bank_used",):
                raise
            self.done["refused"] += 1
            self.board.reset()
            self.board.load_weights(image)

    def _damaged(self, image: bytes) -> None:
        wrong = bytearray(image)
        wrong[int(self.random.integers(4, len(wrong)))] ^= 1 << int(self.random.integers(8))
        self.board.transport.load(np.frombuffer(bytes(wrong), "<u4").tolist(), 1.0)
        for _ in range(100):
            status = self.board.weights()
            if not status.loading:
                break
        self.done["damaged"] += 1
        self.done["wrongly_taken"] += status.loaded or not status.refused
        self.board.clear_errors()

    def during(self) -> None:
        """Perhaps an image at the stream, taken while the next exchange runs."""
        if self.board.system.weights.banks == 2 and self.random.random() < 0.3:
            self.coming, image = self.sets[self.random.integers(len(self.sets))]
            self.board.transport.stream_image(np.frombuffer(image, "<u4").tolist())

    def after(self) -> None:
        """The image at the stream is in the core, and its weights are those of the next sequence."""
        if self.coming is None:
            return
        while self.board.weights().loading or self.board.transport.image_left:
            pass  # a look takes cycles
        status = self.board.weights()
        if status.loaded:
            self.done["streamed"] += 1
            self.model = self.coming
        else:
            self.done["wrongly_taken"] += status.refused != ("bank_used",)
            self.done["refused"] += 1
            self.board.clear_errors()
        self.coming = None

    def reset(self) -> None:
        """A reset has forgotten what was on its way: all is loaded anew."""
        self.coming = None
        self._load(self.sets[0][1])
        self.model = self.sets[0][0]


def packets_of(random, design, mode: str, count: int) -> list[np.ndarray]:
    """Raw frames of each packet."""
    low, high = design.input_format.minimum, design.input_format.maximum
    lengths = [1] * count if mode == "frame" else random.integers(1, LONGEST + 1, count)
    return [random.integers(low, high + 1, (n, design.inputs)) for n in lengths]


def wrong_words(loads: Loads | None, model, mode, streams, given, got) -> int:
    """Words that are not those of the model; with an image on its way, of its weights from one packet on."""
    wanted = expected(model, mode, streams, given)
    if loads is None or loads.coming is None:
        return sum(_different(*pair) for pair in zip(got, wanted, strict=True))
    after = expected(loads.coming, mode, streams, given)
    if mode != "sequence":  # all frames are of sequences that started before or behind the switch
        wanted, after = ([np.concatenate(each)] for each in (wanted, after))
        got = [np.concatenate(got)]
    switched, wrong = False, 0
    for y, old, new in zip(got, wanted, after, strict=True):
        for s in range(min(streams, len(y))):
            turn = slice(s, None, streams)
            differs = _different(y[turn], old[turn])
            if switched or differs:
                switched = True
                wrong += _different(y[turn], new[turn])
    return wrong


def _different(raw, y) -> int:
    return y.size if raw.shape != y.shape else int((raw != y).sum())


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
    parser.add_argument(
        "--banks", type=int, default=0, choices=(0, 1, 2), help="of weights that load; 0: fixed"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path)
    args = parser.parse_args(arguments)
    random, design = np.random.default_rng(args.seed), soak_design()
    if args.banks:
        design = design.with_weights("loadable", args.banks)
    system, model = system_description(design, BUS), integer_model(design)
    transport = simulated_board(design, BUS, Traffic(0.2, 0.2, args.seed))
    board = Board(transport, system)
    loads = Loads(board, design, random) if args.banks else None
    frames = packets = mismatches = resets = written = 0
    start = time.perf_counter()

    def record() -> dict:
        """What has been done, which is written too."""
        made = {
            "environment": environment(), "seed": args.seed, "frames": frames, "packets": packets, "cycles": transport.cycles,
            "resets": resets, "mismatches": mismatches, "errors": list(board.status().errors),
            "seconds": round(time.perf_counter() - start, 1), "banks": args.banks, "weights": loads.done if loads else None,
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
        if loads:
            loads.between()
            model = loads.model
        for name, value in (("PACKET", MODES[mode]), ("STREAMS", streams)):
            board._keep(name, value)
        board._trigger("start")
        if loads:
            loads.during()
        sizes = [len(p) * system.output_bytes for p in given]
        got = transport.exchange([pack(p, system) for p in given], sizes, 0)
        raw = [unpack(data, system) for data in got]
        mismatches += wrong_words(loads, model, mode, streams, given, raw)
        if loads:
            loads.after()
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
            if loads:
                loads.reset()
    result = record()
    print(json.dumps(result))
    taken = bool(loads and loads.done["wrongly_taken"])
    return 1 if result["mismatches"] or result["errors"] or taken else 0


if __name__ == "__main__":
    leave(lambda: main(sys.argv[1:]))
