"""Design folders: `design.toml` (everything but the weights) and `weights.safetensors`.

A network's folder holds `network.toml` and a design folder for every layer. Either may hold what it was made of
(`ernn_myhdl.design.source_model`).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import numpy as np
import tomlkit
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ernn_myhdl.design.cells import CELLS, Cell, cell_fields, make_cell
from ernn_myhdl.design.design import (
    Activations,
    CoreSpecification,
    Design,
    Formats,
    Hardware,
    check_identifier,
)
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.graph_storage import (
    GRAPH,
    OUTPUTS,
    TABLES_NAME,
    Tables,
    graph_of_table,
    graph_table,
    outputs_of_table,
    tables_of,
)
from ernn_myhdl.design.hardware import YOUNGER, told
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.host_storage import HOST, host_of_table, host_table
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.limits import MAX_FILE_BYTES
from ernn_myhdl.design.network import MAX_LAYERS, Network
from ernn_myhdl.design.source_model import read_source_model, write_source
from ernn_myhdl.errors import DesignError, one_line
from ernn_myhdl.files.json_text import read_toml
from ernn_myhdl.files.output_folder import Target, new_folder
from ernn_myhdl.numerics.formats import Format

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from tomlkit.items import Item

Document = dict[str, Any]
Made = TypeVar("Made")
Record = TypeVar("Record", bound="DataclassInstance")

TOML_NAME, NETWORK_NAME = "design.toml", "network.toml"
#: Files that mark a folder as ours, so that it may be replaced.
MARKS = (TOML_NAME, NETWORK_NAME)
WEIGHTS_NAME = "weights.safetensors"
FORMAT_VERSION = 1
_COMMENTS = {
    "cell": {"kind": " or ".join((", ".join([*CELLS][:-1]), [*CELLS][-1]))},
    "hardware": {
        "lanes": "L: products of a spectral block with a weight block in one cycle",
        "ifft_units": "U: block rows drained in one cycle; divides lanes",
        "element_width": "E: blocks of k cells in one cycle of the element-wise unit; 0.5, 0.25 .. 1 / k: a part of one",
        "samples_per_beat": "samples in one AXI-Stream beat, a power of two",
        "sample_bits": "bits of a sample in tdata: 8, 16 or 32; tdata is at most 512 bits",
        "streams": "sequences held at a time, a power of two; more than one: tid names the stream",
        "initial_states": "sequences may start from states that the stream s_state brings",
        "sequence_ends": "tuser tells the last frame of a sequence too",
        "weights": "fixed, or loadable: the stream s_weights brings others while the core runs",
        "weight_banks": "of loadable weights: 1, loaded while the core is idle, or 2, at any time",
    },
    "activation": {
        "sigmoid_segments": "segments of the piecewise linear sigmoid, a power of two",
        "tanh_segments": "segments of the piecewise linear tanh, a power of two",
    },
    "formats": {
        "input": "x",
        "input_spectrum": "FFT of x",
        "input_weight": "spectra of the matrices of x",
        "recurrent_weight": "spectra of the matrices of the previous y, and of m in a GRU",
        "output": "y",
        "output_spectrum": "FFT of y",
        "block_spectrum": "rounded accumulators, before the inverse FFT",
        "preactivation": "gate sums and biases",
        "gate": "results of sigmoid and tanh",
        "cell_state": "c of an LSTM, h of a GRU",
        "cell_output": "m: o tanh(c) of an LSTM, r . h of a GRU with reset before",
        "projection_weight": "spectra of the projection matrix",
        "cell_output_spectrum": "FFT of m",
        "peephole": "peephole weights",
    },
}


def _comments(section: str, kind: type[Cell] = Cell) -> dict[str, str]:
    """What the keys of a section are; kind: of its cell."""
    return _COMMENTS.get(section, {}) | (kind.comments if section == "cell" else {})


def save_design(
    design: CoreSpecification, folder: str | Path | Target, force: bool = False
) -> Path:
    """Write `design` into a new folder. An existing one is an error, or replaced with `force`.

    Only what this package wrote and nobody changed is replaced; DesignError names other files.
    """
    with new_folder(folder, force, MARKS) as partial:
        write_design(design, partial)
    return Path(folder)


def write_design(design: CoreSpecification, folder: Path, source: bool = True) -> None:
    """Write the files of `design` into an existing folder; without source not those of its source model."""
    if source:
        write_source(design.source, folder)
    if not isinstance(design, Design):
        names = [f"layer_{i}" for i in range(len(design.layers))]
        for name, layer in zip(names, design.layers, strict=True):
            (folder / name).mkdir()
            write_design(layer, folder / name, source)
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


def network_toml(
    name: str,
    layers: list[str],
    graph: Graph | None = None,
    steps: tuple[HostStep, ...] = (),
    scaling: InputScaling | None = None,
) -> str:
    """The text of network.toml; layers: the folders of their designs. steps, scaling: of the host behind a graph and in
    front of it."""
    document = tomlkit.document()
    how = "Layers one after the other" if graph is None else "Layers of a graph"
    document.add(tomlkit.comment(f"{how}, each a design folder beside this file"))
    document.add("format_version", tomlkit.item(FORMAT_VERSION))
    document.add("name", tomlkit.item(name))
    document.add("layers", tomlkit.item(layers))
    if graph is not None:
        document.add(tomlkit.nl())
        document.add(GRAPH, graph_table(graph))
    if steps or scaling is not None:
        document.add(tomlkit.nl())
        document.add(HOST, host_table(scaling, steps))
    return tomlkit.dumps(document)


def design_toml(design: Design) -> str:
    """The text of design.toml."""
    document = tomlkit.document()
    document.add(tomlkit.comment("A block-circulant layer; its weights are in " + WEIGHTS_NAME))
    document.add("format_version", tomlkit.item(FORMAT_VERSION))
    document.add("name", tomlkit.item(design.name))
    sections = {
        "cell": {"kind": design.cell.kind} | _values(design.cell),
        "hardware": told(design.hardware),
        "activation": _values(design.activations),
        "formats": {n: f for n, f in _values(design.formats).items() if f is not None},
    }
    for section, values in sections.items():
        document.add(tomlkit.nl())
        table = tomlkit.table()
        if section == "formats":
            table.add(tomlkit.comment("two's complement: word bits in all, frac of them fraction"))
        items = {key: _item(value) for key, value in values.items()}
        comments = _comments(section, type(design.cell))
        widths = {key: len(key) + len(item.as_string()) for key, item in items.items()}
        for key, item in items.items():
            item.comment(comments[key])
            item.trivia.comment_ws = " " * (max(widths.values()) - widths[key] + 2)
            table.add(key, item)
        document.add(section, table)
    if design.input_scaling is not None or design.output_steps:
        document.add(tomlkit.nl())
        document.add(HOST, host_table(design.input_scaling, design.output_steps))
    return tomlkit.dumps(document)


def _values(record: DataclassInstance) -> dict[str, object]:
    return {f.name: getattr(record, f.name) for f in fields(record)}


def _item(value: object) -> Item:
    if isinstance(value, Format):
        table = tomlkit.inline_table()
        table.update({"word": value.word, "frac": value.frac})
        return table
    return tomlkit.item(value)


def load_design(folder: str | Path) -> Design | Network:
    """The design or network stored in `folder` (or next to its design.toml or network.toml).

    Raises DesignError, on one line and naming file and key, where anything is missing or illegal.
    """
    folder = Path(folder)
    if folder.name in MARKS and folder.is_file():
        folder = folder.parent
    if (folder / NETWORK_NAME).is_file():
        return _load_network(folder)
    return _load_layer(folder)


def _load_layer(folder: Path) -> Design:
    toml, weights = folder / TOML_NAME, folder / WEIGHTS_NAME
    if not folder.is_dir():
        raise DesignError(f"design {folder}: no such folder; make one with `ernn new -o {folder}`")
    if not toml.is_file():
        raise DesignError(f"design {folder}: holds no {TOML_NAME}, so it is not a design folder")
    parts, source = _read_toml(toml, _parts), read_source_model(folder)
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

    name, layers, graph, host = _read_toml(toml, lambda d: _network_parts(d, tables))
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


def _network_parts(
    document: Document,
    tables: Tables,
) -> tuple[str, list[str], Graph | None, tuple[InputScaling | None, tuple[HostStep, ...]]]:
    optional = (OUTPUTS, GRAPH, HOST)
    _check_keys("", document, ("format_version", "name", "layers", *optional), optional)
    _check_head(document)
    layers = document["layers"]
    if not isinstance(layers, list) or not all(isinstance(name, str) for name in layers):
        raise DesignError(f"layers = {layers!r}: must be a list of folder names")
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise DesignError(f"layers: {len(layers)} names, must be 1 to {MAX_LAYERS}")
    for name in layers:
        if name in ("", ".", "..") or any(c in name for c in "/\\\0"):
            raise DesignError(f"layers: {name!r} must be the name of a folder beside the file")
    graph = graph_of_table(document[GRAPH], tables) if GRAPH in document else None
    if OUTPUTS in document:
        graph = outputs_of_table(document[OUTPUTS], graph, len(layers))
    if graph is None and HOST in document:
        raise DesignError(f"{HOST}: is of a network with a [{GRAPH}]; give it to the last layer")
    host = host_of_table(document[HOST]) if HOST in document else (None, ())
    return document["name"], layers, graph, host


def _read_toml(file: Path, parts: Callable[[Document], Made]) -> Made:
    """What `parts` makes of the document; a DesignError of either names the file."""
    document = read_toml(file)
    try:
        return parts(document)
    except DesignError as error:
        raise DesignError(f"{file}: {_one_line(error)}") from error


class _Parts(TypedDict):
    """What design.toml tells of a `Design`."""

    name: str
    cell: Cell
    hardware: Hardware
    activations: Activations
    formats: Formats
    input_scaling: InputScaling | None
    output_steps: tuple[HostStep, ...]


def _parts(document: Document) -> _Parts:
    _check_keys("", document, ("format_version", "name", *_COMMENTS, HOST), (HOST,))
    _check_head(document)
    for section in _COMMENTS:
        if not isinstance(document[section], dict):
            raise DesignError(f"{section} = {document[section]!r}: must be a table [{section}]")
    scaling, steps = host_of_table(document[HOST]) if HOST in document else (None, ())
    cell = dict(document["cell"])
    if "kind" not in cell:
        raise DesignError(f"cell kind: is missing ({_COMMENTS['cell']['kind']}); add it")
    if not isinstance(cell["kind"], str) or cell["kind"] not in CELLS:
        raise DesignError(f"cell kind = {cell['kind']!r}: must be {' or '.join(map(repr, CELLS))}")
    kind = CELLS[cell["kind"]]
    younger = (*kind.block_names.values(), *kind.younger)  # than the format
    _check_keys("cell", cell, ("kind", *cell_fields(kind)), younger, kind)
    del cell["kind"]
    return {
        "name": document["name"],
        "cell": make_cell(kind.kind, **cell),
        "hardware": _record("hardware", Hardware, document["hardware"]),
        "activations": _record("activation", Activations, document["activation"]),
        "formats": _formats(document["formats"]),
        "input_scaling": scaling,
        "output_steps": steps,
    }


def _check_head(document: Document) -> None:
    version = document["format_version"]
    if isinstance(version, bool) or version != FORMAT_VERSION:
        raise DesignError(
            f"format_version = {version!r}: must be {FORMAT_VERSION}; a newer one needs a newer "
            "ernn-myhdl"
        )
    check_identifier(document["name"])


def _record(section: str, kind: type[Record], values: Document) -> Record:
    # younger than the format
    optional = ("streams", "initial_states", *YOUNGER) if kind is Hardware else ()
    _check_keys(section, values, tuple(f.name for f in fields(kind)), optional)
    return kind(**values)


def _formats(values: Document) -> Formats:
    names = tuple(f.name for f in fields(Formats))
    optional = tuple(f.name for f in fields(Formats) if f.default is not MISSING)
    _check_keys("formats", values, names, optional)
    formats = {}
    for name, value in values.items():
        if not isinstance(value, dict):
            raise DesignError(
                f"formats {name} = {value!r}: must be like {{ word = 12, frac = 11 }}"
            )
        _check_keys(f"formats {name}", value, ("word", "frac"), ())
        try:
            formats[name] = Format(**value)
        except DesignError as error:
            raise DesignError(f"formats {name}: {error}") from error
    return Formats(**formats)


def _check_keys(
    section: str,
    values: Document,
    legal: tuple[str, ...],
    optional: tuple[str, ...],
    kind: type[Cell] = Cell,
) -> None:
    """DesignError on a key that is not legal or, unless optional, missing. kind: of the cell."""
    where = f"{section} " if section else ""
    for key in values:
        if key not in legal:
            close = difflib.get_close_matches(key, legal, 1)
            hint = f"did you mean {close[0]}?" if close else f"remove it, or use {', '.join(legal)}"
            raise DesignError(f"{where}{key}: unknown key; {hint}")
    missing = [key for key in legal if key not in values and key not in optional]
    if missing:
        known = _comments(section, kind).get(missing[0])
        meaning = f" ({known})" if known else ""
        raise DesignError(f"{where}{missing[0]}: is missing{meaning}; add it")


def _one_line(error: Exception) -> str:
    return one_line(error)
