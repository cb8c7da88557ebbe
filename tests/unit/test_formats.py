"""Rounding, saturation and quantisation: the project's primitives against fxpmath."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.fxp_arithmetic import number, quantised, requantised, rounded
from ernn_myhdl.numerics.formats import (
    Format,
    format_for,
    quantise,
    requantise,
    round_shift,
    saturate,
    to_real,
)

PROPERTY = settings(derandomize=True, deadline=None, max_examples=200)


@pytest.mark.parametrize("word", [2, 5, 8])
@pytest.mark.parametrize("shift", range(-2, 11))
def test_requantise_agrees_with_fxpmath_for_every_word(word, shift):
    source, target = Format(word, 4), Format(4, 4 - shift)
    raw = np.arange(source.minimum, source.maximum + 1)
    expected, overflow = requantised(number(raw, source), target)
    assert np.array_equal(requantise(raw, source.frac, target), expected.val)
    assert np.array_equal(round_shift(raw, shift), rounded(number(raw, source), target.frac).val)
    wide = round_shift(raw, shift)
    assert np.array_equal(overflow, wide != saturate(wide, target))


@PROPERTY
@given(st.integers(40, 62), st.integers(1, 38), st.integers(2, 40), st.data())
def test_wide_words_are_exact(word, shift, target_word, data):
    source, target = Format(word, 20), Format(target_word, 20 - shift)
    limit = 1 << (word - 1)
    near = data.draw(st.integers(-(limit >> shift), (limit >> shift) - 1)) << shift
    half = 1 << (shift - 1)
    candidates = [near, near + half, near + half - 1, -limit, limit - 1]
    raw = [v for v in candidates if -limit <= v < limit and abs(v) + half < limit]
    exact = [math.floor(Fraction(v, 1 << shift) + Fraction(1, 2)) for v in raw]
    exact = [min(max(v, target.minimum), target.maximum) for v in exact]
    assert [requantise(v, 20, target) for v in raw] == exact
    if raw:
        array = np.array(raw, dtype=np.int64)
        assert requantise(array, 20, target).tolist() == exact
        assert requantised(number(array, source), target)[0].val.tolist() == exact


def test_rounds_half_up():
    assert round_shift(np.array([-6, -5, -3, -2, -1, 1, 2, 3, 6]), 2).tolist() == [
        -1, -1, -1, 0, 0, 0, 1, 1, 2,
    ]  # fmt: skip
    assert round_shift(5, -3) == 40


def _half_values(fmt):
    """Every word, every value halfway between two words, and the neighbours of those."""
    halves = (np.arange(2 * fmt.minimum - 6, 2 * fmt.maximum + 7) / 2) * fmt.lsb
    return np.concatenate([halves, np.nextafter(halves, -np.inf), np.nextafter(halves, np.inf)])


@pytest.mark.parametrize(
    "fmt", [Format(2, 0), Format(6, 5), Format(8, 3), Format(5, 9), Format(6, -3)]
)
def test_quantise_agrees_with_fxpmath(fmt):
    values = np.concatenate([_half_values(fmt), [1e30, -1e30, 1e-300, -1e-300, -0.0]])
    expected, overflow = quantised(values, fmt)
    assert np.array_equal(quantise(values, fmt), expected.val)
    exact = [math.floor(Fraction(v) / Fraction(fmt.lsb) + Fraction(1, 2)) for v in values]
    assert quantise(values, fmt).tolist() == [saturate(v, fmt) for v in exact]
    assert overflow.tolist() == [saturate(v, fmt) != v for v in exact]


def test_quantise_refuses_nan_and_infinity():
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(DesignError, match="NaN or infinity"):
            quantise([0.0, value], Format(8, 4))


def test_to_real_inverts_quantise():
    fmt = Format(8, 5)
    raw = np.arange(fmt.minimum, fmt.maximum + 1)
    assert np.array_equal(quantise(to_real(raw, fmt), fmt), raw)
    assert (to_real(fmt.minimum, fmt), to_real(fmt.maximum, fmt)) == fmt.range


@PROPERTY
@given(st.floats(1e-6, 1e6), st.integers(4, 24))
def test_format_for_holds_the_limit_with_the_most_fraction_bits(limit, word):
    fmt = format_for(limit, word)
    finer = Format(word, fmt.frac + 1)
    assert round(limit * 2.0**fmt.frac) <= fmt.maximum
    assert round(limit * 2.0**finer.frac) > finer.maximum


@pytest.mark.parametrize(
    ("word", "frac", "message"),
    [(1, 0, "word = 1"), (63, 0, "word = 63"), (8, 65, "frac = 65"), (8.0, 0, "a whole number")],
)
def test_illegal_formats_are_refused(word, frac, message):
    with pytest.raises(DesignError, match=message):
        Format(word, frac)
