"""What engines share that run the delivered test bench: its vectors, and its log of transfers with their cycles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ernn_myhdl.convert.test_bench import bench_file, has_loader, state_lines, vector_lines
from ernn_myhdl.convert.vhdl_bench import INPUT, STATES
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.streams.frame_counts import frame_starts, output_turns
from ernn_myhdl.streams.initial_states import CoreState
from ernn_myhdl.streams.traffic import (
    Traffic,
    Turn,
    beats_of_frame,
    places,
    unpack_beat,
)

#: Raw outputs (frames, outputs), and for each frame the cycle of its first beat accepted and of its last delivered.
Transfers = tuple[np.ndarray, np.ndarray, np.ndarray]


def write_vectors(
    design: CoreSpecification,
    name: str,
    sequences: Sequence[np.ndarray],
    traffic: Traffic,
    states: Sequence[CoreState | None],
    folder: Path,
) -> None:
    """Write what the bench of the core `name` reads: the beats of x and of initial states."""
    (folder / bench_file(name, INPUT)).write_text(vector_lines(sequences, design, traffic, states))
    if has_loader(design):
        lengths = [len(s) for s in sequences]
        states = states or [None] * len(sequences)
        lines = state_lines(design, states, lengths, traffic)
        (folder / bench_file(name, STATES)).write_text(lines)


def parameters(design: CoreSpecification, traffic: Traffic, frames: int) -> dict[str, object]:
    """Parameters of the bench for a run that compares nothing; it loads no weights."""
    given: dict[str, object] = {
        "FRAMES": frames,
        "IDLE_PERCENT": round(100 * traffic.idle),
        "STALL_PERCENT": round(100 * traffic.stall),
        "SEED": traffic.seed + 1,
    }
    return given | ({"LOAD_AFTER": 0} if design.layers[0].hardware.loadable else {})


def read_log(
    log: str, design: CoreSpecification, turns: Sequence[Turn], lengths: Sequence[int]
) -> Transfers:
    """The transfers of a log, in the order in which frames leave the core. turns, lengths: of x."""
    accepted, delivered, rows, row = [], [], [], []
    beats_in = beats_of_frame(design.inputs, design.stream_shape.samples_per_beat)
    for line in log.splitlines():
        kind, cycle, *rest = line.split()
        if kind == "s":
            accepted.append(int(cycle))
        elif kind == "m":
            *_, last, data = rest
            row += unpack_beat(int(data, 16), design)
            if last == "1":
                rows.append(row[: design.outputs])
                delivered.append(int(cycle))
                row = []
    starts = frame_starts(
        design, turns, lengths, accepted[::beats_in], output_turns(design, turns, lengths)
    )
    return (
        np.array(rows, dtype=np.int64),
        np.array(starts, dtype=np.int64),
        np.array(delivered, dtype=np.int64),
    )


def result_of(job: Job, transfers: Transfers, preparation_seconds: float) -> EngineResult:
    """The result of a job, in the order of its sequences. preparation_seconds: before the first cycle."""
    raw, accepted, delivered = transfers
    if job.progress:
        job.progress(job.frames, 0)
    cycles = np.array([accepted, delivered], dtype=np.int64).T
    order = np.argsort(places(job.output_turns, job.output_lengths))
    return EngineResult(
        raw[order],
        frame_cycles=cycles[order],
        cycles=int(cycles[-1, 1]) + 1,
        preparation_seconds=preparation_seconds,
    )
