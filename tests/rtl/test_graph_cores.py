"""Cores of graphs: every bit and every cycle, whatever the traffic; and the FIFOs at their joins, no word too large."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from layer_graphs import convolution_graph, numbered_graph, product_graph, random_layer_graph
from random_designs import random_inputs
from time_join_graphs import numbered_time_graph, timed_function_graph

from ernn_myhdl import LinearCell, RnnCell, ToolError, Traffic, new_network
from ernn_myhdl.design.graph import Embedding, Graph, Join, Window
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.golden.tensors import stages_of
from ernn_myhdl.hdl.types import pack_fields
from ernn_myhdl.rtl.core.network_core import core as network_core
from ernn_myhdl.rtl.core.top import layer_core
from ernn_myhdl.rtl.core.view import CoreView
from ernn_myhdl.rtl.cycles.graph_times import (
    graph_depths,
    graph_interval,
    graph_latency,
    graph_run,
    graph_shape,
)
from ernn_myhdl.rtl.fifo import READY
from ernn_myhdl.streams.framing import framed
from ernn_myhdl.streams.traffic import Beat, frame_beats, turn_beats

#: `make test-deep` runs all of them.
CASES = (3, 6, 12)


def check_bits_and_cycles(number: int) -> None:
    """Golden, integer and MyHDL agree on every stage; every frame takes the cycles of the model."""
    network = numbered_graph(number)
    shape = graph_shape(network)
    depths, streams = graph_depths(shape), shape.streams
    sequences = [random_inputs(100 * number + s, network, 2) for s in range(streams)]
    golden, integer, myhdl = (
        network.run(sequences, engine=engine) for engine in ("golden", "integer", "myhdl")
    )
    for name in stages_of(network):
        for run in (integer, myhdl):
            assert np.array_equal(run.stages[name], golden.stages[name]), f"{run.engine}: {name}"
    for run in (integer, myhdl):
        assert np.array_equal(run.raw, golden.raw), run.engine
    times = graph_run(shape, depths, [i % streams for i in range(2 * streams)])
    into, out = shape.beats("x"), shape.beats(network.graph.output)
    seen = myhdl.known_frame_cycles
    seen = seen[seen[:, 0].argsort()].T.tolist()
    expected = np.array([times.accepted[::into], times.delivered[out - 1 :: out]]) + READY
    assert seen == expected.tolist()
    if streams == 1:
        assert seen[1][0] - seen[0][0] == graph_latency(shape, depths)


@pytest.mark.parametrize("number", CASES)
def test_all_models_agree_to_the_bit_and_to_the_cycle(number):
    check_bits_and_cycles(number)


@pytest.mark.parametrize("number", (3, 6))
def test_gaps_and_back_pressure_do_not_reach_the_numbers(number):
    network = numbered_graph(number)
    sequences = [random_inputs(s, network, 3) for s in range(network.stream_shape.streams)]
    golden = network.run(sequences, engine="golden", stages=False)
    rough = network.run(
        sequences, engine="myhdl", traffic=Traffic(0.3, 0.5, number, shuffle=True), stages=False
    )
    assert np.array_equal(rough.raw, golden.raw)


def test_a_loaded_state_reaches_every_layer():
    network = random_layer_graph(7100, 2, 4, initial_states=True)
    rng = np.random.default_rng(1)
    states = [
        {n: rng.uniform(-0.3, 0.3, size) for n, size in layer.cell.state_sizes.items()} or None
        for layer in network.layers
    ]
    x = random_inputs(3, network, 2)
    golden, myhdl = (network.run(x, engine=e, initial=states) for e in ("golden", "myhdl"))
    assert np.array_equal(myhdl.raw, golden.raw)


def small(samples_per_beat: int = 1):
    """y = rnn(x) + x, x of five samples, which the RNN takes all before its first y."""
    graph = Graph(("x",), (Join("addition", ("layer_0", "x")),), "join_0")
    return new_network([RnnCell(5, 5, 1)], graph=graph, samples_per_beat=samples_per_beat, lanes=5)


def view(network, depths) -> CoreView:
    return CoreView(network_core(network, [layer_core(d) for d in network.layers], depths))


def sent(network, frames: int) -> list[Beat]:
    rng = np.random.default_rng(2)
    fmt = network.input_format
    raw = rng.integers(fmt.minimum, fmt.maximum + 1, (frames, network.inputs))
    return [b for i, frame in enumerate(raw) for b in frame_beats(frame, network, int(i == 0))]


def test_a_fifo_one_word_smaller_stops_the_core():
    """Where x passes by a layer that needs all of it, the FIFO holds a frame but its last beat, which waits before it."""
    network = small()
    shape = graph_shape(network)
    depths = graph_depths(shape)
    place = ("join_0", 1)
    # the depth of the cycle model holds the frames that the layer has taken meanwhile; the least that moves is one frame
    least = depths | {place: 4}
    assert graph_interval(shape, least) is not None
    assert graph_interval(shape, least | {place: 3}) is None
    beats = sent(network, 2)
    moved = simulate(network, beats, 2, stages=False, view=view(network, least), limit=300)
    assert len(moved.delivered) == 10
    with pytest.raises(ToolError, match="no transfer"):
        simulate(network, beats, 2, stages=False, view=view(network, least | {place: 3}), limit=300)


def test_a_fifo_one_word_smaller_costs_the_interval():
    """At its depth the graph has the interval of its slowest layer, with a word less the core is as slow as the model tells."""
    network = small()
    shape = graph_shape(network)
    depths = graph_depths(shape)
    place = ("join_0", 1)
    frames, less = 7, depths | {place: depths[place] - 1}
    beats = sent(network, frames)
    ends = []
    for chosen in (depths, less):
        record = simulate(network, beats, frames, stages=False, view=view(network, chosen))
        ends.append([cycle for cycle, _ in record.delivered[4::5]])
        told = graph_run(shape, chosen, [0] * frames).delivered[4::5]
        assert ends[-1] == [cycle + READY for cycle in told]
    assert ends[1][-1] > ends[0][-1]


def strided(number: int):
    """Embedded frames through a convolution that leaves out every second one, beside one that does so too."""
    table = np.random.default_rng(number).normal(size=(7, 3))
    joins = (
        Embedding(table=table), Window(inputs=("join_0",), size=3, kernel=3, stride=2),
        Window(inputs=("join_0",), size=3, kernel=2, stride=2), Join("product", ("layer_0", "layer_1")),
    )  # fmt: skip
    cells = [LinearCell(9, 4, 1), LinearCell(6, 4, 1), RnnCell(4, 3, 1)]
    graph = Graph(("join_1", "join_2", "join_3"), joins, "layer_2")
    return new_network(cells, graph=graph, samples_per_beat=1, lanes=[1, 2, 1])


#: Of each kind of graph some, among them those whose FIFOs a single pass over them left too large.
DEPTHS = [
    *((numbered_graph, n) for n in (0, 3, 4, 6, 9)), (convolution_graph, 3), (convolution_graph, 6), (product_graph, 1),
    (numbered_time_graph, 1), (timed_function_graph, 4), (strided, 1),
]  # fmt: skip


@pytest.mark.parametrize(("made", "number"), DEPTHS)
def test_no_computed_fifo_has_a_word_too_much(made, number):
    """One word less stops the graph or costs the interval, with one stream or with all; kinds: see the docs."""
    shape = graph_shape(made(number))
    depths = graph_depths(shape)
    counts = {1, shape.streams}
    wanted = {n: graph_interval(shape, depths, n) for n in counts}
    assert None not in wanted.values()
    seen: Counter[str] = Counter()
    for place, words in depths.items():
        if not words:
            continue
        less = depths | {place: words - 1}
        found = {n: graph_interval(shape, less, n) for n in counts}
        seen["stops" if None in found.values() else "slower"] += 1
        assert any(found[n] is None or found[n] > wanted[n] for n in counts), place
    assert seen.total() == sum(bool(words) for words in depths.values())


@pytest.mark.parametrize(("made", "number"), DEPTHS)
def test_no_graph_stops_whatever_the_order_and_the_lengths_of_its_sequences(made, number):
    shape = graph_shape(made(number))
    rng, depths = np.random.default_rng(number), graph_depths(shape)
    for _ in range(4):
        turns, ends = [], []
        left = dict.fromkeys(range(shape.streams), 0)
        for _ in range(30):
            stream = int(rng.integers(shape.streams))
            left[stream] = left[stream] or shape.graph.least + int(rng.integers(4))
            left[stream] -= 1
            turns.append(stream)
            ends.append(not left[stream])
        assert not graph_run(shape, depths, turns, ends=ends).stuck


def test_frames_of_wrong_length_are_repaired_before_x_divides():
    """As in a core of one layer; the unused sample of a last beat is never added."""
    network = small(samples_per_beat=2)
    rng, fmt = np.random.default_rng(4), network.input_format
    beats = []
    for i in range(30):
        samples = rng.integers(fmt.minimum, fmt.maximum + 1, 2)
        data = pack_fields(samples.tolist(), network.stream_shape.sample_bits)
        beats.append(Beat(data, bool(rng.random() < 0.3), int(i == 0 or rng.random() < 0.1), 0))
    beats += sent(network, 1)
    stands_for = framed(beats, network)
    assert stands_for.error and len(stands_for.turns) > 6
    record = simulate(network, beats, len(stands_for.turns), stages=False)
    runs = integer_model(network).run([np.array(s, dtype=np.int64) for s in stands_for.sequences])
    wanted = turn_beats([run.raw for run in runs], stands_for.turns, network)
    assert [beat for _, beat in record.delivered] == wanted
    assert record.error
