"""The end of a sequence of windows, where windows with a stride leave out the frame that tells it."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned


@block
def window_ends(clk, rst, begins, head, stream, marked, last, end, streams):
    """marked = head, with `end` in the window `last` of a sequence; see `ends_leaf`."""
    number = unsigned(bits_for(last + 1))
    # of every stream, one for each value of the index: windows of its sequence that have begun
    counts = [unsigned(bits_for(last + 1)) for _ in range(1 << len(stream))]
    whole = Signal(bool(0))

    @always_comb
    def look():
        if (head & 1) != 0:
            number.next = 0
        else:
            number.next = counts[stream]

    @always_comb
    def compare():
        whole.next = number == last

    @always_comb
    def mark():
        if whole:
            marked.next = head | end
        else:
            marked.next = head

    @always(clk.posedge)
    def count():
        if rst:
            for s in range(streams):
                counts[s].next = 0
        elif begins:
            if whole:
                counts[stream].next = 0
            else:
                counts[stream].next = number + 1

    return look, compare, mark, count


def ends_leaf(name: str, user_bits: int, streams: int, last: int) -> Leaf:
    """The end of a sequence of windows.

    last: number of its last window, counted from 0. Ports: head, stream: tuser and tid of the window that is due, whose first
    of a sequence has the lowest bit; begins: it is taken; marked: its tuser with the highest bit in the last window.
    """
    user = Word(user_bits)
    return Leaf(
        f"{name}_ends",
        window_ends,
        ins(clk=Bit(), rst=Bit(), begins=Bit(), head=user, stream=Word(bits_for(streams)))
        | outs(marked=user),
        {"last": last, "end": 1 << (user_bits - 1), "streams": streams},
    )
