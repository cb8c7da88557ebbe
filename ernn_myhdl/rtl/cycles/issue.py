"""The recurrence behind the cycle model: when the passes of every frame are issued, and what follows.

It knows the cell and its hardware only: formats and weights have no part in the cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Hardware
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.program.program import Phase, Program, X, layer_program
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.core.latencies import Latencies, layer_latencies
from ernn_myhdl.rtl.cycles.state_schedule import StateTimes
from ernn_myhdl.rtl.sequencer import sequencer

#: Cycle of what has not happened yet.
NEVER = 1 << 60


@dataclass(frozen=True)
class IssueRun:
    """Passes of a phase issued one after the other: the cycles of the first one's operations, of which the last
    waits for the drain; of every pass, the cycle of its last operation."""

    first: np.ndarray
    lasts: np.ndarray

    def issued(self) -> np.ndarray:
        """Cycle of every operation; all but the last of a later pass follow the pass before directly."""
        steps = np.arange(1, len(self.first) + 1)
        later = self.lasts[:-1, None] + steps
        later[:, -1] = self.lasts[1:]
        return np.concatenate([self.first, later.ravel()])


def input_beats(cell: Cell, hardware: Hardware) -> int:
    """Beats of a frame of x."""
    return blocks_for(cell.inputs, hardware.samples_per_beat)


def cut_blocks(
    cell: Cell, size: int, ready: int, arrivals: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Cycles in which the beats of a frame are taken from the FIFO and its blocks are cut.

    size: samples in a beat. ready: first cycle in which the frame may be cut. arrivals: of its beats on
    s_axis.
    """
    cutting = Cutting(cell, size, ready)
    for arrival in arrivals:
        cutting.beat(arrival)
    return cutting.taken, cutting.cut


