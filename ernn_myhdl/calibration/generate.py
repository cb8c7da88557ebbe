"""New designs and networks with random weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ernn_myhdl.calibration.build import build_design, build_network, check_words
from ernn_myhdl.calibration.graph_formats import check_sizes
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.design.cells import Cell, make_cell
from ernn_myhdl.design.design import Design, check_identifier
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.hardware import FIXED
from ernn_myhdl.design.limits import MAX_PARAMETERS
from ernn_myhdl.design.network import Network
from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import whole

#: Standard normal calibration data: sequences and frames of each.
CALIBRATION = (8, 24)


def new_design(
    inputs: int,
    hidden: int,
    projection: int | None = None,
    block: int | None = None,
    peepholes: bool | None = None,
    g_activation: str | None = None,
    lanes: int = 1,
    ifft_units: int | None = None,
    element_width: int | float | None = None,
    samples_per_beat: int | None = None,
    sample_bits: int | None = None,
    streams: int = 1,
    initial_states: bool = False,
    word: int = 12,
    state_word: int = 16,
    seed: int = 1,
    name: str = "ernn",
    cell: str = "lstm",
    reset: str | None = None,
    input_block: int | None = None,
    projection_block: int | None = None,
    activation: str | None = None,
    slope: float | None = None,
    limit: float | None = None,
    weights: str = FIXED,
    weight_banks: int = 1,
) -> Design:
    """A design with random weights of sensible scale; the same for the same arguments.

    The formats are chosen on standard normal inputs.

    Parameters
    ----------
    inputs, hidden : int
    projection, block, peepholes, g_activation, reset, input_block, projection_block, activation, slope, limit : optional
        Of the cell: `LstmCell`, `GruCell`, `RnnCell`, `LinearCell`; None: its default.
    lanes, ifft_units, element_width, samples_per_beat, sample_bits, streams, initial_states, weights, weight_banks : optional
        Of the `Hardware`; None: as `default_hardware` chooses.
    word, state_word : int
        Bits of inputs, outputs, gates and weight spectra; bits of cell state and pre-activations.
    seed : int
        Of the weights.
    name : str
        Of the top entity.
    cell : str
        "lstm", "gru", "rnn" or "linear".

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
    whole("seed", seed, 0)
    given = {
        "projection": projection,
        "block": block,
        "peepholes": peepholes,
        "g_activation": g_activation,
        "reset": reset,
        "input_block": input_block,
        "projection_block": projection_block,
        "activation": activation,
        "slope": slope,
        "limit": limit,
    }
    given = {n: v for n, v in given.items() if v is not None}
    layer = make_cell(cell, inputs=inputs, hidden=hidden, **given)
    _check_size(layer)
    design = build_design(
        layer,
        random_weights(layer, seed),
        random_calibration(inputs, seed),
        word,
        state_word,
        lanes,
        name,
        ifft_units=ifft_units,
        element_width=element_width,
        samples_per_beat=samples_per_beat,
        sample_bits=sample_bits,
        streams=streams,
        initial_states=initial_states,
    )
    return design.with_weights(weights, weight_banks)


def new_network(cells: Sequence[Cell], seed: int = 1, **options) -> Network:
    """A network of cells with random weights; the same for the same arguments.

    Parameters
    ----------
    cells : sequence of Cell
    seed : int
        Of the weights.
    **options
        Those of `build_network`.

    Returns
    -------
    Network

    Raises
    ------
    DesignError
        Where anything is illegal or does not fit together.
    """
    whole("seed", seed, 0)
    if not cells:
        raise DesignError("layers: none, must be at least one")
    for cell in cells:
        _check_size(cell)
    weights = [random_weights(cell, seed + i) for i, cell in enumerate(cells)]
    graph, inputs = options.get("graph"), cells[0].inputs
    if graph is not None:
        check_sizes(graph, cells)
        inputs = graph.input_size([cell.inputs for cell in cells])
    return build_network(cells, weights, random_calibration(inputs, seed, graph), **options)


def random_calibration(inputs: int, seed: int, graph: Graph | None = None) -> list[np.ndarray]:
    """Standard normal sequences (frames, inputs), with which no signal of a graph has fewer frames than without windows."""
    rng = np.random.default_rng([seed, 1])
    sequences, frames = CALIBRATION
    cadences = graph.cadences.values() if graph else ()
    frames = max((c.first + c.step * (frames - 1) + 1 for c in cadences), default=frames)
    return [random_frames(rng, frames, inputs, graph) for _ in range(sequences)]


def random_frames(
    rng: np.random.Generator, frames: int, inputs: int, graph: Graph | None
) -> np.ndarray:
    """Values of x (frames, inputs): standard normal, for an embedding numbers of rows, all of them as likely."""
    embedding = graph.embedding if graph else None
    if embedding is not None:
        return rng.integers(0, embedding.rows, (frames, inputs)).astype(np.float64)
    return rng.standard_normal((frames, inputs))


def _check_size(cell: Cell) -> None:
    if cell.parameters > MAX_PARAMETERS:
        raise DesignError(
            f"cell inputs = {cell.inputs}, hidden = {cell.hidden}, projection = {cell.projection}: "
            f"has {cell.parameters} parameters, must be at most {MAX_PARAMETERS}; choose smaller "
            "sizes or larger blocks"
        )
