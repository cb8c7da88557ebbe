"""Exact arithmetic, rounding and saturation with fxpmath.

fxpmath takes the rounding mode from the number that a value is stored into, so every number is
made here, with one configuration. Products and sums grow to their exact size, fxpmath's "optimal"
one, and are brought back with `rounded`, `saturated` or `resized`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from fxpmath import Config, Fxp
from fxpmath import functions as fxp
from numpy.typing import ArrayLike

from ernn_myhdl.numerics.formats import MAX_WORD, Format


class _Configuration(Config):
    """fxpmath's configuration, all of whose fields are numbers and strings.

    Each number gets a copy of it; a deep one took as long as the arithmetic.
    """

    def deepcopy(self) -> _Configuration:
        return copy.copy(self)


#: Rounding half up; `>>` is an arithmetic shift that keeps the format. Values fit, which fxpmath finds out whatever
#: it then does with those that do not (`exact`); its saturation goes through them one by one in Python.
CONFIG = _Configuration(  # type: ignore[no-untyped-call]  # fxpmath has no annotations
    rounding="nearest_posinf", overflow="wrap", shifting="trunc"
)
_SATURATING = _Configuration(  # type: ignore[no-untyped-call]  # fxpmath has no annotations
    rounding="nearest_posinf", overflow="saturate", shifting="trunc"
)


class Number(Fxp):
    """A number into which fxpmath stores words that fit as they are, and sums and products without making their number twice."""

    val: np.ndarray
    real: np.ndarray | None

    def set_val(
        self, val: Any, raw: bool = False, vdtype: object = None, index: object = None
    ) -> Number:
        """As fxpmath's, which looks several times for what is to be rounded, limited and told of words that are just stored."""
        fit = (
            raw
            and isinstance(val, np.ndarray)
            and val.dtype == np.int64
            and vdtype is index is None
        )
        if fit and self.n_word <= MAX_WORD and _within(val, self.n_word):
            self.val, self.real = val, None
            return self
        super().set_val(val, raw, vdtype, index)  # type: ignore[no-untyped-call]  # likewise
        return self

    def __mul__(self, other: Fxp) -> Fxp:
        return _exactly(
            fxp.mul, self, other, self.n_word + other.n_word, self.n_frac + other.n_frac
        )

    def __add__(self, other: Fxp) -> Fxp:
        return _exactly(fxp.add, self, other, *_sum_size(self, other))

    def __sub__(self, other: Fxp) -> Fxp:
        return _exactly(fxp.sub, self, other, *_sum_size(self, other))


def _sum_size(x: Fxp, y: Fxp) -> tuple[int, int]:
    """Bits and fraction bits of a sum: one bit more than the larger whole part."""
    frac: int = max(x.n_frac, y.n_frac)
    return max(x.n_word - x.n_frac, y.n_word - y.n_frac) + 1 + frac, frac


def _exactly(operation: Callable[..., Fxp], x: Fxp, y: Fxp, word: int, frac: int) -> Fxp:
    """An operation of fxpmath in the size that it would choose; beyond 62 bits it makes a number of its own, which nothing here takes."""
    return exact(operation(x, y, out=_empty(word, frac))) if word <= MAX_WORD else operation(x, y)


def number(raw: ArrayLike, fmt: Format) -> Fxp:
    """Raw integers as a number in `fmt`; they must fit."""
    words = np.asarray(raw, dtype=np.int64)
    if _fit(words, fmt):
        return _of_words(words, fmt)
    return exact(_made(words, fmt.word, fmt.frac, raw=True))


def moved(x: Fxp, words: np.ndarray) -> Fxp:
    """Some of the words of x, or parts of them, which fit, as a number of its format."""
    stored = _empty(x.n_word, x.n_frac)
    stored.val, stored.real = words.copy(), None
    return stored


def resized(x: Fxp, word: int) -> Fxp:
    """x in a word of another length, which must hold it; the value stays."""
    return exact(_stored(x, Format(word, x.n_frac)))


