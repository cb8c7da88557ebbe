"""Exploration of graphs: what the chosen design costs and takes is what its core does, and it is the best of all."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from convolutions import convolution
from layer_graphs import convolution_graph, function_graph, numbered_graph
from memory_widths import all_weights_vary

from ernn_myhdl import GruCell, LinearCell, load_design, new_network, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.graph import Embedding, Graph
from ernn_myhdl.design.time_joins import LastFrame, Repeat
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore import graphs
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.hardware import Choices, explore
from ernn_myhdl.explore.resources import Resources, estimate
from ernn_myhdl.explore.simulate import simulate_front
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.synthesis.devices import device_named

DEVICE = device_named("xc7z020")


def autoencoder():
    """The last frame, repeated."""
    joins = (LastFrame(inputs=("layer_0",)), Repeat(inputs=("join_0",), frames=3))
    graph = Graph(("x", "join_1"), joins, "layer_1")
    return new_network([GruCell(2, 4, 2), GruCell(4, 2, 2)], lanes=1, graph=graph)


def letters():
    rows = np.random.default_rng(1).normal(size=(5, 2))
    graph = Graph(("join_0",), (Embedding(table=rows),), "layer_0")
    return new_network([LinearCell(2, 5, 1)], graph=graph)


GRAPHS = {
    "branches": lambda: numbered_graph(2),
    "convolutions": lambda: convolution_graph(1),
    "functions": lambda: function_graph(2),
    "depthwise": lambda: convolution(4, outputs=4, kernel=2, groups=4, streams=2),
    "stride": lambda: convolution(3, kernel=2, stride=2, padding=False),
    "over time": autoencoder,
    "embedding": letters,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_chosen_graph_costs_and_takes_what_its_core_does(name):
    result = explore(GRAPHS[name](), DEVICE, Goal(), Choices((1, 2), (1, 2), (1,), (1, 2)))
    chosen = result.chosen
    made = result.design(chosen)
    info = design_info(made)
    assert chosen.resources == estimate(made, all_weights_vary)
    assert chosen.latency == info["latency_cycles"]
    assert chosen.interval_single == info["interval_cycles"]
    assert chosen.interval == info["interval_cycles_interleaved"]


LANES = (1, 3)


@cache
def all_combinations() -> list[tuple[dict, Resources]]:
    """What is told of the graph of the test below with each choice of lanes, and its cost."""
    core, found = numbered_graph(2), []
    for each in product(LANES, repeat=len(core.layers)):
        try:
            layers = tuple(
                layer.with_hardware(lanes=n, ifft_units=1, element_width=1, streams=1)
                for n, layer in zip(each, core.layers, strict=True)
            )
        except DesignError:
            continue
        changed = replace(core, layers=layers)
        found.append((design_info(changed), estimate(changed, all_weights_vary)))
    return found


@pytest.mark.parametrize("choose", ["latency", "fps", "smallest"])
def test_the_choice_is_the_best_of_all_combinations(choose):
    goal = Goal(choose, max_latency_us=0.7 if choose == "smallest" else None)
    result = explore(numbered_graph(2), DEVICE, goal, Choices(LANES, (1,), (1,), (1,)))
    best = np.inf
    for info, cost in all_combinations():
        shares = [100 * getattr(cost, n) / getattr(DEVICE, n) for n in ("lut", "ff", "dsp", "bram36")]  # fmt: skip
        value = {
            "latency": info["latency_cycles"],
            "fps": info["interval_cycles_interleaved"],
            "smallest": max(shares) if info["latency_us"] <= 0.7 else np.inf,
        }
        best = min(best, value[choose])
    chosen = result.chosen
    found = {
        "latency": chosen.latency,
        "fps": chosen.interval,
        "smallest": max(result.shares(chosen).values()),
    }
    assert found[choose] == pytest.approx(best, abs=0.005)  # shares have two digits


def test_of_many_combinations_the_best_and_some_of_all_latencies_are_kept(monkeypatch):
    core = convolution_graph(2)
    whole = explore(core, DEVICE, Goal(), Choices((1, 2, 3), (1,), (1,), (1,)))
    monkeypatch.setattr(graphs, "MOST", 4)
    monkeypatch.setattr(graphs, "KEPT", 4)
    few = explore(core, DEVICE, Goal(), Choices((1, 2, 3), (1,), (1,), (1,)))
    assert len(few.candidates) <= 4 < len(whole.candidates)
    assert few.chosen.latency == whole.chosen.latency


@pytest.mark.slow
@pytest.mark.parametrize("name", ("depthwise", "stride", "over time", "embedding"))
def test_graphs_of_the_front_take_the_scheduled_cycles(name):
    result = explore(GRAPHS[name](), DEVICE, Goal(), Choices((1, 2), (1,), (1,), (1,)))
    (row,) = simulate_front(result, 1)
    assert row["equal"] and row["latency"] == row["scheduled_latency"]


def test_the_command_writes_the_graph(tmp_path, capsys):
    core = convolution(4, outputs=4, kernel=2, groups=4)
    folder, out = save_design(core, tmp_path / "core"), tmp_path / "out"
    code = main([*map(str, ("explore", "hardware", folder, "--device", "xc7z020", "--lanes", "1,2", "--streams", "1",
                 "--words", "10,12", "--jobs", "1", "--json", "-o", out))])  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    chosen = load_design(out)
    assert code == 0 and told["chosen"]["latency_cycles"] == design_info(chosen)["latency_cycles"]
    assert [layer.cell for layer in chosen.layers] == [layer.cell for layer in core.layers]
    assert told["chosen"]["lanes"] == [layer.hardware.lanes for layer in chosen.layers]
