"""Formats from calibration data: the range of every tensor of the float reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.cells.ranges import MARGIN, Ranges, fitting
from ernn_myhdl.design.design import Activations, Design, Formats, Hardware
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.initial_state import State, check_states, output_of
from ernn_myhdl.golden.sequences import check_sequence
from ernn_myhdl.golden.tensors import layer_elements, tensor_names, tensor_shapes, tensors_of
from ernn_myhdl.numerics.circulant import pack_spectrum
from ernn_myhdl.numerics.formats import MOST_FRAC, Format
from ernn_myhdl.numerics.pwl import segments_for
from ernn_myhdl.numerics.transform import forward_graph, multiplications

#: Words of float tensors held at once during calibration.
CHUNK_WORDS = 1 << 23

Arrays = dict[str, np.ndarray]


def matrix_products(cell: Cell) -> tuple[tuple[str, str, str], ...]:
    """Weight, spectrum and source signal of every product of `cell` with a matrix."""
    products = [("input_weight", "input_spectrum", "input")]
    if cell.recurrent:
        products.append(("recurrent_weight", "output_spectrum", "output"))
    if cell.second_phase:
        weight = "projection_weight" if cell.projection else "recurrent_weight"
        products.append((weight, "cell_output_spectrum", "cell_output"))
    return tuple(products)


def observed_ranges(
    cell: Cell,
    weights: dict[str, np.ndarray],
    calibration: Sequence[np.ndarray],
    initial: Sequence[State | None] | None = None,
) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of every named tensor of the float reference, padding left out.

    calibration: sequences (frames, inputs). initial: the state before each (`ernn_myhdl.golden.initial_state`), None
    for zero; what is given counts as a value of its tensors.
    """
    model = FloatModel(cell, weights)
    inside = {name: layer_elements(cell, name) for name in tensor_names(cell)}
    ranges: dict[str, tuple[float, float]] = {}

    def see(name: str, values: np.ndarray) -> None:
        low, high = ranges.get(name, (np.inf, -np.inf))
        ranges[name] = min(low, float(values.min())), max(high, float(values.max()))

    for group, states in _groups(cell, calibration, initial):
        for _, tensors in model.run(group, tensors=True, initial=states):
            for name, array in tensors.items():
                see(name, array[:, inside[name]])
        for state in states:
            for name, values in _given_tensors(cell, state).items():
                see(name, values)
    return ranges


def _given_tensors(cell: Cell, state: State | None) -> Arrays:
    """The tensors that the cell holds before the first frame, where a state is given."""
    if state is None:
        return {}
    found = {name: np.asarray(values, dtype=np.float64) for name, values in state.items()}
    if cell.recurrent:
        found["output"] = np.asarray(output_of(state), dtype=np.float64)
        blocks = np.zeros(cell.y_columns * cell.y_block)
        blocks[: cell.outputs] = found["output"]
        spectrum = pack_spectrum(blocks.reshape(cell.y_columns, cell.y_block))
        found["output_spectrum"] = spectrum
    return found


def _groups(
    cell: Cell, calibration: Sequence[np.ndarray], initial: Sequence[State | None] | None
) -> Iterator[tuple[list[np.ndarray], list[State | None]]]:
    """The sequences and their states in groups whose tensors fit the memory; empty ones are left out."""
    sequences = [np.asarray(x, dtype=np.float64) for x in calibration]
    states = check_states(cell, initial, len(sequences))
    states = [state for x, state in zip(sequences, states, strict=True) if len(x)]
    sequences = [check_sequence(x, cell.inputs) for x in sequences if len(x)]
    if not sequences:
        raise DesignError("calibration: no frames; give at least one sequence (frames, inputs)")
    words = sum(int(np.prod(shape)) for shape in tensor_shapes(cell).values())
    group: list[np.ndarray] = []
    kept: list[State | None] = []
    for x, state in zip(sequences, states, strict=True):
        longest = max([len(x), *(len(s) for s in group)])
        if group and longest * (len(group) + 1) * words > CHUNK_WORDS:
            yield group, kept
            group, kept = [], []
        group.append(x)
        kept.append(state)
    yield group, kept


