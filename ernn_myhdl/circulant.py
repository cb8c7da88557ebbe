"""Block-circulant matrices: expansion, packed spectra, padding.

A circulant block of size k is defined by its first column w: C[a, b] = w[(a - b) mod k], so that
C @ v is the circular convolution of w and v and `rfft(C @ v) = rfft(w) * rfft(v)`. A matrix of
(p k, q k) numbers is stored as an array (p, q, k) of first columns.
"""

from __future__ import annotations

import numpy as np


def blocks_for(size: int, block: int) -> int:
    """Number of blocks of `block` that hold `size` elements (zero-padded)."""
    return -(-size // block)


def expand(vectors: np.ndarray) -> np.ndarray:
    """Dense matrix (..., p k, q k) of the block-circulant matrix (..., p, q, k)."""
    *lead, p, q, k = vectors.shape
    index = (np.arange(k)[:, None] - np.arange(k)[None, :]) % k
    dense = vectors[..., index]  # (..., p, q, k, k)
    dense = np.moveaxis(dense, -2, -3)  # (..., p, k, q, k)
    return np.ascontiguousarray(dense).reshape(*lead, p * k, q * k)


def project(matrix: np.ndarray, block: int) -> np.ndarray:
    """Nearest block-circulant matrix in the Frobenius norm, as first columns (..., p, q, k).

    matrix: (..., rows, columns), zero-padded here to multiples of `block`. The mean of every
    wrapped diagonal of a block is the orthogonal projection onto the circulant matrices.
    """
    *lead, rows, columns = matrix.shape
    p, q = blocks_for(rows, block), blocks_for(columns, block)
    padded = np.zeros((*lead, p * block, q * block), dtype=np.float64)
    padded[..., :rows, :columns] = matrix
    tiles = np.moveaxis(padded.reshape(*lead, p, block, q, block), -2, -3)
    b = np.arange(block)
    diagonals = [tiles[..., (b + shift) % block, b].mean(axis=-1) for shift in range(block)]
    return np.stack(diagonals, axis=-1)


def pack_spectrum(signal: np.ndarray) -> np.ndarray:
    """Real FFT over the last axis in the packed order of `ernn_myhdl.transform` (float64)."""
    k = signal.shape[-1]
    bins = np.fft.rfft(np.asarray(signal, dtype=np.float64), axis=-1)  # numpy 2 keeps float32
    packed = np.empty(signal.shape, dtype=np.float64)
    packed[..., 0] = bins[..., 0].real
    if k > 1:
        packed[..., 1] = bins[..., k // 2].real
        packed[..., 2::2] = bins[..., 1 : k // 2].real
        packed[..., 3::2] = bins[..., 1 : k // 2].imag
    return packed


def unpack_spectrum(packed: np.ndarray) -> np.ndarray:
    """Inverse of `pack_spectrum`: the real signal (float64)."""
    k = packed.shape[-1]
    if k == 1:
        return packed.astype(np.float64)
    bins = np.zeros((*packed.shape[:-1], k // 2 + 1), dtype=np.complex128)
    bins[..., 0] = packed[..., 0]
    bins[..., k // 2] = packed[..., 1]
    bins[..., 1 : k // 2] = packed[..., 2::2] + 1j * packed[..., 3::2]
    return np.fft.irfft(bins, n=k, axis=-1)


def spectral_product(weights: np.ndarray, spectra: np.ndarray) -> np.ndarray:
    """Element-wise product of packed spectra (broadcast over the leading axes)."""
    k = weights.shape[-1]
    product = weights * spectra  # right for the real words
    if k > 2:
        c, d = weights[..., 2::2], weights[..., 3::2]
        a, b = spectra[..., 2::2], spectra[..., 3::2]
        product[..., 2::2] = a * c - b * d
        product[..., 3::2] = a * d + b * c
    return product
