"""Formats from calibration data: the range of every tensor of the float reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.cells import Cell, GruCell, LinearCell, LstmCell, RnnCell
from ernn_myhdl.design.design import Activations, Design, Formats, Hardware
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.initial_state import State, check_states, output_of
from ernn_myhdl.golden.sequences import check_sequence
from ernn_myhdl.golden.tensors import layer_elements, tensor_names, tensor_shapes, tensors_of
from ernn_myhdl.numerics.circulant import pack_spectrum
from ernn_myhdl.numerics.formats import Format, format_for
from ernn_myhdl.numerics.pwl import FUNCTIONS, default_error, segments_for
from ernn_myhdl.numerics.transform import forward_graph, multiplications

#: Room above the largest magnitude seen in calibration, for tensors with dynamics of their own.
MARGIN = 1.25
#: Smaller peaks get no more fraction bits (an all-zero matrix, a constant input).
SMALLEST_PEAK = 2.0**-24
#: Pre-activations reach at least this far, whatever the calibration data hold.
LEAST_PREACTIVATION = 4.0
#: The cell state too: it sums up the errors of the gates, however small the calibrated one is.
LEAST_CELL_STATE = 0.25
#: Fraction bits of pre-activations that are left, whatever range the recurrent product of a GRU needs.
LEAST_FRACTION = 6
#: Words of float tensors held at once during calibration.
CHUNK_WORDS = 1 << 23

Arrays = dict[str, np.ndarray]
Peaks = dict[str, float]  # tensor -> largest magnitude in calibration
Given = dict[str, Format]  # formats that were chosen beforehand


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
    formats = {"input": _format(peak["input"], word)}
    formats |= BEHIND_THE_MATRICES[type(cell)](cell, weights, peak, given, word, state_word)
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
        block = _format(sums * MARGIN, state_word + growth)
        frac = min(block.frac, accumulator + _guard(cell.tile))
        formats["block_spectrum"] = replace(block, frac=frac)
    chosen = Formats(**formats)
    chosen.check(cell)
    return chosen


def _lstm(
    cell: Cell, weights: Arrays, peak: Peaks, given: Given, word: int, state_word: int
) -> dict[str, Format]:
    """Formats behind the matrices of an LSTM; likewise for the other cells below."""
    gate = given.get("gate", Format(word, word - 1))
    # o * tanh(c) is within +-1; without a projection y is it, or an initial state
    output = _bounded(peak["output"], word)
    formats = {
        "gate": gate,
        "cell_output": Format(word, word - 1) if cell.projection else output,
        "output": _format(peak["output"] * MARGIN, word) if cell.projection else output,
        "cell_state": _format(max(peak["cell_state"] * MARGIN, LEAST_CELL_STATE), state_word),
        "preactivation": _preactivation(
            max(_sums(peak), peak["preactivations"]), _bias(weights), state_word, flat_from(gate)
        ),
    }
    if cell.peepholes:
        formats["peephole"] = _format(float(np.max(np.abs(weights["peephole"]))), word)
    return formats


def _gru(
    cell: Cell, weights: Arrays, peak: Peaks, given: Given, word: int, state_word: int
) -> dict[str, Format]:
    gate = given.get("gate", Format(word, word - 1))
    sums = max(_sums(peak), peak["preactivations"])
    # h lies between n and the h before it, so within +-1 or an initial state, and so do y and r . h
    state = peak["cell_state"]
    formats = {
        "gate": gate,
        "cell_state": _bounded(state, state_word),
        "output": _bounded(state, word),
    }
    if cell.second_phase:
        formats["cell_output"] = _bounded(state, word)
        most = flat_from(gate)
    else:
        # no activation is flat for the recurrent product, but all need some fraction bits
        sums, most = sums * MARGIN, max(flat_from(gate), 2.0 ** (state_word - 1 - LEAST_FRACTION))
    formats["preactivation"] = _preactivation(sums, _bias(weights), state_word, most)
    return formats


def _linear(
    cell: Cell, weights: Arrays, peak: Peaks, given: Given, word: int, state_word: int
) -> dict[str, Format]:
    assert isinstance(cell, LinearCell)
    sums, bias = max(peak["gate_sums"], peak["preactivations"]), _bias(weights)
    largest = peak["output"] * MARGIN
    # what an activation limits is within that by itself
    most = {"hard_sigmoid": 1.0, "hard_tanh": cell.limit or 1.0}.get(cell.activation, 0.0)
    if cell.only_activated:
        output = _bounded(peak["output"], word)
    elif most or 0.0 < cell.limit <= largest:
        output = _limited(most or cell.limit, word)
    else:
        output = _format(largest, word)
    output = given.get("output", output)
    if cell.only_activated:
        preactivation = _preactivation(sums, bias, state_word, flat_from(output))
    else:
        preactivation = _format(max(sums, bias) * MARGIN, state_word)
    return {"preactivation": preactivation, "output": output}


def _rnn(
    cell: Cell, weights: Arrays, peak: Peaks, given: Given, word: int, state_word: int
) -> dict[str, Format]:
    sums, bias = max(_sums(peak), peak["preactivations"]), _bias(weights)
    if not cell.only_activated:  # relu passes them on
        return {
            "preactivation": _format(max(sums, bias) * MARGIN, state_word),
            "output": _format(peak["output"] * MARGIN, word),
        }
    # y is within +-1, or an initial state
    output = given.get("output", _bounded(peak["output"], word))
    return {
        "output": output,
        "preactivation": _preactivation(sums, bias, state_word, flat_from(output)),
    }


#: By the class of the cell.
BEHIND_THE_MATRICES: dict[type[Cell], Callable[..., dict[str, Format]]] = {
    LstmCell: _lstm,
    GruCell: _gru,
    LinearCell: _linear,
    RnnCell: _rnn,
}


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


def _format(peak: float, word: int) -> Format:
    return format_for(max(peak, SMALLEST_PEAK), word)


def _bounded(peak: float, word: int) -> Format:
    """The format of a tensor that is within +-1 by itself; wider only where an initial state is beyond."""
    return Format(word, word - 1) if peak <= 1.0 else _format(peak, word)


def _limited(most: float, word: int) -> Format:
    """The format of a tensor within +-most, which may lie one LSB above it."""
    fmt = _format(most, word)
    finer = Format(word, fmt.frac + 1)
    return finer if round(most * 2.0**finer.frac) <= finer.maximum + 1 else fmt


def _guard(points: int) -> int:
    """Fraction bits beyond those of its input that a transform can use."""
    return 2 if multiplications(forward_graph(points)) else 0


def _sums(peak: Peaks) -> float:
    """Largest magnitude of the sums of the matrix phases, and of their parts."""
    return max(
        value
        for name, value in peak.items()
        if name.startswith(("gate_", "candidate_")) and name.endswith("sums")
    )


def _bias(weights: Arrays) -> float:
    """Largest magnitude of the biases."""
    return max(
        float(np.max(np.abs(weights[n]))) for n in ("bias", "recurrent_bias") if n in weights
    )


def flat_from(gate: Format) -> float:
    """Magnitude from which the gates are flat, 8 or more."""
    flat = 8.0
    while 1.0 - FUNCTIONS["sigmoid"](flat) > default_error(gate) / 2:
        flat *= 2
    return flat


def _preactivation(peak: float, bias: float, word: int, most: float) -> Format:
    """+-4 at least, +-most (a power of two) at most, but wide enough for the bias."""
    frac = min(_format(peak, word).frac, word - 1 - int(np.log2(LEAST_PREACTIVATION)))
    frac = max(frac, word - 1 - int(np.log2(most)))
    return Format(word, min(frac, _format(bias, word).frac))


def weight_format(vectors: np.ndarray, word: int) -> Format:
    """Format of a matrix: `word` bits with the most fraction bits that hold the spectra of its blocks.

    vectors: first columns (..., k).
    """
    return _format(float(np.max(np.abs(pack_spectrum(vectors)))), word)


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
            chosen[weight].frac + _format(peak[spectrum] * MARGIN, spectrum_word).frac
            for weight, spectrum, _ in products
        ]
        useful = [
            chosen[weight].frac + formats[source].frac + _guard(cell.block_of(weight))
            for weight, _, source in products
        ]
        accumulator = min(*reach, max(useful))
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
