"""Delays of nextpnr and what is made of them, on files written by hand; no tool is run."""

from __future__ import annotations

import pytest
from placed_netlist import NETLIST, SDF

from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.mapping.multiplier_registers import MOVED
from ernn_myhdl.mapping.yosys_program import version
from ernn_myhdl.synthesis import device_named, synthesise
from ernn_myhdl.synthesis.place_and_route.delays import longest_paths, read_delays
from ernn_myhdl.synthesis.place_and_route.families import FAMILIES
from ernn_myhdl.synthesis.place_and_route.names import Names
from ernn_myhdl.synthesis.place_and_route.paths import block_slacks, worst_paths
from ernn_myhdl.synthesis.place_and_route.report import format_report, summary
from ernn_myhdl.synthesis.place_and_route.run import inside_ns, phase
from ernn_myhdl.synthesis.place_and_route.wrapper import ports_of


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
    folded = {"carry_bits": 2000, "folded": 1100, "luts": 1200}
    without = format_report(report | found | {"moved_registers": None, "folded_operands": None})
    assert "moved" not in without and "folded" not in without
    text = format_report(report | found | {"moved_registers": moved, "folded_operands": folded})
    assert "folded into 1,100 of 2,000 bits of carry chains: 1,200 LUTs" in text
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
        ({"tool": "vivado", "device": "xc7z020", "fold_operands": True},
         "fold_operands = True: only for tool = 'nextpnr'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_before_anything_is_written(
    tmp_path, arguments, message
):
    with pytest.raises(DesignError, match=message):
        synthesise(None, tmp_path / "out", **({"device": "lfe5u-25f"} | arguments))
    assert not list(tmp_path.iterdir())
