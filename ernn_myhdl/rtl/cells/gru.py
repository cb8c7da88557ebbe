"""The element-wise units of the GRU.

Per block of k cells, with h the old state, zero at the first frame of a sequence:

    z_q = saturate(a_q + bias_q),  r, z = sigmoid(z_q)

    reset before:  m   = saturate(round(r * h))                                    first phase
                   z_n = saturate(a_n + bias_n)                                    second phase
    reset after:   u   = saturate(a_u + recurrent_bias)
                   z_n = saturate(a_n + bias_n + round(r * u))

    n  = tanh or sigmoid(z_n)
    h' = saturate(round(n + z * (h - n))), masked                                  all exact but the rounding
    y  = saturate(round(h'))

With reset before, z and h wait in memories for the second phase (`Unit.kept`).
"""

from __future__ import annotations

from myhdl import always, block, intbv

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.structure import Arithmetic
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Bit, Word, array, unsigned
from ernn_myhdl.rtl import pwl, rounding, stages
from ernn_myhdl.rtl.cells.elementwise import (
    BIAS_LATENCY,
    PEEPHOLE_LATENCY,
    Builder,
    Kept,
    Unit,
    arrays_leaf,
)

#: From the operands to a gate without product in its sum.
PREACTIVATION_LATENCY = BIAS_LATENCY + rounding.LATENCY
GATE_LATENCY = PREACTIVATION_LATENCY + pwl.LATENCY
#: Product of r and h.
RESET_LATENCY = stages.latency(stages.RESET)
#: The new state, rounded.
BLEND_LATENCY = stages.latency(stages.BLEND, stages.ROUNDING)
#: From the operands to the result of each unit: those of reset before, that of reset after.
FIRST_LATENCY = GATE_LATENCY + RESET_LATENCY + rounding.LATENCY
SECOND_LATENCY = GATE_LATENCY + BLEND_LATENCY + rounding.LATENCY
AFTER_LATENCY = GATE_LATENCY + PEEPHOLE_LATENCY + pwl.LATENCY + BLEND_LATENCY + rounding.LATENCY


@block
def multiply_state(clk, fresh, gate, state, product, kept, count, gate_word, state_word):
    """product = gate * state, kept = state, where the state counts as zero where fresh."""
    gate_1, state_1 = array(count, gate_word), array(count, state_word)

    @always(clk.posedge)
    def operands():
        for i in range(count):
            gate_1[i].next = gate[i]
            if fresh:
                state_1[i].next = 0
            else:
                state_1[i].next = state[i]

    @always(clk.posedge)
    def multiply():
        for i in range(count):
            product[i].next = gate_1[i] * state_1[i]
            kept[i].next = state_1[i]

    return operands, multiply


@block
def blend(clk, fresh, gate, state, candidate, mask, total, count, gate_word, difference_word,
          total_word, state_shift, candidate_shift, product_frac):  # fmt: skip
    """total = (candidate << product_frac) + gate * difference, or zero where the mask bit is 0, with

        difference = (state << state_shift) - (candidate << candidate_shift)

    exact. The state counts as zero where fresh.
    """
    limit = 1 << (difference_word - 1)
    gate_1, gate_2 = array(count, gate_word), array(count, gate_word)
    candidate_1, candidate_2 = array(count, gate_word), array(count, gate_word)
    candidate_3 = array(count, gate_word)
    difference, factor = array(count, difference_word), array(count, difference_word)
    product = array(count, gate_word + difference_word)
    mask_1, mask_2, mask_3 = unsigned(count), unsigned(count), unsigned(count)
    leaving = intbv(0, min=-limit, max=limit)
    entering = intbv(0, min=-limit, max=limit)
    most = 1 << (total_word - 1)
    exact = intbv(0, min=-most, max=most)

    @always(clk.posedge)
    def subtract():
        mask_1.next = mask
        for i in range(count):
            leaving[:] = 0
            if not fresh:
                leaving[:] = state[i]
            leaving[:] = leaving << state_shift
            entering[:] = candidate[i]
            entering[:] = entering << candidate_shift
            difference[i].next = leaving - entering
            gate_1[i].next = gate[i]
            candidate_1[i].next = candidate[i]

    # the multiplier's own operand registers
    @always(clk.posedge)
    def operands():
        mask_2.next = mask_1
        for i in range(count):
            factor[i].next = difference[i]
            gate_2[i].next = gate_1[i]
            candidate_2[i].next = candidate_1[i]

    @always(clk.posedge)
    def multiply():
        mask_3.next = mask_2
        for i in range(count):
            product[i].next = gate_2[i] * factor[i]
            candidate_3[i].next = candidate_2[i]

    @always(clk.posedge)
    def add():
        for i in range(count):
            exact[:] = candidate_3[i]
            exact[:] = exact << product_frac
            if mask_3[i]:
                total[i].next = exact + product[i]
            else:
                total[i].next = 0

    return subtract, operands, multiply, add


