"""Parts of the matrix under cocotb and cocotbext-axi: small cores in Icarus and, their VHDL, in GHDL; the whole of it is `benchmarks.axi_matrix`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tools import require_module, require_tool

from ernn_myhdl import GruCell, LinearCell, RnnCell, new_network


def plain():
    return new_network([RnnCell(3, 4, block=1)], lanes=1, samples_per_beat=2).layers[0]


def ending():
    """The last frame of sequences that start from states."""
    cells = [GruCell(3, 2, block=1), LinearCell(2, 2, block=1)]
    return new_network(
        cells, lanes=1, samples_per_beat=4, initial_states=True, outputs=["last", "all"]
    )


@pytest.mark.parametrize(
    ("core", "simulator", "shapes"),
    [
        pytest.param(plain, "icarus", 6, marks=pytest.mark.iverilog),
        pytest.param(plain, "ghdl", 4, marks=pytest.mark.ghdl),
        pytest.param(ending, "icarus", 4, marks=pytest.mark.iverilog),
    ],
    ids=["verilog", "vhdl", "ends-and-states"],
)
def test_packets_under_cocotb_with_masters_of_others(core, simulator, shapes, tmp_path):
    require_tool("iverilog" if simulator == "icarus" else simulator)
    require_module("cocotbext.axi", "pip install 'ernn-myhdl[axi]'")
    from axi_matrix.runs import run_matrix

    found = run_matrix(
        replace(core(), name="tiny"), 32, tmp_path, simulator, shapes, ("none", "both"), stall=300
    )
    assert found["runs"] == 2 * shapes and found["packets"] >= 4 * shapes
    assert (found["wrong"], found["violations"]) == ([], [])
