"""The element-wise unit of the LSTM: from gate rows to the new cell state and the cell's output.

Per block of k cells:

    z_q = saturate(a_q + bias_q + round(p_q * c))      q = input, forget, output with peepholes
    i, f, o = sigmoid(z),  g = tanh or sigmoid(z_g)
    c' = saturate(round(f * c + i * g))                 both products exact
    m  = saturate(round(o * tanh(c'))), masked

The peephole of the output gate sees c'. The old state is zero at the first frame of a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from myhdl import always, block, intbv

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.structure import Arithmetic
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Array, Bit, Word, array
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import pwl, rounding, stages
from ernn_myhdl.rtl.cells.elementwise import (
    BIAS_LATENCY,
    PEEPHOLE_LATENCY,
    Builder,
    Unit,
    arrays_leaf,
)

STATE_LATENCY = stages.latency(stages.STATE, stages.ROUNDING)
OUTPUT_LATENCY = stages.latency(stages.OUTPUT, stages.ROUNDING)


@dataclass(frozen=True)
class CellTiming:
    """Cycles from the operands (rows, parameters, state) of a block to each of its results."""

    peepholes: bool

    @property
    def preactivation(self) -> int:
        return PEEPHOLE_LATENCY if self.peepholes else BIAS_LATENCY + rounding.LATENCY

    @property
    def gates(self) -> int:
        """Input, forget and candidate gates."""
        return self.preactivation + pwl.LATENCY

    @property
    def state(self) -> int:
        return self.gates + STATE_LATENCY

    @property
    def tanh(self) -> int:
        return self.state + pwl.LATENCY

    @property
    def output_preactivation(self) -> int:
        if not self.peepholes:
            return self.preactivation
        return self.state + PEEPHOLE_LATENCY

    @property
    def output_gate(self) -> int:
        return self.output_preactivation + pwl.LATENCY

    @property
    def total(self) -> int:
        return max(self.tanh, self.output_gate) + OUTPUT_LATENCY


@block
def update_state(clk, fresh, forget, state, enter, candidate, total, count, gate_word, state_word,
                 forget_shift, enter_shift, total_word):  # fmt: skip
    """total = (forget * state << forget_shift) + (enter * candidate << enter_shift), exact.

    The state counts as zero where fresh.
    """
    limit = 1 << (total_word - 1)
    forget_1, state_1 = array(count, gate_word), array(count, state_word)
    enter_1, candidate_1 = array(count, gate_word), array(count, gate_word)
    kept, added = array(count, gate_word + state_word), array(count, 2 * gate_word)
    remembered = intbv(0, min=-limit, max=limit)
    entered = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def operands():
        for i in range(count):
            forget_1[i].next = forget[i]
            enter_1[i].next = enter[i]
            candidate_1[i].next = candidate[i]
            if fresh:
                state_1[i].next = 0
            else:
                state_1[i].next = state[i]

    @always(clk.posedge)
    def multiply():
        for i in range(count):
            kept[i].next = forget_1[i] * state_1[i]
            added[i].next = enter_1[i] * candidate_1[i]

    @always(clk.posedge)
    def add():
        for i in range(count):
            remembered[:] = kept[i]
            entered[:] = added[i]
            remembered[:] = remembered << forget_shift
            entered[:] = entered << enter_shift
            total[i].next = remembered + entered

    return operands, multiply, add


@block
def multiply_output(clk, gate, squashed, mask, product, count, gate_word):
    """product = gate * squashed, or zero where the mask bit is 0."""
    gate_1, squashed_1 = array(count, gate_word), array(count, gate_word)

    @always(clk.posedge)
    def operands():
        for i in range(count):
            gate_1[i].next = gate[i]
            if mask[i]:
                squashed_1[i].next = squashed[i]
            else:
                squashed_1[i].next = 0

    @always(clk.posedge)
    def multiply():
        for i in range(count):
            product[i].next = gate_1[i] * squashed_1[i]

    return operands, multiply


def _update_leaf(k: int, gate: Format, state: Format, frac: int) -> Leaf:
    """f c + i g of k cells, exact with `frac` fraction bits."""
    forget_shift, enter_shift = frac - gate.frac - state.frac, frac - 2 * gate.frac
    total_word = max(gate.word + state.word + forget_shift, 2 * gate.word + enter_shift) + 1
    words = {"forget": gate.word, "state": state.word, "enter": gate.word, "candidate": gate.word}
    parameters = {
        "gate_word": gate.word,
        "state_word": state.word,
        "forget_shift": forget_shift,
        "enter_shift": enter_shift,
        "total_word": total_word,
    }
    return arrays_leaf(
        "update_state", update_state, k, words, {"total": total_word}, parameters, ("fresh",)
    )


def product_leaf(k: int, word: int) -> Leaf:
    """Gate times squashed state of k cells, of words of so many bits; a product of two arrays, masked."""
    return Leaf(
        "multiply_output",
        multiply_output,
        ins(clk=Bit(), gate=Array(k, word), squashed=Array(k, word), mask=Word(k))
        | outs(product=Array(k, 2 * word)),
        {"count": k, "gate_word": word},
    )


def _first_gates(
    b: Builder,
    names: Sequence[str],
    leaf: Leaf | None,
    totals: list[Net],
    peepholes: list[Net],
    fresh: Net,
    state: Net,
) -> tuple[Net, Net, Net]:
    """Pre-activations of the input gate, the forget gate and the candidate; leaf: of a peephole, if any."""
    if leaf is None:
        first = [b.saturated(n, total) for n, total in zip(names, totals[:3], strict=False)]
        return first[0], first[1], first[2]
    waits = PEEPHOLE_LATENCY - BIAS_LATENCY - rounding.LATENCY
    return (
        b.with_product("input", leaf, fresh, totals[0], peepholes[0], state),
        b.with_product("forget", leaf, fresh, totals[1], peepholes[1], state),
        b.saturated("candidate", b.held("hold_candidate", totals[2], waits)),
    )


def unit(design: Arithmetic, cycles: int) -> Unit:
    """The unit of the gates.

    Ports of its block, beside those of every unit: bias_0..3 in the order of the gates, peephole_0..2
    (with peepholes: input, forget, output), state, fresh, mask; new_state after CellTiming.state
    cycles, result after CellTiming.total.
    """
    f, cell = design.formats.given, design.cell
    time = CellTiming(cell.peepholes)
    c, gate = f.cell_state, f.gate
    b = Builder(design, "cell_block", 4, cycles)
    n, k = b.n, b.k
    fresh = n.input("fresh", Bit())
    biases = [b.array(f"bias_{q}", b.word) for q in range(4)]
    parameters = [(f"bias_{q}", "bias", q) for q in range(4)]
    peepholes = []
    if cell.peepholes:
        peepholes = [b.array(f"peephole_{q}", f.peephole.word) for q in range(3)]
        parameters += [(f"peephole_{q}", "peephole", q) for q in range(3)]
    state = b.array("state", c.word)
    mask = n.input("mask", Word(k))
    new_state = b.output("new_state", c.word)
    result = b.output("result", f.cell_output.word)
    totals = [
        b.biased(name, row, bias)
        for name, row, bias in zip(cell.gates, b.rows, biases, strict=True)
    ]
    leaf = b.product_leaf("add_peephole", f.peephole, c) if cell.peepholes else None
    entering, forgetting, candidate = _first_gates(
        b, cell.gates, leaf, totals, peepholes, fresh, state
    )
    gates = [
        b.activated("input", "gate", entering),
        b.activated("forget", "gate", forgetting),
        b.activated("candidate", "candidate", candidate),
    ]
    frac = max(gate.frac + c.frac, 2 * gate.frac)
    exact = n.add(
        "update_state",
        _update_leaf(k, gate, c, frac),
        clk=b.clk,
        fresh=b.held("hold_fresh", fresh, time.gates),
        forget=gates[1],
        state=b.held("hold_state", state, time.gates),
        enter=gates[0],
        candidate=gates[2],
    )["total"]
    b.rounded("state", exact, frac, c, new_state)
    squashed = b.activated("state", "state", new_state)
    if leaf is not None:
        total = b.held("hold_output", totals[3], time.state)
        peephole = b.held("hold_peephole_2", peepholes[2], time.state)
        never = n.zero("never", Bit())
        opening = b.with_product("output", leaf, never, total, peephole, new_state)
    else:
        opening = b.saturated("output", totals[3])
    gates.append(b.activated("output", "gate", opening))
    ready = max(time.tanh, time.output_gate)
    product = n.add(
        "multiply_output",
        product_leaf(k, gate.word),
        clk=b.clk,
        gate=b.held("hold_output_gate", gates[3], ready - time.output_gate),
        squashed=b.held("hold_squashed", squashed, ready - time.tanh),
        mask=b.held("hold_mask", mask, ready),
    )["product"]
    b.rounded("output", product, 2 * gate.frac, f.cell_output, result)

    for q, net in enumerate((entering, forgetting, candidate)):
        b.probe(f"preactivations_{q}", time.preactivation, net)
        b.probe(f"gates_{q}", time.gates, gates[q])
    b.probe("preactivations_3", time.output_preactivation, opening)
    b.probe("gates_3", time.output_gate, gates[3])
    b.probe("cell_state", time.state, new_state)
    b.probe("cell_tanh", time.tanh, squashed)
    return Unit(
        block=n,
        rows=4,
        parameters=(*parameters, ("mask", "mask", 0)),
        latency=time.total,
        state_latency=time.state,
        reads_state=True,
        multipliers=3 + len(peepholes),  # f c, i g, o tanh
    )


def units(design: Arithmetic, cycles: int) -> tuple[Unit, ...]:
    """The one unit, which takes a block in so many cycles."""
    return (unit(design, cycles),)


def latencies(cell: Cell) -> tuple[int, ...]:
    """Its latency."""
    return (CellTiming(cell.peepholes).total,)
