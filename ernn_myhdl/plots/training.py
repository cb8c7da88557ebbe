"""Loss, validation and residuals of a training over the steps of the optimiser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ernn_myhdl.errors import DesignError
from ernn_myhdl.plots.picture import BLUE, COLOURS, GREY, VERMILION, picture

#: Height of a panel and width in inches.
PANEL, WIDTH = 2.3, 8.0


def plot_history(history: dict[str, list[dict]], file: str | Path) -> None:
    """Draw the mean loss of the epochs, what `validate` gave, and the relative residuals of ADMM.

    history: `Compressed.history`. file: .png or .svg. Panels without data are left out.
    """
    try:
        panels: list[tuple[Callable, list[dict]]] = [(_loss, history["epochs"])]
        validated = [e for e in history["epochs"] if "validation" in e]
        panels += [(_validation, validated)] if validated else []
        panels += [(_residuals, history["updates"])] if history["updates"] else []
        phases = [(p["name"], p["first_step"], p["last_step"]) for p in history["phases"]]
    except KeyError as error:
        raise DesignError(
            f"history: {error} is missing; give the history of a training that has ended"
        ) from error
    except TypeError as error:
        raise DesignError(
            f"history: is {type(history).__name__}, must be the history of what compress or fit returned: result.history"
        ) from error
    with picture(file, WIDTH, PANEL * len(panels) + 0.4) as figure:
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axis, (draw, records) in zip(axes, panels, strict=True):
            draw(axis, records)
            for _, _, last in phases[:-1]:
                axis.axvline(last, color=GREY, linewidth=0.8, linestyle=":")
        for name, first, last in phases:
            if last > first:
                axes[0].annotate(
                    name, ((first + last) / 2, 1.02), xycoords=("data", "axes fraction"),
                    ha="center", color=GREY,
                )  # fmt: skip
        axes[-1].set_xlabel("step of the optimiser")


def _loss(axis, epochs: list[dict]) -> None:
    axis.plot([e["step"] for e in epochs], [e["loss"] for e in epochs], color=BLUE, marker=".")
    axis.set_ylabel("mean loss")
    axis.set_ylim(bottom=0 if all(e["loss"] >= 0 for e in epochs) else None)


def _validation(axis, epochs: list[dict]) -> None:
    steps = [e["step"] for e in epochs]
    values = [
        v if isinstance(v, dict) else {"validation": v} for v in (e["validation"] for e in epochs)
    ]
    for name, colour in zip(values[0], COLOURS, strict=False):
        axis.plot(steps, [v.get(name) for v in values], color=colour, marker=".", label=name)
    axis.set_ylabel("validation")
    axis.legend(loc="lower right")


def _residuals(axis, updates: list[dict]) -> None:
    """Of every matrix; the largest one is labelled."""
    steps = [u["step"] for u in updates]
    for kind, colour in (("primal", BLUE), ("dual", VERMILION)):
        each = {
            name: [u["residuals"][name][f"relative_{kind}"] for u in updates]
            for name in updates[0]["residuals"]
        }
        for values in each.values():
            axis.plot(steps, values, color=colour, linewidth=0.7, alpha=0.5)
        largest = [max(column) for column in zip(*each.values(), strict=True)]
        axis.plot(
            steps, largest, color=colour, marker=".", label=f"{kind}, largest of all matrices"
        )
    axis.set_yscale("log")
    axis.set_ylabel("relative residual")
    axis.legend(loc="upper right")
