"""States in files: `initial_states.safetensors` of an imported model or of a run, `final_states.safetensors` of a run.

Tensors are `layer_0.cell_state`, `layer_0.output`, ...: the state of a layer before the first frame, as the
models of `golden` take it, in the final ones behind the last; (size,) for all sequences alike, or (sequences, size), one for each. A layer
that is not in the file starts from zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ernn_myhdl.design.own_states import STATES_NAME as STATES_NAME
from ernn_myhdl.design.structure import CoreStructure, Structure
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.initial_state import ModelState, State
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.streams.initial_states import CoreState, raw_state
from ernn_myhdl.streams.tensor_file import read_tensors

#: The states behind the last frames of a run, with which another run goes on.
FINAL_NAME = "final_states.safetensors"
#: What such a file is called in messages.
STATES_WHAT = _WHAT = "initial states"
#: How the tensors begin that only a session reads: sequences under way (`ernn_myhdl.streams.sequence_file`).
SEQUENCES_PREFIXES = ("join_", "sequence.", "sequence_", "begin.")


def folder_states(
    folder: str | Path, design: CoreStructure
) -> list[dict[str, np.ndarray] | None] | None:
    """The state of each layer of an imported model in a design folder; None where it has none.

    Raises DesignError where a tensor is not that of its layer.
    """
    folder = Path(folder)
    file = (folder if folder.is_dir() else folder.parent) / STATES_NAME
    if not file.exists():
        return None
    states = _by_layer(file, len(design.layers))
    for number, (state, layer) in enumerate(zip(states, design.layers, strict=True)):
        _check_layer(f"{_WHAT} {file}: layer_{number}", state, layer, 0)
    return states


def _by_layer(file: Path, count: int) -> list[dict[str, np.ndarray] | None]:
    """The tensors of each of `count` layers; DesignError where a name is of none."""
    arrays = read_tensors(file, _WHAT)
    for name in arrays:
        if name.startswith(SEQUENCES_PREFIXES):
            raise DesignError(
                f"{_WHAT} {file}: tensor {name!r}: is of sequences under way, whose windows and joins over time no run begins with; go on "
                "in a session (`session.restore`, `ernn stream --initial-states`), or give states of layers only"
            )
    return _layers(arrays, file, count)


def _layers(
    arrays: Mapping[str, np.ndarray], file: Path, count: int, before: str = ""
) -> list[dict[str, np.ndarray] | None]:
    """Tensors, without the beginning `before` of their names, of each of `count` layers."""
    states: list[dict[str, np.ndarray] | None] = [None] * count
    names = [f"layer_{i}" for i in range(count)]
    for name, array in arrays.items():
        layer, _, tensor = name.partition(".")
        if layer not in names or not tensor:
            known = names[0] if count == 1 else f"{names[0]} to {names[-1]}"
            raise DesignError(
                f"{_WHAT} {file}: tensor {before + name!r}: must be of {known}, such as '{before}layer_0.cell_state'"
            )
        number = names.index(layer)
        states[number] = (states[number] or {}) | {tensor: array}
    return states


def read_initial_states(file: str | Path, design: CoreStructure, count: int) -> list[ModelState]:
    """The initial states of `count` sequences in a file, as `ernn_myhdl.runs.run.run_design` takes them.

    Raises DesignError where a tensor is not that of its layer.
    """
    file = Path(file)
    return _each(_by_layer(file, len(design.layers)), file, design, count)


def states_of_arrays(
    arrays: Mapping[str, np.ndarray],
    file: Path,
    design: CoreStructure,
    count: int,
    before: str = "",
) -> list[ModelState]:
    """As `read_initial_states`, of tensors of a file; before: how their names begin there."""
    layers = _layers(arrays, file, len(design.layers), before)
    return _each(layers, file, design, count, before)


def _each(
    layers: Sequence[State | None], file: Path, design: CoreStructure, count: int, before: str = ""
) -> list[ModelState]:
    """The states of layers for each of `count` sequences."""
    for number, (state, layer) in enumerate(zip(layers, design.layers, strict=True)):
        _check_layer(f"{_WHAT} {file}: {before}layer_{number}", state, layer, count)
    states: list[ModelState] = []
    for sequence in range(count):
        each = [
            state and {n: a[sequence] if a.ndim == 2 else a for n, a in state.items()}
            for state in layers
        ]
        states.append(each[0] if isinstance(design, Structure) else each)
    return states


def _check_layer(where: str, state: State | None, design: Structure, count: int) -> None:
    """DesignError unless the tensors are those of the layer's state, in number and size."""
    if state is None:
        return
    sizes = design.cell.state_sizes
    if set(state) != set(sizes):
        needs = f"needs {', '.join(sizes)}" if sizes else "has no state"
        raise DesignError(
            f"{where}: has {', '.join(sorted(state))}; a {design.cell.kind} layer {needs}"
        )
    for name, array in state.items():
        size = sizes[name]
        if array.shape not in ((size,), (count, size)):
            raise DesignError(
                f"{where}.{name}: shape {array.shape}, must be ({size},), or ({count}, {size}) with "
                "one for each sequence"
            )
        if not np.all(np.isfinite(array)):
            raise DesignError(f"{where}.{name}: holds NaN or infinity")


def save_states(states: Sequence[CoreState | None], design: CoreStructure, folder: Path) -> None:
    """Write the states of a run's sequences, rounded to their formats, unless all are None."""
    if any(state is not None for state in states):
        write_states(states, design, folder / STATES_NAME)


def write_states(states: Sequence[CoreState | None], design: CoreStructure, file: Path) -> None:
    """Write states, one a sequence and zero for None, rounded to their formats."""
    save_file(state_arrays(states, design), file)


def state_arrays(
    states: Sequence[CoreState | None], design: CoreStructure
) -> dict[str, np.ndarray]:
    """The tensors of states, one a sequence and zero for None, rounded to their formats."""
    arrays: dict[str, np.ndarray] = {}
    for i, layer in enumerate(design.layers):
        raw = [raw_state(layer, state[i] if state else None) for state in states]
        for name in raw[0]:
            values = np.stack([words[name] for words in raw])
            arrays[f"layer_{i}.{name}"] = to_real(values, getattr(layer.formats, name))
    return arrays
