"""Random graphs with functions of elements: every model, whole and frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from layer_graphs import function_graph
from random_designs import random_inputs
from time_join_graphs import timed_function_graph

from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.time_joins import taken_lengths
from ernn_myhdl.rtl.core import network_core
from ernn_myhdl.rtl.core.top import layer_core
from ernn_myhdl.rtl.cycles.graph_times import graph_shape


@pytest.mark.parametrize("number", (2, 5))
def test_functions_of_joins_and_layers_that_differ_have_other_names(number):
    """A layer's limits and those of a join were two blocks of one name: nothing could be converted."""
    network = function_graph(number)
    # FIFOs of any depths, all of other names: those of the cycle model take seconds
    depths = {place: 2 + i for i, place in enumerate(graph_shape(network).operands)}
    layers = [layer_core(layer, True) for layer in network.layers]
    assert network_core.core(network, layers, depths).components()


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("drawn", [function_graph, timed_function_graph])
def test_models_and_sessions_agree(drawn, number):
    core = drawn(number)
    assert any(isinstance(join, ElementWise) for join in core.graph.joins)
    x = [random_inputs(number + i, core, n) for i, n in enumerate(taken_lengths(core.graph, (3, 2)))]  # fmt: skip
    golden, integer = core.run(x, "golden"), core.run(x, "integer")
    for name, stage in golden.stages.items():
        assert np.array_equal(stage, integer.stages[name]), name
    assert np.array_equal(golden.raw, integer.raw) and golden.saturations == integer.saturations
    made = []
    with core.open("integer") as session:
        for each in x:
            session.start()
            for i, row in enumerate(each):
                last = {"last": i == len(each) - 1} if core.graph.over_time else {}
                made.append(session.step(row, **last).reshape(-1, core.outputs))
    assert np.array_equal(np.concatenate(made), golden.outputs)
