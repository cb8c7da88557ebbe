"""The flow graphs of `ernn_myhdl.numerics.transform` on fxpmath numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from fxpmath import Fxp

from ernn_myhdl.golden.fxp_arithmetic import moved, number, requantised, resized, rounded
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.transform import (
    TWIDDLE_FRAC,
    Graph,
    SumStage,
    TwiddleStage,
    forward_graph,
    inverse_graph,
    stage_bounds,
    width_for,
    working_frac,
)

TWIDDLE = Format(16, TWIDDLE_FRAC)
#: Signs and scales of a sum: -2 to 2.
FACTOR = Format(3, 0)


def forward_transform(x: Fxp, fmt: Format) -> tuple[Fxp, np.ndarray]:
    """Packed spectrum (..., k) of x (..., k) in `fmt`, and where it saturated."""
    k = x.val.shape[-1]
    inside = rounded(x, working_frac(k, x.n_frac, fmt.frac))  # a shift to the left: exact
    return requantised(_through(forward_graph(k), inside), fmt)


def inverse_transform(x: Fxp, fmt: Format) -> tuple[Fxp, np.ndarray]:
    """Signal (..., k) in `fmt` of the packed spectrum x (..., k), and where it saturated."""
    k = x.val.shape[-1]
    scaled = _through(inverse_graph(k), x)  # k times the signal
    signal = number(scaled.val, Format(scaled.n_word, scaled.n_frac + k.bit_length() - 1))
    return requantised(signal, fmt)


@lru_cache
def _stage_words(graph: Graph, points: int, word: int) -> tuple[int, ...]:
    """Bits of the words after each stage, for input words of `word` bits."""
    bounds = stage_bounds(graph, points, 1 << (word - 1))
    return tuple(width_for(max(stage)) for stage in bounds[1:])


def _through(graph: Graph, x: Fxp) -> Fxp:
    """x (..., k) through all stages, at its own fraction."""
    words = _stage_words(graph, x.val.shape[-1], x.n_word)
    for stage, word in zip(graph, words, strict=True):
        x = resized(_sums(stage, x) if isinstance(stage, SumStage) else _rotated(stage, x), word)
    return x


def _words(x: Fxp, index: list[int]) -> Fxp:
    return moved(x, x.val[..., index])


@lru_cache
def _factors(stage: SumStage) -> tuple[Fxp, Fxp]:
    """scale * sign_a and scale * sign_b of every term."""
    first = [t.scale * t.sign_a for t in stage.terms]
    second = [0 if t.b is None else t.scale * t.sign_b for t in stage.terms]
    return number(first, FACTOR), number(second, FACTOR)


def _sums(stage: SumStage, x: Fxp) -> Fxp:
    """scale * (sign_a * in[a] + sign_b * in[b]) for every term; exact."""
    terms = stage.terms
    first, second = _factors(stage)
    a = _words(x, [t.a for t in terms])
    b = _words(x, [t.a if t.b is None else t.b for t in terms])
    total: Fxp = a * first + b * second
    return total


@lru_cache
def _directions(stage: TwiddleStage) -> tuple[Fxp, Fxp]:
    """What multiplies the same part and the other one, of the real part of every rotation and then of the imaginary part of every one."""
    cosine = [t.cosine for t in stage.twiddles]
    sine = [t.sine * (-1 if t.inverse else 1) for t in stage.twiddles]
    return number(cosine + cosine, TWIDDLE), number([*sine, *(-v for v in sine)], TWIDDLE)


def _rotated(stage: TwiddleStage, x: Fxp) -> Fxp:
    """Every rotation, of a + i b by a cosine c and a sine s: a c + b s and b c - a s, each an exact sum of two products and one rounding."""
    re, im = [t.re for t in stage.twiddles], [t.im for t in stage.twiddles]
    same, other = _directions(stage)
    turned = rounded(_words(x, re + im) * same + _words(x, im + re) * other, x.n_frac)
    raw = x.val.copy()
    raw[..., re + im] = turned.val
    return number(raw, Format(max(x.n_word, turned.n_word), x.n_frac))
