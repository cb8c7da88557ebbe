"""The words of one part of the program, read ahead of the operations, round and round.

The word of the operation that may be issued is in a register, the one behind it in another; and the one behind that is there
too: it was read last, or has been held since. So neither the address nor the fields of a word depend on the decision of the same
cycle, and what an operation needs is known in the cycle before it may be issued.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, like, unsigned
from ernn_myhdl.rtl import stages

#: Cycles from the end of a reset until the first word is there; words between the address and it.
AHEAD = stages.latency(stages.READ_AHEAD)


@block
def prefetch(clk, rst, issue, read, fetch, address, word, next_word, there, first, last):
    """fetch: address of the memory; read: its word, READ_LATENCY later. word, at `address`: that may be issued.

    issue: it is; next_word: the one behind it. there: both are, which is false until AHEAD cycles after a reset.
    """
    ahead, behind, following, now = (unsigned(len(address)) for _ in range(4))
    held, coming, current = like(read), like(read), like(read)
    begun, nearly, filled, moved, step = (Signal(bool(0)) for _ in range(5))

    @always_comb
    def tell():
        step.next = issue or not filled
        fetch.next = ahead
        address.next = now
        word.next = current
        next_word.next = coming
        there.next = filled

    @always(clk.posedge)
    def fill():
        if rst:
            begun.next = False
            nearly.next = False
            filled.next = False
        else:
            begun.next = True
            nearly.next = begun
            filled.next = nearly

    @always(clk.posedge)
    def count():
        if rst:
            ahead.next = first
            behind.next = first
            following.next = first
            now.next = first
        elif step:
            if ahead == last:
                ahead.next = first
            else:
                ahead.next = ahead + 1
            behind.next = ahead
            following.next = behind
            now.next = following

    # behind a step the memory tells of the word after `coming`; without one, already of the word after that
    @always(clk.posedge)
    def words():
        moved.next = step
        if moved:
            held.next = read
        if step:
            current.next = coming
            if moved:
                coming.next = read
            else:
                coming.next = held

    return tell, fill, count, words


@made_once
def prefetch_leaf(part: str, address_bits: int, word_bits: int, first: int, last: int) -> Leaf:
    """The words of a part of the program, gate or second: from word `first` to word `last`."""
    address, word = Word(address_bits), Word(word_bits)
    return Leaf(
        f"{part}_prefetch",
        prefetch,
        ins(clk=Bit(), rst=Bit(), issue=Bit(), read=word)
        | outs(fetch=address, address=address, word=word, next_word=word, there=Bit()),
        {"first": first, "last": last},
    )
