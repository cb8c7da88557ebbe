"""Initial states of an imported model: `initial_states.safetensors` in its design folder.

Tensors are `layer_0.cell_state`, `layer_0.output`, ...: the state of each layer before the first frame, as
the models of `golden` take it. The core starts every sequence from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ernn_myhdl.exchange.dense import DenseLayer
from ernn_myhdl.exchange.limits import check_model_file
from ernn_myhdl.exchange.tensor_file import read_safetensors

STATES_NAME = "initial_states.safetensors"


def write_initial_states(layers: Sequence[DenseLayer], folder: Path) -> None:
    """Write the file where a layer has an initial state that is not zero."""
    arrays = {
        f"layer_{i}.{name}": np.ascontiguousarray(array, dtype=np.float32)
        for i, layer in enumerate(layers)
        for name, array in layer.initial.items()
    }
    if arrays:
        save_file(arrays, folder / STATES_NAME)


def load_initial_states(folder: str | Path, count: int) -> list[dict[str, np.ndarray] | None]:
    """The initial state of each of `count` layers, None for zero."""
    file = Path(folder) / STATES_NAME
    states: list[dict[str, np.ndarray] | None] = [None] * count
    if not file.exists():
        return states
    check_model_file(file)
    for name, array in read_safetensors(file).arrays.items():
        layer, _, tensor = name.partition(".")
        index = next((i for i in range(count) if layer == f"layer_{i}"), None)
        if index is not None:
            states[index] = (states[index] or {}) | {tensor: array}
    return states
