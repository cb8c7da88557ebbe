"""ArgMax in the core: the first of equal elements, every cycle, back-pressure; what it refuses; imported in place of the host's."""

from __future__ import annotations

import numpy as np
import pytest
from foreign_models import onnx_module
from layer_graphs import frame_cycles
from random_designs import random_inputs
from tools import build_without_optimisation, require_engine

from ernn_myhdl import DesignError, LinearCell, Traffic, load_design, new_network, save_design
from ernn_myhdl.design.graph import ArgMax, Graph

#: Elements, samples of a beat, streams.
CASES = {"several beats": (7, 2, 2), "one sample a beat": (3, 1, 1), "a part of a beat": (5, 8, 1)}


def classifier(size: int, beat: int, streams: int = 1):
    graph = Graph(("x",), (ArgMax(inputs=("layer_0",), size=size),), "join_0")
    core = new_network(
        [LinearCell(2, size, 1)], graph=graph, samples_per_beat=beat, streams=streams
    )
    weights = core.layers[0].weights
    # two rows are equal, so that the largest element may come twice
    matrix = np.array(weights["input_weight"])
    matrix[0, -1] = matrix[0, 0] = 2 * matrix[0, 0]
    from dataclasses import replace

    bias = np.zeros_like(weights["bias"])
    layer = replace(core.layers[0], weights={"input_weight": matrix, "bias": bias})
    return replace(core, layers=(layer,))


@pytest.mark.parametrize("name", CASES)
def test_the_number_of_the_first_largest_element(name):
    size, beat, streams = CASES[name]
    core = classifier(size, beat, streams)
    x = [random_inputs(s, core, 6) for s in range(streams)]
    golden, integer, myhdl = (core.run(x, engine) for engine in ("golden", "integer", "myhdl"))
    sums = golden.stages["layer_0.output"].reshape(len(golden.raw), -1)[:, :size]
    assert golden.raw[:, 0].tolist() == [row.tolist().index(max(row)) for row in sums]
    assert any((row == row.max()).sum() > 1 for row in sums)
    for run in (integer, myhdl):
        for stage, values in golden.stages.items():
            assert np.array_equal(run.stages[stage], values), stage
    assert sorted(myhdl.known_frame_cycles[:, 1].tolist()) == frame_cycles(core, [6] * streams)
    rough = core.run(x, "myhdl", traffic=Traffic(0.2, 0.8, 2, shuffle=True), stages=False)
    assert np.array_equal(rough.raw, golden.raw)
    assert np.array_equal(golden.outputs, golden.raw)  # a whole number


@pytest.mark.parametrize(
    "engine", [pytest.param(e, marks=getattr(pytest.mark, e)) for e in ("ghdl", "verilator")]
)
def test_a_converted_argmax_is_the_model(engine, monkeypatch):
    require_engine(engine)
    build_without_optimisation(monkeypatch)
    core = classifier(7, 4, 2)
    x = [random_inputs(s, core, 4) for s in range(2)]
    assert np.array_equal(core.run(x, engine, stages=False).raw, core.run(x, "golden").raw)


def test_an_argmax_survives_its_folder_and_refuses_what_does_not_fit(tmp_path):
    core = classifier(5, 2)
    save_design(core, tmp_path / "design")
    assert load_design(tmp_path / "design") == core
    graph = Graph(("x",), (ArgMax(inputs=("layer_0",), size=4),), "join_0")
    with pytest.raises(DesignError, match="5 elements, but the argmax join_0 takes 4"):
        new_network([LinearCell(2, 5, 1)], graph=graph)
    with pytest.raises(DesignError, match="argmax size"):
        ArgMax(inputs=("x",), size=1)


@pytest.mark.onnx
def test_an_argmax_of_a_model_is_in_the_core_where_asked(tmp_path):
    from ernn_myhdl import import_model

    onnx = onnx_module()
    helper = onnx.helper
    rng = np.random.default_rng(4)
    matrix = onnx.numpy_helper.from_array(rng.normal(size=(3, 6)).astype(np.float32), "w")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], "head"),
        helper.make_node("Softmax", ["y"], ["p"], "soft", axis=-1),
        helper.make_node("ArgMax", ["p"], ["n"], "class", axis=-1, keepdims=1),
    ]
    x = helper.make_tensor_value_info("x", 1, (1, 8, 3))
    n = helper.make_tensor_value_info("n", 7, (1, 8, 1))
    onnx.save(
        helper.make_model(helper.make_graph(nodes, "g", [x], [n], [matrix])), tmp_path / "m.onnx"
    )
    host, own = (
        import_model(tmp_path / "m.onnx", hardware_argmax=asked).design for asked in (False, True)
    )
    data = rng.normal(size=(20, 3))
    assert [step.kind for step in host.host_steps] == ["softmax", "argmax"] and not own.host_steps
    assert own.outputs == 1
    assert np.array_equal(own.run(data, "integer").outputs, host.run(data, "integer").outputs)
    del nodes[2]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [helper.make_tensor_value_info("p", 1, (1, 8, 6))], [matrix])), tmp_path / "p.onnx")  # fmt: skip
    with pytest.raises(DesignError, match="no argmax at its end"):
        import_model(tmp_path / "p.onnx", hardware_argmax=True)
