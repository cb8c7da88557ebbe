"""An ArgMax of a graph cycle by cycle: what its block does (`ernn_myhdl.rtl.joins.argmax`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.cycles.issue import NEVER
from ernn_myhdl.rtl.joins.argmax import MOST_HELD, stages_of


class Choosing:
    """What enters in a cycle, and the FIFO behind it. beats: of a frame of the operand; size: samples of one."""

    count = 1

    def __init__(self, beats: int, size: int) -> None:
        self.beats, self.latency = beats, stages_of(size) + fifo.FIFO_LATENCY
        self.place = self.held = 0
        self.coming: deque[int] = deque()

    def entering(self, now: int, valids: Sequence[bool]) -> tuple[bool, ...]:
        """Whether a beat enters."""
        while self.coming and self.coming[0] <= now:
            self.coming.popleft()
            self.held += 1
        return (valids[0] and self.held <= MOST_HELD,)

    def end(self, now: int, entered: Sequence[bool], popped: bool) -> bool:
        """The end of a cycle; whether anything moved in it."""
        if entered[0]:
            self.place += 1
            if self.place == self.beats:
                self.place = 0
                self.coming.append(now + self.latency)
        self.held -= popped
        return entered[0] or popped

    def next_event(self, now: int) -> int:
        """A cycle before which nothing comes, if nothing enters until then."""
        return self.coming[0] if self.coming else NEVER
