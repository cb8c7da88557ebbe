"""One core of many lanes and several streams on every engine: golden, integer, MyHDL, the compiled core
from both sources, and the VHDL in GHDL. All bits, all stages, all cycles."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tools import require_tool, require_verilator

from ernn_myhdl.engines.stimulus import Traffic
from ernn_myhdl.generate import new_design
from ernn_myhdl.run import run_design
from ernn_myhdl.schedule import frame_times

pytestmark = pytest.mark.slow

#: Blocks of 8, so that the transforms have rotations: GHDL once made word - number of number - word.
DESIGN = new_design(
    10, 48, 24, 8, True, lanes=16, ifft_units=4, element_width=1, samples_per_beat=4, streams=4
)
LENGTHS = (2, 1, 3, 1, 2)
CALM, ROUGH = Traffic(shuffle=True, seed=3), Traffic(0.3, 0.3, 4, shuffle=True)


def run(engine: str, traffic: Traffic, **options):
    rng = np.random.default_rng(11)
    x = [rng.standard_normal((n, DESIGN.cell.inputs)) for n in LENGTHS]
    if engine in ("golden", "integer"):
        return run_design(DESIGN, x, engine)
    return run_design(DESIGN, x, engine, traffic=traffic, **options)


@cache
def reference(traffic: Traffic):
    """MyHDL, which the two models have confirmed."""
    simulated = run("myhdl", traffic)
    for engine in ("golden", "integer"):
        model = run(engine, traffic)
        np.testing.assert_array_equal(simulated.raw, model.raw)
        assert set(model.stages) <= set(simulated.stages)
        for name, values in model.stages.items():
            np.testing.assert_array_equal(simulated.stages[name], values, name)
    return simulated


def assert_on_schedule(got) -> None:
    turns = CALM.turns(LENGTHS, DESIGN.hardware.streams)
    scheduled = [f.delivered for f in frame_times(DESIGN, [t.stream for t in turns])]
    first = got.frame_cycles[:, 0].min()
    assert (np.sort(got.frame_cycles[:, 1]) - first).tolist() == scheduled


@pytest.mark.verilator
@pytest.mark.parametrize("source", ["verilog", "vhdl"])
def test_compiled(source):
    require_verilator()
    if source == "vhdl":
        require_tool("ghdl")
    for traffic in (CALM, ROUGH):
        got, expected = run("verilator", traffic, source=source), reference(traffic)
        np.testing.assert_array_equal(got.raw, expected.raw)
        np.testing.assert_array_equal(got.frame_cycles, expected.frame_cycles)
        assert got.cycles == expected.cycles
        for group in ("stages", "stage_cycles", "trace"):
            ours, theirs = getattr(got, group), getattr(expected, group)
            assert ours.keys() == theirs.keys() and ours
            for name, values in theirs.items():
                np.testing.assert_array_equal(ours[name], values, f"{group} {name}")
    assert_on_schedule(run("verilator", CALM, source=source))


@pytest.mark.ghdl
def test_ghdl():
    require_tool("ghdl")
    got, expected = run("ghdl", CALM), reference(CALM)
    np.testing.assert_array_equal(got.raw, expected.raw)
    np.testing.assert_array_equal(got.frame_cycles, expected.frame_cycles)
    assert_on_schedule(got)
    rough = run("ghdl", ROUGH)  # GHDL's gaps are others, the results are not
    np.testing.assert_array_equal(rough.raw, expected.raw)
