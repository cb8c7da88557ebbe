"""Training-time variations of normalised utterances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stretch(rng: np.random.Generator, frames: np.ndarray, amount: float) -> np.ndarray:
    """Resample ``(frames, 12)`` linearly to a length changed by at most ``amount`` (a share)."""
    count = len(frames)
    wanted = max(2, round(count * rng.uniform(1 - amount, 1 + amount)))
    positions = np.linspace(0, count - 1, wanted)
    below = positions.astype(int)
    above = np.minimum(below + 1, count - 1)
    share = (positions - below)[:, None]
    return frames[below] * (1 - share) + frames[above] * share


def vary(
    rng: np.random.Generator,
    sequences: Sequence[np.ndarray],
    amount: float,
    offset: float,
    noise: float,
) -> list[np.ndarray]:
    """Stretch each utterance; shift it by one random vector, and each frame by another.

    ``offset`` and ``noise`` are the deviations of the two, in units of normalised features.
    """
    varied = []
    for frames in sequences:
        frames = stretch(rng, frames, amount)
        shift = offset * rng.standard_normal(frames.shape[1])
        varied.append(frames + shift + noise * rng.standard_normal(frames.shape))
    return varied


def pad(sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Zero-pad to one float32 batch ``(n, longest, 12)``; also return the lengths ``(n,)``."""
    lengths = np.array([len(frames) for frames in sequences])
    batch = np.zeros((len(sequences), lengths.max(), sequences[0].shape[1]), dtype=np.float32)
    for row, frames in zip(batch, sequences, strict=True):
        row[: len(frames)] = frames
    return batch, lengths
