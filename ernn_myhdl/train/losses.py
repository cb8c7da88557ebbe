"""Losses of label sequences without times."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ernn_myhdl.errors import DesignError


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
        Where scores, targets or lengths have other shapes, or a label is none of the classes.
    """
    legal = scores.dim() == 3 and targets.dim() == 2 and lengths.dim() == 1
    if not legal or not len(scores) == len(targets) == len(lengths):
        shapes = ", ".join(str(tuple(t.shape)) for t in (scores, targets, lengths))
        raise DesignError(
            f"ctc_loss: shapes {shapes}, must be scores (n, frames, classes + 1), targets (n, labels) and lengths (n,)"
        )
    blank = scores.shape[-1] - 1
    if int(targets.max()) >= blank:
        raise DesignError(
            f"ctc_loss: label {int(targets.max())} of {blank} classes; the last of the {blank + 1} outputs is the blank"
        )
    inside = targets >= 0
    return functional.ctc_loss(
        functional.log_softmax(scores, -1).transpose(0, 1),
        targets[inside],
        lengths.to(torch.int64),
        inside.sum(1),
        blank=blank,
    )
