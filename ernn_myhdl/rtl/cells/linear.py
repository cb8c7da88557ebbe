"""The element-wise unit of a linear layer: y = saturate(round(saturate(a + bias))), masked."""

from __future__ import annotations

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.structure import Arithmetic
from ernn_myhdl.hdl.types import Word
from ernn_myhdl.rtl import rounding
from ernn_myhdl.rtl.cells.elementwise import BIAS_LATENCY, MASK_LATENCY, Builder, Unit

PREACTIVATION_LATENCY = BIAS_LATENCY + rounding.LATENCY
LATENCY = PREACTIVATION_LATENCY + MASK_LATENCY + rounding.LATENCY


def unit(design: Arithmetic) -> Unit:
    """The unit of the sums. Ports of its block, beside those of every unit: bias_0, mask."""
    f = design.formats.given
    b = Builder(design, "sum_block", 1)
    total = b.biased("sum", b.rows[0], b.array("bias_0", b.word))
    source = b.saturated("sum", total)
    b.probe("preactivations_0", PREACTIVATION_LATENCY, source)
    masked = b.masked(source, b.n.input("mask", Word(b.k)), PREACTIVATION_LATENCY)
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


def units(design: Arithmetic) -> tuple[Unit, ...]:
    """The one unit."""
    return (unit(design),)


def latencies(cell: Cell) -> tuple[int, ...]:
    """Its latency."""
    return (LATENCY,)
