"""Computed saving over the block size, with the bounds and the trainings of a search."""

from __future__ import annotations

from pathlib import Path

from ernn_myhdl.explore.model import ModelExploration
from ernn_myhdl.plots.picture import BLUE, GREEN, GREY, VERMILION, picture


def plot_saving(result: ModelExploration, file: str | Path, error: bool = False) -> None:
    """Draw dense operations by operations over k, and the trainings; .png or .svg. error: 1 - accuracy is written at these."""
    bounds = result.bounds
    dense = bounds.costs[0].operations * bounds.costs[0].saving
    with picture(file, 7, 4.6) as figure:
        axes = figure.subplots()
        axes.plot(
            [c.block for c in bounds.costs], [c.saving for c in bounds.costs],
            color=BLUE, marker=".", label="computed",
        )  # fmt: skip
        for where, name, side in (
            (bounds.lower, "lower bound", 0.02),
            (bounds.upper, "upper bound", 0.1),
        ):
            if where is not None:
                axes.axvline(where, color=GREY, linestyle=":", linewidth=1)
                axes.annotate(
                    name, (where, side), xycoords=("data", "axes fraction"), color=GREY,
                    xytext=(4, 0), textcoords="offset points",
                )  # fmt: skip
        for met, colour, marker, name in (
            (True, GREEN, "o", f"trained, {'error' if error else 'accuracy'} kept"), (False, VERMILION, "x", "trained, missed")
        ):  # fmt: skip
            trials = [t for t in result.trials if t.met == met]
            if trials:
                axes.scatter(
                    [t.choice.block for t in trials], [dense / t.operations for t in trials],
                    color=colour, marker=marker, zorder=3, label=name,
                )  # fmt: skip
        for trial in result.trials:
            axes.annotate(
                f"{trial.choice.text}: "
                + (f"error {1 - trial.accuracy:.1%}" if error else f"{trial.accuracy:.1%}")
                + (" (chosen)" if trial is result.chosen else ""),
                (trial.choice.block, dense / trial.operations), xytext=(6, -11),
                textcoords="offset points", fontsize=8,
            )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.set_xticks([c.block for c in bounds.costs], [str(c.block) for c in bounds.costs])
        axes.set_xlim(right=bounds.costs[-1].block * 2)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("block size k")
        axes.set_ylabel("operations of the dense model by these")
        axes.legend(loc="upper left")
