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
    every sequence, where these are speech of a corpus.
    """

    sequences: list[np.ndarray]
    labels: np.ndarray | None = None
    phone_error_rate: Callable[[Sequence[np.ndarray]], float] | None = None

    @property
    def frames(self) -> int:
        """Frames of all sequences."""
        return sum(len(s) for s in self.sequences)

    @property
    def labels_per_frame(self) -> bool:
        """Whether every frame has a label, not every sequence."""
        return self.labels is not None and len(self.labels) != len(self.sequences)
