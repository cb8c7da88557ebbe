"""Every block alone, converted to VHDL and run in GHDL: bit for bit as in MyHDL and as its reference.

The vectors hold the corners at which MyHDL's conversion is known to differ from its simulation.
"""

from __future__ import annotations

import numpy as np
import pytest
from block_bench import compare, run_myhdl, run_vhdl
from block_case import BlockCase
from block_cases import CASES, convert_case
from block_library import myhdl_run, vhdl_run
from control_cases import CASES as CONTROL
from element_wise_cases import WIDE_GATHER
from register_cases import rounding_case
from shared_folders import run_folder
from tools import require_tool

from ernn_myhdl.rtl import rounding

pytestmark = pytest.mark.ghdl


@pytest.fixture(autouse=True)
def ghdl():
    return require_tool("ghdl")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return run_folder(tmp_path_factory)


def agrees(case: BlockCase, shared) -> list[dict]:
    """Compare reference, MyHDL and VHDL in every cycle; the outputs of the VHDL."""
    inputs, outputs = myhdl_run(case, shared)
    results = vhdl_run(case, shared)
    expected = case.expected(inputs)
    if set(expected[-1]) <= set(outputs[-1]):  # a lane's reference is that of lane and combine
        assert compare(results, expected) >= 20
    # before the reset or the first result the VHDL may be undefined where MyHDL has a zero
    defined = [{n: v for n, v in row.items() if row_got[n] is not None}
               for row, row_got in zip(outputs, results, strict=True)]  # fmt: skip
    assert compare(results, defined) >= 20
    late = results[len(results) // 2 :]
    assert all(v is not None for row in late for v in row.values())
    return results


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_block_as_vhdl(case, shared):
    agrees(case, shared)


@pytest.mark.parametrize("case", CONTROL, ids=lambda c: c.name)
def test_control_block_as_vhdl(case, shared):
    """The inputs that a driver made in MyHDL are replayed: the same outputs in every cycle."""
    inputs, outputs = myhdl_run(case, shared)
    results = vhdl_run(case, shared)
    assert len(results) > 100
    compare(results, case.expected(inputs))
    # the first cycle is a reset; what has none is undefined in VHDL until it is first written
    for name in outputs[0]:
        known = [t for t, row in enumerate(results) if row[name] is not None]
        assert known and known == list(range(known[0], len(results))), name
        values = [row[name] for row in outputs[known[0] :]]
        assert [row[name] for row in results[known[0] :]] == values, name
        assert len(set(map(str, values))) > 1 or len(set(map(str, (r[name] for r in outputs)))) == 1


# pitfalls of the conversion, by name


def test_index_arithmetic_with_signals_overflows_in_vhdl(shared):
    """`rows[slot * size + i]` with 32 words a chunk: MyHDL cut the index to 5 bits, the VHDL stopped."""
    results = agrees(WIDE_GATHER, shared)
    assert len(results[-1]["rows"]) == 64


def test_rounding_add_is_wide_enough_in_vhdl(tmp_path):
    """`(a + half) >> shift` in one expression is not widened in VHDL: the largest word wraps."""
    case = rounding_case(1, 8, 8, 4)
    inputs = [{"source": [v]} for v in (127, 126, 120, 119, -128, -121, -120, 0, 7, 8)]
    inputs += [{"source": [0]}] * rounding.LATENCY
    convert_case(case, tmp_path, "vhdl")
    results = run_vhdl(case.component(), inputs, tmp_path)
    got = [row["target"][0] for row in results[rounding.LATENCY :]]
    assert got == [8, 8, 8, 7, -8, -8, -7, 0, 0, 1]


def test_half_larger_than_the_word_in_vhdl(tmp_path):
    """A shift beyond the source's word: the sum once had the source's width and one bit."""
    case = rounding_case(1, 6, 6, 9)
    inputs = [{"source": [v]} for v in (*range(-32, 32), *[0] * rounding.LATENCY)]
    convert_case(case, tmp_path, "vhdl")
    results = run_vhdl(case.component(), inputs, tmp_path)
    assert [row["target"][0] for row in results[rounding.LATENCY :]] == [0] * 64


def test_a_wrong_reference_is_noticed(tmp_path):
    """The comparison can fail: half down in place of half up differs."""
    case = rounding_case(2, 8, 6, 2)
    inputs, _ = run_myhdl(case.component(), case.vectors(np.random.default_rng(1)))
    convert_case(case, tmp_path, "vhdl")
    results = run_vhdl(case.component(), inputs, tmp_path)
    wrong = [
        {n: [-x for x in v] for n, v in row.items()}
        for row in case.expected([{"source": [-x for x in v["source"]]} for v in inputs
                                  if -128 not in v["source"]])
    ]  # fmt: skip
    with pytest.raises(AssertionError):
        compare(results[: len(wrong)], wrong)
