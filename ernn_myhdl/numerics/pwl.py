"""Piecewise linear sigmoid and tanh: one integer table for the models and the hardware.

The input is clamped to [-A, A), A a power of two, and cut into equal segments. In segment n with
offset d (an unsigned number of input LSBs from the segment's left end)

    y = saturate((base[n] * 2**base_shift + slope[n] * d) * 2**-shift, rounded half up)

The lines are the minimax ones of each segment, so neighbouring lines need not meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import Format, round_shift, saturate, to_real


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)); 0 where exp(-x) is larger than any float."""
    with np.errstate(over="ignore"):
        y: np.ndarray = np.exp(-x)
    y += 1.0
    made: np.ndarray = 1.0 / y
    return made


#: On floats and arrays of them alike.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
}
MAX_SEGMENTS = 4096
#: Codes of a segment that its line is fitted to, and of a word that the error is measured over: all
#: of them up to these numbers, evenly spaced ones beyond.
FITTED_CODES, MEASURED_CODES = 4096, 1 << 20
#: Codes that a table must be right on before the others are looked at.
TRIED_CODES = 1 << 12


def default_error(output: Format) -> float:
    """Largest error wanted by default: 0.002 for 12-bit gates, 0.0003 for 16-bit gates.

    Geometric between and beyond these two, and never under one LSB of the output.
    """
    law: float = 0.002 * (0.0003 / 0.002) ** ((output.word - 12) / 4)
    return max(law, output.lsb)


@dataclass(frozen=True)
class PwlTable:
    """An integer table of one function for one pair of formats; see the module's formula."""

    function: str
    input: Format
    output: Format
    segments: int
    clamp: int  # raw input is limited to -clamp .. clamp - 1
    offset_bits: int  # bits of d
    base: tuple[int, ...]
    slope: tuple[int, ...]
    base_shift: int
    shift: int

    def evaluate(self, raw: ArrayLike) -> np.ndarray:
        """Raw outputs of raw inputs (integer array of any shape)."""
        raw = np.clip(np.asarray(raw, dtype=np.int64), -self.clamp, self.clamp - 1) + self.clamp
        segment, offset = raw >> self.offset_bits, raw & ((1 << self.offset_bits) - 1)
        base = np.asarray(self.base, dtype=np.int64)[segment] << self.base_shift
        exact: np.ndarray = base + np.asarray(self.slope, dtype=np.int64)[segment] * offset
        return saturate(round_shift(exact, self.shift), self.output)

    def max_error(self, codes: int = MEASURED_CODES) -> float:
        """Largest absolute error over the input codes: every one up to `codes`, that many beyond."""
        step = max(1, (1 << self.input.word) // codes)
        raw = np.arange(self.input.minimum, self.input.maximum + 1, step, dtype=np.int64)
        raw = np.append(raw, self.input.maximum)
        exact = FUNCTIONS[self.function](to_real(raw, self.input))
        return float(np.max(np.abs(to_real(self.evaluate(raw), self.output) - exact)))


def _clamp(function: str, source: Format, tolerance: float) -> int:
    """Raw magnitude from which the function is flat within the tolerance."""
    reach = 1.0
    while 1.0 - float(FUNCTIONS[function](np.float64(reach))) > tolerance / 2:
        reach *= 2
    return min(max(int(reach * 2.0**source.frac), 2), 1 << (source.word - 1))


@lru_cache(maxsize=256)
def pwl_table(function: str, source: Format, output: Format, segments: int) -> PwlTable:
    """The table of `function` ("sigmoid" or "tanh") with `segments` equal segments."""
    if function not in FUNCTIONS:
        raise DesignError(f"activation {function!r}: must be one of {sorted(FUNCTIONS)}")
    clamp = _clamp(function, source, default_error(output))
    segments = min(segments, clamp)  # a segment holds at least two codes
    offset_bits = (2 * clamp // segments).bit_length() - 1
    base_frac = output.frac + 3
    slope_frac = max(output.frac, base_frac - source.frac)
    size = 1 << offset_bits
    left = np.arange(-clamp, clamp, size, dtype=np.int64)
    offset = np.arange(0, size, max(1, size // FITTED_CODES), dtype=np.int64)
    if offset[-1] != size - 1:
        offset = np.append(offset, size - 1)
    exact = FUNCTIONS[function](to_real(left[:, None] + offset, source))
    # secant over the whole segment, its right end being the next segment's first code
    right = FUNCTIONS[function](to_real(left + size, source))
    slope = np.round((right - exact[:, 0]) / size * 2.0 ** (source.frac + slope_frac))
    gap = slope[:, None] * 2.0 ** -(source.frac + slope_frac) * offset
    np.subtract(exact, gap, out=gap)
    base = np.round((gap.max(axis=1) + gap.min(axis=1)) / 2 * 2.0**base_frac)
    return PwlTable(
        function,
        source,
        output,
        segments,
        clamp,
        offset_bits,
        tuple(map(int, base.tolist())),
        tuple(map(int, slope.tolist())),
        slope_frac + source.frac - base_frac,
        slope_frac + source.frac - output.frac,
    )


@lru_cache(maxsize=1024)
def segments_for(function: str, source: Format, output: Format, error: float | None = None) -> int:
    """Fewest segments (a power of two) whose largest error is at most `error`.

    error: the default of `default_error` when None. Where the output's last bit or the input's
    range forbids the error, the number from which more segments do not help.
    """
    error = default_error(output) if error is None else error
    numbers = [1 << bits for bits in range(1, MAX_SEGMENTS.bit_length())]
    for segments in numbers:
        table = pwl_table(function, source, output, segments)
        # most tables fail on few codes already
        if table.max_error(TRIED_CODES) <= error and table.max_error() <= error:
            return segments
    best, best_error = 2, float("inf")
    for segments in numbers:
        reached = pwl_table(function, source, output, segments).max_error()
        if reached < best_error * 0.98:
            best, best_error = segments, reached
    return best
