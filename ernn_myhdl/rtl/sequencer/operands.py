"""Whether the operands of the next operation of each phase are there, and all of a frame's.

Both are registers with which a decision begins. They are found in the cycle before, from the groups that are there in the next one
(`ernn_myhdl.rtl.sequencer.groups`), twice: of the operation that may be issued, for if it waits; of the one behind it, for if it is issued.
The decision itself only chooses between the two.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl import stages
from ernn_myhdl.rtl.sequencer import prefetch

#: Cycles from the end of a reset until the first operation may be issued.
READY = prefetch.AHEAD + stages.latency(stages.OPERANDS)


@block
def gate_operands(
    clk, rst, loaded, issue_gate, gate_source, gate_need, gate_x_done, next_source, next_need, x_available, y_available,
    gate_there, x_whole, x_groups, first_need,
):  # fmt: skip
    """Operands of the first phase; x_whole: all x of the frame that begins next is there.

    next_: of the operation behind the one that may be issued. x_available, y_available: groups that are there in the next cycle, before
    the decision. loaded: both words are there. first_need: groups of x that the first operation of a frame needs.
    """
    stays, follows = Signal(bool(0)), Signal(bool(0))
    next_frame, two_frames = x_groups + first_need, 2 * x_groups

    @always_comb
    def stay():
        if gate_source == 0:
            stays.next = gate_need <= x_available
        else:
            stays.next = gate_need <= y_available

    # behind the last reader of x in a frame another one is the first operation of the next frame;
    # behind the last reader of y there is none, since a frame begins with x
    @always_comb
    def follow():
        if next_source != 0:
            follows.next = next_need <= y_available
        elif gate_x_done:
            follows.next = x_available >= next_frame
        else:
            follows.next = next_need <= x_available

    @always(clk.posedge)
    def keep():
        if rst or not loaded:
            gate_there.next = False
        elif issue_gate:
            gate_there.next = follows
        else:
            gate_there.next = stays
        if issue_gate and gate_x_done:
            x_whole.next = x_available >= two_frames
        else:
            x_whole.next = x_available >= x_groups

    return stay, follow, keep


@block
def second_operands(
    clk, issue_second, second_need, second_final, next_need, m_available, second_there, m_whole, m_groups, first_need,
):  # fmt: skip
    """Operands of the second phase; m_whole: all m of the frame that is begun longest ago is there. The ports are as in `gate_operands`.

    Those of x were there for the first phase. A second phase is owed long after a reset, when the words are there.
    """
    stays, follows = Signal(bool(0)), Signal(bool(0))
    next_frame, two_frames = m_groups + first_need, 2 * m_groups

    @always_comb
    def look():
        stays.next = second_need <= m_available
        if second_final:
            follows.next = m_available >= next_frame
        else:
            follows.next = next_need <= m_available

    @always(clk.posedge)
    def keep():
        second_there.next = stays
        m_whole.next = m_available >= m_groups
        if issue_second:
            second_there.next = follows
            if second_final:
                m_whole.next = m_available >= two_frames

    return look, keep


def gate_leaf(design: Structure) -> Leaf:
    """Operands of the first phase."""
    program = program_for(design)
    need, source = (Word(program.field_bits[name]) for name in ("need", "source"))
    y = Word(bits_for(2 * program.output_groups + 1))
    return _gate_leaf(design.cell.input_blocks, program.first.columns_of(0)[0][2], need, source, y)


@made_once
def _gate_leaf(groups: int, first_need: int, need: Word, source: Word, y: Word) -> Leaf:
    ports = ins(**dict.fromkeys(("clk", "rst", "loaded", "issue_gate", "gate_x_done"), Bit()))
    ports |= ins(gate_source=source, gate_need=need, next_source=source, next_need=need)
    ports |= ins(x_available=Word(bits_for(2 * groups + 1)), y_available=y)
    ports |= outs(gate_there=Bit(), x_whole=Bit())
    values = {"x_groups": groups, "first_need": first_need}
    return Leaf("gate_operands", gate_operands, ports, values)


def second_leaf(design: Structure) -> Leaf:
    """Operands of the second phase."""
    program, pages = program_for(design), design.hardware.frames_in_flight
    first_need = program.second.columns_of(0)[0][2] if program.second_passes else 0
    return _second_leaf(program.cell_groups, first_need, Word(program.field_bits["need"]), pages)


@made_once
def _second_leaf(groups: int, first_need: int, need: Word, pages: int) -> Leaf:
    ports = ins(clk=Bit(), issue_second=Bit(), second_final=Bit(), second_need=need, next_need=need)
    ports |= ins(m_available=Word(bits_for(pages * groups + 1)))
    ports |= outs(second_there=Bit(), m_whole=Bit())
    values = {"m_groups": groups, "first_need": first_need}
    return Leaf("second_operands", second_operands, ports, values)
