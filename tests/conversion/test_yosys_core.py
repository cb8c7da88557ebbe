"""The whole path from a design to its resources, on a small core."""

import json
import subprocess

import pytest
from block_cases import convert_case
from lane_cases import LANES
from tools import require_tool

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.explore.resources import estimate
from ernn_myhdl.synthesis import synthesise

#: Bounds on the path between two registers, for 200 MHz on a 7-series device.
MOST_LUTS, MOST_CARRY = 4, 9
#: Bound on the pins of a register's net: a control bit of a lane or of a join drives all its words.
MOST_PINS = 512


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory):
    """Block size, formats and options of the large presets; fewer lanes, which are all equal."""
    require_tool("yosys")
    design = new_design(
        inputs=24, hidden=64, projection=32, block=8, peepholes=True, lanes=16, ifft_units=4,
        element_width=1, samples_per_beat=8,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("yosys") / "synth"
    return design, synthesise(design, folder, "xc7vx690t", tool="yosys"), folder


@pytest.mark.slow
@pytest.mark.yosys
def test_the_resources_of_a_core(synthesised):
    design, result, folder = synthesised
    blocks = {b["name"]: b for b in result["blocks"]}
    lane = blocks["lane"]
    assert lane["instances"] == design.hardware.lanes
    assert lane["each"]["dsp"] == design.lane_products
    assert all(b["each"]["latch"] == 0 for b in result["blocks"])
    # Netlists are wires.
    assert all(not b["each"]["lut"] for b in result["blocks"] if b["kind"] == "netlist")
    total, found = (
        result["total"],
        estimate(design),
    )  # the resource model was not fitted to this design
    for name in ("dsp", "ramb18", "ramb36", "bram36"):
        assert getattr(found, name) == total[name], name
    for name in ("lut", "ff"):
        assert abs(getattr(found, name) / total[name] - 1) < 0.15, name
    assert (folder / "resources.txt").is_file()


@pytest.mark.yosys
def test_operands_and_products_of_a_lane_are_registers_of_its_dsps(tmp_path):
    """With their clock enables; 11 products at k = 8, and none made of logic."""
    require_tool("yosys")
    case = next(c for c in LANES if c.component().parameters["points"] == 8)
    convert_case(case, tmp_path, "verilog")
    script = "read_verilog -sv lane.sv; synth_xilinx -family xc7 -top lane; write_json lane.json"
    subprocess.run(["yosys", "-q", "-p", script], cwd=tmp_path, check=True, capture_output=True)
    cells = json.loads((tmp_path / "lane.json").read_text())["modules"]["lane"]["cells"].values()
    dsps = [c for c in cells if c["type"] == "DSP48E1"]
    assert len(dsps) == case.component().parameters["products"] == 11
    for dsp in dsps:
        for register in ("AREG", "BREG", "MREG"):
            assert int(dsp["parameters"][register], 2) == 1, register
        for enable in ("CEA2", "CEB2", "CEM"):
            assert dsp["connections"][enable][0] not in ("0", "1"), enable  # a net, not a constant


@pytest.mark.slow
@pytest.mark.yosys
def test_the_paths_of_a_core_with_words_of_full_size(synthesised):
    design, result, _ = synthesised
    assert design.formats.preactivation.word == 16 and design.accumulator_word >= 32
    timing = result["timing"]
    assert 1 <= timing["longest"]["levels"]["levels"] <= MOST_LUTS, timing["longest"]
    assert 8 <= timing["longest"]["carry"]["carry"] <= MOST_CARRY, timing["longest"]
    for path in (*timing["longest"].values(), *timing["ports"].values()):
        assert path["levels"] <= MOST_LUTS and path["carry"] <= MOST_CARRY
        assert path["dsp"] <= 1  # never from one DSP48 through another
    assert timing["fanout"]["pins"] <= MOST_PINS, timing["fanout"]
    multipliers = timing["multipliers"]
    lanes = design.hardware.lanes * design.lane_products
    assert multipliers["dsp"] == result["total"]["dsp"] == lanes + 8 * 6
    for register in ("AREG", "BREG", "MREG"):
        assert multipliers[register] == multipliers["dsp"], register
    assert multipliers["PREG"] >= lanes  # accumulators
    blocks = {b["name"]: b for b in timing["blocks"]}
    assert "lane" in blocks and design.name + "_core" in blocks
