"""What joins over time compute, in every model; one sequence (frames, elements) at a time, which is whole.

last, repeat and maximum choose words; a sum is exact; a mean multiplies the exact sum with a constant and is rounded half up and
saturated to its format, once (`ernn_myhdl.design.time_joins`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ernn_myhdl.design.signals import Signals
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat, Sum, TimeJoin
from ernn_myhdl.golden.fxp_arithmetic import number, requantised
from ernn_myhdl.numerics.formats import Format, round_shift, saturate


def _chosen(join: TimeJoin, frames: np.ndarray) -> np.ndarray:
    """The frames of joins that compute nothing."""
    return _CHOICES[type(join)](join, frames)


def _last(join: TimeJoin, frames: np.ndarray) -> np.ndarray:
    return frames[-1:]


def _repeated(join: TimeJoin, frames: np.ndarray) -> np.ndarray:
    return np.repeat(frames, join.frames, axis=0)


def _largest(join: TimeJoin, frames: np.ndarray) -> np.ndarray:
    largest: np.ndarray = frames.max(axis=0, keepdims=True) if len(frames) else frames
    return largest


_CHOICES: dict[type[TimeJoin], Callable[[TimeJoin, np.ndarray], np.ndarray]] = {
    LastFrame: _last, Repeat: _repeated, Maximum: _largest,
}  # fmt: skip


def time_values(join: TimeJoin, frames: np.ndarray) -> np.ndarray:
    """The float reference: no rounding, and a mean of as many frames as there are."""
    if not isinstance(join, Sum):
        return _chosen(join, frames)
    if not len(frames):
        return frames
    total: np.ndarray = frames.sum(axis=0, dtype=np.float64, keepdims=True)
    return total / len(frames) if isinstance(join, Mean) else total


def time_words(
    join: TimeJoin, signals: Signals, name: str, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The integer model: words, and where they saturated."""
    made = _chosen(join, frames) if not isinstance(join, Sum) else _summed(frames)
    if not isinstance(join, Mean) or not len(frames):
        return made, np.zeros(made.shape, dtype=bool)
    fmt, (multiplier, _) = signals.formats[name], join.constant
    product = join.product(name, signals.formats[join.inputs[0]])
    wide = round_shift(made * multiplier, product.frac - fmt.frac)
    raw = saturate(wide, fmt)
    return raw, raw != wide


def _summed(frames: np.ndarray) -> np.ndarray:
    if not len(frames):
        return frames
    total: np.ndarray = frames.sum(axis=0, dtype=np.int64, keepdims=True)
    return total


def time_numbers(
    join: TimeJoin, signals: Signals, name: str, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The fxpmath model; words as those of the integer model."""
    if not isinstance(join, Sum) or not len(frames):
        made = _chosen(join, frames) if not isinstance(join, Sum) else frames
        return made, np.zeros(made.shape, dtype=bool)
    source, fmt = signals.formats[join.inputs[0]], signals.formats[name]
    total = number(frames[:1], join.total(name, source))
    for frame in frames[1:]:
        # a sum of fxpmath has a bit more; what the sum of all frames needs holds every one of them
        longer = total + number(frame[None], source)
        total = number(longer.val, join.total(name, source))
    if not isinstance(join, Mean):
        return total.val.astype(np.int64), np.zeros(total.val.shape, dtype=bool)
    multiplier, shift = join.constant
    constant = number(multiplier, Format(multiplier.bit_length() + 1, shift))
    rounded, changed = requantised(total * constant, fmt)
    return rounded.val.astype(np.int64), changed
