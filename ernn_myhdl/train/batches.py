"""Batches of sequences of frames, in an order that follows from a seed and the number of the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.whole_numbers import whole

#: Target of frames behind the end of a sequence, which PyTorch's losses ignore.
IGNORED = -100
#: Batches whose sequences are sorted by length together, so that those of a batch are of similar length.
POOL = 16


class Batch(NamedTuple):
    """x (n, frames, inputs), zero behind the end of a sequence, or (n, frames) int64 of numbers; lengths (n,).

    targets: (n,), one for a sequence; or (n, frames), IGNORED behind the end.
    """

    x: Tensor
    targets: Tensor
    lengths: Tensor

    def __repr__(self) -> str:
        """The shapes, on one line."""
        return f"{type(self).__name__}(x {tuple(self.x.shape)}, targets {tuple(self.targets.shape)}, lengths {tuple(self.lengths.shape)})"


@checked_call
class SequenceBatches:
    """Batches of an epoch by its number: data for `compress` and `fit`.

    Parameters
    ----------
    sequences : sequences (frames, inputs)
        Of floating point, of any lengths.
    targets : array (sequences,), or an array (frames,) or (labels,) for each sequence
        Whole numbers: the class of a sequence or of each of its frames; with label_sequences its labels in their order.
    batch : int
        Sequences in a batch, at least 1.
    seed : int or None
        Of the order; None: that of the sequences in every epoch.
    label_sequences : bool
        Whether targets are labels without times, for `ctc_loss`; then those of a batch are (n, labels), padded with IGNORED.
    numbers : bool
        Whether sequences are whole numbers from 0, (frames,) or (frames, 1), for an nn.Embedding; then x of a batch is (n, frames) int64.

    Raises
    ------
    DesignError
        For what is none of these; names the sequence.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray] | np.ndarray,
        batch: int = 16,
        seed: int | None = 0,
        label_sequences: bool = False,
        numbers: bool = False,
    ) -> None:
        for name, given in (("sequences", sequences), ("targets", targets)):
            if not hasattr(given, "__len__"):
                raise DesignError(
                    f"{name}: is {type(given).__name__}, must be a list with an array for each sequence"
                )
        for name, wanted in (("label_sequences", label_sequences), ("numbers", numbers)):
            if not isinstance(wanted, bool):
                raise DesignError(f"{name} = {wanted!r}: must be True or False")
        if not len(sequences) or len(sequences) != len(targets):
            raise DesignError(
                f"sequences: {len(sequences)} with {len(targets)} targets, must be as many of both and at "
                "least one"
            )
        whole("batch", batch, 1)
        if seed is not None:
            whole("seed", seed, 0)
        self._x = [
            torch.as_tensor(
                _numbers(f"sequence {i}", x) if numbers else _array(f"sequence {i}", x, np.float32)
            )
            for i, x in enumerate(sequences)
        ]
        self._targets = [
            torch.as_tensor(_array(f"targets of sequence {i}", t, np.int64))
            for i, t in enumerate(targets)
        ]
        for i, (x, t) in enumerate(zip(self._x, self._targets, strict=True)):
            if not numbers and (x.dim() != 2 or not len(x) or x.shape[1] != self._x[0].shape[1]):
                raise DesignError(
                    f"sequence {i}: shape {tuple(x.shape)}, must be (frames, {self._x[0].shape[-1]}), at "
                    "least one frame"
                )
            if not bool(torch.isfinite(x).all()):
                raise DesignError(f"sequence {i}: holds NaN or infinite numbers; clean the data")
            if label_sequences:
                if t.dim() != 1 or not len(t) or int(t.min()) < 0:
                    raise DesignError(
                        f"targets of sequence {i}: shape {tuple(t.shape)}, must be (labels,), at least one, none negative"
                    )
            elif t.dim() > 1 or t.dim() != self._targets[0].dim() or len(t.reshape(-1)) not in (
                1, len(x)
            ):  # fmt: skip
                raise DesignError(
                    f"targets of sequence {i}: shape {tuple(t.shape)}, must be one number, or ({len(x)},), "
                    "the same in all sequences"
                )
            elif bool(((t < 0) & (t != IGNORED)).any()):
                raise DesignError(
                    f"targets of sequence {i}: {int(t.min())}, must be classes from 0, or {IGNORED} where there is none"
                )
        self.batch, self.seed = batch, seed

    def __repr__(self) -> str:
        """Numbers of sequences and batches, on one line."""
        first = self._x[0]
        what = f"{first.shape[1]} inputs" if first.dim() == 2 else "numbers"
        return f"{type(self).__name__}({len(self._x)} sequences of {what}, {len(self)} batches)"

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

    @property
    def frames(self) -> list[int]:
        """Of each sequence."""
        return [len(x) for x in self._x]

    @property
    def frame_targets(self) -> bool:
        """Whether every frame has a target."""
        return self._targets[0].dim() == 1

    def cut(self, pieces: Sequence[tuple[int, int, int]]) -> Batch:
        """A batch of pieces of sequences: number of the sequence, first frame, end."""
        x = [self._x[i][first:end] for i, first, end in pieces]
        targets = [
            self._targets[i][first:end] if self.frame_targets else self._targets[i]
            for i, first, end in pieces
        ]
        return self._padded(x, targets)

    def _made(self, chosen: np.ndarray) -> Batch:
        return self._padded([self._x[i] for i in chosen], [self._targets[i] for i in chosen])

    @staticmethod
    def _padded(x: list[Tensor], targets: list[Tensor]) -> Batch:
        pad = torch.nn.utils.rnn.pad_sequence
        return Batch(
            pad(x, batch_first=True),
            pad(targets, batch_first=True, padding_value=IGNORED)
            if targets[0].dim()
            else torch.stack(targets),
            torch.tensor([len(s) for s in x]),
        )


def _numbers(where: str, values: object) -> np.ndarray:
    """Numbers of the rows of an embedding (frames,) int64; DesignError where a sequence holds anything else."""
    made = _array(where, values, np.int64)
    if made.shape[1:] not in ((), (1,)) or not made.size or made.min() < 0:
        raise DesignError(
            f"{where}: shape {made.shape}, must be (frames,) or (frames, 1), at least one frame, whole numbers from 0"
        )
    return made.reshape(-1)


def _array(where: str, values: object, kind: type) -> np.ndarray:
    """An array of a type that holds the values; DesignError where it does not."""
    try:
        given = np.asarray(values)
        with np.errstate(invalid="ignore"):
            made: np.ndarray = given.astype(kind)
        whole_numbers = kind is not np.int64 or bool(np.all(made == given))
    except (TypeError, ValueError) as error:
        raise DesignError(
            f"{where}: {type(values).__name__}, must be an array of numbers of one length"
        ) from error
    if given.dtype.kind not in "biuf" or not whole_numbers:
        raise DesignError(
            f"{where}: {given.dtype}, must be {'whole numbers' if kind is np.int64 else 'numbers'}"
        )
    return made
