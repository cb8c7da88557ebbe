"""Label sequences that outputs spell, beside those of the data: error rates by group, a table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.data_set import DataSet
from ernn_myhdl.corpus.label_sequences import greedy_labels, label_error_rate
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import new_file
from ernn_myhdl.files.output_target import Target


def spelled(outputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The labels (labels,) of the outputs (frames, classes + 1) of every sequence."""
    return [greedy_labels(y) for y in outputs]


@dataclass(frozen=True)
class SequencePredictions:
    """Labels (labels,) int64 that a design spells of every sequence.

    of_float, fixed: by the float model and by fixed point; source: by the source model, None where it is not known.
    """

    data: DataSet
    of_float: list[np.ndarray]
    fixed: list[np.ndarray]
    source: list[np.ndarray] | None = None

    @property
    def references(self) -> tuple[np.ndarray, ...]:
        """Those of the data."""
        if self.data.label_sequences is None:
            raise DesignError("predictions: the data have no label sequences")
        return self.data.label_sequences

    def by_group(self) -> dict[str, dict[str, float | int]]:
        """Group -> labels, float and fixed_point: label error rates; without groups of the data nothing."""
        groups = self.data.groups or ()
        found: dict[str, dict[str, float | int]] = {}
        for group in sorted(set(groups)):
            own = [i for i, name in enumerate(groups) if name == group]
            wanted = [self.references[i] for i in own]
            found[group] = {
                "labels": sum(map(len, wanted)),
                "float": label_error_rate(wanted, [self.of_float[i] for i in own]),
                "fixed_point": label_error_rate(wanted, [self.fixed[i] for i in own]),
            }
        return found

    def write(self, file: str | Path | Target) -> None:
        """Write a table, with tabs: sequence, group, and the labels with spaces: of the data, and what each model spells."""
        data, names = self.data, self.data.classes or ()
        models = {"float": self.of_float, "fixed_point": self.fixed}
        if self.source is not None:
            models = {"source": self.source} | models
        with new_file(file) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, delimiter="\t", lineterminator="\n")
            table.writerow(["sequence", *["group"] * bool(data.groups), "label_sequence", *models])
            for i, labels in enumerate(self.references):
                row = [data.names[i] if data.names else str(i)]
                if data.groups:
                    row.append(data.groups[i])
                texts = [labels, *(spelled_of[i] for spelled_of in models.values())]
                table.writerow([*row, *(" ".join(names[int(n)] for n in text) for text in texts)])

    def write_confusion(self, file: str | Path | Target) -> None:
        """DesignError: labels without times have no confusions."""
        raise DesignError(
            "confusion: labels of sequences without times are not matched one to one; leave it out, and take --predictions"
        )
