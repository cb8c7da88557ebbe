"""A part of the matrix under cocotb and cocotbext-axi: a small core in Icarus; the whole of it is `benchmarks.axi_matrix`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tools import require_module, require_tool

from ernn_myhdl import RnnCell, new_network


@pytest.mark.iverilog
def test_packets_under_cocotb_with_masters_of_others(tmp_path):
    require_tool("iverilog")
    require_module("cocotbext.axi", "pip install 'ernn-myhdl[axi]'")
    from axi_matrix.runs import run_matrix

    layer = new_network([RnnCell(3, 4, block=1)], lanes=1, samples_per_beat=2).layers[0]
    found = run_matrix(
        replace(layer, name="tiny"), 32, tmp_path, "icarus", 6, ("none", "both"), stall=300
    )
    assert found["runs"] == 12 and found["packets"] >= 24
    assert (found["wrong"], found["violations"]) == ([], [])
