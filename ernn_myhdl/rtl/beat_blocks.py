"""Blocks of k words from beats: cut from a wide one, or gathered from narrow ones.

The words beyond the end of what a frame carries are zero: of the block `short` those from `kept` on, of
`other_short`, where a frame carries two things one after the other, those from `other_kept` on.
"""

from __future__ import annotations

from myhdl import always, block

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for
from ernn_myhdl.rtl.beat_frames import Shape


@block
def cut_blocks(
    clk, samples, empty, sample_block, points, parts, kept, other_kept, part=None, short=None,
    other_short=None,
):  # fmt: skip
    """The block `part` of a beat of `parts` blocks, a cycle later; zeros if `empty`.

    part: where there are several. short, other_short: None where a frame has one block.
    """

    @always(clk.posedge)
    def cut_only():
        for i in range(points):
            if empty or i >= kept:
                sample_block[i].next = 0
            else:
                sample_block[i].next = samples[i]

    @always(clk.posedge)
    def cut_one():
        for i in range(points):
            if empty or (short and i >= kept) or (other_short and i >= other_kept):
                sample_block[i].next = 0
            else:
                sample_block[i].next = samples[i]

    @always(clk.posedge)
    def cut_many():
        for i in range(points):
            if empty or (short and i >= kept) or (other_short and i >= other_kept):
                sample_block[i].next = 0
            else:
                for p in range(parts):
                    if part == p:
                        sample_block[i].next = samples[p * points + i]

    if short is None:
        return cut_only
    return cut_many if parts > 1 else cut_one


@block
def gather_blocks(
    clk, samples, part, take, empty, sample_block, points, parts, width, kept, other_kept,
    short=None, other_short=None,
):  # fmt: skip
    """A block of `parts` beats of `width` words, a cycle after its last beat; what is missing is zero.

    short, other_short: None where a frame has one block.
    """

    @always(clk.posedge)
    def gather_only():
        if take and part == 0:
            for i in range(points):
                sample_block[i].next = 0
        if take and not empty:
            for p in range(parts):
                if part == p:
                    for i in range(width):
                        if p * width + i >= kept:
                            sample_block[p * width + i].next = 0
                        else:
                            sample_block[p * width + i].next = samples[i]

    @always(clk.posedge)
    def gather():
        if take and part == 0:
            for i in range(points):
                sample_block[i].next = 0
        if take and not empty:
            for p in range(parts):
                if part == p:
                    for i in range(width):
                        if (short and p * width + i >= kept) or (
                            other_short and p * width + i >= other_kept
                        ):
                            sample_block[p * width + i].next = 0
                        else:
                            sample_block[p * width + i].next = samples[i]

    return gather_only if short is None else gather


def leaf(name: str, shape: Shape, word: int, kept: int, other_kept: int = 0) -> Leaf:
    """Blocks of words of `word` bits from beats; ports: see `cut_blocks` and `ernn_myhdl.rtl.beat_frames.leaf`."""
    # of a beat longer than a frame only the first blocks are ever cut
    parts = min(shape.parts, shape.blocks) if shape.wide else shape.parts
    ports = ins(clk=Bit(), empty=Bit(), samples=Array(shape.width, word))
    ports |= outs(sample_block=Array(shape.points, word))
    if parts > 1:
        ports |= ins(part=Word(bits_for(shape.parts)))
    if shape.blocks > 1:
        ports |= ins(short=Bit(), other_short=Bit())
    else:
        kept = min(kept, other_kept or kept)
    parameters = {"points": shape.points, "parts": parts, "kept": kept}
    parameters["other_kept"] = other_kept or shape.points
    if shape.wide:
        return Leaf(name, cut_blocks, ports, parameters)
    parameters["width"] = shape.width
    return Leaf(name, gather_blocks, ports | ins(take=Bit()), parameters)
