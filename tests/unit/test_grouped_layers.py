"""Linear layers with groups: what they store and multiply, and the same bits as one matrix with zeros between the groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_designs import random_inputs
from tools import require_module

from ernn_myhdl import (
    DesignError,
    LinearCell,
    export_model,
    import_model,
    load_design,
    new_network,
    save_design,
)
from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.design.dense import dense_layer
from ernn_myhdl.design.graph import Graph, Window
from ernn_myhdl.golden.network_models import fixed_point_model, float_model, integer_model
from ernn_myhdl.program.program import program_for
from ernn_myhdl.program.weight_layout import lane_weights
from ernn_myhdl.runs.report import design_info

#: Elements of a frame, frames of a window, outputs, groups, block, lanes.
CASES = ((6, 3, 6, 6, 1, 1), (4, 2, 8, 4, 1, 3), (8, 3, 16, 2, 4, 2), (8, 1, 4, 2, 2, 1))


def grouped(size, kernel, outputs, groups, block=1, lanes=1, **window):
    """A convolution in groups over frames of x, alone."""
    cell = LinearCell(size * kernel, outputs, block, groups=groups, taps=kernel)
    if kernel == 1:
        return new_network([cell], lanes=lanes)
    joins = (Window(inputs=("x",), size=size, kernel=kernel, **window),)
    return new_network([cell], lanes=[lanes], graph=Graph(("join_0",), joins, "layer_0"))


def with_zeros(core):
    """The same core with the whole matrix."""
    (layer,) = core.layers
    cell = layer.cell
    whole = cell.whole_matrix("input_weight", layer.weights["input_weight"])
    weights = layer.weights | {"input_weight": whole}
    return replace(
        core, layers=(replace(layer, cell=replace(cell, groups=1, taps=1), weights=weights),)
    )


@pytest.mark.parametrize("case", CASES)
def test_groups_have_the_bits_of_a_matrix_with_zeros(case):
    core = grouped(*case)
    x = random_inputs(1, core, 5)
    wanted = integer_model(with_zeros(core)).run(x, stages=True)
    for run in (fixed_point_model(core).run(x), integer_model(core).run(x, stages=True)):
        assert np.array_equal(run.raw, wanted.raw)
        for name, stage in run.stages.items():
            assert np.array_equal(stage, wanted.stages[name]), name


@pytest.mark.parametrize("case", CASES)
def test_lanes_hold_the_weights_of_their_rows_and_nothing_twice(case):
    """Every weight of the whole matrix that is not zero, once, where its row and its column are multiplied."""
    core = grouped(*case)
    (layer,) = core.layers
    program, memory = program_for(layer), lane_weights(layer)
    whole, lanes = lane_weights(with_zeros(core).layers[0]), layer.hardware.lanes
    columns = layer.cell.input_blocks
    found = np.zeros_like(whole)
    for place, operation in enumerate(program.operations):
        number = place // len(program.first.columns) * columns + operation.index
        found[:, number] += memory[:, place]
    assert np.array_equal(found, whole)
    assert lanes * program.length == memory.shape[0] * memory.shape[1]


def test_a_depthwise_convolution_stores_and_multiplies_its_own_numbers_only():
    core = grouped(32, 3, 32, 32)
    info = design_info(core)["layers"][0]
    assert core.layers[0].weights["input_weight"].shape == (1, 32, 3, 1)
    assert info["product_cycles"] == 96 and info["multipliers"] == 1
    assert info["weight_memory_bits"] == info["weight_bits"] == 96 * 12
    assert network_schedule(core).interval == 96
    dense = with_zeros(core)
    with_one_lane, as_fast = (
        network_schedule(dense.with_hardware(0, lanes=lanes)) for lanes in (1, 32)
    )
    assert (with_one_lane.interval, as_fast.interval) == (3072, 96)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"groups": 4}, "cell groups = 4: must divide hidden = 6 and the 12 inputs in 1 frames"),
        ({"groups": 3, "taps": 3}, "cell groups = 3: must divide hidden = 6 and the 12 inputs in 3 frames"),
        ({"groups": 2, "block": 4}, "cell block = 4: blocks lie within groups, must be at most 1 for 2 groups of 6 elements of x and 3 of y"),
        ({"taps": 2}, "cell taps = 2: are the frames of a window that groups are cut out of, must be 1 where groups = 1"),
        ({"groups": 0}, "cell groups = 0: must be 1 to 6"),
        ({"groups": True}, "cell groups = True: must be a whole number, 1 to 6"),
    ],
)  # fmt: skip
def test_groups_that_cannot_be_cut_are_refused(given, message):
    with pytest.raises(DesignError) as caught:
        LinearCell(**{"inputs": 12, "hidden": 6, "block": 1} | given)
    assert str(caught.value).startswith(message)


def test_groups_are_stored_and_loaded(tmp_path):
    core = grouped(4, 2, 4, 4)
    again = load_design(save_design(core, tmp_path / "core"))
    assert again.digest == core.digest and again.layers[0].cell == core.layers[0].cell


@pytest.mark.onnx
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("window", ({}, {"dilation": 2, "stride": 2, "padding": False}))
def test_an_exported_convolution_is_imported_as_it_was(case, window, tmp_path):
    onnx = require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    core = grouped(*case, **(window if case[1] > 1 else {}))
    export_model(core, tmp_path / "m.onnx")
    again = import_model(tmp_path / "m.onnx").design
    (mine,), (own,) = again.layers, core.layers
    assert mine.cell == own.cell and mine.hardware.lanes == own.cell.lanes_up_to(16)
    for name, array in own.weights.items():
        assert np.array_equal(mine.weights[name], array), name
    if core.graph is not None:
        assert again.graph.without_formats() == core.graph.without_formats()
    x = np.random.default_rng(2).normal(size=(9, 1, core.inputs)).astype(np.float32)
    given = onnx.reference.ReferenceEvaluator(onnx.load(tmp_path / "m.onnx")).run(None, {"x": x})
    wanted = float_model(core).run(x[:, 0].astype(float))
    assert np.allclose(given[0][:, 0], wanted, atol=1e-5)


def test_a_layer_of_single_frames_keeps_its_groups_in_a_state_dict(tmp_path):
    core = grouped(8, 1, 4, 2, 2)
    export_model(core, tmp_path / "m.safetensors")
    again = import_model(tmp_path / "m.safetensors").design
    assert again.cell == core.layers[0].cell
    matrix = dense_layer(again, "layer").weights["input_weight"]
    assert np.array_equal(matrix, dense_layer(core.layers[0], "layer").weights["input_weight"])
