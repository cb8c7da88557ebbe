"""Gantt chart of the static schedule."""

from __future__ import annotations

from pathlib import Path

from matplotlib.patches import Patch

from ernn_myhdl.design import Design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.plots.picture import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    description,
    picture,
)
from ernn_myhdl.schedule import schedule_for

#: Rows from top to bottom: unit of the schedule -> label.
UNITS = {
    "input": "input x",
    "lanes": "lanes: gates",
    "drain": "drain, IFFT",
    "element-wise": "element-wise",
    "projection": "lanes: projection",
    "output": "output y",
}
#: (unit, label of the event) -> colour and legend.
KINDS = {
    ("input", "x"): (GREY, "x arrives"),
    ("lanes", "x"): (BLUE, "products with x"),
    ("lanes", "y"): (SKY, "products with the previous y"),
    ("drain", "gates"): (ORANGE, "drain of gate rows"),
    ("drain", "y"): ("#8C6100", "drain of projected rows"),
    ("element-wise", "cells"): (GREEN, "element-wise"),
    ("projection", "m"): (VERMILION, "products of the projection"),
    ("output", "y"): (PURPLE, "y leaves"),
}


def plot_schedule(design: Design, file: str | Path, frames: int = 3) -> None:
    """Draw what every unit does in the first `frames` frames of a sequence."""
    most = len(schedule_for(design).frames)
    if not 1 <= frames <= most:
        raise DesignError(f"frames = {frames}: must be 1 to {most}")
    schedule = schedule_for(design)
    events = schedule.events(frames)
    units = [u for u in UNITS if any(e.unit == u for e in events)]
    with picture(file, 12, 1.9 + 0.62 * len(units)) as figure:
        axes = figure.add_subplot()
        for e in events:
            colour = KINDS[e.unit, e.label][0]
            axes.broken_barh(
                [(e.start, e.stop - e.start)],
                (units.index(e.unit) - 0.3, 0.6),
                facecolors=colour,
                edgecolor="white",
                linewidth=0,
                hatch="////" if e.frame % 2 else None,
            )
        end = max(e.stop for e in events)
        for f in range(frames):
            axes.axvline(schedule.frames[f].delivered + 1, color=GREY, lw=0.8, ls=":")
        _measures(axes, schedule, frames)
        axes.set_yticks(range(len(units)), [UNITS[u] for u in units])
        axes.set_ylim(len(units) - 0.4, -1.35)
        axes.set_xlim(-0.01 * end, end * 1.01)
        axes.set_xlabel("cycle (0: the first beat of x is accepted)")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_title(
            f"Schedule of {description(design)}\nlatency {schedule.latency} cycles, steady-state "
            f"interval {schedule.interval:g} cycles, bound by {schedule.bottleneck}"
        )
        present = {(e.unit, e.label) for e in events}
        handles = [Patch(color=c, label=text) for key, (c, text) in KINDS.items() if key in present]
        if frames > 1:
            handles.append(Patch(facecolor=GREY, edgecolor="white", hatch="////", lw=0,
                                 label="hatched: frame 1, 3, …"))  # fmt: skip
        figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)))


def _measures(axes, schedule, frames: int) -> None:
    """Arrows for the latency and the interval above the rows."""
    first = schedule.frames[0]
    _arrow(axes, first.accepted, first.delivered, -0.75, f"latency {schedule.latency} cycles")
    for f in range(1, frames):
        start, stop = schedule.frames[f - 1].delivered, schedule.frames[f].delivered
        _arrow(axes, start, stop, -0.75, f"frame {f}: +{stop - start} cycles")


def _arrow(axes, start: float, stop: float, y: float, text: str) -> None:
    axes.annotate(
        "", (start, y), (stop, y),
        arrowprops={"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0, "color": "black"},
    )  # fmt: skip
    axes.text((start + stop) / 2, y - 0.12, text, ha="center", va="bottom", fontsize=9)
