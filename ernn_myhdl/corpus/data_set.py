"""Sequences with what is known of them, on which a design is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DataSet:
    """Sequences (frames, inputs) and what they are.

    labels: int64, the class of every sequence (sequences,), or of every frame of all sequences one
    after the other (frames,); None without labels. phone_error_rate: of outputs (frames, outputs) of
    every sequence, where these are speech of a corpus. classes: names of the outputs; names, groups: of every sequence;
    None where they are not known. label_sequences: of every sequence its labels in their order, (labels,) int64, without times; they
    are in the place of labels, and outputs have a blank behind the classes (`ernn_myhdl.corpus.label_sequences`). one_label_each: whether labels are those of sequences; None: as their number says.
    """

    sequences: list[np.ndarray]
    labels: np.ndarray | None = None
    phone_error_rate: Callable[[Sequence[np.ndarray]], float] | None = None
    classes: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    one_label_each: bool | None = None
    label_sequences: tuple[np.ndarray, ...] | None = None

    @property
    def frames(self) -> int:
        """Frames of all sequences."""
        return sum(len(s) for s in self.sequences)

    @property
    def labels_per_frame(self) -> bool:
        """Whether every frame has a label, not every sequence."""
        if self.labels is None or self.one_label_each is not None:
            return self.one_label_each is False
        return len(self.labels) != len(self.sequences)
