"""Style and files of all pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from ernn_myhdl.files.output_folder import Target, check_file, new_file

SUFFIXES = (".png", ".svg")

#: Okabe and Ito: told apart with every common colour blindness.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, YELLOW, GREY = "#56B4E9", "#CC79A7", "#F0E442", "#6E6E6E"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)

_STYLE: dict[Any, Any] = {  # the names that matplotlib knows grow with its versions
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 150,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "ernn-myhdl",  # equal pictures are equal files
}


def check_picture(file: str | Path, force: bool | None = None) -> Target:
    """The file and what is there; DesignError unless its name selects PNG or SVG and it may be written.

    force: as in `check_file`; a target that it returned is a file of every picture.
    """
    return check_file(file, SUFFIXES, force)


@contextmanager
def picture(file: str | Path | Target, width: float, height: float) -> Iterator:
    """A matplotlib figure of the size in inches, saved to `file` when the block ends."""
    target = file if isinstance(file, Target) else check_picture(file)
    with plt.rc_context(_STYLE):
        figure = plt.figure(figsize=(width, height))
        try:
            yield figure
            metadata = {"Date": None} if target.path.suffix.lower() == ".svg" else None
            with new_file(target) as partial:
                figure.savefig(partial, metadata=metadata)
        finally:
            plt.close(figure)


def _kind(cell) -> str:
    return cell.kind.upper() if cell.has_state else cell.kind


def description(design) -> str:
    """The design or network in one short line, for titles."""
    if len(design.layers) > 1:
        layers = ", ".join(f"{_kind(d.cell)} {d.cell.sizes}" for d in design.layers)
        return f"{design.name}: {layers}"
    cell, hw = design.layers[0].cell, design.layers[0].hardware
    return (
        f"{design.name}: {_kind(cell)} {cell.sizes}, k = {cell.block_text}, "
        f"{hw.lanes} lane{'s' if hw.lanes > 1 else ''}"
    )
