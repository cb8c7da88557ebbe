"""Models of networks and of bidirectional layers; networks built from cells and weights."""

import numpy as np
import pytest
from random_designs import random_inputs
from tools import require_module

from ernn_myhdl.calibration.build import build_design, build_network
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.calibration.network_formats import choose_network_formats
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.design.design import StreamShape
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.bidirectional import (
    FixedPointBidirectional,
    FloatBidirectional,
    IntegerBidirectional,
)
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.network_models import fixed_point_model, float_model, integer_model
from ernn_myhdl.golden.tensors import stages_of, tensor_names
from ernn_myhdl.numerics.formats import Format

CELLS = (
    LstmCell(7, 13, 6, block=4, peepholes=True),
    GruCell(6, 10, block=2),
    GruCell(10, 9, block=8, reset="after"),
    LinearCell(9, 5, block=1),
)


@pytest.fixture(scope="module")
def network():
    return new_network(CELLS, seed=3, lanes=(4, 2, 1, 1), word=10, state_word=14)


def _sequences(inputs=7, lengths=(5, 0, 3), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(frames, inputs)) for frames in lengths]


def test_fixed_point_and_integer_networks_agree(network):
    x = random_inputs(1, network.layers[0], 4)
    reference, run = fixed_point_model(network), integer_model(network).run(x, stages=True)
    expected = reference.run(x)
    assert list(expected.stages) == list(run.stages) == list(stages_of(network))
    for name, stage in stages_of(network).items():
        assert expected.stages[name].shape == (4, *stage.shape)
        assert np.array_equal(run.stages[name], expected.stages[name]), name
        assert np.abs(expected.stages[name]).max() <= -stage.format.minimum
        assert stage.elements.shape == stage.shape
    assert run.saturations == expected.saturations
    assert np.array_equal(run.raw, expected.raw)
    assert np.array_equal(run.outputs, expected.outputs)
    reference.reset()
    for t, frame in enumerate(x):
        for name, tensor in reference.step(frame).items():
            assert np.array_equal(tensor, expected.stages[name][t]), name
    assert reference.saturations == expected.saturations


def test_a_layer_takes_what_the_one_before_gives(network):
    x = _sequences()[0]
    run = integer_model(network).run(x, stages=True)
    for i, design in enumerate(network.layers):
        alone = IntegerModel(design).run(x)
        assert np.array_equal(
            run.stages[f"layer_{i}.output"].reshape(5, -1)[:, : design.outputs], alone.raw
        )
        x = alone.raw
    assert list(run.saturations)[0] == "layer_0.input"


def test_a_batch_equals_its_sequences(network):
    x = _sequences()
    for make in (integer_model, float_model):
        model = make(network)
        for batched, one in zip(model.run(x), x, strict=True):
            alone = model.run(one)
            if make is integer_model:
                assert batched.saturations == alone.saturations
                batched, alone = batched.raw, alone.raw
            assert np.allclose(batched, alone, atol=1e-14)


def test_the_fixed_point_network_is_close_to_the_float_network(network):
    x = _sequences(lengths=(30, 20))
    y, runs = float_model(network).run(x), integer_model(network).run(x)
    exact, fixed = np.concatenate(y), np.concatenate([run.outputs for run in runs])
    assert 10 * np.log10(np.sum(exact**2) / np.sum((fixed - exact) ** 2)) > 20
    dense = float_model(network, "dense").run(x, tensors=True)
    for (a, tensors), b in zip(dense, y, strict=True):
        assert np.allclose(a, b, atol=1e-12)
        assert list(tensors) == list(stages_of(network))


def test_a_cut_sequence_continues(network):
    x = random_inputs(2, network.layers[0], 6)
    whole = integer_model(network).run(x, stages=True)
    states = [
        {
            name: whole.stages[f"layer_{i}.{name}"][2].reshape(-1)[:size]
            for name, size in design.cell.state_sizes.items()
        }
        or None
        for i, design in enumerate(network.layers)
    ]
    assert np.array_equal(integer_model(network).run(x[3:], initial=states).raw, whole.raw[3:])
    runs = integer_model(network).run([x, x[3:]], initial=[None, states])
    assert np.array_equal(runs[1].raw, whole.raw[3:])
    assert np.array_equal(runs[0].raw, whole.raw)
    reference = fixed_point_model(network)
    assert np.array_equal(reference.run(x[3:], initial=states).raw, whole.raw[3:])
    for wrong in ({}, [None], states[0]):
        with pytest.raises(DesignError, match="list of one for each of 4 layers"):
            reference.run(x, initial=wrong)
    with pytest.raises(DesignError, match="a linear layer has no state"):
        reference.reset([None, None, None, {"output": np.zeros(5)}])


def test_a_design_alone_keeps_its_names(network):
    design = network.layers[0]
    assert list(stages_of(design)) == list(tensor_names(design.cell))
    x = _sequences()[0]
    assert np.array_equal(float_model(design).run(x), FloatModel(CELLS[0], design.weights).run(x))
    run = integer_model(design).run(x, stages=True)
    assert list(run.stages) == list(tensor_names(design.cell))
    assert np.array_equal(fixed_point_model(design).run(x).raw, run.raw)


