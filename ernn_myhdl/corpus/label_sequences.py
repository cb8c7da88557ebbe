"""Sequences whose labels have an order but no times: greedy decoding of a network's outputs, and their error rate.

The outputs are one for each class and, the last one, the blank of connectionist temporal classification (A. Graves and others, ICML 2006):
frames of the same class in a row are one label, and a blank between them makes them two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.errors import DesignError

Labels = Sequence[int] | np.ndarray


def greedy_labels(outputs: np.ndarray) -> np.ndarray:
    """The labels (labels,) int64 of outputs (frames, classes + 1): the largest one of each frame, without repetitions and blanks."""
    outputs = np.asarray(outputs)
    if outputs.ndim != 2 or outputs.shape[1] < 2 or not len(outputs):
        raise DesignError(
            f"outputs: shape {outputs.shape}, must be (frames, classes + 1), at least one frame"
        )
    path = outputs.argmax(axis=1)
    first = np.concatenate([[True], path[1:] != path[:-1]])
    labels: np.ndarray = path[first & (path != outputs.shape[1] - 1)].astype(np.int64)
    return labels


def edit_distance(reference: Labels, hypothesis: Labels) -> int:
    """Insertions, deletions and substitutions that make one sequence of labels of the other."""
    wanted = np.asarray(reference)
    row = np.arange(len(wanted) + 1)
    for label in np.asarray(hypothesis).tolist():
        best = np.minimum(row[1:] + 1, row[:-1] + (wanted != label))
        row = np.concatenate([[row[0] + 1], best])
        # a deletion costs 1 for each label of the reference that is passed over
        place = np.arange(len(row))
        row = np.minimum.accumulate(row - place) + place
    return int(row[-1])


def label_error_rate(references: Sequence[Labels], hypotheses: Sequence[Labels]) -> float:
    """Edits of all sequences for each label of the references; above 1 where too many labels are named."""
    if len(references) != len(hypotheses) or not len(references):
        raise DesignError(
            f"{len(hypotheses)} sequences against {len(references)}: must be as many, at least 1"
        )
    total = sum(len(reference) for reference in references)
    if not total:
        raise DesignError("references: hold no labels, so there is no error rate")
    pairs = zip(references, hypotheses, strict=True)
    return sum(edit_distance(r, h) for r, h in pairs) / total


def least_frames(labels: Labels) -> int:
    """Frames that a sequence of labels needs: one each, and a blank between equal ones."""
    own = np.asarray(labels)
    return len(own) + int(np.sum(own[1:] == own[:-1]))


def sequence_scores(
    outputs: Sequence[np.ndarray], references: Sequence[Labels]
) -> dict[str, float]:
    """label_error_rate, and sequence_accuracy: the share of sequences without an error, of outputs (frames, classes + 1) each."""
    named = [greedy_labels(y) for y in outputs]
    right = [np.array_equal(a, b) for a, b in zip(references, named, strict=True)]
    return {
        "label_error_rate": label_error_rate(references, named),
        "sequence_accuracy": float(np.mean(right)),
    }
