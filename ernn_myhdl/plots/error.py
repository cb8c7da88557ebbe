"""The float reference against a fixed-point run, per frame and per stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.golden.sqnr import HIGHEST_SQNR, sqnr
from ernn_myhdl.golden.tensors import stages_of
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.plots.picture import BLUE, COLOURS, GREY, VERMILION, description, picture
from ernn_myhdl.runs.run import Run
from ernn_myhdl.streams.initial_states import as_models_take_it

#: Stages whose error over time is drawn, of the last layer.
OVER_TIME = ("input", "preactivations", "gates", "cell_state", "output")


@dataclass(frozen=True)
class StageError:
    """Error of one stage. rms (frames,): root mean square a frame, as values; sqnr: decibels."""

    rms: np.ndarray
    sqnr: float


def stage_errors(run: Run) -> tuple[dict[str, StageError], np.ndarray]:
    """Error of every stage of `run` against the float model, and that model's outputs.

    Without stages (a run that kept none) only the core's output.
    """
    initial = [as_models_take_it(run.design, state) for state in run.initial] or None
    pairs = float_model(run.design).run(run.input_sequences, tensors=True, initial=initial)
    outputs = np.concatenate([y for y, _ in pairs])
    errors = {}
    for name, stage in stages_of(run.design).items():
        if name in run.stages:
            inside = stage.elements
            reference = np.concatenate([tensors[name] for _, tensors in pairs])[:, inside]
            fixed = to_real(run.stages[name][:, inside], stage.format)
            errors[name] = _error(reference, fixed)
    output = run.design.output_stage
    if output not in errors:
        errors[output] = _error(outputs, run.core_outputs)
    return errors, outputs


def _error(reference: np.ndarray, fixed: np.ndarray) -> StageError:
    rms = np.sqrt(np.mean((fixed - reference) ** 2, axis=1))
    return StageError(rms, sqnr(reference, fixed))


def plot_error(run: Run, file: str | Path, element: int = 0) -> None:
    """Draw one element of y in float and fixed point, the error over time, its histogram, and the
    ratio of signal to quantisation noise (SQNR) of every stage."""
    outputs = run.design.outputs
    if not 0 <= element < outputs:
        raise DesignError(f"output element = {element}: must be 0 to {outputs - 1}")
    errors, reference = stage_errors(run)
    with picture(file, 13, 8.6) as figure:
        grid = figure.add_gridspec(2, 2)
        figure.suptitle(
            f"Fixed point ({run.engine}) against the float reference — {description(run.design)}, "
            f"{run.frames} frames"
        )
        _element(figure.add_subplot(grid[0, 0]), run, reference, element)
        _over_time(figure.add_subplot(grid[0, 1]), run, errors)
        _histogram(figure.add_subplot(grid[1, 0]), run, reference)
        _sqnr(figure.add_subplot(grid[1, 1]), _shown(run, errors))


def _frame_axis(axes, run: Run) -> None:
    axes.set_xlabel("frame")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    ends = np.cumsum(run.output_lengths)[:-1]
    if len(ends) <= 40:
        for end in ends:
            axes.axvline(end - 0.5, color=GREY, linewidth=0.8, linestyle=":")


def _element(axes, run: Run, reference: np.ndarray, element: int) -> None:
    frames = np.arange(len(run.raw))
    axes.plot(frames, reference[:, element], color=BLUE, linewidth=2.2, label="float")
    axes.plot(
        frames, run.core_outputs[:, element], color=VERMILION, linewidth=1, label="fixed",
        linestyle="--", marker="o" if len(run.raw) <= 120 else None, markersize=3,
    )  # fmt: skip
    axes.set_title(f"Element {element} of y")
    axes.set_ylabel("value")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.16 * (high - low))
    axes.legend(loc="upper right", ncols=2)
    _frame_axis(axes, run)


def _over_time(axes, run: Run, errors: dict[str, StageError]) -> None:
    frames = np.arange(len(run.raw))
    prefix = run.design.output_stage.removesuffix("output")
    for name, colour in zip((prefix + n for n in OVER_TIME), COLOURS, strict=False):
        if name in errors:
            rms = np.where(errors[name].rms > 0, errors[name].rms, np.nan)
            marker = "o" if len(run.raw) <= 60 else None
            axes.semilogy(
                frames, rms, color=colour, label=name, linewidth=1.4, marker=marker, markersize=3
            )
    axes.axhline(run.design.output_format.lsb, color=GREY, linewidth=1, linestyle="--")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.22)
    axes.set_title("Error over time (dashed: one LSB of y)")
    axes.set_ylabel("RMS error in a frame (value)")
    axes.legend(loc="upper center", ncols=3)
    _frame_axis(axes, run)


def _histogram(axes, run: Run, reference: np.ndarray) -> None:
    lsb = run.design.output_format.lsb
    error = ((run.core_outputs - reference) / lsb).reshape(-1)
    axes.hist(error, bins=min(61, max(11, error.size // 8)), color=BLUE, edgecolor="white",
              linewidth=0.3)  # fmt: skip
    axes.set_title(
        f"Error of y: mean {_signed(error.mean())}, RMS {np.sqrt(np.mean(error**2)):.2f}, "
        f"largest {np.max(np.abs(error)):.2f} LSB"
    )
    axes.set_xlabel(f"error of y (LSB of {run.design.output_format.word} bits, {lsb:.3g})")
    axes.set_ylabel("elements")
    if np.max(np.abs(error)) > 8 * np.sqrt(np.mean(error**2)):
        axes.set_yscale("log")  # a few large errors would not be seen
    else:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _shown(run: Run, errors: dict[str, StageError]) -> dict[str, StageError]:
    """The outputs of all layers and every stage of the last one."""
    last = run.design.output_stage.removesuffix("output")
    outputs = [name for name in errors if name.endswith(".output")]
    return {n: e for n, e in errors.items() if n in outputs or n.startswith(last)}


def _sqnr(axes, errors: dict[str, StageError]) -> None:
    names = list(errors)
    values = [errors[n].sqnr for n in names]
    bars = axes.barh(names, values, color=BLUE, height=0.7)
    labels = [f">{v:.0f}" if v >= HIGHEST_SQNR else f"{v:.1f}" for v in values]
    axes.bar_label(bars, labels, padding=3, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlim(min(0.0, axes.get_xlim()[0]), None)
    axes.grid(axis="y", visible=False)
    axes.set_title("Signal to quantisation noise by stage")
    axes.set_xlabel("SQNR (dB)")
