"""`ghdl --synth` on conversions written by hand: passes, and finds latches and mistakes."""

import pytest
from small_conversion import small_conversion
from tools import require_tool

from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.synthesis import ghdl_synth_check


@pytest.fixture
def folder(tmp_path):
    small_conversion(tmp_path / "hdl", "vhdl")
    return tmp_path / "hdl"


def _edit(folder, old, new):
    text = (folder / "mac.vhd").read_text()
    assert old in text
    (folder / "mac.vhd").write_text(text.replace(old, new))


@pytest.mark.ghdl
def test_good_vhdl_passes_and_leaves_nothing(folder):
    require_tool("ghdl")
    before = sorted(folder.iterdir())
    assert ghdl_synth_check(folder) == {"top": "ernn", "files": 2, "warnings": []}
    assert sorted(folder.iterdir()) == before


@pytest.mark.ghdl
def test_a_latch_that_ghdl_overlooks_is_an_error(folder):
    require_tool("ghdl")
    _edit(folder, "process (clk)", "process (all)")
    _edit(folder, "if rising_edge(clk) then", "if clk = '1' then")
    with pytest.raises(ToolError, match="signal product at mac.vhd:.* is a latch or has no driver"):
        ghdl_synth_check(folder)


@pytest.mark.ghdl
def test_a_latch_that_ghdl_refuses_itself(folder):
    require_tool("ghdl")
    _edit(folder, "process (clk)", "process (all)")
    _edit(folder, "q <= std_logic_vector(product);", "")
    _edit(folder, "if rising_edge(clk) then", "if clk = '1' then")
    _edit(
        folder, "product <= signed(a) * signed(b)", "q <= std_logic_vector(signed(a) * signed(b))"
    )
    with pytest.raises(
        ToolError, match="ghdl --synth failed on ernn: mac.vhd:.*: latch infered .*log"
    ):
        ghdl_synth_check(folder)


@pytest.mark.ghdl
def test_an_error_of_analysis_is_named_with_its_log(folder):
    require_tool("ghdl")
    _edit(folder, "product <=", "produkt <=")
    with pytest.raises(
        ToolError, match='ghdl -a failed on ernn: mac.vhd:.*: no declaration for "produkt"'
    ):
        ghdl_synth_check(folder)
    assert "produkt" in (folder / "ghdl_synth.log").read_text()


@pytest.mark.ghdl
def test_warnings_are_returned(folder):
    require_tool("ghdl")
    _edit(folder, "begin\n    q <=", "    signal unused : std_logic := '0';\nbegin\n    q <=")
    _edit(folder, "if valid = '1' then", "if valid = '1' and unused = '0' then")
    (warning,) = ghdl_synth_check(folder)["warnings"]
    assert "mac.vhd:" in warning and "never assigned" in warning


@pytest.mark.ghdl
def test_what_is_no_vhdl_conversion_is_refused(tmp_path):
    require_tool("ghdl")
    with pytest.raises(DesignError, match="no readable manifest.json"):
        ghdl_synth_check(tmp_path)
    small_conversion(tmp_path / "hdl", "verilog")
    with pytest.raises(DesignError, match="holds verilog, must be vhdl"):
        ghdl_synth_check(tmp_path / "hdl")
