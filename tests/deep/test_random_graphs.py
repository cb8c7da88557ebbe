"""Many graphs by hypothesis through golden, integer, MyHDL, GHDL and Verilator, with gaps and back-pressure: seeds of the day."""

from __future__ import annotations

import pytest
from graph_engines import check_everywhere, graphs, traffics
from hypothesis import HealthCheck, Phase, given, seed, settings
from tools import build_without_optimisation, require_engine

MANY = settings(
    max_examples=40, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.ghdl
@pytest.mark.verilator
def test_random_graphs_agree_on_all_engines(request, tmp_path, monkeypatch):
    for engine in ("ghdl", "verilator"):
        require_engine(engine)
    build_without_optimisation(monkeypatch)
    monkeypatch.setenv("ERNN_CACHE", str(tmp_path / "builds"))

    @seed(request.config.getoption("seed"))
    @MANY
    @given(core=graphs(), traffic=traffics())
    def all_engines(core, traffic):
        check_everywhere(core, traffic, ("myhdl", "ghdl", "verilator"))

    all_engines()
