"""Random graphs with functions of elements in MyHDL: every bit and every cycle, whatever the traffic."""

from __future__ import annotations

import numpy as np
import pytest
from layer_graphs import frame_cycles, function_graph, product_graph
from random_designs import random_inputs
from time_join_graphs import timed_function_graph

from ernn_myhdl import Traffic
from ernn_myhdl.design.time_joins import taken_lengths


@pytest.mark.parametrize(
    "drawn, number", [(function_graph, 1), (timed_function_graph, 0), (product_graph, 1)]
)
def test_random_graphs_agree_to_the_bit_and_to_the_cycle(drawn, number):
    core = drawn(number)
    lengths = taken_lengths(core.graph, (2, 1))
    x = [random_inputs(10 * number + i, core, n) for i, n in enumerate(lengths)]
    golden, myhdl = core.run(x, "golden"), core.run(x, "myhdl")
    for name, stage in golden.stages.items():
        assert np.array_equal(myhdl.stages[name], stage), name
    assert sorted(myhdl.known_frame_cycles[:, 1].tolist()) == frame_cycles(core, lengths)
    rough = core.run(x, "myhdl", traffic=Traffic(0.3, 0.4, number, shuffle=True), stages=False)
    assert np.array_equal(rough.raw, golden.raw)
