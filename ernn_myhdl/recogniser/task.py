"""What a recogniser learns: the phones of a corpus frame by frame, the speakers of the Japanese Vowels, or own data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.data_set import DataSet
from ernn_myhdl.corpus.inputs import CALIBRATION
from ernn_myhdl.corpus.label_sequences import sequence_scores
from ernn_myhdl.corpus.own_data import is_own_data, load_own_data
from ernn_myhdl.corpus.own_parts import OwnParts, own_parts
from ernn_myhdl.corpus.own_table import TABLE_NAMES
from ernn_myhdl.corpus.parts import corpus_data
from ernn_myhdl.corpus.storage import TOML_NAME, load_corpus, load_description
from ernn_myhdl.errors import DesignError
from ernn_myhdl.runs.predictions import accuracy_of

VOWELS = "japanese-vowels"
#: Every so many-th training utterance of the Japanese Vowels is one of validation.
HELD_OUT = 5
SCORED = ("validation", "test")


@dataclass(frozen=True)
class Task:
    """Data with labels of every frame or of every sequence, and how outputs are scored.

    identity: texts that tell which data these are. parts: "train", "validation" and "test". own: what else is known of
    own data, None of others. rows: of the embedding that x are numbers of; 0 of other x.
    """

    name: str
    identity: dict[str, str]
    inputs: int
    outputs: int
    parts: dict[str, DataSet]
    own: OwnParts | None = None
    rows: int = 0

    @property
    def calibration(self) -> list[np.ndarray]:
        """Training sequences (frames, inputs) on which formats are chosen."""
        sequences = self.parts["train"].sequences
        if self.own is None or len(sequences) <= CALIBRATION:
            return sequences[:CALIBRATION]
        # those of a table may be sorted by class
        places = np.linspace(0, len(sequences) - 1, CALIBRATION).round().astype(int)
        return [sequences[i] for i in places]

    @property
    def targets(self) -> Sequence | np.ndarray:
        """The labels of every training sequence: one integer, or (frames,) of them, or (labels,) of them in their order."""
        train = self.parts["train"]
        if train.label_sequences is not None:
            return list(train.label_sequences)
        if train.labels is None:
            raise DesignError(f"task {self.name}: its training sequences have no labels")
        if not train.labels_per_frame:
            return train.labels
        return np.split(train.labels, np.cumsum([len(s) for s in train.sequences])[:-1])

    @property
    def label_sequences(self) -> bool:
        """Whether sequences have labels in their order, without times."""
        return self.parts["train"].label_sequences is not None

    @property
    def edit_error(self) -> str:
        """What the error is called where it counts edits, whose insertions may take it above 1; empty where it is one of classes."""
        if self.label_sequences:
            return "label error rate"
        return "" if self.parts["train"].phone_error_rate is None else "phone error rate"

    def class_weights(self) -> np.ndarray:
        """(outputs,): for classes of n of N training labels N / (outputs n), so that all count alike."""
        labels = self.parts["train"].labels
        if self.label_sequences:
            raise DesignError(
                "class_weights = 'balanced': is for labels of sequences or frames; leave it out for label sequences"
            )
        if labels is None:
            raise DesignError(f"task {self.name}: its training sequences have no labels")
        counts = np.bincount(labels, minlength=self.outputs)
        return len(labels) / (self.outputs * np.maximum(counts, 1))

    def score(
        self, part: str, outputs: Sequence[np.ndarray], pooling: str = "mean"
    ) -> dict[str, float]:
        """Name -> share, 0 to 1, of outputs (frames, outputs) of every sequence; the first one is the error.

        pooling: of `ernn_myhdl.runs.evaluate.evaluate`.
        """
        data = self.parts[part]
        if data.label_sequences is not None:
            return sequence_scores(outputs, data.label_sequences)
        right = accuracy_of(outputs, data, pooling)
        if data.phone_error_rate is None:
            return {"error_rate": 1.0 - right, "accuracy": right}
        return {"phone_error_rate": data.phone_error_rate(outputs), "frame_accuracy": right}


def load_task(
    source: str | Path,
    features: str | None = None,
    say: Callable[[str], None] = lambda step: None,
) -> Task:
    """The task of own data (docs/own-data.md), of a corpus folder, or of VOWELS.

    features: of the sounds of own data. say: called with what takes long.
    """
    own = str(source) != VOWELS and is_own_data(source)
    if features is not None and not own:
        raise DesignError(
            f"features {features!r}: are those of own sounds; a corpus has had its own since it was made"
        )
    if own:
        return _own(source, features, say)
    if str(source) == VOWELS:
        return _vowels()
    if not Path(source).is_dir():
        raise DesignError(
            f"data {source}: is no folder, no table (.tsv, .csv) and no .npz file; make a corpus with `ernn corpus make`, "
            f"write a table of your recordings, or give {VOWELS}"
        )
    if not (Path(source) / TOML_NAME).is_file():
        raise DesignError(
            f"data {source}: is a folder without {' or '.join(TABLE_NAMES)} of own data (docs/own-data.md), and without the "
            f"{TOML_NAME} of a corpus; write a table of the recordings, or make a corpus with `ernn corpus make`"
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


def _own(source: str | Path, features: str | None, say: Callable[[str], None]) -> Task:
    data = load_own_data(source, features, say)
    made = own_parts(data)
    identity = {"data": "own", "sha256": made.digest}
    inputs = data.sequences[0].shape[1]
    outputs = len(made.classes) + data.labels_in_order  # the last one is the blank
    return Task(Path(source).name, identity, inputs, outputs, made.parts, made, made.rows)


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
