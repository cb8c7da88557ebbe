"""Ten times the random designs and networks of the tests, and as many graphs with joins over time as networks: every bit, stage and cycle.

make test-deep                                             all, of today's seed
make test-deep SEED=20261128                               all of that day
make test-deep CASE=gru-4-tanh-before-uniform-stressed-20261128000017   one case on every engine
python -m pytest tests/deep --designs 10 --networks 4      a part
"""

from __future__ import annotations

import numpy as np
import pytest
from layer_graphs import frame_cycles
from tools import build_without_optimisation, require_tool, require_verilator

from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.design.design import Design


def on(engine: str):
    """The engine whose cases a test has."""

    def mark(test):
        test.engine = engine
        return test

    return mark


def started(case):
    """Design, sequences and golden run; what they are is shown where the test fails."""
    design = case.design()
    print(f"--case {case.name}")
    for layer in design.layers:
        print(layer.cell, layer.hardware, layer.formats, layer.activations, sep="\n")
    x = case.sequences(design)
    return design, x, design.run(x, "golden")


def agree(run, golden, stages: bool = True) -> None:
    for name, expected in golden.stages.items() if stages else ():
        assert np.array_equal(run.stages[name], expected), f"{run.engine}: {name}"
    assert np.array_equal(run.raw, golden.raw), run.engine


@on("myhdl")
def test_models_and_core_agree_to_the_bit_and_to_the_cycle(case):
    design, x, golden = started(case)
    agree(design.run(x, "integer"), golden)
    traffic = case.traffic(rough=False)
    myhdl = design.run(x, "myhdl", traffic=traffic)
    agree(myhdl, golden)
    if isinstance(design, Design):
        turns = traffic.turns([len(s) for s in x], design.hardware.streams)
        accepted, delivered = (
            np.flatnonzero(myhdl.trace[f"{s}_axis_tvalid"] & myhdl.trace[f"{s}_axis_tready"])
            for s in "sm"
        )
        times = frame_times(design, [turn.stream for turn in turns])
        expected = [cycle for frame in times for cycle in frame.beats]
        assert (delivered - accepted[0]).tolist() == expected
    elif design.graph:
        cycles = frame_cycles(design, [len(s) for s in x], traffic)
        assert sorted(myhdl.known_frame_cycles[:, 1].tolist()) == cycles


@on("ghdl")
@pytest.mark.ghdl
def test_vhdl_agrees_under_gaps_and_back_pressure(case):
    require_tool("ghdl")
    design, x, golden = started(case)
    agree(design.run(x, "ghdl", traffic=case.traffic(rough=True)), golden, stages=False)


@on("verilator")
@pytest.mark.verilator
def test_compiled_core_agrees_under_gaps_and_back_pressure(case, tmp_path, monkeypatch):
    require_verilator()
    build_without_optimisation(monkeypatch)
    monkeypatch.setenv("ERNN_CACHE", str(tmp_path / "builds"))
    design, x, golden = started(case)
    traffic = case.traffic(rough=True)
    compiled = design.run(x, "verilator", traffic=traffic)
    agree(compiled, golden)
    myhdl = design.run(x, "myhdl", traffic=traffic)
    assert np.array_equal(compiled.frame_cycles, myhdl.frame_cycles)
