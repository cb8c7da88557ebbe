"""Classes that outputs name, and how they go with the labels: confusions, groups, a table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.data_set import DataSet
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import new_file
from ernn_myhdl.files.output_target import Target

POOLINGS = ("mean", "last", "max")


def predicted(outputs: Sequence[np.ndarray], data: DataSet, pooling: str = "mean") -> np.ndarray:
    """The largest output (labels,) of each frame or sequence of outputs (frames, outputs) of every sequence.

    pooling, where a sequence has one label: the "mean" of its frames, the "last" one, or of each output the largest ("max").
    """
    if data.labels_per_frame:
        scores = np.concatenate(outputs)
    elif pooling == "mean":
        scores = np.stack([y.mean(axis=0) for y in outputs])
    elif pooling == "max":
        scores = np.stack([y.max(axis=0) for y in outputs])
    else:
        scores = np.stack([y[-1] for y in outputs])
    classes: np.ndarray = scores.argmax(axis=1)
    return classes


def accuracy_of(outputs: Sequence[np.ndarray], data: DataSet, pooling: str = "mean") -> float:
    """Share of the labels that are the largest output; pooling: see `predicted`."""
    return float(np.mean(predicted(outputs, data, pooling) == data.labels))


@dataclass(frozen=True)
class Predictions:
    """Classes that a design names, beside the labels (labels,), int64.

    of_float, fixed: of the float model and of fixed point; source: of the source model, None where it is not known.
    classes: number of outputs.
    """

    data: DataSet
    classes: int
    of_float: np.ndarray
    fixed: np.ndarray
    source: np.ndarray | None = None

    @property
    def labels(self) -> np.ndarray:
        """The labels, (labels,)."""
        if self.data.labels is None:
            raise DesignError("predictions: the data have no labels")
        return self.data.labels

    @property
    def names(self) -> list[str]:
        """Names of the classes: their numbers where the data have none for them."""
        named = self.data.classes or ()
        return [*named, *(str(i) for i in range(len(named), self.classes))]

    @property
    def confusion(self) -> np.ndarray:
        """(classes, classes) int64: how often fixed point named each class (column) for each label (row)."""
        counts = np.zeros((self.classes, self.classes), dtype=np.int64)
        np.add.at(counts, (self.labels, self.fixed), 1)
        return counts

    def by_group(self) -> dict[str, dict[str, float | int]]:
        """Group -> labels, float and fixed_point: accuracies, 0 to 1; without groups of the data nothing."""
        if self.data.groups is None:
            return {}
        groups = np.array(self.data.groups)[self._sequences]
        found = {}
        for group in sorted(set(self.data.groups)):
            own = groups == group
            found[group] = {
                "labels": int(own.sum()),
                "float": float(np.mean(self.of_float[own] == self.labels[own])),
                "fixed_point": float(np.mean(self.fixed[own] == self.labels[own])),
            }
        return found

    @property
    def _sequences(self) -> np.ndarray:
        """The sequence of each label."""
        data = self.data
        each = [len(s) for s in data.sequences] if data.labels_per_frame else 1
        return np.repeat(np.arange(len(data.sequences)), each)

    def write(self, file: str | Path | Target) -> None:
        """Write a table, with tabs: sequence, group, frame (of labels of frames), label, and what each model names."""
        data, names = self.data, self.names
        models = {"float": self.of_float, "fixed_point": self.fixed}
        if self.source is not None:
            models = {"source": self.source} | models
        heads = ["sequence", *["group"] * bool(data.groups), *["frame"] * data.labels_per_frame]
        with new_file(file) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, delimiter="\t", lineterminator="\n")
            table.writerow([*heads, "label", *models])
            before, frame = -1, 0
            for i, sequence in enumerate(self._sequences.tolist()):
                frame = frame + 1 if sequence == before else 0
                before = sequence
                row: list[str | int] = [data.names[sequence] if data.names else sequence]
                if data.groups:
                    row.append(data.groups[sequence])
                if data.labels_per_frame:
                    row.append(frame)
                named = [names[int(classes[i])] for classes in (self.labels, *models.values())]
                table.writerow([*row, *named])

    def write_confusion(self, file: str | Path | Target) -> None:
        """Write the confusions as a table, with tabs: a row a label, a column a class that was named."""
        with new_file(file) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, delimiter="\t", lineterminator="\n")
            table.writerow(["label", *self.names])
            for name, counts in zip(self.names, self.confusion.tolist(), strict=True):
                table.writerow([name, *counts])
