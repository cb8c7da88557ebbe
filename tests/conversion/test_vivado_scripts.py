"""The Vivado scripts under tclsh, with stubs that check commands, options, files and order."""

import json
import subprocess
from pathlib import Path

import pytest
from small_conversion import small_conversion
from tools import require_tool

from ernn_myhdl.synthesis import device_named, ghdl_synth_check, synthesise, vivado
from ernn_myhdl.synthesis.board_file import PORTS, board_named

STUBS = Path(__file__).with_name("vivado_stubs.tcl")
pytestmark = pytest.mark.tclsh


@pytest.fixture
def prepared(tmp_path):
    """A ready folder for the xc7z020 at 200 MHz."""
    return _prepare(tmp_path / "synth", "xc7z020", 200.0)


def _prepare(folder, device, clock_mhz):
    require_tool("tclsh")
    folder.mkdir()
    manifest = small_conversion(folder / "hdl", "vhdl")
    vivado.prepare(folder, manifest, device_named(device), clock_mhz)
    return folder


def _run(folder, script):
    """Run a script as Vivado would; returns the process and the commands called, in order."""
    log = folder / "calls.log"
    done = subprocess.run(
        ["tclsh", str(STUBS), str(log), str(folder / script)],
        capture_output=True,
        text=True,
        cwd=folder.parent,  # the scripts find their files from wherever they are started
    )
    return done, [line.split()[0] for line in log.read_text().splitlines()]


def _edit(folder, script, old, new):
    text = (folder / script).read_text()
    assert old in text
    (folder / script).write_text(text.replace(old, new))


def _refused(folder, script, message):
    done, _ = _run(folder, script)
    assert done.returncode == 1, done.stderr
    assert f"ERROR: {script}: " in done.stderr
    assert message in done.stderr


def test_synthesis_runs_all_steps_in_order(prepared):
    done, calls = _run(prepared, "synth.tcl")
    assert done.returncode == 0, done.stderr
    steps = [c for c in dict.fromkeys(calls) if not c.startswith(("get_", "version"))]
    assert steps == [
        "create_project", "read_vhdl", "read_xdc", "synth_design", "create_clock", "set_property",
        "set_input_delay", "set_output_delay", "set_false_path", "report_utilization",
        "report_timing_summary", "write_checkpoint",
    ]  # fmt: skip
    assert (prepared / "output/clock.xdc").read_text().splitlines() == [
        "create_clock -name clk -period 5.000 [get_ports clk]",
        "set_property HD.CLK_SRC BUFGCTRL_X0Y0 [get_ports clk]",
    ]
    files = {p.name for p in (prepared / "output").iterdir()}
    assert files == {
        "clock.xdc", "synthesis.dcp", "synthesis.json", "synthesis_hierarchy.rpt",
        "synthesis_timing.rpt", "synthesis_utilization.rpt",
    }  # fmt: skip


def test_files_are_read_in_the_order_of_the_conversion(prepared):
    _run(prepared, "synth.tcl")
    lines = (prepared / "calls.log").read_text().splitlines()
    read = [Path(line.split()[-1]) for line in lines if line.startswith("read_vhdl")]
    assert [p.name for p in read] == (prepared / "hdl/files.txt").read_text().split()


def test_reports_of_the_synthesis_as_json(prepared):
    _run(prepared, "synth.tcl")
    assert json.loads((prepared / "output/synthesis.json").read_text()) == {
        "stage": "synthesis",
        "tool": "Vivado 2023.2",
        "top": "ernn",
        "part": "xc7z020clg400-1",
        "design_digest": "0123abcd",
        "utilisation": {
            "lut": {"used": 12345, "available": 53200, "percent": 23.20},
            "lutram": {"used": 1000, "available": 17400, "percent": 5.75},
            "ff": {"used": 20000, "available": 106400, "percent": 18.80},
            "bram36": {"used": 16.5, "available": 140, "percent": 11.79},
            "dsp": {"used": 172, "available": 220, "percent": 78.18},
        },
        "timing": {
            "clock_period_ns": 5.0,
            "setup_slack_ns": 0.517,
            "hold_slack_ns": 0.021,
            "reached_mhz": 223.1,
            "met": True,
        },
        "power": None,
    }


