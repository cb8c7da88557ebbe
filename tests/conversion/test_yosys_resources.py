"""Resources from Yosys, of a conversion written by hand and of blocks of the core."""

import json
from pathlib import Path

import pytest
from small_conversion import small_conversion
from tools import require_tool

from ernn_myhdl.errors import ToolError
from ernn_myhdl.synthesis import device_named, format_resources, format_timing, yosys

pytestmark = pytest.mark.yosys


def _synthesise(tmp_path, device="xc7z020", edit=None):
    require_tool("yosys")
    work = tmp_path / "work"
    work.mkdir()
    manifest = small_conversion(work / "hdl", "verilog")
    if edit:
        edit(work / "hdl", manifest)
    calls = []
    result = yosys.synthesise_blocks(
        work, manifest, device_named(device), tmp_path / "out", lambda *a: calls.append(a)
    )
    return work, result, calls


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory):
    return _synthesise(tmp_path_factory.mktemp("yosys"))


def _each(result, name):
    return next(b for b in result["blocks"] if b["name"] == name)


def test_a_block_is_counted_times_its_instances(synthesised):
    _, result, _ = synthesised
    mac = _each(result, "mac")
    assert mac["instances"] == 2
    assert mac["each"]["dsp"] == 1
    assert mac["each"]["lut"] == mac["each"]["ff"] == 0  # all registers are packed into the DSP
    assert result["total"]["dsp"] == 2
    assert result["percent"]["dsp"] == pytest.approx(100 * 2 / 220, abs=0.01)
    assert result["fits"]


def test_a_memory_is_counted_with_its_densest_contents(synthesised):
    _, result, _ = synthesised
    rom = _each(result, "weights")
    assert rom["representative"] == "weights_1.hex"  # the other holds zeros
    assert rom["each"]["ramb18"] + 2 * rom["each"]["ramb36"] == 1
    assert result["total"]["ramb18"] == 2
    assert result["total"]["bram36"] == 1  # two small ones share a large one


def test_registers_of_the_multipliers_and_paths_across_blocks(synthesised):
    """Two multipliers with all registers; their operands come from the memories and the ports."""
    _, result, _ = synthesised
    timing = result["timing"]
    multipliers = timing["multipliers"]
    assert multipliers["dsp"] == multipliers["AREG"] == multipliers["BREG"] == 2
    assert multipliers["MREG"] + multipliers["PREG"] >= 2
    assert timing["longest"]["levels"]["levels"] == 0
    assert timing["longest"]["levels"]["start"].startswith("weights_")
    assert timing["longest"]["levels"]["end"].startswith("mac_")
    assert [b["name"] for b in timing["blocks"]] == ["mac", "weights", "ernn"]


def test_a_netlist_adds_nothing(synthesised):
    _, result, _ = synthesised
    top = _each(result, "ernn")
    assert not any(v for k, v in top["each"].items() if k != "other")


def test_progress_counts_the_blocks(synthesised):
    _, _, calls = synthesised
    assert [c[:2] for c in calls][-1] == (2, 2)
    assert {c[2] for c in calls} <= {"mac", "weights"}


def test_results_and_logs_are_written(synthesised):
    work, result, _ = synthesised
    assert json.loads((work / "resources.json").read_text()) == result
    text = f"{format_resources(result)}\n\n{format_timing(result['timing'])}\n"
    assert (work / "resources.txt").read_text() == text
    assert {p.suffix for p in (work / "logs").iterdir()} == {".log"}
    assert str(work) not in "".join(p.read_text() for p in (work / "scripts").iterdir())


@pytest.mark.slow
def test_blocks_of_one_run_do_not_influence_each_other(tmp_path, synthesised, monkeypatch):
    monkeypatch.setattr(yosys, "GROUP_BYTES", 0)
    _, alone, _ = _synthesise(tmp_path)
    assert alone["blocks"] == synthesised[1]["blocks"]


@pytest.mark.slow
def test_other_families_have_their_own_cells(tmp_path):
    _, result, _ = _synthesise(tmp_path, "xczu7ev")
    assert result["total"]["dsp"] == 2
    assert result["total"]["bram36"] == 1


def test_logic_in_a_netlist_is_counted(tmp_path):
    def edit(hdl, manifest):
        text = (hdl / "ernn.v").read_text()
        text = text.replace(".valid(valid)", ".valid(valid && address[9] && !address[3])")
        (hdl / "ernn.v").write_text(text)

    _, result, calls = _synthesise(tmp_path, edit=edit)
    top = _each(result, "ernn")
    assert 1 <= top["each"]["lut"] <= 2
    assert top["each"]["dsp"] == 0
    assert calls[-1][:2] == (3, 3)
    assert result["timing"]["ports"]["in"]["levels"] >= 1  # from `valid` through it


def test_a_latch_is_an_error_that_names_the_block_and_its_log(tmp_path):
    def edit(hdl, manifest):
        text = (hdl / "mac.v").read_text()
        (hdl / "mac.v").write_text(text.replace("always @(posedge clk)", "always @(*)"))

    with pytest.raises(ToolError, match="mac contains .*LD.*: see ") as caught:
        _synthesise(tmp_path, edit=edit)
    log = str(caught.value).rsplit("see ", 1)[1]
    # the log of the run that failed, whole; the times in its last line vary
    assert "Executing SYNTH_XILINX pass" in Path(log).read_text()


def test_a_failure_names_its_log(tmp_path):
    def edit(hdl, manifest):
        (hdl / "mac.v").write_text("module mac (\n")

    with pytest.raises(ToolError, match="yosys failed on netlists .exit code 1.: see ") as caught:
        _synthesise(tmp_path, edit=edit)
    assert "syntax error" in Path(str(caught.value).rsplit("see ", 1)[1]).read_text()


def test_a_wrong_number_of_instances_is_refused(tmp_path):
    def edit(hdl, manifest):
        manifest["components"][0]["instances"] = 3

    with pytest.raises(ToolError, match="3 instances of mac in manifest.json, 2 in the netlists"):
        _synthesise(tmp_path, edit=edit)
