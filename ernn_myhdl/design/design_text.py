"""The text of design.toml and network.toml, with a comment for each key."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import tomlkit

from ernn_myhdl.design.cells import CELLS, Cell
from ernn_myhdl.design.design import (
    Design,
)
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.graph_storage import (
    GRAPH,
    graph_table,
)
from ernn_myhdl.design.hardware import told
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.host_storage import HOST, host_table
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.errors import alternatives
from ernn_myhdl.numerics.formats import Format

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from tomlkit.items import Item

TOML_NAME, NETWORK_NAME = "design.toml", "network.toml"
WEIGHTS_NAME = "weights.safetensors"
FORMAT_VERSION = 1
COMMENTS = {
    "cell": {"kind": alternatives(CELLS)},
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


def comments_of(section: str, kind: type[Cell] = Cell) -> dict[str, str]:
    """What the keys of a section are; kind: of its cell, which may tell of its own formats too."""
    own = kind.comments if section in ("cell", "formats") else {}
    return COMMENTS.get(section, {}) | own


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
        comments = comments_of(section, type(design.cell))
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
