"""A layer in a graph: the sequencer of `ernn_myhdl.rtl.cycles.issue`, told its beats as they come and as they are taken.

Times go forward cycle by cycle. What is asked about a cycle follows from what happened before it; a decision that
depends on what has not happened yet waits, unless it is the same whenever that will be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.hardware import Hardware
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.cycles.issue import NEVER, Cutting, Frame, Sequencer, input_beats
from ernn_myhdl.rtl.sequencer import sequencer


class StreamedLayer(Sequencer):
    """One layer for frames on the streams `turns`."""

    def __init__(self, cell: Cell, hardware: Hardware, turns: Sequence[int]) -> None:
        self.arriving: list[list[int]] = [[] for _ in turns]
        super().__init__(cell, hardware, turns, self.arriving)
        self.input_beats = input_beats(cell, hardware)
        self.output_beats = len(self.beats)
        self._gates = self._seconds = self._begun = self._second_begun = 0
        self._wake = 0
        # beats of x: accepted, and taken from the FIFO in the cycles `_pops`, of which so many are over
        self._accepted = self._popped = self._taking = 0
        self._pops: list[int] = []
        self._next_pop = fifo.FIFO_LATENCY
        self._cutting: Cutting | None = None
        # beats of y: the cycles from which they can be read; those read, by the cycle in which each is seen; taken
        self._readable: list[int] = []
        self._seen: list[int] = []
        self._shown = self._taken = 0
        for frame in self.frames:
            frame.beats = np.zeros(0, dtype=np.int64)
        self._delivered: list[list[int]] = [[] for _ in turns]

    def ready(self, now: int) -> bool:
        """Whether the FIFO of x has room."""
        while self._popped < len(self._pops) and self._pops[self._popped] < now:
            self._popped += 1
        return self._accepted - self._popped < fifo.DEPTH

    def accept(self, now: int) -> None:
        """A beat of x is accepted in this cycle."""
        self.arriving[self._accepted // self.input_beats].append(now)
        self._accepted += 1
        self._take()
        self._wake = now

    def valid(self, now: int) -> bool:
        """Whether a beat of y is offered."""
        self._show(now)
        return self._shown > self._taken

    def pop(self, now: int) -> None:
        """The beat of y that is offered is taken in this cycle."""
        self._delivered[self._taken // self.output_beats].append(now)
        self._taken += 1
        if self._taken % self.output_beats == 0:
            number = self._taken // self.output_beats - 1
            self.frames[number].beats = np.array(self._delivered[number])

    def step(self, now: int) -> bool:
        """Decide what follows from the cycles before this one; whether a beat of y is read in it."""
        if now >= self._wake:
            self._wake = self._advance(now)
            self._take()
        place = len(self._seen)
        if place == len(self._readable) or self._readable[place] > now:
            return False
        self._show(now)
        if self._shown - self._taken > fifo.DEPTH - 2:
            return False
        self._seen.append(now + self.time.beat_to_output)
        if place % self.output_beats == self.output_beats - 1:
            self.frames[place // self.output_beats].released = now + 1
            self._wake = now
        return True

    def next_event(self, now: int) -> int:
        """A cycle before which nothing happens, if nothing is transferred until then; NEVER if nothing will."""
        found = [self._wake]
        place = len(self._seen)
        if place < len(self._readable):
            found.append(self._readable[place])
        if self._shown < len(self._seen):
            found.append(self._seen[self._shown])
        if self._popped < len(self._pops):
            found.append(self._pops[self._popped] + 1)
        return min((cycle for cycle in found if cycle > now), default=NEVER)

    def _show(self, now: int) -> None:
        while self._shown < len(self._seen) and self._seen[self._shown] <= now:
            self._shown += 1

    def _take(self) -> None:
        """The cycles in which beats of x are taken from the FIFO, as far as they are known."""
        while self._taking < len(self.frames):
            number = self._taking
            if self._cutting is None:
                ready = self._next_pop
                if number >= 2:
                    released = self.frames[number - 2].x_released
                    if released == NEVER:
                        return
                    ready = max(ready, released + sequencer.ISSUE_LATENCY + 1)
                self._cutting = Cutting(self.cell, self.hardware.samples_per_beat, ready)
            known = self._cutting.taken
            for arrival in self.arriving[number][len(known) :]:
                self._cutting.beat(arrival)
                self._pops.append(known[-1])
            if len(known) < self.input_beats:
                return
            self._next_pop = known[-1] + 1
            self._taking, self._cutting = number + 1, None

    def _cut(self, frame: Frame, number: int) -> bool:
        complete = len(self.arriving[number]) == self.input_beats
        return complete and super()._cut(frame, number)

    def _deliver(self, frame: Frame, outputs: np.ndarray) -> None:
        frame.outputs = outputs
        self.y_written[frame.stream] = outputs + self.time.forward_y
        self._readable += (outputs[self.beat_groups] + 1).tolist()

    def _advance(self, now: int) -> int:
        """As `run`, up to a decision that needs a later cycle than those before `now`; when to ask again.

        What has not happened yet happens in cycle `now` or later, so a first phase that waits for it begins behind that.
        """
        frames, first, second = self.frames, self.first, self.second
        while True:
            owed = bool(second.count) and self._gates > self._seconds
            more = self._gates < len(frames)
            if not (owed or more):
                return NEVER
            at = self.last_issue + 1
            gate_at = self._gates_begin(self._gates, self._begun, at, owed) if more else NEVER
            chosen = False
            if owed:
                complete, ready = self._second_begins(frames[self._seconds], self._second_begun, at)
                if more and gate_at >= NEVER:
                    if complete > now + 1 and ready > now:
                        return min(complete - 1, ready)
                    chosen = True
                else:
                    chosen = complete <= gate_at or ready < gate_at
            elif gate_at >= NEVER:
                return NEVER
            if chosen:
                count = second.together(self._second_begun)
                self._issue_second(frames[self._seconds], self._second_begun, count, ready)
                self._second_begun += count
                if self._second_begun == second.count:
                    self._end_second(frames[self._seconds])
                    self._seconds, self._second_begun = self._seconds + 1, 0
                continue
            count = 1 if owed else first.together(self._begun)
            self._issue_gates(frames[self._gates], self._begun, count, gate_at)
            self._begun += count
            if self._begun == first.count:
                self._end_gates(frames[self._gates])
                self._gates, self._begun = self._gates + 1, 0
