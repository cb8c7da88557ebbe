"""The table of network.toml that only a graph has: `[graph]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tomlkit
from tomlkit.items import Table

from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.embedding import Table as Rows
from ernn_myhdl.design.graph import (
    ARGMAX,
    EMBEDDING,
    WINDOW,
    ArgMax,
    Embedding,
    Graph,
    Join,
    Window,
)
from ernn_myhdl.design.joins import ELEMENT_WISE, WINDOW_FIELDS
from ernn_myhdl.design.time_joins import TIME_JOINS, TimeJoin, with_outputs
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import Format

#: Section of network.toml that a network of layers one after the other does not have.
GRAPH = "graph"
#: Of each layer "all" or "last"; another way to write the joins that take the last frame.
OUTPUTS = "outputs"
_KEYS, _OPTIONAL = ("sources", "output", "joins", "heads"), ("joins", "heads")
_JOIN = ("kind", "inputs", "format")
_EMBEDDING = ("rows", "elements")
#: The tables of the embeddings, beside network.toml.
TABLES_NAME = "tables.safetensors"
#: Reads them.
Tables = Callable[[], Mapping[str, np.ndarray]]
_ELEMENT_WISE = ("activation", "slope", "limit", "segments")
#: Keys of a join beside those of all, by its kind, and what one is made as.
_OWN = {
    WINDOW: WINDOW_FIELDS,
    ARGMAX: ("size",),
    EMBEDDING: _EMBEDDING,
    ELEMENT_WISE: _ELEMENT_WISE,
}
_MADE: dict[str, Callable[..., Join]] = {WINDOW: Window, ARGMAX: ArgMax, ELEMENT_WISE: ElementWise}


def graph_table(graph: Graph) -> Table:
    """The table of a graph."""
    table = tomlkit.table()
    table.add(
        tomlkit.comment("signals: x of the network, layer_0, layer_1, ... and join_0, join_1, ...")
    )
    table.add("sources", tomlkit.item(list(graph.sources)).comment("what each layer takes"))
    joins = tomlkit.array().multiline(True)
    for join in graph.joins:
        inline = tomlkit.inline_table()
        inline.update({"kind": join.kind, "inputs": list(join.inputs)})
        if isinstance(join, TimeJoin) and join.counts:
            inline.append("frames", join.frames)
        if join.format is not None:  # of a network all have one but some joins over time
            fmt = tomlkit.inline_table()
            fmt.update({"word": join.format.word, "frac": join.format.frac})
            inline.append("format", fmt)
        if isinstance(join, ElementWise):
            inline.update({name: getattr(join, name) for name in _ELEMENT_WISE})
        if isinstance(join, ArgMax):
            inline.append("size", join.size)
        if isinstance(join, Embedding):
            inline.update({"rows": join.rows, "elements": join.elements})
        if isinstance(join, Window):
            inline.update({name: getattr(join, name) for name in WINDOW_FIELDS})
        joins.append(inline)
    table.add("joins", joins)
    table.add("output", tomlkit.item(graph.output).comment("what y is"))
    if graph.heads:
        table.add("heads", tomlkit.item(list(graph.heads)).comment("names of its operands"))
    return table


def tables_of(graph: Graph | None) -> dict[str, np.ndarray]:
    """The arrays of a graph beside network.toml: name of an embedding -> its table (rows, elements)."""
    joins = enumerate(graph.joins if graph else ())
    return {f"join_{i}": join.table.values for i, join in joins if isinstance(join, Embedding)}


def graph_of_table(table: object, tables: Tables) -> Graph:
    """The graph of a table; DesignError naming the key that is missing or illegal. tables: gives what `tables_of` gave."""
    if not isinstance(table, dict):
        raise DesignError(f"{GRAPH} = {table!r}: must be a table [{GRAPH}]")
    _check_keys(GRAPH, table, _KEYS, _OPTIONAL)
    joins = table.get("joins", [])
    if not isinstance(joins, list):
        raise DesignError(f"{GRAPH} joins = {joins!r}: must be a list of joins")
    output = table["output"]
    if not isinstance(output, str):
        raise DesignError(f"{GRAPH} output = {output!r}: must be the name of a signal")
    return Graph(
        _names(f"{GRAPH} sources", table["sources"]),
        tuple(_join(i, join, tables) for i, join in enumerate(joins)),
        output,
        _names(f"{GRAPH} heads", table.get("heads", [])),
    )


def _join(number: int, value: Any, tables: Tables) -> Join:
    where = f"{GRAPH} join {number}"
    if not isinstance(value, dict):
        raise DesignError(
            f"{where} = {value!r}: must be like {{ kind = ..., inputs = [...], format = {{...}} }}"
        )
    kind = TIME_JOINS.get(value["kind"]) if isinstance(value.get("kind"), str) else None
    if kind is not None:
        return _time_join(where, kind, value)
    given = value.get("kind") if isinstance(value.get("kind"), str) else None
    own = _OWN.get(given, ()) if given else ()
    _check_keys(where, value, (*_JOIN, *own), ())
    fmt = _format(where, value["format"])
    try:
        inputs = _names(f"{where} inputs", value["inputs"])
        if given in _MADE:
            return _MADE[given](given, inputs, fmt, **{n: value[n] for n in own})
        if given == EMBEDDING:
            return _embedding(f"join_{number}", inputs, fmt, value, tables())
        return Join(value["kind"], inputs, fmt)
    except DesignError as error:
        raise DesignError(f"{where}: {error}") from error


def _embedding(
    name: str,
    inputs: tuple[str, ...],
    fmt: Format,
    value: dict[str, Any],
    tables: Mapping[str, np.ndarray],
) -> Embedding:
    if name not in tables:
        raise DesignError(f"embedding: {TABLES_NAME} holds no table {name}; write or copy it again")
    shape = (value["rows"], value["elements"])
    if tables[name].shape != shape:
        raise DesignError(
            f"embedding: {TABLES_NAME} holds a table {tables[name].shape}, must be {shape}; write or copy it again"
        )
    return Embedding(EMBEDDING, inputs, fmt, Rows(tables[name]))


def _time_join(where: str, kind: type[TimeJoin], value: dict[str, Any]) -> Join:
    legal = ["kind", "inputs", *(["frames"] if kind.counts else [])]
    _check_keys(where, value, tuple([*legal, "format"] if kind.has_format else legal), ())
    given: dict[str, Any] = {"frames": value["frames"]} if kind.counts else {}
    if kind.has_format:
        given["format"] = _format(where, value["format"])
    try:
        return kind(inputs=_names(f"{where} inputs", value["inputs"]), **given)
    except DesignError as error:
        raise DesignError(f"{where}: {error}") from error


def outputs_of_table(value: object, graph: Graph | None, layers: int) -> Graph:
    """The graph (None: of a row) of which some layers give their last frame only; DesignError where value names anything else."""
    outputs = _names(OUTPUTS, value)
    if len(outputs) != layers:
        raise DesignError(f"{OUTPUTS}: {len(outputs)}, must be one for each of {layers} layers")
    return with_outputs(graph, outputs)


def _format(where: str, fmt: Any) -> Format:
    if not isinstance(fmt, dict):
        raise DesignError(f"{where} format = {fmt!r}: must be like {{ word = 12, frac = 11 }}")
    _check_keys(f"{where} format", fmt, ("word", "frac"), ())
    try:
        return Format(**fmt)
    except DesignError as error:
        raise DesignError(f"{where}: {error}") from error


def _names(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DesignError(f"{where} = {value!r}: must be a list of names")
    return tuple(str(name) for name in value)


def _check_keys(
    where: str, values: dict[str, Any], legal: tuple[str, ...], optional: tuple[str, ...]
) -> None:
    for key in values:
        if key not in legal:
            raise DesignError(f"{where} {key}: unknown key; remove it, or use {', '.join(legal)}")
    for key in legal:
        if key not in values and key not in optional:
            raise DesignError(f"{where} {key}: is missing; add it")
