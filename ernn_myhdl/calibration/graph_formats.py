"""Formats of the layers and joins of a graph from calibration data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.calibration.network_formats import with_states
from ernn_myhdl.calibration.range_analysis import choose_formats
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.cells.activations import SQUASHING
from ernn_myhdl.design.design import Formats
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import (
    ADDITION,
    INPUT,
    PRODUCT,
    ArgMax,
    Embedding,
    Graph,
    Join,
    Window,
    number_of,
)
from ernn_myhdl.design.hardware import SAMPLE_BITS
from ernn_myhdl.design.time_joins import Maximum, Mean, Repeat, Sum, TimeJoin
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.joins import joined_values, walked
from ernn_myhdl.numerics.formats import Format, format_for
from ernn_myhdl.numerics.pwl import segments_for

#: Frames of which a calibration repeats each as a sequence.
MOST_REPEATED = 64


def check_sizes(graph: Graph, cells: Sequence[Cell]) -> None:
    """DesignError where a layer takes a signal of another size, or an addition adds signals of several."""
    if len(cells) != len(graph.sources):
        raise DesignError(
            f"graph sources: {len(graph.sources)}, must be one for each of {len(cells)} layers"
        )

    def layer(i: int, size: int) -> int:
        if cells[i].inputs != size:
            raise DesignError(
                f"layer {i}: has {cells[i].inputs} inputs, but {graph.sources[i]} has {size} elements; make them equal"
            )
        return cells[i].outputs

    def join(name: str, how: Join, sizes: list[int]) -> int:
        if isinstance(how, Window | ArgMax | Embedding):
            if sizes[0] != how.size:
                raise DesignError(
                    f"graph: {how.inputs[0]} has {sizes[0]} elements, but the {how.kind} {name} takes {how.size}; make them equal"
                )
            return how.size_of(sizes)
        if how.over_time:
            return sizes[0]
        if how.kind in (ADDITION, PRODUCT) and len(set(sizes)) > 1:
            raise DesignError(
                f"graph {name}: {'multiplies' if how.kind == PRODUCT else 'adds'} {', '.join(map(str, sizes))} elements ({', '.join(how.inputs)}); must "
                "be signals of equal size"
            )
        return how.size_of(sizes)

    walked(graph, graph.input_size([cell.inputs for cell in cells]), layer, join)


def choose_graph_formats(
    graph: Graph,
    cells: Sequence[Cell],
    weights: Sequence[Mapping[str, np.ndarray]],
    calibration: Sequence[np.ndarray],
    word: int = 12,
    state_word: int = 16,
    given: Mapping[str, Format] | None = None,
    initial: Sequence[State | None] | None = None,
) -> tuple[list[Formats], Graph]:
    """Formats of every layer, and the graph with those of its joins.

    calibration: sequences (frames, inputs) of the network. given: overrides of layer 0, which may be that of x where it
    alone takes x. initial: for each layer a state from which sequences may start as from zero; the formats hold
    both. A join has `word` bits for the values that occur; one that is y has as many as hold its operands exactly, as
    far as a sample on the stream has them.
    """
    check_sizes(graph, cells)
    sequences, states = with_states(calibration, initial or [None] * len(cells))
    x = [np.asarray(s, dtype=np.float64) for s in sequences]
    formats: dict[str, Format] = {}
    chosen: dict[int, Formats] = {}
    joins: dict[str, Join] = {}

    def layer(i: int, x: list[np.ndarray]) -> list[np.ndarray]:
        source = graph.sources[i]
        own = dict(given or {}) if i == 0 else {}
        initial = states[i] if len(states[i]) == len(x) else [None] * len(x)
        if source in formats:
            own["input"] = formats[source]
        elif source == INPUT and graph.input_divides and "input" not in own:
            own["input"] = _fitting(x, word)
        try:
            chosen[i] = choose_formats(
                cells[i], dict(weights[i]), x, word, state_word, own, initial=initial
            )
        except DesignError as error:
            raise DesignError(f"layer {i}: {error}") from error
        formats[source], formats[f"layer_{i}"] = chosen[i].input, chosen[i].output
        return FloatModel(cells[i], dict(weights[i])).run(x, initial=initial)

    def join(name: str, how: Join, operands: list[list[np.ndarray]]) -> list[np.ndarray]:
        if isinstance(how, Window):
            values = [joined_values(how, each) for each in zip(*operands, strict=True)]
            (source,) = how.inputs
            if source not in formats:  # x, which no layer has taken yet
                formats[source] = (given or {}).get("input") or _fitting(operands[0], word)
            joins[name], formats[name] = replace(how, format=formats[source]), formats[source]
            return values
        if isinstance(how, Embedding):
            formats[INPUT] = how.index_format
            values = [joined_values(how, [each]) for each in operands[0]]
            # all rows, of which these frames may have a few
            formats[name] = how.format or _fitting([how.table.values], word)
            joins[name] = replace(how, format=formats[name])
            return values
        if isinstance(how, TimeJoin):
            values = time_joined(how, operands[0])
            if how.has_format:
                how = replace(how, format=how.format or _fitting(values, word))
            joins[name], formats[name] = how, how.format_behind(name, formats[how.inputs[0]])
            return values
        values = [joined_values(how, each) for each in _ends_together(operands)]
        fmt = how.format or _fitting(values, word)
        if isinstance(how, ElementWise):
            joins[name], formats[name] = chosen_function(how, formats[how.inputs[0]], fmt), fmt
            return values
        if how.format is None and name == graph.output and how.kind != PRODUCT:
            fmt = _exact([formats[operand] for operand in how.inputs], values, word)
        joins[name], formats[name] = replace(how, format=fmt), fmt
        return values

    walked(graph, x, layer, join)
    made = replace(graph, joins=tuple(joins[f"join_{i}"] for i in range(len(graph.joins))))
    return [chosen[i] for i in range(len(cells))], made


def chosen_function(join: ElementWise, source: Format, fmt: Format) -> ElementWise:
    """The join with its format, and the fewest segments of its table where it has one."""
    segments = join.segments
    if join.activation in SQUASHING and not segments:
        segments = segments_for(join.activation, source, fmt)
    return replace(join, format=fmt, segments=segments)


def signal_formats(graph: Graph, layers: Sequence[Formats]) -> list[Format]:
    """The formats of the joins of a graph, whose layers have these formats."""
    join = graph.sized_of(graph.first_taker)
    given: Format | None = layers[number_of(graph.first_taker)].input if join is None else None
    if join is not None:
        given = join.index_format if isinstance(join, Embedding) else join.format
    assert given is not None  # of chosen joins all have one
    found = {INPUT: given}
    for name in graph.order:
        how = graph.join_of(name)
        if how is None:
            found[name] = layers[number_of(name)].output
        elif how.format is not None:
            found[name] = how.format
        else:
            found[name] = how.format_behind(name, found[how.inputs[0]])
    of_x = [given] if isinstance(join, Embedding) else []  # no layer has it
    return [*of_x, *(fmt for name, fmt in found.items() if name.startswith("join_"))]


def time_joined(join: TimeJoin, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Values that a join over time may give for the frames of some sequences: those of sequences that end with any of these
    frames, so that the formats behind it are chosen on as many as before it."""
    if isinstance(join, Repeat):
        frames = np.concatenate(list(sequences))
        chosen = frames[:: -(-len(frames) // MOST_REPEATED) or 1]
        return [np.repeat(frame[None], join.frames, axis=0) for frame in chosen]
    if isinstance(join, Maximum):
        return [np.maximum.accumulate(each, axis=0) for each in sequences]
    if isinstance(join, Sum):
        means = [_window_means(each, join.frames) for each in sequences]
        return means if isinstance(join, Mean) else [mean * join.frames for mean in means]
    return list(sequences)


def _ends_together(operands: Sequence[Sequence[np.ndarray]]) -> list[list[np.ndarray]]:
    """Of each sequence the operands, as many frames of each: the last ones. Behind joins over time and windows without
    padding there may be more of one than of another, of which each stands for a sequence that ends there."""
    count = min(map(len, operands))
    found = []
    for each in zip(*(operand[len(operand) - count :] for operand in operands), strict=True):
        frames = min(map(len, each))
        found.append([values[len(values) - frames :] for values in each])
    return found


def _window_means(frames: np.ndarray, count: int) -> np.ndarray:
    """The mean of the last `count` frames at each frame; before there are so many, that of the first ones."""
    count = min(count, len(frames))
    if not count:
        return frames
    sums = np.cumsum(np.concatenate([np.zeros_like(frames[:1]), frames]), axis=0)
    means = (sums[count:] - sums[:-count]) / count
    return np.concatenate([np.repeat(means[:1], count - 1, axis=0), means])


def _largest(values: Sequence[np.ndarray]) -> float:
    return max((float(np.abs(v).max()) for v in values if v.size), default=0.0)


def _fitting(values: Sequence[np.ndarray], word: int) -> Format:
    return format_for(_largest(values), word)


def _exact(operands: Sequence[Format], values: Sequence[np.ndarray], word: int) -> Format:
    """The finest fraction of the operands, in as many bits as a sample has that holds `word`, for these values."""
    most = next((bits for bits in SAMPLE_BITS if bits >= word), word)
    fitting = _fitting(values, most)
    frac = min(max(fmt.frac for fmt in operands), fitting.frac)
    # the fewest bits that hold the values with that fraction
    return Format(max(fitting.word - (fitting.frac - frac), 2), frac)
