"""Formats from calibration data, and how close the fixed-point layer comes to the float one."""

from dataclasses import replace

import numpy as np
import pytest

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.calibration.range_analysis import (
    choose_activations,
    choose_formats,
    model_design,
    observed_ranges,
)
from ernn_myhdl.calibration.range_table import format_table, range_table
from ernn_myhdl.design.cells import BLOCK_SIZES, GruCell, LinearCell, LstmCell
from ernn_myhdl.design.design import Activations
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.tensors import saturating_names, tensor_formats, tensor_names
from ernn_myhdl.numerics.formats import Format

OTHER_CELLS = [GruCell(19, 40), GruCell(19, 40, reset="after"), LinearCell(19, 40)]


def _case(scale=1.0, cell=None, **options):
    if cell is None:
        cell = LstmCell(
            **({"inputs": 19, "hidden": 40, "projection": 24, "peepholes": True} | options)
        )
    rng = np.random.default_rng(7)
    calibration = [scale * rng.normal(size=(frames, cell.inputs)) for frames in (25, 40)]
    return cell, random_weights(cell, 2), calibration


def _sqnr(design, x):
    """Signal to quantisation noise of the outputs, dB."""
    exact = np.concatenate(FloatModel(design.cell, design.weights).run(x))
    run = np.concatenate([r.outputs for r in IntegerModel(design).run(x)])
    return 10 * np.log10(np.sum(exact**2) / np.sum((run - exact) ** 2))


@pytest.mark.parametrize(
    ("word", "least"), [(6, 14.0), (8, 25.0), (10, 31.0), (12, 38.0), (14, 46.0), (16, 55.0)]
)
@pytest.mark.parametrize("block", [1, 8, 32])
def test_the_fixed_point_layer_is_close_to_the_float_layer(word, least, block):
    cell, weights, calibration = _case(block=block)
    formats = choose_formats(cell, weights, calibration, word, word + 4)
    activations = Activations(128, 128) if word > 12 else choose_activations(cell, formats)
    assert _sqnr(model_design(cell, weights, formats, activations), calibration) > least


@pytest.mark.parametrize(("word", "least"), [(8, 24.0), (12, 38.0), (16, 55.0)])
@pytest.mark.parametrize("block", [1, 8, 32])
@pytest.mark.parametrize("cell", OTHER_CELLS, ids=str)
def test_other_fixed_point_cells_are_close_to_the_float_cells(cell, word, least, block):
    cell, weights, calibration = _case(cell=replace(cell, block=block))
    formats = choose_formats(cell, weights, calibration, word, word + 4)
    design = model_design(cell, weights, formats)
    assert _sqnr(design, calibration) > least
    assert formats.output.word == formats.input_weight.word == word
    if cell.kind == "gru":
        assert formats.cell_state == Format(word + 4, word + 3)
        assert formats.output == Format(word, word - 1)
        assert formats.cell_output == (formats.output if cell.reset == "before" else None)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 30.0, 1e5])
@pytest.mark.parametrize("cell", OTHER_CELLS, ids=str)
def test_formats_of_other_cells_hold_the_calibration_data(cell, scale):
    cell, weights, calibration = _case(scale, cell=cell)
    formats = choose_formats(cell, weights, calibration)
    design = model_design(cell, weights, formats, Activations(32, 64))
    runs = IntegerModel(design).run(calibration)
    flat = ("gate_sums", "candidate_sums", "preactivations")
    for name in saturating_names(cell):
        count = sum(r.saturations[name] for r in runs)
        most = 1.0 if cell == OTHER_CELLS[0] else 1e3
        assert count <= 1 or (cell.recurrent and scale > most and name in flat), name


def test_a_recurrent_bias_is_in_the_range():
    cell, weights, calibration = _case(cell=OTHER_CELLS[1])
    weights["recurrent_bias"][0] += 20.0
    assert choose_formats(cell, weights, calibration).preactivation.range[1] >= 21.0


