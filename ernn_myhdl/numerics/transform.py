"""The packed real FFT of k points as a flow graph, shared by models and hardware.

A real signal of k samples has k/2 + 1 spectral bins, of which bin 0 and bin k/2 are real. The
packed order is k real words:

    k = 1:  [x0]
    k >= 2: [DC, Nyquist, re 1, im 1, re 2, im 2, ..., re k/2-1, im k/2-1]

Both directions are split by radix 2. A flow graph is a list of stages; a stage is a list of
butterflies and twiddles between numbered words of the stage before. Every stage maps k words to
k words, so hardware registers each stage and a model maps arrays of k words.

Forward (decimation in time), level n = 2, 4, ..., k, from the halves E (even) and O (odd):

    T[j] = W**j * O[j], W = exp(-2i pi/n)      j = 1 .. n/4-1, the only inexact step
    X[j] = E[j] + T[j];  X[n/2-j] = conj(E[j] - T[j]);  X[n/4] = E[n/4] - i O[n/4]
    X[0] = E[0] + O[0];  X[n/2] = E[0] - O[0]

Inverse: the same steps backwards without the division by two of each level, so the result is k
times the signal (the caller moves the binary point by log2 k).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

#: Fraction bits of the twiddle factors; they are at most 1, so 16 bits hold them.
TWIDDLE_FRAC = 14


@dataclass(frozen=True)
class Term:
    """One output word of a stage: `sign_a * in[a] + sign_b * in[b]`, or a scaled single word.

    b is None for a copy of `sign_a * in[a]`; `scale` (a power of two) multiplies the result.
    """

    out: int
    a: int
    b: int | None = None
    sign_a: int = 1
    sign_b: int = 1
    scale: int = 1


@dataclass(frozen=True)
class Twiddle:
    """A rotation of the complex word (re, im) by c -+ is, rounded half up by TWIDDLE_FRAC bits.

    forward: re' = re c + im s, im' = im c - re s.   inverse: re' = re c - im s, im' = im c + re s.
    cosine and sine are integers scaled by 2**TWIDDLE_FRAC.
    """

    re: int
    im: int
    cosine: int
    sine: int
    inverse: bool

    @property
    def equal(self) -> bool:
        """True for the 45 degree rotation, which needs two multiplications in place of four."""
        return self.cosine == self.sine


@dataclass(frozen=True)
class SumStage:
    """k sums of two words; exact, one bit of growth."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class TwiddleStage:
    """Rotations in place; the words not named pass unchanged."""

    twiddles: tuple[Twiddle, ...]


#: The stages of a transform.
Graph: TypeAlias = tuple[SumStage | TwiddleStage, ...]


def check_points(points: int) -> None:
    """Raise ValueError unless `points` is a power of two."""
    if points < 1 or points & (points - 1):
        raise ValueError(f"points = {points}: must be a power of two")


def _split(signal: list[int]) -> tuple[list[int], list[int]]:
    return signal[0::2], signal[1::2]


def _levels(points: int) -> list[list[tuple[list[int], list[int], list[int]]]]:
    """Per level from n = 2 upwards: (words of E, words of O, words of X), in place on k words."""
    levels: list[list[tuple[list[int], list[int], list[int]]]] = []

    def visit(signal: list[int]) -> list[int]:
        if len(signal) == 1:
            return signal
        even, odd = (visit(half) for half in _split(signal))
        words = sorted(even + odd)
        depth = int(math.log2(len(signal))) - 1
        while len(levels) <= depth:
            levels.append([])
        levels[depth].append((even, odd, words))
        return words

    top = visit(list(range(points)))
    assert top == list(range(points))
    return levels


