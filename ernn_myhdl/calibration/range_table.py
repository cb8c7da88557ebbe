"""A table of what the formats cover: observed range, format and saturations of every tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ernn_myhdl.calibration.range_analysis import model_design, observed_ranges
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Activations, CoreSpecification, Formats
from ernn_myhdl.design.graph import Join
from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.joins import graph_of, joined_values, joined_words, walked
from ernn_myhdl.golden.tensors import layer_elements, tensor_formats, tensor_names
from ernn_myhdl.numerics.circulant import pack_spectrum
from ernn_myhdl.numerics.formats import MAX_WORD, Format, quantise, saturate


@dataclass(frozen=True)
class RangeRow:
    """One tensor or constant.

    minimum, maximum: of the float reference over the calibration data.
    elements: values looked at; saturations: how many of them the integer model saturated, None
    for tensors that cannot saturate.
    """

    tensor: str
    minimum: float
    maximum: float
    format: Format
    elements: int
    saturations: int | None

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value of the format."""
        return self.format.range


def range_table(
    cell: Cell,
    weights: dict[str, np.ndarray],
    calibration: Sequence[np.ndarray],
    formats: Formats,
    activations: Activations | None = None,
    initial: Sequence[State | None] | None = None,
) -> list[RangeRow]:
    """Rows of the constants and of every named tensor over `calibration`.

    calibration: sequences (frames, inputs). activations: those of `choose_activations` when None. initial: the
    state before each sequence, None for zero.
    """
    design = model_design(cell, weights, formats, activations)
    rows = _constants(weights, formats)
    ranges = observed_ranges(cell, weights, calibration, initial)
    runs = IntegerModel(design).run(
        [np.asarray(x, dtype=np.float64) for x in calibration], initial=initial
    )
    frames = sum(run.frames for run in runs)
    for name in tensor_names(cell):
        elements = frames * int(np.count_nonzero(layer_elements(cell, name)))
        counts = [run.saturations[name] for run in runs if name in run.saturations]
        saturations = sum(counts) if len(counts) == len(runs) else None
        rows.append(
            RangeRow(name, *ranges[name], tensor_formats(design)[name], elements, saturations)
        )
    return rows


def core_range_table(
    core: CoreSpecification,
    calibration: Sequence[np.ndarray],
    initial: Sequence[State | None] | None = None,
) -> list[RangeRow]:
    """The rows of a design, or of all layers of a network with their prefixes.

    A layer is looked at with the float reference's outputs of the layers before it, as is a join. initial: the state of
    each layer before every sequence, None for zero.
    """
    rows: list[RangeRow] = []
    given = [None] * len(core.layers) if initial is None else initial

    def looked_at(i: int, x: list[np.ndarray]) -> list[np.ndarray]:
        layer, states = core.layers[i], [given[i]] * len(x)
        own = range_table(layer.cell, layer.weights, x, layer.formats, layer.activations, states)
        rows.extend(replace(row, tensor=core.layer_prefixes[i] + row.tensor) for row in own)
        return FloatModel(layer.cell, layer.weights).run(list(x), initial=states)

    def join(name: str, how: Join, operands: list[list[np.ndarray]]) -> list[np.ndarray]:
        values = [joined_values(how, each) for each in zip(*operands, strict=True)]
        rows.append(_join_row(core, name, operands, values))
        return values

    walked(graph_of(core), list(scaled(core.host_scaling, calibration)), looked_at, join)
    return rows


def _join_row(
    core: CoreSpecification,
    name: str,
    operands: Sequence[Sequence[np.ndarray]],
    values: Sequence[np.ndarray],
) -> RangeRow:
    """The result of a join; its saturations are those of its operands' values, each in its format."""
    signals = core.signals
    assert signals is not None  # a row has no joins
    formats = [signals.formats[operand] for operand in signals.graph.operands[name]]
    words = [
        quantise(np.concatenate(list(each)), own)
        for each, own in zip(operands, formats, strict=True)
    ]
    _, changed = joined_words(signals, name, words)
    together = np.concatenate(list(values))
    low, high = float(together.min()), float(together.max())
    return RangeRow(
        f"{name}.output", low, high, signals.formats[name], together.size,
        int(np.count_nonzero(changed)),
    )  # fmt: skip


def _constants(weights: dict[str, np.ndarray], formats: Formats) -> list[RangeRow]:
    rows = []
    for name, array in weights.items():
        fmt = formats.preactivation if name.endswith("bias") else getattr(formats, name)
        values = pack_spectrum(array) if name.endswith("weight") else np.asarray(array)
        wide = quantise(values, Format(MAX_WORD, fmt.frac))
        saturations = int(np.count_nonzero(wide != saturate(wide, fmt)))
        low, high = float(values.min()), float(values.max())
        rows.append(RangeRow(name, low, high, fmt, values.size, saturations))
    return rows


def format_table(rows: Sequence[RangeRow]) -> str:
    """The rows as text for a terminal, one line each under a heading."""
    heading = ("tensor", "minimum", "maximum", "format", "range", "saturated")
    lines = [heading]
    for row in rows:
        low, high = row.range
        saturated = "-"
        if row.saturations is not None:
            share = 100.0 * row.saturations / max(row.elements, 1)
            saturated = f"{row.saturations} ({share:.3g} %)" if row.saturations else "0"
        lines.append(
            (
                row.tensor,
                f"{row.minimum:.4g}",
                f"{row.maximum:.4g}",
                f"{row.format} ({row.format.word} bit)",
                f"{low:.4g} .. {high:.4g}",
                saturated,
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(heading))]
    text = [
        "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)) for line in lines
    ]
    return "\n".join(line.rstrip() for line in text)
