"""The scripts for a Zynq under tclsh: IP core, block design and build, with stubs that check what Vivado would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tools import require_tool

from ernn_myhdl import DesignError, RnnCell, new_network, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.host.registers import REGISTERS, WINDOW_BITS
from ernn_myhdl.synthesis.zynq_board import zynq_board_of, zynq_boards
from ernn_myhdl.system.on_zynq import synthesise_on_zynq
from ernn_myhdl.system.writer import convert_system

STUBS = Path(__file__).with_name("vivado_stubs.tcl")
pytestmark = pytest.mark.tclsh


def little():
    layer = new_network([RnnCell(3, 4, block=2)], lanes=1).layers[0]
    return replace(layer, name="little")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A folder for the PYNQ-Z2 with streams of 64 bits."""
    folder = tmp_path_factory.mktemp("zynq") / "folder"
    synthesise_on_zynq(little(), folder, "pynq-z2", bus_bits=64)
    return folder


@pytest.fixture
def folder(original, tmp_path):
    require_tool("tclsh")
    return Path(shutil.copytree(original, tmp_path / "zynq"))


@pytest.fixture
def slim(folder):
    """The same with one file of VHDL, the system itself, so that it is read in no time."""
    parameters = folder / "parameters.tcl"
    kept = [
        line
        for line in parameters.read_text().splitlines()
        if not line.endswith(".vhd") or line.strip() == "little_axi.vhd"
    ]
    parameters.write_text("\n".join(kept) + "\n")
    return folder


def _run(folder: Path, script: str = "build.tcl", **more: str):
    log = folder / "calls.log"
    done = subprocess.run(
        ["tclsh", str(STUBS), str(log), str(folder / script)],
        capture_output=True, text=True, cwd=folder.parent, env=os.environ | more,
    )  # fmt: skip
    return done, [line.split()[0] for line in log.read_text().splitlines()]


def test_a_folder_is_built_to_bitstream_and_hardware_description(folder):
    done, calls = _run(folder)
    assert done.returncode == 0, done.stderr
    steps = [c for c in dict.fromkeys(calls) if not re.match(r"get_|version|ipx::get", c)]
    assert steps[:7] == [
        "create_project", "read_vhdl", "read_verilog", "current_fileset", "set_property", "update_compile_order",
        "ipx::package_project",
    ]  # fmt: skip
    assert steps[-5:] == ["wait_on_runs", "open_run", "report_utilization", "report_timing_summary", "write_hw_platform"]  # fmt: skip
    output = folder / "output"
    for name in ("little_zynq.bit", "little_zynq.hwh", "little_zynq.xsa"):
        assert (output / name).is_file()
    result = json.loads((output / "build.json").read_text())
    assert result["top"] == "little_zynq_wrapper" and result["timing"]["clock_period_ns"] == 10.0
    assert result["part"] == "xc7z020clg400-1"


@pytest.mark.parametrize(
    ("hardware", "stream"),
    [({"weights": "loadable"}, "s_weights"), ({"initial_states": True}, "s_states")],
)
def test_a_core_that_loads_has_the_stream_for_it_which_stays_open(tmp_path, hardware, stream):
    require_tool("tclsh")
    folder = tmp_path / "zynq"
    synthesise_on_zynq(little().with_hardware(**hardware), folder, "pynq-z2", bus_bits=64)
    done, _ = _run(folder)
    assert done.returncode == 0, done.stderr
    calls = (folder / "calls.log").read_text()
    assert f"associate_bus_interfaces -busif {stream} -clock aclk" in calls
    parameters = (folder / "parameters.tcl").read_text()
    (folder / "parameters.tcl").write_text(parameters.replace(f"    {stream} xilinx", "    m_axis xilinx"))  # fmt: skip
    done, _ = _run(folder)
    assert done.returncode == 1 and f"{stream}" in done.stderr


def test_the_core_has_the_registers_and_sizes_of_the_table(slim):
    folder = slim
    done, _ = _run(folder, "package_ip.tcl")
    assert done.returncode == 0, done.stderr
    made = (folder / "output/ip/component.xml").read_text().split()
    made = dict(zip(made[::2], made[1::2], strict=True))
    assert int(made["registers"]) == len(REGISTERS)
    assert int(made["fields"]) == sum(len(r.fields) for r in REGISTERS)
    assert int(made["range"]) == 1 << WINDOW_BITS and made["bits"] == "64"
    assert made["parameters"] == "6"


