"""What the LUTs and flip-flops of every kind of block follow: a few terms, each a number of bits or operations.

The cost of a block is the sum of its terms, each times a weight that was fitted to Yosys
(`ernn_myhdl/explore/block_costs.json`). The terms say how much there is of each part of a block: bits of an
adder, of a register, of a choice. Parts that a block has only for some parameters are terms of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from ernn_myhdl.explore import control_terms, join_terms, time_terms, weight_terms
from ernn_myhdl.explore.leaf_bits import Terms, bits_of, bits_of_each, one_block, width_of
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.types import bits_for
from ernn_myhdl.numerics import transform
from ernn_myhdl.numerics.transform import width_for
from ernn_myhdl.rtl.fft import rotation_registers, signed_digits

#: Bits of shift register in one LUT.
SHIFT_REGISTER = 32


def _nothing(leaf: Leaf) -> Terms:
    return {}


def _bits_for_each(leaf: Leaf) -> Terms:
    """Bits of the words of one element, times the elements."""
    count = leaf.parameters["count"]
    words = {n: v for n, v in leaf.parameters.items() if n.endswith("_word")}
    return {"elements": count} | {n: count * v for n, v in words.items()}


def _column_select(leaf: Leaf) -> Terms:
    p = leaf.parameters
    bins = max(p["points"] // 2, 1)
    words = p["points"] * p["width"]
    reads_x = "second_x" in leaf.ports
    pairs = (
        p["x_pairs"] | p["y_pairs"] | p["m_pairs"]
    )  # bins that some column uses as two real words
    mixed = pairs.bit_count()
    return {
        "sums": 2 * (bins - 1) * p["width"],
        "words of mixed bins": mixed * p["width"],
        "mixed bins": mixed,
        "mixed": bool(mixed),
        "choice of three": 0 if reads_x else words,
        "choice of four": words if reads_x else 0,
        "block": 1,
    }


def _combine(leaf: Leaf) -> Terms:
    points, width = leaf.parameters["points"], width_of(leaf, "sums")
    return {"sums": 2 * (max(points // 2, 1) - 1) * width, "spectrum": points * width}


def _delay(leaf: Leaf) -> Terms:
    """A bit with reset is flip-flops; without, three and more in a row are a shift register, where the family has such."""
    cycles, bits = leaf.parameters["cycles"], bits_of(leaf, "source")
    shifted = "rst" not in leaf.ports and cycles > 2
    return {
        "flip-flops": 0 if shifted else bits * cycles,
        "shift registers": bits * math.ceil(cycles / SHIFT_REGISTER) if shifted else 0,
        "shifted": bits * cycles * shifted,
    }


def _lane(leaf: Leaf) -> Terms:
    p = leaf.parameters
    bins = max(p["points"] // 2, 1)
    return {
        # outside multipliers, which take them on Xilinx only
        "accumulators": p["products"] * p["accumulator_word"],
        # of two multipliers of ECP5, whose results are added
        "wide operands": p["products"] * p["accumulator_word"] * (p["spectrum_word"] + 1 > 18),
        "weight sums": (bins - 1) * p["weight_word"],
        "spectrum sums": (bins - 1) * p["spectrum_word"],
        # outside multipliers that have no registers, as Yosys leaves those of ECP5
        "operands": p["products"] * (p["spectrum_word"] + p["weight_word"] + 2),
        "block": 1,
    }


def _drain_chain(leaf: Leaf) -> Terms:
    """Registers of all lanes, and choices by how many words they are of."""
    lanes, bits = leaf.parameters["lanes"], bits_of(leaf, "drain")
    numbers = {1: "two", 2: "three", 3: "four"}
    return {"registers": lanes * bits, "lanes": lanes, "block": 1} | {
        f"choice of {name}": bits * (lanes == number) for number, name in numbers.items()
    }


def _part_select(leaf: Leaf) -> Terms:
    """A LUT chooses one of four parts; of more Yosys makes a chain of comparisons."""
    bits, parts = bits_of(leaf, "target"), leaf.parameters["parts"]
    return {"choices": bits, "parts beyond four": bits * max(parts - 4, 0)}


@lru_cache(maxsize=256)
def _table_luts(columns: tuple[tuple[int, ...], ...], size: int = 64) -> tuple[int, int]:
    """Pieces of 64 entries (or another size) of the columns of a table, each once; bits of an entry that vary.

    columns: numbers whose bits are looked up together, one tuple of all segments each. A piece that is
    constant, or the same in two columns, costs nothing.
    """
    pieces: set[int] = set()
    varying = 0
    for numbers in columns:
        for bit in range(max(max(numbers), ~min(numbers)).bit_length() + 1):
            table = [number >> bit & 1 for number in numbers]
            parts = [tuple(table[i : i + size]) for i in range(0, len(table), size)]
            found = {part for part in parts if len(set(part)) > 1}
            varying += bool(found) or len(set(parts)) > 1
            pieces |= {hash(part) for part in found}
    return len(pieces), varying


def _piecewise_linear(leaf: Leaf) -> Terms:
    """The table's numbers as in `ernn_myhdl.rtl.pwl`: base with half an LSB, slope, three slopes."""
    count, table = leaf.parameters["count"], leaf.parameters["table"]
    half = (1 << table.shift >> 1) >> table.base_shift
    base = tuple(b + half for b in table.base)
    columns = (base, table.slope, tuple(3 * s for s in table.slope))
    pieces, varying = _table_luts(columns)
    slope = width_for(max(max(abs(s) for s in table.slope), 1))
    exact = width_for(
        max(
            (abs(b) << table.base_shift) + (abs(s) << table.offset_bits)
            for b, s in zip(base, table.slope, strict=True)
        )
    )
    digits = -(-table.offset_bits // 2)
    # high bits of the source that only tell whether it is clamped
    beyond = max(table.input.word - table.clamp.bit_length(), 0)
    address = max(bits_for(table.segments) - 3, 1)
    return {
        "pieces of the table": count * pieces,
        "pieces times address": count * pieces * address,
        "pieces of long tables": count * pieces * (table.segments > 128),
        "pieces of 16": count * _table_luts(columns, 16)[0],
        "columns of the table": count * varying,
        "digits": count * digits * (slope + 2),
        "sum": count * exact,
        "target": count * table.output.word,
        "offset": count * table.offset_bits,
        "limited source": count * table.clamp.bit_length(),
        "bits beyond the clamp": count * beyond,
        "elements": count,
    }


#: Numbers of bits beyond the target's range of which Yosys 0.23 makes two LUTs a bit of the limit, as of all above 12; else one.
TWO_LUTS = frozenset((3, 4, 10, 12))
#: The same of Yosys 0.70 for ECP5: LUTs of a bit of the limit by the bits beyond the range, means of the single blocks of
#: `benchmarks.resource_leaves`; of more LOOKED_UP_BEYOND.
LOOKED_UP = (1, 1, 1.9, 2.1, 2.1, 5.2, 7.6, 2.4, 3.7, 3.7, 4.3, 4.4, 3, 2.9, 7.2, 4.8, 2.7, 8.6)
LOOKED_UP_BEYOND = 4.3


def _round(leaf: Leaf) -> Terms:
    """The limit depends on how many bits lie beyond the range of the target, since that is where Yosys puts their look-up."""
    p = leaf.parameters
    count, source, target, shift = p["count"], p["source_word"], p["target_word"], p["shift"]
    right, left = max(shift, 0), max(-shift, 0)
    word = source + 1 + left
    narrow = word - max(right - 1, 0) - (right > 0) <= target
    rounds, saturates = right > 0, not narrow
    beyond = max(source + left - right - target, 0)
    limit = rounds and saturates
    shifted = saturates and not rounds and (beyond > 0 or not left)
    return {
        "kept": count * min(target, source - right + rounds + left),
        "rounded": count * (rounds and narrow),
        "limit": count * target * limit,
        "second LUTs": count * target * (limit and (beyond in TWO_LUTS or beyond > 12)),
        "high bits": count * beyond * limit,
        "looked up": count
        * target
        * limit
        * (LOOKED_UP[beyond] if beyond < len(LOOKED_UP) else LOOKED_UP_BEYOND),
        "elements": count * limit,
        "limit of a shift to the left": count * target * shifted,
        "high bits of a shift to the left": count * beyond * shifted,
    }


#: Longest word of which Yosys 0.23 makes a comparison with zero one look-up of the sign.
LONG_COMPARISON = 12


def _rectify(leaf: Leaf) -> Terms:
    """The flip-flops' reset clears the bits; the LUTs tell when. Of long words Yosys compares all bits with zero, not the sign."""
    bits, count = bits_of(leaf, "target"), leaf.parameters["count"]
    compared = bits > LONG_COMPARISON * count
    return {"target": bits, "compared": bits * compared}


def _clip(leaf: Leaf) -> Terms:
    """A limit of zero is a look at the sign, any other one a comparison; the largest word is none."""
    p, bits = leaf.parameters, bits_of(leaf, "target")
    largest = (1 << (width_of(leaf, "target") - 1)) - 1
    return {
        "target": bits,
        "lower limit": bits * (p["low"] != 0),
        "upper limit": bits * (p["high"] < largest),
        "elements": p["count"],
    }


def _digit_products(leaf: Leaf) -> Terms:
    """The two sums over half the digits of a factor each, and their sum. A part of one digit is the source itself."""
    count, word = leaf.parameters["count"], width_of(leaf, "source")
    digits = len(signed_digits(leaf.parameters["factor"]))
    bits = word + leaf.parameters["factor"].bit_length()
    return {
        "digits": count * max(digits - 2, 0) * word,
        "parts": count * (bits if digits > 1 else 0),
        "single digits": count * word * (digits < 4) * min(digits, 2),
    }


def _leaky(leaf: Leaf) -> Terms:
    held = bits_of(leaf, "source")
    return _digit_products(leaf) | {"held": held, "target": bits_of(leaf, "target")}


def _scale(leaf: Leaf) -> Terms:
    return _digit_products(leaf) | {"target": bits_of(leaf, "target")}


@lru_cache(maxsize=4096)
def _stages(points: int, inverse: bool, widths: tuple[int, ...]) -> Terms:
    graph = transform.inverse_graph(points) if inverse else transform.forward_graph(points)
    names = ("sums", "copies", "digits", "parts", "sums of parts", "turned", "results", "held")
    terms: Terms = dict.fromkeys(names, 0)
    bounds = transform.stage_bounds(graph, points, 1 << (widths[0] - 1))
    for stage, before, after, reached in zip(
        graph, widths[:-1], widths[1:], bounds[:-1], strict=True
    ):
        if isinstance(stage, transform.SumStage):
            added = sum(t.b is not None for t in stage.terms)
            terms["sums"] += added * after
            terms["copies"] += (len(stage.terms) - added) * before
            continue
        rotated = {w for t in stage.twiddles for w in (t.re, t.im)}
        terms["held"] += (points - len(rotated)) * before
        terms["results"] += len(rotated) * before
        for t in stage.twiddles:
            for constant in (t.cosine,) if t.equal else (t.cosine, t.sine):
                digits = len(signed_digits(constant))
                terms["digits"] += 2 * max(digits - 2, 0) * before
        for name, (words, bits) in rotation_registers(stage, reached).items():
            kind = {"low": "parts", "high": "parts", "turned": "turned"}.get(name, "sums of parts")
            terms[kind] += words * bits
    return terms


def _transform(leaf: Leaf) -> Terms:
    p = leaf.parameters
    return _stages(p["points"], p["inverse"], p["widths"])


#: Blocks of the element-wise units that multiply two words of each element: the parameters that tell the bits of both, of each product.
PRODUCTS: dict[str, tuple[tuple[str, str], ...]] = {
    "add_peephole": (("state_word", "peephole_word"),),
    "blend": (("gate_word", "difference_word"),),
    "multiply_output": (("gate_word", "gate_word"),),
    "multiply_state": (("gate_word", "state_word"),),
    "update_state": (("gate_word", "state_word"), ("gate_word", "gate_word")),
}
#: Name of the MyHDL block -> its terms.
TERMS: dict[str, Callable[[Leaf], Terms]] = (
    control_terms.TERMS
    | join_terms.TERMS
    | time_terms.TERMS
    | weight_terms.TERMS
    | dict.fromkeys(PRODUCTS, _bits_for_each)
    | {
        "add_bias": bits_of_each("row", "total"),
        "address_register": bits_of_each("address_q"),
        "align": _nothing,
        "bank_write": one_block,
        "broadcast": lambda leaf: {"bits": bits_of(leaf, "column", "address"), "block": 1},
        "clip_mask": _clip,
        "column_select": _column_select,
        "combine": _combine,
        "delay_bit": _delay,
        "delay_data": _delay,
        "drain_chain": _drain_chain,
        "join": lambda leaf: {"sums": bits_of(leaf, "low"), "block": 1},
        "lane": _lane,
        "leaky_relu": _leaky,
        "mask_block": bits_of_each("target"),
        "part_select": _part_select,
        "piecewise_linear": _piecewise_linear,
        "rectify": _rectify,
        "round_saturate": _round,
        "scale": _scale,
        "transform_pipeline": _transform,
        "word_register": bits_of_each("word_q"),
    }
)


def kind_of(leaf: Leaf) -> str:
    """Name of the leaf's MyHDL block."""
    return function_of(leaf).__name__


def function_of(leaf: Leaf) -> Callable:
    """The function that MyHDL's decorator made the block of."""
    return leaf.block.func  # type: ignore[attr-defined]  # MyHDL has no types


def terms_of(leaf: Leaf) -> Terms:
    """The terms of a leaf; KeyError for a block that has none here."""
    return {n: float(v) for n, v in TERMS[kind_of(leaf)](leaf).items()}
