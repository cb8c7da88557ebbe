"""The longest paths of the sequencer of full-size presets, by Yosys: its decisions are made of registers."""

from __future__ import annotations

import pytest
from control_cases import sequencer_alone
from tools import require_tool

from ernn_myhdl.calibration.presets import preset_design
from ernn_myhdl.convert.writer import write_netlist
from ernn_myhdl.rtl.core.view import CoreView
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.yosys import synthesise_blocks

#: LUTs in a path: into the registers that a decision is made of, and into all others, most of which a decision moves.
MOST_LUTS, MOST_BEHIND = 4, 3
DECISION = {"gate_readiness", "second_readiness", "gate_turn"}


@pytest.mark.slow
@pytest.mark.yosys
@pytest.mark.parametrize("preset", ["paper-lstm-k8", "paper-gru-k16"])
def test_no_path_of_the_sequencer_has_more_than_four_luts(preset, tmp_path):
    require_tool("yosys")
    netlist = sequencer_alone(preset_design(preset))
    (tmp_path / "hdl").mkdir()
    _, components = write_netlist(CoreView(netlist), tmp_path / "hdl", "verilog")
    manifest = {"top": netlist.name, "design_digest": "", "components": components}
    timing = synthesise_blocks(tmp_path, manifest, device_named("xc7vx690t"))["timing"]
    levels = {path["block"]: path["levels"] for path in timing["ends"]["levels"]}
    assert set(levels) > DECISION
    for block, found in levels.items():
        assert found <= (MOST_LUTS if block in DECISION else MOST_BEHIND), (block, found)
    assert min(levels[block] for block in DECISION) > 1  # a decision chooses what is in these
    assert all(timing["ports"][way]["levels"] <= MOST_BEHIND for way in ("in", "out"))
