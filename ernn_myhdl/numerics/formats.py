"""Fixed-point formats and the one rounding and the one saturation of the project.

A number is stored as an integer `raw`; its value is `raw * 2**-frac`. All formats are two's
complement. Rounding is half up (towards plus infinity), `(raw + half) >> shift`, which is what
fxpmath calls `nearest_posinf` and what hardware does with one adder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import whole

#: No word of the project is wider: beyond it int64 and fxpmath stop being exact.
MAX_WORD = 62
#: Most fraction bits, and most bits that a binary point may lie behind the last one.
MOST_FRAC = 64
#: Raw words: one, or an integer array of any shape.
Raw = TypeVar("Raw", int, np.ndarray)


@dataclass(frozen=True)
class Format:
    """A two's complement fixed-point format.

    Parameters
    ----------
    word : int
        Number of bits, sign included, 2 to 62.
    frac : int
        Number of fraction bits; may exceed `word` or be negative.

    Raises
    ------
    DesignError
        Where `word` or `frac` is no whole number or beyond these bounds.
    """

    word: int
    frac: int

    def __post_init__(self) -> None:
        for field in ("word", "frac"):
            whole(f"format {field}", getattr(self, field))
        if not 2 <= self.word <= MAX_WORD:
            raise DesignError(
                f"format word = {self.word}: must be 2 to {MAX_WORD} bits; choose a shorter word"
            )
        if not -MOST_FRAC <= self.frac <= MOST_FRAC:
            raise DesignError(f"format frac = {self.frac}: must be -{MOST_FRAC} to {MOST_FRAC}")

    @property
    def minimum(self) -> int:
        """Smallest raw integer."""
        return -(1 << (self.word - 1))

    @property
    def maximum(self) -> int:
        """Largest raw integer."""
        return (1 << (self.word - 1)) - 1

    @property
    def lsb(self) -> float:
        """Value of one unit in the last place."""
        return 2.0**-self.frac

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return self.minimum * self.lsb, self.maximum * self.lsb

    def __str__(self) -> str:
        return f"Q{self.word - self.frac}.{self.frac}"


def round_shift(raw: Raw, shift: int) -> Raw:
    """raw * 2**-shift, rounded half up; a negative shift is an exact shift to the left.

    raw: int or integer array. Returns the same kind.
    """
    if shift > 62 and isinstance(raw, np.ndarray):
        return np.zeros_like(raw)  # words of at most MAX_WORD bits are below half of that
    if shift > 0:
        rounded: Raw = raw + (1 << (shift - 1))
        rounded >>= shift  # in place where it is an array: the copy takes longer than the shift
        return rounded
    exact: Raw = raw << -shift
    return exact


def saturate(raw: Raw, fmt: Format) -> Raw:
    """raw clipped to the range of `fmt`; int or integer array."""
    if isinstance(raw, np.ndarray):
        clipped: np.ndarray = np.clip(raw, fmt.minimum, fmt.maximum)
        return clipped
    return min(max(raw, fmt.minimum), fmt.maximum)


def requantise(raw: Raw, frac: int, fmt: Format) -> Raw:
    """A raw integer with `frac` fraction bits, rounded half up and saturated to `fmt`."""
    return saturate(round_shift(raw, frac - fmt.frac), fmt)


def quantise(values: ArrayLike, fmt: Format) -> np.ndarray:
    """Real values to raw int64 in `fmt`: rounded half up, then saturated.

    Raises DesignError on NaN or infinity.
    """
    values = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise DesignError("values hold NaN or infinity: clean the data before quantising")
    scaled: np.ndarray = np.ldexp(values, fmt.frac)
    below: np.ndarray = np.floor(scaled)
    rounded = below + (scaled - below >= 0.5)  # floor(scaled + 0.5) would round the sum first
    raw: np.ndarray = np.clip(rounded, fmt.minimum, fmt.maximum).astype(np.int64)
    return raw


def to_real(raw: ArrayLike, fmt: Format) -> np.ndarray:
    """Raw integers in `fmt` to float64 values."""
    values: np.ndarray = np.ldexp(np.asarray(raw, dtype=np.float64), -fmt.frac)
    return values


def format_for(limit: float, word: int) -> Format:
    """The format of `word` bits with the most fraction bits whose range holds +-limit."""
    if limit <= 0 or not math.isfinite(limit):
        return Format(word, word - 1)
    fmt = Format(word, word - 1 - math.ceil(math.log2(limit)))
    if round(limit * 2.0**fmt.frac) > fmt.maximum:
        fmt = Format(word, fmt.frac - 1)
    finer = Format(word, fmt.frac + 1)
    return finer if round(limit * 2.0**finer.frac) <= finer.maximum else fmt
