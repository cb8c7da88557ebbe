"""The whole path from a design to its resources, on a small core."""

import pytest
from random_designs import random_design
from tools import require_tool

from ernn_myhdl.synthesis import synthesise


@pytest.mark.slow
@pytest.mark.yosys
def test_a_small_core(tmp_path):
    require_tool("yosys")
    design = random_design(
        5, block=4, max_inputs=8, max_hidden=8, projection=False, peepholes=False, max_word=10,
        max_state_word=12, stress=False,
    )  # fmt: skip
    folder = tmp_path / "synth"
    result = synthesise(design, folder, "xc7z020", tool="yosys")
    blocks = {b["name"]: b for b in result["blocks"]}
    lane = blocks["lane"]
    assert lane["instances"] == design.hardware.lanes
    assert lane["each"]["dsp"] == 2 + 3  # two real bins and a complex one, k = 4
    assert all(b["each"]["latch"] == 0 for b in result["blocks"])
    # Netlists are wires.
    assert all(not b["each"]["lut"] for b in result["blocks"] if b["kind"] == "netlist")
    assert result["total"]["lut"] > 0
    assert (folder / "resources.txt").is_file()
