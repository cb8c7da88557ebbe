"""A window, converted: GHDL on the VHDL, Verilator on the Verilog, to the bit and to the cycle."""

from __future__ import annotations

import numpy as np
import pytest
from convolutions import convolution
from layer_graphs import frame_cycles
from random_designs import random_inputs
from tools import build_without_optimisation, require_engine

from ernn_myhdl import GruCell, Traffic, new_network
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Repeat


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


def autoencoder():
    """The last frame, repeated, and the largest of all of them beside it; two streams."""
    joins = (
        LastFrame(inputs=("layer_0",)),
        Repeat(inputs=("join_0",), frames=2),
        Maximum(inputs=("layer_1",)),
    )
    graph = Graph(("x", "join_1"), joins, "join_2")
    return new_network([GruCell(2, 3, 1), GruCell(3, 2, 1)], lanes=1, graph=graph, streams=2)


@pytest.mark.verilator
@pytest.mark.parametrize("name", ("over time", "stride"))
def test_a_session_of_the_compiled_core_gives_the_frames_that_come(name, monkeypatch):
    """Frames of y that come with some frames of x only, of streams in turn and of sequences one behind the other."""
    require_engine("verilator")
    build_without_optimisation(monkeypatch)
    over_time = name == "over time"
    core = (
        autoencoder() if over_time else convolution(3, kernel=2, stride=2, padding=False, streams=2)
    )
    rng = np.random.default_rng(1)
    with core.open("verilator", streams=3) as compiled, core.open("integer", streams=3) as model:
        for number in range(12):
            streams = sorted(rng.choice(3, rng.integers(1, 4), replace=False).tolist())
            more = {"last": bool(number % 4 == 3)} if over_time else {}
            x = rng.normal(size=(len(streams), core.inputs))
            wanted, made = (s.step(x, streams, **more) for s in (model, compiled))
            assert len(made) == len(wanted)
            assert all(np.array_equal(a, b) for a, b in zip(made, wanted, strict=True))
            if number == 5:
                for session in (compiled, model):
                    session.start(1)
