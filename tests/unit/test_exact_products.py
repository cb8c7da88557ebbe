"""The integer model's matrix products at the extremes, against Python's unlimited integers."""

import numpy as np
import pytest

from ernn_myhdl import new_design
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.matrix_transform import EXACT
from ernn_myhdl.golden.spectral_matrix import SpectralMatrix


def by_definition(spectra: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Accumulators (n, rows, k) of spectra (n, q, k) and weights (rows, q, k), as Python integers."""
    s, w = spectra.astype(object), weights.astype(object)
    result = np.zeros((len(s), len(w), s.shape[2]), dtype=object)
    result[..., :2] = np.einsum("nqk,rqk->nrk", s[..., :2], w[..., :2])
    a, b = s[..., 2::2], s[..., 3::2]
    c, d = w[..., 2::2], w[..., 3::2]
    result[..., 2::2] = np.einsum("nqk,rqk->nrk", a, c) - np.einsum("nqk,rqk->nrk", b, d)
    result[..., 3::2] = np.einsum("nqk,rqk->nrk", a, d) + np.einsum("nqk,rqk->nrk", b, c)
    return result


def extremes(rng, shape, word: int) -> np.ndarray:
    """Largest and smallest words; the first row the smallest only, the second the signs of a
    complex product whose four parts all add up."""
    low, high = -(1 << (word - 1)), (1 << (word - 1)) - 1
    words = rng.choice([low, low + 1, -1, 0, 1, high], shape)
    words[0] = low
    if len(words) > 1:
        words[1] = np.where(np.arange(shape[-1]) % 2 == 1, high, low)
    return words


@pytest.mark.parametrize("points", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(("columns", "x", "w"), [(84, 16, 12), (128, 16, 12), (3, 25, 25)])
def test_float64_products_of_the_largest_words(points, columns, x, w):
    """84 and 128 columns are those of the paper's layer; the last case has sums near 2**51."""
    rng = np.random.default_rng(points)
    spectra = extremes(rng, (4, columns, points), x)
    weights = extremes(rng, (5, columns, points), w)
    expected = by_definition(spectra, weights)
    assert columns << (x + w - 2) <= max(abs(v) for v in expected.flat) < EXACT
    got = SpectralMatrix(weights, exact=True).multiply(spectra)
    assert got.dtype == np.int64
    assert (got == expected).all()


def matrices(model: IntegerModel) -> dict[str, SpectralMatrix]:
    """All matrices of a model, those of its second phase too."""
    found = {"input": model.input, "recurrent": model.recurrent}
    second = {"lstm": "projection", "gru": "candidate"}[model.design.cell.kind]
    return found | {second: getattr(model.cell, second)}


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("block", [2, 8])
def test_float64_only_where_the_worst_case_of_the_formats_is_exact(block, cell):
    """Each word length around the limit: the choice, and the products at the extremes."""
    rng = np.random.default_rng(block)
    chosen = {}
    options = {"projection": 16} if cell == "lstm" else {"cell": "gru", "reset": "before"}
    for word in range(18, 28):
        design = new_design(20, 24, block=block, word=word, **options)
        worst = 1 << (design.accumulator_word - 1)
        for name, matrix in matrices(IntegerModel(design)).items():
            assert matrix.dtype == (np.float64 if worst <= EXACT else np.int64), (word, name)
            chosen[design.accumulator_word] = matrix.dtype
        f = design.formats
        columns = design.cell.most_columns
        weights = extremes(rng, (4, columns, block), f.weight_word)
        spectra = extremes(rng, (3, columns, block), f.spectrum_word)
        expected = by_definition(spectra, weights)
        assert max(abs(v) for v in expected.flat) <= worst
        assert (SpectralMatrix(weights, worst <= EXACT).multiply(spectra) == expected).all()
    assert set(chosen.values()) == {np.float64, np.int64}
    float_words = [word for word, kind in chosen.items() if kind == np.float64]
    assert 52 <= max(float_words) <= 54 < min(set(chosen) - set(float_words)) <= 56


def test_a_float64_product_beyond_the_limit_would_be_wrong():
    """The limit is needed: with sums above 2**53 float64 loses the lowest bits."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-(1 << 29), 1 << 29, (8, 40, 8)) | 1
    spectra = rng.integers(-(1 << 29), 1 << 29, (8, 40, 8)) | 1
    expected = by_definition(spectra, weights)
    assert (SpectralMatrix(weights, exact=False).multiply(spectra) == expected).all()
    assert (SpectralMatrix(weights, exact=True).multiply(spectra) != expected).any()
