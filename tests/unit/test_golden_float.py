"""The float64 reference: against torch, and its two structures against each other."""

import numpy as np
import pytest
from random_designs import random_design
from tools import require_module

from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.design.cells import BLOCK_SIZES, CELLS, RESETS, GruCell, LinearCell, LstmCell
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.float_cells import logistic
from ernn_myhdl.golden.float_reference import FloatModel, dense_gru, dense_lstm
from ernn_myhdl.golden.tensors import layer_elements, masked_names, tensor_names, tensor_shapes
from ernn_myhdl.numerics.circulant import expand, project


def _sequences(inputs, lengths=(7, 3, 5), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(frames, inputs)) for frames in lengths]


@pytest.mark.torch
@pytest.mark.parametrize("projection", [0, 5])
def test_equals_torch(projection):
    torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
    inputs, hidden = 6, 9
    lstm = torch.nn.LSTM(inputs, hidden, proj_size=projection, dtype=torch.float64)
    parameters = {name: p.detach().numpy() for name, p in lstm.named_parameters()}
    cell = LstmCell(inputs, hidden, projection, block=1)
    shapes = cell.weight_shapes
    weights = {
        "input_weight": parameters["weight_ih_l0"].reshape(shapes["input_weight"]),
        "recurrent_weight": parameters["weight_hh_l0"].reshape(shapes["recurrent_weight"]),
        "bias": (parameters["bias_ih_l0"] + parameters["bias_hh_l0"]).reshape(shapes["bias"]),
    }
    if projection:
        weights["projection_weight"] = parameters["weight_hr_l0"].reshape(
            shapes["projection_weight"]
        )
    x = np.random.default_rng(0).normal(size=(20, inputs))
    expected = lstm(torch.from_numpy(x))[0].detach().numpy()
    for structure in ("dense", "circulant"):
        assert np.abs(FloatModel(cell, weights, structure).run(x) - expected).max() < 1e-6


@pytest.mark.torch
def test_equals_torch_gru():
    """Its gates are ordered reset, update, candidate too, and its reset comes after the product."""
    torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
    inputs, hidden = 6, 9
    gru = torch.nn.GRU(inputs, hidden, dtype=torch.float64)
    w = {name: p.detach().numpy() for name, p in gru.named_parameters()}
    wx, wh = w["weight_ih_l0"].reshape(3, hidden, inputs), w["weight_hh_l0"].reshape(3, hidden, -1)
    bx, bh = w["bias_ih_l0"].reshape(3, hidden), w["bias_hh_l0"].reshape(3, hidden)
    bias = np.concatenate([bx[:2] + bh[:2], bx[2:]])
    cell = GruCell(inputs, hidden, block=1, reset="after")
    weights = {
        "input_weight": wx[..., None],
        "recurrent_weight": wh[..., None],
        "bias": bias,
        "recurrent_bias": bh[2:],
    }
    x, h = np.random.default_rng(0).normal(size=(20, inputs)), np.linspace(-0.9, 0.9, hidden)
    expected = gru(torch.from_numpy(x))[0].detach().numpy()
    assert np.abs(dense_gru(x, wx, wh, bias, bh[2:]) - expected).max() < 1e-12
    for structure in ("dense", "circulant"):
        assert np.abs(FloatModel(cell, weights, structure).run(x) - expected).max() < 1e-12
    expected = gru(torch.from_numpy(x), torch.from_numpy(h[None]))[0].detach().numpy()
    run = FloatModel(cell, weights).run(x, initial={"cell_state": h})
    assert np.abs(run - expected).max() < 1e-12


@pytest.mark.parametrize("block", BLOCK_SIZES)
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("seed", range(3))
def test_circulant_structure_equals_dense_expansion(block, kind, seed):
    design = random_design(seed, kind=kind, block=block, stress=False, max_word=12)
    cell, weights = design.cell, design.weights
    x = _sequences(cell.inputs)
    dense = FloatModel(cell, weights, "dense").run(x, tensors=True)
    circulant = FloatModel(cell, weights, "circulant").run(x, tensors=True)
    for (y, tensors), (expected, expected_tensors) in zip(circulant, dense, strict=True):
        assert np.abs(y - expected).max() < 1e-12
        for name in tensor_names(cell):
            assert np.abs(tensors[name] - expected_tensors[name]).max() < 1e-12


@pytest.mark.parametrize("projection", [0, 11])
def test_circulant_layer_equals_a_dense_lstm(projection):
    """With sizes that are multiples of the block or not, the padding changes nothing."""
    cell = LstmCell(13, 22, projection, block=4, peepholes=True, g_activation="sigmoid")
    weights = random_weights(cell, 3)
    outputs = cell.outputs
    x = _sequences(cell.inputs)
    y = dense_lstm(
        x,
        expand(weights["input_weight"])[:, :22, :13],
        expand(weights["recurrent_weight"])[:, :22, :outputs],
        weights["bias"],
        expand(weights["projection_weight"])[:outputs, :22] if projection else None,
        weights["peephole"],
        "sigmoid",
    )
    for a, b in zip(FloatModel(cell, weights).run(x), y, strict=True):
        assert np.abs(a - b).max() < 1e-12


@pytest.mark.parametrize("reset", RESETS)
def test_circulant_layer_equals_a_dense_gru(reset):
    cell = GruCell(13, 22, block=4, reset=reset, g_activation="sigmoid")
    weights = random_weights(cell, 3)
    x = _sequences(cell.inputs)
    y = dense_gru(
        x,
        expand(weights["input_weight"])[:, :22, :13],
        expand(weights["recurrent_weight"])[:, :22, :22],
        weights["bias"],
        weights.get("recurrent_bias"),
        "sigmoid",
    )
    for a, b in zip(FloatModel(cell, weights).run(x), y, strict=True):
        assert np.abs(a - b).max() < 1e-12


