"""Joins over time cycle by cycle; what their blocks do (`ernn_myhdl.rtl.joins.time_join`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ernn_myhdl.design.time_joins import Repeat, TimeJoin
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.cycles.issue import NEVER
from ernn_myhdl.rtl.joins.beats import SLOTS
from ernn_myhdl.rtl.joins.time_join import stages_of_join


class TimeJoining:
    """A join over time: what enters in a cycle, and the FIFO behind it.

    beats: of a frame. ends: of each frame that enters, whether it is the last of its sequence.
    """

    count = 1

    def __init__(self, join: TimeJoin, beats: int, ends: Sequence[bool]) -> None:
        self.beats, self.ends = beats, ends
        self.copies = join.frames if isinstance(join, Repeat) else 0
        self.stages = stages_of_join(join)
        self.most = SLOTS - 1 - self.stages
        self.frame = self.place = self.copy = 0
        self.held = 0
        self.coming: deque[int] = deque()

    def entering(self, now: int, valids: Sequence[bool]) -> tuple[bool, ...]:
        """Whether a beat enters."""
        while self.coming and self.coming[0] <= now:
            self.coming.popleft()
            self.held += 1
        return (valids[0] and self.held <= self.most and not self.copy,)

    def end(self, now: int, entered: Sequence[bool], popped: bool) -> bool:
        """The end of a cycle; whether anything moved in it."""
        repeats = self.copy > 0 and self.held <= self.most
        moves = entered[0] or repeats
        if moves:
            if self.copies or self.ends[self.frame]:
                self.coming.append(now + self.stages + fifo.FIFO_LATENCY)
            self.place += 1
            if self.place == self.beats:
                self.place = 0
                if self.copies:
                    self.copy = (self.copy + 1) % self.copies
                else:
                    self.frame += 1
        self.held -= popped
        return moves or popped

    def next_event(self, now: int) -> int:
        return self.coming[0] if self.coming else NEVER
