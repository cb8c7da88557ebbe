"""The flow graphs of the transforms: against numpy, their bounds, their two models."""

import math

import numpy as np
import pytest

from ernn_myhdl.golden.fxp_arithmetic import number
from ernn_myhdl.golden.fxp_transform import forward_transform, inverse_transform
from ernn_myhdl.golden.matrix_transform import MatrixTransform, stage_matrix
from ernn_myhdl.numerics.circulant import pack_spectrum
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.transform import (
    SumStage,
    TwiddleStage,
    check_points,
    forward_graph,
    inverse_graph,
    multiplications,
    stage_bounds,
    width_for,
    working_frac,
)

POINTS = (1, 2, 4, 8, 16, 32)


def _ideal(graph, x):
    """The graph on floats x (..., k) with unrounded twiddle factors."""
    k = x.shape[-1]
    for stage in graph:
        y = x.copy()
        if isinstance(stage, SumStage):
            for t in stage.terms:
                second = t.sign_b * x[..., t.b] if t.b is not None else 0.0
                y[..., t.out] = t.scale * (t.sign_a * x[..., t.a] + second)
        else:
            for t in stage.twiddles:
                turn = round(math.atan2(t.sine, t.cosine) / (2 * math.pi) * k) / k
                angle = 2 * math.pi * turn * (1 if t.inverse else -1)
                z = (x[..., t.re] + 1j * x[..., t.im]) * np.exp(1j * angle)
                y[..., t.re], y[..., t.im] = z.real, z.imag
        x = y
    return x


@pytest.mark.parametrize("points", POINTS)
def test_forward_graph_is_the_real_fft(points):
    x = np.random.default_rng(points).normal(size=(20, points))
    assert np.allclose(_ideal(forward_graph(points), x), pack_spectrum(x), atol=1e-12)


@pytest.mark.parametrize("points", POINTS)
def test_inverse_graph_returns_the_signal_times_the_points(points):
    x = np.random.default_rng(points).normal(size=(20, points))
    assert np.allclose(_ideal(inverse_graph(points), pack_spectrum(x)), points * x, atol=1e-12)


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("graph_of", [forward_graph, inverse_graph])
def test_every_stage_names_every_word_once(points, graph_of):
    for stage in graph_of(points):
        if isinstance(stage, SumStage):
            assert [t.out for t in stage.terms] == list(range(points))
        else:
            words = [word for t in stage.twiddles for word in (t.re, t.im)]
            assert len(set(words)) == len(words)


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("graph_of", [forward_graph, inverse_graph])
def test_bounds_hold_for_the_worst_signals(points, graph_of):
    """Worst signals: for every word after every stage, the signs of its row times the limit."""
    graph, limit = graph_of(points), 1000
    bounds = stage_bounds(graph, points, limit)
    for depth in range(1, len(graph) + 1):
        matrix = np.eye(points)
        for stage in graph[:depth]:
            scale = 2.0**-14 if isinstance(stage, TwiddleStage) else 1.0
            matrix = stage_matrix(stage, points) @ matrix * scale
        signals = (np.where(matrix >= 0, limit, -limit)).astype(np.int64)
        reached = MatrixTransform(graph[:depth], points, limit).apply(signals)
        assert np.all(np.abs(reached) <= np.array(bounds[depth]))
        assert np.abs(reached).max() >= 0.5 * max(bounds[depth])  # at most a bit too wide


@pytest.mark.parametrize("points", POINTS)
def test_models_agree_and_are_close_to_the_fft(points):
    rng = np.random.default_rng(points)
    source, target = Format(12, 9), Format(18, 10)
    raw = rng.integers(source.minimum, source.maximum + 1, (40, points))
    raw[0], raw[1], raw[2] = -2048, 2047, np.where(np.arange(points) % 2, -2048, 2047)
    spectrum, overflow = forward_transform(number(raw, source), target)
    frac = working_frac(points, source.frac, target.frac)
    graph = forward_graph(points)
    inside = MatrixTransform(graph, points, 2048 << (frac - 9)).apply(raw << (frac - 9))
    half = (1 << (frac - target.frac)) >> 1
    assert not overflow.any()
    assert np.array_equal((inside + half) >> (frac - target.frac), spectrum.val)
    exact = pack_spectrum(raw * source.lsb)
    assert np.max(np.abs(spectrum.val * target.lsb - exact)) <= 0.5 * target.lsb + points * 3e-4
    back, _ = inverse_transform(spectrum, Format(16, 9))
    assert np.max(np.abs(back.val - raw)) <= 2


def test_int64_and_float64_transforms_agree():
    """Limits that float64 cannot hold make the matrix form fall back to int64."""
    rng = np.random.default_rng(0)
    raw = rng.integers(-1000, 1000, (10, 16))
    narrow = MatrixTransform(inverse_graph(16), 16, 1000)
    wide = MatrixTransform(inverse_graph(16), 16, 1 << 42)
    assert np.array_equal(narrow.apply(raw), wide.apply(raw))
    assert wide.apply(raw << 32).max() > 1 << 40


def test_multiplications_and_widths():
    for graph_of in (forward_graph, inverse_graph):
        assert [multiplications(graph_of(k)) for k in POINTS] == [0, 0, 0, 2, 14, 54]
    assert [width_for(b) for b in (0, 1, 2, 127, 128)] == [2, 2, 3, 8, 9]
    assert working_frac(4, 9, 11) == 11
    assert working_frac(8, 9, 11) == 13
    assert working_frac(8, 14, 11) == 14


@pytest.mark.parametrize("points", [0, 3, 12, -4])
def test_points_must_be_a_power_of_two(points):
    with pytest.raises(ValueError, match="power of two"):
        check_points(points)
