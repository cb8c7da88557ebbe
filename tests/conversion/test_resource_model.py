"""The resource model against Yosys, live, on a small design that it was not fitted to."""

import pytest
from tools import require_tool

from benchmarks.resource_designs import TRAINING, VALIDATION
from ernn_myhdl.explore.resources import estimate
from ernn_myhdl.generate import new_design
from ernn_myhdl.synthesis import synthesise


@pytest.mark.slow
@pytest.mark.yosys
def test_predicted_resources_are_those_of_yosys(tmp_path):
    require_tool("yosys")
    arguments = next(d for d in VALIDATION if d["cell"] == "linear" and d["block"] == 1)
    assert arguments not in TRAINING
    design = new_design(**arguments)
    total = synthesise(design, tmp_path / "synth", "xc7vx690t", tool="yosys")["total"]
    found = estimate(design)
    assert (found.dsp, found.ramb18, found.ramb36, found.bram36) == tuple(
        total[n] for n in ("dsp", "ramb18", "ramb36", "bram36")
    )
    assert found.dsp == design.hardware.lanes
    for name in ("lut", "ff"):
        assert abs(getattr(found, name) / total[name] - 1) < 0.15, name
