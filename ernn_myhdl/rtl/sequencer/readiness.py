"""What is ready in the next cycle: the registers that a decision begins with.

Each is found in the cycle before, for all that the decision of that cycle may be: `_stays` is what holds if no operation is issued,
`_gate` and `_second` what holds if that of the first or of the second phase is, `_follows` if the one of the own phase is. The
decision itself only chooses between them.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned
from ernn_myhdl.program.program import program_for


@block
def drain_timer(
    clk, rst, issue_gate, gate_last, gate_chunks, issue_second, second_last, second_chunks,
    idle_stays, idle_gate, idle_second, shifting,
):  # fmt: skip
    """Counts the cycles in which the drain is taken by the row that ended last. idle_: it takes another row in the next cycle."""
    busy, moving, ending = unsigned(len(gate_chunks)), Signal(bool(0)), Signal(bool(0))

    @always_comb
    def look():
        ending.next = (not moving) or busy == 1

    @always_comb
    def tell():
        shifting.next = moving
        idle_stays.next = ending
        if gate_last:
            idle_gate.next = gate_chunks == 0
        else:
            idle_gate.next = ending
        if second_last:
            idle_second.next = second_chunks == 0
        else:
            idle_second.next = ending

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

    return look, tell, count


@block
def gate_readiness(
    clk, rst, loaded, issue_gate, issue_second, gate_last, gate_start, next_last, next_start, gate_lacks, gate_next_lacks,
    idle_stays, idle_gate, idle_second, room_stays, room_follows, gate_ready,
):  # fmt: skip
    """Whether the next operation of the first phase has its operands, an idle drain for the end of a row, and room for a new frame.

    next_: of the operation behind the one that may be issued. loaded: both words are there.
    """
    idle, waits, goes = (Signal(bool(0)) for _ in range(3))

    @always_comb
    def look():
        if issue_second:
            idle.next = idle_second
        else:
            idle.next = idle_stays

    @always_comb
    def can():
        waits.next = ((not gate_last) or idle) and ((not gate_start) or room_stays)
        goes.next = ((not next_last) or idle_gate) and ((not next_start) or room_follows)

    @always(clk.posedge)
    def keep():
        if rst or not loaded:
            gate_ready.next = False
        elif issue_gate:
            gate_ready.next = goes and not gate_next_lacks
        else:
            gate_ready.next = waits and not gate_lacks

    return look, can, keep


@block
def second_readiness(
    clk, rst, issue_gate, issue_second, in_gates, gate_last, second_last, next_last, second_lacks, second_next_lacks,
    idle_stays, idle_gate, idle_second, owed_stays, owed_gate, owed_second, second_ready,
):  # fmt: skip
    """Whether a second phase is owed, its next operation has its operands, and an idle drain for the end of a row; and no pass of the
    first phase is begun, in_gates.

    Such a phase is owed long after a reset, when its words are there.
    """
    waits, goes = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def can():
        if issue_gate:
            waits.next = gate_last and owed_gate and ((not second_last) or idle_gate)
        else:
            waits.next = (not in_gates) and owed_stays and ((not second_last) or idle_stays)
        goes.next = owed_second and ((not next_last) or idle_second)

    @always(clk.posedge)
    def keep():
        if rst:
            second_ready.next = False
        elif issue_second:
            second_ready.next = goes and not second_next_lacks
        else:
            second_ready.next = waits and not second_lacks

    return can, keep


@block
def gate_turn(
    clk, rst, issue_gate, issue_second, gate_last, second_last, gate_start, next_start, x_stays, x_follows, y_stays, y_follows,
    m_stays, m_follows, owed_stays, owed_gate, owed_second, in_gates, turn, gate_source=None, next_source=None,
):  # fmt: skip
    """Whether it is the turn of the first phase, before the second one; a pass, once begun, is not interrupted.

    It is in a pass of it. Between passes it is unless all m is there of a second phase that is owed, and unless a pass could keep the lanes
    from that: with one owed, the first pass of a frame begins with all of its x and y only. x_, y_, m_: all of a frame are
    there. in_gates: a pass of the first phase is begun. gate_source, next_source: of a split cell, in which a pass of x waits
    for x and one of y for y.
    """
    in_second, began = Signal(bool(0)), Signal(bool(0))
    waits, from_gate, from_second = (Signal(bool(0)) for _ in range(3))
    stays_admitted, follows_admitted = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def tell():
        in_gates.next = began

    @always_comb
    def admit():
        stays_admitted.next = (not gate_start) or (x_stays and y_stays)
        follows_admitted.next = (not next_start) or (x_follows and y_follows)

    @always_comb
    def admit_part():
        if gate_source == 0:
            stays_admitted.next = (not gate_start) or x_stays
        else:
            stays_admitted.next = y_stays
        if next_source == 0:
            follows_admitted.next = (not next_start) or x_follows
        else:
            follows_admitted.next = y_follows

    @always_comb
    def look():
        waits.next = (not in_second) and ((not owed_stays) or (stays_admitted and not m_stays))
        from_gate.next = (not gate_last) or (not owed_gate) or (follows_admitted and not m_stays)
        from_second.next = second_last and ((not owed_second) or (stays_admitted and not m_follows))

    @always(clk.posedge)
    def keep():
        if rst:
            began.next = False
            in_second.next = False
            turn.next = False
        elif issue_gate:
            began.next = not gate_last
            turn.next = from_gate
        elif issue_second:
            in_second.next = not second_last
            turn.next = from_second
        else:
            turn.next = began or waits

    return tell, admit if gate_source is None else admit_part, look, keep


def _bits(*names: str) -> dict[str, Bit]:
    return dict.fromkeys(names, Bit())


IDLE = ("idle_stays", "idle_gate", "idle_second")
OWED = ("owed_stays", "owed_gate", "owed_second")
ISSUED = ("clk", "rst", "issue_gate", "issue_second")


@made_once
def timer_leaf(chunk_bits: int) -> Leaf:
    """The timer of the drain; chunk_bits: of the cycles that a row takes."""
    chunks = Word(chunk_bits)
    ports = ins(**_bits(*ISSUED, "gate_last", "second_last"))
    ports |= ins(gate_chunks=chunks, second_chunks=chunks) | outs(**_bits(*IDLE, "shifting"))
    return Leaf("drain_timer", drain_timer, ports)


@made_once
def gate_leaf() -> Leaf:
    """Readiness of the first phase."""
    fields = ("gate_last", "gate_start", "next_last", "next_start", "gate_lacks", "gate_next_lacks")
    ports = ins(**_bits(*ISSUED, "loaded", *fields, *IDLE, "room_stays", "room_follows"))
    return Leaf("gate_readiness", gate_readiness, ports | outs(gate_ready=Bit()))


@made_once
def second_leaf() -> Leaf:
    """Readiness of the second phase."""
    fields = (
        "in_gates",
        "gate_last",
        "second_last",
        "next_last",
        "second_lacks",
        "second_next_lacks",
    )
    ports = ins(**_bits(*ISSUED, *fields, *IDLE, *OWED)) | outs(second_ready=Bit())
    return Leaf("second_readiness", second_readiness, ports)


def turn_leaf(design: Structure) -> Leaf:
    """Whether it is the turn of the first phase."""
    fields = ("gate_last", "second_last", "gate_start", "next_start")
    whole = (f"{source}_{when}" for source in "xym" for when in ("stays", "follows"))
    ports = ins(**_bits(*ISSUED, *fields, *whole, *OWED)) | outs(in_gates=Bit(), turn=Bit())
    if design.cell.split:
        source = Word(program_for(design).field_bits["source"])
        ports |= ins(gate_source=source, next_source=source)
    return Leaf("gate_turn", gate_turn, ports)
