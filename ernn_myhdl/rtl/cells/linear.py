"""The element-wise unit of a linear layer.

Per block of k outputs, z being saturate(a + bias):

    none               y = saturate(round(z)), masked
    relu, hard_tanh    y = limited(saturate(round(z))), masked
    leaky_relu         y = saturate(round(z, or slope z where z < 0)), masked
    hard_sigmoid       y = limited(saturate(round(slope z + 1/2))), masked
    tanh, sigmoid      y = table(z), masked
"""

from __future__ import annotations

from ernn_myhdl.design.cells import Cell, LinearCell
from ernn_myhdl.design.structure import Arithmetic
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Word
from ernn_myhdl.rtl import pwl, rounding
from ernn_myhdl.rtl.cells import activations
from ernn_myhdl.rtl.cells.elementwise import BIAS_LATENCY, MASK_LATENCY, Builder, Unit

PREACTIVATION_LATENCY = BIAS_LATENCY + rounding.LATENCY
_ROUND_AND_CLIP = rounding.LATENCY + activations.CLIP_LATENCY
#: Cycles of the activation, rounding and mask included.
ACTIVATION_CYCLES = {
    "none": MASK_LATENCY + rounding.LATENCY,
    "relu": _ROUND_AND_CLIP,
    "hard_tanh": _ROUND_AND_CLIP,
    "leaky_relu": activations.PRODUCT_LATENCY + rounding.LATENCY,
    "hard_sigmoid": activations.PRODUCT_LATENCY + _ROUND_AND_CLIP,
    "tanh": pwl.LATENCY + MASK_LATENCY,
    "sigmoid": pwl.LATENCY + MASK_LATENCY,
}


def unit(design: Arithmetic, cycles: int) -> Unit:
    """The unit of the sums. Ports of its block, beside those of every unit: bias_0, mask."""
    f, cell = design.formats.given, design.cell
    assert isinstance(cell, LinearCell)
    b = Builder(design, "sum_block", 1, cycles)
    total = b.biased("sum", b.rows[0], b.array("bias_0", b.word))
    source = b.saturated("sum", total)
    b.probe("preactivations_0", PREACTIVATION_LATENCY, source)
    mask, result = b.n.input("mask", Word(b.k)), b.output("result", f.output.word)
    if cell.tables(design.formats, design.activations):
        squashed = b.activated("sum", "output", source)
        b.masked(squashed, mask, PREACTIVATION_LATENCY + pwl.LATENCY, result)
    elif cell.activation == "none":
        masked = b.masked(source, mask, PREACTIVATION_LATENCY)
        b.rounded("output", masked, f.preactivation.frac, f.output, result)
    elif cell.activation == "leaky_relu":
        _leaky(b, cell, source, mask, result)
    else:
        _limited(b, cell, source, mask, result)
    return Unit(
        block=b.n,
        rows=1,
        parameters=(("bias_0", "bias", 0), ("mask", "mask", 0)),
        latency=latencies(cell)[0],
        state_latency=None,
        reads_state=False,
        multipliers=0,
    )


def _leaky(b: Builder, cell: LinearCell, source: Net, mask: Net, result: Net) -> None:
    """y of a leaky_relu."""
    slope, f = cell.constant, b.formats
    assert slope is not None
    leaf = activations.leaky_leaf(b.k, b.word, slope.raw, slope.frac)
    held = b.held("hold_mask", mask, PREACTIVATION_LATENCY + activations.PRODUCT_LATENCY - 1)
    made = b.n.add("leaky_relu", leaf, clk=b.clk, source=source, mask=held)["target"]
    b.rounded("output", made, f.preactivation.frac + slope.frac, f.output, result)


def _limited(b: Builder, cell: LinearCell, source: Net, mask: Net, result: Net) -> None:
    """y of an activation with limits."""
    f, clip = b.formats, cell.clip(b.formats.output)
    assert clip is not None
    frac, at = f.preactivation.frac, PREACTIVATION_LATENCY + rounding.LATENCY
    if cell.constant is not None:
        slope = cell.constant.finer(1 - frac)
        frac += slope.frac
        leaf = activations.scale_leaf(b.k, b.word, slope.raw, frac - 1)
        source = b.n.add("scale", leaf, clk=b.clk, source=source)["target"]
        at += activations.PRODUCT_LATENCY
    rounded = b.rounded("output", source, frac, f.output)
    leaf = activations.clip_leaf(b.k, f.output.word, *clip.within(f.output))
    held = b.held("hold_mask", mask, at)
    b.n.add("clip_mask", leaf, clk=b.clk, source=rounded, mask=held, target=result)


def units(design: Arithmetic, cycles: int) -> tuple[Unit, ...]:
    """The one unit, which takes a block in so many cycles."""
    return (unit(design, cycles),)


def latencies(cell: Cell) -> tuple[int, ...]:
    """Its latency."""
    assert isinstance(cell, LinearCell)
    return (PREACTIVATION_LATENCY + ACTIVATION_CYCLES[cell.activation],)