def choose_formats(
    cell: Cell,
    weights: dict[str, np.ndarray],
    calibration: Sequence[np.ndarray],
    word: int = 12,
    state_word: int = 16,
    overrides: dict[str, Format] | None = None,
    spectrum_word: int | None = None,
    initial: Sequence[State | None] | None = None,
) -> Formats:
    """Formats with the most fraction bits whose ranges hold what calibration shows.

    calibration: sequences (frames, inputs) of real inputs.
    word: bits of input, output, cell output, gates, weight spectra and peepholes.
    state_word: bits of cell state and pre-activations; log2 k more for `block_spectrum`.
    overrides: formats by field name of `Formats`, taken as they are; the others adapt to the
    common fraction of the accumulators.
    spectrum_word: bits of signal spectra; None: word + max(4, log2 k + 1).
    initial: the state before each sequence (`observed_ranges`); None: zero.

    A value beyond the calibrated range saturates; the models count it. Raises DesignError where
    the overrides contradict each other.
    """
    given = _checked(cell, overrides or {})
    ranges = observed_ranges(cell, weights, calibration, initial)
    peak = {name: max(-low, high) for name, (low, high) in ranges.items()}
    growth = cell.tile.bit_length() - 1
    formats = {"input": fitting(peak["input"], word)}
    formats |= cell.formats_behind(Ranges(weights, peak, given, word, state_word))
    formats |= given
    if spectrum_word is None:
        spectrum_word = word + max(4, growth + 1)
    formats |= _matrices(cell, weights, peak, formats, word, spectrum_word)
    if "block_spectrum" not in formats:
        accumulator = formats["input_weight"].frac + formats["input_spectrum"].frac
        sums = max(
            peak[name]
            for name, tensor in tensors_of(cell).items()
            if tensor.format == "block_spectrum"
        )
        block = fitting(sums * MARGIN, state_word + growth)
        frac = min(block.frac, accumulator + _guard(cell.tile))
        formats["block_spectrum"] = replace(block, frac=frac)
    chosen = Formats(**formats)
    chosen.check(cell)
    return chosen


def _checked(cell: Cell, overrides: dict[str, Format]) -> dict[str, Format]:
    """The overrides; in an LSTM without a projection `output` and `cell_output` follow each other."""
    unknown = sorted(set(overrides) - set(Formats.__dataclass_fields__))
    if unknown:
        raise DesignError(
            f"format overrides {', '.join(unknown)}: must be among "
            f"{', '.join(Formats.__dataclass_fields__)}"
        )
    given = dict(overrides)
    if "cell_output" in cell.format_names and not cell.second_phase:
        for name, other in (("output", "cell_output"), ("cell_output", "output")):
            if name in given:
                given.setdefault(other, given[name])
    return given


def _guard(points: int) -> int:
    """Fraction bits beyond those of its input that a transform can use."""
    return 2 if multiplications(forward_graph(points)) else 0


def weight_format(vectors: np.ndarray, word: int) -> Format:
    """Format of a matrix: `word` bits with the most fraction bits that hold the spectra of its blocks.

    vectors: first columns (..., k).
    """
    return fitting(float(np.max(np.abs(pack_spectrum(vectors)))), word)


def _matrices(
    cell: Cell,
    weights: dict[str, np.ndarray],
    peak: dict[str, float],
    formats: dict[str, Format],
    word: int,
    spectrum_word: int,
) -> dict[str, Format]:
    """Formats of weights and spectra, aligned to one fraction A of the accumulators.

    A is as large as the ranges of all spectra allow, and no larger than useful: beyond the
    fraction of its transform a spectrum gains nothing. The matrix that limits A also makes the
    largest error by the rounding of its weights, so the bits that the others lose do not count.
    """
    products = matrix_products(cell)
    chosen = {}
    for weight in dict.fromkeys(weight for weight, _, _ in products):
        chosen[weight] = formats.get(weight) or weight_format(weights[weight], word)
    fixed = [
        chosen[weight].frac + formats[spectrum].frac
        for weight, spectrum, _ in products
        if spectrum in formats
    ]
    if fixed:
        accumulator = fixed[0]
    else:
        reach = [
            chosen[weight].frac + fitting(peak[spectrum] * MARGIN, spectrum_word).frac
            for weight, spectrum, _ in products
        ]
        useful = [
            chosen[weight].frac + formats[source].frac + _guard(cell.block_of(weight))
            for weight, _, source in products
        ]
        # of weights and signals that are both next to nothing
        accumulator = min(*reach, max(useful), MOST_FRAC)
    for weight, spectrum, _ in products:
        if spectrum in formats and weight not in formats:
            chosen[weight] = Format(word, accumulator - formats[spectrum].frac)
    for weight, spectrum, _ in products:
        if spectrum not in formats:
            chosen[spectrum] = Format(spectrum_word, accumulator - chosen[weight].frac)
    return chosen


def choose_activations(cell: Cell, formats: Formats) -> Activations:
    """Fewest segments that keep the default error on every tensor an activation reads; 2 of a
    function that the cell does not have."""
    fewest = Activations(2, 2)
    segments = fewest.segments
    for table in cell.tables(formats, fewest).values():
        needed = segments_for(table.function, table.input, table.output)
        segments[table.function] = max(segments[table.function], needed)
    return Activations(segments["sigmoid"], segments["tanh"])


def model_design(
    cell: Cell,
    weights: dict[str, np.ndarray],
    formats: Formats,
    activations: Activations | None = None,
    input_scaling: InputScaling | None = None,
) -> Design:
    """A design for the models, on the smallest hardware."""
    hardware = Hardware(lanes=1, samples_per_beat=1, sample_bits=32)
    activations = activations or choose_activations(cell, formats)
    return Design(cell, hardware, formats, activations, weights, input_scaling=input_scaling)
