"""The cycle model: when each operation of the program is issued, and what follows from it.

The sequencer decides between passes which one is next, and issues its operations in order, each as
soon as what it needs is there; everything behind the issue has a fixed latency
(`ernn_myhdl.rtl.core.latencies.latencies`). So the cycle of every event follows from the program by a recurrence
without free parameters (`ernn_myhdl.rtl.cycles.issue`). The simulation agrees with it to the cycle as long as tvalid of
x and tready of y are high.

Cycle 0 is that in which the first beat of the first frame is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Hardware, Structure
from ernn_myhdl.errors import DesignError
from ernn_myhdl.program.program import SOURCES, Program, program_for
from ernn_myhdl.rtl.core.latencies import latencies
from ernn_myhdl.rtl.cycles.issue import Frame, IssueRun, Sequencer, input_beats
from ernn_myhdl.rtl.cycles.state_schedule import StateTimes

#: Frames that are computed to reach the steady state, to measure over, and to keep it up meanwhile.
WARM_UP, MEASURED, AFTER = 6, 6, 6


@dataclass(frozen=True)
class Event:
    """A unit is busy with a frame from cycle `start` to before cycle `stop`."""

    unit: str
    frame: int
    start: int
    stop: int
    label: str


@dataclass(frozen=True)
class FrameTimes:
    """Cycles of one frame of `stream`.

    accepted: first beat. blocks: blocks of x are cut. runs: passes issued together. heads: per pass, its first
    rows at the drain's head. cells: per group, cell outputs are there. outputs: per group of y.
    beats: delivered on m_axis.
    """

    stream: int
    accepted: int
    blocks: tuple[int, ...]
    runs: tuple[IssueRun, ...]
    heads: tuple[int, ...]
    cells: tuple[int, ...]
    outputs: tuple[int, ...]
    beats: tuple[int, ...]

    @cached_property
    def issued(self) -> tuple[int, ...]:
        """Per operation of the program."""
        return tuple(np.concatenate([run.issued() for run in self.runs]).tolist())

    @property
    def delivered(self) -> int:
        return self.beats[-1]


@dataclass(frozen=True)
class Schedule:
    """Times of several frames, sent back to back, one sequence on each of `streams` streams in turn.

    latency: cycles from the first beat of x accepted to the last beat of y delivered, for the first
    frame, which finds the core idle; with one stream, no other frame delays it.
    interval: cycles between frames in steady state.
    """

    design: Structure
    streams: int
    frames: tuple[FrameTimes, ...]
    latency: int
    interval: float

    @property
    def program(self) -> Program:
        return program_for(self.design)

    def events(self, frames: int = 3) -> list[Event]:
        """What each unit does in the first frames, for the Gantt plot."""
        return [e for f in range(min(frames, len(self.frames))) for e in self._events_of(f)]

    def _events_of(self, frame: int) -> list[Event]:
        t, program = self.frames[frame], self.program
        time = latencies(self.design)
        events = [Event("input", frame, t.blocks[0], t.blocks[-1] + 1, "x")]
        start = None
        second = self.design.cell.second_phase
        for i, operation in enumerate(program.operations):
            if start is None:
                start = t.issued[i]
            following = program.operations[i + 1] if i + 1 < program.length else None
            if (
                following is None
                or following.source != operation.source
                or operation.last
                or t.issued[i + 1] != t.issued[i] + 1
            ):
                label = SOURCES[operation.source]
                unit = second if second and i >= program.gate_length else "lanes"
                events.append(Event(unit, frame, start, t.issued[i] + 1, label))
                start = None
        passes = [(i, o) for i, o in enumerate(program.operations) if o.last]
        for head, (place, operation) in zip(t.heads, passes, strict=True):
            label = "gates" if place < program.gate_length else "y"
            events.append(Event("drain", frame, head, head + operation.chunks + 1, label))
        for done in t.cells:
            events.append(
                Event("element-wise", frame, done - time.rows_to_cells, done + 1, "cells")
            )
        if self.design.cell.second_phase == "candidate":
            wait = time.rows_to_output
            events += [
                Event("element-wise", frame, done - wait, done + 1, "state") for done in t.outputs
            ]
        events.append(Event("output", frame, t.beats[0], t.beats[-1] + 1, "y"))
        return events

    def utilisation(self) -> dict[str, float]:
        """Part of the cycles in which each unit works in steady state, 0 to 1."""
        program, design = self.program, self.design
        drained = sum(o.chunks + 1 for o in program.operations if o.last)
        beats = len(self.frames[0].beats)
        work = {
            "lanes": program.length,
            "drain": drained,
            "element-wise": program.cell_groups,
            "input": max(design.cell.input_blocks, input_beats(design.cell, design.hardware)),
            "output": beats,
        }
        if second := design.cell.second_phase:
            work[second] = program.length - program.gate_length
        return {unit: busy / self.interval for unit, busy in work.items()}

    @property
    def bottleneck(self) -> str:
        """What bounds the interval: a unit that is always busy, or the recurrence through y."""
        unit, share = max(self.utilisation().items(), key=lambda item: item[1])
        if share > 0.999:
            return unit
        return "recurrence through y" if self.design.cell.recurrent else "frames in flight"


def frame_times_of(frame: Frame) -> FrameTimes:
    """The cycles of a frame of the sequencer's."""
    heads = np.concatenate(frame.heads)
    arrays = (frame.cells, frame.outputs, frame.beats)
    return FrameTimes(
        frame.stream,
        frame.accepted,
        tuple(frame.blocks.tolist()),
        tuple(frame.runs),
        tuple(heads.tolist()),
        *(tuple(a.tolist()) for a in arrays),
    )


