"""Linear layers with every activation in MyHDL: each stage to the bit, each frame to the cycle."""

from __future__ import annotations

import numpy as np
import pytest
from activation_designs import ACTIVATIONS, CHAINS, chain, inputs

from ernn_myhdl.calibration.build import build_design
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.cycle_model.schedule import frame_times, schedule_for
from ernn_myhdl.design.cells import LinearCell
from ernn_myhdl.streams.traffic import Traffic


def assert_stages(design, x, **options):
    """Golden, integer and MyHDL; the run of MyHDL."""
    golden = design.run(x, "golden")
    for engine in ("integer", "myhdl"):
        run = design.run(x, engine, **(options if engine == "myhdl" else {}))
        assert np.array_equal(run.raw, golden.raw), engine
        for name, expected in golden.stages.items():
            assert np.array_equal(run.stages[name], expected), f"{engine}: {name}"
    return run


def test_a_chain_with_stalls():
    """The others run in Verilator with the same stages (`test_activations_hdl`)."""
    design = chain("dense")
    run = assert_stages(design, inputs(), traffic=Traffic(0.3, 0.3, 2, shuffle=True))
    for i in range(len(design.layers)):
        assert len(np.unique(run.stages[f"layer_{i}.output"])) > 4, i


def test_chains_hold_every_activation():
    names = [a for names, *_ in CHAINS.values() for a in names]
    assert sorted([*names, "none"]) == sorted(ACTIVATIONS)


def test_latency_of_a_chain():
    design = chain("dense")
    run = design.run(inputs()[0][:1], "myhdl")
    (times,) = run.frame_cycles
    assert times[1] - times[0] == network_schedule(design).latency


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_latency_and_interval_of_each(name):
    cell = LinearCell(5, 5, 2, **ACTIVATIONS[name])
    x = np.random.default_rng(2).normal(size=(3, 5)) * 2
    design = build_design(cell, random_weights(cell, 3), [x], lanes=3, element_width=2)
    run = assert_stages(design, x)
    delivered = np.sort(run.frame_cycles[:, 1]) - run.frame_cycles[:, 0].min()
    assert delivered.tolist() == [f.delivered for f in frame_times(design, [0] * 3)]
    assert schedule_for(design).latency == delivered[0]
