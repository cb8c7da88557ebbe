"""Random networks of one to three layers: golden, integer and MyHDL agree on every bit of every named
stage, and a first frame that nothing overtakes takes exactly the cycles of the model."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from random_designs import NETWORKS, corner_inputs, numbered_network, random_inputs

from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.golden.tensors import stages_of
from ernn_myhdl.streams.traffic import Traffic

#: `benchmarks.random_networks` runs all of them, and on more engines.
CASES = range(8)


@pytest.mark.parametrize("number", CASES)
def test_all_models_agree_to_the_bit_and_to_the_cycle(number):
    network = numbered_network(number)
    sequences = [random_inputs(number, network, 1), corner_inputs(network, 1)]
    golden, integer = (network.run(sequences, engine=engine) for engine in ("golden", "integer"))
    traffic = Traffic(shuffle=bool(number & 1), seed=number)
    myhdl = network.run(sequences, engine="myhdl", traffic=traffic)
    for name in stages_of(network):
        for run in (integer, myhdl):
            assert np.array_equal(run.stages[name], golden.stages[name]), f"{run.engine}: {name}"
    for run in (integer, myhdl):
        assert np.array_equal(run.raw, golden.raw), run.engine
    if network.stream_shape.streams == 1:  # else the next frame's first phase comes in between
        first = myhdl.frame_cycles[myhdl.frame_cycles[:, 0].argmin()]
        assert first[1] - first[0] == network_schedule(network).latency


def test_gaps_and_back_pressure_do_not_reach_the_numbers():
    network = numbered_network(2)
    assert len(network.layers) == 3 and network.stream_shape.streams > 1
    sequences = [random_inputs(s, network, 2) for s in range(3)]
    golden = network.run(sequences, engine="golden")
    rough = network.run(sequences, engine="myhdl", traffic=Traffic(0.3, 0.4, 5, shuffle=True))
    assert np.array_equal(rough.raw, golden.raw)


def test_the_slowest_layer_sets_the_interval():
    for number in (1, 4):
        network, frames = numbered_network(number), 8
        run = network.run(random_inputs(number, network, frames), engine="myhdl", stages=False)
        delivered = run.frame_cycles[:, 1]
        steady = (delivered[-1] - delivered[4]) / (frames - 5)
        assert steady == network_schedule(network).interval, network


def test_the_networks_cover_the_options():
    assert NETWORKS >= 60
    seen: Counter[str] = Counter()
    for number in range(NETWORKS):
        for layer in numbered_network(number).layers:
            cell = layer.cell
            seen[cell.kind] += 1
            seen[f"block {cell.block}"] += 1
            if cell.kind == "gru":
                seen[f"reset {cell.reset}"] += 1
            if cell.kind == "lstm":
                seen["projection" if cell.projection else "no projection"] += 1
                seen["peepholes" if cell.peepholes else "no peepholes"] += 1
            if cell.recurrent:
                seen[f"g {cell.g_activation}"] += 1
            seen["several streams" if layer.hardware.streams > 1 else "one stream"] += 1
    wanted = ["lstm", "gru", "linear", "reset before", "reset after", "projection", "no projection"]
    wanted += ["peepholes", "no peepholes", "g tanh", "g sigmoid", "several streams", "one stream"]
    wanted += [f"block {k}" for k in (1, 2, 4, 8, 16, 32)]
    assert all(seen[name] >= 2 for name in wanted), seen
