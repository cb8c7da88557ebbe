"""Initial states of sequences: what a cell keeps between frames, and checks of what a user gives.

`Cell.state_sizes` tells its parts:

output      (outputs,), y of the frame before
cell_state  (hidden,), the state of the frame before: c of an LSTM, which needs y too; where y follows from it by rounding, as in a GRU, alone
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.errors import DesignError

#: One state: name -> array (size,), floating point (values) or integer (raw words).
State = Mapping[str, np.ndarray]
#: State of a model before one sequence: of a layer one state, of a network one for each layer; None: zero.
ModelState: TypeAlias = State | Sequence[State | None] | None
#: What models take: the state before one sequence, or for a list of sequences one for each.
InitialStates: TypeAlias = ModelState | Sequence[ModelState]


def output_of(state: State) -> np.ndarray:
    """y of the frame before the first, in floating point: part of the state, or the cell state itself."""
    return state["output"] if "output" in state else state["cell_state"]


def check_state(cell: Cell, state: ModelState) -> dict[str, np.ndarray] | None:
    """`state` as arrays, float64 or int64; None stays. DesignError where it is no state of `cell`."""
    if state is None:
        return None
    sizes = cell.state_sizes
    if not sizes:
        raise DesignError(f"initial state: a {cell.kind} layer has no state; give None")
    if not isinstance(state, Mapping):
        raise DesignError(
            f"initial state: is {type(state).__name__}, must be a dictionary with {_names(sizes)}, "
            "for a list of sequences a list of them"
        )
    if set(state) != set(sizes):
        raise DesignError(
            f"initial state: has {_names(state) or 'nothing'}, the {cell.kind} cell needs {_names(sizes)}"
        )
    return {name: _part(name, state[name], size) for name, size in sizes.items()}


def check_states(
    cell: Cell, states: InitialStates, count: int | None
) -> list[dict[str, np.ndarray] | None]:
    """One state a sequence, None for zero.

    count: number of sequences of a list; None for a single sequence, whose state stands alone.
    """
    return [check_state(cell, state) for state in one_each(states, count)]


def one_each(states: InitialStates, count: int | None) -> list[Any]:
    """`states`, which may be None, as a list of one a sequence; see `check_states`."""
    if count is None:
        return [states]
    if states is None:
        return [None] * count
    if not isinstance(states, list | tuple) or len(states) != count:
        what = f"{len(states)}" if isinstance(states, list | tuple) else type(states).__name__
        raise DesignError(
            f"initial states: {what}, must be a list of one for each of {count} sequences"
        )
    return list(states)


def _names(names: Iterable[str]) -> str:
    return ", ".join(repr(n) for n in names)


def _part(name: str, values: ArrayLike, size: int) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (size,):
        raise DesignError(f"initial state {name}: shape {array.shape}, must be ({size},)")
    if array.dtype.kind not in "fiu":
        raise DesignError(
            f"initial state {name}: type {array.dtype}, must be floating point or integer"
        )
    if not np.all(np.isfinite(array)):
        raise DesignError(f"initial state {name}: holds NaN or infinity")
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)
