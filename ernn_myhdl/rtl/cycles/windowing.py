"""A window of a graph cycle by cycle: what its block does (`ernn_myhdl.rtl.joins.window`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ernn_myhdl.design.joins import Window
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.cycles.issue import NEVER
from ernn_myhdl.rtl.joins.beats import MOST_HELD, STAGES
from ernn_myhdl.rtl.joins.window_layout import window_layout


class Windowing:
    """A window: what enters in a cycle, what is read of the memory, and the FIFO behind it.

    due: of every frame, in the order in which they come, whether it has a window, and whether there are enough frames before
    it. size: samples of a beat.
    """

    count = 1

    def __init__(self, window: Window, due: Sequence[tuple[bool, bool]], size: int) -> None:
        layout = window_layout(window, size)
        self.beats, self.kernel, self.flushes = layout.beats, window.kernel, layout.flushes
        self.leaving, self.due = layout.leaving, due
        self.number = self.beat = 0  # of the frame that is written
        self.waiting, self.offers, self.enough = False, False, True
        self.busy, self.flushing = False, False
        self.tap = self.place = 0
        self.held = 0
        self.coming: deque[int] = deque()

    def entering(self, now: int, valids: Sequence[bool]) -> tuple[bool, ...]:
        """Whether a beat enters."""
        while self.coming and self.coming[0] <= now:
            self.coming.popleft()
            self.held += 1
        return (valids[0] and not self.waiting,)

    def end(self, now: int, entered: Sequence[bool], popped: bool) -> bool:
        """The end of a cycle; whether anything moved in it."""
        goes = (self.busy or self.flushing) and self.held <= MOST_HELD
        whole, final = self.place == self.beats - 1, self.tap == self.kernel - 1
        finishes = goes and (self.flushing if self.flushes else whole and final)
        idle = not (self.busy or self.flushing)
        begins = self.waiting and self.offers and (finishes or idle)
        done = self.waiting and (begins or (not self.offers and (self.enough or idle)))
        if goes:
            self._read(now, whole, final)
        if done:
            self.waiting = False
        if begins:
            self.busy, self.tap, self.place = True, 0, 0
        if entered[0]:
            self.beat += 1
            if self.beat == self.beats:
                self.beat, self.waiting = 0, True
                self.offers, self.enough = self.due[self.number]
                self.number += 1
        self.held -= popped
        return goes or done or entered[0] or popped

    def _read(self, now: int, whole: bool, final: bool) -> None:
        waits = not self.flushing and whole and not final
        if not (waits and not self.leaving[self.tap % len(self.leaving)]):
            self.coming.append(now + STAGES + fifo.FIFO_LATENCY)
        flushed, self.flushing = self.flushing, False
        if flushed:
            return
        if not whole:
            self.place += 1
        elif final:
            self.busy, self.flushing = False, self.flushes
        else:
            self.tap, self.place = self.tap + 1, 0

    def next_event(self, now: int) -> int:
        """A cycle before which nothing comes, if nothing enters until then."""
        return self.coming[0] if self.coming else NEVER
