"""Weights of a design as the integers that models and hardware use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ernn_myhdl.design.design import Design
from ernn_myhdl.numerics.circulant import blocks_for, pack_spectrum
from ernn_myhdl.numerics.formats import MAX_WORD, Format, quantise

#: Matrices, which are stored as spectra, each in the format of its name; other constants and their formats.
MATRICES = ("input_weight", "recurrent_weight", "projection_weight")
CONSTANTS = {"bias": "preactivation", "recurrent_bias": "preactivation", "peephole": "peephole"}


@lru_cache(maxsize=32)
def quantised_weights(design: Design) -> dict[str, np.ndarray]:
    """Raw int64 arrays of every constant of `design`.

    input_weight (G, H, X, k) for G gates, recurrent_weight (G, H, Y, k), projection_weight (Y, H, k):
    packed spectra, each with its k, zero-padded to rows of whole tiles. bias (G, H, t), recurrent_bias
    (1, H, t), peephole (3, H, t): per cell, zero-padded to whole tiles of t.
    """
    cell, formats = design.cell, design.formats
    raw: dict[str, np.ndarray] = {}
    for name in MATRICES:
        if name in design.weights:
            spectra = quantise(pack_spectrum(design.weights[name]), getattr(formats, name))
            *_, rows, _, k = spectra.shape
            whole = blocks_for(rows * k, cell.tile) * cell.tile // k
            surplus = [(0, 0)] * (spectra.ndim - 3) + [(0, whole - rows), (0, 0), (0, 0)]
            raw[name] = np.pad(spectra, surplus)
    for name, field in CONSTANTS.items():
        if name in design.weights:
            values = np.asarray(design.weights[name])
            padded = np.zeros((values.shape[0], cell.hidden_blocks * cell.tile))
            padded[:, : cell.hidden] = values
            fmt = getattr(formats, field)
            raw[name] = quantise(padded, fmt).reshape(-1, cell.hidden_blocks, cell.tile)
    for array in raw.values():
        array.setflags(write=False)
    return raw


@dataclass(frozen=True)
class SaturatedWeights:
    """Numbers of a tensor that its format does not hold.

    count, elements: how many of how many, of spectra where it is a matrix. largest: of them by magnitude; least, most: what the format holds.
    """

    tensor: str
    count: int
    elements: int
    largest: float
    least: float
    most: float

    def __str__(self) -> str:
        return (
            f"{self.tensor}: {self.count} of {self.elements} numbers saturate, the largest is {self.largest:.4g}, the format holds "
            f"{self.least:.4g} to {self.most:.4g}"
        )


def saturated_weights(design: Design) -> list[SaturatedWeights]:
    """The tensors of which numbers saturate in the formats of `design`."""
    found = []
    for name, array in design.weights.items():
        matrix = name in MATRICES
        given = getattr(design.formats, name if matrix else CONSTANTS[name])
        values = pack_spectrum(array) if matrix else np.asarray(array, dtype=np.float64)
        beyond = quantise(values, Format(MAX_WORD, given.frac)) != quantise(values, given)
        if beyond.any():
            out = values[beyond]
            largest = float(out[np.argmax(np.abs(out))])
            found.append(
                SaturatedWeights(name, int(beyond.sum()), values.size, largest, *given.range)
            )
    return found
