"""Losses of label sequences without times."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.call_forms import checked_call


@checked_call
def ctc_loss(scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
    """Connectionist temporal classification: the labels of each sequence somewhere in its frames, in their order.

    Parameters
    ----------
    scores : Tensor (n, frames, classes + 1)
        Of each frame, before the softmax; the last one is that of the blank.
    targets : Tensor (n, labels), int64
        Of each sequence, 0 to classes - 1, padded with negative numbers: those of `SequenceBatches` with label_sequences.
    lengths : Tensor (n,)
        Frames of each sequence.

    Returns
    -------
    Tensor
        The mean over the sequences of the loss for each label.

    Raises
    ------
    DesignError
        Where scores, targets or lengths have other shapes, a label is none of the classes, or a sequence has fewer frames than
        its labels need: one for each, and one more between equal ones.
    """
    for name, given in (("scores", scores), ("targets", targets), ("lengths", lengths)):
        if not isinstance(given, Tensor):
            raise DesignError(f"ctc_loss: {name}: is {type(given).__name__}, must be a tensor")
    legal = scores.dim() == 3 and targets.dim() == 2 and lengths.dim() == 1
    if not legal or not len(scores) == len(targets) == len(lengths):
        shapes = ", ".join(str(tuple(t.shape)) for t in (scores, targets, lengths))
        raise DesignError(
            f"ctc_loss: shapes {shapes}, must be scores (n, frames, classes + 1), targets (n, labels) and lengths (n,)"
        )
    blank = scores.shape[-1] - 1
    if targets.numel() and int(targets.max()) >= blank:
        raise DesignError(
            f"ctc_loss: label {int(targets.max())} of {blank} classes; the last of the {blank + 1} outputs is the blank"
        )
    inside = targets >= 0
    _check_lengths(scores, targets, inside, lengths)
    return functional.ctc_loss(
        functional.log_softmax(scores, -1).transpose(0, 1),
        targets[inside],
        lengths.to(torch.int64),
        inside.sum(1),
        blank=blank,
    )


def _check_lengths(scores: Tensor, targets: Tensor, inside: Tensor, lengths: Tensor) -> None:
    """DesignError where a length is none, or no path through the frames spells the labels: the loss would be infinite."""
    frames = scores.shape[1]
    if lengths.is_floating_point() or int(lengths.min()) < 1 or int(lengths.max()) > frames:
        raise DesignError(
            f"ctc_loss: lengths {lengths.tolist()}, must be whole numbers, 1 to {frames}, the frames of scores"
        )
    equal = (targets[:, 1:] == targets[:, :-1]) & inside[:, 1:]
    short = inside.sum(1) + equal.sum(1) - lengths.to(inside.device)
    if int(short.max()) > 0:
        i = int(short.argmax())
        raise DesignError(
            f"ctc_loss: sequence {i} of the batch has {int(lengths[i])} frames for {int(inside[i].sum())} labels; it needs one "
            "for each label and one more between equal ones; leave it out"
        )
