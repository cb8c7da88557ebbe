"""What joins compute, in every model: float values, fxpmath numbers and integers.

Operands are aligned exactly; the result is rounded half up and saturated to the join's format, once. Frames are
(frames, elements) throughout. Joins over time are in `ernn_myhdl.golden.time_joins`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from fxpmath import Fxp

from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import (
    ADDITION,
    CONCATENATION,
    INPUT,
    PRODUCT,
    ArgMax,
    Embedding,
    Graph,
    Join,
    Window,
    number_of,
    row,
)
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.design.time_joins import TimeJoin
from ernn_myhdl.golden.float_cells import linear_activation
from ernn_myhdl.golden.fxp_activation import FxpActivation
from ernn_myhdl.golden.fxp_arithmetic import number, quantised, requantised
from ernn_myhdl.golden.fxp_table import FxpTable
from ernn_myhdl.golden.linear_activation import LinearActivation
from ernn_myhdl.golden.sequences import check_raw, check_sequence
from ernn_myhdl.golden.time_joins import time_numbers, time_values, time_words
from ernn_myhdl.golden.windows import windowed
from ernn_myhdl.numerics.formats import MAX_WORD, Format, quantise, round_shift, saturate

Value = TypeVar("Value")
#: The words of a result, and where they saturated (boolean).
Joined = tuple[np.ndarray, np.ndarray]


def graph_of(core: CoreStructure) -> Graph:
    """The graph of a core; that of its row where it has none."""
    return core.graph or row(len(core.layers))


def walked(
    graph: Graph,
    x: Value,
    layer: Callable[[int, Value], Value],
    join: Callable[[str, Join, list[Value]], Value],
) -> Value:
    """y of x: layer and join give each signal from those that it is made of."""
    made = {INPUT: x}
    for place, name in enumerate(graph.order):
        operands = [made[operand] for operand in graph.operands[name]]
        taken = graph.join_of(name)
        made[name] = (
            layer(number_of(name), operands[0]) if taken is None else join(name, taken, operands)
        )
        for operand in graph.operands[name]:  # what nothing takes any more is not kept
            if operand in made and not _needed(graph, operand, place):
                del made[operand]
    return made[graph.output]


def _needed(graph: Graph, name: str, place: int) -> bool:
    return any(taker in graph.order[place + 1 :] for taker, _ in graph.consumers[name])


def joined_values(join: Join, operands: Sequence[np.ndarray]) -> np.ndarray:
    """The float reference: no rounding."""
    if isinstance(join, Window):
        return windowed(join, operands[0])
    if isinstance(join, ArgMax):
        chosen: np.ndarray = np.argmax(operands[0], axis=-1)[..., None].astype(np.float64)
        return chosen
    if isinstance(join, Embedding):
        rows: np.ndarray = join.table.values[join.numbers(operands[0])[..., 0]]
        return rows
    if isinstance(join, TimeJoin):
        return time_values(join, operands[0])
    if isinstance(join, ElementWise):
        return linear_activation(join.activation, join.slope, join.limit)(operands[0])
    if join.kind == CONCATENATION:
        return np.concatenate(list(operands), axis=-1)
    total: np.ndarray = operands[0].astype(np.float64)
    if join.kind == PRODUCT:
        multiplied: np.ndarray = total * operands[1]
        return multiplied
    for operand in operands[1:]:
        total = total + operand
    return total


def _chosen(join: Join, operands: Sequence[np.ndarray]) -> Joined | None:
    """Of joins that choose words, which is the same in every model; None of others."""
    if isinstance(join, Window):
        return _windowed(join, operands)
    if isinstance(join, Embedding):
        return _looked_up(join, operands)
    if isinstance(join, ArgMax):
        numbers = np.argmax(operands[0], axis=-1)[..., None]
        return numbers, np.zeros(numbers.shape, dtype=bool)
    return None


def joined_words(signals: Signals, name: str, operands: Sequence[np.ndarray]) -> Joined:
    """The integer model."""
    join = signals.graph.joins[number_of(name)]
    if isinstance(join, TimeJoin):
        return time_words(join, signals, name, operands[0])
    if (chosen := _chosen(join, operands)) is not None:
        return chosen
    fmt, formats = signals.formats[name], _formats(signals, name)
    if isinstance(join, ElementWise):
        return _function_words(join, operands[0], formats[0], fmt)
    if join.kind == ADDITION:
        frac = signals.sum_of(name).frac
        exact = np.zeros_like(operands[0])
        for raw, own in zip(operands, formats, strict=True):
            exact = exact + (raw << (frac - own.frac))
        wide = round_shift(exact, frac - fmt.frac)
    elif join.kind == PRODUCT:
        first, second = (np.asarray(words, dtype=np.int64) for words in operands)
        wide = round_shift(first * second, signals.sum_of(name).frac - fmt.frac)
    else:
        parts = zip(operands, formats, strict=True)
        wide = np.concatenate([round_shift(r, own.frac - fmt.frac) for r, own in parts], axis=-1)
    raw = saturate(wide, fmt)
    return raw, raw != wide


def joined_numbers(signals: Signals, name: str, operands: Sequence[np.ndarray]) -> Joined:
    """The fxpmath model; operands and result are words, as those of the integer model."""
    join = signals.graph.joins[number_of(name)]
    if isinstance(join, TimeJoin):
        return time_numbers(join, signals, name, operands[0])
    if (chosen := _chosen(join, operands)) is not None:
        return chosen
    fmt = signals.formats[name]
    numbers = [number(raw, own) for raw, own in zip(operands, _formats(signals, name), strict=True)]
    if isinstance(join, ElementWise):
        return _function_numbers(join, numbers[0], fmt)
    if join.kind in (ADDITION, PRODUCT):
        total = numbers[0]
        for other in numbers[1:]:
            total = total * other if join.kind == PRODUCT else total + other
        made, changed = requantised(total, fmt)
        return made.val.astype(np.int64), changed
    parts = [requantised(each, fmt) for each in numbers]
    words = np.concatenate([made.val.astype(np.int64) for made, _ in parts], axis=-1)
    return words, np.concatenate([changed for _, changed in parts], axis=-1)


def _function_words(join: ElementWise, words: np.ndarray, source: Format, fmt: Format) -> Joined:
    if (table := join.table(source)) is not None:
        return table.evaluate(words), np.zeros(words.shape, dtype=bool)
    wide = LinearActivation.of(join, source, fmt).rounded(words)
    raw = saturate(wide, fmt)
    return raw, raw != wide


def _function_numbers(join: ElementWise, x: Fxp, fmt: Format) -> Joined:
    if (table := join.table(Format(x.n_word, x.n_frac))) is not None:
        made = FxpTable(table).evaluate(x)
        return made.val.astype(np.int64), np.zeros(made.val.shape, dtype=bool)
    made, changed = requantised(FxpActivation(join, fmt).before_rounding(x), fmt)
    return made.val.astype(np.int64), changed


def _windowed(window: Window, operands: Sequence[np.ndarray]) -> Joined:
    words = windowed(window, operands[0])
    return words, np.zeros(words.shape, dtype=bool)


def _looked_up(embedding: Embedding, operands: Sequence[np.ndarray]) -> Joined:
    """Words of the memory, rounded when the network was made, the same in every model; saturated where the table is."""
    numbers = embedding.numbers(operands[0])[..., 0]
    return embedding.words[numbers], embedding.saturated[numbers]


def input_words(core: CoreStructure, x: np.ndarray) -> Joined:
    """x (frames, inputs), values or words, as words of its format, and where it saturated: integers."""
    x, fmt = check_sequence(x, core.inputs), core.input_format
    core.check_numbers(x)
    if x.dtype.kind != "f":
        check_raw(x, fmt)
        return x, np.zeros(x.shape, dtype=bool)
    wide = quantise(x, Format(MAX_WORD, fmt.frac))
    raw = saturate(wide, fmt)
    return raw, raw != wide


def input_numbers(core: CoreStructure, x: np.ndarray) -> Joined:
    """As `input_words`, by fxpmath."""
    x = check_sequence(x, core.inputs)
    core.check_numbers(x)
    if x.dtype.kind != "f":
        check_raw(x, core.input_format)
        return x, np.zeros(x.shape, dtype=bool)
    made, changed = quantised(x, core.input_format)
    return made.val.astype(np.int64), changed


def _formats(signals: Signals, name: str) -> list[Format]:
    return [signals.formats[operand] for operand in signals.graph.operands[name]]


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])
