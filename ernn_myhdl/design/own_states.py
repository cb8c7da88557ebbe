"""States that the sequences of a design start from where none are given: those that a model holds as constants.

They are no part of the core, which is sent them on s_state, but of the design: in `initial_states.safetensors` of its folder, a tensor
`layer_0.cell_state`, `layer_0.output`, ... (size,) for each part of the state of a layer. A layer that is not in the file starts from zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from ernn_myhdl.design.limits import check_model_file
from ernn_myhdl.design.tensor_file import read_safetensors
from ernn_myhdl.errors import DesignError

if TYPE_CHECKING:
    from ernn_myhdl.design.design import Design

STATES_NAME = "initial_states.safetensors"
_WHAT = "initial states"


def checked_state(layer: Design) -> dict[str, np.ndarray] | None:
    """The own state of a layer, float64; None for zero. DesignError where its core loads none, or where it is of another form."""
    state, sizes = layer.initial, layer.cell.state_sizes
    if not state:
        return None
    if not layer.loads_states:
        raise DesignError(
            f"initial: a state of {', '.join(sorted(state))}, but the core of this {layer.cell.kind} layer loads none; set hardware "
            "initial_states = true, or leave the state out"
        )
    if set(state) != set(sizes):
        raise DesignError(f"initial: has {', '.join(sorted(state))}, must have {', '.join(sizes)}")
    made = {}
    for name, size in sizes.items():
        array = np.asarray(state[name])
        if array.shape != (size,) or array.dtype.kind != "f":
            raise DesignError(
                f"initial {name}: shape {array.shape}, type {array.dtype}; must be ({size},), floating point"
            )
        if not np.all(np.isfinite(array)):
            raise DesignError(f"initial {name}: holds NaN or infinity")
        made[name] = array.astype(np.float64)
    return made


def write_own_states(states: Sequence[Mapping[str, np.ndarray] | None], folder: Path) -> None:
    """Write the file where a layer has a state that is not zero. states: of each layer."""
    arrays = {
        f"layer_{i}.{name}": np.ascontiguousarray(array)
        for i, state in enumerate(states)
        for name, array in (state or {}).items()
    }
    if arrays:
        save_file(arrays, folder / STATES_NAME)


def read_own_states(
    folder: Path, layers: Sequence[Design]
) -> list[dict[str, np.ndarray] | None] | None:
    """The state of each layer in a design folder; None where it holds none. DesignError where a tensor is not that of its layer."""
    file = folder / STATES_NAME
    if not file.exists():
        return None
    check_model_file(file, _WHAT)
    states: list[dict[str, np.ndarray] | None] = [None] * len(layers)
    known = {f"layer_{i}.{name}": (i, name) for i, one in enumerate(layers) for name in one.cell.state_sizes}  # fmt: skip
    for name, array in read_safetensors(file, _WHAT).arrays.items():
        if name not in known:
            raise DesignError(
                f"{_WHAT} {file}: tensor {name!r}: must be one of {', '.join(known) or 'none, no layer has a state'}"
            )
        number, part = known[name]
        size = layers[number].cell.state_sizes[part]
        if array.shape != (size,):
            raise DesignError(
                f"{_WHAT} {file}: tensor {name!r}: shape {array.shape}, must be ({size},) in the folder of a design; give states of "
                "single sequences with --initial-states"
            )
        states[number] = (states[number] or {}) | {part: array.astype(np.float64)}
    return states
