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

    matrix: (..., rows, columns) of any size. Each number is the mean of a wrapped diagonal of a block,
    over the elements that exist where the matrix does not fill the block: the orthogonal projection
    onto the matrices that are block-circulant there. A diagonal of equal elements keeps their value.
    """
    *lead, rows, columns = matrix.shape
    p, q = blocks_for(rows, block), blocks_for(columns, block)

    def diagonals(array: np.ndarray) -> np.ndarray:
        """The wrapped diagonals (..., p, q, k, k) of the blocks; the last axis runs along one."""
        padded = np.zeros((*array.shape[:-2], p * block, q * block), dtype=array.dtype)
        padded[..., :rows, :columns] = array
        tiles = np.moveaxis(padded.reshape(*padded.shape[:-2], p, block, q, block), -2, -3)
        b = np.arange(block)
        return np.stack([tiles[..., (b + shift) % block, b] for shift in b], axis=-2)

    values = diagonals(np.asarray(matrix, dtype=np.float64))
    exists = diagonals(np.ones((rows, columns), dtype=bool))
    mean = values.sum(axis=-1) / np.maximum(exists.sum(axis=-1), 1)
    index = np.broadcast_to(exists.argmax(axis=-1), mean.shape)[..., None]
    first = np.take_along_axis(values, index, axis=-1)
    return np.where(np.all((values == first) | ~exists, axis=-1), first[..., 0], mean)


def pack_spectrum(signal: np.ndarray) -> np.ndarray:
    """Real FFT over the last axis in the packed order of `ernn_myhdl.numerics.transform` (float64)."""
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
    product: np.ndarray = weights * spectra  # right for the real words
    if k > 2:
        c, d = weights[..., 2::2], weights[..., 3::2]
        a, b = spectra[..., 2::2], spectra[..., 3::2]
        product[..., 2::2] = a * c - b * d
        product[..., 3::2] = a * d + b * c
    return product
