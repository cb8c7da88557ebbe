"""The picture of the comparison: latency, frames a second and energy of every core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ernn_myhdl.compare.energy import SOURCE
from ernn_myhdl.compare.publications import LABEL
from ernn_myhdl.compare.table import BATCHES, ComparisonRow
from ernn_myhdl.plots.picture import BLUE, GREY, ORANGE, SKY, VERMILION, picture


def _name(row: ComparisonRow) -> str:
    size = f"k = {row.block}" if row.block else "sparse"
    device = f", {row.device}" if row.core == "ours" else ""
    return f"{row.core} {row.cell.upper()}, {size}{device}"


def plot_comparison(rows: Sequence[ComparisonRow], file: str | Path, clock_mhz: float) -> None:
    """One line a core, three panels; PNG or SVG by the name. clock_mhz: of our rows."""
    places = range(len(rows))
    with picture(file, 13, 0.36 * len(rows) + 1.8) as figure:
        latency, speed, energy = figure.subplots(1, 3, sharey=True)
        colours = [VERMILION if row.core == "ours" else GREY for row in rows]
        latency.scatter([row.latency_us for row in rows], places, color=colours, s=45)
        latency.set_xlabel("latency in µs")
        for axes, unit, series in (
            (
                speed, "frames/s",
                (
                    (SKY, "one sequence", [r.frames_per_second_single for r in rows]),
                    (BLUE, "interleaved", [r.frames_per_second_interleaved for r in rows]),
                ),
            ),
            (
                energy, "energy model, µJ a frame",
                [
                    (colour, f"batch {batch}", [r.energy_nj[batch] / 1000 for r in rows])
                    for colour, batch in zip((ORANGE, BLUE), BATCHES, strict=True)
                ],
            ),
        ):  # fmt: skip
            for size, (colour, label, values) in zip((80, 28), series, strict=True):
                axes.scatter(values, places, color=colour, s=size, label=label)
            axes.set_xlabel(unit)
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        for axes in (latency, speed, energy):
            axes.set_xscale("log")
        latency.set_yticks(list(places), [_name(row) for row in rows])
        latency.invert_yaxis()
        figure.suptitle(
            f"Grey: boards, {LABEL}; red: this core, computed at an assumed {clock_mhz:g} MHz\n"
            f"Energies of {SOURCE}",
            fontsize=11,
        )