def rounded(x: Fxp, frac: int) -> Fxp:
    """x rounded half up to `frac` fraction bits, in a word wide enough not to saturate."""
    surplus = x.n_frac - frac
    if surplus <= 0:
        return exact(_stored(x, Format(x.n_word - surplus, frac)))
    # fxpmath rounds through float64. The bits below the half do not change the result of rounding
    # half up, so they are shifted out first: what remains is exact in float64.
    word = max(2, x.n_word - surplus + 1)
    halves = number(x.val >> (surplus - 1), Format(word, frac + 1))
    return exact(_stored(halves, Format(word, frac)))


def saturated(x: Fxp, fmt: Format) -> tuple[Fxp, np.ndarray]:
    """x, which has the fraction of `fmt`, saturated to it; and where it saturated (boolean)."""
    if x.val.dtype == np.int64 and _fit(x.val, fmt):
        return _of_words(x.val, fmt), np.zeros(x.val.shape, dtype=bool)
    if not np.any((x.val < fmt.minimum) | (x.val > fmt.maximum)):
        return exact(_stored(x, fmt)), np.zeros(x.val.shape, dtype=bool)
    stored = _made(x, fmt.word, fmt.frac, config=_SATURATING)
    stored.config = CONFIG
    return stored, stored.val != x.val


def requantised(x: Fxp, fmt: Format) -> tuple[Fxp, np.ndarray]:
    """x rounded half up and saturated to `fmt`; and where it saturated (boolean)."""
    return saturated(rounded(x, fmt.frac), fmt)


def quantised(values: np.ndarray, fmt: Format) -> tuple[Fxp, np.ndarray]:
    """Real values rounded half up and saturated to `fmt`; and where they saturated (boolean)."""
    # Where one element is 2**64 or more, fxpmath does not round the others: limit them first.
    limit = -2.0 * fmt.range[0]
    values = np.clip(np.asarray(values, dtype=np.float64), -limit, limit)
    return saturated(_made(values, fmt.word + 2, fmt.frac), fmt)


def exact(x: Fxp) -> Fxp:
    """x, if nothing overflowed when its value was set."""
    if x.status["overflow"] or x.status["underflow"] or x.n_word > MAX_WORD:
        raise OverflowError(f"a number does not fit {x.dtype}; the widths of the model are wrong")
    return x


def _stored(x: Fxp, fmt: Format) -> Fxp:
    if x.n_frac == fmt.frac and x.val.dtype == np.int64 and _fit(x.val, fmt):
        return _of_words(x.val, fmt)
    return _made(x, fmt.word, fmt.frac)


def _fit(words: np.ndarray, fmt: Format) -> bool:
    """Whether raw words are words of `fmt` as they are."""
    return fmt.word <= MAX_WORD and _within(words, fmt.word)


def _within(words: np.ndarray, word: int) -> bool:
    """Whether there are words, and all of them have at most so many bits."""
    limit = 1 << (word - 1)
    return bool(words.size) and bool(words.min() >= -limit and words.max() < limit)


def _of_words(words: np.ndarray, fmt: Format) -> Fxp:
    """A number of raw words that fit. Nothing is converted, rounded or limited, for all of which fxpmath looks where it stores them."""
    return moved(_without_value(fmt.word, fmt.frac), words)


@cache
def _without_value(word: int, frac: int) -> Fxp:
    return Number(  # type: ignore[no-untyped-call]  # likewise
        signed=True, n_word=word, n_frac=frac, config=CONFIG
    )


def _made(
    value: Fxp | np.ndarray, word: int, frac: int, raw: bool = False, config: Config = CONFIG
) -> Fxp:
    """A number of that format with the value, as fxpmath stores it.

    fxpmath stores a value twice where it makes a number; numbers are copies of one without, into which it is stored once.
    """
    stored = _empty(word, frac)
    stored.config = config
    stored.set_val(value, raw=raw)
    return stored


def _empty(word: int, frac: int) -> Fxp:
    model = _without_value(word, frac)
    stored = Number.__new__(Number)  # `copy.copy` takes several times as long
    stored.__dict__.update(model.__dict__, status=dict(model.status), callbacks=[], vdtype=None)
    return stored
