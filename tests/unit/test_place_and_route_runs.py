"""Runs of place and route with tools that write what a test tells them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from placed_netlist import NETLIST, SDF
from waiting import SECONDS, until

from ernn_myhdl import convert
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.design.network import Network
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.runs.report_text import info_text
from ernn_myhdl.synthesis import Device, synthesise
from ernn_myhdl.synthesis.place_and_route.measured_clock import measured_clock
from ernn_myhdl.synthesis.place_and_route.report import format_report
from ernn_myhdl.synthesis.place_and_route.wrapper import ports_of


def fake_tool(folder, name: str, what: str):
    """A program that tells a version newer than any, and else does `what` in the shell."""
    file = folder / name
    file.write_text(
        f'#!/bin/sh\ncase "$1" in -V|--version) echo "Yosys 99.0 (Version nextpnr-99.0)"; exit;; esac\n{what}\n'
    )
    file.chmod(0o755)
    return file


def without_packages(name, *others, found=importlib.util.find_spec):
    """`find_spec` where no tool was installed by pip: those take a while to tell their versions."""
    return None if name.startswith("yowasp") else found(name, *others)


@pytest.fixture(scope="module")
def conversion(tmp_path_factory):
    """A conversion that is made once for all tests, which are about what comes behind it."""
    kept, own = {}, convert.convert

    def once(design, folder, hdl):
        if (design.digest, hdl) not in kept:
            place = tmp_path_factory.mktemp("converted") / "hdl"
            kept[design.digest, hdl] = place, own(design, place, hdl=hdl)
        place, manifest = kept[design.digest, hdl]
        shutil.copytree(place, folder)
        return json.loads(json.dumps(manifest))

    return once


@pytest.fixture
def fakes(tmp_path, monkeypatch, conversion):
    """Programs first on the PATH: a folder for them, and the design of a small layer."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("ERNN_YOSYS", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", without_packages)
    monkeypatch.setattr(convert, "convert", conversion)
    return programs, new_design(cell="linear", inputs=2, hidden=2, block=1, lanes=1, word=8)


def test_the_log_of_a_tool_that_failed_is_kept_and_its_reason_told(fakes, tmp_path):
    programs, design = fakes
    fake_tool(programs, "yosys", "echo 'ERROR: no such cell'; exit 1")
    fake_tool(programs, "nextpnr-ecp5", "exit 0")
    with pytest.raises(ToolError, match=r"synthesis: no such cell; see .*out\.synthesis\.log"):
        synthesise(design, tmp_path / "out", "lfe5u-25f", tool="nextpnr", run=True)
    assert "no such cell" in (tmp_path / "out.synthesis.log").read_text()
    assert not (tmp_path / "out").exists()


def test_without_a_run_the_folder_is_written_with_the_commands(fakes, tmp_path):
    _, design = fakes
    made = synthesise(design, tmp_path / "out", "lfe5u-45f-7", tool="nextpnr")
    assert made == json.loads((tmp_path / "out" / "parameters.json").read_text())
    assert (made["device"], made["clock_mhz"], made["seeds"]) == ("lfe5u-45f-7", 250.0, 1)
    assert made["commands"][3].startswith(
        "nextpnr-ecp5 --45k --package CABGA381 --speed 7 --json netlist/moved.json"
    )
    assert "carry_operands netlist/synthesis.json netlist/folded.json" in made["commands"][1]
    assert "multiplier_registers netlist/folded.json netlist/moved.json" in made["commands"][2]
    script = (tmp_path / "out" / "scripts" / "ecp5.ys").read_text()
    assert "$" not in script
    assert "../top/ernn_out_of_context.sv" in script
    wrapper = (tmp_path / "out" / "top" / "ernn_out_of_context.sv").read_text()
    # all ports of the core but clock and reset: 2 bits in and 2 out of handshakes beside data and marks
    ports = ports_of((tmp_path / "out" / "hdl" / "ernn_core.sv").read_text(), "ernn_core")
    bits = {w: sum(n for way, _, n in ports if way == w) for w in ("input", "output")}
    assert f"reg [{bits['input'] - 2} - 1:0] filled" in wrapper
    assert f"reg [{bits['output']} - 1:0] seen" in wrapper
    for _, name, _ in ports:
        assert f".{name}(" in wrapper


