"""A graph with all its blocks, converted: GHDL on the VHDL, Verilator on the Verilog, to the bit and to the cycle."""

from __future__ import annotations

import numpy as np
import pytest
from random_designs import random_inputs
from tools import build_without_optimisation, require_engine

from ernn_myhdl import Format, RnnCell, Traffic, new_network
from ernn_myhdl.design.graph import Graph, Join
from ernn_myhdl.rtl.cycles.graph_times import graph_depths, graph_run, graph_shape
from ernn_myhdl.rtl.fifo import READY


def network():
    """x divides, three operands are packed, a signal is added to itself in a coarser format."""
    joins = (
        Join("concatenation", ("layer_0", "x", "layer_1"), Format(12, 9)),
        Join("addition", ("join_0", "join_0"), Format(10, 8)),
    )
    cells = [RnnCell(3, 2, 1), RnnCell(3, 4, 1)]
    return new_network(cells, graph=Graph(("x", "x"), joins, "join_1"), samples_per_beat=2)


@pytest.mark.parametrize(
    "engine", [pytest.param(e, marks=getattr(pytest.mark, e)) for e in ("ghdl", "verilator")]
)
def test_converted_graphs_are_the_model(engine, monkeypatch):
    require_engine(engine)
    build_without_optimisation(monkeypatch)
    core = network()
    x = [random_inputs(1, core, 3), random_inputs(2, core, 2)]
    golden, made = core.run(x, engine="golden"), core.run(x, engine=engine)
    assert np.array_equal(made.raw, golden.raw)
    for name, stage in made.stages.items():
        assert np.array_equal(stage, golden.stages[name]), name
    shape = graph_shape(core)
    times = graph_run(shape, graph_depths(shape), [0] * 5)
    into, out = shape.beats("x"), shape.beats(core.graph.output)
    cycles = made.known_frame_cycles
    expected = np.array([times.accepted[::into], times.delivered[out - 1 :: out]]) + READY
    assert np.array_equal(cycles.T, expected)
    if engine == "verilator":
        rough = core.run(x, engine=engine, traffic=Traffic(0.3, 0.4, 5), stages=False)
        assert np.array_equal(rough.raw, golden.raw)
