"""The piecewise linear tables: errors over every input code, ends, fxpmath evaluation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.fxp_arithmetic import number
from ernn_myhdl.golden.fxp_table import FxpTable
from ernn_myhdl.numerics.formats import Format, to_real
from ernn_myhdl.numerics.pwl import FUNCTIONS, default_error, pwl_table, segments_for

FORMATS = [
    (Format(16, 12), Format(12, 11), 0.002),
    (Format(20, 15), Format(16, 15), 0.0003),
]
functions = pytest.mark.parametrize("function", sorted(FUNCTIONS))


def _codes(fmt):
    return np.arange(fmt.minimum, fmt.maximum + 1, dtype=np.int64)


@functions
@pytest.mark.parametrize(("source", "output", "limit"), FORMATS)
def test_default_segments_keep_the_default_error(function, source, output, limit):
    assert default_error(output) == pytest.approx(limit)
    table = pwl_table(function, source, output, segments_for(function, source, output))
    codes = _codes(source)
    exact = FUNCTIONS[function](to_real(codes, source))
    error = np.abs(to_real(table.evaluate(codes), output) - exact)
    assert error.max() <= limit
    assert table.max_error() == error.max()


@functions
@pytest.mark.parametrize(("source", "output", "limit"), FORMATS)
def test_ends_are_flat_and_monotone(function, source, output, limit):
    table = pwl_table(function, source, output, segments_for(function, source, output))
    codes = _codes(source)
    values = to_real(table.evaluate(codes), output)
    low, high = (0.0, 1.0) if function == "sigmoid" else (-1.0, 1.0)
    assert abs(values[0] - low) <= limit
    assert abs(values[-1] - high) <= limit
    assert np.all(values[codes < -table.clamp] == values[codes == -table.clamp])
    assert np.all(values[codes >= table.clamp] == values[codes == table.clamp - 1])
    assert min(table.slope) >= 0
    assert np.all(np.diff(values) >= -2 * limit)  # neighbouring lines need not meet


@functions
def test_error_falls_with_the_segments_until_the_output_limits_it(function):
    source, output = Format(16, 12), Format(12, 11)
    errors = [pwl_table(function, source, output, 1 << n).max_error() for n in range(1, 9)]
    assert all(b < 1.05 * a for a, b in zip(errors, errors[1:], strict=False))
    assert errors[-1] <= 1.0 * output.lsb


@functions
@pytest.mark.parametrize(
    ("source", "output"),
    [
        (Format(10, 6), Format(6, 5)),
        (Format(12, 8), Format(8, 7)),
        (Format(12, 13), Format(12, 11)),  # inputs below one half only
        (Format(8, 0), Format(12, 11)),
        (Format(6, -1), Format(8, 7)),
        (Format(12, 8), Format(8, 4)),
        (Format(12, 8), Format(8, 8)),  # a format that cannot hold the function
    ],
)
@pytest.mark.parametrize("segments", [2, 16, 128])
def test_fxpmath_agrees_for_every_code(function, source, output, segments):
    table = pwl_table(function, source, output, segments)
    codes = _codes(source)
    expected = FxpTable(table).evaluate(number(codes, source)).val
    assert np.array_equal(table.evaluate(codes), expected)


def test_unknown_function_is_refused():
    with pytest.raises(DesignError, match="must be one of"):
        pwl_table("relu", Format(8, 4), Format(8, 7), 16)


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.integers(4, 14),
    st.integers(0, 12),
    st.integers(4, 16),
    st.integers(1, 15),
)
def test_the_fewest_segments_are_those_of_a_search_over_all_codes(
    function, word, frac, out, out_frac
):
    source, output = Format(word, frac), Format(out, min(out_frac, out - 1))
    numbers = [1 << n for n in range(1, 13)]
    errors = [pwl_table(function, source, output, n).max_error() for n in numbers]
    fitting = [n for n, e in zip(numbers, errors, strict=True) if e <= default_error(output)]
    found = segments_for(function, source, output)
    if fitting:
        assert found == fitting[0]
    else:
        assert found in numbers
