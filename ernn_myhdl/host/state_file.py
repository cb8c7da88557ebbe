"""Files of the states that sequences start from, as `Board.run` takes them.

Tensors are `layer_0.cell_state`, `layer_0.output`, ... in a .safetensors file, as `ernn simulate --initial-states` reads and a run writes it, or in an
.npz, which needs numpy only; (size,) for all sequences alike, or (sequences, size), one for each. A layer that is not in the file starts from zero.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.array_file import NoArrayFile, read_arrays
from ernn_myhdl.host.arguments import path_of
from ernn_myhdl.host.description import SystemDescription
from ernn_myhdl.host.sequences import state_words
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.whole_numbers import whole


def read_states(
    file: str | Path, system: SystemDescription, count: int
) -> tuple[list[Any], list[str]]:
    """The states before `count` sequences, and what saturates of them.

    Raises DesignError for a core without states, and for tensors that are not those of its layers.
    """
    path, where = path_of(file, "initial states"), f"initial states {file}"
    whole("sequences", count, 0)
    if not system.states:
        raise DesignError(
            f"{where}: the core starts every sequence from zero; make the design with initial_states and convert it again"
        )
    arrays = _arrays(path, where)
    shapes = {shape.layer: {part.name: part for part in shape.parts} for shape in system.states}
    known = [f"layer_{layer}.{name}" for layer, parts in shapes.items() for name in parts]
    layers: list[dict[str, np.ndarray] | None] = [None] * system.layers
    notes = []
    for name, array in arrays.items():
        if name not in known:
            raise DesignError(f"{where}: tensor {name!r}: must be one of {', '.join(known)}")
        number, part_name = _place(name)
        part = shapes[number][part_name]
        if array.shape not in ((part.size,), (count, part.size)):
            raise DesignError(
                f"{where}: {name} of shape {array.shape}, must be ({part.size},), or ({count}, {part.size}) with one for each sequence"
            )
        layers[number] = (layers[number] or {}) | {part_name: array}
        if beyond := _beyond(array, part.format):
            notes.append(
                f"{where}: {beyond} of {array.size} values of {name} are beyond its format {part.format} and saturate"
            )
    states = []
    for sequence in range(count):
        each = [
            own and {n: a[sequence] if a.ndim == 2 else a for n, a in own.items()} for own in layers
        ]
        states.append(each[0] if system.layers == 1 else each)
        # which refuses what is no state of the core
        state_words(system.states, system.layers, states[-1], 0, system.sample_bits, system.samples_per_beat)  # fmt: skip
    return states, notes


def _place(name: str) -> tuple[int, str]:
    """Layer and part of a tensor's name."""
    found = re.fullmatch(r"layer_(\d+)\.(\w+)", name)
    assert found is not None  # one of the known names
    return int(found[1]), found[2]


def _arrays(file: Path, where: str) -> dict[str, np.ndarray]:
    """The tensors of a file."""
    if file.suffix == ".safetensors":
        from ernn_myhdl.design.limits import check_model_file
        from ernn_myhdl.design.tensor_file import read_safetensors

        check_model_file(file, "initial states")
        return dict(read_safetensors(file, "initial states").arrays)
    try:
        loaded = read_arrays(file)
    except (OSError, NoArrayFile) as error:
        raise DesignError(
            f"{where}: is no .safetensors and no .npz of numbers ({error})"
        ) from error
    if not isinstance(loaded, dict):
        raise DesignError(f"{where}: is one array; must be an .npz with the names of its tensors")
    return loaded


def _beyond(values: np.ndarray, fmt: Format) -> int:
    """Values that the format does not hold."""
    if values.dtype.kind != "f":
        return 0  # raw words, which are refused
    raw = np.round(values * 2.0**fmt.frac)
    return int(((raw < fmt.minimum) | (raw > fmt.maximum)).sum())
