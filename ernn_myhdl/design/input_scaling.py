"""What the host does to x before it is rounded to the words of the core: `InputScaling`.

The input format is one for all elements of x. Where these have different sizes, or lie far from zero, a design
records for each element a power of two and an offset; its matrix of x and its bias are those for what comes out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import whole

#: Largest exponent, up and down.
MAX_SHIFT = 126


@dataclass(frozen=True)
class InputScaling:
    """shifts, offsets: one for each element of x, whole numbers and values; no offsets: all zero.

    Raises DesignError where they are anything else.
    """

    shifts: tuple[int, ...]
    offsets: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "shifts", tuple(self.shifts))
        for i, shift in enumerate(self.shifts):
            whole(f"host input_shifts[{i}]", shift, -MAX_SHIFT, MAX_SHIFT)
        offsets = []
        for i, offset in enumerate(self.offsets):
            number = isinstance(offset, int | float) and not isinstance(offset, bool)
            if not number or not abs(offset) < math.inf:
                raise DesignError(
                    f"host input_offsets[{i}] = {offset!r}: must be a number, neither infinite nor NaN"
                )
            offsets.append(float(offset))
        if offsets and len(offsets) != len(self.shifts):
            raise DesignError(
                f"host input_offsets: {len(offsets)} of them, must be {len(self.shifts)}, as many as "
                "input_shifts, or none"
            )
        object.__setattr__(self, "offsets", tuple(offsets) if any(offsets) else ())

    def check(self, inputs: int) -> None:
        """Raise DesignError unless there is a shift for each of `inputs` elements of x."""
        if len(self.shifts) != inputs:
            raise DesignError(
                f"host input_shifts: {len(self.shifts)} of them, must be {inputs}, the inputs of the cell"
            )

    def __str__(self) -> str:
        texts = []
        if any(self.shifts):
            texts.append(f"scaled by 2^{min(self.shifts)} to 2^{max(self.shifts)}")
        if self.offsets:
            count = sum(map(bool, self.offsets))
            texts.append(f"less an offset in {count} of its {len(self.shifts)} elements")
        return " and ".join(reversed(texts)) or "as it is"

    def then(self, following: InputScaling) -> InputScaling:
        """Both as one: `following` takes what this one gives."""
        shifts = tuple(a + b for a, b in zip(self.shifts, following.shifts, strict=True))
        own = np.array(self.offsets or [0.0] * len(self.shifts))
        more = np.array(following.offsets or [0.0] * len(self.shifts))
        return InputScaling(shifts, tuple((own + more / self.factors).tolist()))

    @property
    def factors(self) -> np.ndarray:
        """(inputs,) float64, the powers of two."""
        return np.ldexp(1.0, np.array(self.shifts, dtype=np.int64))

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Values (..., inputs) for the core of values of x: (x - offset) 2^shift, float64."""
        values = np.asarray(x, dtype=np.float64)
        if self.offsets:
            values = values - np.array(self.offsets)
        given: np.ndarray = values * self.factors
        return given

    def fold(self, matrix: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A dense matrix (..., rows, inputs) and its bias (..., rows) for x as those for what the core gets.

        The matrix is exact in its own type; the bias is float64 where there are offsets.
        """
        if self.offsets:
            bias = bias.astype(np.float64) + matrix.astype(np.float64) @ np.array(self.offsets)
        return (matrix / self.factors).astype(matrix.dtype), bias

    def unfold(self, matrix: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The opposite of `fold`: for x itself, in the matrix's type."""
        matrix = (matrix * self.factors).astype(matrix.dtype)
        if self.offsets:
            bias = bias.astype(np.float64) - matrix.astype(np.float64) @ np.array(self.offsets)
            bias = bias.astype(matrix.dtype)
        return matrix, bias

    def record(self) -> dict[str, list[int] | list[float]]:
        """As design.toml and the metadata of exported files hold it."""
        record: dict[str, list[int] | list[float]] = {"input_shifts": list(self.shifts)}
        if self.offsets:
            record["input_offsets"] = list(self.offsets)
        return record


def scaling_of(record: Mapping[str, Any]) -> InputScaling:
    """The scaling of a `record`; DesignError where it is damaged."""
    for name in record:
        if name not in ("input_shifts", "input_offsets"):
            raise DesignError(
                f"host {name}: unknown key; remove it, or use input_shifts, input_offsets"
            )
    for name, value in record.items():
        if not isinstance(value, list):
            raise DesignError(f"host {name} = {value!r}: must be a list, one for each input")
    if "input_shifts" not in record:
        raise DesignError("host input_shifts: is missing (exponents of two, one for each input)")
    return InputScaling(tuple(record["input_shifts"]), tuple(record.get("input_offsets", ())))


def scaled(scaling: InputScaling | None, sequences: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Sequences of values of x as what the core gets; raw words (integers) stay as they are."""
    if scaling is None:
        return list(sequences)
    return [s if np.asarray(s).dtype.kind in "iu" else scaling.apply(s) for s in sequences]