def _blended(b: Builder, fresh: Net, gate: Net, state: Net, candidate: Net, mask: Net, at: int):
    """h and y from operands that are there at cycle `at`; adds the outputs and their probes."""
    f = b.formats
    g, c = f.gate, f.cell_state
    frac = max(g.frac, c.frac)
    state_shift, candidate_shift = frac - c.frac, frac - g.frac
    difference = max(c.word + state_shift, g.word + candidate_shift) + 1
    word = max(g.word + difference, g.word + frac) + 1
    exact = b.n.add(
        "blend",
        arrays_leaf(
            "blend",
            blend,
            b.k,
            {"gate": g.word, "state": c.word, "candidate": g.word},
            {"total": word},
            {
                "gate_word": g.word,
                "difference_word": difference,
                "total_word": word,
                "state_shift": state_shift,
                "candidate_shift": candidate_shift,
                "product_frac": frac,
            },
            ("fresh",),
            {"mask": Word(b.k)},
        ),
        clk=b.clk,
        fresh=fresh,
        gate=gate,
        state=state,
        candidate=candidate,
        mask=mask,
    )["total"]
    new_state = b.output("new_state", c.word)
    b.rounded("state", exact, g.frac + frac, c, new_state)
    b.rounded("output", new_state, c.frac, f.output, b.output("result", f.output.word))
    b.probe("cell_state", at + BLEND_LATENCY, new_state)


def first_unit(design: Arithmetic, cycles: int) -> Unit:
    """The unit of the reset and update gates of a GRU with reset before: m, and z and h for the second.

    Ports of its block, beside those of every unit: bias_0, bias_1; state, fresh; update and old_state.
    """
    f = design.formats.given
    b = Builder(design, "gates_block", 2, cycles)
    fresh = b.n.input("fresh", Bit())
    state = b.array("state", f.cell_state.word)
    gates = []
    for q, name in enumerate(("reset", "update")):
        total = b.biased(name, b.rows[q], b.array(f"bias_{q}", b.word))
        source = b.saturated(name, total)
        gates.append(b.activated(name, "gate", source))
        b.probe(f"preactivations_{q}", PREACTIVATION_LATENCY, source)
        b.probe(f"gates_{q}", GATE_LATENCY, gates[q])
    word = f.gate.word + f.cell_state.word
    multiplied = b.n.add(
        "multiply_state",
        arrays_leaf(
            "multiply_state",
            multiply_state,
            b.k,
            {"gate": f.gate.word, "state": f.cell_state.word},
            {"product": word, "kept": f.cell_state.word},
            {"gate_word": f.gate.word, "state_word": f.cell_state.word},
            ("fresh",),
        ),
        clk=b.clk,
        fresh=b.held("hold_fresh", fresh, GATE_LATENCY),
        gate=gates[0],
        state=b.held("hold_state", state, GATE_LATENCY),
        kept=b.output("old_state", f.cell_state.word),
    )["product"]
    b.n.wire(b.output("update", f.gate.word), b.held("hold_update", gates[1], RESET_LATENCY))
    result = b.output("result", f.cell_output.word)
    b.rounded("reset_state", multiplied, f.gate.frac + f.cell_state.frac, f.cell_output, result)
    done = GATE_LATENCY + RESET_LATENCY
    return Unit(
        block=b.n,
        rows=2,
        parameters=(("bias_0", "bias", 0), ("bias_1", "bias", 1)),
        latency=FIRST_LATENCY,
        state_latency=None,
        reads_state=True,
        multipliers=1,
        kept=(Kept("update", f.gate.word, done), Kept("old_state", f.cell_state.word, done)),
    )


