"""Designs and networks from cells, weights and calibration data: formats, segments and hardware chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.calibration.graph_formats import choose_graph_formats, signal_formats
from ernn_myhdl.calibration.input_scales import scaled_format
from ernn_myhdl.calibration.network_formats import choose_network_formats, with_states
from ernn_myhdl.calibration.range_analysis import choose_activations, choose_formats
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import (
    MAX_TDATA,
    SAMPLE_BITS,
    Activations,
    Design,
    Formats,
    Hardware,
    check_identifier,
)
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.input_scaling import InputScaling, scaled
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.time_joins import with_outputs
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.whole_numbers import whole

#: The tables of the activations are chosen by looking at every code of their inputs.
MAX_STATE_WORD = 24
#: A state word has so many bits more than the others, unless it is given.
EXTRA_STATE_BITS = 4
MAX_CHOSEN_WORD = 32


def check_words(word: object, state_word: object) -> None:
    """DesignError unless formats can be chosen for words of these bits."""
    for name, value, most in (
        ("word", word, MAX_CHOSEN_WORD),
        ("state_word", state_word, MAX_STATE_WORD),
    ):
        whole(name, value, 4, most, unit="bits")


def default_hardware(
    cell: Cell,
    formats: Formats,
    lanes: int,
    ifft_units: int | None = None,
    element_width: int | float | None = None,
    samples_per_beat: int | None = None,
    sample_bits: int | None = None,
    streams: int = 1,
    initial_states: bool = False,
) -> Hardware:
    """Hardware parameters; those that are None get a default.

    element_width: 1. ifft_units: the largest power of two that divides lanes, at most the rows of
    element_width blocks of cells. sample_bits: the fewest that hold the words, with initial_states those
    of the state too. samples_per_beat: a block, as
    far as tdata allows.
    """
    width = 1 if element_width is None else element_width
    if ifft_units is None and isinstance(lanes, int):
        rows = len(cell.rows) * (width if isinstance(width, int) else 1)
        ifft_units = max(1, min(lanes & -lanes, 1 << max(rows, 1).bit_length() - 1))
    if sample_bits is None:
        sample_bits = _sample_bits(initial_states, formats)
    if samples_per_beat is None:
        samples_per_beat = _samples_per_beat(cell.tile, sample_bits)
    return Hardware(
        lanes, ifft_units, width, samples_per_beat, sample_bits, streams, initial_states
    )


def _sample_bits(initial_states: bool, *formats: Formats, joins: Sequence[Format] = ()) -> int:
    words = [fmt.word for f in formats for fmt in (f.input, f.output)]
    words += [fmt.word for fmt in joins]
    if initial_states:
        words += [f.cell_state.word for f in formats if f.cell_state]
    widest = max(words)
    return next((bits for bits in SAMPLE_BITS if bits >= widest), SAMPLE_BITS[-1])


def _samples_per_beat(block: int, sample_bits: int) -> int:
    return min(block, MAX_TDATA // max(sample_bits, 1))


def build_design(
    cell: Cell,
    weights: dict[str, np.ndarray],
    calibration: Sequence[np.ndarray],
    word: int = 12,
    state_word: int = 16,
    lanes: int = 1,
    name: str = "ernn",
    input_scaling: InputScaling | None = None,
    initial: State | None = None,
    *,
    ifft_units: int | None = None,
    element_width: int | float | None = None,
    samples_per_beat: int | None = None,
    sample_bits: int | None = None,
    streams: int = 1,
    initial_states: bool = False,
) -> Design:
    """A design of a cell with its weights, in formats chosen on calibration data.

    Parameters
    ----------
    cell : Cell
    weights : dict of str to ndarray
        Named and shaped by `Cell.weight_shapes`.
    calibration : sequence of ndarray, (frames, inputs) each
    word, state_word : int
        Bits of inputs, outputs, gates and weight spectra; bits of cell state and pre-activations.
    lanes : int
    name : str
        Of the top entity.
    input_scaling : InputScaling, optional
        Of the calibration data's x, for which the weights are made.
    initial : dict of str to ndarray, optional
        A state from which sequences may start as well as from zero (`ernn_myhdl.golden.initial_state`); the formats
        hold both.
    ifft_units, element_width, samples_per_beat, sample_bits, streams, initial_states : int, bool
        Of the hardware; None: as `default_hardware` chooses.

    Returns
    -------
    Design

    Raises
    ------
    DesignError
        Where anything is illegal or does not fit together.
    """
    check_identifier(name)
    check_words(word, state_word)
    calibration = scaled(input_scaling, calibration)
    given = scaled_format(input_scaling, calibration, word)
    sequences, (states,) = with_states(calibration, [initial])
    formats = choose_formats(cell, weights, sequences, word, state_word, given, initial=states)
    chosen = default_hardware(
        cell, formats, lanes, ifft_units, element_width, samples_per_beat, sample_bits, streams,
        initial_states,
    )  # fmt: skip
    # everything else is checked before the segments are counted, which takes longest
    design = Design(cell, chosen, formats, Activations(2, 2), weights, name, input_scaling)
    return replace(design, activations=choose_activations(cell, formats))


def build_network(
    cells: Sequence[Cell],
    weights: Sequence[dict[str, np.ndarray]],
    calibration: Sequence[np.ndarray],
    word: int = 12,
    state_word: int = 16,
    lanes: int | Sequence[int] = 1,
    ifft_units: int | Sequence[int] | None = None,
    element_width: int | float | Sequence[int | float] | None = None,
    samples_per_beat: int | None = None,
    sample_bits: int | None = None,
    streams: int = 1,
    initial_states: bool = False,
    name: str = "ernn",
    input_scaling: InputScaling | None = None,
    initial: Sequence[State | None] | None = None,
    graph: Graph | None = None,
    outputs: Sequence[str] | None = None,
) -> Network:
    """A network of cells with their weights, in formats chosen layer by layer on calibration data.

    Parameters
    ----------
    cells, weights : sequence of Cell, sequence of dict
        As in `build_design`, of each layer.
    calibration : sequence of ndarray, (frames, inputs) each
        Of the network.
    word, state_word : int
        As in `build_design`.
    lanes, ifft_units, element_width : number or sequence of numbers
        One for each layer, or one for all.
    samples_per_beat, sample_bits, streams, initial_states : int, bool
        The same in all layers: sample_bits holds the words of all, samples_per_beat is the largest block
        (`default_hardware`).
    name : str
        Of the top entity.
    input_scaling : InputScaling, optional
        As in `build_design`.
    initial : sequence of dict or None, optional
        For each layer a state from which sequences may start as well as from zero; the formats hold both.
    graph : Graph, optional
        How the signals go, where they do not go from each layer to the next; joins without a format get one.
    outputs : sequence of str, optional
        For each layer "all" or "last": every frame, or that of the end of a sequence only
        (`ernn_myhdl.design.time_joins`).

    Returns
    -------
    Network

    Raises
    ------
    DesignError
        Where anything is illegal or does not fit together.
    """
    check_identifier(name)
    check_words(word, state_word)
    calibration = scaled(input_scaling, calibration)
    if outputs is not None:
        graph = with_outputs(graph, outputs)
    if graph is not None and graph.is_row:
        graph = None
    divides = graph is not None and (graph.input_divides or graph.first_taker != "layer_0")
    of_layer = None if divides else input_scaling
    given = [scaled_format(of_layer, calibration, word), *[None] * (len(cells) - 1)]
    more: list[Format] = []
    if graph is None:
        chosen = choose_network_formats(
            cells, weights, calibration, word, state_word, given, initial=initial
        )
    else:
        chosen, graph = choose_graph_formats(
            graph, cells, weights, calibration, word, state_word, given[0], initial
        )
        more = signal_formats(graph, chosen)
    if sample_bits is None:
        sample_bits = _sample_bits(initial_states, *chosen, joins=more)
    if samples_per_beat is None:
        samples_per_beat = _samples_per_beat(max(cell.tile for cell in cells), sample_bits)
    options = [
        _one_each(what, value, len(cells))
        for what, value in (
            ("lanes", lanes), ("ifft_units", ifft_units), ("element_width", element_width)
        )
    ]  # fmt: skip
    layers = []
    for i, (cell, own, formats) in enumerate(zip(cells, weights, chosen, strict=True)):
        try:
            count, units, width = (each[i] for each in options)
            hardware = default_hardware(
                cell, formats, count, units, width, samples_per_beat, sample_bits, streams,
                initial_states,
            )  # fmt: skip
            layers.append(
                Design(
                    cell, hardware, formats, Activations(2, 2), own, f"{name}_layer_{i}",
                    None if i else of_layer,
                )
            )  # fmt: skip
        except DesignError as error:
            raise DesignError(f"layer {i}: {error}") from error
    made = Network(
        tuple(layers), name, None, graph, input_scaling=input_scaling if divides else None
    )
    # everything else is checked before the segments are counted, which takes longest
    layers = [replace(d, activations=choose_activations(d.cell, d.formats)) for d in layers]
    return replace(made, layers=tuple(layers))


def _one_each(what: str, value, layers: int) -> list:
    if not isinstance(value, list | tuple):
        return [value] * layers
    if len(value) != layers:
        raise DesignError(
            f"hardware {what}: {len(value)} values, must be one for all layers or {layers}"
        )
    return list(value)
