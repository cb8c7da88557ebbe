"""The matrix of x of a model whose elements of x differ in size: trained for x with equal spans.

A block-circulant matrix adds up elements of x with the same weights. Where the elements of a block column differ
in size it has to be block-circulant for scaled x; a scale for each element can be had in training only, since
it would break the blocks of a trained matrix. The model itself stays as it is, and takes x as it is: only the
vectors that are trained are those for scaled x (`Matrix.shifts`).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

from torch import nn

from ernn_myhdl.calibration.input_scales import UNEVEN, spread_shifts, uneven_elements
from ernn_myhdl.corpus.inputs import check_input
from ernn_myhdl.train.forward_calls import ForwardCalls
from ernn_myhdl.train.generators import Batches, Data
from ernn_myhdl.train.matrices import LINEAR, Matrix
from ernn_myhdl.train.trial import Trial

Shifts = Mapping[str, tuple[int, ...]]


def matrix_of_x(
    matrices: Sequence[Matrix], calls: ForwardCalls, modules: Sequence[str] | None
) -> Matrix | None:
    """That of the first module of the design; None where the step calls none."""
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
) -> dict[str, tuple[int, ...]]:
    """Shifts of x by the name of the matrix of x, chosen on sequences (frames, inputs); empty for none."""
    calls = Trial(model, step, Batches(data), modules).calls()
    matrix = matrix_of_x(matrices, calls, modules)
    if matrix is None:
        return {}
    shifts = spread_shifts(check_input(calibration, matrix.shape[-1], "calibration"))
    return {matrix.name: shifts} if shifts else {}


def warn_of_uneven(
    matrices: Sequence[Matrix], calls: ForwardCalls, modules: Sequence[str] | None
) -> None:
    """Warn where elements of x that share a scale differ in size, and the training does not scale them."""
    matrix = matrix_of_x(matrices, calls, modules)
    if matrix is None or matrix.block == 1 or matrix.shifts:
        return
    taken = calls.layers[matrix.name.rpartition(".")[0]].taken()
    found = uneven_elements(taken[taken.any(axis=1)], matrix.block)
    if found:
        names = ", ".join(f"x[{i}]" for i in found[:8]) + (" and more" if len(found) > 8 else "")
        warnings.warn(
            f"matrix {matrix.name}: {names} vary less than a {UNEVEN:.0f}th of another element of their block "
            "column, and are added up with the same weights; give calibration=... of such data, on "
            "which a scale for each is chosen, or scale them in the data",
            stacklevel=5,
        )
