"""Initial states: a sequence cut in two continues, and what is no state is refused."""

import numpy as np
import pytest
from random_designs import random_design, random_inputs

from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.calibration.range_analysis import choose_formats, model_design
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.integer import IntegerModel

CELLS = [
    LstmCell(7, 13, 5, block=4, peepholes=True),
    LstmCell(7, 13, block=4),
    GruCell(7, 13, block=4),
    GruCell(7, 13, block=4, reset="after"),
]


def _design(cell):
    weights = random_weights(cell, 3)
    calibration = [np.random.default_rng(0).normal(size=(30, 7))]
    return model_design(cell, weights, choose_formats(cell, weights, calibration))


def _after(run, cell, t):
    """The raw state that the stages of a run show after frame t."""
    return {name: run.stages[name][t].reshape(-1)[:size] for name, size in cell.state_sizes.items()}


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_cut_sequence_continues(cell):
    design, model = _design(cell), FloatModel(cell, random_weights(cell, 3))
    x = random_inputs(1, design, 7)
    whole = IntegerModel(design).run(x, stages=True)
    state = _after(whole, cell, 3)
    for run in (FixedPointModel(design).run, IntegerModel(design).run):
        assert np.array_equal(run(x[4:], initial=state).raw, whole.raw[4:])
    x = np.random.default_rng(1).normal(size=(7, 7))
    y, tensors = model.run(x, tensors=True)
    state = {n: tensors[n][3].reshape(-1)[:size] for n, size in cell.state_sizes.items()}
    assert np.allclose(model.run(x[4:], initial=state), y[4:], atol=1e-12)


@pytest.mark.parametrize("seed", range(24))
def test_models_agree_on_initial_states(seed):
    """Values, some beyond their formats, and raw words; every tensor and every count."""
    design = random_design(seed, kind=("lstm", "gru")[seed % 2], max_hidden=24, max_inputs=16)
    rng, x, states = np.random.default_rng(seed), [], []
    for i in range(4):
        x.append(random_inputs(rng, design, 2 + i))
        state = {}
        for name, size in design.cell.state_sizes.items():
            fmt = getattr(design.formats, name)
            values = rng.uniform(*fmt.range, size)
            values[rng.random(size) < 0.2] *= 10.0
            raw = rng.integers(fmt.minimum, fmt.maximum, size, endpoint=True)
            state[name] = raw if i == 1 else values
        states.append(None if i == 2 else state)
    runs = IntegerModel(design).run(x, stages=True, initial=states)
    reference = FixedPointModel(design)
    for one, state, run in zip(x, states, runs, strict=True):
        expected = reference.run(one, initial=state)
        for name, tensor in expected.stages.items():
            assert np.array_equal(run.stages[name], tensor), name
        assert run.saturations == expected.saturations
    quick = IntegerModel(design).run(x[0], initial=states[0])
    assert np.array_equal(quick.raw, runs[0].raw)
    assert np.array_equal(IntegerModel(design).run(x[2]).raw, runs[2].raw)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_saturated_initial_states_are_counted(cell):
    design, x = _design(cell), np.zeros((1, 7))
    largest = {n: np.full(size, 1e6) for n, size in cell.state_sizes.items()}
    zero = IntegerModel(design).run(x).saturations
    counts = IntegerModel(design).run(x, initial=largest).saturations
    assert counts["cell_state"] >= zero["cell_state"] + cell.hidden
    if cell.kind == "lstm":
        assert counts["output" if cell.projection else "cell_output"] >= cell.outputs


def test_reset_takes_a_state():
    design = _design(CELLS[0])
    x = random_inputs(1, design, 2)
    state = {"output": np.full(5, 0.25), "cell_state": np.linspace(-0.5, 0.5, 13)}
    model = FixedPointModel(design)
    expected = model.run(x, initial=state).stages
    model.reset(state)
    assert np.array_equal(model.step(x[0])["output"], expected["output"][0])
    model.reset()
    assert np.array_equal(model.step(x[0])["output"], model.run(x).stages["output"][0])


@pytest.mark.parametrize("kind", [FloatModel, FixedPointModel, IntegerModel])
def test_illegal_states_are_refused(kind):
    def make(cell):
        design = _design(cell)
        return kind(cell, design.weights) if kind is FloatModel else kind(design)

    lstm, x = make(CELLS[0]), np.zeros((2, 7))
    state = {"output": np.zeros(5), "cell_state": np.zeros(13)}
    for change, message in (
        ({"h": np.zeros(5)}, "has 'output', 'cell_state', 'h', the lstm cell needs"),
        ({"output": np.zeros(4)}, r"initial state output: shape \(4,\), must be \(5,\)"),
        ({"cell_state": np.full(13, np.nan)}, "initial state cell_state: holds NaN or infinity"),
        ({"cell_state": np.zeros(13, dtype=bool)}, "type bool, must be floating point or integer"),
    ):
        with pytest.raises(DesignError, match=message):
            lstm.run(x, initial=state | change)
    with pytest.raises(DesignError, match="the lstm cell needs 'output', 'cell_state'"):
        lstm.run(x, initial={"cell_state": np.zeros(13)})
    with pytest.raises(DesignError, match="is list, must be a dictionary"):
        lstm.run(x, initial=[state])
    words = "raw words, must be" if kind is FloatModel else "state output: raw words from 9999999"
    with pytest.raises(DesignError, match=words):
        lstm.run(x, initial=state | {"output": np.full(5, 9999999)})
    with pytest.raises(DesignError, match="a linear layer has no state"):
        make(LinearCell(7, 13, block=4)).run(x, initial=state)
    with pytest.raises(DesignError, match="the gru cell needs 'cell_state'"):
        make(CELLS[2]).run(x, initial=state)


@pytest.mark.parametrize("kind", [FloatModel, IntegerModel])
def test_a_list_of_sequences_needs_a_list_of_states(kind):
    design = _design(CELLS[2])
    model = kind(design.cell, design.weights) if kind is FloatModel else kind(design)
    x, state = [np.zeros((2, 7)), np.zeros((3, 7))], {"cell_state": np.zeros(13)}
    assert len(model.run(x, initial=[state, None])) == 2
    for states, what in ((state, "dict"), ([state], "1"), (7, "int")):
        with pytest.raises(DesignError, match=f"initial states: {what}, must be a list of one for"):
            model.run(x, initial=states)
