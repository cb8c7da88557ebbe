"""Latency and interval of a graph, and the depths of the FIFOs at its joins.

A FIFO at an operand of a join holds what comes there before the others: beats of x that pass by a layer, frames of a
branch that is faster than another. Without room for them the place where the streams divide stops, the slower branch
gets no more, and the join waits for ever, or for longer than the slowest layer. Each is as deep as it must be for the
interval that a graph with endless FIFOs has, with one stream and with all of them; where one word less stops the
graph, the graph would stop whatever its input is. A FIFO of a depth of 0 is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.hardware import Hardware
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.rtl.cycles.graph_run import UNBOUNDED, Depths, GraphRun, GraphTimes

#: Frames over which an interval is measured, in turns of all streams, and those behind them that keep it up.
MEASURED, AFTER = 12, 3
#: Cycles between frames that find a graph idle.
ALONE = 1 << 24
#: Frames until the steady state, beside those that a graph holds.
WARM_UP = 6

Layers = tuple[tuple[Cell, Hardware], ...]
Sizes = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class GraphShape:
    """What the cycles of a graph follow from: no formats, no weights. sizes: elements of its signals."""

    graph: Graph
    layers: Layers
    sizes: Sizes

    @property
    def streams(self) -> int:
        """Those that the hardware holds."""
        return self.layers[0][1].streams

    @property
    def operands(self) -> list[tuple[str, int]]:
        """The places of FIFOs: operands of joins."""
        joins = enumerate(self.graph.joins)
        return [(f"join_{i}", place) for i, join in joins for place in range(len(join.inputs))]

    def size(self, name: str) -> int:
        """Elements of a signal."""
        return dict(self.sizes)[name]

    def beats(self, name: str) -> int:
        """Beats of a frame of a signal."""
        return blocks_for(self.size(name), self.layers[0][1].samples_per_beat)


def graph_shape(core: CoreStructure) -> GraphShape:
    """The shape of a network with a graph."""
    graph, signals = core.graph, core.signals
    assert graph is not None and signals is not None  # a row has none
    layers = tuple((layer.cell, layer.hardware) for layer in core.layers)
    return GraphShape(graph, layers, tuple(signals.sizes.items()))


def ends_of(turns: Sequence[int], length: int) -> list[bool]:
    """Of frames on the streams `turns`, whether each is the last of a sequence of `length`."""
    seen: dict[int, int] = {}
    ends = []
    for stream in turns:
        seen[stream] = seen.get(stream, 0) + 1
        ends.append(seen[stream] % length == 0)
    return ends


def graph_run(
    shape: GraphShape, depths: Depths, turns: Sequence[int], apart: float = 0, length: int = 1,
    ends: Sequence[bool] = (),
) -> GraphTimes:  # fmt: skip
    """Frames on the streams `turns`, offered every `apart` cycles, or one behind the other as they are taken.

    length: frames of a sequence, which only joins over time ask for; ends: of each frame whether it is the last of one, where
    the lengths differ.
    """
    beats = shape.beats("x")
    offered = []
    for frame in range(len(turns)):
        start = math.ceil(apart) * frame
        offered.append(range(start, start + beats) if apart else [0] * beats)
    sizes = dict(shape.sizes)
    ends = ends or ends_of(turns, length)
    return GraphRun(shape.graph, shape.layers, sizes, depths, turns, offered, ends).run()


@lru_cache(maxsize=4096)
def _interval(
    shape: GraphShape, depths: tuple[tuple[tuple[str, int], int], ...], streams: int, length: int
) -> float | None:
    """Cycles between frames of x in steady state; None where the graph stops."""
    warm_up, graph = WARM_UP + _in_flight(shape), shape.graph
    frames, cadence = graph.frames[graph.output], graph.cadence
    turn = streams if frames is None else streams * length
    before, measured, after = (-(-n // turn) * turn for n in (warm_up, MEASURED, AFTER))
    count = before + measured + after
    if frames is None:  # of y, so many more of x
        count = streams * (cadence.first + cadence.step * (count // streams - 1) + 1)
    times = graph_run(shape, dict(depths), [i % streams for i in range(count)], length=length)
    if times.stuck:
        return None
    beats, of_x = shape.beats(graph.output), measured * cadence.step
    if frames is not None:  # of y for sequences of x
        before, measured, of_x = before // length * frames, measured // length * frames, measured
    ends = times.delivered[beats - 1 :: beats]
    return (ends[before + measured - 1] - ends[before - 1]) / of_x


@lru_cache(maxsize=1024)
def _in_flight(shape: GraphShape) -> int:
    """About as many frames as a graph can hold: those of its layers on the longest way."""
    depth = {"x": 0}
    for name in shape.graph.order:
        own = 2 if name.startswith("layer_") or shape.graph.window_of(name) else 0
        depth[name] = own + max(depth[operand] for operand in shape.graph.operands[name])
    return depth[shape.graph.output]


def graph_interval(
    shape: GraphShape, depths: Depths, streams: int = 1, length: int = 1
) -> float | None:
    """Cycles between frames of x in steady state, on so many streams in turn; None where the graph stops. length: frames of
    a sequence, which joins over time ask for: the interval of sequences of one frame is that of the most results."""
    length = max(length, shape.graph.least)
    return _interval(shape, tuple(sorted(depths.items())), streams, length)


def graph_latency(shape: GraphShape, depths: Depths) -> int:
    """From the first beat of x accepted to the last beat of y delivered, of a frame alone: with joins over time of the last
    frame of a sequence to the last frame of y; with windows of the frame that completes the first of them."""
    return latency_of(shape, graph_alone(shape, depths))


def graph_alone(shape: GraphShape, depths: Depths) -> GraphTimes:
    """The course of the fewest frames of which one comes out, each of which finds the graph idle."""
    least = shape.graph.least
    apart = 0 if least == 1 else ALONE
    return graph_run(shape, depths, [0] * least, apart, least)


def latency_of(shape: GraphShape, alone: GraphTimes) -> int:
    """The latency that `graph_alone` shows."""
    return alone.delivered[-1] - alone.accepted[-shape.beats("x")]


def endless(shape: GraphShape) -> dict[tuple[str, int], int]:
    """FIFOs that are never full at the operands of all joins."""
    return dict.fromkeys(shape.operands, UNBOUNDED)


@lru_cache(maxsize=256)
def graph_depths(shape: GraphShape) -> Mapping[tuple[str, int], int]:
    """The depth of the FIFO at each operand of a join."""
    without = endless(shape)
    counts = sorted({1, shape.streams})
    wanted = {n: graph_interval(shape, without, n) for n in counts}

    def holds(depths: Depths) -> bool:
        # a shorter interval shows only that the frames measured come in bursts
        return all(_as_fast(graph_interval(shape, depths, n), wanted[n]) for n in counts)

    def least_of(place: tuple[str, int], most: int) -> int:
        """The fewest words of a FIFO, between none and so many, which hold."""
        if not most or holds(found | {place: 0}):
            return 0
        least = 0  # does not hold
        while most - least > 1:
            middle = (least + most) // 2
            if holds(found | {place: middle}):
                most = middle
            else:
                least = middle
        return most

    found = _held(shape, without, counts)
    for place in shape.operands:
        found[place] = least_of(place, found[place])
    left = [place for place in shape.operands if found[place]]
    while left:  # what one has lost may have freed words of another
        place = left.pop()
        words = found[place]
        if words and holds(found | {place: words - 1}):
            found[place] = least_of(place, words - 1)
            left = [each for each in shape.operands if found[each]]
    return found


def _as_fast(found: float | None, wanted: float | None) -> bool:
    """Whether an interval is no longer than another; None: a graph that stops."""
    return found is not None and wanted is not None and found <= wanted


def _held(shape: GraphShape, without: Depths, counts: Sequence[int]) -> dict[tuple[str, int], int]:
    """The most words that endless FIFOs hold, on so many streams."""
    found = dict.fromkeys(shape.operands, 0)
    for streams in counts:
        frames = -(-(WARM_UP + _in_flight(shape) + MEASURED + AFTER) // streams) * streams
        times = graph_run(shape, without, [i % streams for i in range(frames)])
        for place, words in times.held.items():
            found[place] = max(found[place], words)
    return found
