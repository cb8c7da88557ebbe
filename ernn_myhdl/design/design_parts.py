"""What design.toml and network.toml tell, with refusals that name the key."""

from __future__ import annotations

import difflib
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from ernn_myhdl.design.cells import CELLS, Cell, cell_fields, make_cell
from ernn_myhdl.design.design import (
    Activations,
    Formats,
    Hardware,
    check_identifier,
)
from ernn_myhdl.design.design_text import COMMENTS, FORMAT_VERSION, comments_of
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.graph_storage import (
    GRAPH,
    OUTPUTS,
    Tables,
    graph_of_table,
    outputs_of_table,
)
from ernn_myhdl.design.hardware import YOUNGER
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.host_storage import HOST, host_of_table
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.network import MAX_LAYERS
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import Format

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Document = dict[str, Any]
Record = TypeVar("Record", bound="DataclassInstance")


def network_parts(
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


class Parts(TypedDict):
    """What design.toml tells of a `Design`."""

    name: str
    cell: Cell
    hardware: Hardware
    activations: Activations
    formats: Formats
    input_scaling: InputScaling | None
    output_steps: tuple[HostStep, ...]


def design_parts(document: Document) -> Parts:
    _check_keys("", document, ("format_version", "name", *COMMENTS, HOST), (HOST,))
    _check_head(document)
    for section in COMMENTS:
        if not isinstance(document[section], dict):
            raise DesignError(f"{section} = {document[section]!r}: must be a table [{section}]")
    scaling, steps = host_of_table(document[HOST]) if HOST in document else (None, ())
    cell = dict(document["cell"])
    if "kind" not in cell:
        raise DesignError(f"cell kind: is missing ({COMMENTS['cell']['kind']}); add it")
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
        known = comments_of(section, kind).get(missing[0])
        meaning = f" ({known})" if known else ""
        raise DesignError(f"{where}{missing[0]}: is missing{meaning}; add it")
