"""Phones in time: from where each begins to labels of frames and sequences of phones."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.corpus.features import SHIFT, frame_centres


def collapse(labels: np.ndarray) -> np.ndarray:
    """The sequence of labels without repetitions: ``a a b b b a`` becomes ``a b a``."""
    labels = np.asarray(labels)
    if not len(labels):
        return labels
    return labels[np.concatenate([[True], labels[1:] != labels[:-1]])]


def frame_labels(
    starts: np.ndarray, phones: np.ndarray, samples: int, shift: int = SHIFT
) -> np.ndarray:
    """The phone at the middle of every frame, int64 ``(frames,)``.

    starts: position of the first sample of each phone, rising, the first at 0. phones: their labels.
    shift: samples from a frame to the next.
    """
    centres = frame_centres(samples, shift)
    return np.asarray(phones)[np.searchsorted(starts, centres, side="right") - 1]


def silent_runs(samples: np.ndarray, least: int) -> list[tuple[int, int]]:
    """First and last + 1 position of every run of at least `least` zeros."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], samples == 0, [0]]).astype(np.int8)))
    return [(a, b) for a, b in edges.reshape(-1, 2).tolist() if b - a >= least]


def with_silence(
    starts: list[int], phones: list[str], runs: list[tuple[int, int]], silence: str
) -> tuple[list[int], list[str]]:
    """The phones with `silence` laid over the runs."""
    marks: dict[int, str] = dict(zip(starts, phones, strict=True))
    for first, end in runs:
        within = [place for place in marks if place <= end]
        after = marks[max(within)]
        for place in within:
            if first <= place:
                del marks[place]
        marks[first] = silence
        marks[end] = after
    places = sorted(marks)
    return places, [marks[place] for place in places]
