"""The cycle model of a network: the schedules of its layers, one behind the other.

A layer sees the beats of y of the layer before as they are delivered. The latency is that of a frame
that finds all layers idle. In steady state the slowest layer sets the interval of all: the FIFOs and
the pages of a core hold the frames that the others have ready. The times of the layers are those of
frames that arrive once an interval, so that none waits at the door of a slower layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from ernn_myhdl.issue import input_beats
from ernn_myhdl.network import Network
from ernn_myhdl.schedule import Schedule, frame_times, schedule_for

#: Frames whose times are told.
FRAMES = 6


@dataclass(frozen=True)
class NetworkSchedule:
    """Times of frames in all layers, one sequence on each of `streams` streams in turn.

    layers: schedules of the layers in the cycles of the network (cycle 0: the first beat of the first
    frame is accepted), each with the interval that it would have alone. latency: from the first beat of x
    accepted to the last beat of y delivered, when all layers are idle. interval: cycles between frames in
    steady state. bottleneck: number of the layer that sets it.
    """

    network: Network
    streams: int
    layers: tuple[Schedule, ...]
    latency: int
    interval: float
    bottleneck: int


@lru_cache(maxsize=64)
def network_schedule(network: Network, streams: int = 1) -> NetworkSchedule:
    """The schedule of `network` for sequences on `streams` streams that take turns."""
    alone = [schedule_for(layer, streams) for layer in network.layers]
    intervals = [schedule.interval for schedule in alone]
    interval = max(intervals)
    apart = math.ceil(interval)
    beats = input_beats(network.layers[0].cell, network.layers[0].hardware)
    arrivals = [range(f * apart, f * apart + beats) for f in range(FRAMES)]
    turns = [f % streams for f in range(FRAMES)]
    layers = []
    for layer, own in zip(network.layers, alone, strict=True):
        frames = frame_times(layer, turns, arrivals)
        latency = frames[0].delivered - frames[0].accepted
        layers.append(Schedule(layer, streams, frames, latency, own.interval))
        arrivals = [frame.beats for frame in frames]
    latency = layers[-1].frames[0].delivered - layers[0].frames[0].accepted
    return NetworkSchedule(
        network, streams, tuple(layers), latency, interval, intervals.index(interval)
    )