def second_unit(design: Arithmetic) -> Unit:
    """The unit of the candidate of a GRU with reset before: h and y.

    Ports of its block, beside those of every unit: bias_0; update and old_state; mask; new_state.
    """
    f = design.formats.given
    b = Builder(design, "candidate_block", 1)
    total = b.biased("candidate", b.rows[0], b.array("bias_0", b.word))
    source = b.saturated("candidate", total)
    candidate = b.activated("candidate", "candidate", source)
    b.probe("preactivations_2", PREACTIVATION_LATENCY, source)
    b.probe("gates_2", GATE_LATENCY, candidate)
    _blended(
        b,
        b.n.zero("never", Bit()),  # the first unit has cleared the state
        b.held("hold_update", b.array("update", f.gate.word), GATE_LATENCY),
        b.held("hold_state", b.array("old_state", f.cell_state.word), GATE_LATENCY),
        candidate,
        b.held("hold_mask", b.n.input("mask", Word(b.k)), GATE_LATENCY),
        GATE_LATENCY,
    )
    return Unit(
        block=b.n,
        rows=1,
        parameters=(("bias_0", "bias", 2), ("mask", "mask", 0)),
        latency=SECOND_LATENCY,
        state_latency=GATE_LATENCY + BLEND_LATENCY,
        reads_state=False,
        multipliers=1,
    )


def after_unit(design: Arithmetic, cycles: int) -> Unit:
    """The unit of a GRU with reset after; its rows are reset, update, candidate of x, candidate of h.

    Ports of its block, beside those of every unit: bias_0..2, recurrent_bias; state, fresh; mask;
    new_state.
    """
    f = design.formats.given
    b = Builder(design, "cell_block", 4, cycles)
    fresh = b.n.input("fresh", Bit())
    state = b.array("state", f.cell_state.word)
    mask = b.n.input("mask", Word(b.k))
    biases = [b.array(f"bias_{q}", b.word) for q in range(3)]
    biases.append(b.array("recurrent_bias", b.word))
    reset_total, update_total, candidate_total, recurrent_total = (
        b.biased(row.name, rows, bias)
        for row, rows, bias in zip(design.cell.rows, b.rows, biases, strict=True)
    )
    opening = b.saturated("reset", reset_total)
    updating = b.saturated("update", update_total)
    recurrent = b.saturated("recurrent", recurrent_total)
    reset, update = b.activated("reset", "gate", opening), b.activated("update", "gate", updating)
    entering = b.with_product(
        "candidate",
        b.product_leaf("add_recurrent", f.gate, f.preactivation),
        b.n.zero("never", Bit()),
        b.held("hold_candidate", candidate_total, GATE_LATENCY),
        reset,
        b.held("hold_recurrent", recurrent, pwl.LATENCY),
    )
    candidate = b.activated("candidate", "candidate", entering)
    summed = GATE_LATENCY + PEEPHOLE_LATENCY
    at = summed + pwl.LATENCY
    for q, net in ((0, opening), (1, updating), (3, recurrent)):
        b.probe(f"preactivations_{q}", PREACTIVATION_LATENCY, net)
    b.probe("preactivations_2", summed, entering)
    b.probe("gates_0", GATE_LATENCY, reset)
    b.probe("gates_1", GATE_LATENCY, update)
    b.probe("gates_2", at, candidate)
    _blended(
        b,
        b.held("hold_fresh", fresh, at),
        b.held("hold_update", update, at - GATE_LATENCY),
        b.held("hold_state", state, at),
        candidate,
        b.held("hold_mask", mask, at),
        at,
    )
    return Unit(
        block=b.n,
        rows=4,
        parameters=(
            *((f"bias_{q}", "bias", q) for q in range(3)),
            ("recurrent_bias", "recurrent_bias", 0),
            ("mask", "mask", 0),
        ),
        latency=AFTER_LATENCY,
        state_latency=at + BLEND_LATENCY,
        reads_state=True,
        multipliers=2,
    )


def units(design: Arithmetic, cycles: int) -> tuple[Unit, ...]:
    """One unit with reset after; with reset before that of the gates and that of the candidate.

    cycles: for a block in the first phase; the candidate's unit takes what the second phase gives in a cycle.
    """
    if design.cell.reset == "after":
        return (after_unit(design, cycles),)
    return first_unit(design, cycles), second_unit(design)


def latencies(cell: Cell) -> tuple[int, ...]:
    """Latency of each."""
    return (AFTER_LATENCY,) if cell.reset == "after" else (FIRST_LATENCY, SECOND_LATENCY)
