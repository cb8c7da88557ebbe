"""Block-circulant matrices: expansion, projection, packed spectra."""

import numpy as np
import pytest

from ernn_myhdl.design.cells import BLOCK_SIZES
from ernn_myhdl.numerics.circulant import (
    blocks_for,
    expand,
    pack_spectrum,
    project,
    spectral_product,
    unpack_spectrum,
)

blocks = pytest.mark.parametrize("block", BLOCK_SIZES)


def _random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@blocks
def test_expansion_is_circular_convolution(block):
    vectors, x = _random(2, 3, block), _random(3, block, seed=1)
    product = (expand(vectors) @ x.reshape(-1)).reshape(2, block)
    for row in range(2):
        expected = np.zeros(block)
        for column in range(3):
            for a in range(block):
                for b in range(block):
                    expected[a] += vectors[row, column, (a - b) % block] * x[column, b]
        assert np.allclose(product[row], expected, atol=1e-12)


@blocks
def test_spectral_product_is_the_matrix_product(block):
    vectors, x = _random(4, 3, block), _random(3, block, seed=1)
    products = spectral_product(pack_spectrum(vectors), pack_spectrum(x)).sum(axis=1)
    assert np.allclose(unpack_spectrum(products).reshape(-1), expand(vectors) @ x.reshape(-1))


@blocks
def test_packed_spectrum_is_the_real_fft(block):
    x = _random(5, block)
    packed, bins = pack_spectrum(x), np.fft.rfft(x)
    assert np.allclose(packed[:, 0], bins[:, 0].real)
    if block > 1:
        assert np.allclose(packed[:, 1], bins[:, -1].real)
        assert np.allclose(packed[:, 2::2] + 1j * packed[:, 3::2], bins[:, 1:-1])
    assert np.allclose(unpack_spectrum(packed), x)


@blocks
def test_spectra_of_float32_are_computed_in_float64(block):
    x = _random(5, block).astype(np.float32)
    assert np.array_equal(pack_spectrum(x), pack_spectrum(x.astype(np.float64)))


@blocks
def test_projection_inverts_expansion(block):
    vectors = _random(2, 3, 2, block)
    assert np.allclose(project(expand(vectors), block), vectors, atol=1e-14)


@blocks
def test_projection_is_idempotent_linear_and_orthogonal(block):
    size = (3 * block, 2 * block)
    a, b = _random(*size), _random(*size, seed=1)
    once = project(a, block)
    assert np.allclose(project(expand(once), block), once, atol=1e-14)
    assert np.allclose(project(2 * a - 3 * b, block), 2 * once - 3 * project(b, block), atol=1e-13)
    residual = a - expand(once)
    circulant = expand(_random(3, 2, block, seed=2))
    assert abs(np.sum(residual * circulant)) < 1e-11


def test_projection_of_sizes_that_are_no_multiple_takes_the_elements_that_exist():
    matrix = _random(2, 5, 7)
    vectors = project(matrix, 4)
    assert vectors.shape == (2, 2, 2, 4)
    for row, column, shift in np.ndindex(2, 2, 4):
        elements = [
            matrix[:, 4 * row + (b + shift) % 4, 4 * column + b]
            for b in range(4)
            if 4 * row + (b + shift) % 4 < 5 and 4 * column + b < 7
        ]
        assert np.allclose(vectors[:, row, column, shift], np.mean(elements or [[0.0]], axis=0))
    residual = matrix - expand(vectors)[..., :5, :7]
    other = expand(_random(2, 2, 2, 4, seed=1))[..., :5, :7]
    assert abs(np.sum(residual * other)) < 1e-12
    assert np.array_equal(project(_random(1, 1), 8)[0, 0, 1:], np.zeros(7))
    assert (blocks_for(1, 8), blocks_for(8, 8), blocks_for(9, 8)) == (1, 1, 2)


@blocks
def test_projection_keeps_what_is_block_circulant(block):
    vectors = _random(4, 3, 2, block)
    cut = (..., slice(3 * block - block // 2), slice(2 * block - block // 3))
    dense = expand(vectors)[cut]
    assert np.array_equal(expand(project(dense, block))[cut], dense)
