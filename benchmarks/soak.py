"""Soak of the compiled engine: random streams, gaps, back-pressure, broken frames and resets.

    python -m benchmarks.soak [--frames 20000] [--seed 1] [--from verilog] [--json FILE]

A mid-size core of several streams takes random beats in runs of some hundred frames, each with its own
probabilities of gaps and back-pressure, frames of wrong length now and then, and resets at random
cycles, most of them inside a frame. Between two resets, every beat that is delivered must be what the
model of the framing (`ernn_myhdl.streams.framing`) and the integer model make of the beats that were accepted.
A run that hangs is stopped by the liveness limit, which prints where the sequencer stands. Exits with 1
on a mismatch.
"""

# ruff: noqa: E402 (the environment comes before numpy)
from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read once, when numpy is imported
    os.environ.setdefault(variable, "1")

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.design.design import Design
from ernn_myhdl.engines.simulation_record import SimulationRecord
from ernn_myhdl.engines.verilator.build import build
from ernn_myhdl.engines.verilator.run import CompiledCore
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.streams.framing import framed
from ernn_myhdl.streams.traffic import Beat, Traffic, frame_beats, turn_beats

#: Frames of one run, and what may happen to a frame.
RUN_FRAMES = 400
BROKEN, NEW_SEQUENCE = 0.02, 0.15
#: Mean cycles between two resets, in frames.
FRAMES_PER_RESET = 40


def soak_design() -> Design:
    """LSTM of 24 inputs, 64 cells with peepholes and a projection to 32; 16 lanes, 4 streams."""
    return new_design(
        24, 64, 32, 8, True, lanes=16, ifft_units=8, element_width=2, samples_per_beat=8, streams=4,
        name="soak",
    )  # fmt: skip


def random_beats(rng: np.random.Generator, design: Design, frames: int) -> list[Beat]:
    """Frames of all streams in random order; some begin a sequence, some are broken."""
    fmt, streams = design.formats.input, design.hardware.streams
    beats: list[Beat] = []
    for raw in rng.integers(fmt.minimum, fmt.maximum + 1, (frames, design.cell.inputs)):
        stream = int(rng.integers(streams))
        frame = frame_beats(raw, design, bool(rng.random() < NEW_SEQUENCE), stream)
        if rng.random() < BROKEN:
            kind = rng.integers(3)
            if kind == 0:  # ends early
                frame = frame[: int(rng.integers(1, len(frame) + 1))]
                frame[-1] = Beat(frame[-1].data, True, frame[-1].user, stream)
            elif kind == 1:  # no tlast
                frame[-1] = Beat(frame[-1].data, False, frame[-1].user, stream)
            else:  # beats of the frame are missing at its end
                frame = frame[: int(rng.integers(1, len(frame) + 1))]
        beats += frame
    raw = rng.integers(fmt.minimum, fmt.maximum + 1, (1, design.cell.inputs))
    return beats + frame_beats(raw[0], design, True, 0)  # ends what is unfinished


def check(record: SimulationRecord, resets: list[int], design: Design) -> Counter:
    """Compare a run epoch by epoch; counts of what was seen. AssertionError on a difference."""
    seen: Counter = Counter()
    borders = [-1, *resets, record.cycles + 1]
    model = IntegerModel(design)
    for start, stop in zip(borders[:-1], borders[1:], strict=True):
        accepted = [b for cycle, b in record.accepted if start < cycle < stop]
        delivered = [b for cycle, b in record.delivered if start < cycle < stop]
        meaning = framed(accepted, design, cut=True)
        raw = [np.array(s, dtype=np.int64) for s in meaning.sequences if s]
        # a sequence whose only frame was cut off by the reset has no frames
        place = np.cumsum([bool(s) for s in meaning.sequences]) - 1
        turns = [type(t)(int(place[t.sequence]), t.frame, t.stream) for t in meaning.turns]
        outputs = [run.raw for run in model.run(raw)] if raw else []
        expected = turn_beats(outputs, turns, design)
        if delivered != expected[: len(delivered)]:
            at = next(i for i, b in enumerate(delivered) if i >= len(expected) or b != expected[i])
            raise AssertionError(f"beat {at} after the reset in cycle {start} differs")
        seen["frames"] += sum(b.last for b in delivered)
        seen["words"] += len(delivered) * design.hardware.samples_per_beat
        seen["sequences"] += len(raw)
        seen["broken"] += meaning.error
        seen["resets inside a frame"] += start >= 0 and len(delivered) < len(expected)
    seen["resets"] += len(resets)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20000, help="delivered in all (20000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="source", choices=("verilog", "vhdl"), default="verilog")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    design = soak_design()
    made = build(design, arguments.source, lambda step: print(f"{step} ...", file=sys.stderr))
    seen: Counter = Counter()
    number, cycles, seconds = 0, 0, 0.0
    with CompiledCore(design, made.library) as core:
        while seen["frames"] < arguments.frames:
            rng = np.random.default_rng([arguments.seed, number])
            idle, stall = (float(p) for p in rng.choice([0.0, 0.2, 0.5, 0.8], 2))
            traffic = Traffic(idle, stall, seed=number)
            beats = random_beats(rng, design, RUN_FRAMES)
            span = 60 * RUN_FRAMES
            count = RUN_FRAMES // FRAMES_PER_RESET if number % 4 else 0
            resets = sorted({int(c) for c in rng.integers(1, span, count)})
            start = time.perf_counter()
            # without resets the run ends by itself; with them what is lost is not known before
            frames = len(framed(beats, design, cut=True).turns)
            most = None if not resets else span + 40 * RUN_FRAMES
            record = core.simulate(
                beats, frames, traffic, stages=False, reset_at=resets, most_cycles=most
            )
            seconds += time.perf_counter() - start
            cycles += record.cycles
            try:
                seen += check(record, resets, design)
            except AssertionError as error:
                print(f"soak: run {number}, seed {arguments.seed}: {error}", file=sys.stderr)
                return 1
            number += 1
            print(f"{seen['frames']} frames ...", file=sys.stderr, flush=True)
    rows = [*seen.items(), ("runs", number), ("cycles", cycles), ("mismatches", 0)]
    rows += [("cycles/s", round(cycles / seconds)), ("engine", f"verilator, {arguments.source}")]
    text = markdown(
        ("soak", "count"), [(n, f"{v:,}" if isinstance(v, int) else v) for n, v in rows]
    )
    report({"environment": environment(), "counts": dict(rows)}, text, arguments.json)
    return 0


if __name__ == "__main__":
    leave(main)
