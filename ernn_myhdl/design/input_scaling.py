"""What the host does to x before it is rounded to the words of the core: `InputScaling`.

The input format is one for all elements of x. Where these have different sizes, or lie far from zero, a design
records for each element a power of two and an offset; its matrix of x and its bias are those for what comes out.
A normalisation that a model begins with and that no weights can take, such as a BatchNorm in front of circulant blocks or
of a convolution that pads with zeros, is recorded with a factor of any size for each element (`scales`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import is_number, whole

#: Largest exponent, up and down.
MAX_SHIFT = 126
#: Of a normalisation, and one by the largest.
SMALLEST_SCALE = 2.0**-126


@dataclass(frozen=True, repr=False)
class InputScaling:
    """shifts, offsets: one for each element of x, whole numbers and values; no offsets: all zero.
    scales: of a normalisation, other than zero, one for each element; none: x is not normalised, and the core's model
    is one of x itself.

    Raises DesignError where they are anything else.
    """

    shifts: tuple[int, ...]
    offsets: tuple[float, ...] = field(default=())
    scales: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "shifts", tuple(self.shifts))
        for i, shift in enumerate(self.shifts):
            whole(f"host input_shifts[{i}]", shift, -MAX_SHIFT, MAX_SHIFT)
        offsets = self._numbers("offsets", "a number, neither infinite nor NaN", 0.0)
        object.__setattr__(self, "offsets", offsets if any(offsets) else ())
        legal = f"a number of size {SMALLEST_SCALE:g} to {1 / SMALLEST_SCALE:g}"
        object.__setattr__(self, "scales", self._numbers("scales", legal, SMALLEST_SCALE))

    def _numbers(self, name: str, legal: str, least: float) -> tuple[float, ...]:
        """One for each element, or none; least: magnitude of each, and at most as much above 1."""
        values = tuple(getattr(self, name))
        most = 1 / least if least else math.inf
        for i, value in enumerate(values):
            number = is_number(value)
            if not number or not least <= abs(value) <= most or math.isinf(value):
                raise DesignError(f"host input_{name}[{i}] = {value!r}: must be {legal}")
        if values and len(values) != len(self.shifts):
            raise DesignError(
                f"host input_{name}: {len(values)} of them, must be {len(self.shifts)}, as many as "
                "input_shifts, or none"
            )
        return tuple(float(value) for value in values)

    def __repr__(self) -> str:
        """Digests hold it: without a normalisation as it always was."""
        scales = f", scales={self.scales!r}" if self.scales else ""
        return f"InputScaling(shifts={self.shifts!r}, offsets={self.offsets!r}{scales})"

    def check(self, inputs: int) -> None:
        """Raise DesignError unless there is a shift for each of `inputs` elements of x."""
        if len(self.shifts) != inputs:
            raise DesignError(
                f"host input_shifts: {len(self.shifts)} of them, must be {inputs}, the elements of x"
            )

    def __str__(self) -> str:
        texts = []
        if self.scales:
            texts.append(
                f"times {min(map(abs, self.scales)):.3g} to {max(map(abs, self.scales)):.3g}"
            )
        if any(self.shifts):
            texts.append(f"scaled by 2^{min(self.shifts)} to 2^{max(self.shifts)}")
        if self.offsets:
            count = sum(map(bool, self.offsets))
            texts.append(f"less an offset in {count} of its {len(self.shifts)} elements")
        return " and ".join(reversed(texts)) or "as it is"

    def then(self, following: InputScaling) -> InputScaling:
        """Both as one: `following` takes what this one gives. Neither normalises."""
        assert not (self.scales or following.scales)
        shifts = tuple(a + b for a, b in zip(self.shifts, following.shifts, strict=True))
        own = np.array(self.offsets or [0.0] * len(self.shifts))
        more = np.array(following.offsets or [0.0] * len(self.shifts))
        return InputScaling(shifts, tuple((own + more / self.factors).tolist()))

    @property
    def factors(self) -> np.ndarray:
        """(inputs,) float64: powers of two, times the scales of a normalisation."""
        powers = self._powers
        return powers * np.array(self.scales) if self.scales else powers

    @property
    def _powers(self) -> np.ndarray:
        return np.ldexp(1.0, np.array(self.shifts, dtype=np.int64))

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Values (..., inputs) for the core of values of x: (x - offset) scale 2^shift, float64."""
        values = np.asarray(x, dtype=np.float64)
        if self.offsets:
            values = values - np.array(self.offsets)
        given: np.ndarray = values * self.factors
        return given

    def normalised(self, x: np.ndarray) -> np.ndarray:
        """Values (..., inputs) as the model of the core takes them: (x - offset) scale, or x as it is where none is normalised."""
        if not self.scales:
            return np.asarray(x, dtype=np.float64)
        given: np.ndarray = self.apply(x) / self._powers
        return given

    def fold(self, matrix: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A dense matrix (..., rows, inputs) and its bias (..., rows) for x, or for normalised x where it is normalised, as
        those for what the core gets.

        The matrix is exact in its own type; the bias is float64 where there are offsets.
        """
        if self.offsets and not self.scales:
            bias = bias.astype(np.float64) + matrix.astype(np.float64) @ np.array(self.offsets)
        return (matrix / self._powers).astype(matrix.dtype), bias

    def unfold(self, matrix: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The opposite of `fold`: for x itself, or normalised x, in the matrix's type."""
        matrix = (matrix * self._powers).astype(matrix.dtype)
        if self.offsets and not self.scales:
            bias = bias.astype(np.float64) - matrix.astype(np.float64) @ np.array(self.offsets)
            bias = bias.astype(matrix.dtype)
        return matrix, bias

    def record(self) -> dict[str, list[int] | list[float]]:
        """As design.toml and the metadata of exported files hold it."""
        record: dict[str, list[int] | list[float]] = {"input_shifts": list(self.shifts)}
        if self.offsets:
            record["input_offsets"] = list(self.offsets)
        if self.scales:
            record["input_scales"] = list(self.scales)
        return record


#: Keys of `InputScaling.record`.
_KEYS = ("input_shifts", "input_offsets", "input_scales")


def scaling_of(record: Mapping[str, Any]) -> InputScaling:
    """The scaling of a `record`; DesignError where it is damaged."""
    for name in record:
        if name not in _KEYS:
            raise DesignError(f"host {name}: unknown key; remove it, or use {', '.join(_KEYS)}")
    for name, value in record.items():
        if not isinstance(value, list):
            raise DesignError(f"host {name} = {value!r}: must be a list, one for each input")
    if "input_shifts" not in record:
        raise DesignError("host input_shifts: is missing (exponents of two, one for each input)")
    shifts, offsets, scales = (tuple(record.get(name, ())) for name in _KEYS)
    return InputScaling(shifts, offsets, scales)


def scaled(scaling: InputScaling | None, sequences: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Sequences of values of x as what the core gets; raw words (integers) stay as they are."""
    if scaling is None:
        return list(sequences)
    return [s if np.asarray(s).dtype.kind in "iu" else scaling.apply(s) for s in sequences]
