"""Random networks with joins over time, windows and argmax, of small layers, for tests; the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from layer_graphs import _Drawn

from ernn_myhdl import GruCell, LinearCell, LstmCell, new_network
from ernn_myhdl.calibration.graph_formats import time_joined
from ernn_myhdl.design.graph import ADDITION, CONCATENATION, INPUT, ArgMax, Graph, Window
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat, Sum, TimeJoin
from ernn_myhdl.golden.joins import joined_values
from ernn_myhdl.numerics.formats import format_for

#: Graphs of the tests.
GRAPHS = 20
#: Frames of the values on which formats are chosen, behind a join over time.
KEPT = 6


class _Timed(_Drawn):
    """length: of the sequences, where a mean is taken of them. frames: of each signal its frames a sequence, None where they follow from those
    of x, and how many of x it begins behind."""

    def __init__(self, rng: np.random.Generator, max_size: int, functions: bool = False) -> None:
        super().__init__(rng, max_size, False)
        self.functions = functions
        self.length = int(rng.integers(3, 5))
        self.frames: dict[str, tuple[int | None, int]] = {INPUT: (None, 0)}

    @property
    def newest(self) -> str:
        """The signal that was drawn last."""
        return list(self.values)[-1]

    def count(self, name: str) -> int:
        """Frames of a signal in a sequence."""
        frames, first = self.frames[name]
        return self.length - first if frames is None else frames

    def layer(self, source: str, kind: str = "") -> None:
        super().layer(source, kind)
        self.frames[self.newest] = self.frames[source]

    def join(self, kind: str, operands: list[str]) -> None:
        frames = min(len(self.values[name]) for name in operands)
        for name in operands:  # which all have as many frames in a sequence
            self.values[name] = self.values[name][-frames:]
        super().join(kind, operands)
        self.frames[self.newest] = self.frames[operands[0]]

    def given(self, source: str) -> None:
        """x gets a format where no layer has given it one."""
        if self.formats[source] is None:
            self.formats[source] = format_for(float(np.abs(self.values[source]).max()), self.word)

    def window(self, source: str, stride: int = 1) -> None:
        """A window, with a linear layer on it."""
        rng, frames = self.rng, self.count(source)
        self.given(source)
        kernel = int(rng.integers(2, 4))
        dilation = int(rng.integers(1, 3))
        padding = bool(rng.random() < 0.5) or (kernel - 1) * dilation >= frames
        window = Window(
            inputs=(source,), format=self.formats[source], size=self.values[source].shape[1], kernel=kernel,
            dilation=dilation, padding=padding, stride=stride,
        )  # fmt: skip
        name = f"join_{len(self.joins)}"
        self.joins.append(window)
        self.values[name] = joined_values(window, [self.values[source]])
        self.formats[name] = window.format
        fixed, first = self.frames[source]
        self.frames[name] = (
            (None, first + window.skipped) if fixed is None else (window.cadence.frames(fixed), 0)
        )
        self.layer(name, "linear")

    def argmax(self, source: str) -> None:
        """The number of the largest element."""
        join = ArgMax(inputs=(source,), size=self.values[source].shape[1])
        self._take(source, join, joined_values(join, [self.values[source]]), join.format)
        self.frames[self.newest] = self.frames[source]

    def function(self, source: str) -> None:
        super().function(source)
        self.frames[self.newest] = self.frames[source]

    def over_time(self, source: str, kind: type[TimeJoin]) -> None:
        """The frames of a signal taken together."""
        self.given(source)
        if kind is Sum and self.formats[source].word > 12:  # else a sample may not hold it
            kind = Maximum
        frames = self.count(source)
        counts = {
            Mean: frames,
            Sum: frames + int(self.rng.integers(2)),
            Repeat: int(self.rng.integers(2, 5)),
        }
        join = kind((source,), frames=counts.get(kind, 0))
        taken = [self.values[source][-3:]] if kind is Repeat else [self.values[source]]
        values = np.concatenate(time_joined(join, taken))
        values = values if kind is Repeat else values[-KEPT:]
        if kind is Mean:
            fitting = format_for(float(np.abs(values).max()) or 1.0, self.word)
            join = replace(
                join, format=replace(fitting, frac=fitting.frac + int(self.rng.integers(-1, 2)))
            )
        self._take(source, join, values, join.format_behind("join", self.formats[source]))
        self.frames[self.newest] = (join.frames if kind is Repeat else 1, 0)

    def _take(self, source, join, values, fmt) -> None:
        name = f"join_{len(self.joins)}"
        self.joins.append(join)
        self.values[name], self.formats[name] = values, fmt

    def grow(self) -> None:
        """One more node, somewhere."""
        rng = self.rng
        source = self.newest if rng.random() < 0.5 else str(rng.choice(list(self.values)))
        fixed = self.frames[source][0]
        if self.functions and source != INPUT and rng.random() < 0.3:
            self.function(source)
            return
        pick = rng.random()
        if pick < 0.35 or (source == INPUT and pick < 0.5):
            self.layer(source)
        elif pick < 0.5:
            self.window(source)
        elif pick < 0.54 and self.values[source].shape[1] > 1 and source != INPUT:
            self.argmax(source)
        elif pick < 0.85:
            kinds = [LastFrame, Maximum, Sum, Mean] + ([Repeat] * 12 if fixed == 1 else [])
            self.over_time(source, kinds[int(rng.integers(len(kinds)))])
        else:
            same = [n for n, frames in self.frames.items() if frames == self.frames[source]]
            sizes = {self.values[n].shape[1] for n in same}
            sums = len(same) > 1 and len(sizes) == 1
            self.given(INPUT)
            self.join(ADDITION if sums else CONCATENATION, [str(n) for n in rng.choice(same, 2)])

    def closed(self) -> Graph:
        """The graph, with all that nothing takes as its output."""
        rng, loose = self.rng, self.loose()
        if len({self.frames[n] for n in loose}) > 1 or not any(j.over_time for j in self.joins):
            for name in loose:
                if self.frames[name][0] != 1:
                    self.over_time(name, (LastFrame, Maximum, Sum, Mean)[int(rng.integers(4))])
            loose = self.loose()
        if len(loose) > 1:
            self.join(CONCATENATION, loose)
        (name,) = self.loose()
        if (self.frames[name][0] or 0) > 2:  # nothing behind needs the last frame
            self.window(name, stride=2)
        elif rng.random() < 0.3 and self.values[name].shape[1] > 1:
            self.argmax(name)
        return Graph(tuple(self.sources), tuple(self.joins), self.loose()[0])


def time_join_graph(seed: int, nodes: int, max_size: int = 5, functions: bool = False) -> Network:
    """A network with a join over time at least; nodes: of layers and joins, without those that close it. functions: with
    functions of elements, at least one."""
    drawn = _Timed(np.random.default_rng([17, seed]), max_size, functions)
    drawn.layer(INPUT)
    if functions:
        drawn.function("layer_0")
    for _ in range(nodes - 1):
        drawn.grow()
    graph = drawn.closed()
    return Network(tuple(drawn.layers), "random_graph", None, graph)


def strided_decoder(streams: int = 1, together: bool = True) -> Network:
    """The last frame of a GRU, six times to an LSTM, of whose frames a window leaves out every second one, and a window on its
    windows the last one; together: their maximum."""
    joins: tuple = (
        LastFrame(("layer_0",)), Repeat(("join_0",), frames=6), Window(inputs=("layer_1",), size=4, kernel=3, stride=2),
        Window(inputs=("layer_2",), size=2, kernel=2, stride=2, padding=False),
    )  # fmt: skip
    cells = [GruCell(3, 4, 2), LstmCell(4, 4, block=2), LinearCell(12, 2, 1), LinearCell(4, 3, 1)]
    if not together:
        return new_network(
            cells,
            graph=Graph(("x", "join_1", "join_2", "join_3"), joins, "layer_3"),
            streams=streams,
        )
    graph = Graph(("x", "join_1", "join_2", "join_3"), (*joins, Maximum(("layer_3",))), "join_4")
    return new_network(cells, graph=graph, streams=streams)


def numbered_time_graph(number: int) -> Network:
    """Graph `number`: of two to six nodes in turn."""
    return time_join_graph(9000 + number, 2 + number % 5)


def timed_function_graph(number: int) -> Network:
    """Graph `number` with functions of elements: of two to six nodes in turn."""
    return time_join_graph(9500 + number, 2 + number % 5, functions=True)
