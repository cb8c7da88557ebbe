"""Spectral multiply-accumulate lane: one circulant block a cycle.

For every complex bin, with the signal's spectrum a + ib and the weight's c + id,

    K1 = sum a (c + d),   K2 = sum d (a + b),   K3 = sum c (b - a)
    re = K1 - K2,         im = K1 + K3                              (made once a pass, in the drain)

so a bin takes 3 multipliers, and the two real bins one each. Nothing is rounded.

Parameters
    points k; spectrum_word, weight_word: bits; accumulator_word: bits.
Ports
    column: array(products, spectrum_word + 1): [DC, Nyquist, then a, a + b, b - a per bin].
    weights: array(k, weight_word): [DC, Nyquist, then c, d per bin].
    valid: the column and the weights are to be multiplied. Without it the operands and products
        keep their values.
    first: the product starts a row. It comes later than its column, one cycle before it acts, so that the delay
        is made once for a cluster of lanes (FIRST_DELAY); so do the tags of the drain chain (LAST_DELAY, SHIFT_DELAY).
    sums: array(products, accumulator_word): the accumulators, of which the drain chain takes the last ones of a row.
Latency LATENCY cycles from column to sums; a row of n columns takes n cycles; a new row may follow at
once. Accumulators cannot overflow (`Design.accumulator_word`). No reset of data.
Resources: one DSP48 per product (operands, product and accumulator inside), and sums of two weights.
"""

from __future__ import annotations

from myhdl import Signal, always, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, array
from ernn_myhdl.numerics.transform import spectral_products
from ernn_myhdl.rtl import stages

#: From a column to the accumulators.
LATENCY = stages.latency(stages.LANE)
#: Cycles from a column to its tags at the ports of a lane and of the drain chain.
FIRST_DELAY, LAST_DELAY, SHIFT_DELAY = 1, 2, 3


@block
def lane(
    clk, column, weights, valid, first, sums,
    points, products, spectrum_word, weight_word, accumulator_word,
):  # fmt: skip
    """See the module."""
    bins = max(points // 2, 1)
    reals = min(points, 2)
    operand_x = array(products, spectrum_word + 1)
    operand_w = array(products, weight_word + 1)
    # Either the column's or the weight's operand is a sum, never both, so no product needs more bits.
    # One more would not be the DSP48's sign, and the accumulator would be left outside.
    product = array(products, spectrum_word + weight_word + 1)
    limit = 1 << (accumulator_word - 1)
    kept = intbv(0, min=-limit, max=limit)
    multiplied, summed, starting = (Signal(bool(0)) for _ in range(3))

    # one process, not one a register: there are hundreds of lanes to elaborate and to simulate
    @always(clk.posedge)
    def pipeline():
        multiplied.next = valid
        summed.next = multiplied
        starting.next = first
        if valid:
            for i in range(products):
                operand_x[i].next = column[i]
            for i in range(reals):
                operand_w[i].next = weights[i]
            for j in range(1, bins):
                operand_w[3 * j - 1].next = weights[2 * j] + weights[2 * j + 1]
                operand_w[3 * j].next = weights[2 * j + 1]
                operand_w[3 * j + 1].next = weights[2 * j]
        if multiplied:
            for i in range(products):
                product[i].next = operand_x[i] * operand_w[i]
        # In this form, a choice of zero or the sum as one operand whatever the enable, synthesis finds
        # the DSP48's own adder, choice and result register; others are made of LUTs.
        for i in range(products):
            kept[:] = 0
            if not starting:
                kept[:] = sums[i]
            if summed:
                sums[i].next = kept + product[i]

    return pipeline


@made_once
def leaf(points: int, spectrum_word: int, weight_word: int, accumulator_word: int) -> Leaf:
    """The lane of these parameters."""
    products = spectral_products(points)
    return Leaf(
        "lane",
        lane,
        ins(
            clk=Bit(),
            column=Array(products, spectrum_word + 1),
            weights=Array(points, weight_word),
            valid=Bit(),
            first=Bit(),
        )
        | outs(sums=Array(products, accumulator_word)),
        {
            "points": points,
            "products": products,
            "spectrum_word": spectrum_word,
            "weight_word": weight_word,
            "accumulator_word": accumulator_word,
        },
    )
