"""Formats of the layers of a network from calibration data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.calibration.range_analysis import choose_formats
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Formats
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.numerics.formats import Format


def choose_network_formats(
    cells: Sequence[Cell],
    weights: Sequence[dict[str, np.ndarray]],
    calibration: Sequence[np.ndarray],
    word: int = 12,
    state_word: int = 16,
    overrides: Sequence[dict[str, Format] | None] | None = None,
    initial: Sequence[State | None] | None = None,
) -> list[Formats]:
    """Formats of every layer (`ernn_myhdl.calibration.range_analysis.choose_formats`), the first one first.

    calibration: sequences (frames, inputs) of the network. A layer is calibrated with the float
    reference's outputs of the layers before it, and takes the output format of the one before it as
    its input format. overrides: for each layer formats by field name, or None. initial: for each layer a state
    from which sequences may start as from zero; the formats hold both.
    """
    check_layers(cells, weights)
    overrides = overrides or [None] * len(cells)
    if len(overrides) != len(cells):
        raise DesignError(f"format overrides: {len(overrides)}, must be one for each layer")
    each = [None] * len(cells) if initial is None else list(initial)
    if len(each) != len(cells):
        raise DesignError(f"initial states: {len(each)}, must be one for each layer, or None")
    calibration, states = with_states(calibration, each)
    chosen: list[Formats] = []
    for i, (cell, own, given) in enumerate(zip(cells, weights, overrides, strict=True)):
        given = dict(given or {})
        if chosen:
            fmt = chosen[-1].output
            if given.setdefault("input", fmt) != fmt:
                raise DesignError(
                    f"layer {i}: format override input {given['input']}, must be {fmt}, the "
                    f"output of layer {i - 1}"
                )
        try:
            chosen.append(
                choose_formats(cell, own, calibration, word, state_word, given, initial=states[i])
            )
        except DesignError as error:
            raise DesignError(f"layer {i}: {error}") from error
        if i + 1 < len(cells):
            sequences = [np.asarray(x, dtype=np.float64) for x in calibration]
            calibration = FloatModel(cell, own).run(sequences, initial=states[i])
    return chosen


def with_states(
    calibration: Sequence[np.ndarray], initial: Sequence[State | None]
) -> tuple[list[np.ndarray], list[list[State | None]]]:
    """The sequences, and the states of each layer before them.

    initial: a state of each layer. Where there are any, the sequences come twice: from zero and from them.
    """
    sequences = list(calibration)
    zero: list[State | None] = [None] * len(sequences)
    if all(state is None for state in initial):
        return sequences, [zero] * len(initial)
    return sequences * 2, [zero + [state] * len(sequences) for state in initial]


def check_layers(cells: Sequence[Cell], weights: Sequence[dict[str, np.ndarray]]) -> None:
    """DesignError unless there are layers, with weights each, whose sizes follow each other."""
    if not cells or len(cells) != len(weights):
        raise DesignError(
            f"layers: {len(cells)} cells and {len(weights)} sets of weights, must be as many of "
            "both and at least one"
        )
    for i, (this, following) in enumerate(zip(cells, cells[1:], strict=False)):
        if this.outputs != following.inputs:
            raise DesignError(
                f"layer {i}: {this.outputs} outputs, but layer {i + 1} has {following.inputs} "
                "inputs; make them equal"
            )
