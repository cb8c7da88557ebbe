"""The cycle model: when each operation of the program is issued, and what follows from it.

The sequencer decides between passes which one is next, and issues its operations in order, each as
soon as what it needs is there; everything behind the issue has a fixed latency
(`ernn_myhdl.rtl.top.latencies`). So the cycle of every event follows from the program by a recurrence
without free parameters. The simulation agrees with it to the cycle as long as s_axis_tvalid and
m_axis_tready are high.

Cycle 0 is that in which the first beat of the first frame is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ernn_myhdl.design import Design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.program import SOURCES, Operation, Program, X, program_for
from ernn_myhdl.rtl import sequencer, stream
from ernn_myhdl.rtl.top import Latencies, latencies
from ernn_myhdl.state_schedule import StateTimes

#: Cycle of what has not happened yet.
NEVER = 1 << 60
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

    accepted: first beat. blocks: blocks of x are cut. issued: per operation of the program. heads: per pass, its first
    rows at the drain's head. cells: per group, cell outputs are there. outputs: per group of y.
    beats: delivered on m_axis.
    """

    stream: int
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
    """Times of several frames, sent back to back, one sequence on each of `streams` streams in turn.

    latency: cycles from the first beat of x accepted to the last beat of y delivered, for the first
    frame, which finds the core idle; with one stream, no other frame delays it.
    interval: cycles between frames in steady state.
    """

    design: Design
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
                unit = self.design.cell.second_phase if i >= program.gate_length else "lanes"
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
            "input": max(design.cell.input_blocks, input_beats(design)),
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


