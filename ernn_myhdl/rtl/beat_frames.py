"""Framing of beats: how many blocks a frame has, and where it ends, for x and for s_state.

A frame is as many beats as its words need. A beat has `parts` blocks, or `parts` beats make a block; one block
leaves in a cycle at most.

Framing errors. A frame that ends early is completed with zeros; what a frame has too much is dropped
up to its tlast. A beat that does not belong to the frame (`restart`) ends it as if it were short. Each
raises `error`, which stays until reset.
"""

from __future__ import annotations

from dataclasses import dataclass

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl import stages

#: Cycles from a beat at the head of the FIFO to its (last) block.
FRAMING_LATENCY = stages.latency(stages.FRAMING)


@dataclass(frozen=True)
class Shape:
    """Words of a block and of a beat, blocks and beats of a frame."""

    points: int
    width: int
    blocks: int
    beats: int

    @property
    def wide(self) -> bool:
        """Whether a beat has at least one block."""
        return self.width >= self.points

    @property
    def parts(self) -> int:
        """Blocks of a beat, or beats of a block."""
        return max(self.width, self.points) // min(self.width, self.points)

    @property
    def last_beat_part(self) -> int:
        """The part of its block that the last beat of a frame is; of a wide beat the last one."""
        return self.parts - 1 if self.wide else (self.beats - 1) % self.parts


@block
def beat_frames(
    clk, rst, beat_valid, beat_ready, tlast, restart, opens, begins, take, emit, part, empty, count, last,
    ends, error, parts, blocks, last_beat_part, wide, other_error=None,
):  # fmt: skip
    """Counts the parts and the blocks of a frame; see `leaf` for the ports.

    What a beat means follows from registers: started, a frame has begun; between, no part of a block has been taken; reading, beats are
    neither awaited in vain (filling) nor dropped (discarding).
    """
    index, piece = unsigned(len(count)), unsigned(len(part))
    filling, discarding, wrong, started = (Signal(bool(0)) for _ in range(4))
    between, reading = Signal(bool(1)), Signal(bool(1))
    taken, made, drop, cut, closing = (Signal(bool(0)) for _ in range(5))
    parted, popped = (Signal(bool(0)) for _ in range(2))
    last_block, last_part = blocks - 1, parts - 1

    # parted: a beat of another frame, not the rest of one; made: a block is complete; popped: a beat is
    @always_comb
    def progress_wide():
        parted.next = restart and between
        made.next = taken
        popped.next = taken and (not filling) and (piece == last_part or index == last_block)

    @always_comb
    def progress_narrow():
        parted.next = restart
        made.next = taken and (
            piece == last_part or filling or (index == last_block and piece == last_beat_part)
        )
        popped.next = taken and not filling

    @always_comb
    def look():
        closing.next = made and index == last_block

    @always_comb
    def decide():
        taken.next = False
        drop.next = False
        cut.next = False
        if filling:
            taken.next = True
        if discarding:
            drop.next = beat_valid and not restart
        if reading and beat_valid:
            cut.next = started and parted
            taken.next = (started and not parted) or (opens and not started)

    @always_comb
    def tell():
        beat_ready.next = drop or popped
        begins.next = taken and not started
        take.next = taken
        emit.next = made
        part.next = piece
        empty.next = filling
        count.next = index
        last.next = index == last_block
        ends.next = closing

    @always_comb
    def own_error():
        error.next = wrong

    @always_comb
    def any_error():
        error.next = wrong or other_error

    @always(clk.posedge)
    def control():
        if rst:
            index.next = 0
            piece.next = 0
            started.next = False
            between.next = True
            filling.next = False
            discarding.next = False
            reading.next = True
            wrong.next = False
        else:
            if cut:
                wrong.next = True
                filling.next = True
                reading.next = False
            if discarding and beat_valid and (restart or tlast):
                discarding.next = False
                reading.next = True
            if taken:
                started.next = not closing
                if filling or closing or piece == last_part:
                    piece.next = 0
                    between.next = True
                else:
                    piece.next = piece + 1
                    between.next = False
            if made:
                if closing:
                    index.next = 0
                    filling.next = False
                    reading.next = True
                else:
                    index.next = index + 1
            if popped:
                if closing:
                    if not tlast:
                        wrong.next = True
                        discarding.next = True
                        reading.next = False
                elif tlast:
                    wrong.next = True
                    filling.next = True
                    reading.next = False

    common = [look, decide, tell, control, progress_wide if wide else progress_narrow]
    return [*common, own_error if other_error is None else any_error]


def leaf(name: str, shape: Shape, other_error: bool = False) -> Leaf:
    """Framing of the beats at the head of a FIFO.

    Ports: beat_valid, beat_ready, tlast: the beat; restart: it is not of the frame that was begun; opens: a
    frame may begin; begins: it does; take: part `part` of block `count` is there, its words zeros if
    `empty`; emit: the block is complete; last: block `count` is the frame's last; ends: it is complete. error;
    other_error: to be told too.
    """
    bits = ("clk", "rst", "beat_valid", "tlast", "restart", "opens")
    told = ("beat_ready", "begins", "take", "emit", "empty", "last", "ends", "error")
    ports = ins(**dict.fromkeys(bits, Bit())) | outs(**dict.fromkeys(told, Bit()))
    ports |= outs(part=Word(bits_for(shape.parts)), count=Word(bits_for(shape.blocks)))
    return Leaf(
        name,
        beat_frames,
        ports | (ins(other_error=Bit()) if other_error else {}),
        {
            "parts": shape.parts,
            "blocks": shape.blocks,
            "last_beat_part": shape.last_beat_part,
            "wide": shape.wide,
        },
    )
