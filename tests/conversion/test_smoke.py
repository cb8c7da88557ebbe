"""One small design of every kind of cell on all engines but those of gates (`test_netlist_engine`), for `make check`: all bits, stages and cycles that an engine has."""

from __future__ import annotations

import numpy as np
import pytest
from tools import build_without_optimisation, require_engine

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.design.cells import CELLS, RESETS
from ernn_myhdl.engines.registry import DEFAULT, ENGINES
from ernn_myhdl.streams.traffic import Traffic

pytestmark = pytest.mark.smoke

#: Arguments of every kind; of a GRU both places of the reset gate.
CASES = {kind: {"cell": kind} for kind in CELLS if kind != "gru"}
CASES |= {f"gru {reset}": {"cell": "gru", "reset": reset} for reset in RESETS}
CASES["lstm"] |= {"projection": 3, "peepholes": True}
TRAFFIC = Traffic(0.2, 0.2, 5, shuffle=True)


@pytest.mark.parametrize("name", CASES)
def test_every_cell_on_all_engines(name, monkeypatch):
    engines = [e for e in ENGINES.values() if not e.gates]
    for engine in engines:
        require_engine(engine.name)
    build_without_optimisation(monkeypatch)
    design = new_design(3, 4, block=2, lanes=2, streams=2, **CASES[name])
    x = [np.random.default_rng(i).standard_normal((2, 3)) for i in range(2)]
    runs = {
        e.name: design.run(x, e.name, **({"traffic": TRAFFIC} if e.cycles else {})) for e in engines
    }
    expected = runs[DEFAULT]
    assert len(np.unique(expected.raw)) > 4
    for engine, run in runs.items():
        assert np.array_equal(run.raw, expected.raw), engine
        assert bool(run.stages) == ENGINES[engine].stages, engine
        for stage, values in run.stages.items():
            assert np.array_equal(values, expected.stages[stage]), f"{engine}: {stage}"
        assert (run.frame_cycles is not None) == ENGINES[engine].cycles, engine
    # those that see inside draw the same gaps; GHDL's are others
    inside = [runs[e.name].frame_cycles for e in engines if e.cycles and e.stages]
    for cycles in inside[1:]:
        assert np.array_equal(cycles, inside[0])