def input_beats(design: Design) -> int:
    """Beats of a frame of x."""
    return -(-design.cell.inputs // design.hardware.samples_per_beat)


def _cut_blocks(design: Design, ready: int, arrivals: Sequence[int]) -> tuple[list[int], list[int]]:
    """Cycles in which the beats of a frame are taken from the FIFO and its blocks are cut.

    ready: first cycle in which the frame may be cut. arrivals: of its beats on s_axis.
    """
    blocks, k, size = (
        design.cell.input_blocks,
        design.cell.x_block,
        design.hardware.samples_per_beat,
    )
    taken: list[int] = []
    cut: list[int] = []
    for arrival in arrivals:
        ready = max(ready, arrival + stream.FIFO_LATENCY)
        if size >= k:  # several blocks a beat, one a cycle
            parts = min(size // k, blocks - len(cut))
            cut += range(ready, ready + parts)
            ready += parts - 1
        taken.append(ready)
        if size < k and (len(taken) % (k // size) == 0 or len(taken) == len(arrivals)):
            cut.append(ready)
        ready += 1
    return taken, cut


class _Frame:
    """What is known of a frame so far; see `FrameTimes`."""

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self.accepted = 0
        self.blocks: list[int] = []
        self.issued: list[np.ndarray] = []
        self.heads: list[int] = []
        self.cells: list[int] = []
        self.m_written: list[int] = []
        self.outputs: list[int] = []
        self.beats: list[int] = []
        self.x_released = self.released = NEVER


class _Sequencer:
    """The decisions of `ernn_myhdl.rtl.sequencer`, pass by pass instead of cycle by cycle."""

    def __init__(
        self,
        design: Design,
        streams: Sequence[int],
        arrivals: Sequence[Sequence[int]] | None,
        loaded: Sequence[bool] | None = None,
    ) -> None:
        self.states = StateTimes(design, streams, loaded or [False] * len(streams))
        self.arrivals = arrivals or [[0] * input_beats(design)] * len(streams)
        self.design, self.program = design, program_for(design)
        self.time: Latencies = latencies(design)
        self.frames = [_Frame(stream) for stream in streams]
        self.next_cut = stream.FIFO_LATENCY
        self.last_issue = -1
        self.drain_free = 0
        self.next_beat = 0
        #: Of every stream, the cycles in which the groups of its latest y are written.
        self.y_written = {s: np.full(self.program.output_groups, -1) for s in set(streams)}
        operations, base = self.program.operations, self.program.gate_length
        self.gate_passes = _passes(operations[:base])
        self.second_passes = _passes(operations[base:])

    def run(self) -> tuple[FrameTimes, ...]:
        """Issue every pass of every frame."""
        gates = [(f, p) for f in range(len(self.frames)) for p in self.gate_passes]
        rows = [(f, p) for f in range(len(self.frames)) for p in self.second_passes]
        passes = len(self.gate_passes), len(self.second_passes)
        done = [0, 0]  # passes of the first, of the second phase
        while done[0] < len(gates) or done[1] < len(rows):
            owed = passes[1] and done[0] // passes[0] > done[1] // passes[1]
            at = self.last_issue + 1
            gate_at = (
                self._gates_begin(*gates[done[0]], at, owed) if done[0] < len(gates) else NEVER
            )
            complete, ready = self._second_begins(*rows[done[1]], at) if owed else (NEVER, NEVER)
            if complete <= gate_at or ready < gate_at:
                self._issue_second(*rows[done[1]], ready)
                done[1] += 1
            else:
                self._issue_gates(*gates[done[0]], gate_at)
                done[0] += 1
        return tuple(_frame_times(f) for f in self.frames)

    def _gates_begin(self, number: int, ops: _Pass, at: int, owed: bool) -> int:
        """First cycle from `at` on in which a gate pass may begin."""
        frame, pages = self.frames[number], self.design.hardware.frames_in_flight
        needs_x, needs_y = owed and ops.start, owed and ops.start
        if self.design.cell.split:  # a pass of x needs x, one of y needs y
            needs_y = owed and ops.reads_y
        if ops.start and not frame.blocks:
            ready = self.next_cut
            if number >= 2:
                released = self.frames[number - 2].x_released
                if released == NEVER:
                    return NEVER
                ready = max(ready, released + sequencer.ISSUE_LATENCY + 1)
            ready = max(ready, self.states.ready(number))
            arrivals = self.arrivals[number]
            taken, frame.blocks = _cut_blocks(self.design, ready, arrivals)
            begun = min(frame.blocks[0], taken[0])  # the first beat has reached the FIFO's head
            frame.accepted = max(arrivals[0], begun - stream.FIFO_LATENCY)
            self.next_cut = taken[-1] + 1
        if ops.start:
            at = max(at, frame.blocks[0] + self.time.block_to_issue)
            if number >= pages:
                at = max(at, self.frames[number - pages].released + 1)
        if needs_x:
            at = max(at, frame.blocks[-1] + self.time.block_to_issue)
        if needs_y:
            if self._awaited_y(number):
                return NEVER
            at = max(at, int(self.y_written[frame.stream][-1]) + 1)
        return at

    def _awaited_y(self, number: int) -> bool:
        """Whether the previous frame of the stream still waits for its second phase."""
        stream = self.frames[number].stream
        before = [f for f in self.frames[:number] if f.stream == stream]
        return bool(before) and not before[-1].beats

    def _second_begins(self, number: int, ops: _Pass, at: int) -> tuple[int, int]:
        """Cycles in which m is complete, and in which the first operation may be issued."""
        written = self.frames[number].m_written
        ready = max(at, written[ops.need[0] - 1] + 1) if ops.need[0] else at
        if ops.length == 1:
            ready = max(ready, self.drain_free)
        return max(at, written[-1] + 1), ready

    def _issue(self, ops: _Pass, needed: np.ndarray, at: int) -> np.ndarray:
        """Issue a pass from `at` on; needed: first possible cycle of each operation."""
        steps = np.arange(ops.length)
        issued = np.maximum.accumulate(np.maximum(needed - steps, at)) + steps
        issued[-1] = max(issued[-1], self.drain_free)
        self.last_issue = int(issued[-1])
        self.drain_free = self.last_issue + ops.chunks + 1
        return issued

    def _issue_gates(self, number: int, ops: _Pass, at: int) -> None:
        frame, program, time = self.frames[number], self.program, self.time
        inputs = ops.inputs
        needed = np.empty(ops.length, dtype=np.int64)
        needed[:inputs] = np.array(frame.blocks[:inputs]) + time.block_to_issue
        needed[inputs:] = self.y_written[frame.stream][ops.need[inputs:] - 1] + 1
        issued = self._issue(ops, needed, at)
        frame.issued.append(issued)
        head = self.last_issue + time.issue_to_head
        frame.heads.append(head)
        if not self.design.cell.second_reads_x:
            self._release_x(frame, ops, issued)
        if ops.part:
            return
        # groups of cells whose last chunk leaves the drain in this pass
        hw = self.design.hardware
        per_group = len(self.design.cell.rows) * hw.element_width // hw.ifft_units
        before = self.gate_passes[: len(frame.heads)]
        chunks = sum(p.chunks + 1 for p in before if not p.part)
        first = chunks - (ops.chunks + 1)
        while len(frame.cells) < program.cell_groups:
            final = min((len(frame.cells) + 1) * per_group, program.gate_chunks) - 1
            if final >= chunks:
                break
            row = head + final - first + time.head_to_rows
            frame.cells.append(row + time.rows_to_cells)
        frame.m_written = [done + time.forward_m for done in frame.cells]
        if len(frame.cells) == program.cell_groups:
            self.states.used(number, frame.cells[-1])
        if not self.second_passes and len(frame.heads) == len(self.gate_passes):
            self._deliver(frame, frame.cells)

    def _issue_second(self, number: int, ops: _Pass, at: int) -> None:
        frame, time = self.frames[number], self.time
        needed = np.array([-1, *frame.m_written])[ops.need] + 1
        issued = self._issue(ops, needed, at)
        frame.issued.append(issued)
        if self.design.cell.second_reads_x:
            self._release_x(frame, ops, issued)
        head = self.last_issue + time.issue_to_head
        frame.heads.append(head)
        if ops.part:
            return
        done = head + time.head_to_second + time.rows_to_output
        frame.outputs += range(done, done + ops.chunks + 1)
        if len(frame.outputs) == self.program.output_groups:
            self._deliver(frame, frame.outputs)

    @staticmethod
    def _release_x(frame: _Frame, ops: _Pass, issued: np.ndarray) -> None:
        if ops.x_done is not None:
            frame.x_released = int(issued[ops.x_done])

    def _deliver(self, frame: _Frame, outputs: list[int]) -> None:
        """All of a frame's y is known: its spectra, its beats, the release of its page."""
        frame.outputs = outputs
        self.y_written[frame.stream] = np.array(outputs) + self.time.forward_y
        size = self.design.hardware.samples_per_beat
        group = self.program.output_width * self.design.cell.tile
        at = self.next_beat
        for beat in range(-(-self.design.cell.outputs // size)):
            last = min(((beat + 1) * size - 1) // group, len(outputs) - 1)
            at = max(at, outputs[last] + 1)
            frame.beats.append(at + self.time.beat_to_output)
            at += 1
        self.next_beat = frame.released = at


@dataclass(frozen=True)
class _Pass:
    """Operations of one pass: groups needed of the source of each, and what its last one does.

    x_done: place of the last operation that reads x, if it is in this pass. inputs: operations that read
    x, which come first. part: its rows are added to those of the next pass.
    """

    need: np.ndarray
    chunks: int
    start: bool
    x_done: int | None
    inputs: int
    part: bool

    @property
    def reads_y(self) -> bool:
        """Whether it reads more than x."""
        return self.inputs < self.length

    @property
    def length(self) -> int:
        return len(self.need)


def _passes(operations: Sequence[Operation]) -> list[_Pass]:
    passes, first = [], 0
    for i, operation in enumerate(operations):
        if operation.last:
            part = operations[first : i + 1]
            done = next((j for j, o in enumerate(part) if o.x_done), None)
            need = np.array([o.need for o in part])
            inputs = sum(o.source == X for o in part)
            passes.append(
                _Pass(need, operation.chunks, part[0].start, done, inputs, operation.part)
            )
            first = i + 1
    return passes


def _frame_times(frame: _Frame) -> FrameTimes:
    return FrameTimes(
        frame.stream,
        frame.accepted,
        tuple(frame.blocks),
        tuple(np.concatenate(frame.issued).tolist()),
        tuple(frame.heads),
        tuple(frame.cells),
        tuple(frame.outputs),
        tuple(frame.beats),
    )


def frame_times(
    design: Design,
    streams: Sequence[int],
    arrivals: Sequence[Sequence[int]] | None = None,
    loaded: Sequence[bool] | None = None,
) -> tuple[FrameTimes, ...]:
    """Times of frames on the given streams.

    arrivals: cycles of the beats of each frame on s_axis; None: as fast as the core takes them.
    loaded: of each frame, whether it is the first of a sequence that starts from a state on s_state.
    """
    return _Sequencer(design, streams, arrivals, loaded).run()


@lru_cache(maxsize=64)
def schedule_for(design: Design, streams: int = 1) -> Schedule:
    """The schedule of `design` for sequences on `streams` streams that take turns."""
    if not 1 <= streams <= design.hardware.streams:
        raise DesignError(
            f"streams = {streams}: must be 1 to {design.hardware.streams}, the streams of the design"
        )
    # a whole number of turns in each part
    warm_up, measured, after = (-(-n // streams) * streams for n in (WARM_UP, MEASURED, AFTER))
    frames = frame_times(design, [i % streams for i in range(warm_up + measured + after)])
    span = frames[warm_up + measured - 1].delivered - frames[warm_up - 1].delivered
    latency = frames[0].delivered - frames[0].accepted
    return Schedule(design, streams, frames, latency, span / measured)
