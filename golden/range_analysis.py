"""Formats from calibration data: the range of every tensor of the float reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.cells import LstmCell
from ernn_myhdl.circulant import pack_spectrum
from ernn_myhdl.design import Activations, Design, Formats, Hardware
from ernn_myhdl.errors import DesignError
from ernn_myhdl.formats import Format, format_for
from ernn_myhdl.pwl import FUNCTIONS, default_error, segments_for
from ernn_myhdl.transform import forward_graph, multiplications
from golden.float_reference import FloatLstm
from golden.sequences import check_sequence
from golden.tensors import layer_elements, tensor_names, tensor_shapes

#: Room above the largest magnitude seen in calibration, for tensors with dynamics of their own.
MARGIN = 1.25
#: Smaller peaks get no more fraction bits (an all-zero matrix, a constant input).
SMALLEST_PEAK = 2.0**-24
#: Pre-activations reach at least this far, whatever the calibration data hold.
LEAST_PREACTIVATION = 4.0
#: The cell state too: it sums up the errors of the gates, however small the calibrated one is.
LEAST_CELL_STATE = 0.25
#: Words of float tensors held at once during calibration.
CHUNK_WORDS = 1 << 23

#: Weight, spectrum and source signal of each matrix.
MATRICES = (
    ("input_weight", "input_spectrum", "input"),
    ("recurrent_weight", "output_spectrum", "output"),
    ("projection_weight", "cell_output_spectrum", "cell_output"),
)


def observed_ranges(
    cell: LstmCell, weights: dict[str, np.ndarray], calibration: Sequence[np.ndarray]
) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of every named tensor of the float reference, padding left out.

    calibration: sequences (frames, inputs).
    """
    model = FloatLstm(cell, weights)
    inside = {name: layer_elements(cell, name) for name in tensor_names(cell)}
    ranges: dict[str, tuple[float, float]] = {}
    for group in _groups(cell, calibration):
        for _, tensors in model.run(group, tensors=True):
            for name, array in tensors.items():
                values = array[:, inside[name]]
                low, high = ranges.get(name, (np.inf, -np.inf))
                ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    return ranges


