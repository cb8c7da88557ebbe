"""Weights of a design as the integers that models and hardware use."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ernn_myhdl.design.design import Design
from ernn_myhdl.numerics.circulant import blocks_for, pack_spectrum
from ernn_myhdl.numerics.formats import quantise


@lru_cache(maxsize=32)
def quantised_weights(design: Design) -> dict[str, np.ndarray]:
    """Raw int64 arrays of every constant of `design`.

    input_weight (G, H, X, k) for G gates, recurrent_weight (G, H, Y, k), projection_weight (Y, H, k):
    packed spectra, each with its k, zero-padded to rows of whole tiles. bias (G, H, t), recurrent_bias
    (1, H, t), peephole (3, H, t): per cell, zero-padded to whole tiles of t.
    """
    cell, formats = design.cell, design.formats
    raw: dict[str, np.ndarray] = {}
    for name in ("input_weight", "recurrent_weight", "projection_weight"):
        if name in design.weights:
            spectra = quantise(pack_spectrum(design.weights[name]), getattr(formats, name))
            *_, rows, _, k = spectra.shape
            whole = blocks_for(rows * k, cell.tile) * cell.tile // k
            surplus = [(0, 0)] * (spectra.ndim - 3) + [(0, whole - rows), (0, 0), (0, 0)]
            raw[name] = np.pad(spectra, surplus)
    constants = {
        "bias": "preactivation",
        "recurrent_bias": "preactivation",
        "peephole": "peephole",
    }
    for name, field in constants.items():
        if name in design.weights:
            values = np.asarray(design.weights[name])
            padded = np.zeros((values.shape[0], cell.hidden_blocks * cell.tile))
            padded[:, : cell.hidden] = values
            fmt = getattr(formats, field)
            raw[name] = quantise(padded, fmt).reshape(-1, cell.hidden_blocks, cell.tile)
    for array in raw.values():
        array.setflags(write=False)
    return raw
