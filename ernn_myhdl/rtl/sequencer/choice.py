"""The choice of the next operation: which phase goes, and what begins and ends with it."""

from __future__ import annotations

from myhdl import Signal, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit


@block
def choice(
    gate_ready, gate_turn, second_ready, gate_start, gate_x_done, gate_y_done, gate_final, second_final, issue_gate, issue_second,
    begins, x_taken, y_taken, gates_done, second_done, second_x_done=None, x_freed=None,
):  # fmt: skip
    """Which phase issues its next operation, if any, and the marks of that. gate_ready, gate_turn, second_ready: registers.

    begins: a frame begins. x_taken, y_taken: the operation is the last of the first phase that reads x, or y. gates_done,
    second_done: the last of a phase. x_freed: of a second phase that reads x, its last one that does.
    """
    gate, second = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def decide():
        gate.next = gate_ready and gate_turn
        second.next = second_ready and not (gate_ready and gate_turn)

    @always_comb
    def look():
        issue_gate.next = gate
        issue_second.next = second
        begins.next = gate and gate_start
        x_taken.next = gate and gate_x_done
        y_taken.next = gate and gate_y_done
        gates_done.next = gate and gate_final
        second_done.next = second and second_final

    @always_comb
    def look_at_x():
        x_freed.next = second and second_x_done

    return (decide, look) if x_freed is None else (decide, look, look_at_x)


@made_once
def choice_leaf(second_reads_x: bool) -> Leaf:
    """The choice between the phases, and its marks."""
    fields = ("gate_start", "gate_x_done", "gate_y_done", "gate_final", "second_final")
    marks = ("begins", "x_taken", "y_taken", "gates_done", "second_done")
    ports = ins(**dict.fromkeys(("gate_ready", "gate_turn", "second_ready", *fields), Bit()))
    ports |= outs(**dict.fromkeys(("issue_gate", "issue_second", *marks), Bit()))
    if second_reads_x:
        ports |= ins(second_x_done=Bit()) | outs(x_freed=Bit())
    return Leaf("choice", choice, ports)
