"""The whole path from a design to its resources, on a small core."""

import json
import subprocess

import pytest
from block_cases import LANES, convert_case
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


@pytest.mark.yosys
def test_operands_and_products_of_a_lane_are_registers_of_its_dsps(tmp_path):
    """With their clock enables; 11 products at k = 8, and none made of logic."""
    require_tool("yosys")
    case = next(c for c in LANES if c.component().parameters["points"] == 8)
    convert_case(case, tmp_path, "verilog")
    script = "read_verilog lane.v; synth_xilinx -family xc7 -top lane; write_json lane.json"
    subprocess.run(["yosys", "-q", "-p", script], cwd=tmp_path, check=True, capture_output=True)
    cells = json.loads((tmp_path / "lane.json").read_text())["modules"]["lane"]["cells"].values()
    dsps = [c for c in cells if c["type"] == "DSP48E1"]
    assert len(dsps) == case.component().parameters["products"] == 11
    for dsp in dsps:
        for register in ("AREG", "BREG", "MREG"):
            assert int(dsp["parameters"][register], 2) == 1, register
        for enable in ("CEA2", "CEB2", "CEM"):
            assert dsp["connections"][enable][0] not in ("0", "1"), enable  # a net, not a constant
