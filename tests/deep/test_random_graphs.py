"""Many graphs by hypothesis through golden, integer, MyHDL, GHDL and Verilator, with gaps and back-pressure: seeds of the day."""

from __future__ import annotations

import pytest
from deep_cases import DESIGNS
from graph_engines import check_everywhere, graphs, traffics
from hypothesis import HealthCheck, Phase, given, seed, settings
from tools import build_without_optimisation, require_engine

MANY = settings(
    deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
#: Graphs beside all random designs; fewer beside a part of them.
GRAPHS = 40


@pytest.mark.ghdl
@pytest.mark.verilator
def test_random_graphs_agree_on_all_engines(request, tmp_path, monkeypatch):
    for engine in ("ghdl", "verilator"):
        require_engine(engine)
    build_without_optimisation(monkeypatch)
    monkeypatch.setenv("ERNN_CACHE", str(tmp_path / "builds"))

    option = request.config.getoption
    share = option("designs") / DESIGNS

    @seed(option("seed"))
    @settings(MANY, max_examples=max(1, round(GRAPHS * share)))
    @given(core=graphs(), traffic=traffics())
    def all_engines(core, traffic):
        check_everywhere(core, traffic, ("myhdl", "ghdl", "verilator"))

    all_engines()
