"""Random networks that are graphs of small layers, for tests; the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from random_designs import _size, random_hardware

from ernn_myhdl.calibration.graph_formats import chosen_function
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.calibration.range_analysis import choose_formats
from ernn_myhdl.design.cells import RESETS, make_cell
from ernn_myhdl.design.cells.activations import LINEAR_ACTIVATIONS
from ernn_myhdl.design.cells.grouping import largest_block
from ernn_myhdl.design.cells.rnn import NONLINEARITIES
from ernn_myhdl.design.design import Activations, Design
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import ADDITION, CONCATENATION, INPUT, PRODUCT, Graph, Join, Window
from ernn_myhdl.design.network import Network
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.joins import joined_values
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.numerics.formats import Format, format_for
from ernn_myhdl.rtl.cycles.graph_times import graph_depths, graph_run, graph_shape
from ernn_myhdl.rtl.fifo import READY
from ernn_myhdl.streams.traffic import Traffic

#: Kinds of layers that are drawn.
CELLS = ("lstm", "gru", "rnn", "linear")


class _Drawn:
    """A graph that grows node by node. values: what each signal is on the calibration data."""

    def __init__(self, rng: np.random.Generator, max_size: int, initial_states: bool) -> None:
        self.rng, self.max_size = rng, max_size
        self.word = int(rng.integers(8, 15))
        self.shape = {
            "samples_per_beat": int(rng.choice([1, 2, 4, 8])),
            "sample_bits": 32 if initial_states else int(rng.choice([16, 32])),
            "streams": int(rng.choice([1, 1, 2, 4])),
            "initial_states": initial_states,
        }
        self.values = {INPUT: rng.normal(size=(12, _size(rng, max_size) + 1))}
        self.formats: dict[str, Format | None] = {INPUT: None}
        self.layers: list[Design] = []
        self.sources: list[str] = []
        self.joins: list[Join] = []

    def layer(self, source: str, kind: str = "", taps: int = 1) -> None:
        """A layer on a signal, often as wide as some signal, so that both can be added. kind: one of CELLS, drawn if empty. taps: frames
        of a window that the signal is; then the layer may have groups."""
        rng, x = self.rng, self.values[source]
        kind = kind or str(rng.choice(CELLS))
        widths = [v.shape[1] for v in self.values.values()]
        hidden = int(rng.choice(widths)) if rng.random() < 0.6 else _size(rng, self.max_size) + 1
        sizes = {"inputs": x.shape[1], "hidden": hidden, "block": int(rng.choice([1, 2, 4]))}
        if kind == "lstm":
            sizes["projection"] = hidden * int(rng.integers(2))
        if kind == "gru":
            sizes["reset"] = str(rng.choice(RESETS))
        if kind == "rnn":
            sizes["activation"] = str(rng.choice(NONLINEARITIES))
        if taps > 1 and rng.random() < 0.5:
            sizes |= _groups(rng, sizes, taps)
        cell = make_cell(kind, **sizes)
        weights = random_weights(cell, int(rng.integers(1 << 32)))
        given = {"input": self.formats[source]} if self.formats[source] else None
        formats = choose_formats(cell, weights, [x], self.word, self.word + 3, given)
        if self.formats[source] is None:
            self.formats[source] = formats.input
        hardware = replace(random_hardware(rng, cell, formats), **self.shape)
        name = f"layer_{len(self.layers)}"
        self.layers.append(
            Design(cell, hardware, formats, Activations(8, 8), weights, f"layer{len(self.layers)}")
        )
        self.sources.append(source)
        self.values[name] = FloatModel(cell, weights).run(x)
        self.formats[name] = formats.output

    def join(self, kind: str, operands: list[str]) -> None:
        """A join in a format that sometimes saturates, and sometimes rounds."""
        rng = self.rng
        join = Join(kind, tuple(operands))
        values = joined_values(join, [self.values[name] for name in operands])
        fitting = format_for(float(np.abs(values).max()) or 1.0, self.word)
        word = int(np.clip(self.word + rng.integers(-3, 3), 4, 16))
        fmt = Format(word, fitting.frac + word - self.word + int(rng.integers(-1, 2)))
        name = f"join_{len(self.joins)}"
        self.joins.append(replace(join, format=fmt))
        self.values[name], self.formats[name] = values, fmt

    def function(self, source: str) -> None:
        """A function of the elements of a signal, in a format that sometimes saturates, and sometimes rounds."""
        rng = self.rng
        activation = str(rng.choice([a for a in LINEAR_ACTIVATIONS if a != "none"]))
        slopes = {"leaky_relu": float(rng.uniform(0.01, 0.5)), "hard_sigmoid": 1 / 6}
        limited = activation == "hard_tanh" or (activation == "relu" and rng.random() < 0.3)
        join = ElementWise(
            inputs=(source,), activation=activation, slope=slopes.get(activation, 0.0),
            limit=float(rng.uniform(0.25, 2.0)) if limited else 0.0,
        )  # fmt: skip
        values = joined_values(join, [self.values[source]])
        fitting = format_for(float(np.abs(values).max()) or 1.0, self.word)
        fmt = Format(self.word, fitting.frac + int(rng.integers(-1, 2)))
        source_format = self.formats[source]
        assert source_format is not None
        name = f"join_{len(self.joins)}"
        self.joins.append(chosen_function(join, source_format, fmt))
        self.values[name], self.formats[name] = values, fmt

    def window(self, source: str) -> None:
        """A window on a signal, padded and without a stride, so that it can be joined with others; a linear layer on it."""
        rng, size = self.rng, self.values[source].shape[1]
        if self.formats[source] is None:
            self.formats[source] = format_for(float(np.abs(self.values[source]).max()), self.word)
        window = Window(
            inputs=(source,), format=self.formats[source], size=size, kernel=int(rng.integers(2, 5)),
            dilation=int(rng.integers(1, 4)),
        )  # fmt: skip
        name = f"join_{len(self.joins)}"
        self.joins.append(window)
        self.values[name] = joined_values(window, [self.values[source]])
        self.formats[name] = window.format
        self.layer(name, "linear", window.kernel)

    def loose(self) -> list[str]:
        """Signals that nothing takes, but x."""
        taken = {*self.sources, *(n for join in self.joins for n in join.inputs)}
        return [name for name in self.values if name not in taken and name != INPUT]


def _groups(rng: np.random.Generator, sizes: dict, taps: int) -> dict:
    """Groups of a layer on a window of so many frames, as many as there are elements or fewer, and blocks and outputs that fit them."""
    elements = sizes["inputs"] // taps
    groups = int(rng.choice([n for n in range(1, elements + 1) if elements % n == 0]))
    if groups == 1:
        return {}
    hidden = groups * blocks_for(sizes["hidden"], groups)
    block = min(sizes["block"], largest_block(sizes["inputs"], hidden, groups, taps))
    return {"groups": groups, "taps": taps, "hidden": hidden, "block": block}


def random_layer_graph(
    seed: int, layers: int, max_size: int = 6, initial_states: bool = False, windows: bool = False,
    functions: bool = False, products: bool = False,
) -> Network:  # fmt: skip
    """A network of so many layers with joins between them. windows: with convolutions over frames, at least one. functions: with
    functions of elements, at least one. products: with products of two signals, at least one."""
    rng = np.random.default_rng(seed)
    drawn = _Drawn(rng, max_size, initial_states)
    if windows:
        drawn.window(INPUT)
    else:
        drawn.layer(INPUT)
    if functions:
        drawn.function("layer_0")
    if products:
        drawn.join(PRODUCT, ["layer_0", list(drawn.values)[-1]])
    while len(drawn.layers) < layers:
        names = list(drawn.values)
        pick = rng.random()
        if functions and rng.random() < 0.3:
            drawn.function(str(rng.choice(names[1:])))
            continue
        if products and rng.random() < 0.3:
            _add(rng, drawn, PRODUCT)
            continue
        if windows and rng.random() < 0.3:
            drawn.window(str(rng.choice(names)))
        elif pick < 0.5:
            drawn.layer(str(rng.choice(names)))
        elif pick < 0.75:
            _add(rng, drawn)
        else:
            count = int(rng.integers(2, 4))
            drawn.join(CONCATENATION, [str(n) for n in rng.choice(names, count)])
    _add(rng, drawn)
    loose = drawn.loose()
    heads: tuple[str, ...] = ()
    if len(loose) > 1 or not drawn.joins:
        if len(loose) == 1:
            loose.append(INPUT)
        drawn.join(CONCATENATION, loose)
        heads = tuple(f"head_{i}" for i in range(len(loose)))
        (loose,) = [drawn.loose()]
    graph = Graph(tuple(drawn.sources), tuple(drawn.joins), loose[0], heads)
    return Network(tuple(drawn.layers), "random_graph", None, graph)


def _add(rng: np.random.Generator, drawn: _Drawn, kind: str = ADDITION) -> None:
    """A sum of signals of one size, or a product of two, where there are."""
    sizes: dict[int, list[str]] = {}
    for name, values in drawn.values.items():
        sizes.setdefault(values.shape[1], []).append(name)
    several = [names for names in sizes.values() if len(names) > 1]
    if several:
        names = several[int(rng.integers(len(several)))]
        count = 2 if kind == PRODUCT else int(rng.integers(2, min(len(names), 3) + 1))
        drawn.join(kind, [str(n) for n in rng.choice(names, count, replace=False)])


def convolution_graph(number: int) -> Network:
    """Graph `number` with convolutions: of one, two and three layers in turn."""
    return random_layer_graph(8000 + number, 1 + number % 3, windows=True)


#: Graphs that the deep tests run, of which the usual ones run the first.
GRAPHS = 60


def frame_cycles(
    core: Network, lengths: Sequence[int], traffic: Traffic | None = None
) -> list[int]:
    """Of the cycle model, for sequences of so many frames of x without a gap: when the last beat of each frame of y is
    delivered, in their order."""
    shape = graph_shape(core)
    turns = (traffic or Traffic()).turns(lengths, shape.streams)
    ends = [turn.frame == lengths[turn.sequence] - 1 for turn in turns]
    times = graph_run(shape, graph_depths(shape), [turn.stream for turn in turns], ends=ends)
    assert not times.stuck
    out = shape.beats(shape.graph.output)
    return [cycle + READY for cycle in times.delivered[out - 1 :: out]]


def numbered_graph(number: int) -> Network:
    """Graph `number`: of one, two and three layers in turn."""
    return random_layer_graph(7000 + number, 1 + number % 3)


def function_graph(number: int) -> Network:
    """Graph `number` with functions of elements: of one, two and three layers in turn, every second with convolutions."""
    return random_layer_graph(
        8500 + number, 1 + number % 3, 5, windows=bool(number % 2), functions=True
    )


def product_graph(number: int) -> Network:
    """Graph `number` with products of two signals and functions of elements: of one, two and three layers in turn, every second with
    convolutions."""
    return random_layer_graph(
        8700 + number, 1 + number % 3, 5, windows=bool(number % 2), functions=True, products=True
    )