def _groups(cell: LstmCell, calibration: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """The sequences in groups whose tensors fit the memory; empty ones are left out."""
    sequences = [np.asarray(x, dtype=np.float64) for x in calibration]
    sequences = [check_sequence(x, cell.inputs) for x in sequences if len(x)]
    if not sequences:
        raise DesignError("calibration: no frames; give at least one sequence (frames, inputs)")
    words = sum(int(np.prod(shape)) for shape in tensor_shapes(cell).values())
    group: list[np.ndarray] = []
    for x in sequences:
        longest = max([len(x), *(len(s) for s in group)])
        if group and longest * (len(group) + 1) * words > CHUNK_WORDS:
            yield group
            group = []
        group.append(x)
    yield group


def choose_formats(
    cell: LstmCell,
    weights: dict[str, np.ndarray],
    calibration: Sequence[np.ndarray],
    word: int = 12,
    state_word: int = 16,
    overrides: dict[str, Format] | None = None,
    spectrum_word: int | None = None,
) -> Formats:
    """Formats with the most fraction bits whose ranges hold what calibration shows.

    calibration: sequences (frames, inputs) of real inputs.
    word: bits of input, output, cell output, gates, weight spectra and peepholes.
    state_word: bits of cell state and pre-activations; log2 k more for `block_spectrum`.
    overrides: formats by field name of `Formats`, taken as they are; the others adapt to the
    common fraction of the accumulators.
    spectrum_word: bits of signal spectra; None: word + max(4, log2 k + 1).

    A value beyond the calibrated range saturates; the models count it. Raises DesignError where
    the overrides contradict each other.
    """
    given = _checked(cell, overrides or {})
    ranges = observed_ranges(cell, weights, calibration)
    peak = {name: max(-low, high) for name, (low, high) in ranges.items()}
    growth = cell.block.bit_length() - 1
    gate = given.get("gate", Format(word, word - 1))
    formats = {
        "input": _format(peak["input"], word),
        "gate": gate,
        "cell_output": Format(word, word - 1),  # o * tanh(c) is below 1
        "output": Format(word, word - 1),
        "cell_state": _format(max(peak["cell_state"] * MARGIN, LEAST_CELL_STATE), state_word),
        "preactivation": _preactivation(
            max(peak["gate_sums"], peak["preactivations"]),
            float(np.max(np.abs(weights["bias"]))),
            gate,
            state_word,
        ),
    }
    if cell.projection:
        formats["output"] = _format(peak["output"] * MARGIN, word)
    if cell.peepholes:
        formats["peephole"] = _format(float(np.max(np.abs(weights["peephole"]))), word)
    formats |= given
    if spectrum_word is None:
        spectrum_word = word + max(4, growth + 1)
    formats |= _matrices(cell, weights, peak, formats, word, spectrum_word)
    if "block_spectrum" not in formats:
        accumulator = formats["input_weight"].frac + formats["input_spectrum"].frac
        sums = max(peak["gate_spectra"], peak.get("projection_spectra", 0.0))
        block = _format(sums * MARGIN, state_word + growth)
        frac = min(block.frac, accumulator + _guard(cell.block))
        formats["block_spectrum"] = replace(block, frac=frac)
    chosen = Formats(**formats)
    chosen.check(cell)
    return chosen


def _checked(cell: LstmCell, overrides: dict[str, Format]) -> dict[str, Format]:
    """The overrides; without a projection `output` and `cell_output` follow each other."""
    unknown = sorted(set(overrides) - set(Formats.__dataclass_fields__))
    if unknown:
        raise DesignError(
            f"format overrides {', '.join(unknown)}: must be among "
            f"{', '.join(Formats.__dataclass_fields__)}"
        )
    given = dict(overrides)
    if not cell.projection:
        for name, other in (("output", "cell_output"), ("cell_output", "output")):
            if name in given:
                given.setdefault(other, given[name])
    return given


def _format(peak: float, word: int) -> Format:
    return format_for(max(peak, SMALLEST_PEAK), word)


def _guard(points: int) -> int:
    """Fraction bits beyond those of its input that a transform can use."""
    return 2 if multiplications(forward_graph(points)) else 0


def _preactivation(peak: float, bias: float, gate: Format, word: int) -> Format:
    """+-4 at least, no more than where the gates are flat, but wide enough for the bias."""
    flat = 8.0
    while 1.0 - FUNCTIONS["sigmoid"](flat) > default_error(gate) / 2:
        flat *= 2
    frac = min(_format(peak, word).frac, word - 1 - int(np.log2(LEAST_PREACTIVATION)))
    frac = max(frac, word - 1 - int(np.log2(flat)))
    return Format(word, min(frac, _format(bias, word).frac))


def _matrices(
    cell: LstmCell,
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
    matrices = [m for m in MATRICES if m[0] in weights]
    chosen = {}
    for weight, _, _ in matrices:
        largest = float(np.max(np.abs(pack_spectrum(weights[weight]))))
        chosen[weight] = formats.get(weight) or _format(largest, word)
    fixed = [
        chosen[weight].frac + formats[spectrum].frac
        for weight, spectrum, _ in matrices
        if spectrum in formats
    ]
    if fixed:
        accumulator = fixed[0]
    else:
        reach = [
            chosen[weight].frac + _format(peak[spectrum] * MARGIN, spectrum_word).frac
            for weight, spectrum, _ in matrices
        ]
        useful = [
            chosen[weight].frac + formats[source].frac + _guard(cell.block)
            for weight, _, source in matrices
        ]
        accumulator = min(*reach, max(useful))
    for weight, spectrum, _ in matrices:
        if spectrum not in formats:
            chosen[spectrum] = Format(spectrum_word, accumulator - chosen[weight].frac)
        elif weight not in formats:
            chosen[weight] = Format(word, accumulator - formats[spectrum].frac)
    return chosen


def choose_activations(cell: LstmCell, formats: Formats) -> Activations:
    """Fewest segments that keep the default error on every tensor an activation reads."""
    tanh = [segments_for("tanh", formats.cell_state, formats.gate)]
    if cell.g_activation == "tanh":
        tanh.append(segments_for("tanh", formats.preactivation, formats.gate))
    sigmoid = segments_for("sigmoid", formats.preactivation, formats.gate)
    return Activations(sigmoid_segments=sigmoid, tanh_segments=max(tanh))


def model_design(
    cell: LstmCell,
    weights: dict[str, np.ndarray],
    formats: Formats,
    activations: Activations | None = None,
) -> Design:
    """A design for the models, on the smallest hardware."""
    hardware = Hardware(lanes=1, samples_per_beat=1, sample_bits=32)
    activations = activations or choose_activations(cell, formats)
    return Design(cell, hardware, formats, activations, weights)
