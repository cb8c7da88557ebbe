"""The activations of a linear layer, and the whole numbers that models and hardware compute them with.

    none          z
    relu          max(z, 0), or min(max(z, 0), limit)
    leaky_relu    z, or slope z where z < 0
    tanh, sigmoid by a table (`ernn_myhdl.numerics.pwl`)
    hard_sigmoid  slope z + 1/2, limited to 0 .. 1
    hard_tanh     z limited to -limit .. limit

z are the pre-activations, which are rounded already. What needs no table is exact but for one rounding, to y: a slope is
a `Slope` of SLOPE_BITS bits, a limit is rounded to y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ernn_myhdl.design.cells.result_widths import aligned
from ernn_myhdl.errors import DesignError, alternatives
from ernn_myhdl.numerics.formats import MAX_WORD, Format
from ernn_myhdl.whole_numbers import is_number

LINEAR_ACTIVATIONS = (
    "none", "relu", "leaky_relu", "tanh", "sigmoid", "hard_sigmoid", "hard_tanh",
)  # fmt: skip
#: Those that a table computes.
SQUASHING = ("tanh", "sigmoid")
#: Those that need a slope, with an example; those that may have a limit, and what it is where none is given.
WITH_SLOPE = {
    "leaky_relu": "such as 0.01, PyTorch's default",
    "hard_sigmoid": "1/6 in PyTorch and Keras 3, 0.2 in Keras 2 and by ONNX's default",
}
WITH_LIMIT = {"relu": 0.0, "hard_tanh": 1.0}
#: Significant bits of a slope, and the smallest one.
SLOPE_BITS, LEAST_SLOPE = 16, 2.0**-16
#: Largest limit, and its inverse the smallest.
MOST_LIMIT = 2.0**32


@dataclass(frozen=True)
class Slope:
    """raw * 2**-frac, the number nearest to `value` of SLOPE_BITS significant bits; raw is odd."""

    raw: int
    frac: int

    @classmethod
    def of(cls, value: float) -> Slope:
        """The slope of a value above 0 and below 1."""
        mantissa, exponent = math.frexp(value)
        raw, frac = math.floor(math.ldexp(mantissa, SLOPE_BITS) + 0.5), SLOPE_BITS - exponent
        while raw % 2 == 0:
            raw, frac = raw // 2, frac - 1
        return cls(raw, frac)

    def finer(self, frac: int) -> Slope:
        """The same number with at least so many fraction bits."""
        return Slope(self.raw << max(frac - self.frac, 0), max(frac, self.frac))


@dataclass(frozen=True)
class Clip:
    """The smallest and the largest word of y that a function gives, before y is saturated; None: no such limit."""

    low: int
    high: int | None

    def within(self, output: Format) -> tuple[int, int]:
        """Both, in the range of y."""
        high = output.maximum if self.high is None else min(self.high, output.maximum)
        return max(self.low, output.minimum), high


def checked_number(name: str, value: object) -> float:
    """A parameter that is a number, 0 or more; DesignError where it is none."""
    if not is_number(value):
        raise DesignError(f"cell {name} = {value!r}: must be a number")
    if not 0 <= value < math.inf:
        raise DesignError(f"cell {name} = {value!r}: must be 0 (none) or a positive number")
    return float(value)


def check_activation(name: object, slope: float, limit: float) -> None:
    """DesignError unless the activation is known, and the slope and the limit are its own."""
    if name not in LINEAR_ACTIVATIONS:
        legal = alternatives(map(repr, LINEAR_ACTIVATIONS))
        raise DesignError(f"cell activation = {name!r}: must be {legal}")
    if name in WITH_SLOPE:
        if not slope:
            raise DesignError(f"cell slope: a {name} needs one, {WITH_SLOPE[str(name)]}; add it")
        if not LEAST_SLOPE <= slope < 1.0:
            raise DesignError(
                f"cell slope = {slope:g}: must be {LEAST_SLOPE:g} or more and below 1"
            )
    elif slope:
        raise DesignError(
            f"cell slope = {slope:g}: the activation {name!r} has none; must be 0, or the activation "
            f"{' or '.join(WITH_SLOPE)}"
        )
    if not limit:
        return
    if name not in WITH_LIMIT:
        raise DesignError(
            f"cell limit = {limit:g}: the activation {name!r} has none; must be 0, or the activation "
            f"{' or '.join(WITH_LIMIT)}"
        )
    if not 1 / MOST_LIMIT <= limit <= MOST_LIMIT:
        raise DesignError(f"cell limit = {limit:g}: must be {1 / MOST_LIMIT:g} to {MOST_LIMIT:g}")


def clip_of(name: str, limit: float, output: Format) -> Clip | None:
    """The limits of y behind its rounding; None of an activation without such, which does not change sums.

    A limit that lies one LSB above the range of y is the largest word, as the 1 of a table is.
    """
    if name == "hard_sigmoid":
        return Clip(0, _word(1.0, output))
    if name == "relu":
        return Clip(0, _word(limit, output) if limit else None)
    if name == "hard_tanh":
        limit = limit or WITH_LIMIT[name]
        return Clip(-_rounded(limit, output), _word(limit, output))
    return None


def exact_width(name: str, slope: Slope | None, source: Format, output: Format) -> int:
    """Bits that hold what a function without a table gives before its rounding to y, aligned to it."""
    word, frac = source.word, source.frac
    if slope is not None:
        slope = slope.finer(1 - frac if name == "hard_sigmoid" else 0)
        # a product, or what stands beside it, which has as many fraction bits
        beside = word + slope.frac if name == "leaky_relu" else frac + slope.frac + 1
        word, frac = max(word + slope.raw.bit_length() + 1, beside) + 1, frac + slope.frac
    return aligned(word, frac, output.frac)


def _word(limit: float, output: Format) -> int:
    word = _rounded(limit, output)
    return word - (word == output.maximum + 1)


def _rounded(limit: float, output: Format) -> int:
    """A limit as a word, of at most as many bits as a word of the models."""
    return min(math.floor(math.ldexp(limit, output.frac) + 0.5), (1 << MAX_WORD - 1) - 1)