#: The command, without the tools that were installed by pip.
SYNTH = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda n, *others: None if n.startswith("yowasp") else found(n, *others)
from ernn_myhdl.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_control_c_ends_the_tool_and_leaves_nothing(fakes, tmp_path):
    from ernn_myhdl.design.storage import save_design

    programs, design = fakes
    fake_tool(programs, "yosys", f"echo $$ > {tmp_path}/pid; exec sleep 600")
    fake_tool(programs, "nextpnr-ecp5", "exit 0")
    save_design(design, tmp_path / "design")
    command = [sys.executable, "-c", SYNTH, "synth", "design", "--tool", "nextpnr",
               "--device", "lfe5u-25f", "-o", "out", "--run"]  # fmt: skip
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)

    def begun():
        assert process.poll() is None, process.stderr.read()
        return (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()

    until(begun, "the number of the tool")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, err
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["design", "pid", "programs"]


def test_info_tells_rates_at_the_measured_clock_of_this_design_only(tmp_path):
    design = new_design(cell="linear", inputs=2, hidden=2, block=1, lanes=1, word=8)
    with pytest.raises(
        DesignError, match="holds no place_and_route.json; give a folder of ernn synth"
    ):
        measured_clock(tmp_path, design)
    report = {"design_digest": design.digest, "fmax_mhz": 125.0, "seeds": [{}, {}, {}],
              "device": {"name": "lfe5u-25f-6"}}  # fmt: skip
    (tmp_path / "place_and_route.json").write_text(json.dumps(report))
    clock, origin = measured_clock(tmp_path, design)
    assert (clock, origin) == (125.0, "measured: lfe5u-25f-6, median of 3 seeds")
    info = design_info(design, clock, origin)
    assert info["frames_per_second_single"] == 125e6 / info["interval_cycles"]
    assert "us at 125 MHz (measured: lfe5u-25f-6, median of 3 seeds)" in info_text(info)
    assert "us at 200 MHz (assumed)" in info_text(design_info(design))
    network = info_text(design_info(Network([design, design], name="two"), clock, origin))
    assert network.count("us at 125 MHz (measured: lfe5u-25f-6") == 3  # the whole and its layers
    other = new_design(cell="linear", inputs=2, hidden=2, block=1, lanes=1, word=8, seed=2)
    with pytest.raises(DesignError, match="is of a design with digest"):
        measured_clock(tmp_path, other)
    for damaged in (
        "{}",
        "{",
        "[]",
        json.dumps(report | {"fmax_mhz": "fast"}),
        json.dumps(report | {"seeds": 3}),
    ):
        (tmp_path / "place_and_route.json").write_text(damaged)
        with pytest.raises(DesignError, match="is damaged"):
            measured_clock(tmp_path, design)


def test_the_outputs_of_the_tools_become_report_text_and_picture(fakes, tmp_path):
    """The whole way, with tools that give files written by hand."""
    programs, design = fakes
    given = tmp_path / "given"
    given.mkdir()
    module = {**NETLIST, "ports": {}, "attributes": {}}
    (given / "synthesis.json").write_text(json.dumps({"modules": {"ernn_out_of_context": module}}))
    cells = {"core.lane_0_i.x[1]_TRELLIS_FF_Q": "X3/Y4/SLICEA.FF0", "given_FF": "X1/Y9/SLICEB.FF1"}
    placed = {name: {"attributes": {"NEXTPNR_BEL": bel}} for name, bel in cells.items()}
    (given / "placed.json").write_text(json.dumps({"modules": {"top": {"cells": placed}}}))
    used = {"TRELLIS_COMB": {"used": 12, "available": 24288}}
    achieved = 1000 / 9.525  # the chain of the wrapper
    (given / "report.json").write_text(
        json.dumps({"fmax": {"clk": {"achieved": achieved}}, "utilization": used})
    )
    (given / "delays.sdf").write_text(SDF)
    fake_tool(
        programs, "yosys", f"cp {given}/synthesis.json ../netlist/; echo '1. Executing PROC pass'"
    )
    fake_tool(
        programs,
        "nextpnr-ecp5",
        # the files of its own seed: the other runs beside it
        f"""seed=$(echo "$* " | sed -n 's/.*--seed \\([0-9]*\\) .*/\\1/p')
cp {given}/report.json netlist/report_$seed.json; cp {given}/placed.json netlist/placed_$seed.json
cp {given}/delays.sdf netlist/delays_$seed.sdf; echo 'Info: Routing..'""",
    )
    phases = []
    folder = tmp_path / "out"
    report = synthesise(
        design, folder, "lfe5u-25f", tool="nextpnr", run=True, seeds=2,
        progress=lambda done, total, name: phases.append((done, total)),
    )  # fmt: skip
    assert phases[0][1] == 3 and phases[-1] == (3, 3)
    assert report == json.loads((folder / "place_and_route.json").read_text())
    assert report["fmax_mhz"] == round(1000 / 2.525, 2)  # without the paths of the wrapper
    assert [seed["nextpnr_mhz"] for seed in report["seeds"]] == [round(achieved, 2)] * 2
    assert report["utilisation"]["lut"]["used"] == 12
    assert report["design_digest"] == design.digest
    assert format_report(report) == (folder / "place_and_route.txt").read_text().rstrip("\n")
    assert (folder / "floorplan.png").read_bytes().startswith(b"\x89PNG")
    assert report["moved_registers"]["multipliers"] == report["folded_operands"]["luts"] == 0
    kept = sorted(p.name for p in (folder / "netlist").iterdir())
    assert kept == ["moved.json", "synthesis.json"]
    assert sorted(p.name for p in (folder / "logs").iterdir()) == [
        "seed_1.log", "seed_2.log", "synthesis.log",
    ]  # fmt: skip


def test_delays_that_do_not_agree_with_the_report_are_an_error(fakes, tmp_path):
    programs, design = fakes
    module = {**NETLIST, "ports": {}, "attributes": {}}
    (tmp_path / "n.json").write_text(json.dumps({"modules": {"ernn_out_of_context": module}}))
    (tmp_path / "r.json").write_text(
        json.dumps({"fmax": {"clk": {"achieved": 200.0}}, "utilization": {}})
    )
    (tmp_path / "d.sdf").write_text(SDF)
    fake_tool(programs, "yosys", f"cp {tmp_path}/n.json ../netlist/synthesis.json")
    fake_tool(programs, "nextpnr-ecp5",
              f"cp {tmp_path}/r.json netlist/report_1.json; cp {tmp_path}/d.sdf netlist/delays_1.sdf")  # fmt: skip
    with pytest.raises(ToolError, match="delays give 104.99 MHz and its report 200.00 MHz"):
        synthesise(design, tmp_path / "out", "lfe5u-25f", tool="nextpnr", run=True)
    assert not (tmp_path / "out").exists()


def test_a_netlist_without_the_names_of_blocks_is_refused(fakes, tmp_path):
    programs, design = fakes
    module = {"cells": {}, "netnames": {}, "ports": {}}
    (tmp_path / "n.json").write_text(json.dumps({"modules": {"ernn_out_of_context": module}}))
    fake_tool(programs, "yosys", f"cp {tmp_path}/n.json ../netlist/synthesis.json")
    fake_tool(programs, "nextpnr-ecp5", "exit 1")
    with pytest.raises(
        ToolError, match="does not keep the names of blocks .*take Yosys 0.40 or newer"
    ):
        synthesise(design, tmp_path / "out", "lfe5u-25f", tool="nextpnr", run=True)


def test_a_device_of_ones_own_that_nextpnr_does_not_have_is_refused(fakes, tmp_path):
    _, design = fakes
    own = Device("lfe5u-12f", "lfe5u-12f", "ecp5", 12144, 12144, 28, 32, "DS", package="CABGA381")
    with pytest.raises(
        DesignError, match=r"device = 'lfe5u-12f' \(CABGA381\): must be one of lfe5u-25f"
    ):
        synthesise(design, tmp_path / "out", own, tool="nextpnr")
    assert not (tmp_path / "out").exists()
