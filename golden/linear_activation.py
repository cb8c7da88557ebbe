"""The activations that need no table, on whole numbers: y of the pre-activations of a linear layer, or of any signal.

    relu, hard_tanh    y = saturate(limited(round(z)))
    leaky_relu         y = saturate(round(z << frac, or raw z where z < 0))
    hard_sigmoid       y = saturate(limited(round(raw z + half)))

raw 2**-frac is the slope (`ernn_myhdl.design.cells.activations.Slope`), half is 1/2 with the fraction bits of the product. What
a function limits itself does not count as saturated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ernn_myhdl.design.cells.activations import Clip
from ernn_myhdl.design.cells.linear import LinearCell
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.numerics.formats import Format, round_shift


@dataclass(frozen=True)
class LinearActivation:
    """The function of a cell or a join between two formats.

    factor, shift: of the product with the slope; 1 and 0 where there is none. half: that is added to it. leaky: whether
    only what is negative is multiplied. clip: the limits of y.
    """

    factor: int
    shift: int
    half: int
    leaky: bool
    clip: Clip | None
    drop: int

    @classmethod
    def of(cls, cell: LinearCell | ElementWise, source: Format, target: Format) -> LinearActivation:
        """Of pre-activations in a format to y in one."""
        slope, half = cell.constant, 0
        if slope is not None and cell.activation == "hard_sigmoid":
            slope = slope.finer(1 - source.frac)
            half = 1 << (source.frac + slope.frac - 1)
        factor, shift = (1, 0) if slope is None else (slope.raw, slope.frac)
        leaky = cell.activation == "leaky_relu"
        drop = source.frac + shift - target.frac
        return cls(factor, shift, half, leaky, cell.clip(target), drop)

    def rounded(self, z: np.ndarray) -> np.ndarray:
        """Words of y before it is saturated (int64, any shape)."""
        exact = z * self.factor + self.half
        if self.leaky:
            exact = np.where(z < 0, exact, z << self.shift)
        words: np.ndarray = round_shift(exact, self.drop)
        if self.clip is None:
            return words
        limited: np.ndarray = np.clip(words, self.clip.low, self.clip.high)
        return limited
