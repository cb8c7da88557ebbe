"""What windows and joins over time of a graph hold of a sequence that is under way: frames of signals, or what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.joins import Cadence, Window
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.design.time_joins import Sum, TimeJoin
from ernn_myhdl.numerics.formats import Format

#: Name of a join -> raw words (rows, size) that it holds (`HeldFrames`).
Held: TypeAlias = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class HeldFrames:
    """What a join holds between two frames of x.

    rows: frames, of a window those that it reaches back to, the oldest first; of a join over time one: the last frame, the
    largest elements or the sum so far. size: elements of each. format: of their words. cadence: which frames of x the join has had
    one for.
    """

    rows: int
    size: int
    format: Format
    cadence: Cadence


def holds_frames(graph: Graph | None) -> bool:
    """Whether more than the states of layers is kept from frame to frame."""
    return graph is not None and bool(graph.over_time or graph.windows)


def held_frames(core: CoreStructure) -> dict[str, HeldFrames]:
    """The joins that hold something between two frames of x; behind a join over time none does."""
    graph, signals = core.graph, core.signals
    found: dict[str, HeldFrames] = {}
    if graph is None or signals is None:
        return found
    for i, join in enumerate(graph.joins):
        name, source = f"join_{i}", join.inputs[0]
        if graph.frames[source] is not None or not isinstance(join, Window | TimeJoin):
            continue
        fmt, rows = signals.formats[source], 1
        if isinstance(join, Window):
            rows = join.reach
        elif isinstance(join, Sum):
            fmt = join.total(name, fmt)
        found[name] = HeldFrames(rows, signals.sizes[source], fmt, graph.cadences[source])
    return found
