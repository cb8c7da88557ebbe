"""The cycle model pass by pass, as plain Python: what `ernn_myhdl.cycle_model.schedule` does several passes at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.design.design import Design
from ernn_myhdl.program.program import Operation, X, program_for
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.core.latencies import Latencies, latencies
from ernn_myhdl.rtl.cycles.issue import NEVER, cut_blocks, input_beats
from ernn_myhdl.rtl.cycles.state_schedule import StateTimes
from ernn_myhdl.rtl.sequencer import sequencer


class _Frame:
    """What is known of a frame so far; see `ernn_myhdl.cycle_model.schedule.FrameTimes`."""

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
    """The decisions of `ernn_myhdl.rtl.sequencer.sequencer`, pass by pass instead of cycle by cycle."""

    def __init__(
        self,
        design: Design,
        streams: Sequence[int],
        arrivals: Sequence[Sequence[int]] | None,
        loaded: Sequence[bool] | None = None,
    ) -> None:
        self.states = StateTimes(design, streams, loaded) if loaded and any(loaded) else None
        self.arrivals = arrivals or [[0] * input_beats(design.cell, design.hardware)] * len(streams)
        self.design, self.program = design, program_for(design)
        self.time: Latencies = latencies(design)
        self.frames = [_Frame(stream) for stream in streams]
        self.next_cut = fifo.FIFO_LATENCY
        self.last_issue = -1
        self.drain_free = 0
        self.next_beat = 0
        #: Of every stream, the cycles in which the groups of its latest y are written.
        self.y_written = {s: np.full(self.program.output_groups, -1) for s in set(streams)}
        operations, base = self.program.operations, self.program.gate_length
        self.gate_passes = _passes(operations[:base])
        self.second_passes = _passes(operations[base:])

    def run(self) -> list[_Frame]:
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
        return self.frames

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
            if self.states:
                ready = max(ready, self.states.ready(number))
            arrivals, size = self.arrivals[number], self.design.hardware.samples_per_beat
            taken, frame.blocks = cut_blocks(self.design.cell, size, ready, arrivals)
            begun = min(frame.blocks[0], taken[0])  # the first beat has reached the FIFO's head
            frame.accepted = max(arrivals[0], begun - fifo.FIFO_LATENCY)
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
        if ops.length == 1:
            at = max(at, self.drain_free)
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
        per_group = len(self.design.cell.rows) * hw.cell_blocks // hw.ifft_units
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
        if self.states and len(frame.cells) == program.cell_groups:
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


def times_pass_by_pass(
    design: Design,
    streams: Sequence[int],
    arrivals: Sequence[Sequence[int]] | None = None,
    loaded: Sequence[bool] | None = None,
) -> list[tuple]:
    """Of every frame: accepted, blocks, issued, heads, cells, outputs, beats."""
    frames = _Sequencer(design, streams, arrivals, loaded).run()
    return [
        (
            f.accepted, tuple(f.blocks), tuple(np.concatenate(f.issued).tolist()), tuple(f.heads),
            tuple(f.cells), tuple(f.outputs), tuple(f.beats),
        )
        for f in frames
    ]  # fmt: skip
