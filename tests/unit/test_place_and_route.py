"""Delays of nextpnr and what is made of them, on files written by hand; no tool is run."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.design.network import Network
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.mapping.multiplier_registers import MOVED
from ernn_myhdl.mapping.yosys_program import version
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.runs.report_text import info_text
from ernn_myhdl.synthesis import Device, device_named, synthesise
from ernn_myhdl.synthesis.place_and_route.delays import longest_paths, read_delays
from ernn_myhdl.synthesis.place_and_route.families import FAMILIES
from ernn_myhdl.synthesis.place_and_route.measured import measured_clock
from ernn_myhdl.synthesis.place_and_route.names import Names
from ernn_myhdl.synthesis.place_and_route.paths import block_slacks, worst_paths
from ernn_myhdl.synthesis.place_and_route.report import format_report, summary
from ernn_myhdl.synthesis.place_and_route.run import inside_ns, phase
from ernn_myhdl.synthesis.place_and_route.wrapper import ports_of

# a register of the lane through a LUT to one of the sum; the chain of the wrapper is longer still
SDF = r"""
(DELAYFILE
  (CELL (CELLTYPE "top")
    (INSTANCE )
    (DELAY
      (ABSOLUTE
        (INTERCONNECT core.lane_0_i.x\[1\]_TRELLIS_FF_Q/Q core.lane_0_i.lut/A (100:200:300) (100:200:350))
        (INTERCONNECT core.lane_0_i.lut/F core.sum_i.s_TRELLIS_FF_Q/DI (0:0:0) (0:0:0))
        (INTERCONNECT given_FF/Q shown_FF/M (0:0:9000) (0:0:9000))
        (INTERCONNECT core.lane_0_i.x\[1\]_TRELLIS_FF_Q/Q core.sum_i.s_TRELLIS_FF_Q/CE (0:0:2000) (0:0:2000))
      )
    )
  )
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE core.lane_0_i.x\[1\]_TRELLIS_FF_Q)
    (DELAY (ABSOLUTE
        (IOPATH CLK Q (430:477:525) (430:477:525))
    ))
  )
  (CELL
    (CELLTYPE "TRELLIS_COMB")
    (INSTANCE core.lane_0_i.lut)
    (DELAY (ABSOLUTE
        (IOPATH A F (0:0:240) (0:0:200))
    ))
  )
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE core.sum_i.s_TRELLIS_FF_Q)
    (TIMINGCHECK
      (SETUPHOLD (posedge DI) (posedge CLK) (0:0:10) (0:0:268))
      (SETUPHOLD (negedge DI) (posedge CLK) (0:0:20) (0:0:268))
      (SETUPHOLD (posedge CE) (posedge CLK) (0:0:-500) (0:0:268))
    )
  )
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE given_FF)
    (DELAY (ABSOLUTE
        (IOPATH CLK Q (430:477:525) (430:477:525))
    ))
  )
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE shown_FF)
    (TIMINGCHECK
      (SETUPHOLD (posedge M) (posedge CLK) (0:0:0) (0:0:268))
    )
  )
)
"""


def scope(module: str) -> dict:
    return {
        "type": "$scopeinfo",
        "parameters": {"TYPE": "module"},
        "attributes": {"module": module},
        "port_directions": {},
        "connections": {},
    }


def flip_flop(net: int) -> dict:
    return {
        "type": "TRELLIS_FF",
        "parameters": {},
        "attributes": {},
        "port_directions": {"DI": "input", "Q": "output"},
        "connections": {"DI": ["0"], "Q": [net]},
    }


NETLIST = {
    "cells": {
        "core": scope("ernn_core"),
        "core.lane_0_i": scope(r"$paramod\ernn_lane\CONTENTS=s32'0"),
        "core.sum_i": scope("ernn_sum"),
        "core.lane_0_i.x[1]_TRELLIS_FF_Q": flip_flop(4),
        "core.sum_i.s_TRELLIS_FF_Q": flip_flop(6),
    },
    "netnames": {
        "core.lane_0_i.x[1]": {"bits": [3, 4]},
        "core.lane_0_i.x[1]_TRELLIS_FF_Q_DI": {"bits": [4]},
        "core.sum_i.s": {"bits": [6]},
    },
}


@pytest.fixture
def placed(tmp_path):
    file = tmp_path / "delays.sdf"
    file.write_text(SDF)
    delays = read_delays(file)
    return delays, longest_paths(delays), Names(NETLIST, "ernn_")


def test_the_slow_corner_counts_with_the_set_up_time_of_the_slower_edge(placed):
    _, paths, _ = placed
    by_end = {path.pins[-1]: path for path in paths}
    data = by_end["core.sum_i.s_TRELLIS_FF_Q", "DI"]
    assert data.ns == pytest.approx(0.525 + 0.350 + 0.240 + 0.0 + 0.020)
    assert [pin for _, pin in data.pins] == ["Q", "A", "F", "DI"]
    enable = by_end["core.sum_i.s_TRELLIS_FF_Q", "CE"]
    assert enable.ns == pytest.approx(0.525 + 2.0)  # a negative set-up time shortens nothing
    assert [path.ns for path in paths] == sorted((path.ns for path in paths), reverse=True)


def test_paths_are_named_by_block_and_signal_and_those_of_the_wrapper_do_not_count(placed):
    delays, paths, names = placed
    assert paths[0].pins[0] == ("given_FF", "Q")
    first = worst_paths(paths, delays, names, 4.0)[0]
    assert first == {
        "ns": 2.525, "slack_ns": 1.475, "logic_ns": 0.525, "routing_ns": 2.0,
        "from": {"block": "lane_0", "signal": "x[1][1]"}, "to": {"block": "sum", "signal": "s"},
        "through": [], "cells": {},
    }  # fmt: skip
    assert block_slacks(paths, names, 4.0) == [
        {"block": "sum", "slack_ns": 1.475, "worst": "sum.s"}
    ]


def test_one_word_does_not_fill_the_list_of_paths(placed):
    delays, paths, names = placed
    assert len(worst_paths(paths, delays, names, 4.0)) == 1  # enable and data of the same register


def test_a_register_inside_a_multiplier_keeps_its_name():
    multiplier = {
        "type": "MULT18X18D",
        "parameters": {},
        "attributes": {f"{MOVED}A": "core.lane_0_i.operand[3]"},
        "port_directions": {"A1": "input", "P0": "output"},
        "connections": {"A1": [4], "P0": [6]},
    }
    cells = NETLIST["cells"] | {"core.lane_0_i.m": multiplier}
    names = Names({**NETLIST, "cells": cells}, "ernn_")
    assert str(names.place("core.lane_0_i.m", "A1")) == "lane_0.operand[3]"
    assert names.place("core.lane_0_i.m", "A1").module == "lane"


def test_the_way_between_registers_inside_a_multiplier_limits_the_clock():
    """nextpnr has no delay for it."""
    family = FAMILIES["ecp5"]
    assert inside_ns(family, "6", {"both_ends": 1}) == 3.927
    assert inside_ns(family, "8", {"both_ends": 2}) == 3.066
    assert inside_ns(family, "6", {"both_ends": 0}) == inside_ns(family, "6", None) == 0.0


def test_a_combinational_loop_is_named(tmp_path):
    file = tmp_path / "loop.sdf"
    file.write_text(
        SDF.replace(
            "(INTERCONNECT given_FF/Q shown_FF/M (0:0:9000) (0:0:9000))",
            "(INTERCONNECT core.lane_0_i.lut/F core.lane_0_i.lut/A (0:0:1) (0:0:1))",
        )
    )
    with pytest.raises(ToolError, match="combinational loop through core.lane_0_i.lut"):
        longest_paths(read_delays(file))


def test_an_empty_file_of_delays_is_refused(tmp_path):
    (tmp_path / "empty.sdf").write_text("(DELAYFILE\n)\n")
    with pytest.raises(ToolError, match="no delays in it"):
        read_delays(tmp_path / "empty.sdf")


def test_ports_keep_their_order_and_widths():
    source = "// x\nmodule m_core (\n    input wire clk,\n    output reg [7:0] q,\n    output wire v\n);\n    wire [3:0] a;\nendmodule\n"
    assert ports_of(source, "m_core") == [
        ("input", "clk", 1), ("output", "q", 8), ("output", "v", 1),
    ]  # fmt: skip
    with pytest.raises(ToolError, match="other: no ports found"):
        ports_of(source, "other")


def test_the_median_of_the_seeds_is_the_clock_and_the_best_has_the_paths():
    def run(seed: int, clock: float) -> dict:
        used = {"TRELLIS_COMB": {"used": 2429}, "MULT18X18D": {"used": 7}}
        path = {
            "ns": 7.0, "slack_ns": -3.0, "logic_ns": 4.0, "routing_ns": 3.0, "through": ["mid"],
            "from": {"block": "lane", "signal": f"a{seed}"}, "to": {"block": "sum", "signal": "b"},
            "cells": {"LUT": 2},
        }  # fmt: skip
        blocks = [{"block": "sum", "slack_ns": -3.0, "worst": "sum.b"}]
        return {"seed": seed, "fmax_mhz": clock, "nextpnr_mhz": clock, "used": used,
                "paths": [path], "blocks": blocks}  # fmt: skip

    device = device_named("lfe5u-25f-7")
    found = summary([run(1, 130.0), run(2, 150.0), run(3, 110.0)], device, FAMILIES["ecp5"])
    assert (found["fmax_mhz"], found["fmax_best_mhz"], found["best_seed"]) == (130.0, 150.0, 2)
    assert found["paths"][0]["from"]["signal"] == "a2"
    assert found["utilisation"]["lut"] == {"used": 2429, "available": 24288, "percent": 10.0}
    assert found["utilisation"]["multiplier"] == {"used": 7, "available": 28, "percent": 25.0}
    assert found["utilisation"]["block_ram"]["used"] == 0
    report = {"top": "core", "device": {"name": device.title}, "tool": "t", "target_mhz": 250.0}
    moved = {"multipliers": 7, "operands": 12, "products": 6, "both_ends": 5, "flip_flops": 1234}
    assert "moved" not in format_report(report | found | {"moved_registers": None})
    text = format_report(report | found | {"moved_registers": moved})
    assert (
        "moved into 7 multipliers: the registers of 12 operands and 6 products, 1,234 flip" in text
    )
    assert "core on lfe5u-25f-7" in text
    assert "Fmax 130.0 MHz (median of 3: 130.0, 150.0, 110.0), best 150.0 MHz with seed 2" in text
    assert "7.00 ns (4.00 + 3.00)  lane.a2 -> sum.b: 2 LUT, through mid" in text


@pytest.mark.parametrize(
    ("log", "what"),
    [
        ("", "starts"),
        ("1.2. Executing PROC pass (convert).\n66.46.1. Executing ABC9_EXE pass (x).\n", "ABC9_EXE"),
        ("Info: Packing LUTs..\nInfo: Running main analytical placer, max\n",
         "running main analytical placer"),
        ("Info: Routing..\nInfo:     1000 | 20\n", "routing"),
    ],
)  # fmt: skip
def test_the_phase_of_a_tool_is_what_its_log_tells_last(tmp_path, log, what):
    (tmp_path / "x.log").write_text(log)
    assert phase(tmp_path / "x.log") == what
    assert phase(tmp_path / "missing.log") == "starts"


def test_versions_compare_as_numbers():
    assert version("Yosys 0.70") > version("Yosys 0.9+4052") > version("Yosys of unknown version")
    assert version("nextpnr-0.10-12-gabc") > version("nextpnr-0.9")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tool": "nextpnr", "device": "xc7z020"}, "device = 'xc7z020': tool = 'nextpnr' is for .*lfe5u-25f"),
        ({"tool": "yosys", "device": "lfe5u-45f-7"}, "device = 'lfe5u-45f-7': tool = 'yosys' is for .*xc7"),
        ({"tool": "vivado", "device": "lfe5u-45f"}, "device = 'lfe5u-45f-6': tool = 'vivado' is for"),
        ({"tool": "nextpnr", "seeds": 0}, "seeds = 0: must be a whole number from 1 to 100"),
        ({"tool": "nextpnr", "seeds": 2.0}, "seeds = 2.0: must be a whole number"),
        ({"tool": "yosys", "device": "xc7z020", "seeds": 3}, "seeds = 3: only for tool = 'nextpnr'"),
        ({"tool": "yosys", "device": "xc7z020", "move_registers": False},
         "move_registers = False: only for tool = 'nextpnr'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_before_anything_is_written(
    tmp_path, arguments, message
):
    with pytest.raises(DesignError, match=message):
        synthesise(None, tmp_path / "out", **({"device": "lfe5u-25f"} | arguments))
    assert not list(tmp_path.iterdir())


def test_exploring_refuses_a_family_whose_resources_it_does_not_know():
    from ernn_myhdl.explore.goal import Goal
    from ernn_myhdl.explore.hardware import explore

    with pytest.raises(
        DesignError, match="device = 'lfe5u-85f-6': exploring is for devices such as xc7a35t"
    ):
        explore(None, device_named("lfe5u-85f"), Goal())


def fake_tool(folder, name: str, what: str):
    """A program that tells a version newer than any, and else does `what` in the shell."""
    file = folder / name
    file.write_text(
        f'#!/bin/sh\ncase "$1" in -V|--version) echo "Yosys 99.0 (Version nextpnr-99.0)"; exit;; esac\n{what}\n'
    )
    file.chmod(0o755)
    return file


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """Programs first on the PATH: a folder for them, and the design of a small layer."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("ERNN_YOSYS", raising=False)
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
    assert made["commands"][2].startswith(
        "nextpnr-ecp5 --45k --package CABGA381 --speed 7 --json netlist/moved.json"
    )
    assert "multiplier_registers netlist/synthesis.json netlist/moved.json" in made["commands"][1]
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


def test_control_c_ends_the_tool_and_leaves_nothing(fakes, tmp_path):
    from ernn_myhdl.design.storage import save_design

    programs, design = fakes
    fake_tool(programs, "yosys", f"echo $$ > {tmp_path}/pid; exec sleep 600")
    fake_tool(programs, "nextpnr-ecp5", "exit 0")
    save_design(design, tmp_path / "design")
    command = [sys.executable, "-m", "ernn_myhdl", "synth", "design", "--tool", "nextpnr",
               "--device", "lfe5u-25f", "-o", "out", "--run"]  # fmt: skip
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
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
        f"""for seed in 1 2; do
cp {given}/report.json netlist/report_$seed.json; cp {given}/placed.json netlist/placed_$seed.json
cp {given}/delays.sdf netlist/delays_$seed.sdf; done; echo 'Info: Routing..'""",
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
    assert report["moved_registers"]["multipliers"] == 0
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
