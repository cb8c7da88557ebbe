"""The activation of a linear layer with fxpmath."""

from __future__ import annotations

import numpy as np
from fxpmath import Fxp

from ernn_myhdl.design.cells.linear import LinearCell
from ernn_myhdl.golden.fxp_arithmetic import number, rounded
from ernn_myhdl.golden.fxp_stages import FxpStages
from ernn_myhdl.numerics.formats import MAX_WORD, Format
from ernn_myhdl.numerics.transform import width_for


class FxpActivation:
    """y of the pre-activations: what `ernn_myhdl.design.cells.activations` says, in numbers with a binary point."""

    def __init__(self, cell: LinearCell, stages: FxpStages) -> None:
        self.stages, self.name = stages, cell.activation
        self.output = stages.formats["output"]
        self.clip, self.slope = cell.clip(self.output), None
        if cell.constant is not None:
            slope = cell.constant
            self.slope = number(slope.raw, Format(width_for(slope.raw), slope.frac))

    def __call__(self, pre: Fxp) -> Fxp:
        """y, unmasked, of pre-activations of any shape."""
        if "output" in self.stages.tables:
            return self.stages.tables["output"].evaluate(pre)
        if self.slope is None:
            return self._limited(pre)
        product = pre * self.slope
        if self.name == "leaky_relu":
            # both branches with the fraction bits of the product
            frac = self.slope.n_frac
            word = max(product.n_word, pre.n_word + frac)
            chosen = np.where(pre.val < 0, product.val, pre.val << frac)
            return self.stages.rounded("output", number(chosen, Format(word, product.n_frac)))
        return self._limited(product + number(1, Format(2, 1)))

    def _limited(self, x: Fxp) -> Fxp:
        """x rounded, limited by the function and saturated to y, whose count leaves out what the function limits."""
        if self.clip is None:
            return self.stages.rounded("output", x)
        words = rounded(x, self.output.frac)
        limited = np.clip(words.val, self.clip.low, self.clip.high)
        word = min(max(words.n_word, width_for(abs(self.clip.low) + 1)), MAX_WORD)
        return self.stages.rounded("output", number(limited, Format(word, self.output.frac)))
