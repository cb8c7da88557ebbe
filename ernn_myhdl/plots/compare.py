"""The picture of the comparison: latency, frames a second and energy of every core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ernn_myhdl.compare.energy import SOURCE
from ernn_myhdl.compare.published import LABEL
from ernn_myhdl.compare.table import BATCHES, Row
from ernn_myhdl.plots.picture import BLUE, GREY, ORANGE, SKY, VERMILION, picture


def _name(row: Row) -> str:
    size = f"k = {row.block}" if row.block else "sparse"
    device = f", {row.device}" if row.core == "ours" else ""
    return f"{row.core} {row.cell.upper()}, {size}{device}"


def plot_comparison(rows: Sequence[Row], file: str | Path) -> None:
    """One line a core, three panels; PNG or SVG by the name."""
    places = range(len(rows))
    colours = [VERMILION if row.core == "ours" else GREY for row in rows]
    with picture(file, 13, 0.42 * len(rows) + 1.6) as figure:
        latency, speed, energy = figure.subplots(1, 3, sharey=True)
        latency.barh(places, [row.latency_us for row in rows], color=colours)
        latency.set_xlabel("latency in µs")
        for offset, colour, label, values in (
            (-0.2, SKY, "one sequence", [r.frames_per_second_single for r in rows]),
            (0.2, BLUE, "interleaved", [r.frames_per_second_interleaved for r in rows]),
        ):
            speed.barh([p + offset for p in places], values, 0.4, color=colour, label=label)
        speed.set_xlabel("frames/s")
        for offset, colour, batch in zip((-0.2, 0.2), (ORANGE, BLUE), BATCHES, strict=True):
            values = [r.energy_nj[batch] / 1000 for r in rows]
            energy.barh(
                [p + offset for p in places], values, 0.4, color=colour, label=f"batch {batch}"
            )
        energy.set_xlabel(f"energy model, µJ a frame\n({SOURCE})")
        for axes in (latency, speed, energy):
            axes.set_xscale("log")
        for axes in (speed, energy):
            axes.legend(loc="lower right")
        latency.set_yticks(list(places), [_name(row) for row in rows])
        latency.invert_yaxis()
        figure.suptitle(
            f"Grey: boards, {LABEL}; red: this core, computed at an assumed 200 MHz", fontsize=11
        )
