"""A window, converted: GHDL on the VHDL, Verilator on the Verilog, to the bit and to the cycle."""

from __future__ import annotations

import numpy as np
import pytest
from convolutions import convolution
from layer_graphs import frame_cycles
from random_designs import random_inputs
from tools import build_without_optimisation, require_engine

from ernn_myhdl import Traffic


@pytest.mark.parametrize(
    "engine", [pytest.param(e, marks=getattr(pytest.mark, e)) for e in ("ghdl", "verilator")]
)
@pytest.mark.parametrize("groups", ({}, {"groups": 3, "outputs": 3}), ids=("whole", "depthwise"))
def test_a_converted_window_is_the_model(engine, groups, monkeypatch):
    require_engine(engine)
    build_without_optimisation(monkeypatch)
    core = convolution(3, kernel=2, dilation=2, stride=2, padding=False, streams=2, **groups)
    x = [random_inputs(1, core, 7), random_inputs(2, core, 7)]
    golden = core.run(x, engine="golden")
    made = core.run(x, engine=engine)
    assert np.array_equal(made.raw, golden.raw)
    for name, stage in made.stages.items():
        assert np.array_equal(stage, golden.stages[name]), name
    assert sorted(made.known_frame_cycles[:, 1].tolist()) == frame_cycles(core, [7, 7])
    rough = core.run(x, engine=engine, traffic=Traffic(0.3, 0.4, 5), stages=False)
    assert np.array_equal(rough.raw, golden.raw)
