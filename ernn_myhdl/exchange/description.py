"""What an exported file says about its design: the property `ernn`, JSON, in the file's metadata.

    {"blocks": [8, {"block": 8, "input_block": 16}], "order": ["gru", "head"], "modules": {"gru": {"reset": "before"}}}

modules tells of a convolution its kernel and its groups, and graph the windows of frames in front of its layer; of an embedding graph
tells the tensor that is its table.

blocks: of each layer. host: the scaling of x of the design (`InputScaling.record`), which the weights of the
file do not contain: they are for x itself; steps: of the host behind the layers (`HostStep.record`). order and modules are for state dicts: the modules one after the other, and what
the names of their tensors do not tell; graph: how the signals of their layers go (`ernn_myhdl.design.graph`), where they are
not one after the other. notes: for people.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ernn_myhdl.design.cells import BLOCK_SIZES, CELLS, RESETS
from ernn_myhdl.design.cells.activations import LINEAR_ACTIVATIONS
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.embedding import Embedding, Table
from ernn_myhdl.design.graph import WINDOW, Graph, Join, Window
from ernn_myhdl.design.host_steps import HostStep, step_of
from ernn_myhdl.design.input_scaling import InputScaling, scaling_of
from ernn_myhdl.design.joins import ELEMENT_WISE, EMBEDDING, WINDOW_FIELDS
from ernn_myhdl.design.tensor_file import PROPERTY
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.recurrent_kinds import RECURRENT_KINDS
from ernn_myhdl.whole_numbers import is_number, is_whole

_OPTIONS = {"reset": RESETS} | {k.free[1]: CELLS[k.kind].activations for k in RECURRENT_KINDS}
_OPTIONS["activation"] = (*_OPTIONS["activation"], *LINEAR_ACTIVATIONS)
#: Options that are numbers.
_NUMBERS = ("slope", "limit")
#: Option of a convolution: frames of its windows.
KERNEL = "kernel"
#: Options that count something.
_COUNTS = (KERNEL, "groups", "taps")
#: Kind of a join -> what it has beside what every join has, and what it is made as.
_JOINS: dict[str, tuple[tuple[str, ...], Callable[..., Join]]] = {
    WINDOW: (WINDOW_FIELDS, Window),
    ELEMENT_WISE: (("activation", "slope", "limit"), ElementWise),
}
#: Of an embedding in a graph: the name of the tensor that is its table.
_TABLE = "table"
#: Parameters that hold a block size.
_SIZES = {"block"} | {name for cell in CELLS.values() for name in cell.block_names.values()}


@dataclass(frozen=True)
class ModelDescription:
    """See the module; None and empty for a file of another origin. tables: the tensors that are tables of embeddings."""

    blocks: tuple[Mapping[str, int], ...] | None = None
    order: tuple[str, ...] | None = None
    modules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scaling: InputScaling | None = None
    steps: tuple[HostStep, ...] = ()
    graph: Graph | None = None
    tables: tuple[str, ...] = ()


def write_description(
    blocks: Sequence[Mapping[str, int]],
    order: Sequence[str] | None = None,
    modules: Mapping[str, Mapping[str, Any]] | None = None,
    notes: Sequence[str] = (),
    scaling: InputScaling | None = None,
    steps: Sequence[HostStep] = (),
    graph: Graph | None = None,
    tables: Sequence[str] = (),
) -> str:
    """The text of the property. tables: the tensors of the embeddings of the graph, in their order."""
    short = [sizes["block"] if len(sizes) == 1 else dict(sizes) for sizes in blocks]
    description: dict[str, object] = {"blocks": short}
    if order is not None:
        description |= {"order": list(order), "modules": dict(modules or {})}
    if scaling is not None:
        description["host"] = scaling.record()
    if steps:
        description["steps"] = [step.record() for step in steps]
    if graph is not None:
        named = iter(tables)
        description["graph"] = {
            "sources": graph.sources,
            "joins": [_join_record(join, named) for join in graph.joins],
            "output": graph.output,
            "heads": graph.heads,
        }
    if notes:
        description["notes"] = list(notes)
    return json.dumps(description)


def read_description(
    metadata: Mapping[str, str], arrays: Mapping[str, np.ndarray] | None = None
) -> ModelDescription:
    """What the metadata of a file say; DesignError where they say it wrongly. arrays: the tensors of the file."""
    if PROPERTY not in metadata:
        return ModelDescription()
    try:
        found = json.loads(metadata[PROPERTY])
        blocks, order, modules = (found.get(n) for n in ("blocks", "order", "modules"))
        if not _list_of(blocks, _is_sizes):
            raise ValueError("blocks")
        if not _list_of(order, lambda name: isinstance(name, str)):
            raise ValueError("order")
        for options in (modules or {}).values():
            for name, value in options.items():
                if not _is_legal(name, value):
                    raise ValueError(f"{name} = {value!r}")
        host = found.get("host")
        scaling = None if host is None else scaling_of(host)
        steps = tuple(step_of(record) for record in found.get("steps") or [])
        graph, tables = _graph(found.get("graph"), arrays or {})
    except (DesignError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DesignError(f"metadata {PROPERTY!r} is damaged ({error}); export again") from error
    return ModelDescription(
        None if blocks is None else tuple({"block": b} if _is_size(b) else b for b in blocks),
        None if order is None else tuple(order),
        modules or {},
        scaling,
        steps,
        graph,
        tables,
    )


def _graph(record: Any, arrays: Mapping[str, np.ndarray]) -> tuple[Graph | None, tuple[str, ...]]:
    """The graph, and the tensors that are tables of its embeddings."""
    if record is None:
        return None, ()
    if not isinstance(record, dict) or record.keys() != {"sources", "joins", "output", "heads"}:
        raise ValueError("graph")
    names = [record["sources"], record["heads"], *(join["inputs"] for join in record["joins"])]
    if not all(isinstance(n, list) and all(isinstance(name, str) for name in n) for n in names):
        raise ValueError("graph")
    joins = tuple(_join(each, arrays) for each in record["joins"])
    tables = tuple(each[_TABLE] for each in record["joins"] if each["kind"] == EMBEDDING)
    graph = Graph(tuple(record["sources"]), joins, record["output"], tuple(record["heads"]))
    return graph, tables


def _join_record(join: Join, tables: Iterator[str]) -> dict[str, Any]:
    if isinstance(join, Embedding):
        return {"kind": join.kind, "inputs": join.inputs, _TABLE: next(tables)}
    own, _ = _JOINS.get(join.kind, ((), Join))
    return {"kind": join.kind, "inputs": join.inputs} | {n: getattr(join, n) for n in own}


def _join(record: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Join:
    if record["kind"] == EMBEDDING:
        if record[_TABLE] not in arrays:
            raise ValueError(f"tensor {record[_TABLE]!r} is missing")
        return Embedding(EMBEDDING, tuple(record["inputs"]), None, Table(arrays[record[_TABLE]]))
    own, kind = _JOINS.get(record["kind"], ((), Join))
    return kind(record["kind"], tuple(record["inputs"]), **{n: record[n] for n in own})


def _is_legal(option: str, value: object) -> bool:
    """Whether an option of a module may have a value."""
    if option in _COUNTS:
        return is_whole(value) and value >= 1
    return _is_number(value) if option in _NUMBERS else value in _OPTIONS[option]


def _is_size(value: object) -> bool:
    return not isinstance(value, bool | dict) and value in BLOCK_SIZES


def _is_number(value: object) -> bool:
    return is_number(value) and 0 <= value < math.inf


def _is_sizes(value: object) -> bool:
    """Whether it tells the block sizes of a layer: one number, or `Cell.block_sizes`."""
    if not isinstance(value, dict):
        return _is_size(value)
    return "block" in value and value.keys() <= _SIZES and all(map(_is_size, value.values()))


def _list_of(values: object, legal) -> bool:
    return values is None or (isinstance(values, list) and all(legal(v) for v in values))
