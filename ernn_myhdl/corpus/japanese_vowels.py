"""The Japanese Vowels recordings: loading and normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DATA_FILE = Path(__file__).with_name("japanese_vowels.npz")


@dataclass(frozen=True)
class SpeakerPart:
    """The utterances of one part: ``(frames, 12)`` float64 each, and their speakers ``(n,)``."""

    sequences: list[np.ndarray]
    labels: np.ndarray


@dataclass(frozen=True)
class JapaneseVowels:
    """Both parts, with the per-coefficient statistics ``(12,)`` of the training frames."""

    train: SpeakerPart
    test: SpeakerPart
    mean: np.ndarray
    std: np.ndarray


def load_japanese_vowels(path: Path = DATA_FILE) -> JapaneseVowels:
    """Load 270 training and 370 test utterances of 9 speakers, labelled 0-8."""
    parts: dict[str, SpeakerPart] = {}
    with np.load(path, allow_pickle=False) as archive:
        for name in ("train", "test"):
            frames = archive[f"{name}_frames"].astype(np.float64)
            ends = np.cumsum(archive[f"{name}_lengths"], dtype=np.int64)
            labels = archive[f"{name}_labels"].astype(np.int64)
            parts[name] = SpeakerPart(np.split(frames, ends[:-1]), labels)
    frames = np.concatenate(parts["train"].sequences)
    return JapaneseVowels(parts["train"], parts["test"], frames.mean(axis=0), frames.std(axis=0))


def normalise(sequences: list[np.ndarray], mean: np.ndarray, std: np.ndarray) -> list[np.ndarray]:
    """Scale each ``(frames, 12)`` sequence to zero mean and unit deviation: the network's x."""
    return [(frames - mean) / std for frames in sequences]
