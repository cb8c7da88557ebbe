"""The cycle model: when each operation of the program is issued, and what follows from it.

The sequencer issues the operations in order, each as soon as what it needs is there; everything behind
the issue has a fixed latency (`ernn_myhdl.rtl.top.latencies`). So the cycle of every event follows from
the program by a recurrence without free parameters. The simulation agrees with it to the cycle as long
as s_axis_tvalid and m_axis_tready are high.

Cycle 0 is that in which the first beat of the first frame is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ernn_myhdl.design import Design
from ernn_myhdl.program import SOURCES, M, Program, X, program_for
from ernn_myhdl.rtl import sequencer, stream
from ernn_myhdl.rtl.top import Latencies, latencies

#: Frames that are computed to reach the steady state and to measure over.
WARM_UP, MEASURED = 6, 6


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
    """Cycles of one frame.

    blocks: blocks of x are cut. issued: per operation of the program. heads: per pass, its first
    rows at the drain's head. cells: per group, cell outputs are there. outputs: per group of y.
    beats: delivered on m_axis.
    """

    accepted: int
    blocks: tuple[int, ...]
    issued: tuple[int, ...]
    heads: tuple[int, ...]
    cells: tuple[int, ...]
    outputs: tuple[int, ...]
    beats: tuple[int, ...]

    @property
    def delivered(self) -> int:
        return self.beats[-1]


@dataclass(frozen=True)
class Schedule:
    """Times of several frames of one sequence, sent back to back.

    latency: cycles from the first beat of x accepted to the last beat of y delivered, for a frame
    that finds the core idle. interval: cycles between frames in steady state.
    """

    design: Design
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
        for i, operation in enumerate(program.operations):
            begins = start is None
            if begins:
                start = t.issued[i]
            following = program.operations[i + 1] if i + 1 < program.length else None
            if (
                following is None
                or following.source != operation.source
                or operation.last
                or t.issued[i + 1] != t.issued[i] + 1
            ):
                label = SOURCES[operation.source]
                unit = "projection" if operation.source == M else "lanes"
                events.append(Event(unit, frame, start, t.issued[i] + 1, label))
                start = None
        passes = [o for o in program.operations if o.last]
        for head, operation in zip(t.heads, passes, strict=True):
            label = "y" if operation.source == M else "gates"
            events.append(Event("drain", frame, head, head + operation.chunks + 1, label))
        for done in t.cells:
            events.append(
                Event("element-wise", frame, done - time.rows_to_cells, done + 1, "cells")
            )
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
            "projection": sum(o.source == M for o in program.operations),
            "input": max(design.cell.input_blocks, _input_beats(design)),
            "output": beats,
        }
        return {unit: busy / self.interval for unit, busy in work.items()}

    @property
    def bottleneck(self) -> str:
        """What bounds the interval: a unit that is always busy, or the recurrence through y."""
        unit, share = max(self.utilisation().items(), key=lambda item: item[1])
        return unit if share > 0.999 else "recurrence through y"


def _input_beats(design: Design) -> int:
    return -(-design.cell.inputs // design.hardware.samples_per_beat)


def _cut_blocks(design: Design, ready: int) -> tuple[list[int], int]:
    """Cycles in which the blocks of a frame are cut, the first beat being usable at `ready`.

    Also the first cycle in which the next frame may be cut.
    """
    blocks, k, size = design.cell.input_blocks, design.cell.block, design.hardware.samples_per_beat
    if size >= k:
        return [ready + i for i in range(blocks)], ready + blocks
    beats, parts = _input_beats(design), k // size
    return [ready + min((i + 1) * parts, beats) - 1 for i in range(blocks)], ready + beats


class _Recurrence:
    """State carried from frame to frame."""

    def __init__(self, design: Design) -> None:
        self.design, self.program = design, program_for(design)
        self.time: Latencies = latencies(design)
        self.next_cut = stream.FIFO_LATENCY
        self.last_issue = -1
        self.drain_free = 0
        self.next_beat = 0
        self.y_written = [-1] * self.program.output_groups
        self.x_released: list[int] = []
        self.output_released: list[int] = []

    def frame(self) -> FrameTimes:
        program, time, design = self.program, self.time, self.design
        number = len(self.x_released)
        ready = self.next_cut
        if number >= 2:
            ready = max(ready, self.x_released[number - 2] + sequencer.ISSUE_LATENCY + 1)
        blocks, self.next_cut = _cut_blocks(design, ready)
        issued: list[int] = []
        heads: list[int] = []
        rows: list[int] = []  # cycles in which chunks of gate rows are at the drain's head
        y_rows: list[int] = []
        cells: list[int] = []
        m_written: list[int] = []
        chunks_per_group = 4 * design.hardware.element_width // design.hardware.ifft_units
        released = -1
        for operation in program.operations:
            at = self.last_issue + 1
            if operation.source == X:
                at = max(at, blocks[operation.index] + time.block_to_issue)
            elif operation.source == M:
                at = max(at, m_written[operation.need - 1] + 1)
            else:
                at = max(at, self.y_written[operation.need - 1] + 1)
            if operation.start and number >= 2:
                at = max(at, self.output_released[number - 2] + 1)
            if operation.last:
                at = max(at, self.drain_free)
                self.drain_free = at + operation.chunks + 1
                head = at + time.issue_to_head
                heads.append(head)
                chunks = range(head, head + operation.chunks + 1)
                if operation.source == M:
                    y_rows += chunks
                else:
                    rows += chunks
                    while len(cells) < program.cell_groups:
                        final = min((len(cells) + 1) * chunks_per_group, program.gate_chunks) - 1
                        if final >= len(rows):
                            break
                        done = rows[final] + time.head_to_rows + time.rows_to_cells
                        cells.append(done)
                        m_written.append(done + time.forward)
            if operation.x_done:
                released = at
            issued.append(at)
            self.last_issue = at
        self.x_released.append(released)
        if design.cell.projection:
            outputs = [at + time.head_to_rows + time.output_mask for at in y_rows]
        else:
            outputs = cells
        self.y_written = [at + time.forward for at in outputs]
        beats = self._beats(outputs)
        return FrameTimes(
            blocks[0] - stream.FIFO_LATENCY,
            tuple(blocks),
            tuple(issued),
            tuple(heads),
            tuple(cells),
            tuple(outputs),
            tuple(beats),
        )

    def _beats(self, outputs: list[int]) -> list[int]:
        design = self.design
        size = design.hardware.samples_per_beat
        group = self.program.output_width * design.cell.block
        beats = []
        at = self.next_beat
        for beat in range(-(-design.cell.outputs // size)):
            last = min(((beat + 1) * size - 1) // group, len(outputs) - 1)
            at = max(at, outputs[last] + 1)
            beats.append(at + self.time.beat_to_output)
            at += 1
        self.next_beat = at
        self.output_released.append(at)
        return beats


@lru_cache(maxsize=64)
def schedule_for(design: Design) -> Schedule:
    """The schedule of `design` for one sequence of frames sent as fast as the core takes them."""
    recurrence = _Recurrence(design)
    frames = tuple(recurrence.frame() for _ in range(WARM_UP + MEASURED))
    span = frames[-1].delivered - frames[WARM_UP - 1].delivered
    latency = frames[0].delivered - frames[0].accepted
    return Schedule(design, frames, latency, span / MEASURED)