def test_implementation_follows_synthesis(tmp_path):
    folder = _prepare(tmp_path / "synth", "xcku060", 150.0)
    assert _run(folder, "synth.tcl")[0].returncode == 0
    done, calls = _run(folder, "implement.tcl")
    assert done.returncode == 0, done.stderr
    steps = [c for c in dict.fromkeys(calls) if not c.startswith(("get_", "version"))]
    assert steps == [
        "open_checkpoint", "opt_design", "place_design", "phys_opt_design", "route_design",
        "report_utilization", "report_timing_summary", "report_power", "write_checkpoint",
    ]  # fmt: skip
    result = json.loads((folder / "output/implementation.json").read_text())
    assert result["stage"] == "implementation"
    assert result["utilisation"]["dsp"] == {"used": 2700, "available": 2760, "percent": 97.83}
    assert result["timing"]["clock_period_ns"] == pytest.approx(6.667)
    assert result["power"] == {"total_w": 0.754, "dynamic_w": 0.621, "static_w": 0.133}
    assert "BUFGCE_X0Y0" in (folder / "output/clock.xdc").read_text()


@pytest.fixture
def board_folder(tmp_path):
    """A ready folder for the Arty; its system has the ports of one and nothing in it."""
    require_tool("tclsh")
    folder = tmp_path / "board"
    (folder / "hdl").mkdir(parents=True)
    ways = {"txd": "out", "led_heard": "out", "led_irq": "out"}
    ports = ";\n".join(f"        {port}: {ways.get(port, 'in')} std_logic" for port in PORTS)
    text = f"entity small_uart is\n    port (\n{ports}\n    );\nend entity small_uart;\n"
    (folder / "hdl/small_uart.vhd").write_text(text)
    manifest = {"files": ["small_uart.vhd"], "top": "small_uart", "design_digest": "0" * 64}
    vivado.prepare_board(folder, manifest, board_named("arty-a7-35t"))
    return folder


def test_a_board_gets_its_bitstream(board_folder):
    done, calls = _run(board_folder, "bitstream.tcl")
    assert done.returncode == 0, done.stderr
    steps = [c for c in dict.fromkeys(calls) if not c.startswith(("get_", "version"))]
    assert steps == [
        "create_project", "read_vhdl", "read_xdc", "synth_design", "set_property", "create_clock", "set_false_path",
        "opt_design", "place_design", "phys_opt_design", "route_design", "report_utilization", "report_timing_summary",
        "write_checkpoint", "write_bitstream",
    ]  # fmt: skip
    result = json.loads((board_folder / "output/bitstream.json").read_text())
    assert result["timing"]["clock_period_ns"] == 10.0 and result["part"] == "xc7a35ticsg324-1L"
    assert (board_folder / "output/bitstream.bit").is_file()


@pytest.mark.parametrize(
    ("script", "old", "new", "message"),
    [
        ("board.xdc", "[get_ports {rxd button}]", "[get_ports {rx button}]", "no port matches rx"),
        ("board.xdc", "PACKAGE_PIN A9", "PACKAGE_PIN D10", "D10 is the place of"),
        ("board.xdc", "set_property IOSTANDARD LVCMOS33 [get_ports txd]\n", "", "port txd has no IOSTANDARD"),
        ("bitstream.tcl", "    route_design\n", "", "write_bitstream needs a design that is routed"),
        ("bitstream.tcl", "$slack < 0}", "$slack < 1}", "the timing is not met: set-up slack 0.517 ns"),
    ],
)  # fmt: skip
def test_the_stubs_catch_mistakes_of_a_board(board_folder, script, old, new, message):
    _edit(board_folder, script, old, new)
    _refused(board_folder, "bitstream.tcl", message)


def test_implementation_without_synthesis_says_so(prepared):
    _refused(prepared, "implement.tcl", "run synth.tcl first")


