"""Layers of QKeras as layers of Keras: their weights as QKeras rounds them whenever it runs.

A file of QKeras holds weights that are not rounded yet. quantized_bits(bits, integer, symmetric, keep_negative, alpha) makes of them

    alpha 2^integer clip(round(w 2^(n - integer)), -2^n + symmetric, 2^n - 1) / 2^n,    n = bits - keep_negative

(google/qkeras, quantizers.py, round half to even). Scales that QKeras computes when it runs ("auto"), and signals that it rounds in
formats of their own, are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ernn_myhdl.errors import short
from ernn_myhdl.exchange.keras_layer import KerasLayer
from ernn_myhdl.whole_numbers import is_number

#: Layers of QKeras: Keras' own, and the quantisers of its arrays in their order.
QUANTISED: dict[str, tuple[str, tuple[str, ...]]] = {
    "QDense": ("Dense", ("kernel", "bias")), "QConv1D": ("Conv1D", ("kernel", "bias")),
    "QLSTM": ("LSTM", ("kernel", "recurrent", "bias")), "QGRU": ("GRU", ("kernel", "recurrent", "bias")),
    "QSimpleRNN": ("SimpleRNN", ("kernel", "recurrent", "bias")),
}  # fmt: skip
_FLOAT = "save a model of Keras' own layers with the weights that qkeras.utils.model_save_quantized_weights rounds"


@dataclass(frozen=True)
class QuantizedBits:
    """The quantiser of that name: see the module."""

    bits: int
    integer: int
    symmetric: bool
    keep_negative: bool
    alpha: float

    def __str__(self) -> str:
        sign = "" if self.keep_negative else ", not negative"
        scale = "" if self.alpha == 1.0 else f", times {self.alpha:g}"
        return f"{self.bits} bits with {self.bits - self.keep_negative - self.integer} behind the point{sign}{scale}"

    def apply(self, weights: np.ndarray) -> np.ndarray:
        """The weights as QKeras computes with them, float64."""
        most = 2.0 ** (self.bits - self.keep_negative)
        unit = 2.0**self.integer / most
        low = (self.symmetric - most) if self.keep_negative else 0.0
        rounded: np.ndarray = np.clip(np.round(weights.astype(np.float64) / unit), low, most - 1)
        return self.alpha * unit * rounded


def plain_layer(layer: KerasLayer) -> tuple[KerasLayer, str]:
    """The layer of Keras with rounded weights, and a note; DesignError where QKeras computes otherwise."""
    kind, parts = QUANTISED[layer.kind]
    if layer.option("state_quantizer") is not None:
        raise layer.refuse("rounds its state in a format of its own (state_quantizer)", _FLOAT)
    for name in ("activation", "recurrent_activation"):
        given = layer.option(name)
        inner = given.get("class_name") if isinstance(given, Mapping) else given
        if isinstance(inner, str) and ("quantized" in inner or "(" in inner or inner in ("hard_tanh", "smooth_sigmoid", "hard_sigmoid")):  # fmt: skip
            raise layer.refuse(f"rounds signals in a format of its own ({name} = {short(inner)})", _FLOAT)  # fmt: skip
    arrays, formats = list(layer.arrays), []
    for i, part in enumerate(parts[: len(arrays)]):
        quantiser = _quantiser(layer, f"{part}_quantizer")
        if quantiser is not None:
            arrays[i] = quantiser.apply(arrays[i])
            formats.append(f"{part} {quantiser}")
    told = ", ".join(formats) or "nothing"
    note = f"{layer.where}: rounded as QKeras rounds it: {told}; words of as many bits or more hold dense matrices of it exactly"
    return replace(layer, kind=kind, arrays=arrays), note


def _quantiser(layer: KerasLayer, name: str) -> QuantizedBits | None:
    given = layer.option(name)
    if given is None:
        return None
    if not isinstance(given, Mapping) or not isinstance(given.get("config"), Mapping):
        raise layer.refuse(f"{name} = {short(repr(given))} is not known", _FLOAT)
    options = given["config"]
    if given.get("class_name") != "quantized_bits":
        raise layer.refuse(f"{name} is {short(repr(given.get('class_name')))}, of which only quantized_bits is known", _FLOAT)  # fmt: skip
    alpha = options.get("alpha")
    alpha = 1.0 if alpha is None else alpha
    if not _is_number(alpha) or alpha <= 0:
        raise layer.refuse(f"{name} has alpha = {short(repr(alpha))}, a scale that QKeras computes when it runs", _FLOAT)  # fmt: skip
    if options.get("use_stochastic_rounding") or options.get("qnoise_factor", 1.0) not in (1, 1.0):
        raise layer.refuse(f"{name} rounds by chance or in part", _FLOAT)
    bits, integer = options.get("bits", 8), options.get("integer", 0)
    keeps = options.get("keep_negative", True)
    fits = all(_is_number(n) and n == int(n) for n in (bits, integer)) and 2 <= bits <= 32 and abs(integer) <= 32  # fmt: skip
    if not fits:
        raise layer.refuse(
            f"{name} has bits = {short(repr(bits))}, integer = {short(repr(integer))}", _FLOAT
        )
    return QuantizedBits(int(bits), int(integer), bool(options.get("symmetric")), bool(keeps), float(alpha))  # fmt: skip


def _is_number(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)
