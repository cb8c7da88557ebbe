"""Signal to quantisation noise."""

from __future__ import annotations

import numpy as np

#: Limit in decibels: no noise at all would be infinite, and so would no signal be below.
HIGHEST_SQNR = 150.0


def sqnr(reference: np.ndarray, fixed: np.ndarray) -> float:
    """10 log10 of the power of `reference` over that of `fixed - reference`, in dB, within +-150."""
    signal, noise = float(np.sum(reference**2)), float(np.sum((fixed - reference) ** 2))
    if noise == 0:
        return HIGHEST_SQNR
    if signal == 0:
        return -HIGHEST_SQNR
    ratio = 10 * float(np.log10(signal) - np.log10(noise))
    return min(max(ratio, -HIGHEST_SQNR), HIGHEST_SQNR)
