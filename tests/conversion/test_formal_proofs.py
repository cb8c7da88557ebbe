"""Proofs of the blocks of streams and registers, and the faults that they find."""

from __future__ import annotations

import pytest
from formal_proofs import BLOCKS, fault_is_found, proven, require_tools

pytestmark = pytest.mark.yosys
FAULTS = [(name, fault) for name, block in BLOCKS.items() for fault in block.faults]


@pytest.mark.parametrize("name", BLOCKS)
def test_block_keeps_what_it_promises(name, tmp_path):
    require_tools()
    found = proven(name, tmp_path)
    assert int(found["bounded"]) >= 20 and found["covers"] == "reached"
    assert BLOCKS[name].faults


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_planted_fault_is_found(name, fault, tmp_path):
    require_tools()
    assert fault_is_found(name, fault, tmp_path)
