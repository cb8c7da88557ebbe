"""How good recognised phones are: phone error rate and frame accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.corpus.corpus import Part
from ernn_myhdl.corpus.decode import Decoder
from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.corpus.segments import collapse
from ernn_myhdl.errors import DesignError

#: Runs of fewer frames are taken for noise of a frame classifier.
MINIMUM_FRAMES = 3


@dataclass(frozen=True)
class Score:
    """phone_error_rate: edits for each reference phone. frame_accuracy: 0 to 1. Both over all utterances."""

    phone_error_rate: float
    frame_accuracy: float


#: The phones of an utterance.
Phones = Sequence[int] | np.ndarray


def score(part: Part, predicted: Sequence[np.ndarray], minimum: int = MINIMUM_FRAMES) -> Score:
    """Predicted frame labels ``(frames,)`` of every utterance against the part.

    Without a decoder: short runs are dropped as `phone_sequence` does. Right labels score no 0 then, as
    phones that are shorter than `minimum` frames are dropped too; better is `score_outputs`.
    """
    hypotheses = [phone_sequence(labels, minimum) for labels in predicted]
    return Score(phone_error_rate(part.phones, hypotheses), frame_accuracy(part.labels, predicted))


def score_outputs(part: Part, outputs: Sequence[np.ndarray], decoder: Decoder) -> Score:
    """A network's outputs ``(frames, phones)`` for every utterance against the part.

    The phone error rate is that of the decoder's paths, the frame accuracy that of the largest outputs.
    """
    paths = [decoder.labels(y) for y in outputs]
    rate = phone_error_rate(part.phones, [phone_sequence(path, 1) for path in paths])
    return Score(rate, frame_accuracy(part.labels, [np.argmax(y, axis=1) for y in outputs]))


def phone_sequence(labels: np.ndarray, minimum: int = MINIMUM_FRAMES) -> np.ndarray:
    """The phones of an utterance's frame labels ``(frames,)``, without repetitions.

    minimum: runs of fewer frames are left out, and equal phones that then meet become one; 1 keeps all.
    """
    if minimum < 1:
        raise DesignError(f"minimum = {minimum}: must be at least 1 frame")
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DesignError(
            f"labels: {labels.dtype} of shape {labels.shape}, must be one integer a frame; take the "
            "largest output with argmax(axis=1)"
        )
    if not len(labels):
        return labels
    ends = np.concatenate([np.flatnonzero(labels[1:] != labels[:-1]) + 1, [len(labels)]])
    lengths = np.diff(ends, prepend=0)
    return collapse(labels[ends - 1][lengths >= minimum])


def phone_error_rate(references: Sequence[Phones], hypotheses: Sequence[Phones]) -> float:
    """Insertions, deletions and substitutions of all utterances for each phone of the references."""
    _same_number(references, hypotheses)
    distance = speech_module("rapidfuzz.distance").Levenshtein.distance
    total = sum(len(reference) for reference in references)
    if not total:
        raise DesignError("references: hold no phones, so there is no error rate")
    pairs = zip(references, hypotheses, strict=True)
    return sum(distance(np.asarray(r).tolist(), np.asarray(h).tolist()) for r, h in pairs) / total


def frame_accuracy(labels: Sequence[np.ndarray], predicted: Sequence[np.ndarray]) -> float:
    """Part of the frames of all utterances whose label is predicted right."""
    _same_number(labels, predicted)
    for i, (a, b) in enumerate(zip(labels, predicted, strict=True)):
        if np.shape(a) != np.shape(b):
            raise DesignError(
                f"predicted: utterance {i} has shape {np.shape(b)}, its labels have {np.shape(a)}"
            )
    return float(np.mean(np.concatenate(labels) == np.concatenate(predicted)))


def _same_number(references: Sequence, hypotheses: Sequence) -> None:
    if len(references) != len(hypotheses) or not len(references):
        raise DesignError(
            f"{len(hypotheses)} utterances against {len(references)}: must be as many, at least 1"
        )
