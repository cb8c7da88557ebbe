"""The picture of an exploration: cost over speed, the front and the choice."""

from __future__ import annotations

from pathlib import Path

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ernn_myhdl.explore.hardware import Exploration
from ernn_myhdl.plots.picture import BLUE, GREY, VERMILION, description, picture

#: Resource -> label of its axis.
LABELS = {
    "dsp": "DSP48", "bram36": "block RAMs of 36 kbit",
    "multiplier": "multipliers", "block_ram": "block RAMs of 18 kbit",
}  # fmt: skip


def plot_exploration(result: Exploration, file: str | Path) -> None:
    """Multipliers and block RAMs over latency and over frames a second; PNG or SVG by the name."""
    goal, device = result.goal, result.device
    on_front = [result.candidates[i] for i in result.front]
    ways = (
        ("latency in µs", goal.latency_us, goal.max_latency_us),
        ("frames/s, all streams", goal.fps, goal.min_fps),
    )
    multiplier, memory = device.limited[2:]
    costs = (
        (LABELS[multiplier], multiplier, getattr(device, multiplier)),
        (LABELS[memory], memory, getattr(device, memory)),
    )
    with picture(file, 11, 7) as figure:
        panels = figure.subplots(2, 2, sharex="col", sharey="row")
        for row, (cost, name, most) in enumerate(costs):
            for column, (label, value, limit) in enumerate(ways):
                axes = panels[row, column]
                for group, style in (
                    (result.candidates, {"color": GREY, "s": 5, "alpha": 0.35, "linewidths": 0}),
                    (on_front, {"color": BLUE, "s": 16}),
                ):
                    axes.scatter(
                        [value(c) for c in group], [getattr(c, name) for c in group], **style,
                        label="fits" if group is result.candidates else "Pareto front",
                    )  # fmt: skip
                best = result.chosen or result.nearest
                if best:
                    axes.scatter(
                        [value(best)], [getattr(best, name)], marker="*", s=170, color=VERMILION,
                        label="chosen" if result.chosen else "nearest", zorder=3,
                    )  # fmt: skip
                axes.axhline(most, color=GREY, linestyle="--", linewidth=1)
                if limit:
                    axes.axvline(limit, color=VERMILION, linestyle=":", linewidth=1)
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _plain(x)))
                axes.xaxis.set_minor_formatter(NullFormatter())
                axes.set_ylim(0, most * 1.05)
                if not column:
                    axes.set_ylabel(f"{cost}\n(dashed: {device.name})")
                if row:
                    axes.set_xlabel(label)
        figure.legend(
            *panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3
        )
        first = next(iter(result.designs.values()))
        title = description(first)
        if len(first.layers) == 1:
            title = title.rpartition(",")[0]  # the lanes
        figure.suptitle(
            f"{title}: {len(result.candidates):,} combinations that "
            f"fit {device.name}, {goal.clock_mhz:g} MHz",
            fontsize=11,
        )


def _plain(value: float) -> str:
    """A round number, short: 0.5, 20, 50 k, 1 M."""
    for unit, letter in ((1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"
