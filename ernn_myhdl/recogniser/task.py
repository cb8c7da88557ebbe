"""What a recogniser learns: the phones of a corpus frame by frame, or the speakers of the Japanese Vowels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus import Decoder, Part, load_corpus, score_outputs, train_decoder
from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.corpus.storage import load_description
from ernn_myhdl.errors import DesignError
from ernn_myhdl.evaluate import accuracy_of
from ernn_myhdl.inputs import DataSet

VOWELS = "japanese-vowels"
#: Every so many-th training utterance of the Japanese Vowels is one of validation.
HELD_OUT = 5
#: Sequences on which formats are chosen.
CALIBRATION = 64
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
    def targets(self) -> Sequence:
        """The labels of every training sequence: one integer, or (frames,) of them."""
        train = self.parts["train"]
        if not train.labels_per_frame:
            return train.labels
        return np.split(train.labels, np.cumsum([len(s) for s in train.sequences])[:-1])

    def score(self, part: str, outputs: Sequence[np.ndarray]) -> dict[str, float]:
        """Name -> share, 0 to 1, of outputs (frames, outputs) of every sequence; the first one is the error."""
        right = accuracy_of(outputs, self.parts[part])
        return {"error_rate": 1.0 - right, "accuracy": right}


@dataclass(frozen=True)
class PhoneTask(Task):
    """The phones of a corpus. spoken: its parts; decoder: of the training labels."""

    spoken: dict[str, Part]
    decoder: Decoder

    def score(self, part: str, outputs: Sequence[np.ndarray]) -> dict[str, float]:
        found = score_outputs(self.spoken[part], outputs, self.decoder)
        return {
            "phone_error_rate": found.phone_error_rate,
            "frame_accuracy": found.frame_accuracy,
        }


def load_task(source: str | Path) -> Task:
    """The task of a corpus folder, or of VOWELS."""
    if str(source) == VOWELS:
        return _vowels()
    if not Path(source).is_dir():
        raise DesignError(
            f"corpus {source}: is no folder; make one with `ernn corpus make`, or give {VOWELS}"
        )
    corpus = load_corpus(source)
    speech_module("rapidfuzz.distance")  # missing, it says so before the training
    parts = {
        name: DataSet([np.asarray(x, np.float64) for x in part.features], np.concatenate(part.labels))
        for name, part in corpus.parts.items()
    }  # fmt: skip
    description = corpus.description
    identity = {"corpus": description.name, "sha256": load_description(source)["sha256"]}
    decoder = train_decoder(corpus.train, corpus.outputs)
    return PhoneTask(
        description.name, identity, corpus.inputs, corpus.outputs, parts, corpus.parts, decoder
    )


def _vowels() -> Task:
    from ernn_myhdl.demo.data import load_japanese_vowels, normalise

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
    return Task(VOWELS, {"corpus": VOWELS}, train[0].shape[1], speakers, parts)
