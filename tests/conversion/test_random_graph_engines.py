"""Random graphs by hypothesis through golden, integer, MyHDL, GHDL and Verilator, with gaps and back-pressure; deep tests draw more."""

from __future__ import annotations

import pytest
from graph_engines import check_everywhere, graphs, traffics
from hypothesis import HealthCheck, Phase, given, settings
from tools import build_without_optimisation, require_engine

#: What it draws is the same each time, and nothing is drawn again smaller: a run takes seconds.
FEW = settings(
    max_examples=2, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.ghdl
@pytest.mark.verilator
@FEW
@given(core=graphs(), traffic=traffics())
def test_random_graphs_agree_on_all_engines(core, traffic):
    for engine in ("ghdl", "verilator"):
        require_engine(engine)
    with pytest.MonkeyPatch.context() as patch:
        build_without_optimisation(patch)
        check_everywhere(core, traffic, ("myhdl", "ghdl", "verilator"))
