"""Products of block-circulant matrices with batches of packed spectra, exact.

Each bin is a matrix product of its own, real for DC and Nyquist and complex for the others. A small matrix
times few spectra is one real product with all bins on its block diagonal, since calls would take longer than
the zeros.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

#: Most spectra, and most words of the matrix with its zeros, for which one product is made of all bins.
FEW_SPECTRA, SMALL_WORDS = 4, 1 << 15


class SpectralMatrix:
    """Weight spectra (..., q, k), int64, as per-bin matrices.

    exact: sums stay below 2**53, so that float64 products are exact (and much faster than int64).
    """

    def __init__(self, weights: np.ndarray, exact: bool) -> None:
        *self.lead, q, k = weights.shape
        self.columns, self.points, self.exact = q, k, exact
        flat = weights.reshape(-1, q, k).transpose(2, 1, 0)  # (k, q, rows)
        self.rows = flat.shape[-1]
        self.dtype = np.float64 if exact else np.int64
        self._real = np.ascontiguousarray(flat[:2], dtype=self.dtype)
        c, d = flat[2::2], flat[3::2]
        if exact:
            self._complex = np.ascontiguousarray(c + 1j * d)  # (bins, q, rows)
        else:  # [a b] @ [[C, D], [-D, C]] = [a C - b D, a D + b C]; there are no complex integers
            both = np.concatenate([np.concatenate([c, d], 2), np.concatenate([-d, c], 2)], 1)
            self._complex = np.ascontiguousarray(both)  # (bins, 2 q, 2 rows)
        self._few = FEW_SPECTRA if exact and q * k * self.rows * k <= SMALL_WORDS else 0

    def multiply(self, spectra: np.ndarray) -> np.ndarray:
        """Accumulators (n, ..., k) int64 of n spectra (n, q, k) int64, of which more blocks are ignored."""
        n, k = len(spectra), self.points
        words = np.ascontiguousarray(spectra[:, : self.columns], dtype=self.dtype)
        if n <= self._few:
            sums = words.reshape(n, -1) @ self._all_bins
        else:
            sums = self._by_bins(words) if self.exact else self._by_integer_bins(words)
        accumulators: np.ndarray = sums.astype(np.int64, copy=False).reshape(n, *self.lead, k)
        return accumulators

    def _by_bins(self, words: np.ndarray) -> np.ndarray:
        n, q, k = words.shape
        result = np.empty((n, self.rows, k))
        real = np.ascontiguousarray(words[..., :2].transpose(2, 0, 1)) @ self._real
        result[..., :2] = real.transpose(1, 2, 0)
        if k > 2:
            bins = np.ascontiguousarray(words.view(np.complex128)[..., 1:].transpose(2, 0, 1))
            result.view(np.complex128)[..., 1:] = (bins @ self._complex).transpose(1, 2, 0)
        return result

    def _by_integer_bins(self, words: np.ndarray) -> np.ndarray:
        n, q, k = words.shape
        result = np.empty((n, self.rows, k), dtype=np.int64)
        real = np.ascontiguousarray(words[..., :2].transpose(2, 0, 1)) @ self._real
        result[..., :2] = real.transpose(1, 2, 0)
        if k > 2:
            bins = words[..., 2:].reshape(n, q, -1, 2).transpose(2, 0, 3, 1)  # (bins, n, 2, q)
            sums = bins.reshape(-1, n, 2 * q) @ self._complex
            parts = sums.reshape(-1, n, 2, self.rows).transpose(1, 3, 0, 2)  # (n, rows, bins, 2)
            result[..., 2:].reshape(n, self.rows, -1, 2)[...] = parts
        return result

    @cached_property
    def _all_bins(self) -> np.ndarray:
        """(q k, rows k): the matrix of all bins at once."""
        q, rows, k = self.columns, self.rows, self.points
        dense = np.zeros((q, k, rows, k))
        for word in range(min(k, 2)):
            dense[:, word, :, word] = self._real[word]
        for i, matrix in enumerate(self._complex if k > 2 else ()):
            re, im = 2 + 2 * i, 3 + 2 * i
            dense[:, re, :, re] = dense[:, im, :, im] = matrix.real
            dense[:, re, :, im] = matrix.imag
            dense[:, im, :, re] = -matrix.imag
        return dense.reshape(q * k, rows * k)
