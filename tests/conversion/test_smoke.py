"""One small design of every kind of cell on all engines, for `make check`: all bits, stages and cycles that an engine has."""

from __future__ import annotations

import numpy as np
import pytest
from tools import build_without_optimisation, require_tool, require_verilator

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.design.cells import CELLS, RESETS
from ernn_myhdl.streams.traffic import Traffic

pytestmark = pytest.mark.smoke

#: Arguments of every kind; of a GRU both places of the reset gate.
CASES = {kind: {"cell": kind} for kind in CELLS if kind != "gru"}
CASES |= {f"gru {reset}": {"cell": "gru", "reset": reset} for reset in RESETS}
CASES["lstm"] |= {"projection": 3, "peepholes": True}
TRAFFIC = Traffic(0.2, 0.2, 5, shuffle=True)


@pytest.mark.parametrize("name", CASES)
def test_every_cell_on_all_engines(name, monkeypatch):
    require_tool("ghdl")
    require_verilator()
    build_without_optimisation(monkeypatch)
    design = new_design(3, 4, block=2, lanes=2, streams=2, **CASES[name])
    x = [np.random.default_rng(i).standard_normal((2, 3)) for i in range(2)]
    golden, integer = (design.run(x, engine) for engine in ("golden", "integer"))
    myhdl, verilator, ghdl = (
        design.run(x, engine, traffic=TRAFFIC) for engine in ("myhdl", "verilator", "ghdl")
    )
    assert len(np.unique(golden.raw)) > 4
    for run in (integer, myhdl, verilator, ghdl):
        assert np.array_equal(run.raw, golden.raw), run.engine
    for run in (integer, myhdl, verilator):
        for stage, expected in golden.stages.items():
            assert np.array_equal(run.stages[stage], expected), f"{run.engine}: {stage}"
    assert np.array_equal(verilator.frame_cycles, myhdl.frame_cycles)  # GHDL's gaps are others
