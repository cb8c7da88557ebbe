"""The element-wise unit of a linear layer: y = saturate(round(saturate(a + bias))), masked."""

from __future__ import annotations

from myhdl import always, block

from ernn_myhdl.design.design import Design
from ernn_myhdl.hdl.types import Word
from ernn_myhdl.rtl import rounding
from ernn_myhdl.rtl.cells.elementwise import BIAS_LATENCY, Builder, Unit, arrays_leaf

PREACTIVATION_LATENCY = BIAS_LATENCY + rounding.LATENCY
MASK_LATENCY = 1
LATENCY = PREACTIVATION_LATENCY + MASK_LATENCY + rounding.LATENCY


@block
def mask_block(clk, source, mask, target, count):
    """target = source, or zero where the mask bit is 0."""

    @always(clk.posedge)
    def select():
        for i in range(count):
            if mask[i]:
                target[i].next = source[i]
            else:
                target[i].next = 0

    return select


def unit(design: Design) -> Unit:
    """The unit of the sums. Ports of its block, beside those of every unit: bias_0, mask."""
    f = design.formats.given
    b = Builder(design, "sum_block", 1)
    total = b.biased("sum", b.rows[0], b.array("bias_0", b.word))
    source = b.saturated("sum", total)
    b.probe("preactivations_0", PREACTIVATION_LATENCY, source)
    masked = b.n.add(
        "mask_block",
        arrays_leaf(
            "mask_block", mask_block, b.k, {"source": b.word}, {"target": b.word}, {}, (),
            {"mask": Word(b.k)},
        ),
        clk=b.clk,
        source=source,
        mask=b.held("hold_mask", b.n.input("mask", Word(b.k)), PREACTIVATION_LATENCY),
    )["target"]  # fmt: skip
    result = b.output("result", f.output.word)
    b.rounded("output", masked, f.preactivation.frac, f.output, result)
    return Unit(
        block=b.n,
        rows=1,
        parameters=(("bias_0", "bias", 0), ("mask", "mask", 0)),
        latency=LATENCY,
        state_latency=None,
        reads_state=False,
        multipliers=0,
    )