def frame_times(
    design: Structure,
    streams: Sequence[int],
    arrivals: Sequence[Sequence[int]] | None = None,
    loaded: Sequence[bool] | None = None,
) -> tuple[FrameTimes, ...]:
    """Times of frames on the given streams.

    arrivals: cycles of the beats of each frame on s_axis; None: as fast as the core takes them.
    loaded: of each frame, whether it is the first of a sequence that starts from a state on s_state.
    """
    states = StateTimes(design, streams, loaded) if loaded and any(loaded) else None
    frames = Sequencer(design.cell, design.hardware, streams, arrivals, states).run()
    return tuple(frame_times_of(f) for f in frames)


@dataclass(frozen=True)
class Cycles:
    """`Schedule.latency` and `Schedule.interval`, with what they were computed from."""

    frames: tuple[Frame, ...]
    latency: int
    interval: float


def layer_cycles(cell: Cell, hardware: Hardware, streams: int = 1) -> Cycles:
    """Cycles of a cell on its hardware, for sequences on `streams` streams that take turns."""
    if not 1 <= streams <= hardware.streams:
        raise DesignError(
            f"streams = {streams}: must be 1 to {hardware.streams}, the streams of the design"
        )
    # a whole number of turns in each part
    warm_up, measured, after = (-(-n // streams) * streams for n in (WARM_UP, MEASURED, AFTER))
    turns = [i % streams for i in range(warm_up + measured + after)]
    frames = Sequencer(cell, hardware, turns, None).run()
    delivered = [int(f.beats[-1]) for f in frames]
    span = delivered[warm_up + measured - 1] - delivered[warm_up - 1]
    return Cycles(tuple(frames), delivered[0] - frames[0].accepted, span / measured)


@lru_cache(maxsize=64)
def schedule_for(design: Structure, streams: int = 1) -> Schedule:
    """The schedule of `design` for sequences on `streams` streams that take turns."""
    cycles = layer_cycles(design.cell, design.hardware, streams)
    frames = tuple(frame_times_of(f) for f in cycles.frames)
    return Schedule(design, streams, frames, cycles.latency, cycles.interval)
