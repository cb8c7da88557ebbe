"""Joins over time, converted: GHDL on the VHDL, Verilator on the Verilog, to the bit and to the cycle."""

from __future__ import annotations

import numpy as np
import pytest
from layer_graphs import frame_cycles
from random_designs import random_inputs
from time_join_graphs import strided_decoder
from tools import build_without_optimisation, require_engine

from ernn_myhdl import LinearCell, Traffic, new_network
from ernn_myhdl.design.graph import Graph, Join
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat, Sum

LENGTHS = (3, 3, 3)


def network():
    """Every join over time, of a layer with y of both signs; a mean of three frames, whose factor has all its bits."""
    kinds = (
        Mean(("layer_0",), frames=3), Sum(("layer_0",), frames=3), Maximum(("layer_0",)), LastFrame(("x",)),
        Join("concatenation", ("join_0", "join_1", "join_2", "join_3")), Repeat(("join_4",), frames=2),
    )  # fmt: skip
    cells = [LinearCell(2, 2, 1)]
    return new_network(cells, graph=Graph(("x",), kinds, "join_5"), streams=2, samples_per_beat=2)


@pytest.mark.parametrize(
    "engine", [pytest.param(e, marks=getattr(pytest.mark, e)) for e in ("ghdl", "verilator")]
)
def test_converted_joins_over_time_are_the_model(engine, monkeypatch):
    require_engine(engine)
    build_without_optimisation(monkeypatch)
    core = network()
    x = [random_inputs(i, core, n) for i, n in enumerate(LENGTHS)]
    x[0], x[1] = np.full((3, 2), 100.0), np.full((3, 2), -100.0)  # the largest sums
    golden = core.run(x, engine="golden")
    means = golden.stages["join_0.output"]
    assert means.min() < -1 and means.max() > 1
    made = core.run(x, engine=engine)
    for name, stage in made.stages.items():
        assert np.array_equal(stage, golden.stages[name]), name
    assert np.array_equal(made.raw, golden.raw)
    assert sorted(made.known_frame_cycles[:, 1].tolist()) == frame_cycles(core, LENGTHS)
    rough = core.run(x, engine=engine, traffic=Traffic(0.3, 0.4, 5, shuffle=True), stages=False)
    assert np.array_equal(rough.raw, golden.raw)


@pytest.mark.parametrize(
    "engine", [pytest.param(e, marks=getattr(pytest.mark, e)) for e in ("ghdl", "verilator")]
)
def test_the_last_window_of_a_sequence_is_marked_where_the_last_frame_has_none(engine, monkeypatch):
    require_engine(engine)
    build_without_optimisation(monkeypatch)
    core = strided_decoder(2)
    x = [random_inputs(i, core, n) for i, n in enumerate((2, 1, 3))]
    golden = core.run(x, engine="golden", stages=False)
    rough = core.run(x, engine=engine, traffic=Traffic(0.3, 0.4, 5, shuffle=True), stages=False)
    assert np.array_equal(rough.raw, golden.raw)
