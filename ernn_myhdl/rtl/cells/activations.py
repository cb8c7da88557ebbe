"""The functions of a linear layer that need no table, on arrays of pre-activations; see docs/blocks/linear_cells.md.

clip_mask     y limited to low .. high, and masked: of a relu, a hard_tanh and a hard_sigmoid, behind the rounding
leaky_relu    source << shift, or factor * source where that is negative; masked
scale         factor * source + 2**half, of a hard_sigmoid

A product with a factor is a sum of shifted words in canonical signed digits, half of the digits in each of two sums: no
multiplier. Ports: clk; source, target: arrays; mask: word(count). No reset, one array a cycle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from myhdl import always, block, intbv

from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.types import Word, array
from ernn_myhdl.hdl.written_block import written_block
from ernn_myhdl.rtl import stages
from ernn_myhdl.rtl.cells.elementwise import arrays_leaf
from ernn_myhdl.rtl.fft import digit_sum, signed_digits

CLIP_LATENCY = stages.latency(stages.CLIP)
PRODUCT_LATENCY = stages.latency(stages.SLOPE)


@block
def clip_mask(clk, source, mask, target, count, low, high):
    """target = source limited to low .. high, or zero where the mask bit is 0."""
    word = len(source[0])
    limits = high < (1 << (word - 1)) - 1

    @always(clk.posedge)
    def limit_both():
        for i in range(count):
            if not mask[i]:
                target[i].next = 0
            elif source[i] < low:
                target[i].next = low
            elif source[i] > high:
                target[i].next = high
            else:
                target[i].next = source[i]

    @always(clk.posedge)
    def limit_low():
        for i in range(count):
            if not mask[i]:
                target[i].next = 0
            elif source[i] < low:
                target[i].next = low
            else:
                target[i].next = source[i]

    return limit_both if limits else limit_low


def digit_products(factor: int, bits: int) -> Callable[..., Any]:
    """The block (clk, source, lower, upper, count): two arrays whose sum is factor * source, each the sum over half the
    digits; bits: of a word of them."""
    digits = signed_digits(factor)
    middle = len(digits) // 2
    lines = [
        f"word = intbv(0, min={-(1 << (bits - 1))}, max={1 << (bits - 1)})",
        "@always(clk.posedge)",
        "def multiply():",
        "    for i in range(count):",
        "        word[:] = source[i]",
        f"        lower[i].next = {digit_sum(digits[:middle], 0)}",
        f"        upper[i].next = {digit_sum(digits[middle:], 0)}",
        "return multiply",
    ]
    scope = {"always": always, "intbv": intbv}
    names = ("clk", "source", "lower", "upper", "count")
    return written_block("digit_products", names, lines, scope)


@block
def leaky_relu(clk, source, mask, target, count, factor, shift):
    """See the module; mask comes a cycle after source."""
    width = len(target[0])
    bits = len(source[0]) + factor.bit_length() + 2
    limit = 1 << (width - 1)
    lower, upper = array(count, bits), array(count, bits)
    held = array(count, len(source[0]))
    word = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def hold():
        for i in range(count):
            held[i].next = source[i]

    @always(clk.posedge)
    def choose():
        for i in range(count):
            if not mask[i]:
                target[i].next = 0
            elif held[i] < 0:
                word[:] = lower[i]
                word[:] = word + upper[i]
                target[i].next = word
            else:
                word[:] = held[i]
                target[i].next = word << shift

    return digit_products(factor, bits)(clk, source, lower, upper, count), hold, choose


@block
def scale(clk, source, target, count, factor, half):
    """See the module."""
    bits = len(source[0]) + factor.bit_length() + 2
    limit = 1 << (len(target[0]) - 1)
    lower, upper = array(count, bits), array(count, bits)
    word = intbv(0, min=-limit, max=limit)
    one = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def add():
        for i in range(count):
            one[:] = 0  # a literal has 32 bits at most; GHDL 2.0 shifts a constant within 32 bits
            one[half] = True
            word[:] = lower[i]
            word[:] = word + upper[i]
            target[i].next = word + one

    return digit_products(factor, bits)(clk, source, lower, upper, count), add


def clip_leaf(count: int, word: int, low: int, high: int) -> Leaf:
    """`clip_mask` of so many words."""
    words, more = {"source": word}, {"mask": Word(count)}
    limits = {"low": low, "high": high}
    return arrays_leaf("clip_mask", clip_mask, count, words, {"target": word}, limits, (), more)


def leaky_leaf(count: int, word: int, factor: int, shift: int) -> Leaf:
    """`leaky_relu` of so many words."""
    width = max(word + shift, word + factor.bit_length() + 1)
    words, more = {"source": word}, {"mask": Word(count)}
    numbers = {"factor": factor, "shift": shift}
    return arrays_leaf("leaky_relu", leaky_relu, count, words, {"target": width}, numbers, (), more)


def scale_leaf(count: int, word: int, factor: int, half: int) -> Leaf:
    """`scale` of so many words."""
    width = max(word + factor.bit_length() + 1, half + 2) + 1
    numbers = {"factor": factor, "half": half}
    return arrays_leaf("scale", scale, count, {"source": word}, {"target": width}, numbers)
