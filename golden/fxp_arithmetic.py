"""Exact arithmetic, rounding and saturation with fxpmath.

fxpmath takes the rounding mode from the number that a value is stored into, so every number is
made here, with one configuration. Products and sums of `Fxp` grow to their exact size
("optimal" sizing) and are brought back with `rounded`, `saturated` or `resized`.
"""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
from fxpmath import Config, Fxp
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


def number(raw: ArrayLike, fmt: Format) -> Fxp:
    """Raw integers as a number in `fmt`; they must fit."""
    words = np.asarray(raw, dtype=np.int64)
    if _fit(words, fmt):
        return _of_words(words, fmt)
    return exact(_made(words, fmt.word, fmt.frac, raw=True))


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
    if fmt.word > MAX_WORD or not words.size:
        return False
    return bool(words.min() >= fmt.minimum and words.max() <= fmt.maximum)


def _of_words(words: np.ndarray, fmt: Format) -> Fxp:
    """A number of raw words that fit. Nothing is converted, rounded or limited, for all of which fxpmath looks where it stores them."""
    stored = _empty(fmt.word, fmt.frac)
    stored.val, stored.real = words.copy(), None
    return stored


@cache
def _without_value(word: int, frac: int) -> Fxp:
    return Fxp(signed=True, n_word=word, n_frac=frac, config=CONFIG)


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
    stored = copy.copy(_without_value(word, frac))
    stored.status, stored.callbacks, stored.vdtype = dict(stored.status), [], None
    return stored
