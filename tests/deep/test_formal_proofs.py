"""Proofs of the blocks of streams and registers whose search takes long, and the faults that they find."""

from __future__ import annotations

import pytest
from formal_proofs import BLOCKS, LONG, fault_is_found, proven, require_tools


@pytest.mark.yosys
@pytest.mark.parametrize("name", sorted(LONG))
def test_block_keeps_what_it_promises(name, tmp_path):
    require_tools()
    found = proven(name, tmp_path)
    assert int(found["bounded"]) >= 20 and found["covers"] == "reached"


@pytest.mark.yosys
@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name in sorted(LONG) for fault in BLOCKS[name].faults]
)
def test_planted_fault_is_found(name, fault, tmp_path):
    require_tools()
    assert fault_is_found(name, fault, tmp_path)
