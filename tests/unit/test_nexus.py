"""The second open family: what is made of netlists and delays of Nexus, on examples written by hand; no tool is run."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.hardware import explore
from ernn_myhdl.mapping.nexus_carries import open_carry_inputs
from ernn_myhdl.synthesis import device_named, synthesise
from ernn_myhdl.synthesis.place_and_route.delays import longest_paths, read_delays
from ernn_myhdl.synthesis.place_and_route.families import FAMILIES
from ernn_myhdl.synthesis.place_and_route.wrapper import ports_of

FIRST = {
    "type": "CCU2",
    "parameters": {"INIT0": "0xFFFF", "INIT1": "0x00AA", "INJECT": "NO"},
    "port_directions": {"CIN": "input", "COUT": "output"},
    "connections": {"CIN": [7], "COUT": [8]},
}
MIDDLE = {
    "type": "CCU2",
    "parameters": {"INIT0": "0x96AA", "INIT1": "0x96AA", "INJECT": "NO"},
    "port_directions": {"CIN": "input", "COUT": "output"},
    "connections": {"CIN": [8], "COUT": [9]},
}
LOW = {"type": "VLO", "connections": {"Z": [7]}, "port_directions": {"Z": "output"}}


def small():
    return new_design(cell="linear", inputs=2, hidden=2, block=1, lanes=1, word=8)


@pytest.mark.parametrize("zero", [7, "0"])
def test_the_first_carry_input_of_a_chain_is_left_open(zero):
    """nextpnr-nexus refused every core: "CIN net driven by non-CCU2 cell"."""
    first = deepcopy(FIRST)
    first["connections"]["CIN"] = [zero]
    module = {"cells": {"first": first, "middle": deepcopy(MIDDLE), "low": LOW}}
    assert open_carry_inputs(module) == 1
    assert "CIN" not in first["connections"] and "CIN" not in first["port_directions"]
    assert module["cells"]["middle"] == MIDDLE
    assert open_carry_inputs(module) == 0


def test_a_constant_carry_input_that_counts_is_refused():
    middle = deepcopy(MIDDLE)
    middle["connections"]["CIN"] = [7]
    with pytest.raises(ToolError, match="middle: a constant carry input"):
        open_carry_inputs({"cells": {"middle": middle, "low": LOW}})
    assert middle["connections"]["CIN"] == [7]


SDF = r"""
(DELAYFILE
  (CELL (CELLTYPE "top") (INSTANCE ) (DELAY (ABSOLUTE
    (INTERCONNECT clock/CLKO a/CLK (0:0:1700) (0:0:1700))
    (INTERCONNECT clock/CLKO m/CLK (0:0:1800) (0:0:1800))
    (INTERCONNECT clock/CLKO q/CLK (0:0:1700) (0:0:1700))
    (INTERCONNECT a/Q m/A (0:0:1000) (0:0:1000))
    (INTERCONNECT m/P q/M (0:0:500) (0:0:500))
  )))
  (CELL
    (CELLTYPE "OXIDE_FF")
    (INSTANCE a)
    (IOPATH CLK Q (0:0:300) (0:0:300))
    (SETUPHOLD (posedge M) (posedge CLK) (0:0:100) (0:0:0))
  )
  (CELL
    (CELLTYPE "MULT18_CORE")
    (INSTANCE m)
    (IOPATH CLK P (0:0:FIRST) (0:0:FIRST))
    (IOPATH A P (0:0:400) (0:0:400))
    (SETUPHOLD (posedge A) (posedge CLK) (0:0:50) (0:0:0))
  )
  (CELL
    (CELLTYPE "OXIDE_FF")
    (INSTANCE q)
    (SETUPHOLD (posedge M) (posedge CLK) (0:0:100) (0:0:0))
  )
)
"""


@pytest.mark.parametrize(
    ("launch", "ns", "begins"),
    [
        ("600", 0.3 + 1.0 + 0.4 + 0.5 + 0.1, ("a", "Q")),  # past the multiplier's registers
        ("2000", 0.1 + 2.0 + 0.5 + 0.1, ("m", "P")),  # from them, which have the clock 0.1 ns later
    ],
)
def test_an_output_behind_a_register_and_past_it_has_the_longer_way(tmp_path, launch, ns, begins):
    """The way past the register was forgotten where an output had both, and the clock counted as one without skew."""
    (tmp_path / "delays.sdf").write_text(SDF.replace("FIRST", launch))
    paths = {path.pins[-1]: path for path in longest_paths(read_delays(tmp_path / "delays.sdf"))}
    assert paths["q", "M"].ns == pytest.approx(ns)
    assert paths["q", "M"].pins[0] == begins
    assert paths["m", "A"].ns == pytest.approx(0.3 + 1.0 + 0.05 - 0.1)  # the clock of m is later


def test_the_folder_has_pins_oscillator_and_the_commands(tmp_path):
    made = synthesise(small(), tmp_path / "out", "lifcl-40-8", tool="nextpnr", clock_mhz=125)
    assert made["move_registers"] is made["fold_operands"] is False
    assert made["commands"][1].endswith("nexus_carries netlist/synthesis.json netlist/carries.json")
    assert made["commands"][2].startswith(
        "nextpnr-nexus --device LIFCL-40-8BG400C --json netlist/carries.json"
    )
    assert "--pdc top/pins.pdc" in made["commands"][2]
    pins = (tmp_path / "out" / "top" / "pins.pdc").read_text()
    assert "create_clock -period 8.000 [get_nets clk]" in pins
    wrapper = (tmp_path / "out" / "top" / "ernn_out_of_context.sv").read_text()
    ports = [name for _, name, _ in ports_of(wrapper, "ernn_out_of_context")]
    assert ports == ["rst", "d", "load", "q"]  # no clock among them
    assert all(f"[get_ports {name}]" in pins for name in ports)
    script = (tmp_path / "out" / "scripts" / "nexus.ys").read_text()
    assert "../top/nexus_oscillator.sv" in script and "$" not in script
    assert json.loads((tmp_path / "out" / "parameters.json").read_text()) == made


def test_what_is_not_known_of_the_family_is_refused_by_name(tmp_path):
    with pytest.raises(DesignError, match="move_registers = True: not known .* of lifcl-40-7"):
        synthesise(small(), tmp_path / "out", "lifcl-40", tool="nextpnr", move_registers=True)
    with pytest.raises(DesignError, match="fold_operands = True: not known .* of lifcl-40-7"):
        synthesise(small(), tmp_path / "out", "lifcl-40", tool="nextpnr", fold_operands=True)
    with pytest.raises(DesignError, match="device = 'lifcl-40-7': tool = 'yosys' is for .*xc7"):
        synthesise(small(), tmp_path / "out", "lifcl-40", tool="yosys")
    with pytest.raises(DesignError, match="device = 'lifcl-40-7': exploring is for .*lfe5u-85f"):
        explore(small(), device_named("lifcl-40"), Goal())
    with pytest.raises(
        ToolError, match="device = 'lifcl-40-7': the core takes block RAM, which is not"
    ):
        FAMILIES["nexus"].check_cells(["LUT4", "PDP16K", "DP16K"], "lifcl-40-7")
    FAMILIES["nexus"].check_cells(["LUT4", "CCU2", "MULT18X18"], "lifcl-40-7")
    assert not list(tmp_path.iterdir())
