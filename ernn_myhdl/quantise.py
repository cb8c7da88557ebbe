"""Weights of a design as the integers that models and hardware use."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ernn_myhdl.circulant import pack_spectrum
from ernn_myhdl.design import Design
from ernn_myhdl.formats import quantise


@lru_cache(maxsize=32)
def quantised_weights(design: Design) -> dict[str, np.ndarray]:
    """Raw int64 arrays of every constant of `design`.

    input_weight (G, H, X, k) for G gates, recurrent_weight (G, H, Y, k), projection_weight (Y, H, k):
    packed spectra. bias (G, H, k), recurrent_bias (1, H, k), peephole (3, H, k): per cell, zero-padded
    to whole blocks.
    """
    cell, formats = design.cell, design.formats
    raw = {}
    for name in ("input_weight", "recurrent_weight", "projection_weight"):
        if name in design.weights:
            raw[name] = quantise(pack_spectrum(design.weights[name]), getattr(formats, name))
    constants = {
        "bias": formats.preactivation,
        "recurrent_bias": formats.preactivation,
        "peephole": formats.peephole,
    }
    for name, fmt in constants.items():
        if name in design.weights:
            values = np.asarray(design.weights[name])
            padded = np.zeros((values.shape[0], cell.hidden_blocks * cell.block))
            padded[:, : cell.hidden] = values
            raw[name] = quantise(padded, fmt).reshape(-1, cell.hidden_blocks, cell.block)
    for array in raw.values():
        array.setflags(write=False)
    return raw
