"""Proofs of the blocks of streams and registers whose search is short, and the faults that they find; the others are in tests/deep."""

from __future__ import annotations

import pytest
from formal_proofs import BLOCKS, LONG, fault_is_found, proven, require_tools

SHORT = [name for name in BLOCKS if name not in LONG]


@pytest.mark.yosys
@pytest.mark.parametrize("name", SHORT)
def test_block_keeps_what_it_promises_and_planted_faults_are_found(name, tmp_path):
    require_tools()
    found = proven(name, tmp_path)
    assert int(found["bounded"]) >= 20 and found["covers"] == "reached"
    missed = [fault for fault in BLOCKS[name].faults if not fault_is_found(name, fault, tmp_path)]
    assert not missed and len(BLOCKS[name].faults) >= 1
