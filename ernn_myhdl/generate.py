"""New designs with random weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ernn_myhdl.cells import Cell, make_cell
from ernn_myhdl.design import (
    MAX_TDATA,
    SAMPLE_BITS,
    Activations,
    Design,
    Formats,
    Hardware,
    check_identifier,
)
from ernn_myhdl.errors import DesignError
from golden.random_weights import random_weights
from golden.range_analysis import choose_activations, choose_formats

#: Larger layers than this do not fit any device, and not the memory of a desktop computer either.
MAX_PARAMETERS = 1 << 26
#: The tables of the activations are chosen by looking at every code of their inputs.
MAX_STATE_WORD = 24
#: Standard normal calibration data: sequences and frames of each.
CALIBRATION = (8, 24)


def check_words(word: object, state_word: object) -> None:
    """DesignError unless formats can be chosen for these words, in bits."""
    for field, value, most in (("word", word, 32), ("state_word", state_word, MAX_STATE_WORD)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise DesignError(f"{field} = {value!r}: must be a whole number")
        if not 4 <= value <= most:
            raise DesignError(f"{field} = {value}: must be 4 to {most} bits")


def default_hardware(
    cell: Cell,
    formats: Formats,
    lanes: int,
    ifft_units: int | None = None,
    element_width: int | None = None,
    samples_per_beat: int | None = None,
    sample_bits: int | None = None,
    streams: int = 1,
) -> Hardware:
    """Hardware parameters; those that are None get a default.

    element_width: 1. ifft_units: the largest power of two that divides lanes, at most the rows of
    element_width blocks of cells. sample_bits: the fewest that hold the words. samples_per_beat: a block, as
    far as tdata allows.
    """
    width = 1 if element_width is None else element_width
    if ifft_units is None and isinstance(lanes, int) and isinstance(width, int):
        rows = len(cell.rows) * width
        ifft_units = max(1, min(lanes & -lanes, 1 << max(rows, 1).bit_length() - 1))
    if sample_bits is None:
        widest = max(formats.input.word, formats.output.word)
        sample_bits = next((bits for bits in SAMPLE_BITS if bits >= widest), SAMPLE_BITS[-1])
    if samples_per_beat is None:
        samples_per_beat = min(cell.block, MAX_TDATA // max(sample_bits, 1))
    return Hardware(lanes, ifft_units, width, samples_per_beat, sample_bits, streams)


def new_design(
    inputs: int,
    hidden: int,
    projection: int | None = None,
    block: int | None = None,
    peepholes: bool | None = None,
    g_activation: str | None = None,
    lanes: int = 1,
    ifft_units: int | None = None,
    element_width: int | None = None,
    samples_per_beat: int | None = None,
    sample_bits: int | None = None,
    streams: int = 1,
    word: int = 12,
    state_word: int = 16,
    seed: int = 1,
    name: str = "ernn",
    cell: str = "lstm",
    reset: str | None = None,
) -> Design:
    """A design with random weights of sensible scale; the same for the same arguments.

    word: bits of inputs, outputs, gates and weight spectra. state_word: bits of cell state and
    pre-activations. The formats are chosen on standard normal inputs. cell: "lstm", "gru" or "linear";
    other arguments: `LstmCell`, `GruCell` or `LinearCell` (None: its default), `default_hardware`.
    """
    check_identifier(name)
    check_words(word, state_word)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise DesignError(f"seed = {seed!r}: must be a whole number, 0 or more")
    given = {
        "projection": projection,
        "block": block,
        "peepholes": peepholes,
        "g_activation": g_activation,
        "reset": reset,
    }
    given = {n: v for n, v in given.items() if v is not None}
    layer = make_cell(cell, inputs=inputs, hidden=hidden, **given)
    if layer.parameters > MAX_PARAMETERS:
        raise DesignError(
            f"cell inputs = {inputs}, hidden = {hidden}, projection = {layer.projection}: has "
            f"{layer.parameters} parameters, must be at most {MAX_PARAMETERS}; choose smaller "
            "sizes or larger blocks"
        )
    weights = random_weights(layer, seed)
    rng = np.random.default_rng([seed, 1])
    sequences, frames = CALIBRATION
    calibration = [rng.standard_normal((frames, inputs)) for _ in range(sequences)]
    formats = choose_formats(layer, weights, calibration, word, state_word)
    hardware = default_hardware(
        layer, formats, lanes, ifft_units, element_width, samples_per_beat, sample_bits, streams
    )
    # everything else is checked before the segments are counted, which takes longest
    design = Design(layer, hardware, formats, Activations(2, 2), weights, name)
    return replace(design, activations=choose_activations(layer, formats))
