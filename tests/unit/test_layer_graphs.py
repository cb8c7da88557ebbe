"""Networks that are graphs: what they refuse, how they are stored, and that the models of their joins agree."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from layer_graphs import numbered_graph, random_layer_graph
from random_designs import random_inputs

from ernn_myhdl import (
    DesignError,
    Format,
    GruCell,
    LinearCell,
    LstmCell,
    design_info,
    load_design,
    new_network,
    save_design,
)
from ernn_myhdl.calibration.range_table import core_range_table
from ernn_myhdl.design.graph import Graph, Join, row
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.network import Network
from ernn_myhdl.explore.resources import estimate
from ernn_myhdl.golden.joins import joined_numbers, joined_words
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.golden.tensors import stages_of
from ernn_myhdl.runs.report_text import info_text


def residual(**options) -> Network:
    """y = gru(x) + x"""
    graph = Graph(("x",), (Join("addition", ("layer_0", "x")),), "join_0")
    return new_network([GruCell(4, 4, 2)], graph=graph, **options)


def two_heads() -> Network:
    """An LSTM with two linear layers on it, of which one takes x too."""
    graph = Graph(
        ("x", "layer_0", "join_0"),
        (Join("concatenation", ("layer_0", "x")), Join("concatenation", ("layer_1", "layer_2"))),
        "join_1",
        ("gains", "speech"),
    )
    cells = [LstmCell(3, 5, block=1), LinearCell(5, 4, 1), LinearCell(8, 1, 1)]
    return new_network(cells, lanes=[2, 1, 1], graph=graph)


SUM = Join("addition", ("layer_0", "x"), Format(12, 9))
BOTH = Join("concatenation", ("layer_0", "layer_1"), Format(12, 9))
REFUSED = {
    "no such signal": (lambda: Graph(("y",), (), "layer_0"), "'y': no such signal"),
    "a circle": (
        lambda: Graph(("join_0",), (Join("addition", ("x", "layer_0")),), "layer_0"), "circle",
    ),
    "nothing takes it": (lambda: Graph(("x", "x"), (), "layer_0"), "nothing takes layer_1"),
    "taken output": (lambda: Graph(("x", "layer_0"), (), "layer_0"), "concatenate both"),
    "x alone": (lambda: Graph((), (), "x"), "must be the signal of a layer"),
    "no layer on x": (
        lambda: Graph(("join_0",), (Join("addition", ("x", "x")),), "layer_0"), "no layer takes x",
    ),
    "unknown join": (lambda: Join("quotient", ("x", "layer_0")), "'quotient'"),
    "one operand": (lambda: Join("addition", ("x",)), "1 signals, must be 2 to 16"),
    "heads of a sum": (lambda: Graph(("x",), (SUM,), "join_0", ("a", "b")), "heads"),
    "equal heads": (
        lambda: Graph(("x", "x"), (BOTH,), "join_0", ("a", "a")), "must differ",
    ),
    "sizes of a sum": (
        lambda: new_network([GruCell(4, 5)], graph=Graph(("x",), (replace(SUM, format=None),), "join_0")),
        "adds 5, 4 elements",
    ),
    "sizes of a layer": (
        lambda: new_network([GruCell(4, 5), LinearCell(6, 2)], graph=Graph(("x", "layer_0"), (), "layer_1")),
        "make them equal",
    ),
    "no format": (
        lambda: replace(residual(), graph=residual().graph.without_formats()), "has no format",
    ),
    "too wide": (
        lambda: replace(residual(), graph=replace(residual().graph, joins=(replace(SUM, format=Format(40, 9)),))),
        "40 bits, must be at most sample_bits",
    ),
    "too fine": (
        lambda: replace(residual(), graph=replace(residual().graph, joins=(replace(SUM, format=Format(12, 60)),))),
        "so fine",
    ),
    "steps of a row": (
        lambda: Network(new_network([GruCell(4, 5)]).layers, output_steps=(HostStep("softmax"),)),
        "give them to the last layer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_graph_is_refused_on_one_line(case):
    make, words = REFUSED[case]
    with pytest.raises(DesignError, match=words) as error:
        make()
    assert "\n" not in str(error.value)


def test_the_graph_of_a_row_is_none():
    cells = [GruCell(4, 5), LinearCell(5, 2)]
    plain, graph = new_network(cells), new_network(cells, graph=row(2))
    assert graph.graph is None and graph == plain
    layers = "\0".join(layer.digest for layer in plain.layers)
    assert plain.digest == hashlib.sha256(layers.encode()).hexdigest()
    behind = Network(plain.layers, graph=row(2), output_steps=(HostStep("softmax"),))
    assert behind.host_steps == (HostStep("softmax"),) == behind.layers[-1].output_steps


def test_graphs_are_stored_and_differ_by_their_digests(tmp_path):
    network = two_heads().with_host_steps((HostStep("softmax", (0, 4)),))
    save_design(network, tmp_path / "n")
    loaded = load_design(tmp_path / "n")
    assert loaded == network and loaded.digest == network.digest
    assert loaded.graph == network.graph and loaded.host_steps == network.host_steps
    assert loaded.heads == {"gains": slice(0, 4), "speech": slice(4, 5)}
    other = replace(network, graph=replace(network.graph, heads=("a", "b")))
    assert other.digest != network.digest != network.with_host_steps(()).digest
    toml = (tmp_path / "n" / "network.toml").read_text()
    for change, words in (
        (("addition", "concatenation"), None),
        (('"join_1"', '"join_7"'), "no such signal"),
        (("concatenation", "quotient"), "'quotient'"),
        (("frac", "fraction"), "fraction: unknown key"),
        (("sources", "source"), "source: unknown key"),
    ):
        if words is None:
            continue
        (tmp_path / "n" / "network.toml").write_text(toml.replace(*change))
        with pytest.raises(DesignError, match=words) as error:
            load_design(tmp_path / "n")
        assert "network.toml" in str(error.value)


def test_joins_round_half_up_and_saturate_once():
    """Exact sums by Python's integers: operands in other formats than the result, at all corners."""
    graph = Graph(("x",), (Join("addition", ("layer_0", "x", "x"), Format(6, 2)),), "join_0")
    network = replace(residual(), graph=graph)
    signals = network.signals
    own, fmt = (signals.formats[n] for n in ("layer_0", "x"))
    rng = np.random.default_rng(0)
    corners = [own.minimum, own.maximum, -1, 0, 1]
    a = np.array([rng.choice(corners, 4) for _ in range(60)])
    b = np.array([rng.choice([fmt.minimum, fmt.maximum, -1, 0, 1, 2], 4) for _ in range(60)])
    c = rng.integers(fmt.minimum, fmt.maximum + 1, (60, 4))
    frac = max(own.frac, fmt.frac)
    exact = [
        [(int(p) << (frac - own.frac)) + ((int(q) + int(r)) << (frac - fmt.frac)) for p, q, r in zip(*rows, strict=True)]
        for rows in zip(a, b, c, strict=True)
    ]  # fmt: skip
    half = 1 << (frac - 3)
    wanted = np.array([[min(max((v + half) >> (frac - 2), -32), 31) for v in r] for r in exact])
    for model in (joined_words, joined_numbers):
        words, changed = model(signals, "join_0", [a, b, c])
        assert np.array_equal(words, wanted)
        wide = np.array([[(v + half) >> (frac - 2) for v in r] for r in exact])
        assert np.array_equal(changed, wide != wanted)
    assert changed.any() and not changed.all()


