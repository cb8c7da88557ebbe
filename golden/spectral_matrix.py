"""Products of block-circulant matrices with batches of packed spectra, exact.

Each bin is a matrix product of its own: real for DC and Nyquist, complex for the others, written
as a real product of twice the size:

    [a b] @ [[C, D], [-D, C]] = [a C - b D, a D + b C]
"""

from __future__ import annotations

import numpy as np


class SpectralMatrix:
    """Weight spectra (..., q, k), int64, as per-bin matrices.

    exact: sums stay below 2**53, so that float64 products are exact (and much faster than int64).
    """

    def __init__(self, weights: np.ndarray, exact: bool) -> None:
        *self.lead, q, k = weights.shape
        self.columns, self.points = q, k
        self.dtype = np.float64 if exact else np.int64
        flat = weights.reshape(-1, q, k).transpose(2, 1, 0)  # (k, q, rows)
        self._real = np.ascontiguousarray(flat[:2], dtype=self.dtype)
        c, d = flat[2::2], flat[3::2]
        both = np.concatenate([np.concatenate([c, d], 2), np.concatenate([-d, c], 2)], 1)
        self._complex = np.ascontiguousarray(both, dtype=self.dtype)  # (bins, 2 q, 2 rows)

    def multiply(self, spectra: np.ndarray) -> np.ndarray:
        """Accumulators (n, ..., k) int64 of n spectra (n, q, k) int64, of which more blocks are ignored."""
        spectra = spectra[:, : self.columns]
        n, q, k = spectra.shape
        rows = self._real.shape[-1]
        words = spectra.astype(self.dtype)
        result = np.empty((n, rows, k), dtype=np.int64)
        real = np.ascontiguousarray(words[..., :2].transpose(2, 0, 1)) @ self._real
        result[..., :2] = real.transpose(1, 2, 0)
        if k > 2:
            bins = words[..., 2:].reshape(n, q, -1, 2).transpose(2, 0, 3, 1)  # (bins, n, 2, q)
            sums = bins.reshape(-1, n, 2 * q) @ self._complex
            parts = sums.reshape(-1, n, 2, rows).transpose(1, 3, 0, 2)  # (n, rows, bins, 2)
            result[..., 2:].reshape(n, rows, -1, 2)[...] = parts
        return result.reshape(n, *self.lead, k)
