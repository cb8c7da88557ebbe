"""Whether the operands of the next operation of each phase are there in the next cycle, and all of a frame's.

They are found from the groups that are there in the next cycle (`ernn_myhdl.rtl.sequencer.groups`), twice: of the operation that may be
issued, for if it stays; of the one behind it, for if that follows. The decision only chooses between the two
(`ernn_myhdl.rtl.sequencer.readiness`). Groups and needs are subtracted, not compared, since the sign of a difference is one LUT and a
carry chain for Yosys, and a comparison of few bits three LUTs.
"""

from __future__ import annotations

from myhdl import Signal, always_comb, block

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, signed, unsigned
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl import stages
from ernn_myhdl.rtl.sequencer import prefetch

#: Cycles from the end of a reset until the first operation may be issued.
READY = prefetch.AHEAD + stages.latency(stages.OPERANDS)


@block
def gate_operands(
    gate_source, gate_need, gate_x_done, next_source, next_need, x_available, y_available, y_next,
    gate_lacks, gate_next_lacks, x_stays, x_follows, x_groups, first_need,
):  # fmt: skip
    """Operands of the first phase; x_stays, x_follows: all x of the frame that begins next is there.

    next_: of the operation behind the one that may be issued. x_available, y_available, y_next: groups that are there in the next cycle,
    before the decision. first_need: groups of x that the first operation of a frame needs.
    """
    frame_there, two_frames_there = Signal(bool(0)), Signal(bool(0))
    next_frame, two_frames = x_groups + first_need, 2 * x_groups
    bits = max(len(x_available), len(y_next), len(next_need))
    have, next_have, needed = (unsigned(bits) for _ in range(3))
    over, next_over = signed(bits + 1), signed(bits + 1)

    # behind the last reader of x in a frame another one is the first operation of the next frame;
    # behind the last reader of y there is none, since a frame begins with x
    @always_comb
    def choose():
        have.next = y_available
        next_have.next = y_next
        needed.next = next_need
        if gate_source == 0:
            have.next = x_available
        if next_source == 0:
            next_have.next = x_available
            if gate_x_done:
                needed.next = next_frame

    @always_comb
    def compare():
        over.next = have - gate_need
        next_over.next = next_have - needed

    @always_comb
    def frames():
        frame_there.next = x_available >= x_groups
        two_frames_there.next = x_available >= two_frames

    @always_comb
    def tell():
        gate_lacks.next = over < 0
        gate_next_lacks.next = next_over < 0
        x_stays.next = frame_there
        if gate_x_done:
            x_follows.next = two_frames_there
        else:
            x_follows.next = frame_there

    return choose, compare, frames, tell


@block
def second_operands(
    second_need, second_final, next_need, m_available, second_lacks, second_next_lacks, m_stays, m_follows, m_groups, first_need,
):  # fmt: skip
    """Operands of the second phase; m_stays, m_follows: all m of the frame that is begun longest ago is there. The ports are as in
    `gate_operands`.

    Those of x were there for the first phase.
    """
    next_frame, two_frames = m_groups + first_need, 2 * m_groups
    bits = max(len(m_available), len(next_need))
    needed, over, next_over = unsigned(bits), signed(bits + 1), signed(bits + 1)

    @always_comb
    def choose():
        needed.next = next_need
        m_follows.next = m_available >= m_groups
        if second_final:
            needed.next = next_frame
            m_follows.next = m_available >= two_frames

    @always_comb
    def compare():
        over.next = m_available - second_need
        next_over.next = m_available - needed

    @always_comb
    def tell():
        second_lacks.next = over < 0
        second_next_lacks.next = next_over < 0
        m_stays.next = m_available >= m_groups

    return choose, compare, tell


def gate_leaf(design: Structure) -> Leaf:
    """Operands of the first phase."""
    program = program_for(design)
    need, source = (Word(program.field_bits[name]) for name in ("need", "source"))
    y = Word(bits_for(2 * program.output_groups + 1))
    return _gate_leaf(design.cell.input_blocks, program.first.columns_of(0)[0][2], need, source, y)


@made_once
def _gate_leaf(groups: int, first_need: int, need: Word, source: Word, y: Word) -> Leaf:
    ports = ins(gate_source=source, gate_need=need, next_source=source, next_need=need)
    ports |= ins(
        gate_x_done=Bit(), x_available=Word(bits_for(2 * groups + 1)), y_available=y, y_next=y
    )
    ports |= outs(gate_lacks=Bit(), gate_next_lacks=Bit(), x_stays=Bit(), x_follows=Bit())
    values = {"x_groups": groups, "first_need": first_need}
    return Leaf("gate_operands", gate_operands, ports, values)


def second_leaf(design: Structure) -> Leaf:
    """Operands of the second phase."""
    program, pages = program_for(design), design.hardware.frames_in_flight
    first_need = program.second.columns_of(0)[0][2] if program.second_passes else 0
    return _second_leaf(program.cell_groups, first_need, Word(program.field_bits["need"]), pages)


@made_once
def _second_leaf(groups: int, first_need: int, need: Word, pages: int) -> Leaf:
    ports = ins(second_final=Bit(), second_need=need, next_need=need)
    ports |= ins(m_available=Word(bits_for(pages * groups + 1)))
    ports |= outs(second_lacks=Bit(), second_next_lacks=Bit(), m_stays=Bit(), m_follows=Bit())
    values = {"m_groups": groups, "first_need": first_need}
    return Leaf("second_operands", second_operands, ports, values)