@pytest.mark.parametrize("reset", RESETS)
def test_equations_of_one_gru_cell(reset):
    """One input, one cell: the equations written out."""
    cell = GruCell(1, 1, block=1, reset=reset)
    weights = random_weights(cell, 1)
    wx, wh = weights["input_weight"].reshape(3), weights["recurrent_weight"].reshape(3)
    b, x, h, expected = weights["bias"].reshape(3), np.array([0.5, -2.0, 1.0]), 0.0, []
    for value in x:
        r, z = (logistic(float(wx[g]) * value + wh[g] * h + b[g]) for g in (0, 1))
        if reset == "before":
            n = np.tanh(float(wx[2]) * value + wh[2] * (r * h) + b[2])
        else:
            product = wh[2] * h + float(weights["recurrent_bias"][0, 0])
            n = np.tanh(float(wx[2]) * value + b[2] + r * product)
        h = (1 - z) * n + z * h
        expected.append(h)
    assert np.allclose(FloatModel(cell, weights).run(x[:, None])[:, 0], expected, atol=1e-14)


def test_a_linear_layer_is_a_product():
    cell = LinearCell(10, 6, block=4)
    weights = random_weights(cell, 1)
    x = _sequences(10)[0]
    expected = x @ expand(weights["input_weight"])[0, :6, :10].T + weights["bias"][0]
    assert np.allclose(FloatModel(cell, weights).run(x), expected, atol=1e-12)


def test_equations_of_one_cell():
    """One input, one cell, peepholes: the equations written out."""
    cell = LstmCell(1, 1, block=1, peepholes=True)
    weights = random_weights(cell, 1)
    wx, wy = weights["input_weight"].reshape(4), weights["recurrent_weight"].reshape(4)
    b, p = weights["bias"].reshape(4), weights["peephole"].reshape(3)
    x, c, y, expected = np.array([0.5, -2.0, 1.0]), 0.0, 0.0, []
    for value in x:
        z = wx.astype(float) * value + wy * y + b
        i, f = logistic(z[0] + p[0] * c), logistic(z[1] + p[1] * c)
        c = f * c + i * np.tanh(z[2])
        y = logistic(z[3] + p[2] * c) * np.tanh(c)
        expected.append(y)
    assert np.allclose(FloatModel(cell, weights).run(x[:, None])[:, 0], expected, atol=1e-14)


SMALL_CELLS = [
    LstmCell(5, 11, 6, block=4),
    LstmCell(5, 11, block=4),
    GruCell(5, 11, block=4),
    GruCell(5, 11, block=4, reset="after"),
    LinearCell(5, 11, block=4),
]


@pytest.mark.parametrize("cell", SMALL_CELLS, ids=str)
def test_tensors_have_the_documented_shapes_and_masks(cell):
    y, tensors = FloatModel(cell, random_weights(cell, 0)).run(_sequences(5)[0], tensors=True)
    assert list(tensors) == list(tensor_names(cell))
    for name, shape in tensor_shapes(cell).items():
        assert tensors[name].shape == (7, *shape)
    for name in ("input", *masked_names(cell), "output"):
        assert not tensors[name][:, ~layer_elements(cell, name)].any()
    assert np.array_equal(tensors["output"].reshape(7, -1)[:, : cell.outputs], y)


@pytest.mark.parametrize("cell", SMALL_CELLS, ids=str)
def test_a_batch_equals_its_sequences(cell):
    model = FloatModel(cell, random_weights(cell, 0))
    x = _sequences(5, lengths=(3, 0, 8, 8, 1))
    for batched, one in zip(model.run(x), x, strict=True):
        assert np.allclose(batched, model.run(one), atol=1e-14)


def test_random_weights_have_the_scale_of_a_trained_layer():
    cell = LstmCell(60, 128, 64, block=8, peepholes=True)
    weights = random_weights(cell, 0)
    assert {a.dtype for a in weights.values()} == {np.dtype(np.float32)}
    assert all(np.array_equal(a, random_weights(cell, 0)[n]) for n, a in weights.items())
    x = np.random.default_rng(1).normal(size=(100, 60))
    _, tensors = FloatModel(cell, weights).run(x, tensors=True)
    assert 0.7 < tensors["preactivations"].std() < 1.4
    assert 0.05 < tensors["output"].std() < 0.5


def test_projected_weights_are_a_circulant_layer():
    """The nearest circulant matrix of an expansion is the expansion itself."""
    cell = LstmCell(8, 16, block=8)
    weights = random_weights(cell, 0)
    again = dict(weights, input_weight=project(expand(weights["input_weight"]), 8))
    x = _sequences(8)[0]
    assert np.allclose(FloatModel(cell, again).run(x), FloatModel(cell, weights).run(x), atol=1e-6)


def test_illegal_arguments_are_refused():
    cell = LstmCell(5, 4, block=4)
    weights = random_weights(cell, 0)
    with pytest.raises(DesignError, match="structure"):
        FloatModel(cell, weights, "sparse")
    with pytest.raises(DesignError, match=r"must be \(frames, 5\)"):
        FloatModel(cell, weights).run(np.zeros((3, 4)))
    with pytest.raises(DesignError, match="NaN"):
        FloatModel(cell, weights).run(np.full((3, 5), np.nan))
