"""Batches of sequences of frames, in an order that follows from a seed and the number of the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import whole

#: Target of frames behind the end of a sequence, which PyTorch's losses ignore.
IGNORED = -100
#: Batches whose sequences are sorted by length together, so that those of a batch are of similar length.
POOL = 16


class Batch(NamedTuple):
    """x (n, frames, inputs), zero behind the end of a sequence; lengths (n,).

    targets: (n,), one for a sequence; or (n, frames), IGNORED behind the end.
    """

    x: Tensor
    targets: Tensor
    lengths: Tensor


class SequenceBatches:
    """Batches of an epoch by its number: data for `compress` and `fit`.

    sequences: (frames, inputs) each. targets: an integer for each sequence, or an array (frames,) of integers
    for each. batch: sequences in a batch. seed: of the order; None: that of the sequences in every epoch.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray] | np.ndarray,
        batch: int = 16,
        seed: int | None = 0,
    ) -> None:
        if not len(sequences) or len(sequences) != len(targets):
            raise DesignError(
                f"sequences: {len(sequences)} with {len(targets)} targets, must be as many of both and at "
                "least one"
            )
        whole("batch", batch, 1)
        self._x = [torch.as_tensor(np.asarray(x, dtype=np.float32)) for x in sequences]
        self._targets = [torch.as_tensor(np.asarray(t, dtype=np.int64)) for t in targets]
        for i, (x, t) in enumerate(zip(self._x, self._targets, strict=True)):
            if x.dim() != 2 or not len(x) or x.shape[1] != self._x[0].shape[1]:
                raise DesignError(
                    f"sequence {i}: shape {tuple(x.shape)}, must be (frames, {self._x[0].shape[-1]}), at "
                    "least one frame"
                )
            if t.dim() > 1 or t.dim() != self._targets[0].dim() or len(t.reshape(-1)) not in (
                1, len(x)
            ):  # fmt: skip
                raise DesignError(
                    f"targets of sequence {i}: shape {tuple(t.shape)}, must be one number, or ({len(x)},), "
                    "the same in all sequences"
                )
        self.batch, self.seed = batch, seed

    def __len__(self) -> int:
        """Batches of an epoch."""
        return -(-len(self._x) // self.batch)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        for chosen in self._order(epoch):
            yield self._made(chosen)

    def _order(self, epoch: int) -> list[np.ndarray]:
        """The sequences of each batch."""
        count, size = len(self._x), self.batch
        if self.seed is None:
            return np.split(np.arange(count), range(size, count, size))
        rng = np.random.default_rng([self.seed, epoch])
        lengths = np.array([len(x) for x in self._x])
        pools = np.split(rng.permutation(count), range(size * POOL, count, size * POOL))
        pools = [pool[np.argsort(lengths[pool], kind="stable")] for pool in pools]
        batches = [b for p in pools for b in np.split(p, range(size, len(p), size))]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _made(self, chosen: np.ndarray) -> Batch:
        pad = torch.nn.utils.rnn.pad_sequence
        x = [self._x[i] for i in chosen]
        targets = [self._targets[i] for i in chosen]
        return Batch(
            pad(x, batch_first=True),
            pad(targets, batch_first=True, padding_value=IGNORED)
            if targets[0].dim()
            else torch.stack(targets),
            torch.tensor([len(s) for s in x]),
        )
