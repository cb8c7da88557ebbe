"""Zeros before the frames of a Keras model: of ZeroPadding1D, for the convolution behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.convolutions import CAUSAL
from ernn_myhdl.exchange.keras_layer import KerasLayer
from ernn_myhdl.whole_numbers import is_whole

#: Layers that work over the frames of a window.
CONVOLUTIONS = ("Conv1D", "QConv1D", "DepthwiseConv1D", "SeparableConv1D")


def frames_before(layer: KerasLayer, rank: int) -> int:
    """Frames of zeros that a ZeroPadding1D puts before a sequence; DesignError where it puts any behind it."""
    given: Any = layer.option("padding", 1)
    pair = [given, given] if isinstance(given, int) else given
    whole = isinstance(pair, list | tuple) and len(pair) == 2
    if not whole or any(not is_whole(n) or n < 0 for n in pair):
        raise DesignError(f"{layer.where}: padding = {short(repr(given))}, must be two numbers")
    if rank != 3:
        raise DesignError(f"{layer.where}: its input has no frames")
    if pair[1]:
        raise layer.refuse(
            f"pads {pair[1]} frames behind the last one, which makes the convolution not causal",
            CAUSAL,
        )
    return int(pair[0])


class _Padded(Protocol):
    """A signal of a Keras model."""

    @property
    def padded(self) -> int: ...


def check_whole(where: str, signals: Sequence[_Padded]) -> None:
    """DesignError where a signal is padded that goes to no convolution."""
    if any(signal.padded for signal in signals):
        raise DesignError(f"{where}: takes a signal that is padded along its frames; {CAUSAL}")


def check_padded(layer: KerasLayer, rank: int) -> None:
    """DesignError where anything but a convolution takes a padded signal, or a convolution one without frames."""
    if layer.padded and layer.kind not in CONVOLUTIONS:
        raise layer.refuse("takes a signal that is padded along its frames", CAUSAL)
    if (
        rank != 3
        and layer.kind in CONVOLUTIONS
        and layer.option("kernel_size") not in (1, [1], (1,))
    ):
        raise DesignError(f"{layer.where}: its input has no frames")
