"""Input sequences: checks, and batches of different lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import Format

#: Names x in a DesignError.
INPUT_SEQUENCE = "input sequence"
Item = TypeVar("Item")


def check_sequence(x: ArrayLike, inputs: int) -> np.ndarray:
    """`x` as an array (frames, inputs), floating point or integer; DesignError where it is not.

    Floating point elements are values; integers are raw words of the `input` format.
    """
    frames = np.asarray(x)
    if frames.ndim != 2 or frames.shape[1] != inputs:
        raise DesignError(f"{INPUT_SEQUENCE}: shape {frames.shape}, must be (frames, {inputs})")
    kind = frames.dtype.kind
    if kind not in "fiu":
        raise DesignError(
            f"{INPUT_SEQUENCE}: type {frames.dtype}, must be floating point or integer"
        )
    if not np.all(np.isfinite(frames)):
        raise DesignError(f"{INPUT_SEQUENCE}: holds NaN or infinity; clean the data first")
    return frames.astype(np.float64 if kind == "f" else np.int64)


def check_raw(
    raw: np.ndarray,
    fmt: Format,
    what: str = INPUT_SEQUENCE,
    advice: str = "give values as floating point",
) -> None:
    """Raise DesignError unless the integers `raw` are words of `fmt`. what: names them. advice: on values in their place."""
    if raw.size and (raw.min() < fmt.minimum or raw.max() > fmt.maximum):
        raise DesignError(
            f"{what}: raw words from {raw.min()} to {raw.max()}, must be "
            f"{fmt.minimum} to {fmt.maximum}; {advice}"
        )


def is_batch(x: object) -> bool:
    """True for a list or tuple of two-dimensional sequences."""
    return isinstance(x, list | tuple) and all(np.ndim(item) == 2 for item in x)


class SequenceBatch:
    """Sequences of different lengths side by side, the longest first, so that the sequences
    that are still running at a frame are always the first ones.

    active: for every frame the number of sequences that have it.
    """

    def __init__(self, sequences: Sequence[np.ndarray]) -> None:
        lengths = [len(s) for s in sequences]
        self.order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
        self.lengths = [lengths[i] for i in self.order]
        self.size = len(lengths)
        self.frames = max(lengths, default=0)
        frame = np.arange(self.frames)
        self.active = [int(n) for n in (np.array(self.lengths) > frame[:, None]).sum(axis=1)]

    def pad(self, sequences: Sequence[np.ndarray], width: int) -> np.ndarray:
        """The sequences (frames, n) as one array (frames, size, width), zero-padded."""
        dtype = np.result_type(*(s.dtype for s in sequences)) if sequences else np.float64
        padded = np.zeros((self.frames, self.size, width), dtype=dtype)
        for slot, index in enumerate(self.order):
            sequence = sequences[index]
            padded[: len(sequence), slot, : sequence.shape[1]] = sequence
        return padded

    def split(self, array: np.ndarray) -> list[np.ndarray]:
        """(frames, size, ...) back to one array (frames, ...) a sequence, in the first order."""
        return self.restore(
            [np.ascontiguousarray(array[:n, slot]) for slot, n in enumerate(self.lengths)]
        )

    def restore(self, items: list[Item]) -> list[Item]:
        """One item a slot, put into the order of the sequences."""
        restored = list(items)
        for slot, index in enumerate(self.order):
            restored[index] = items[slot]
        return restored
