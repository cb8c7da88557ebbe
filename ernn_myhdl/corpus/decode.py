"""Labels of frames from a network's outputs and how phones follow one another: a hidden Markov model.

Each phone is a state. The transitions are counted in the training labels; an output counts as the logarithm
of the phone's probability, which over that of the phone itself is the likelihood of the frame but for a
factor (H. Bourlard, N. Morgan: Connectionist speech recognition, 1994).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ernn_myhdl.corpus.corpus import Part
from ernn_myhdl.errors import DesignError

#: How much the phones' own probabilities are divided out: 0 not, 1 in full. Chosen on a validation part.
PRIOR_WEIGHT = 0.3
#: Added to each count of a transition.
_UNSEEN = 0.5


@dataclass(frozen=True)
class Decoder:
    """Logarithms of probabilities: prior ``(phones,)``, first ``(phones,)``, transition ``(phones, phones)``,
    from the row's phone to the column's in one frame.
    """

    prior: np.ndarray
    first: np.ndarray
    transition: np.ndarray

    def labels(self, outputs: np.ndarray, prior_weight: float = PRIOR_WEIGHT) -> np.ndarray:
        """The likeliest path through the phones, int64 ``(frames,)``.

        outputs: ``(frames, phones)``, a network's scores; softmax makes probabilities of them.
        """
        outputs = np.asarray(outputs, dtype=np.float64)
        phones = len(self.prior)
        if outputs.ndim != 2 or outputs.shape[1] != phones or not len(outputs):
            raise DesignError(f"outputs: shape {outputs.shape}, must be (frames, {phones})")
        if not np.isfinite(outputs).all():
            raise DesignError("outputs: must be finite")
        # the softmax's divisor is the same for all phones of a frame and changes no path
        local = outputs - prior_weight * self.prior
        back = np.empty((len(outputs), phones), dtype=np.int64)
        best = self.first + local[0]
        every = np.arange(phones)
        for t in range(1, len(outputs)):
            ways = best[:, None] + self.transition
            back[t] = ways.argmax(axis=0)
            best = ways[back[t], every] + local[t]
        path = np.empty(len(outputs), dtype=np.int64)
        path[-1] = best.argmax()
        for t in range(len(outputs) - 1, 0, -1):
            path[t - 1] = back[t, path[t]]
        return path


def train_decoder(part: Part, phones: int) -> Decoder:
    """The decoder of a part's labels; `phones`: how many there are."""
    counts = np.full((phones, phones), _UNSEEN)
    first = np.full(phones, _UNSEEN)
    prior = np.full(phones, _UNSEEN)
    for row in part.labels:
        np.add.at(counts, (row[:-1], row[1:]), 1)
        first[row[0]] += 1
        prior += np.bincount(row, minlength=phones)
    return Decoder(
        np.log(prior / prior.sum()),
        np.log(first / first.sum()),
        np.log(counts / counts.sum(axis=1, keepdims=True)),
    )