class Cutting:
    """`cut_blocks` beat by beat."""

    def __init__(self, cell: Cell, size: int, ready: int) -> None:
        self.blocks, self.points, self.size, self.ready = (
            cell.input_blocks,
            cell.x_block,
            size,
            ready,
        )
        self.beats = blocks_for(cell.inputs, size)
        self.taken: list[int] = []
        self.cut: list[int] = []

    def beat(self, arrival: int) -> None:
        """The next beat is accepted in cycle `arrival`."""
        size, k = self.size, self.points
        ready = max(self.ready, arrival + fifo.FIFO_LATENCY)
        if size >= k:  # several blocks a beat, one a cycle
            parts = min(size // k, self.blocks - len(self.cut))
            self.cut += range(ready, ready + parts)
            ready += parts - 1
        self.taken.append(ready)
        if size < k and (len(self.taken) % (k // size) == 0 or len(self.taken) == self.beats):
            self.cut.append(ready)
        self.ready = ready + 1


class Frame:
    """What is known of a frame so far; see `ernn_myhdl.cycle_model.schedule.FrameTimes`. Several cycles are an array."""

    def __init__(self, number: int, stream: int, before: Frame | None) -> None:
        self.number, self.stream = number, stream
        self.before = before  # the previous frame of the stream
        self.accepted = 0
        self.blocks = np.zeros(0, dtype=np.int64)  # of a frame that is not cut yet
        self.runs: list[IssueRun] = []
        self.lasts: list[np.ndarray] = []  # as in the runs, of the phase that is being issued
        self.heads: list[np.ndarray] = []
        self.cells = self.m_written = self.outputs = self.beats = np.zeros(0, dtype=np.int64)
        self.x_released = self.released = NEVER


class _Units:
    """What is issued of a phase without a decision in between: its passes, or of passes with parts those.

    needs, inputs: of each part, the groups needed of the source of every operation, and how many of them
    read x. grouped: of each pass its needs, where they are not the same in all of them.
    """

    def __init__(self, phase: Phase) -> None:
        self.chunks, self.parts = phase.chunks, len(phase.parts)
        self.count = phase.passes * self.parts
        self.grouped = [np.array([c[2] for c in columns]) for columns in phase.own]
        needs = np.array([column[2] for column in phase.columns], dtype=np.int64)
        ends = np.cumsum(phase.parts)
        self.needs = np.split(needs, ends[:-1])
        reads = np.split(
            np.array([column[0] == X for column in phase.columns], dtype=bool), ends[:-1]
        )
        self.inputs = [int(part.sum()) for part in reads]

    def together(self, begun: int) -> int:
        """Units from `begun` on that need nothing that was not there for the first."""
        return 1 if self.alone else self.count - begun

    @property
    def alone(self) -> bool:
        """Whether each unit waits for what it needs by itself."""
        return self.parts > 1 or bool(self.grouped)

    def needed(self, begun: int) -> np.ndarray:
        """Groups needed of the source of every operation of a unit."""
        return self.grouped[begun] if self.grouped else self.needs[begun % self.parts]

    def ends_x(self, begun: int, count: int) -> bool:
        """Whether the last operation of the phase that reads x is among so many units."""
        return begun <= self.count - self.parts < begun + count

    def whole(self, heads: np.ndarray) -> np.ndarray:
        """Of the heads of all units, those of whole rows."""
        return heads[self.parts - 1 :: self.parts]


class Sequencer:
    """The decisions of `ernn_myhdl.rtl.sequencer.sequencer`, several passes at a time instead of cycle by cycle.

    What a pass waits for has been there since the first pass of its phase, so the others follow it
    without a gap but for the drain. A second phase that is owed begins between two passes of the next
    frame's first phase; nothing else interrupts a phase. In a split cell the parts of the passes wait for x or y
    each by itself, and are issued one by one.
    """

    def __init__(
        self,
        cell: Cell,
        hardware: Hardware,
        streams: Sequence[int],
        arrivals: Sequence[Sequence[int]] | None,
        states: StateTimes | None = None,
    ) -> None:
        self.states = states
        self.cell, self.hardware = cell, hardware
        self.program: Program = layer_program(cell, hardware)
        self.time: Latencies = layer_latencies(cell, self.program.groups, hardware.cell_cycles)
        self.arrivals = arrivals
        waiting = [-fifo.FIFO_LATENCY] * input_beats(cell, hardware)
        at_once = cut_blocks(cell, hardware.samples_per_beat, 0, waiting)
        #: Cycles of `cut_blocks` of a frame that is there, from its first one.
        self.taken, self.cut = (np.array(cycles) for cycles in at_once)
        latest: dict[int, Frame] = {}
        self.frames: list[Frame] = []
        for place, number in enumerate(streams):
            self.frames.append(Frame(place, number, latest.get(number)))
            latest[number] = self.frames[-1]
        self.next_cut = fifo.FIFO_LATENCY
        self.last_issue = -1
        self.drain_free = 0
        self.next_beat = 0
        #: Of every stream, the cycles in which the groups of its latest y are written.
        self.y_written = {s: np.full(self.program.output_groups, -1) for s in latest}
        # what is the same for every frame
        program, hw = self.program, hardware
        self.per_pass = hw.lanes // hw.ifft_units
        self.first, self.second = _Units(program.first), _Units(program.second)
        self.steps = np.arange(max(len(n) for n in self.first.needs + self.second.needs))
        # chunk of a frame with which a group of cells is complete
        per_group = len(self.cell.rows) * hw.cell_blocks // hw.ifft_units
        groups = np.arange(1, program.cell_groups + 1)
        self.final = np.minimum(groups * per_group, program.gate_chunks) - 1
        # group of y that completes a beat
        size, group = hw.samples_per_beat, program.output_width * self.cell.tile
        self.beats = np.arange(blocks_for(self.cell.outputs, size))
        self.beat_groups = np.minimum(
            ((self.beats + 1) * size - 1) // group, program.output_groups - 1
        )

    def run(self) -> list[Frame]:
        """Issue every pass of every frame."""
        frames, first, second = self.frames, self.first, self.second
        gates = seconds = 0  # frames whose first, whose second phase is issued
        begun = second_begun = 0  # units of the phases of the frames `gates`, `seconds`
        while gates < len(frames) or (second.count and seconds < len(frames)):
            owed = bool(second.count) and gates > seconds
            at = self.last_issue + 1
            gate_at = self._gates_begin(gates, begun, at, owed) if gates < len(frames) else NEVER
            complete = ready = NEVER
            if owed:
                complete, ready = self._second_begins(frames[seconds], second_begun, at)
            if complete <= gate_at or ready < gate_at:
                count = second.together(second_begun)
                self._issue_second(frames[seconds], second_begun, count, ready)
                second_begun += count
                if second_begun == second.count:
                    self._end_second(frames[seconds])
                    seconds, second_begun = seconds + 1, 0
                continue
            count = 1 if owed else first.together(begun)
            self._issue_gates(frames[gates], begun, count, gate_at)
            begun += count
            if begun == first.count:
                self._end_gates(frames[gates])
                gates, begun = gates + 1, 0
        return frames

    def _gates_begin(self, number: int, begun: int, at: int, owed: bool) -> int:
        """First cycle from `at` on in which the next pass of the first phase may begin."""
        frame, pages = self.frames[number], self.hardware.frames_in_flight
        needs_y = owed and not begun
        if self.cell.split:  # a pass of x needs x, one of y needs y
            part = begun % self.first.parts
            needs_y = owed and self.first.inputs[part] < len(self.first.needs[part])
        if not begun:
            if not len(frame.blocks) and not self._cut(frame, number):
                return NEVER
            at = max(at, int(frame.blocks[0]) + self.time.block_to_issue)
            if number >= pages:
                at = max(at, self.frames[number - pages].released + 1)
            if owed:
                at = max(at, int(frame.blocks[-1]) + self.time.block_to_issue)
        if needs_y:
            if frame.before is not None and not len(frame.before.outputs):
                return NEVER  # the previous frame of the stream still waits for its second phase
            at = max(at, int(self.y_written[frame.stream][-1]) + 1)
        if len(self.first.needed(begun)) == 1:  # its one operation waits for the drain
            at = max(at, self.drain_free)
        return at

    def _cut(self, frame: Frame, number: int) -> bool:
        """The blocks of x of a frame; False as long as there is no page for them."""
        ready = self.next_cut
        if number >= 2:
            released = self.frames[number - 2].x_released
            if released == NEVER:
                return False
            ready = max(ready, released + sequencer.ISSUE_LATENCY + 1)
        if self.states:
            ready = max(ready, self.states.ready(number))
        arrivals = self.arrivals[number] if self.arrivals else (0,)
        taken: Sequence[int] | np.ndarray
        if arrivals[-1] + fifo.FIFO_LATENCY <= ready:  # all beats have been waiting
            taken, frame.blocks = ready + self.taken, ready + self.cut
        else:
            size = self.hardware.samples_per_beat
            taken, cut = cut_blocks(self.cell, size, ready, arrivals)
            frame.blocks = np.array(cut)
        # the first beat has reached the FIFO's head
        begun = min(int(frame.blocks[0]), int(taken[0]))
        frame.accepted = max(arrivals[0], begun - fifo.FIFO_LATENCY)
        self.next_cut = int(taken[-1]) + 1
        return True

    def _second_begins(self, frame: Frame, begun: int, at: int) -> tuple[int, int]:
        """Cycles in which m is complete, and in which the next pass of the second phase may begin."""
        written, need = frame.m_written, self.second.needs[begun % self.second.parts]
        ready = max(at, int(written[need[0] - 1]) + 1) if need[0] else at
        if len(need) == 1:
            ready = max(ready, self.drain_free)
        return max(at, int(written[-1]) + 1), ready

    def _issue(
        self, frame: Frame, units: _Units, begun: int, count: int, needed, at: int
    ) -> IssueRun:
        """Issue units from `at` on; needed: first possible cycle of each operation of the first one."""
        steps = self.steps[: len(units.needs[begun % units.parts])]
        issued = at + steps
        if needed is not None:
            issued = np.maximum.accumulate(np.maximum(needed - steps, at)) + steps
        issued[-1] = max(int(issued[-1]), self.drain_free)
        # of these passes only the last one may have fewer rows, which nothing here waits for
        apart = max(len(steps), units.chunks[begun // units.parts])
        run = IssueRun(issued, int(issued[-1]) + apart * np.arange(count))
        self.last_issue = int(run.lasts[-1])
        self.drain_free = self.last_issue + units.chunks[(begun + count - 1) // units.parts]
        frame.runs.append(run)
        frame.heads.append(run.lasts + self.time.issue_to_head)
        return run

    def _issue_gates(self, frame: Frame, begun: int, count: int, at: int) -> None:
        units = self.first
        needs, inputs = units.needed(begun), units.inputs[begun % units.parts]
        needed = None
        if begun < units.parts or units.alone:
            needed = np.empty(len(needs), dtype=np.int64)
            needed[:inputs] = frame.blocks[needs[:inputs] - 1] + self.time.block_to_issue
            needed[inputs:] = self.y_written[frame.stream][needs[inputs:] - 1] + 1
        run = self._issue(frame, units, begun, count, needed, at)
        if inputs and units.ends_x(begun, count) and not self.cell.second_reads_x:
            frame.x_released = _place(run, inputs - 1)

    def _end_gates(self, frame: Frame) -> None:
        """The results of the first phase's element-wise unit."""
        heads, place = self.first.whole(np.concatenate(frame.heads)), self.final // self.per_pass
        rows = heads[place] + self.final - place * self.per_pass + self.time.head_to_rows
        frame.cells = rows + self.time.rows_to_cells
        frame.m_written = frame.cells + self.time.forward_m
        if self.states:
            self.states.used(frame.number, int(frame.cells[-1]))
        if not self.second.count:
            self._deliver(frame, frame.cells)

    def _issue_second(self, frame: Frame, begun: int, count: int, at: int) -> None:
        units = self.second
        part = begun % units.parts
        needed = np.concatenate([[-1], frame.m_written])[units.needs[part]] + 1
        run = self._issue(frame, units, begun, count, needed, at)
        inputs = units.inputs[part]
        if inputs and units.ends_x(begun, count) and self.cell.second_reads_x:
            frame.x_released = _place(run, inputs - 1)

    def _end_second(self, frame: Frame) -> None:
        """The rows of the second phase, and y."""
        heads = self.second.whole(np.concatenate(frame.heads)[self.first.count :])
        place = np.arange(self.program.output_groups)
        number = place // self.per_pass
        rows = heads[number] + place - number * self.per_pass + self.time.head_to_second
        self._deliver(frame, rows + self.time.rows_to_output)

    def _deliver(self, frame: Frame, outputs: np.ndarray) -> None:
        """All of a frame's y is known: its spectra, its beats, the release of its page."""
        frame.outputs = outputs
        self.y_written[frame.stream] = outputs + self.time.forward_y
        apart = outputs[self.beat_groups] + 1 - self.beats
        sent = np.maximum.accumulate(np.maximum(apart, self.next_beat)) + self.beats
        frame.beats = sent + self.time.beat_to_output
        self.next_beat = frame.released = int(sent[-1]) + 1


def _place(run: IssueRun, place: int) -> int:
    """Cycle of an operation of the last pass of a run."""
    if len(run.lasts) == 1:
        return int(run.first[place])
    steps = len(run.first)
    return int(run.lasts[-1] if place == steps - 1 else run.lasts[-2] + 1 + place)
