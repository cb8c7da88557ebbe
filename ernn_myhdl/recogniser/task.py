"""What a recogniser learns: the phones of a corpus frame by frame, or the speakers of the Japanese Vowels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.data_set import DataSet
from ernn_myhdl.corpus.inputs import CALIBRATION
from ernn_myhdl.corpus.parts import corpus_data
from ernn_myhdl.corpus.storage import load_corpus, load_description
from ernn_myhdl.errors import DesignError
from ernn_myhdl.runs.evaluate import accuracy_of

VOWELS = "japanese-vowels"
#: Every so many-th training utterance of the Japanese Vowels is one of validation.
HELD_OUT = 5
SCORED = ("validation", "test")


@dataclass(frozen=True)
class Task:
    """Data with labels of every frame or of every sequence, and how outputs are scored.

    identity: texts that tell which data these are. parts: "train", "validation" and "test".
    """

    name: str
    identity: dict[str, str]
    inputs: int
    outputs: int
    parts: dict[str, DataSet]

    @property
    def calibration(self) -> list[np.ndarray]:
        """Training sequences (frames, inputs) on which formats are chosen."""
        return self.parts["train"].sequences[:CALIBRATION]

    @property
    def targets(self) -> Sequence | np.ndarray:
        """The labels of every training sequence: one integer, or (frames,) of them."""
        train = self.parts["train"]
        if train.labels is None:
            raise DesignError(f"task {self.name}: its training sequences have no labels")
        if not train.labels_per_frame:
            return train.labels
        return np.split(train.labels, np.cumsum([len(s) for s in train.sequences])[:-1])

    def score(self, part: str, outputs: Sequence[np.ndarray]) -> dict[str, float]:
        """Name -> share, 0 to 1, of outputs (frames, outputs) of every sequence; the first one is the error."""
        data = self.parts[part]
        right = accuracy_of(outputs, data)
        if data.phone_error_rate is None:
            return {"error_rate": 1.0 - right, "accuracy": right}
        return {"phone_error_rate": data.phone_error_rate(outputs), "frame_accuracy": right}


def load_task(source: str | Path) -> Task:
    """The task of a corpus folder, or of VOWELS."""
    if str(source) == VOWELS:
        return _vowels()
    if not Path(source).is_dir():
        raise DesignError(
            f"corpus {source}: is no folder; make one with `ernn corpus make`, or give {VOWELS}"
        )
    corpus = load_corpus(source)
    name = corpus.description.name
    return Task(name, task_identity(source), corpus.inputs, corpus.outputs, corpus_data(corpus))


def task_identity(source: str | Path) -> dict[str, str]:
    """`Task.identity` of a corpus folder, or of VOWELS: name and digest of the data, not their place."""
    if str(source) == VOWELS:
        return {"corpus": VOWELS}
    description = load_description(source)
    return {"corpus": str(description.get("name")), "sha256": str(description.get("sha256"))}


def _vowels() -> Task:
    from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels, normalise

    data = load_japanese_vowels()
    train, test = (normalise(p.sequences, data.mean, data.std) for p in (data.train, data.test))
    held = np.arange(len(train)) % HELD_OUT == HELD_OUT - 1

    def chosen(mask: np.ndarray) -> DataSet:
        return DataSet([train[i] for i in np.flatnonzero(mask)], data.train.labels[mask])

    parts = {
        "train": chosen(~held),
        "validation": chosen(held),
        "test": DataSet(test, data.test.labels),
    }
    speakers = int(data.test.labels.max()) + 1
    return Task(VOWELS, task_identity(VOWELS), train[0].shape[1], speakers, parts)