def _twiddles(size: int, odd: list[int], inverse: bool) -> list[Twiddle]:
    rotations = []
    for j in range(1, size // 4):
        angle = 2 * math.pi * j / size
        cosine, sine = (round(f(angle) * (1 << TWIDDLE_FRAC)) for f in (math.cos, math.sin))
        rotations.append(Twiddle(odd[2 * j], odd[2 * j + 1], cosine, sine, inverse))
    return rotations


def _merge(size: int, even: list[int], odd: list[int], out: list[int]) -> list[Term]:
    """Terms of one forward level."""
    terms = [Term(out[0], even[0], odd[0]), Term(out[1], even[0], odd[0], sign_b=-1)]
    for j in range(1, size // 4):
        re, im = 2 * j, 2 * j + 1
        mirror = 2 * (size // 2 - j)
        terms += [
            Term(out[re], even[re], odd[re]),
            Term(out[im], even[im], odd[im]),
            Term(out[mirror], even[re], odd[re], sign_b=-1),
            Term(out[mirror + 1], odd[im], even[im], sign_b=-1),
        ]
    if size >= 4:
        middle = 2 * (size // 4)
        terms += [Term(out[middle], even[1]), Term(out[middle + 1], odd[1], sign_a=-1)]
    return terms


def _unmerge(size: int, even: list[int], odd: list[int], words: list[int]) -> list[Term]:
    """Terms of one inverse level, before the rotation of O."""
    terms = [Term(even[0], words[0], words[1]), Term(odd[0], words[0], words[1], sign_b=-1)]
    for j in range(1, size // 4):
        re, im = 2 * j, 2 * j + 1
        mirror = 2 * (size // 2 - j)
        terms += [
            Term(even[re], words[re], words[mirror]),
            Term(even[im], words[im], words[mirror + 1], sign_b=-1),
            Term(odd[re], words[re], words[mirror], sign_b=-1),
            Term(odd[im], words[im], words[mirror + 1]),
        ]
    if size >= 4:
        middle = 2 * (size // 4)
        terms += [
            Term(even[1], words[middle], scale=2),
            Term(odd[1], words[middle + 1], sign_a=-1, scale=2),
        ]
    return terms


@lru_cache
def forward_graph(points: int) -> Graph:
    """Stages of the real FFT of `points` samples; words enter in natural order."""
    check_points(points)
    stages: list[SumStage | TwiddleStage] = []
    for depth, level in enumerate(_levels(points)):
        size = 2 << depth
        twiddles = [t for even, odd, _ in level for t in _twiddles(size, odd, False)]
        if twiddles:
            stages.append(TwiddleStage(tuple(twiddles)))
        terms = [t for even, odd, out in level for t in _merge(size, even, odd, out)]
        stages.append(SumStage(tuple(sorted(terms, key=lambda t: t.out))))
    return tuple(stages)


@lru_cache
def inverse_graph(points: int) -> Graph:
    """Stages of the inverse; the result is `points` times the signal, in natural order."""
    check_points(points)
    stages: list[SumStage | TwiddleStage] = []
    for depth, level in reversed(list(enumerate(_levels(points)))):
        size = 2 << depth
        terms = [t for even, odd, words in level for t in _unmerge(size, even, odd, words)]
        stages.append(SumStage(tuple(sorted(terms, key=lambda t: t.out))))
        twiddles = [t for even, odd, _ in level for t in _twiddles(size, odd, True)]
        if twiddles:
            stages.append(TwiddleStage(tuple(twiddles)))
    return tuple(stages)


def stage_bounds(graph: Graph, points: int, limit: int) -> list[list[int]]:
    """Largest magnitude that each word can reach, before the first and after each stage.

    limit: largest magnitude of an input word (an integer). Hardware takes its widths from these,
    so that nothing inside a transform can overflow.
    """
    bounds = [[limit] * points]
    for stage in graph:
        last, now = bounds[-1], list(bounds[-1])
        if isinstance(stage, SumStage):
            for t in stage.terms:
                now[t.out] = t.scale * (last[t.a] + (last[t.b] if t.b is not None else 0))
        else:
            for r in stage.twiddles:
                worst = last[r.re] * abs(r.cosine) + last[r.im] * abs(r.sine)
                worst = max(worst, last[r.im] * abs(r.cosine) + last[r.re] * abs(r.sine))
                now[r.re] = now[r.im] = (worst >> TWIDDLE_FRAC) + 1
        bounds.append(now)
    return bounds


def width_for(bound: int) -> int:
    """Bits of a two's complement word that holds -bound .. bound."""
    return max(2, bound.bit_length() + 1)


def multiplications(graph: Graph) -> int:
    """Real multiplications of one transform."""
    rotations = [t for s in graph if isinstance(s, TwiddleStage) for t in s.twiddles]
    return sum(2 if t.equal else 4 for t in rotations)


def working_frac(points: int, frac_in: int, frac_out: int) -> int:
    """Fraction bits inside a forward transform: two guard bits where rotations round."""
    guard = 2 if multiplications(forward_graph(points)) else 0
    return max(frac_in, frac_out + guard)


def spectral_products(points: int) -> int:
    """Real multiplications of the product of two packed spectra: one per real bin, three per
    complex one."""
    return min(points, 2) + 3 * max(points // 2 - 1, 0)
