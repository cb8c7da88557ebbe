"""The cycle model of a network: the schedules of its layers, one behind the other.

A layer sees the beats of y of the layer before as they are delivered. The latency is that of a frame
that finds all layers idle. In steady state the slowest layer sets the interval of all: the FIFOs and
the pages of a core hold the frames that the others have ready. The times of the layers are those of
frames that arrive once an interval, so that none waits at the door of a slower layer.

Of a graph (`ernn_myhdl.design.graph`) all is the exact course of its streams, with their back-pressure
(`ernn_myhdl.rtl.cycles.graph_times`): the slowest layer sets the interval there too, unless a join has more beats to pass on
than that layer has cycles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ernn_myhdl.cycle_model.schedule import Schedule, frame_times_of, schedule_for
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Hardware
from ernn_myhdl.design.network import Network
from ernn_myhdl.rtl.cycles.graph_times import (
    graph_depths,
    graph_interval,
    graph_latency,
    graph_run,
    graph_shape,
)
from ernn_myhdl.rtl.cycles.issue import Frame, Sequencer, input_beats

#: Frames whose times are told.
FRAMES = 6


@dataclass(frozen=True)
class NetworkSchedule:
    """Times of frames in all layers, one sequence on each of `streams` streams in turn.

    layers: schedules of the layers in the cycles of the network (cycle 0: the first beat of the first
    frame is accepted), each with the interval that it would have alone. latency: from the first beat of x
    accepted to the last beat of y delivered, when all layers are idle. interval: cycles between frames in
    steady state. bottleneck: number of the layer that sets it, or would if no join did. depths: of the FIFOs of a
    graph, by the name of a join and the place of its operand; 0: none is needed there.
    """

    network: Network
    streams: int
    layers: tuple[Schedule, ...]
    latency: int
    interval: float
    bottleneck: int
    depths: Mapping[tuple[str, int], int] = field(default_factory=dict)


@lru_cache(maxsize=512)
def _layer_frames(
    cell: Cell, hardware: Hardware, turns: tuple[int, ...], arrivals: tuple[tuple[int, ...], ...]
) -> tuple[Frame, ...]:
    return tuple(Sequencer(cell, hardware, turns, arrivals).run())


def network_frames(
    layers: Sequence[tuple[Cell, Hardware]], streams: int, interval: float
) -> list[tuple[Frame, ...]]:
    """The first FRAMES frames in every layer, which arrive once an interval, on the streams in turn."""
    apart, beats = math.ceil(interval), input_beats(*layers[0])
    arrivals = tuple(tuple(range(f * apart, f * apart + beats)) for f in range(FRAMES))
    turns = tuple(f % streams for f in range(FRAMES))
    found = []
    for cell, hardware in layers:
        found.append(_layer_frames(cell, hardware, turns, arrivals))
        arrivals = tuple(tuple(frame.beats.tolist()) for frame in found[-1])
    return found


def network_latency(frames: Sequence[Sequence[Frame]]) -> int:
    """From the first beat of x accepted to the last beat of y delivered, of the first of `network_frames`."""
    return int(frames[-1][0].beats[-1]) - frames[0][0].accepted


@lru_cache(maxsize=64)
def network_schedule(network: Network, streams: int = 1) -> NetworkSchedule:
    """The schedule of `network` for sequences on `streams` streams that take turns."""
    intervals = [schedule_for(layer, streams).interval for layer in network.layers]
    interval = max(intervals)
    if network.graph is not None:
        return _graph_schedule(network, streams, intervals)
    found = network_frames([(d.cell, d.hardware) for d in network.layers], streams, interval)
    return NetworkSchedule(
        network, streams, _schedules(network, streams, found, intervals), network_latency(found),
        interval, intervals.index(interval),
    )  # fmt: skip


def _schedules(
    network: Network, streams: int, found: Sequence[Sequence[Frame]], intervals: Sequence[float]
) -> tuple[Schedule, ...]:
    """The schedules of the layers from their frames and the intervals that they would have alone."""
    layers = []
    for layer, frames, own in zip(network.layers, found, intervals, strict=True):
        times = tuple(frame_times_of(frame) for frame in frames)
        latency = times[0].delivered - times[0].accepted
        layers.append(Schedule(layer, streams, times, latency, own))
    return tuple(layers)


def _graph_schedule(network: Network, streams: int, intervals: Sequence[float]) -> NetworkSchedule:
    shape = graph_shape(network)
    depths = graph_depths(shape)
    interval = graph_interval(shape, depths, streams)
    assert interval is not None  # with FIFOs of these depths no graph stops
    cadences = shape.graph.cadences
    each = -(-FRAMES // streams)  # frames of every signal on every stream
    length = max(c.first + c.step * (each - 1) + 1 for c in cadences.values())
    count = FRAMES if shape.graph.frames_of_x else length * streams
    times = graph_run(shape, depths, [f % streams for f in range(count)], interval, length)
    # of those that no window takes any more, the last ones need not be delivered with y
    layers = [[f for f in frames if f.beats.size][:FRAMES] for frames in times.layers]
    of_x = [own / cadences[f"layer_{i}"].step for i, own in enumerate(intervals)]
    return NetworkSchedule(
        network, streams, _schedules(network, streams, layers, intervals),
        graph_latency(shape, depths), interval, of_x.index(max(of_x)), depths,
    )  # fmt: skip
