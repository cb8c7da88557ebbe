"""A picture of which classes are taken for which."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ernn_myhdl.files.output_target import Target
from ernn_myhdl.plots.picture import picture
from ernn_myhdl.runs.predictions import Predictions

#: Classes up to which every count is written into its field.
WRITTEN = 24


def plot_confusion(predictions: Predictions, file: str | Path | Target, title: str) -> None:
    """Draw the confusions of fixed point: the shade is the share of the labels of a row, the figure their number."""
    counts, names = predictions.confusion, predictions.names
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = min(max(4.0, 0.42 * len(names) + 2), 16)
    with picture(file, size + 0.8, size) as figure:
        axes = figure.subplots()
        shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(shown, label="share of the labels")
        axes.grid(visible=False)
        places = np.arange(len(names))
        axes.set_xticks(places, names, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(places, names)
        axes.set_xlabel("named by fixed point")
        axes.set_ylabel("label")
        axes.set_title(title)
        if len(names) <= WRITTEN:
            for row, column in np.argwhere(counts):
                dark = shares[row, column] > 0.5
                axes.text(
                    column, row, str(counts[row, column]), ha="center", va="center",
                    color="white" if dark else "black", fontsize=8,
                )  # fmt: skip
