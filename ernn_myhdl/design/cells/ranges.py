"""What the cells choose the formats of their tensors from (`Cell.formats_behind`): the ranges that calibration shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.numerics.formats import Format, format_for
from ernn_myhdl.numerics.pwl import FUNCTIONS, default_error

#: Room above the largest magnitude seen in calibration, for tensors with dynamics of their own.
MARGIN = 1.25
#: Smaller peaks get no more fraction bits (an all-zero matrix, a constant input).
SMALLEST_PEAK = 2.0**-24
#: Pre-activations reach at least this far, whatever the calibration data hold.
LEAST_PREACTIVATION = 4.0


@dataclass(frozen=True)
class Ranges:
    """peak: largest magnitude of every tensor in calibration. given: formats that were chosen beforehand. word, state_word: bits, as in
    `ernn_myhdl.calibration.range_analysis.choose_formats`."""

    weights: Mapping[str, np.ndarray]
    peak: Mapping[str, float]
    given: Mapping[str, Format]
    word: int
    state_word: int

    @property
    def gate(self) -> Format:
        """That of gates, which are within +-1."""
        return self.given.get("gate", Format(self.word, self.word - 1))

    @property
    def sums(self) -> float:
        """Largest magnitude of the sums of the matrix phases, of their parts, and of the pre-activations."""
        parts = [
            value
            for name, value in self.peak.items()
            if name.startswith(("gate_", "candidate_")) and name.endswith("sums")
        ]
        return max(*parts, self.peak["preactivations"])

    @property
    def bias(self) -> float:
        """Largest magnitude of the biases."""
        names = (n for n in ("bias", "recurrent_bias") if n in self.weights)
        return max(float(np.max(np.abs(self.weights[n]))) for n in names)

    def preactivation(self, peak: float, most: float) -> Format:
        """+-4 at least, +-most (a power of two) at most, but wide enough for the bias."""
        word = self.state_word
        frac = min(fitting(peak, word).frac, word - 1 - int(np.log2(LEAST_PREACTIVATION)))
        frac = max(frac, word - 1 - int(np.log2(most)))
        return Format(word, min(frac, fitting(self.bias, word).frac))


def fitting(peak: float, word: int) -> Format:
    """The format of a tensor with this largest magnitude."""
    return format_for(max(peak, SMALLEST_PEAK), word)


def bounded(peak: float, word: int) -> Format:
    """The format of a tensor that is within +-1 by itself; wider only where an initial state is beyond."""
    return Format(word, word - 1) if peak <= 1.0 else fitting(peak, word)


def limited(most: float, word: int) -> Format:
    """The format of a tensor within +-most, which may lie one LSB above it."""
    fmt = fitting(most, word)
    finer = Format(word, fmt.frac + 1)
    return finer if round(most * 2.0**finer.frac) <= finer.maximum + 1 else fmt


def flat_from(gate: Format) -> float:
    """Magnitude from which the gates are flat, 8 or more."""
    flat = 8.0
    while 1.0 - FUNCTIONS["sigmoid"](flat) > default_error(gate) / 2:
        flat *= 2
    return flat