@pytest.mark.parametrize(
    ("script", "old", "new", "message"),
    [
        ("synth.tcl", "-vhdl2008", "-vhdl08", "read_vhdl: no option -vhdl08"),
        ("synth.tcl", "rebuilt", "rebuild", "option -flatten_hierarchy cannot be rebuild"),
        ("synth.tcl", "-max_paths 10", "-paths 10", "report_timing_summary: no option -paths"),
        ("synth.tcl", "create_project -in_memory", "open_project -in_memory", "open_project"),
        ("synth.tcl", "write_checkpoint -force", "write_checkpoint -force here", "2 arguments"),
        ("synth.tcl", "-top $top", "-top nothing", "no entity nothing was read"),
        ("core.xdc", "DIRECTION == OUT", "DIRECTION == IN", "port clk is IN"),
        ("core.xdc", "set_false_path -hold", "set_false_path -held", "no option -held"),
        ("core.xdc", "NAME != clk", "WIDTH != 1", "no property WIDTH"),
        ("reports.tcl", "get_property SLACK", "get_property WNS", "no property WNS"),
        ("reports.tcl", '"Block RAM Tile"', '"RAM Tile"', "no row RAM Tile"),
        ("parameters.tcl", "ernn.vhd", "core.vhd", "no file"),
        ("parameters.tcl", "5.000", "fast", "create_clock: period fast"),
        ("parameters.tcl", "BUFGCTRL", "IBUF", "set_property: HD.CLK_SRC"),
    ],
)
def test_the_stubs_catch_mistakes(prepared, script, old, new, message):
    _edit(prepared, script, old, new)
    _refused(prepared, "synth.tcl", message)


@pytest.mark.parametrize("name", ["hdl/mac.vhd", "core.xdc", "reports.tcl"])
def test_a_missing_file_stops_the_synthesis(prepared, name):
    (prepared / name).unlink()
    done, _ = _run(prepared, "synth.tcl")
    assert done.returncode == 1
    assert Path(name).name in done.stderr


@pytest.mark.parametrize(
    ("line", "before", "message"),
    [
        ("create_project", "set clock_xdc", "read_vhdl needs a design that is project"),
        ("read_xdc -mode out_of_context $clock_xdc", "synth_design", "no clock clk"),
        ("read_xdc -mode out_of_context $clock_xdc", "set utilization", "no clock clk"),
        ("read_xdc -mode out_of_context -unmanaged", "set utilization", "read_xdc needs"),
        ("write_checkpoint", "synth_design", "write_checkpoint needs a design that is synthesised"),
    ],
)
def test_the_stubs_catch_a_wrong_order_in_the_synthesis(prepared, line, before, message):
    lines = (prepared / "synth.tcl").read_text().splitlines()
    moved = lines.pop(next(i for i, text in enumerate(lines) if text.strip().startswith(line)))
    lines.insert(next(i for i, text in enumerate(lines) if text.strip().startswith(before)), moved)
    (prepared / "synth.tcl").write_text("\n".join(lines) + "\n")
    _refused(prepared, "synth.tcl", message)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("opt_design", "place_design"),
        ("place_design", "phys_opt_design"),
        ("place_design", "route_design"),
        ("open_checkpoint $checkpoint", "opt_design"),
    ],
)
def test_the_stubs_catch_a_wrong_order_in_the_implementation(prepared, one, other):
    assert _run(prepared, "synth.tcl")[0].returncode == 0
    text = (prepared / "implement.tcl").read_text()
    swap = {f"    {one}\n": f"    {other}\n", f"    {other}\n": f"    {one}\n"}
    lines = [swap.get(line, line) for line in text.splitlines(keepends=True)]
    (prepared / "implement.tcl").write_text("".join(lines))
    _refused(prepared, "implement.tcl", "needs a design that is")


@pytest.mark.slow
@pytest.mark.ghdl
def test_a_converted_design_passes_the_scripts_and_synthesises_without_latches(tmp_path):
    from random_designs import random_design

    require_tool("tclsh")
    require_tool("ghdl")
    folder = tmp_path / "synth"
    result = synthesise(random_design(5, block=4, max_inputs=8, max_hidden=16), folder, "xc7vx690t")
    assert all((folder / name).is_file() for name in result["files"])
    for script in ("synth.tcl", "implement.tcl"):
        done, _ = _run(folder, script)
        assert done.returncode == 0, done.stderr
    assert ghdl_synth_check(folder / "hdl")["top"] == result["top"]