@pytest.mark.iverilog
def test_the_top_of_the_core_is_the_system(folder, tmp_path):
    require_tool("iverilog")
    verilog = tmp_path / "verilog"
    convert_system(little(), verilog, "verilog", bus_bits=64)
    files = [str(verilog / f) for f in (verilog / "files.txt").read_text().split()]
    done = subprocess.run(
        ["iverilog", "-g2012", "-Wportbind", "-s", "little_axi_ip", "-o", "out", *files, str(folder / "little_axi_ip.v")],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("package_ip.tcl", "set_property top $ip_top", "set_property top $ip_name", "must not be VHDL-2008"),
        ("package_ip.tcl", "read_vhdl -vhdl2008", "read_vhdl", "is VHDL-2008"),
        ("package_ip.tcl", "-busif $interface -clock $ip_clock", "-busif $interface -clock clk", "no object bus:clk"),
        ("package_ip.tcl", "-clock $ip_clock -reset $ip_reset $core", "-clock $ip_clock $core", "the clock has no reset"),
        ("package_ip.tcl", "    ipx::create_xgui_files $core\n", "", "has no GUI"),
        ("package_ip.tcl", "set_property size 32", "set_property bits 32", "no property bits of reg:ID"),
        ("package_ip.tcl", "ipx::add_field $field", "ipx::add_bits $field", "ipx::add_bits"),
        ("package_ip.tcl", "-taxonomy /UserIP", "-category /UserIP", "no option -category"),
        ("parameters.tcl", "ACTIVE_LOW", "ACTIVE_HIGH", "aresetn is taken as active high"),
        ("parameters.tcl", "VERSION 0x004", "VERSION 0x000", "reg:VERSION at 0"),
        ("parameters.tcl", "minor 0 16", "minor 0 17", "has bits of another"),
        ("parameters.tcl", "m_axis xilinx.com:interface:axis_rtl", "m_axis xilinx.com:interface:aximm_rtl", "no port m_axis_awaddr"),
        ("little_axi_ip.v", "input wire s_axis_tlast,\n", "", "ports of little_axi_ip are not those of little_axi"),
        ("block_design.tcl", "processing_system7:5.5", "processing_system7:5.6", "no IP xilinx.com:ip:processing_system7:5.6"),
        ("block_design.tcl", "FIXED_IO, DDR", "FIXED_IO", "memory and MIO stay inside"),
        ("block_design.tcl", "    bus control/M01_AXI dma/S_AXI_LITE\n", "", "S_AXI_LITE is not connected"),
        ("block_design.tcl", "bus core/m_axis dma/S_AXIS_S2MM", "bus dma/S_AXIS_S2MM core/m_axis", "dma/S_AXIS_S2MM is sink"),
        ("block_design.tcl", " core/aclk ", " ", "core/aclk is not connected"),
        ("block_design.tcl", "wire core/irq interrupts/In0", "wire core/interrupt interrupts/In0", "no interrupt of core"),
        ("block_design.tcl", "NUM_PORTS 3", "NUM_PORTS 2", "no In2 of interrupts"),
        ("block_design.tcl", "c_include_sg 0", "c_include_sg 1", "M_AXI_SG is not connected"),
        ("block_design.tcl", "PCW_USE_S_AXI_HP0 1", "PCW_USE_S_AXI_HP0 0", "no S_AXI_HP0 of ps7"),
        ("parameters.tcl", "set dma_address 0x40400000", "set dma_address 0x43C00000", "lies over"),
        ("parameters.tcl", "set core_address 0x43C00000", "set core_address 0x43C00800", "not aligned"),
        ("parameters.tcl", "set core_address 0x43C00000", "set core_address 0x93C00000", "not behind M_AXI_GP0"),
        ("parameters.tcl", "set bus_bits 64", "set bus_bits 32", "dma/M_AXIS_MM2S has 32 bits, core/s_axis 64"),
        ("build.tcl", "    generate_target all $design\n", "", "was not generated"),
        ("build.tcl", " -to_step write_bitstream", "", "no bitstream"),
        ("build.tcl", "    complete synth_1\n", "", "synth_1 has not ended"),
        ("build.tcl", "$slack < 0}", "$slack < 1}", "the timing is not met: set-up slack 0.517 ns"),
    ],
)  # fmt: skip
def test_the_stubs_catch_mistakes(slim, file, old, new, message):
    folder = slim
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    done, _ = _run(folder)
    assert done.returncode == 1, done.stderr
    assert message in done.stderr and "ERROR: " in done.stderr


def test_a_run_that_fails_is_named_with_its_log(slim):
    done, _ = _run(slim, FAILS="impl_1")
    assert done.returncode == 1
    assert "impl_1 has failed: see runme.log in" in done.stderr


BOARD = 'title = "Z"\ndevice = "xc7z020"\npart = "xc7z020clg400-1"\nmemory_mbyte = 512\nsource = "s"\n[processor]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOARD.replace("512", "300"), "memory_mbyte = 300: must be 128, 256, 512 or 1024"),
        (BOARD.replace("xc7z020clg400-1", "xc7a35tcpg236-1"), "must be a Zynq-7000"),
        (BOARD + 'PCW_USE_M_AXI_GP0 = "0"\n', "none that the block design sets"),
        (BOARD + "PCW_X = 1\n", "PCW_X = 1: must be a text"),
        (BOARD.replace('title = "Z"\n', ""), "title"),
    ],
)
def test_a_wrong_board_file_is_refused(text, message):
    with pytest.raises(DesignError, match=message):
        zynq_board_of("z", text)


def test_the_board_files_are_read():
    assert list(zynq_boards()) == ["pynq-z2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bus", "48"], "bus width = 48"),
        (["--clock-mhz", "300"], "clock_mhz = 300: must be 1 to 250"),
        (["--tool", "nextpnr"], "must be vivado"),
        (["--device", "xc7vx690t"], "leave the device out"),
        (["--seeds", "2"], "seeds: board = 'pynq-z2' is built by Vivado"),
        (["--baud", "9600"], "remove --baud"),
    ],
)
def test_what_does_not_belong_to_the_board_is_refused(options, message, tmp_path, capsys):
    save_design(little(), tmp_path / "design")
    arguments = ["synth", str(tmp_path / "design"), "-o", str(tmp_path / "out"), "--board", "pynq-z2"]  # fmt: skip
    assert main([*arguments, *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_bus_is_of_a_board_with_a_processor(tmp_path, capsys):
    save_design(little(), tmp_path / "design")
    arguments = ["synth", str(tmp_path / "design"), "-o", str(tmp_path / "out"), "--bus", "64"]
    assert main(arguments) == 2
    assert "bus = 64: is of a board with a processor" in capsys.readouterr().err