def test_formats_of_a_network():
    weights = [random_weights(cell, i) for i, cell in enumerate(CELLS)]
    x = _sequences(lengths=(30, 0, 20))
    formats = choose_network_formats(CELLS, weights, x, 10, 14)
    for this, following in zip(formats, formats[1:], strict=False):
        assert this.output == following.input
    again = choose_network_formats(
        CELLS, weights, x, 10, 14, [{"output": Format(9, 5)}, None, {"gate": Format(8, 7)}, None]
    )
    assert again[1].input == Format(9, 5)
    assert again[2].gate == Format(8, 7)
    with pytest.raises(DesignError, match="layer 1: format override input"):
        choose_network_formats(
            CELLS, weights, x, 10, 14, [None, {"input": Format(9, 5)}, None, None]
        )
    with pytest.raises(DesignError, match="format overrides: 1, must be one for each"):
        choose_network_formats(CELLS, weights, x, overrides=[{}])
    with pytest.raises(DesignError, match="layer 0: calibration: no frames"):
        choose_network_formats(CELLS, weights, [])
    with pytest.raises(DesignError, match="layer 0: 6 outputs, but layer 1 has 10 inputs"):
        choose_network_formats([CELLS[0], CELLS[2]], weights[:2], x)
    with pytest.raises(DesignError, match="0 cells and 0 sets of weights"):
        choose_network_formats([], [], x)


def test_networks_are_built_with_common_streams(network):
    weights = [random_weights(cell, i) for i, cell in enumerate(CELLS)]
    built = build_network(CELLS, weights, _sequences(lengths=(20,)), streams=2, lanes=2, name="net")
    assert built.stream_shape == StreamShape(8, 16, 2)
    assert [d.hardware.lanes for d in built.layers] == [2] * 4
    assert [d.hardware.lanes for d in network.layers] == [4, 2, 1, 1]
    assert [d.activations.tanh_segments > 2 for d in built.layers] == [True, True, True, False]
    assert new_network(CELLS, seed=3).digest == new_network(CELLS, seed=3).digest
    x = _sequences(lengths=(9,))
    for options, message in (
        ({"lanes": 1000}, "layer 0: hardware lanes = 1000: must be at most 16"),
        ({"lanes": (1, 1)}, "hardware lanes: 2 values, must be one for all layers or 4"),
        ({"word": 3}, "word = 3: must be 4 to 32 bits"),
        ({"word": 12, "sample_bits": 8}, "layer 0: hardware sample_bits = 8"),
        ({"name": "A"}, "must be an identifier"),
    ):
        with pytest.raises(DesignError, match=message):
            build_network(CELLS, weights, x, **options)
    with pytest.raises(DesignError, match="layers: none"):
        new_network([])


def _both_ways():
    cells = GruCell(7, 9, block=4, reset="after"), GruCell(7, 12, block=8, reset="after")
    x = _sequences(lengths=(6, 4))
    return cells, [build_design(c, random_weights(c, i), x) for i, c in enumerate(cells)], x


def test_bidirectional_models():
    cells, designs, x = _both_ways()
    integer = IntegerBidirectional(*designs).run(x, stages=True)
    exact = FloatBidirectional(*((d.cell, d.weights) for d in designs)).run(x)
    for one, run, y in zip(x, integer, exact, strict=True):
        expected = FixedPointBidirectional(*designs).run(one)
        assert np.array_equal(run.raw, expected.raw)
        assert run.saturations == expected.saturations
        assert run.raw.shape == y.shape == (len(one), 21)
        assert np.abs(run.outputs - y).max() < 0.02
        for name, tensor in expected.stages.items():
            assert np.array_equal(run.stages[name], tensor), name
        last = IntegerModel(designs[1]).run(one[-1:]).raw[0]
        assert np.array_equal(run.raw[-1, 9:], last)
        assert np.array_equal(run.stages["backward.output"][-1].reshape(-1)[:12], last)
    assert np.array_equal(IntegerBidirectional(*designs).run(x[0]).raw, integer[0].raw)
    with pytest.raises(DesignError, match="inputs 7 forward and 5 backward"):
        FloatBidirectional((cells[0], designs[0].weights), (LinearCell(5, 9), {}))
    narrow = build_design(cells[0], designs[0].weights, x, word=8)
    with pytest.raises(DesignError, match="input format Q.* forward and Q.* backward"):
        IntegerBidirectional(designs[1], narrow)


@pytest.mark.torch
def test_bidirectional_equals_torch():
    torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
    lstm = torch.nn.LSTM(3, 4, bidirectional=True, dtype=torch.float64)
    w = {name: p.detach().numpy() for name, p in lstm.named_parameters()}
    cell, layers = LstmCell(3, 4, block=1), []
    for suffix in ("l0", "l0_reverse"):
        layers.append(
            (
                cell,
                {
                    "input_weight": w[f"weight_ih_{suffix}"].reshape(4, 4, 3, 1),
                    "recurrent_weight": w[f"weight_hh_{suffix}"].reshape(4, 4, 4, 1),
                    "bias": (w[f"bias_ih_{suffix}"] + w[f"bias_hh_{suffix}"]).reshape(4, 4),
                },
            )
        )
    x = np.random.default_rng(0).normal(size=(8, 3))
    expected = lstm(torch.from_numpy(x))[0].detach().numpy()
    assert np.abs(FloatBidirectional(*layers).run(x) - expected).max() < 1e-12