def test_both_spectra_of_a_gru_share_one_weight_format():
    cell, weights, calibration = _case(cell=OTHER_CELLS[0])
    formats = choose_formats(cell, weights, calibration)
    assert formats.output_spectrum == formats.cell_output_spectrum
    overrides = {"output_spectrum": Format(14, 6)}
    formats = choose_formats(cell, weights, calibration, overrides=overrides)
    assert formats.cell_output_spectrum.frac == 6
    overrides["cell_output_spectrum"] = Format(14, 7)
    with pytest.raises(DesignError, match="share the accumulators"):
        choose_formats(cell, weights, calibration, overrides=overrides)


@pytest.mark.parametrize("word", [6, 9, 12, 17, 20])
@pytest.mark.parametrize("block", BLOCK_SIZES)
def test_word_lengths_are_the_wanted_ones(word, block):
    cell, weights, calibration = _case(block=block)
    f = choose_formats(cell, weights, calibration, word, word + 4)
    growth = int(np.log2(block))
    for name in ("input", "output", "cell_output", "input_weight", "recurrent_weight"):
        assert getattr(f, name).word == word
    assert f.projection_weight.word == f.peephole.word == word
    assert f.gate == f.cell_output == Format(word, word - 1)
    assert f.cell_state.word == f.preactivation.word == word + 4
    assert f.input_spectrum.word == word + max(4, growth + 1)
    assert f.block_spectrum.word == word + 4 + growth


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 30.0, 1e5])
@pytest.mark.parametrize("block", [4, 16])
def test_formats_hold_the_calibration_data(scale, block):
    """Nothing but pre-activations beyond +-8 saturates, whatever the scale of the inputs."""
    cell, weights, calibration = _case(scale, block=block)
    formats = choose_formats(cell, weights, calibration)
    design = model_design(cell, weights, formats, Activations(32, 64))
    ranges = observed_ranges(cell, weights, calibration)
    for name, fmt in tensor_formats(design).items():
        if name not in ("gate_sums", "preactivations"):
            low, high = fmt.range
            assert low - fmt.lsb <= ranges[name][0]
            assert ranges[name][1] <= high + fmt.lsb
    runs = IntegerModel(design).run(calibration)
    counts = {n: sum(r.saturations[n] for r in runs) for n in saturating_names(cell)}
    large = scale > 1.0
    for name, count in counts.items():
        # one extreme element may be the smallest word in the float model and just miss here
        assert count <= 1 or (large and name in ("gate_sums", "preactivations")), name
    assert formats.preactivation.range[0] in (-4.0, -8.0)


def test_preactivations_hold_the_bias():
    cell, weights, calibration = _case()
    weights["bias"][1] += 20.0
    formats = choose_formats(cell, weights, calibration)
    assert formats.preactivation.range[1] >= 21.0


def test_wide_gates_reach_further():
    """A 16-bit gate resolves the sigmoid beyond 8."""
    cell, weights, calibration = _case(100.0)
    assert choose_formats(cell, weights, calibration, 12, 16).preactivation.frac == 12
    assert choose_formats(cell, weights, calibration, 16, 20).preactivation.frac == 15


def test_overrides_are_taken_and_the_others_align():
    cell, weights, calibration = _case()
    overrides = {"input": Format(10, 6), "output_spectrum": Format(14, 7)}
    formats = choose_formats(cell, weights, calibration, overrides=overrides)
    assert (formats.input, formats.output_spectrum) == (Format(10, 6), Format(14, 7))
    formats.check(cell)
    assert choose_formats(cell, weights, calibration, spectrum_word=18).input_spectrum.word == 18


def test_overrides_without_a_projection_keep_the_outputs_one_tensor():
    cell, weights, calibration = _case(projection=0)
    for name in ("output", "cell_output"):
        formats = choose_formats(cell, weights, calibration, overrides={name: Format(9, 7)})
        assert formats.output == formats.cell_output == Format(9, 7)


