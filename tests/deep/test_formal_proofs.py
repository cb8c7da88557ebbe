"""Proofs of the blocks of streams and of the register slave, and the faults that they find."""

from __future__ import annotations

import os

import pytest
from formal_proofs import BLOCKS, fault_is_found, proven, tools


@pytest.fixture(autouse=True)
def programs():
    """The tools; without them as `tools.require_tool`."""
    if tools() is None:
        reason = "Yosys or a solver is not installed: sudo apt-get install yosys; pip install 'ernn-myhdl[axi]'"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.mark.yosys
@pytest.mark.parametrize("name", BLOCKS)
def test_block_keeps_what_it_promises(name, tmp_path):
    found = proven(name, tmp_path)
    assert int(found["bounded"]) >= 20 and found["covers"] == "reached"


@pytest.mark.yosys
@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, block in BLOCKS.items() for fault in block.faults]
)
def test_planted_fault_is_found(name, fault, tmp_path):
    assert fault_is_found(name, fault, tmp_path)
