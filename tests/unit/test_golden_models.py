"""The fxpmath model and the integer model agree on every bit of every named tensor."""

import operator
from dataclasses import replace

import numpy as np
import pytest
from fxpmath import Fxp
from hypothesis import given, settings
from hypothesis import strategies as st
from random_designs import corner_inputs, random_design, random_inputs

from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.calibration.range_analysis import choose_formats, model_design
from ernn_myhdl.design.cells import ACTIVATIONS, BLOCK_SIZES, GruCell, LinearCell, LstmCell
from ernn_myhdl.design.design import Activations
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.fxp_arithmetic import Number, number
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.tensors import saturating_names, tensor_formats, tensor_names, tensor_shapes
from ernn_myhdl.numerics.formats import Format


def assert_same(design, x):
    """Both models on x; returns the saturation counts."""
    reference = FixedPointModel(design).run(x)
    run = IntegerModel(design).run(x, stages=True)
    assert list(reference.stages) == list(run.stages) == list(tensor_names(design.cell))
    formats, shapes = tensor_formats(design), tensor_shapes(design.cell)
    for name, expected in reference.stages.items():
        assert expected.shape == (len(x), *shapes[name])
        assert expected.dtype == run.stages[name].dtype == np.int64
        assert np.array_equal(run.stages[name], expected), name
        assert formats[name].minimum <= expected.min() <= expected.max() <= formats[name].maximum
    assert list(reference.saturations) == list(saturating_names(design.cell))
    assert run.saturations == reference.saturations
    assert np.array_equal(run.raw, reference.raw)
    assert np.array_equal(run.outputs, reference.outputs)
    return run.saturations


@pytest.mark.parametrize("operation", [operator.mul, operator.add, operator.sub])
def test_numbers_have_the_values_and_sizes_of_fxpmath(operation):
    for fmt, other in (
        (Format(8, 3), Format(12, 9)), (Format(6, 9), Format(5, -4)), (Format(16, 0), Format(16, 0)),
        (Format(31, 28), Format(31, 24)), (Format(32, 30), Format(31, 0)), (Format(2, 0), Format(62, 60)),
    ):  # fmt: skip
        a, b = (np.array([f.minimum, -1, 0, f.maximum]) for f in (fmt, other))
        mine = operation(number(a, fmt), number(b[::-1], other))
        own = operation(*(
            Fxp(words.tolist(), True, f.word, f.frac, raw=True) for words, f in ((a, fmt), (b[::-1], other))
        ))  # fmt: skip
        assert (mine.n_word, mine.n_frac) == (own.n_word, own.n_frac)
        assert isinstance(mine, Number) == (own.n_word <= 62)
        assert mine.val.tolist() == own.val.tolist()
        assert not mine.status["overflow"] and not mine.status["underflow"]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_models_agree_on_random_designs(seed):
    design = random_design(seed, kind=None, max_hidden=32, max_inputs=24, max_state_word=18)
    assert_same(design, random_inputs(seed, design, 3))


@pytest.mark.parametrize("block", BLOCK_SIZES)
@pytest.mark.parametrize("projection", [False, True])
def test_models_agree_at_the_corners(block, projection):
    for seed in range(2):
        design = random_design(
            seed,
            block=block,
            projection=projection,
            peepholes=seed == 0,
            g_activation="tanh" if projection else "sigmoid",
            max_hidden=32,
            max_word=16,
            stress=bool(seed),
        )
        assert_same(design, corner_inputs(design, 3))


@pytest.mark.parametrize("block", BLOCK_SIZES)
@pytest.mark.parametrize(("kind", "reset"), [("gru", "before"), ("gru", "after"), ("linear", None)])
def test_other_cells_agree_at_the_corners(kind, reset, block):
    for seed in range(2):
        design = random_design(
            seed,
            kind=kind,
            reset=reset,
            block=block,
            g_activation=ACTIVATIONS[seed],
            max_hidden=32,
            max_word=16,
            stress=bool(seed),
        )
        assert_same(design, corner_inputs(design, 3))


LSTM = LstmCell(11, 20, 13, block=8, peepholes=True)


def _design(word=12, state_word=16, activations=None, overrides=None, cell=LSTM, block=8):
    cell = replace(cell, block=block)
    weights = random_weights(cell, 5)
    calibration = [np.random.default_rng(0).normal(size=(30, cell.inputs))]
    formats = choose_formats(cell, weights, calibration, word, state_word, overrides)
    return model_design(cell, weights, formats, activations or Activations(16, 32))


COUNTERS = {
    "input": "input",
    "input_spectrum": "input_spectrum",
    "block_spectrum": "gate_spectra",
    "preactivation": "preactivations",
    "cell_state": "cell_state",
    "cell_output": "cell_output",
    "cell_output_spectrum": "cell_output_spectrum",
    "output": "output",
    "output_spectrum": "output_spectrum",
}


COUNTED_CELLS = [LSTM, GruCell(11, 20), GruCell(11, 20, reset="after"), LinearCell(11, 20)]


@pytest.mark.parametrize(
    ("cell", "field"), [(c, f) for c in COUNTED_CELLS for f in COUNTERS if f in c.format_names]
)
def test_narrow_formats_are_counted(cell, field):
    """One format with a range too small: its tensor saturates, and both models count the same."""
    fmt = getattr(_design(cell=cell).formats, field)
    design = _design(cell=cell, overrides={field: Format(fmt.word, fmt.frac + 8)})
    counts = assert_same(design, np.random.default_rng(1).normal(size=(4, 11)))
    assert counts[COUNTERS[field]] > 0
    if field == "block_spectrum" and cell.second_phase:
        assert counts[f"{cell.second_phase}_spectra"] > 0
    if field == "preactivation":
        assert counts["gate_sums"] > 0
        if cell.second_phase == "candidate":
            assert counts["candidate_sums"] > 0