def test_illegal_arguments_are_refused():
    cell, weights, calibration = _case()
    with pytest.raises(DesignError, match="overrides inputs: must be among"):
        choose_formats(cell, weights, calibration, overrides={"inputs": Format(8, 4)})
    contradiction = {
        "input_weight": Format(12, 10),
        "input_spectrum": Format(16, 10),
        "recurrent_weight": Format(12, 10),
        "output_spectrum": Format(16, 11),
    }
    with pytest.raises(DesignError, match="must be 20"):
        choose_formats(cell, weights, calibration, overrides=contradiction)
    for empty in ([], [np.zeros((0, 19))]):
        with pytest.raises(DesignError, match="calibration: no frames"):
            choose_formats(cell, weights, empty)


@pytest.mark.parametrize("block", [1, 8])
def test_zero_weights_and_zero_inputs_have_formats(block):
    cell, weights, calibration = _case(block=block)
    zeros = {name: np.zeros_like(array) for name, array in weights.items()}
    for w, x in ((zeros, calibration), (weights, [np.zeros((5, 19))])):
        design = model_design(cell, w, choose_formats(cell, w, x), Activations(16, 16))
        assert IntegerModel(design).run(x)[0].saturated == 0


def test_groups_of_calibration_sequences_change_nothing(monkeypatch):
    cell, weights, calibration = _case()
    whole = observed_ranges(cell, weights, calibration)
    monkeypatch.setattr("ernn_myhdl.calibration.range_analysis.CHUNK_WORDS", 1)
    parts = observed_ranges(cell, weights, calibration)
    for name, limits in whole.items():
        assert parts[name] == pytest.approx(limits, rel=1e-12)


def test_range_table_lists_constants_and_tensors():
    cell, weights, calibration = _case()
    formats = choose_formats(cell, weights, calibration, overrides={"input": Format(12, 11)})
    rows = range_table(cell, weights, calibration, formats)
    assert [row.tensor for row in rows] == [*weights, *tensor_names(cell)]
    table = {row.tensor: row for row in rows}
    assert table["input"].elements == 65 * 19
    large = sum(int(np.sum((x >= 1 - 2.0**-12) | (x < -1 - 2.0**-12))) for x in calibration)
    assert table["input"].saturations == large > 0
    assert table["accumulators"].saturations is None
    assert table["input"].range == (-1.0, 1 - 2.0**-11)
    text = format_table(rows)
    assert len(text.splitlines()) == len(rows) + 1
    assert f"{large} (" in text


def test_activations_keep_the_default_error_on_every_input_format():
    cell, weights, calibration = _case()
    formats = choose_formats(cell, weights, calibration)
    activations = choose_activations(cell, formats)
    assert (activations.sigmoid_segments, activations.tanh_segments) == (32, 64)
    gru = GruCell(19, 40, g_activation="sigmoid")
    formats = choose_formats(gru, random_weights(gru, 2), calibration)
    assert choose_activations(gru, formats) == Activations(32, 2)
    linear = LinearCell(19, 40)
    formats = choose_formats(linear, random_weights(linear, 2), calibration)
    assert choose_activations(linear, formats) == Activations(2, 2)


@pytest.mark.parametrize("cell", OTHER_CELLS, ids=str)
def test_range_table_of_other_cells(cell):
    cell, weights, calibration = _case(cell=cell)
    formats = choose_formats(cell, weights, calibration)
    rows = range_table(cell, weights, calibration, formats)
    assert [row.tensor for row in rows] == [*weights, *tensor_names(cell)]


@pytest.mark.parametrize("options", [{"cell": "gru"}, {"cell": "gru", "reset": "after"}])
def test_new_designs_of_other_cells(options):
    design = new_design(19, 40, block=8, lanes=4, **options)
    assert design.cell.reset == options.get("reset", "before")
    assert new_design(19, 40, cell="linear", lanes=2).cell == LinearCell(19, 40)
    with pytest.raises(DesignError, match="a linear cell has none"):
        new_design(19, 40, cell="linear", reset="after")
