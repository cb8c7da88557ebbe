"""The VHDL of a core that loads initial states: no latches, and its delivered test bench passes."""

from __future__ import annotations

import pytest
from tools import require_tool

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.convert import convert
from ernn_myhdl.convert.vhdl_bench import STATES
from ernn_myhdl.engines.ghdl import check_folder
from ernn_myhdl.engines.verilator.compiled_hdl import corrected
from ernn_myhdl.synthesis import ghdl_synth_check


@pytest.mark.ghdl
def test_vhdl_of_a_core_that_loads_states(tmp_path):
    """Beats of several blocks; the first of the bench's sequences starts from a state."""
    require_tool("ghdl")
    design = new_design(
        5, 6, block=2, cell="gru", reset="after", lanes=4, samples_per_beat=8, streams=2,
        initial_states=True,
    )  # fmt: skip
    folder = tmp_path / "vhdl"
    convert(design, folder)
    checked = ghdl_synth_check(folder)
    assert checked["top"] == "ernn_core" and not checked["warnings"]
    result = check_folder(folder, idle=30, stall=30)
    assert result.passed, result.message
    states = folder / "test_bench" / f"ernn_{STATES}"
    beats = states.read_text().splitlines()
    assert len(beats) == 1
    other = f"{(int(beats[0][-1], 16) ^ 8):X}"
    states.write_text(beats[0][:-1] + other + "\n")
    assert not check_folder(folder).passed, "the state makes no difference"


def test_a_signal_of_one_value_is_set_at_the_start():
    """always @* without an input is never run: Verilator left the signal at zero."""
    text = "  always @*\n    ends = 1'b1; // (isignal)\n  initial\n    ends <= 1'b0;\n"
    assert corrected(text) == "  initial\n    ends <= 1'b1;\n"


def test_a_signal_of_gates_begins_with_what_they_give():
    """Where what is connected makes it one value, nothing sets it again: Verilator left it at what it began with."""
    text = "  always @*\n    ends = n7_o; // (isignal)\n  initial\n    ends <= 1'b0;\n"
    assert corrected(text) == "  always @*\n    ends = n7_o;\n"
    register = "  always @(posedge clk)\n    n9_q <= n8_o;\n  initial\n    n9_q <= 1'b0;\n"
    assert corrected(register) == register
