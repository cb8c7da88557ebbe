"""Functions of elements beside joins and windows, converted: GHDL, Verilator, and a session of the compiled core."""

from __future__ import annotations

import numpy as np
import pytest
from layer_graphs import function_graph
from random_designs import random_inputs
from time_join_graphs import timed_function_graph
from tools import build_without_optimisation, require_engine

from ernn_myhdl.design.time_joins import taken_lengths


@pytest.mark.ghdl
def test_a_graph_with_functions_and_a_join_over_time_in_vhdl():
    require_engine("ghdl")
    core = timed_function_graph(0)
    lengths = taken_lengths(core.graph, (2, 1))
    x = [random_inputs(i, core, n) for i, n in enumerate(lengths)]
    golden, made = core.run(x, "golden"), core.run(x, "ghdl")
    for name, stage in made.stages.items():
        assert np.array_equal(stage, golden.stages[name]), name
    assert np.array_equal(made.raw, golden.raw)


@pytest.mark.verilator
def test_a_session_of_the_compiled_core_gives_what_a_run_gives(monkeypatch):
    """Windows, an addition and a function, of two sequences that take turns."""
    require_engine("verilator")
    build_without_optimisation(monkeypatch)
    core = function_graph(1)
    x = [random_inputs(i, core, 4) for i in range(2)]
    whole = core.run(x, "golden")
    assert np.array_equal(core.run(x, "verilator").raw, whole.raw)
    with core.open("verilator", streams=2) as session:
        made = [session.step(np.array([x[0][i], x[1][i]]), [0, 1]) for i in range(4)]
    for number, run in enumerate(whole.outputs.reshape(2, 4, -1)):
        assert np.array_equal([frame[number] for frame in made], run)
