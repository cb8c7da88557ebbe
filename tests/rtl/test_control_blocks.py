"""FIFO, framing and sequencer alone, driven within their protocols, against models of them."""

from __future__ import annotations

import pytest
from block_bench import compare
from block_library import myhdl_run
from control_cases import CASES
from framing_cases import INPUT_CASES, check_input
from shared_folders import run_folder

MODELLED = [c for c in CASES if c not in INPUT_CASES.values()]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return run_folder(tmp_path_factory)


@pytest.mark.parametrize("case", MODELLED, ids=lambda c: c.name)
def test_block_follows_its_model(case, shared):
    inputs, outputs = myhdl_run(case, shared)
    expected = case.expected(inputs)
    assert compare(outputs, expected) > len(inputs)
    with pytest.raises(AssertionError):
        compare(outputs, [{}, {}, *expected[1:-1]])


@pytest.mark.parametrize("case", [c for c in MODELLED if c.name.startswith("sequencer")],
                         ids=lambda c: c.name)  # fmt: skip
def test_the_sequencer_runs_through_its_program_and_waits(case, shared):
    inputs, outputs = myhdl_run(case, shared)
    operations = [(r["op_second"], r["op_address"]) for r in outputs if r["op_valid"]]
    issued = [address for _, address in operations]
    length = max(issued) + 1
    for part in (0, 1):  # each part of the program in its order
        own = [address for projected, address in operations if projected == part]
        if own:
            first, count = min(own), max(own) - min(own) + 1
            assert own == [first + i % count for i in range(len(own))]
    assert len(issued) > 5 * length  # several frames
    assert len(issued) < len(outputs) - 50  # and waits between
    assert {v["frame_fresh"] for v in inputs if v["frame_start"]} == {0, 1}


@pytest.mark.parametrize("case", [c for c in MODELLED if c.name.startswith("output")],
                         ids=lambda c: c.name)  # fmt: skip
def test_output_framing_delivers_whole_frames(case, shared):
    _, outputs = myhdl_run(case, shared)
    ends = [row["beat_last"] for row in outputs if row["beat_valid"]]
    assert sum(ends) > 10
    assert sum(row["page_free"] for row in outputs) == sum(ends)


@pytest.mark.parametrize(("size", "broken"), INPUT_CASES, ids=str)
def test_input_framing(size, broken, shared):
    case = INPUT_CASES[size, broken]
    inputs, outputs = myhdl_run(case, shared)
    meaning = check_input(size, inputs, outputs)
    assert meaning.error == broken
    assert sum(len(s) for s in meaning.sequences) >= 20
    assert len(meaning.sequences[-1]) >= 1
    waited = sum(
        v["beat_valid"] and not row["beat_ready"] for v, row in zip(inputs, outputs, strict=True)
    )
    assert waited > 20  # the pages ran out
