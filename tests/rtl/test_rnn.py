"""Vanilla RNNs in MyHDL: initial states, several streams, networks of all kinds of layers; every stage and cycle."""

from __future__ import annotations

import numpy as np
import pytest
from random_designs import random_network
from state_model import random_states

from ernn_myhdl.calibration.build import build_design
from ernn_myhdl.calibration.generate import new_design, new_network
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell, RnnCell
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.streams.traffic import Traffic

LENGTHS = (2, 1, 3)


def inputs(design, seed: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, design.inputs)) for n in LENGTHS]


def assert_equal(design, x, traffic: Traffic, initial=None):
    """Golden, integer and MyHDL; the run of MyHDL."""
    golden, integer = (design.run(x, e, initial=initial) for e in ("golden", "integer"))
    myhdl = design.run(x, "myhdl", traffic=traffic, initial=initial)
    for run in (integer, myhdl):
        assert np.array_equal(run.raw, golden.raw), run.engine
        for name, expected in golden.stages.items():
            assert np.array_equal(run.stages[name], expected), f"{run.engine}: {name}"
    return myhdl


@pytest.mark.parametrize("beats", [1, 8])  # narrower and wider than a block
@pytest.mark.parametrize(
    ("activation", "block", "input_block", "streams"),
    [("tanh", 4, None, 1), ("relu", 2, 4, 2), ("tanh", 1, 2, 4), ("relu", 4, 1, 1)],
)
def test_initial_states_to_the_bit_and_to_the_cycle(activation, block, input_block, streams, beats):
    design = new_design(
        5, 7, block=block, input_block=input_block, cell="rnn", activation=activation, lanes=2,
        element_width=2, streams=streams, initial_states=True, samples_per_beat=beats,
    )  # fmt: skip
    states = random_states(design, len(LENGTHS), 3)
    assert any(s is not None for s in states)
    assert set(design.cell.state_sizes) == {"output"}
    traffic = Traffic(shuffle=True, seed=5)
    run = assert_equal(design, inputs(design), traffic, states)
    turns = traffic.turns(LENGTHS, streams)
    loaded = [t.frame == 0 and states[t.sequence] is not None for t in turns]
    times = frame_times(design, [t.stream for t in turns], loaded=loaded)
    delivered = np.sort(run.frame_cycles[:, 1]) - run.frame_cycles[:, 0].min()
    assert delivered.tolist() == [f.delivered for f in times]


def test_a_sequence_goes_on_from_its_own_output():
    """The state is y of the frame before: a sequence goes on from its own output."""
    design = new_design(5, 7, block=2, cell="rnn", lanes=2, initial_states=True)
    x = inputs(design)[2]
    whole = design.run(x)
    state = {"output": whole.raw[0]}
    rest = design.run(x[1:], "myhdl", initial=state)
    assert np.array_equal(rest.raw, whole.raw[1:])
    assert not np.array_equal(design.run(x[1:]).raw, whole.raw[1:])


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_state_beyond_one_is_held_by_formats_chosen_with_it(activation):
    cell = RnnCell(5, 6, 2, activation)
    weights, rng = random_weights(cell, 2), np.random.default_rng(3)
    x, state = rng.normal(size=(8, 5)), {"output": np.full(6, 3.7)}
    design = build_design(cell, weights, [x], 16, 20, initial=state, initial_states=True)
    assert design.formats.output.range[1] > 3.7
    expected = FloatModel(cell, weights).run(x, initial=state)
    assert np.abs(design.run(x, "integer", initial=state).outputs - expected).max() < 4e-3


def test_a_network_of_every_kind_of_layer_with_initial_states():
    cells = [
        RnnCell(4, 4, 2, "relu"),
        LstmCell(4, 3, 2, 1),
        RnnCell(2, 4, 2, "tanh", input_block=1),
        GruCell(4, 2, 2),
        LinearCell(2, 2, 1),
    ]
    network = new_network(cells, lanes=[2, 4, 1, 2, 1], initial_states=True)
    states = random_states(network, len(LENGTHS), 3)
    assert_equal(network, inputs(network), Traffic(0.2, 0.2, 5, shuffle=True), states)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_with_rnn_layers(seed):
    network = random_network(7000 + seed, 1 + seed % 3, recurrent=("rnn", "lstm", "rnn", "gru"))
    run = assert_equal(network, inputs(network), Traffic(0.2, 0.2, seed, shuffle=True))
    assert len(run.raw) == sum(LENGTHS)


def test_the_rnn_keeps_no_cell_state_and_multiplies_y():
    cell = RnnCell(3, 4, 1)
    assert cell.has_state and cell.recurrent and not cell.keeps_cell_state
    assert not LinearCell(3, 4, 1).has_state
    assert LstmCell(3, 4).keeps_cell_state and GruCell(3, 4).keeps_cell_state
