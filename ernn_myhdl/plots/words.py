"""Error and accuracy against the word length."""

from __future__ import annotations

from pathlib import Path

from matplotlib.ticker import MaxNLocator

from ernn_myhdl.plots.picture import BLUE, GREEN, GREY, VERMILION, picture
from ernn_myhdl.runs.evaluation import Evaluation


def plot_words(
    evaluations: dict[int, Evaluation], file: str | Path, title: str, chosen: int | None = None
) -> None:
    """Draw SQNR and largest error over the word length and, where there are labels, the accuracy.

    chosen: a word length to mark.
    """
    words = sorted(evaluations)
    made = [evaluations[word] for word in words]
    labelled = made[0].accuracy is not None
    with picture(file, 12 if labelled else 6.5, 4.6) as figure:
        figure.suptitle(title)
        all_axes = figure.subplots(1, 2 if labelled else 1, squeeze=False)[0]
        _error(all_axes[0], words, made)
        if labelled:
            _accuracy(all_axes[1], words, made)
        for axes in all_axes:
            axes.set_xlabel("word length (bits)")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            if chosen is not None:
                axes.axvline(chosen, color=GREEN, linewidth=6, alpha=0.25)


def _error(axes, words: list[int], made: list[Evaluation]) -> None:
    axes.plot(words, [e.sqnr for e in made], color=BLUE, marker="o", markersize=4)
    axes.set_ylabel("SQNR of y (dB)", color=BLUE)
    axes.set_title("Error of fixed point against the float reference")
    right = axes.twinx()
    right.plot(words, [e.error for e in made], color=VERMILION, marker="s", markersize=4)
    if all(e.error > 0 for e in made):
        right.set_yscale("log")
    right.set_ylabel("largest error of y (value)", color=VERMILION)
    right.grid(visible=False)
    right.spines["right"].set_visible(True)


def _accuracy(axes, words: list[int], made: list[Evaluation]) -> None:
    of_floats = made[0].float_accuracy
    if of_floats is not None:
        axes.axhline(100 * of_floats, color=GREY, linewidth=1.2, linestyle="--", label="float")
    accuracies = [100 * e.accuracy for e in made if e.accuracy is not None]
    axes.plot(words, accuracies, color=BLUE, marker="o", markersize=4, label="fixed point")
    axes.set_ylabel("accuracy (%)")
    axes.set_title("Accuracy")
    axes.legend(loc="lower right")
