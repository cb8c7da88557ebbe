"""The choice of the next operation: what is ready, which phase goes, and what follows from it."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned
from ernn_myhdl.program.program import program_for


@block
def readiness(
    gate_there, gate_last, gate_start, second_there, second_last, x_whole, m_whole, y_complete, room, owed, idle,
    gate_ready, second_ready, urgent, admitted, gate_source=None,
):  # fmt: skip
    """Whether the next operation of each phase has what it needs, and whether its pass may begin.

    gate_there, second_there: its operands are there; x_whole, m_whole, y_complete: all of a frame. gate_ready, second_ready:
    operands, an idle drain for the end of a row, room for a new frame. urgent: a second phase has all of its m. admitted: a gate
    pass cannot keep the lanes from a second phase. gate_source: of a split cell. All inputs are registers.
    """

    @always_comb
    def can():
        gate_ready.next = gate_there and ((not gate_last) or idle) and ((not gate_start) or room)
        second_ready.next = owed and second_there and ((not second_last) or idle)
        urgent.next = owed and m_whole

    @always_comb
    def admit():
        admitted.next = (not gate_start) or (not owed) or (x_whole and y_complete)

    @always_comb
    def admit_part():
        if gate_source == 0:
            admitted.next = (not gate_start) or (not owed) or x_whole
        else:
            admitted.next = (not owed) or y_complete

    return can, admit if gate_source is None else admit_part


@block
def choice(
    clk, rst, gate_ready, second_ready, urgent, admitted, gate_last, second_last, issue_gate, issue_second,
):  # fmt: skip
    """Which phase issues its next operation, if any; a pass, once begun, is not interrupted."""
    in_gates, in_second = Signal(bool(0)), Signal(bool(0))
    gate, second = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def decide():
        gate.next = False
        second.next = False
        if in_gates:
            gate.next = gate_ready
        elif in_second or urgent:
            second.next = second_ready
        elif gate_ready and admitted:
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
    """Counts the cycles in which the drain is taken by the row that ended last; whether it is, is a register."""
    busy, moving = unsigned(len(gate_chunks)), Signal(bool(0))

    @always_comb
    def tell():
        idle.next = not moving
        shifting.next = moving

    @always(clk.posedge)
    def count():
        if rst:
            busy.next = 0
            moving.next = False
        else:
            if moving:
                busy.next = busy - 1
                moving.next = busy != 1
            if issue_gate and gate_last:
                busy.next = gate_chunks
                moving.next = gate_chunks != 0
            if issue_second and second_last:
                busy.next = second_chunks
                moving.next = second_chunks != 0

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
    operation = ("gate_there", "gate_last", "gate_start", "second_there", "second_last")
    frame = ("x_whole", "m_whole", "y_complete", "room", "owed", "idle")
    ports = ins(**dict.fromkeys((*operation, *frame), Bit()))
    ports |= outs(gate_ready=Bit(), second_ready=Bit(), urgent=Bit(), admitted=Bit())
    if design.cell.split:
        ports |= ins(gate_source=Word(program_for(design).field_bits["source"]))
    return Leaf("readiness", readiness, ports)


@made_once
def choice_leaf() -> Leaf:
    """The choice between the phases."""
    words = ("gate_ready", "second_ready", "urgent", "admitted", "gate_last", "second_last")
    return Leaf(
        "choice",
        choice,
        ins(**dict.fromkeys(("clk", "rst", *words), Bit()))
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
