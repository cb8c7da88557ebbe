"""Cores of many lanes and several streams, and a network, on every engine: golden, integer, MyHDL, the
compiled core from both sources, and the VHDL in GHDL. All bits, all stages, all cycles."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pytest
from lazy_designs import Lazily
from state_model import random_states
from tools import build_without_optimisation, require_tool, require_verilator

from ernn_myhdl.calibration.generate import new_design, new_network
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.design.network import Network
from ernn_myhdl.engines.registry import ENGINES
from ernn_myhdl.runs.run import run_design
from ernn_myhdl.streams.traffic import Traffic

pytestmark = pytest.mark.slow

#: Blocks of 8, so that the transforms have rotations: GHDL once made word - number of number - word.
LAYERS = {
    "lstm": {"projection": 24, "peepholes": True, "ifft_units": 4, "initial_states": True},
    "gru": {"cell": "gru", "reset": "before", "ifft_units": 2},
}


def layer(name: str):
    return new_design(
        10,
        48,
        block=8,
        lanes=16 if name == "lstm" else 12,
        samples_per_beat=4,
        streams=4,
        **LAYERS[name],
    )


def network():
    layers = [
        GruCell(10, 12, 4, "after", input_block=8),
        LstmCell(12, 8, 6, 2, True, input_block=4, projection_block=1),
        LinearCell(6, 5, 1),
    ]
    return new_network(layers, lanes=(6, 4, 2), samples_per_beat=2, streams=2, initial_states=True)


DESIGNS = Lazily({name: partial(layer, name) for name in LAYERS} | {"network": network})
LENGTHS = (2, 1, 3, 1, 2)
CALM, ROUGH = Traffic(shuffle=True, seed=3), Traffic(0.3, 0.3, 4, shuffle=True)


def run(name: str, engine: str, traffic: Traffic, **options):
    rng = np.random.default_rng(11)
    x = [rng.standard_normal((n, DESIGNS[name].inputs)) for n in LENGTHS]
    options["initial"] = initial_states(name)
    if not ENGINES[engine].cycles:
        return run_design(DESIGNS[name], x, engine, **options)
    return run_design(DESIGNS[name], x, engine, traffic=traffic, **options)


@cache
def initial_states(name: str) -> list | None:
    """Of the cores that load initial states some sequences start from one."""
    design = DESIGNS[name]
    return random_states(design, len(LENGTHS), 5) if design.stream_shape.initial_states else None


@cache
def reference(name: str, traffic: Traffic):
    """MyHDL, which the two models have confirmed."""
    simulated = run(name, "myhdl", traffic)
    for engine in ("golden", "integer"):
        model = run(name, engine, traffic)
        np.testing.assert_array_equal(simulated.raw, model.raw)
        assert set(model.stages) <= set(simulated.stages)
        for stage, values in model.stages.items():
            np.testing.assert_array_equal(simulated.stages[stage], values, stage)
    return simulated


def assert_on_schedule(name: str, got) -> None:
    design = DESIGNS[name]
    if isinstance(design, Network):  # its model does not know of back-pressure between layers
        return
    turns = CALM.turns(LENGTHS, design.hardware.streams)
    states = initial_states(name) or [None] * len(LENGTHS)
    loaded = [t.frame == 0 and states[t.sequence] is not None for t in turns]
    times = frame_times(design, [t.stream for t in turns], loaded=loaded)
    scheduled = [f.delivered for f in times]
    first = got.frame_cycles[:, 0].min()
    assert (np.sort(got.frame_cycles[:, 1]) - first).tolist() == scheduled


@pytest.mark.verilator
@pytest.mark.parametrize(
    ("name", "source"),
    [("lstm", "verilog"), ("lstm", "vhdl"), ("gru", "verilog"), ("network", "verilog")],
)  # fmt: skip
def test_compiled(name, source, monkeypatch):
    require_verilator()
    if (name, source) != ("lstm", "verilog"):  # that is built as for users
        build_without_optimisation(monkeypatch)
    if source == "vhdl":
        require_tool("ghdl")
    for traffic in (CALM, ROUGH):
        got, expected = run(name, "verilator", traffic, source=source), reference(name, traffic)
        np.testing.assert_array_equal(got.raw, expected.raw)
        np.testing.assert_array_equal(got.frame_cycles, expected.frame_cycles)
        assert got.cycles == expected.cycles
        for group in ("stages", "stage_cycles", "trace"):
            ours, theirs = getattr(got, group), getattr(expected, group)
            assert ours.keys() == theirs.keys() and ours
            for array, values in theirs.items():
                np.testing.assert_array_equal(ours[array], values, f"{group} {array}")
    assert_on_schedule(name, run(name, "verilator", CALM, source=source))


@pytest.mark.ghdl
@pytest.mark.parametrize("name", ["lstm", "network"])  # GRUs: `test_ghdl_random_designs`
def test_ghdl(name):
    require_tool("ghdl")
    got, expected = run(name, "ghdl", CALM), reference(name, CALM)
    np.testing.assert_array_equal(got.raw, expected.raw)
    np.testing.assert_array_equal(got.frame_cycles, expected.frame_cycles)
    assert_on_schedule(name, got)
    rough = run(name, "ghdl", ROUGH)  # GHDL's gaps are others, the results are not
    np.testing.assert_array_equal(rough.raw, expected.raw)