@pytest.mark.parametrize("number", range(8))
def test_golden_and_integer_model_agree_on_every_stage(number):
    network = numbered_graph(number)
    sequences = [random_inputs(number, network, 2), random_inputs(number + 50, network, 1)]
    golden, integer = (network.run(sequences, engine=engine) for engine in ("golden", "integer"))
    assert set(golden.stages) == set(stages_of(network)) == set(integer.stages)
    for name, stage in golden.stages.items():
        assert np.array_equal(stage, integer.stages[name]), name
    assert np.array_equal(golden.raw, integer.raw)
    assert golden.saturations == integer.saturations
    for engine in ("golden", "integer"):
        with network.open(engine) as session:
            steps = [session.step(frame) for frame in sequences[0]]
            assert np.array_equal(steps, golden.outputs[:2]), engine


def test_saturated_elements_of_x_are_counted_once():
    network = residual()
    x = np.full((2, 4), 1e6)
    for engine in ("golden", "integer"):
        assert network.run(x, engine=engine).saturations["layer_0.input"] == 8, engine


def test_the_chosen_formats_hold_what_the_float_reference_gives():
    network = two_heads()
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20, 3))
    assert np.abs(network.run(x, "integer").outputs - float_model(network).run(x)).max() < 0.02
    table = {row.tensor: row for row in core_range_table(network, [x])}
    join = table["join_0.output"]
    assert join.saturations is not None and join.saturations <= 2 and join.elements == 160
    assert join.maximum >= x.max()


def test_initial_states_of_a_graph():
    network = random_layer_graph(7100, 2, initial_states=True)
    rng = np.random.default_rng(1)
    x = random_inputs(3, network, 4)
    states = [
        {n: rng.uniform(-0.3, 0.3, size) for n, size in layer.cell.state_sizes.items()} or None
        for layer in network.layers
    ]
    assert any(states)
    golden, integer = (network.run(x, engine=e, initial=states) for e in ("golden", "integer"))
    assert np.array_equal(golden.raw, integer.raw)
    for name in golden.stages:
        assert np.array_equal(golden.stages[name], integer.stages[name]), name
    whole = network.run(x, "integer")
    first = network.run(x[:2], "integer")
    rest = network.run(x[2:], "integer", initial=first.final_states()[0])
    assert np.array_equal(np.concatenate([first.raw, rest.raw]), whole.raw)


def test_info_tells_the_graph_and_its_fifos():
    network = residual(samples_per_beat=2)
    info = design_info(network)
    (join,) = info["graph"]["joins"]
    assert join["kind"] == "addition" and join["fifo_words"][0] == 0 < join["fifo_words"][1]
    text = info_text(info)
    assert "layer 0 takes x; y is join_0" in text and "words for x" in text
    assert "speech: elements 4 to 4 of y" in info_text(design_info(two_heads()))


def test_resources_count_joins_and_fifos():
    network = residual(samples_per_beat=2)
    alone = estimate(network.layers[0])
    whole = estimate(network)
    assert whole.dsp == alone.dsp
    assert whole.lut > alone.lut + 20 and whole.ff > alone.ff + 20