@pytest.mark.parametrize("word", [6, 16, 20])
@pytest.mark.parametrize("cell", COUNTED_CELLS, ids=str)
def test_models_agree_at_other_word_lengths(cell, word):
    design = _design(word, min(word + 4, 22), cell=cell)
    assert_same(design, random_inputs(word, design, 2))


@pytest.mark.parametrize("block", [1, 8, 32])
def test_models_agree_beyond_float64(block):
    """Accumulators and transforms too wide for float64: int64, and fxpmath on split words."""
    wide = {"input_spectrum": Format(31, 28), "block_spectrum": Format(31, 24 - block // 8)}
    wide["input_weight"] = Format(25, 23)
    design = _design(20, 20, overrides=wide, block=block)
    assert design.accumulator_word > 54
    assert_same(design, random_inputs(block, design, 2))


def test_padding_is_not_counted():
    """Cells beyond the layer may saturate; only spectra and elements of the layer count."""
    cell = LstmCell(3, 1, block=8)
    weights = {n: np.zeros(s, dtype=np.float32) for n, s in cell.weight_shapes.items()}
    weights["input_weight"][:, 0, 0, 5] = 4.0  # row 5 only reads input 0
    formats = choose_formats(cell, random_weights(cell, 0), [np.ones((4, 3))])
    formats = replace(formats, input_weight=Format(12, formats.input_weight.frac))
    design = model_design(cell, weights, formats, Activations(16, 16))
    x = np.array([[formats.input.range[1], 0.0, 0.0]])
    run = IntegerModel(design).run(x, stages=True)
    limit = formats.preactivation.maximum
    assert run.stages["preactivations"][0, :, 0, 5].tolist() == [limit] * 4
    assert run.saturations["preactivations"] == run.saturations["gate_sums"] == 0
    assert_same(design, x)


@pytest.mark.parametrize("cell", COUNTED_CELLS, ids=str)
def test_a_batch_equals_its_sequences(cell):
    design = _design(cell=cell)
    x = [random_inputs(seed, design, frames) for seed, frames in enumerate((4, 0, 9, 9, 1))]
    model = IntegerModel(design)
    for batched, one in zip(model.run(x, stages=True), x, strict=True):
        alone = model.run(one, stages=True)
        assert batched.frames == len(one)
        assert np.array_equal(batched.raw, alone.raw)
        assert batched.saturations == alone.saturations
        for name, expected in alone.stages.items():
            assert np.array_equal(batched.stages[name], expected)
    quick = model.run(x)
    assert [run.stages for run in quick] == [{}] * len(x)
    assert [run.saturations for run in quick] == [r.saturations for r in model.run(x, stages=True)]
    assert model.run([]) == []


def test_chunks_of_frames_change_nothing(monkeypatch):
    design = _design()
    x = [random_inputs(seed, design, frames) for seed, frames in enumerate((5, 11, 2))]
    expected = IntegerModel(design).run(x)
    monkeypatch.setattr("ernn_myhdl.golden.integer.CHUNK_WORDS", 1)
    for run, whole in zip(IntegerModel(design).run(x), expected, strict=True):
        assert np.array_equal(run.raw, whole.raw)
        assert run.saturations == whole.saturations


def test_steps_and_raw_inputs_equal_a_run():
    design = _design()
    x = random_inputs(2, design, 4)
    model = FixedPointModel(design)
    run = model.run(x)
    raw = run.stages["input"].reshape(4, -1)[:, : design.cell.inputs]
    model.reset()
    for t, frame in enumerate(raw):
        for name, tensor in model.step(frame).items():
            assert np.array_equal(tensor, run.stages[name][t]), name
    assert np.array_equal(IntegerModel(design).run(raw).raw, run.raw)


@pytest.mark.parametrize("model", [FixedPointModel, IntegerModel])
def test_illegal_inputs_are_refused(model):
    design = _design()
    runnable = model(design)
    with pytest.raises(DesignError, match=r"must be \(frames, 11\)"):
        runnable.run(np.zeros((3, 10)))
    with pytest.raises(DesignError, match="NaN or infinity"):
        runnable.run(np.full((3, 11), np.inf))
    with pytest.raises(DesignError, match="raw words from 0 to 2048"):
        runnable.run(np.array([[0] * 10 + [2048]]))
    with pytest.raises(DesignError, match="floating point or integer"):
        runnable.run(np.zeros((3, 11), dtype=complex))


def test_designs_too_wide_for_64_bits_are_refused():
    design = _design()
    formats = replace(design.formats, block_spectrum=Format(19, 60))
    with pytest.raises(DesignError, match="block_spectrum: an intermediate result needs"):
        replace(design, formats=formats)
    formats = replace(design.formats, cell_state=Format(32, 28))
    with pytest.raises(DesignError, match="cell_state word = 32: must be 2 to 31 bits"):
        replace(design, formats=formats)
    formats = replace(
        design.formats,
        input_spectrum=Format(31, design.formats.input_spectrum.frac),
        input_weight=Format(31, design.formats.input_weight.frac),
    )
    with pytest.raises(DesignError, match="must be at most 62; choose shorter words"):
        replace(design, formats=formats)
