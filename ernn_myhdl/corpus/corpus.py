"""A corpus in memory: utterances with frame labels and phone sequences, in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

#: The parts of a corpus; no speaker and no sentence of one is in another.
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Utterance:
    """One sentence of one speaker.

    features: ``(frames, size)`` float32. labels: the phone of each frame, int64 ``(frames,)``.
    phones: the reference sequence of phones without repetitions, int64.
    """

    name: str
    speaker: str
    text: str
    features: np.ndarray
    labels: np.ndarray
    phones: np.ndarray


@dataclass(frozen=True)
class Part:
    """Utterances; iterating gives (features, labels) of each."""

    utterances: tuple[Utterance, ...]

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return ((u.features, u.labels) for u in self.utterances)

    @property
    def features(self) -> list[np.ndarray]:
        """``(frames, size)`` float32 of each utterance."""
        return [u.features for u in self.utterances]

    @property
    def labels(self) -> list[np.ndarray]:
        """int64 ``(frames,)`` of each utterance."""
        return [u.labels for u in self.utterances]

    @property
    def phones(self) -> list[np.ndarray]:
        """The reference sequence of phones of each utterance, int64."""
        return [u.phones for u in self.utterances]

    @property
    def speakers(self) -> list[str]:
        """The speakers, sorted."""
        return sorted({u.speaker for u in self.utterances})

    @property
    def frames(self) -> int:
        """Frames of all utterances."""
        return sum(len(u.labels) for u in self.utterances)


@dataclass(frozen=True)
class Description:
    """What a corpus is.

    name, version: of the recipe it was made by. seed: of its generator; -1 for recordings. features: name of
    the features. phone_set: the phones, whose places are the labels. source: where the speech is from.
    made_with: package -> version.
    """

    name: str
    version: int
    seed: int
    features: str
    phone_set: tuple[str, ...]
    source: str
    made_with: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Corpus:
    """train, validation, test: the parts. mean, std: float32 ``(size,)``, of the training frames.

    `load_corpus` gives features that are normalised with mean and std.
    """

    description: Description
    train: Part
    validation: Part
    test: Part
    mean: np.ndarray
    std: np.ndarray

    @property
    def inputs(self) -> int:
        """Elements of a frame."""
        return len(self.mean)

    @property
    def phone_set(self) -> tuple[str, ...]:
        """The phones; a label is the place of one."""
        return self.description.phone_set

    @property
    def outputs(self) -> int:
        """Number of phones."""
        return len(self.phone_set)

    @property
    def parts(self) -> dict[str, Part]:
        """Name -> part."""
        return {name: getattr(self, name) for name in PARTS}


def training_statistics(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each element over the frames of a part, float32 ``(size,)``.

    A deviation of 0 (an element that never changes) counts as 1.
    """
    total = sum(u.features.sum(axis=0, dtype=np.float64) for u in part.utterances)
    mean = total / part.frames
    square = sum(np.sum((u.features - mean) ** 2, axis=0) for u in part.utterances)
    std = np.sqrt(square / part.frames)
    return mean.astype(np.float32), np.where(std > 0, std, 1.0).astype(np.float32)
