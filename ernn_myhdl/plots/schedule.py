"""Gantt chart of the static schedule."""

from __future__ import annotations

from pathlib import Path

from matplotlib.patches import Patch

from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.cycle_model.schedule import Schedule, schedule_for
from ernn_myhdl.design.design import CoreSpecification, Design
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

#: Rows from top to bottom: label -> units of the schedule; both phases share the lanes.
ROWS = {
    "input x": ("input",),
    "lanes": ("lanes", "projection", "candidate"),
    "drain, IFFT": ("drain",),
    "element-wise": ("element-wise",),
    "output y": ("output",),
}
#: (unit, label of the event) -> colour and legend.
KINDS = {
    ("input", "x"): (GREY, "x arrives"),
    ("lanes", "x"): (BLUE, "products with x"),
    ("lanes", "y"): (SKY, "products with the previous y"),
    ("drain", "gates"): (ORANGE, "drain of gate rows"),
    ("drain", "y"): ("#8C6100", "drain of the second phase's rows"),
    ("element-wise", "cells"): (GREEN, "element-wise"),
    ("element-wise", "state"): ("#7FCFB7", "element-wise of the candidate"),
    ("projection", "m"): (VERMILION, "products of the projection"),
    ("candidate", "x"): ("#5A3A8C", "products of the candidate with x"),
    ("candidate", "m"): (VERMILION, "products of the candidate with r · h"),
    ("output", "y"): (PURPLE, "y leaves"),
}


def plot_schedule(design: CoreSpecification, file: str | Path, frames: int = 3) -> None:
    """Draw what every unit does in the first `frames` frames.

    Of a layer, one panel for one stream; where the design has several, a second one for all of them in
    turn, over the same cycles. Of a network, a panel for each layer, with frames that arrive once an
    interval.
    """
    if isinstance(design, Design):
        first = schedule_for(design)
    else:
        network = network_schedule(design)
        first = network.layers[0]
    most = len(first.frames)
    if not 1 <= frames <= most:
        raise DesignError(f"frames = {frames}: must be 1 to {most}")
    panels = [(first, frames, _title(first))]
    end = max(e.stop for e in first.events(frames))
    if not isinstance(design, Design):
        panels = [(s, frames, f"layer {i}: {_title(s)}") for i, s in enumerate(network.layers)]
        end = max(e.stop for e in network.layers[-1].events(frames))
    elif design.hardware.streams > 1:
        together = schedule_for(design, design.hardware.streams)
        last = first.frames[frames - 1].delivered
        shown = sum(f.accepted <= last for f in together.frames)
        panels.append((together, shown, _title(together)))
    with picture(file, 12, 1.3 + 0.5 * len(panels) * (len(ROWS) + 1.6)) as figure:
        axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        present: dict = {}
        for panel, (schedule, shown, title) in zip(axes, panels, strict=True):
            present |= _panel(panel, schedule, shown, end)
            panel.set_title(title, fontsize=10, loc="left")
        axes[-1].set_xlabel("cycle (0: the first beat of x is accepted)")
        figure.suptitle(f"Schedule of {description(design)}")
        handles = [Patch(color=c, label=text) for key, (c, text) in KINDS.items() if key in present]
        if frames > 1:
            handles.append(Patch(facecolor=GREY, edgecolor="white", hatch="////", lw=0,
                                 label="hatched: frame 1, 3, …"))  # fmt: skip
        figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)))


def _title(schedule: Schedule) -> str:
    busy = 100 * schedule.utilisation()["lanes"]
    streams = "one stream" if schedule.streams == 1 else f"{schedule.streams} streams in turn"
    return (
        f"{streams}: interval {schedule.interval:g} cycles in steady state, lanes busy {busy:.0f} %, "
        f"bound by {schedule.bottleneck}"
    )


def _panel(axes, schedule: Schedule, frames: int, end: int) -> dict:
    """One schedule up to cycle `end`; returns the kinds of events that occur."""
    events = schedule.events(frames)
    rows = {unit: row for row, units in enumerate(ROWS.values()) for unit in units}
    for e in events:
        axes.broken_barh(
            [(e.start, e.stop - e.start)],
            (rows[e.unit] - 0.36, 0.72),
            facecolors=KINDS[e.unit, e.label][0],
            edgecolor="white",
            linewidth=0,
            hatch="////" if e.frame % 2 else None,
        )
    frames = sum(f.delivered < end for f in schedule.frames[:frames])
    for f in range(frames):
        axes.axvline(schedule.frames[f].delivered + 1, color=GREY, lw=0.8, ls=":")
    _measures(axes, schedule, frames)
    axes.set_yticks(range(len(ROWS)), list(ROWS))
    axes.set_ylim(len(ROWS) - 0.4, -1.45)
    axes.set_xlim(-0.01 * end, end * 1.01)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return dict.fromkeys((e.unit, e.label) for e in events)


def _measures(axes, schedule: Schedule, frames: int) -> None:
    """Arrows for the latency and the interval above the rows."""
    first = schedule.frames[0]
    _arrow(axes, first.accepted, first.delivered, -0.75, f"latency {schedule.latency} cycles")
    for f in range(1, frames):
        start, stop = schedule.frames[f - 1].delivered, schedule.frames[f].delivered
        name = f"frame {f}: +{stop - start} cycles" if frames <= 4 else f"{f}: +{stop - start}"
        _arrow(axes, start, stop, -0.75, name)


def _arrow(axes, start: float, stop: float, y: float, text: str) -> None:
    axes.annotate(
        "", (start, y), (stop, y),
        arrowprops={"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0, "color": "black"},
    )  # fmt: skip
    axes.text((start + stop) / 2, y - 0.12, text, ha="center", va="bottom", fontsize=9)
