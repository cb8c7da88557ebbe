"""Random graphs with joins over time, windows and argmax in MyHDL: every bit and every cycle, whatever the traffic."""

from __future__ import annotations

import numpy as np
import pytest
from layer_graphs import frame_cycles
from random_designs import random_inputs
from time_join_graphs import numbered_time_graph, strided_decoder

from ernn_myhdl import Traffic
from ernn_myhdl.design.time_joins import taken_lengths


@pytest.mark.parametrize("together", (False, True))
def test_the_last_window_of_a_sequence_is_marked_where_the_last_frame_has_none(together):
    """The end of such sequences was lost, found by the deep tests: y never ended."""
    agree(strided_decoder(2, together), 3)


@pytest.mark.parametrize("number", (0, 5))
def test_random_graphs_agree_to_the_bit_and_to_the_cycle(number):
    agree(numbered_time_graph(number), number)


def agree(core, number):
    lengths = taken_lengths(core.graph, (2, 1))
    x = [random_inputs(10 * number + i, core, n) for i, n in enumerate(lengths)]
    golden, myhdl = core.run(x, "golden"), core.run(x, "myhdl")
    for name, stage in golden.stages.items():
        assert np.array_equal(myhdl.stages[name], stage), name
    assert np.array_equal(myhdl.raw, golden.raw)
    assert sorted(myhdl.known_frame_cycles[:, 1].tolist()) == frame_cycles(core, lengths)
    rough = core.run(x, "myhdl", traffic=Traffic(0.3, 0.4, number, shuffle=True), stages=False)
    assert np.array_equal(rough.raw, golden.raw)
