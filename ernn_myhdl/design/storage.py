"""Design folders: `design.toml` (everything but the weights) and `weights.safetensors`.

A network's folder holds `network.toml` and a design folder for every layer. Either may hold what it was made of
(`ernn_myhdl.design.source_model`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ernn_myhdl.design.design import (
    CoreSpecification,
    Design,
)
from ernn_myhdl.design.design_parts import Document, design_parts, network_parts
from ernn_myhdl.design.design_text import (
    NETWORK_NAME,
    TOML_NAME,
    WEIGHTS_NAME,
    design_toml,
    network_toml,
)
from ernn_myhdl.design.graph_storage import (
    TABLES_NAME,
    tables_of,
)
from ernn_myhdl.design.limits import MAX_FILE_BYTES
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.own_states import read_own_states, write_own_states
from ernn_myhdl.design.source_model import read_source_model, write_source
from ernn_myhdl.errors import DesignError, one_line
from ernn_myhdl.files.json_text import read_toml
from ernn_myhdl.files.output_folder import Target, new_folder

if TYPE_CHECKING:
    pass

Made = TypeVar("Made")
#: Files that mark a folder as ours, so that it may be replaced.
MARKS = (TOML_NAME, NETWORK_NAME)


def save_design(
    design: CoreSpecification, folder: str | Path | Target, force: bool = False
) -> Path:
    """Write a design or network into a new folder.

    Parameters
    ----------
    design : Design or Network
    folder : str or path
    force : bool
        Replace an existing one; only what this package wrote and nobody changed is replaced.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    DesignError
        Where the folder exists; with `force`, where it holds other files, which are named.
    """
    with new_folder(folder, force, MARKS) as partial:
        write_design(design, partial)
    return Path(folder)


def write_design(design: CoreSpecification, folder: Path, source: bool = True) -> None:
    """Write the files of `design` into an existing folder; without source not those of its source model."""
    _write_core(design, folder, source)
    write_own_states([layer.initial for layer in design.layers], folder)


def _write_core(design: CoreSpecification, folder: Path, source: bool) -> None:
    """The same without the states that its sequences start from."""
    if source:
        write_source(design.source, folder)
    if not isinstance(design, Design):
        names = [f"layer_{i}" for i in range(len(design.layers))]
        for name, layer in zip(names, design.layers, strict=True):
            (folder / name).mkdir()
            _write_core(layer, folder / name, source)
        assert isinstance(design, Network)
        text = network_toml(
            design.name, names, design.graph, design.output_steps, design.input_scaling
        )
        (folder / NETWORK_NAME).write_text(text, encoding="utf-8")
        if tables := tables_of(design.graph):
            save_file({n: np.ascontiguousarray(t) for n, t in tables.items()}, folder / TABLES_NAME)
        return
    (folder / TOML_NAME).write_text(design_toml(design), encoding="utf-8")
    weights = {name: _storable(array) for name, array in design.weights.items()}
    save_file(weights, folder / WEIGHTS_NAME)


def _storable(array: np.ndarray) -> np.ndarray:
    kind = array.dtype.newbyteorder("=")
    if kind.itemsize > 8:
        kind = np.dtype(np.float64)
    return np.ascontiguousarray(array, dtype=kind)


def load_design(folder: str | Path) -> Design | Network:
    """The design or network of a folder.

    Parameters
    ----------
    folder : str or path
        It, or its design.toml or network.toml.

    Returns
    -------
    Design or Network

    Raises
    ------
    DesignError
        On one line and naming file and key, where anything is missing or illegal.
    """
    folder = Path(folder)
    if folder.name in MARKS and folder.is_file():
        folder = folder.parent
    design = (_load_network if (folder / NETWORK_NAME).is_file() else _load_layer)(folder)
    states = None
    if design.stream_shape.initial_states:  # else they are those of the model, not of the core
        states = read_own_states(folder, design.layers)
    return design if states is None else design.with_initial(states)


def _load_layer(folder: Path) -> Design:
    toml, weights = folder / TOML_NAME, folder / WEIGHTS_NAME
    if not folder.is_dir():
        raise DesignError(f"design {folder}: no such folder; make one with `ernn new -o {folder}`")
    if not toml.is_file():
        converted = (folder / "manifest.json").exists()
        raise DesignError(
            f"design {folder}: holds no {TOML_NAME}, so it is not a design folder"
            + ("; it is what ernn convert made of one: give that one" if converted else "")
        )
    parts, source = _read_toml(toml, design_parts), read_source_model(folder)
    try:
        arrays = _read_weights(weights)
        return Design(weights=arrays, source=source, **parts)
    except DesignError as error:
        message = str(error)
        if message.startswith(str(weights)):
            raise
        if message.startswith("weights"):
            raise DesignError(
                f"{weights}: {message}; export the weights again, or correct [cell] in {TOML_NAME}"
            ) from error
        raise DesignError(f"{toml}: {message}") from error


def _read_weights(file: Path) -> dict[str, np.ndarray]:
    if not file.is_file():
        raise DesignError(f"{file}: is missing; a design folder needs it beside {TOML_NAME}")
    try:
        if (size := file.stat().st_size) > MAX_FILE_BYTES:
            raise ValueError(f"{size} bytes, at most {MAX_FILE_BYTES} may be")
        return load_file(file)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DesignError(
            f"{file}: cannot be read ({_one_line(error)}); it is truncated or not a safetensors "
            "file of floating point arrays: write or copy it again"
        ) from error


def _load_network(folder: Path) -> Network:
    toml = folder / NETWORK_NAME

    def tables() -> dict[str, np.ndarray]:
        return _read_weights(folder / TABLES_NAME)

    name, layers, graph, host = _read_toml(toml, lambda d: network_parts(d, tables))
    source = read_source_model(folder)
    designs = []
    for layer in layers:
        if (folder / layer / NETWORK_NAME).is_file():
            raise DesignError(f"{toml}: layers: {layer} is a network; list its layers here")
        designs.append(_load_layer(folder / layer))
    try:
        scaling, steps = host
        return Network(tuple(designs), name, source, graph, steps, scaling)
    except DesignError as error:
        raise DesignError(f"{toml}: {error}") from error


def _read_toml(file: Path, parts: Callable[[Document], Made]) -> Made:
    """What `parts` makes of the document; a DesignError of either names the file."""
    document = read_toml(file)
    try:
        return parts(document)
    except DesignError as error:
        raise DesignError(f"{file}: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return one_line(error)
