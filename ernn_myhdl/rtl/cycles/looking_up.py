"""An embedding of a graph cycle by cycle: what its block does (`ernn_myhdl.rtl.joins.embedding`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.cycles.issue import NEVER
from ernn_myhdl.rtl.joins.beats import MOST_HELD, STAGES


class LookingUp:
    """What is read in a cycle, and the FIFO behind it. beats: of a row, with the last of which the number is taken."""

    count = 1

    def __init__(self, beats: int) -> None:
        self.beats = beats
        self.place = self.held = 0
        self.reads = False
        self.coming: deque[int] = deque()

    def entering(self, now: int, valids: Sequence[bool]) -> tuple[bool, ...]:
        """Whether a number is taken."""
        while self.coming and self.coming[0] <= now:
            self.coming.popleft()
            self.held += 1
        self.reads = valids[0] and self.held <= MOST_HELD
        return (self.reads and self.place == self.beats - 1,)

    def end(self, now: int, entered: Sequence[bool], popped: bool) -> bool:
        """The end of a cycle; whether anything moved in it."""
        if self.reads:
            self.place = 0 if entered[0] else self.place + 1
            self.coming.append(now + STAGES + fifo.FIFO_LATENCY)
        self.held -= popped
        return self.reads or popped

    def next_event(self, now: int) -> int:
        """A cycle before which nothing comes, if nothing enters until then."""
        return self.coming[0] if self.coming else NEVER
