"""Rounding of x and y to the words of the hardware during training, straight-through.

x of every recurrent layer is rounded in front of it, y behind it; in our own modules (`Lstm`, `Gru`, `Rnn`) y is
rounded before the next frame uses it too, which PyTorch's fused loops cannot. Formats follow the rules of
`ernn_myhdl.calibration.range_analysis` on the largest magnitude that was seen so far.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ernn_myhdl.design.cells.ranges import MARGIN, SMALLEST_PEAK
from ernn_myhdl.numerics.formats import Format, format_for
from ernn_myhdl.train.recurrence import Rounding
from ernn_myhdl.train.recurrent import Recurrent
from ernn_myhdl.train.recurrent_modules import LAYERS, bounded


def round_to(values: Tensor, fmt: Format) -> Tensor:
    """`values` rounded half up and saturated to the format."""
    scaled = torch.floor(values * 2.0**fmt.frac + 0.5)
    return scaled.clamp(fmt.minimum, fmt.maximum) * fmt.lsb


def straight_through(values: Tensor, fmt: Format) -> Tensor:
    """`round_to` whose gradient is that of `values`."""
    return values + (round_to(values, fmt) - values).detach()


class SignalRounding:
    """Rounds x and y of the recurrent modules of a model between `attach` and `detach`.

    word: bits of both. peaks: largest magnitude so far, by the name of the module and "x" or "y".
    """

    def __init__(self, model: nn.Module, word: int) -> None:
        self._word = word
        self._modules = {n: m for n, m in model.named_modules() if isinstance(m, LAYERS)}
        self.peaks: dict[str, float] = {}
        self._hooks: list = []

    def attach(self) -> None:
        """Begin to round."""
        for name, module in self._modules.items():
            take, give = self._following(f"{name} x"), self._output(name, module)
            self._hooks.append(module.register_forward_pre_hook(_before(take)))
            if isinstance(module, Recurrent):
                module.rounding = give
            else:
                self._hooks.append(module.register_forward_hook(_behind(give)))

    def detach(self) -> None:
        """The modules compute as before."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        for module in self._modules.values():
            if isinstance(module, Recurrent):
                module.rounding = None

    def _output(self, name: str, module: nn.Module) -> Rounding:
        """The rounding of y, which lies within +-1 but behind a projection or relu."""
        if not bounded(module):
            return self._following(f"{name} y", MARGIN)
        fmt = Format(self._word, self._word - 1)
        return lambda values: straight_through(values, fmt)

    def _following(self, name: str, margin: float = 1.0) -> Rounding:
        """The rounding in a format that holds the largest magnitude so far times the margin."""

        def apply(values: Tensor) -> Tensor:
            peak = max(self.peaks.get(name, SMALLEST_PEAK), float(values.detach().abs().max()))
            self.peaks[name] = peak
            return straight_through(values, format_for(peak * margin, self._word))

        return apply


def _mapped(x: Tensor | PackedSequence, function: Rounding) -> Tensor | PackedSequence:
    if isinstance(x, PackedSequence):
        return x._replace(data=function(x.data))
    return function(x)


def _before(function: Rounding):
    return lambda _, arguments: (_mapped(arguments[0], function), *arguments[1:])


def _behind(function: Rounding):
    return lambda _, arguments, results: (_mapped(results[0], function), *results[1:])
