"""Block-circulant tensors: the projection by its properties, the same bits as the numpy code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_training import torch

from ernn_myhdl.calibration.range_analysis import weight_format
from ernn_myhdl.design.cells import BLOCK_SIZES
from ernn_myhdl.numerics import circulant
from ernn_myhdl.numerics.formats import quantise, to_real
from ernn_myhdl.train.circulant_tensors import expand, fold, project
from ernn_myhdl.train.quantisation import WORDS, rounded

pytestmark = pytest.mark.torch
sizes = st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20))
blocks = st.sampled_from(BLOCK_SIZES)
seeds = st.integers(0, 1 << 32)
some = settings(max_examples=20, deadline=None, derandomize=True)


def matrices(shape, seed, count=1, scale=1.0):
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(scale * rng.standard_normal(shape)) for _ in range(count)]


def nearest(matrix, block):
    """The projection of (gates, rows, columns) as a matrix of this size."""
    _, rows, columns = matrix.shape
    return expand(project(matrix, block))[:, :rows, :columns]


@some
@given(sizes, blocks, seeds)
def test_the_same_bits_as_numpy(shape, block, seed):
    (matrix,) = matrices(shape, seed)
    vectors = circulant.project(matrix.numpy(), block)
    assert np.array_equal(project(matrix, block).numpy(), vectors)
    assert np.array_equal(expand(torch.from_numpy(vectors)).numpy(), circulant.expand(vectors))
    single = torch.from_numpy(vectors.astype(np.float32))
    assert np.array_equal(expand(single).numpy(), circulant.expand(single.numpy()))


@some
@given(sizes, blocks, seeds)
def test_the_projection_is_idempotent_and_keeps_bits(shape, block, seed):
    (matrix,) = matrices(shape, seed)
    once = nearest(matrix, block)
    assert torch.equal(nearest(once, block), once)
    single = once.float()
    assert torch.equal(nearest(single, block), single)


@some
@given(sizes, blocks, seeds, st.floats(-4, 4), st.floats(-4, 4))
def test_the_projection_is_linear(shape, block, seed, a, b):
    one, other = matrices(shape, seed, 2)
    both = nearest(a * one + b * other, block)
    assert torch.allclose(both, a * nearest(one, block) + b * nearest(other, block), atol=1e-12)


@some
@given(sizes, blocks, seeds, seeds)
def test_the_residual_is_orthogonal_and_no_circulant_is_nearer(shape, block, seed, other_seed):
    (matrix,) = matrices(shape, seed)
    projected = nearest(matrix, block)
    rest = matrix - projected
    distance = torch.linalg.vector_norm(rest)
    lead = project(matrix, block).shape
    for scale in (1e-3, 0.1, 1.0):
        (vectors,) = matrices(lead, other_seed, scale=scale)
        circulant_matrix = expand(vectors)[:, : shape[1], : shape[2]]
        assert abs(float((rest * circulant_matrix).sum())) < 1e-10
        for other in (circulant_matrix, projected + circulant_matrix):
            assert torch.linalg.vector_norm(matrix - other) >= distance - 1e-12


@some
@given(sizes, blocks, seeds)
def test_fold_is_the_gradient_of_expand(shape, block, seed):
    (gradient,) = matrices(shape, seed)
    vectors = torch.zeros_like(project(gradient, block)).requires_grad_()
    (expand(vectors)[:, : shape[1], : shape[2]] * gradient).sum().backward()
    assert torch.allclose(fold(gradient, block), vectors.grad, atol=1e-13)


@some
@given(sizes, blocks, seeds, st.integers(*WORDS), st.floats(-8, 4))
def test_rounded_vectors_round_to_themselves_and_to_the_words_of_a_design(
    shape, block, seed, word, size
):
    (vectors,) = matrices((*shape, block), seed, scale=2.0**size)
    vectors = vectors.float()
    once = rounded(vectors, word)
    fmt = weight_format(vectors.numpy(), word)
    words = quantise(circulant.pack_spectrum(vectors.numpy()), fmt)
    assert weight_format(once.numpy(), word) == fmt
    assert np.array_equal(quantise(circulant.pack_spectrum(once.numpy()), fmt), words)
    assert torch.equal(rounded(once, word), once)
    assert np.abs(words).max() <= fmt.maximum
    spectra = circulant.pack_spectrum(once.numpy())
    assert np.allclose(spectra, to_real(words, fmt), atol=fmt.lsb / 4)
