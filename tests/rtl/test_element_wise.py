"""Functions of single elements behind a recurrent layer: every bit, every cycle, back-pressure; folders; refusals; imports."""

from __future__ import annotations

import numpy as np
import pytest
from layer_graphs import frame_cycles
from random_designs import random_inputs
from tools import require_engine, require_module

from ernn_myhdl import (
    DesignError,
    LinearCell,
    RnnCell,
    Traffic,
    load_design,
    new_network,
    save_design,
)
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import Graph

#: Function, its parameters, samples of a beat, streams. Of a beat of two or four the last of five samples fills a part.
CASES = {
    "relu": ({}, 2, 2), "relu with a limit": ({"limit": 0.25}, 1, 1), "leaky_relu": ({"slope": 0.1}, 4, 1),
    "hard_tanh": ({"limit": 0.3}, 2, 1), "hard_sigmoid": ({"slope": 1 / 6}, 4, 1), "tanh": ({}, 2, 1), "sigmoid": ({}, 4, 1),
}  # fmt: skip


def core(name: str, last: bool = False):
    """An RNN, the function, and a linear layer, or the function last."""
    given, beat, streams = CASES[name]
    join = ElementWise(inputs=("layer_0",), activation=name.partition(" ")[0], **given)
    cells = [RnnCell(2, 5, 1)] if last else [RnnCell(2, 5, 1), LinearCell(5, 2, 1)]
    graph = Graph(("x",) if last else ("x", "join_0"), (join,), "join_0" if last else "layer_1")
    return new_network(cells, graph=graph, samples_per_beat=beat, streams=streams)


@pytest.mark.parametrize("name", CASES)
def test_the_function_of_every_element(name):
    network = core(name)
    streams = network.stream_shape.streams
    x = [random_inputs(s, network, 2) for s in range(streams)]
    golden, integer, myhdl = (network.run(x, engine) for engine in ("golden", "integer", "myhdl"))
    for run in (integer, myhdl):
        for stage, values in golden.stages.items():
            assert np.array_equal(run.stages[stage], values), stage
    assert sorted(myhdl.known_frame_cycles[:, 1].tolist()) == frame_cycles(network, [2] * streams)


def test_words_are_those_of_the_function():
    network = core("leaky_relu", last=True)
    run = network.run(random_inputs(3, network, 6), "integer")
    signals = network.signals
    before, after = signals.formats["layer_0"], signals.formats["join_0"]
    x = run.stages["layer_0.output"].reshape(6, -1)[:, :5] * before.lsb
    slope = round(0.1 * 2**19) / 2**19  # of sixteen significant bits
    wanted = np.floor(np.where(x < 0, slope * x, x) / after.lsb + 0.5)
    assert (x < 0).any() and (x > 0).any()
    assert np.array_equal(run.raw, np.clip(wanted, after.minimum, after.maximum))


def test_back_pressure_does_not_reach_the_numbers():
    network = core("sigmoid", last=True)
    x = random_inputs(1, network, 4)
    rough = network.run(x, "myhdl", traffic=Traffic(0.2, 0.8, 2), stages=False)
    assert np.array_equal(rough.raw, network.run(x, "golden").raw)


@pytest.mark.parametrize(
    "engine", [pytest.param(e, marks=getattr(pytest.mark, e)) for e in ("ghdl", "verilator")]
)
def test_a_converted_function_is_the_model(engine):
    require_engine(engine)
    network = core("hard_sigmoid", last=True)
    x = random_inputs(2, network, 3)
    assert np.array_equal(network.run(x, engine, stages=False).raw, network.run(x, "golden").raw)


def test_a_function_survives_its_folder_and_refuses_what_it_is_not(tmp_path):
    network = core("tanh")
    assert network.graph.joins[0].segments
    save_design(network, tmp_path / "design")
    assert load_design(tmp_path / "design") == network
    for given, message in (
        ({"activation": "none"}, "is the signal itself"),
        ({"activation": "leaky_relu"}, "needs one"),
        ({"segments": 8}, "has no table"),
        ({"inputs": ("layer_0", "x")}, "must be 1"),
    ):
        with pytest.raises(DesignError, match=message):
            ElementWise(**({"inputs": ("layer_0",)} | given))


@pytest.mark.torch
def test_a_relu_behind_an_lstm_is_imported():
    torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
    from ernn_myhdl import import_module

    class Voice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = torch.nn.LSTM(3, 4, batch_first=True), torch.nn.Linear(4, 2)

        def forward(self, x):
            return torch.sigmoid(self.head(torch.relu(self.rnn(x)[0])))

    torch.manual_seed(0)
    model, x = Voice().eval(), torch.randn(1, 6, 3)
    design = import_module(model, x, word=16).design
    assert [join.activation for join in design.graph.joins] == ["relu"]
    with torch.no_grad():
        wanted = model(x)[0].numpy()
    assert np.abs(design.run(x[0].numpy(), "integer").outputs - wanted).max() < 1e-3


@pytest.mark.onnx
def test_a_function_goes_to_onnx_and_back(tmp_path):
    require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    from ernn_myhdl import export_model, import_model

    network = core("leaky_relu")
    export_model(network, tmp_path / "m.onnx")
    back = import_model(tmp_path / "m.onnx", word=16).design
    assert [(j.activation, j.slope) for j in back.graph.joins] == [("leaky_relu", float(np.float32(0.1)))]  # fmt: skip
    x = np.random.default_rng(1).normal(size=(5, 2))
    wanted = network.run(x, "golden").outputs
    assert np.abs(back.run(x, "integer").outputs - wanted).max() < 5e-3  # of twelve bits
    with pytest.raises(DesignError, match="functions or windows between its layers"):
        export_model(network, tmp_path / "m.safetensors")
