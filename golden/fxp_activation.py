"""The activations that need no table with fxpmath, of linear layers and of single elements."""

from __future__ import annotations

import numpy as np
from fxpmath import Fxp

from ernn_myhdl.design.cells.linear import LinearCell
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.golden.fxp_arithmetic import number, rounded
from ernn_myhdl.numerics.formats import MAX_WORD, Format
from ernn_myhdl.numerics.transform import width_for


class FxpActivation:
    """y of the pre-activations: what `ernn_myhdl.design.cells.activations` says, in numbers with a binary point."""

    def __init__(self, function: LinearCell | ElementWise, output: Format) -> None:
        self.name, self.output = function.activation, output
        self.clip, self.slope = function.clip(output), None
        if function.constant is not None:
            slope = function.constant
            self.slope = number(slope.raw, Format(width_for(slope.raw), slope.frac))

    def before_rounding(self, pre: Fxp) -> Fxp:
        """y before its saturation to the output, and its rounding where that is not done; of pre-activations of any shape."""
        if self.slope is None:
            return self._limited(pre)
        product = pre * self.slope
        if self.name == "leaky_relu":
            # both branches with the fraction bits of the product
            frac = self.slope.n_frac
            word = max(product.n_word, pre.n_word + frac)
            chosen = np.where(pre.val < 0, product.val, pre.val << frac)
            return number(chosen, Format(word, product.n_frac))
        return self._limited(product + number(1, Format(2, 1)))

    def _limited(self, x: Fxp) -> Fxp:
        """x rounded and limited by the function; what it limits does not count as saturated behind."""
        if self.clip is None:
            return x
        words = rounded(x, self.output.frac)
        limited = np.clip(words.val, self.clip.low, self.clip.high)
        word = min(max(words.n_word, width_for(abs(self.clip.low) + 1)), MAX_WORD)
        return number(limited, Format(word, self.output.frac))
