"""The matrix of x of a model whose elements of x differ in size: trained for x with equal spans.

A block-circulant matrix adds up elements of x with the same weights. Where the elements of a block column differ
in size it has to be block-circulant for scaled x; a scale for each element can be had in training only, since
it would break the blocks of a trained matrix. The model itself stays as it is, and takes x as it is: only the
vectors that are trained are those for scaled x (`Matrix.shifts`). The scales are powers of two, chosen on the
data of the training.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ernn_myhdl.calibration.input_scales import UNEVEN, shifts_of_spans, uneven_elements
from ernn_myhdl.corpus.inputs import check_input
from ernn_myhdl.train.branching import Branching
from ernn_myhdl.train.checkpoint import load_checkpoint
from ernn_myhdl.train.forward_calls import ForwardCalls, vectors_taken
from ernn_myhdl.train.generators import Batches, Data, seeded
from ernn_myhdl.train.matrices import LINEAR, Matrix
from ernn_myhdl.train.trial import Trial

#: A matrix is block-circulant as it is where its projection changes it by less than this.
CIRCULANT = 1e-6

Shifts = Mapping[str, tuple[int, ...]]


def matrix_of_x(
    matrices: Sequence[Matrix], calls: ForwardCalls, modules: Sequence[str] | None
) -> Matrix | None:
    """That of the first module of the design; None where the step calls none, and of a model that is followed as a whole."""
    if calls.convolution is not None or (calls.embedding is not None and modules is None):
        return None
    names = modules or list(calls.layers)
    own = [m for m in matrices if names and m.name.rpartition(".")[0] == names[0]]
    return next((m for m in own if m.role in ("input", LINEAR)), None)


def input_shifts(
    model: nn.Module,
    step,
    data: Data,
    modules: Sequence[str] | None,
    matrices: Sequence[Matrix],
    calibration,
    seed: int,
) -> dict[str, tuple[int, ...]]:
    """Shifts of x by the name of the matrix of x; empty where its elements are of one size, and of a model that branches.

    calibration: sequences (frames, inputs) on which they are chosen; None: what the first module of the design takes
    in the first epoch of the data. seed: of the training. The elements of a block column share a shift where they are
    of one size, and where the matrix is block-circulant already, which a finer one would undo.
    """
    with seeded(seed):
        batches = Batches(data)
        trial = Trial(model, step, batches, modules)
        calls = trial.calls()
        matrix = matrix_of_x(matrices, calls, modules)
        if matrix is None:
            return {}
        if calibration is not None:
            x = np.concatenate(check_input(calibration, matrix.shape[-1], "calibration"))
            span = np.ptp(x, axis=0)
        else:
            span = _spans(model, step, batches, matrix.name.rpartition(".")[0])
    shifts = shifts_of_spans(span, matrix.block, by_column=_circulant(matrix))
    # a scale of x would have to be undone in every layer that takes it
    if not shifts or isinstance(trial.check(calls), Branching):
        return {}
    return {matrix.name: shifts}


def saved_shifts(folder: str | Path | None) -> dict[str, tuple[int, ...]] | None:
    """Those of the training whose checkpoint is in a folder, which goes on with them; None without."""
    saved = None if folder is None else load_checkpoint(Path(folder))
    if saved is None:
        return None
    identity = saved.get("identity")
    shifts = identity.get("shifts", {}) if isinstance(identity, dict) else {}
    try:
        return {name: tuple(map(int, each.split())) for name, each in shifts.items()}
    except (AttributeError, ValueError):
        return {}  # another training's, which is told when the checkpoint is compared


def _spans(model: nn.Module, step, batches: Batches, name: str) -> np.ndarray:
    """Of every element that a module takes in an epoch; frames of zeros are padding."""
    low, high = np.inf, -np.inf
    state = batches.state()
    try:
        for batch in batches.epoch(0):
            taken = vectors_taken(model, step, batch, name).astype(np.float64)
            taken = taken[taken.any(axis=1)]
            if len(taken):
                low, high = np.minimum(low, taken.min(axis=0)), np.maximum(high, taken.max(axis=0))
    finally:
        batches.restore(state)
    return np.atleast_1d(high - low)


@torch.no_grad()
def _circulant(matrix: Matrix) -> bool:
    """Whether a matrix is block-circulant for x as it is."""
    dense = matrix.parameter
    if dense.dtype not in (torch.float32, torch.float64):  # refused by name later
        return False
    apart = torch.linalg.vector_norm(dense - matrix.dense(matrix.projected(dense)))
    return matrix.block > 1 and bool(apart <= CIRCULANT * torch.linalg.vector_norm(dense))


def warn_of_uneven(
    matrices: Sequence[Matrix], calls: ForwardCalls, modules: Sequence[str] | None
) -> None:
    """Warn where elements of x that share a scale differ in size, and the training does not scale them."""
    matrix = matrix_of_x(matrices, calls, modules)
    if matrix is None or matrix.block == 1:
        return
    taken = calls.layers[matrix.name.rpartition(".")[0]].taken()
    taken = taken[taken.any(axis=1)].astype(np.float64)
    if not len(taken):  # a batch of zeros, which tells nothing
        return
    if matrix.shifts:
        taken = np.ldexp(taken, matrix.shifts)
    found = uneven_elements(taken, matrix.block)
    if found:
        names = ", ".join(f"x[{i}]" for i in found[:8]) + (" and more" if len(found) > 8 else "")
        warnings.warn(
            f"matrix {matrix.name}: {names} vary less than a {UNEVEN:.0f}th of another element of their block "
            "column, and are added up with the same weights; train with input_scales, which chooses a scale for each, a "
            "model that is not block-circulant yet, or scale them in the data",
            stacklevel=6,
        )
