"""Width conversion of a packet's words, powers of two: several narrow ones gathered to a wide one, or one cut up.

The first word lies in the lowest bits. keep has a bit for each byte. What ends a packet ends a wide word, whose
other bytes are zero and not kept; of the words that a wide one is cut into, those behind the packet's last kept
byte are left out.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Array, Bit, bits_for, signed, unsigned


@block
def gather_words(
    clk, rst, in_valid, in_ready, in_data, in_keep, in_last, out_valid, out_ready, out_data, out_keep,
    out_last, parts, width, keeps,
):  # fmt: skip
    """`parts` words make one; one word a cycle enters. Latency 1 cycle behind the last part."""
    full, ready, taken, ending = (Signal(bool(0)) for _ in range(4))
    data = [signed(width) for _ in range(parts)]
    keep = [signed(keeps) for _ in range(parts)]
    piece = unsigned(bits_for(parts))

    @always_comb
    def room():
        ready.next = (out_ready or not full) and not rst

    @always_comb
    def move():
        taken.next = in_valid and ready

    @always_comb
    def outputs():
        in_ready.next = ready
        out_valid.next = full
        out_last.next = ending

    @always_comb
    def words():
        for p in range(parts):
            out_data[p].next = data[p]
            out_keep[p].next = keep[p]

    @always(clk.posedge)
    def control():
        if rst:
            full.next = False
            piece.next = 0
            ending.next = False
        else:
            if taken:
                ending.next = in_last
                full.next = in_last or piece == parts - 1
                if in_last or piece == parts - 1:
                    piece.next = 0
                else:
                    piece.next = piece + 1
            elif out_ready:
                full.next = False

    @always(clk.posedge)
    def store():
        for p in range(parts):
            # two ifs: of `if piece == p ... elif piece == 0` MyHDL makes a case of Verilog whose first label is -1
            if taken and piece == 0:
                data[p].next = 0
                keep[p].next = 0
            if taken and piece == p:
                data[p].next = in_data[0]
                keep[p].next = in_keep[0]

    return instances()


@block
def split_words(
    clk, rst, in_valid, in_ready, in_data, in_keep, in_last, out_valid, out_ready, out_data, out_keep,
    out_last, parts,
):  # fmt: skip
    """One word becomes at most `parts`; one a cycle leaves. Latency 0: the word must stay until it is taken."""
    piece = unsigned(bits_for(parts))
    ends_word = Signal(bool(0))
    more = Signal(bool(0))

    @always_comb
    def look():
        more.next = False
        for p in range(parts):
            if p > piece and in_keep[p] != 0:
                more.next = True

    @always_comb
    def decide():
        ends_word.next = piece == parts - 1 or (in_last and not more)

    @always_comb
    def outputs():
        in_ready.next = out_ready and ends_word
        out_valid.next = in_valid
        out_last.next = in_last and ends_word

    @always_comb
    def choose():
        out_data[0].next = in_data[0]
        out_keep[0].next = in_keep[0]
        for p in range(parts):
            if piece == p:
                out_data[0].next = in_data[p]
                out_keep[0].next = in_keep[p]

    @always(clk.posedge)
    def count():
        if rst:
            piece.next = 0
        elif in_valid and out_ready:
            if ends_word:
                piece.next = 0
            else:
                piece.next = piece + 1

    return instances()


def gather_leaf(name: str, width: int, parts: int) -> Leaf:
    """`parts` words of `width` bits to one."""
    ports = ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_last=Bit(), out_ready=Bit())
    ports |= ins(in_data=Array(1, width), in_keep=Array(1, width // 8))
    ports |= outs(in_ready=Bit(), out_valid=Bit(), out_last=Bit())
    ports |= outs(out_data=Array(parts, width), out_keep=Array(parts, width // 8))
    return Leaf(name, gather_words, ports, {"parts": parts, "width": width, "keeps": width // 8})


def split_leaf(name: str, width: int, parts: int) -> Leaf:
    """One word to `parts` of `width` bits."""
    ports = ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_last=Bit(), out_ready=Bit())
    ports |= ins(in_data=Array(parts, width), in_keep=Array(parts, width // 8))
    ports |= outs(in_ready=Bit(), out_valid=Bit(), out_last=Bit())
    ports |= outs(out_data=Array(1, width), out_keep=Array(1, width // 8))
    return Leaf(name, split_words, ports, {"parts": parts})
