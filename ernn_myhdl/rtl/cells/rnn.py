"""The element-wise unit of a vanilla RNN.

Per block of k cells:

    z = saturate(a + bias)
    tanh:  y = tanh(z), masked
    relu:  y = saturate(round(z)) where z >= 0, or zero; masked

The products of the previous y are in a, and nothing else is kept: the unit reads no state.
"""

from __future__ import annotations

from myhdl import always, block

from ernn_myhdl.design.cells import Cell, RnnCell
from ernn_myhdl.design.structure import Arithmetic
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Word
from ernn_myhdl.rtl import pwl, rounding
from ernn_myhdl.rtl.cells.elementwise import (
    BIAS_LATENCY,
    MASK_LATENCY,
    Builder,
    Unit,
    arrays_leaf,
)

PREACTIVATION_LATENCY = BIAS_LATENCY + rounding.LATENCY
#: Cycles of the activation, the mask included, which stands behind tanh and before the rounding of relu.
ACTIVATION_CYCLES = {
    "tanh": pwl.LATENCY + MASK_LATENCY,
    "relu": MASK_LATENCY + rounding.LATENCY,
}


@block
def rectify(clk, source, mask, target, count):
    """target = source where that is not negative and the mask bit is 1, or zero."""

    @always(clk.posedge)
    def select():
        for i in range(count):
            # < 0 is one bit; of >= 0 Yosys makes a subtraction
            if source[i] < 0 or not mask[i]:
                target[i].next = 0
            else:
                target[i].next = source[i]

    return select


def unit(design: Arithmetic, cycles: int) -> Unit:
    """The unit of the sums. Ports of its block, beside those of every unit: bias_0, mask."""
    f = design.formats
    b = Builder(design, "cell_block", 1, cycles)
    total = b.biased("sum", b.rows[0], b.array("bias_0", b.word))
    source = b.saturated("sum", total)
    b.probe("preactivations_0", PREACTIVATION_LATENCY, source)
    mask = b.n.input("mask", Word(b.k))
    result = b.output("result", f.output.word)
    if design.cell.tables(f, design.activations):
        squashed = b.activated("sum", "output", source)
        b.masked(squashed, mask, PREACTIVATION_LATENCY + pwl.LATENCY, result)
    else:
        rectified = _rectified(b, source, mask)
        b.rounded("output", rectified, f.preactivation.frac, f.output, result)
    return Unit(
        block=b.n,
        rows=1,
        parameters=(("bias_0", "bias", 0), ("mask", "mask", 0)),
        latency=latencies(design.cell)[0],
        state_latency=None,
        reads_state=False,
        multipliers=0,
    )


def rectify_leaf(count: int, word: int) -> Leaf:
    """`rectify` of so many words."""
    words, more = {"source": word}, {"mask": Word(count)}
    return arrays_leaf("rectify", rectify, count, words, {"target": word}, {}, (), more)


def _rectified(b: Builder, source: Net, mask: Net) -> Net:
    leaf = rectify_leaf(b.k, b.word)
    held = b.held("hold_mask", mask, PREACTIVATION_LATENCY)
    return b.n.add("rectify", leaf, clk=b.clk, source=source, mask=held)["target"]


def units(design: Arithmetic, cycles: int) -> tuple[Unit, ...]:
    """The one unit, which takes a block in so many cycles."""
    return (unit(design, cycles),)


def latencies(cell: Cell) -> tuple[int, ...]:
    """Its latency."""
    assert isinstance(cell, RnnCell)
    return (PREACTIVATION_LATENCY + ACTIVATION_CYCLES[cell.activation],)
