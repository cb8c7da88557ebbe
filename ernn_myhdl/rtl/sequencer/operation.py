"""The operation that is issued: its registers, and the pages of x that it reads."""

from __future__ import annotations

from myhdl import Signal, always, block

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word
from ernn_myhdl.program.program import program_for


@block
def operation(
    clk, rst, issue_gate, issue_second, gate_source, gate_index, gate_first, gate_last, gate_address,
    second_index, second_first, second_last, second_address,
    op_valid, op_recurrent, op_second, op_index, op_first, op_last, op_address,
    gate_part=None, op_part=None, second_part=None,
):  # fmt: skip
    """Registers of the operation; gate_, second_: fields of the program words that are there.

    op_part, of a split cell: the pass is of x, and its rows are added to those of the next. second_part: of
    one whose second phase reads x.
    """

    @always(clk.posedge)
    def marks():
        if rst:
            op_valid.next = False
            op_first.next = False
            op_last.next = False
        else:
            op_valid.next = issue_gate or issue_second
            op_first.next = (issue_gate and gate_first) or (issue_second and second_first)
            op_last.next = (issue_gate and gate_last) or (issue_second and second_last)

    @always(clk.posedge)
    def operands():
        op_recurrent.next = gate_source != 0
        op_second.next = issue_second
        op_index.next = gate_index
        op_address.next = gate_address
        if issue_second:
            op_index.next = second_index
            op_address.next = second_address

    @always(clk.posedge)
    def part_of_gates():
        op_part.next = gate_part and not issue_second

    @always(clk.posedge)
    def part_of_both():
        op_part.next = gate_part
        if issue_second:
            op_part.next = second_part

    if gate_part is None:
        return marks, operands
    return marks, operands, part_of_gates if second_part is None else part_of_both


@block
def x_pages(
    clk, rst, taken, freed, page, given_back, issue_second=None, second_source=None, second_x=None,
    second_page=None,
):  # fmt: skip
    """The pages of x that the phases read.

    taken: the last operation of the first phase that reads x is issued; freed: that of the frame, after
    which its page is released. second_x: the second phase reads x, of second_page.
    """
    gates_page, other_page = Signal(bool(0)), Signal(bool(0))

    @always(clk.posedge)
    def first():
        if rst:
            gates_page.next = False
            given_back.next = False
        else:
            given_back.next = freed
            if taken:
                gates_page.next = not gates_page
        page.next = gates_page

    @always(clk.posedge)
    def second():
        if rst:
            other_page.next = False
        elif freed:
            other_page.next = not other_page
        second_x.next = issue_second and second_source == 0
        second_page.next = other_page

    return first if second_x is None else (first, second)


def operation_leaf(design: Structure) -> Leaf:
    """Registers of the operation; ports: see `operation`."""
    program, cell = program_for(design), design.cell
    widths = program.field_bits
    index, address = Word(widths["index"]), Word(program.address_bits)
    ports = ins(clk=Bit(), rst=Bit(), issue_gate=Bit(), issue_second=Bit())
    ports |= ins(gate_first=Bit(), gate_last=Bit(), second_first=Bit(), second_last=Bit())
    ports |= ins(gate_source=Word(widths["source"]), gate_index=index, second_index=index)
    ports |= ins(gate_address=address, second_address=address)
    ports |= outs(
        op_valid=Bit(), op_recurrent=Bit(), op_second=Bit(), op_first=Bit(), op_last=Bit()
    )
    ports |= outs(op_index=index, op_address=address)
    if cell.split:
        ports |= ins(gate_part=Bit()) | outs(op_part=Bit())
        ports |= ins(second_part=Bit()) if cell.second_reads_x else {}
    return Leaf("operation", operation, ports)


@made_once
def x_pages_leaf(second_source: int) -> Leaf:
    """The pages of x that are read; second_source: bits of the source of a second phase that reads x, or 0."""
    ports = ins(clk=Bit(), rst=Bit(), taken=Bit(), freed=Bit()) | outs(page=Bit(), given_back=Bit())
    if second_source:
        ports |= ins(issue_second=Bit(), second_source=Word(second_source))
        ports |= outs(second_x=Bit(), second_page=Bit())
    return Leaf("x_pages", x_pages, ports)
