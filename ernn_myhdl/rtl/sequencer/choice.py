"""The choice of the next operation: what is ready, which phase goes, and what follows from it."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.program.program import program_for


@block
def readiness(
    gate_source, gate_need, gate_last, gate_start, second_need, second_last,
    x_available, y_available, m_available, y_complete, room, owed, idle,
    gate_ready, second_ready, urgent, admitted, x_groups, m_groups, split,
):  # fmt: skip
    """Whether the next operation of each phase has what it needs, and whether its pass may begin.

    gate_ready, second_ready: groups, an idle drain for the end of a row, room for a new frame. urgent: a
    second phase has all of its m. admitted: a gate pass cannot keep the lanes from a second phase.
    """

    @always_comb
    def gate_can():
        gate_ready.next = False
        if ((not gate_last) or idle) and ((not gate_start) or room):
            if gate_source == 0:
                gate_ready.next = gate_need <= x_available
            else:
                gate_ready.next = gate_need <= y_available

    @always_comb
    def second_can():
        second_ready.next = owed and second_need <= m_available and ((not second_last) or idle)
        urgent.next = owed and m_available >= m_groups

    @always_comb
    def admit():
        admitted.next = (not gate_start) or (not owed) or (x_available >= x_groups and y_complete)

    @always_comb
    def admit_part():
        if gate_source == 0:
            admitted.next = (not gate_start) or (not owed) or x_available >= x_groups
        else:
            admitted.next = (not owed) or y_complete

    return gate_can, second_can, admit_part if split else admit


@block
def choice(
    clk, rst, loaded, gate_ready, second_ready, urgent, admitted, gate_last, second_last, issue_gate,
    issue_second,
):  # fmt: skip
    """Which phase issues its next operation, if any; a pass, once begun, is not interrupted.

    loaded: the first word of the program is there. Of the second phase it is before any is owed.
    """
    in_gates, in_second = Signal(bool(0)), Signal(bool(0))
    gate, second = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def decide():
        gate.next = False
        second.next = False
        if in_gates:
            gate.next = gate_ready and loaded
        elif in_second or urgent:
            second.next = second_ready
        elif gate_ready and loaded and admitted:
            gate.next = True
        else:
            second.next = second_ready

    @always_comb
    def tell():
        issue_gate.next = gate
        issue_second.next = second

    @always(clk.posedge)
    def keep():
        if rst:
            in_gates.next = False
            in_second.next = False
        else:
            if gate:
                in_gates.next = not gate_last
            if second:
                in_second.next = not second_last

    return decide, tell, keep


@block
def drain_timer(
    clk, rst, issue_gate, gate_last, gate_chunks, issue_second, second_last, second_chunks, idle,
    shifting,
):  # fmt: skip
    """Counts the cycles in which the drain is taken by the row that ended last."""
    busy = unsigned(len(gate_chunks))

    @always_comb
    def tell():
        idle.next = busy == 0
        shifting.next = busy != 0

    @always(clk.posedge)
    def count():
        if rst:
            busy.next = 0
        else:
            if busy != 0:
                busy.next = busy - 1
            if issue_gate and gate_last:
                busy.next = gate_chunks
            if issue_second and second_last:
                busy.next = second_chunks

    return tell, count


@block
def issued_marks(
    issue_gate, gate_start, gate_x_done, gate_y_done, gate_final, issue_second, second_final,
    begins, x_taken, y_taken, gates_done, second_done, second_x_done=None, x_freed=None,
):  # fmt: skip
    """The marks of the operation that is issued: what begins and what ends with it.

    begins: a frame. x_taken, y_taken: it is the last of the first phase that reads x, or y. gates_done,
    second_done: the last of a phase. x_freed: of a second phase that reads x, its last one that does.
    """

    @always_comb
    def look():
        begins.next = issue_gate and gate_start
        x_taken.next = issue_gate and gate_x_done
        y_taken.next = issue_gate and gate_y_done
        gates_done.next = issue_gate and gate_final
        second_done.next = issue_second and second_final

    @always_comb
    def look_at_x():
        x_freed.next = issue_second and second_x_done

    return look if x_freed is None else (look, look_at_x)


def readiness_leaf(design: Structure) -> Leaf:
    """Readiness of both phases; ports: see `readiness`."""
    program, pages = program_for(design), design.hardware.frames_in_flight
    x_groups, m_groups = design.cell.input_blocks, program.cell_groups
    need = Word(program.field_bits["need"])
    return Leaf(
        "readiness",
        readiness,
        ins(gate_source=Word(program.field_bits["source"]), gate_need=need, second_need=need)
        | ins(gate_last=Bit(), gate_start=Bit(), second_last=Bit())
        | ins(**dict.fromkeys(("y_complete", "room", "owed", "idle"), Bit()))
        | ins(
            x_available=Word(bits_for(2 * x_groups + 1)),
            y_available=Word(bits_for(2 * program.output_groups + 1)),
            m_available=Word(bits_for(pages * m_groups + 1)),
        )
        | outs(gate_ready=Bit(), second_ready=Bit(), urgent=Bit(), admitted=Bit()),
        {"x_groups": x_groups, "m_groups": m_groups, "split": design.cell.split},
    )


@made_once
def choice_leaf() -> Leaf:
    """The choice between the phases."""
    names = (
        "clk",
        "rst",
        "loaded",
        "gate_ready",
        "second_ready",
        "urgent",
        "admitted",
        "gate_last",
    )
    return Leaf(
        "choice",
        choice,
        ins(**dict.fromkeys((*names, "second_last"), Bit()))
        | outs(issue_gate=Bit(), issue_second=Bit()),
    )


@made_once
def timer_leaf(chunk_bits: int) -> Leaf:
    """The timer of the drain; chunk_bits: of the cycles that a row takes."""
    chunks = Word(chunk_bits)
    return Leaf(
        "drain_timer",
        drain_timer,
        ins(clk=Bit(), rst=Bit(), issue_gate=Bit(), gate_last=Bit(), issue_second=Bit())
        | ins(second_last=Bit(), gate_chunks=chunks, second_chunks=chunks)
        | outs(idle=Bit(), shifting=Bit()),
    )


@made_once
def marks_leaf(second_reads_x: bool) -> Leaf:
    """The marks of the operation that is issued."""
    flags = ("issue_gate", "gate_start", "gate_x_done", "gate_y_done", "gate_final")
    marks = ("begins", "x_taken", "y_taken", "gates_done", "second_done")
    ports = ins(**dict.fromkeys((*flags, "issue_second", "second_final"), Bit()))
    ports |= outs(**dict.fromkeys(marks, Bit()))
    if second_reads_x:
        ports |= ins(second_x_done=Bit()) | outs(x_freed=Bit())
    return Leaf("issued_marks", issued_marks, ports)
