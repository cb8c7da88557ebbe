"""Cores whose weights are loaded while they run, against the integer model of either set of weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from loading_bench import (
    DAMAGED,
    IN_USE,
    INCOMPLETE,
    LOADED,
    NOT_IDLE,
    OTHER,
    PENDING,
    LoadingBench,
    Sequences,
    other_weights,
    raw_frames,
    results,
)

from ernn_myhdl import DesignError, LinearCell, RnnCell, new_design
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.design.graph import ADDITION, Embedding, Graph, Join, Window
from ernn_myhdl.design.time_joins import LastFrame
from ernn_myhdl.host.weight_image import memory_record, with_crc
from ernn_myhdl.rtl.weights.image import image_words, memory_contents, memory_shapes

SMALL = {"inputs": 4, "hidden": 4, "block": 4, "lanes": 2, "weights": "loadable"}
CELLS = {
    "lstm": {"projection": 4, "peepholes": True},
    "gru": {"reset": "before", "element_width": 1},
    "gru_after": {"cell": "gru", "reset": "after"},
    "rnn": {"lanes": 1},
    "linear": {"lanes": 1},
    "split": {"cell": "lstm", "input_block": 2},
    "parts": {"cell": "gru", "reset": "after", "element_width": 1 / 4},
    "block_ram": {"cell": "linear", "inputs": 32, "hidden": 32, "lanes": 1},
}


def design_of(name: str, **options):
    return new_design(**SMALL | {"cell": name} | CELLS[name] | options)


@pytest.mark.parametrize(("name", "banks"), (*((name, 2) for name in CELLS), ("linear", 1)))
def test_frames_are_of_the_weights_that_were_loaded(name, banks):
    core = design_of(name, weight_banks=banks)
    other, x = other_weights(core), raw_frames(core, 3)
    bench = LoadingBench(core, idle=0.1, stall=0.3)

    def script(bench):
        for i, frame in enumerate(x):
            bench.send(frame, i == 0)
        yield from bench.frames(3)
        bench.load(image_words(other))
        yield from bench.loaded()
        assert bench.status == LOADED | (PENDING if banks == 2 else 0)
        for i, frame in enumerate(x):
            bench.send(frame, i == 0)
        yield from bench.frames(6)
        assert bench.status == LOADED

    bench.run(script)
    assert bench.of_stream() == results(core, x) + results(other, x)
    assert results(core, x) != results(other, x)


def checked_words(words):
    """The words with their CRC-32 behind them."""
    return np.frombuffer(with_crc(words), dtype="<u4").tolist()


def damaged_images(core):
    """(what is wrong, words, status) of images that are refused."""
    good = image_words(core)
    head = 11

    def with_word(place, value):
        return checked_words([*good[:place], value, *good[place + 1 : -1]])

    yield "magic", with_word(0, 0x45524E58), DAMAGED
    yield "version", with_word(1, 2), DAMAGED
    yield "structure", with_word(9, good[9] ^ 1), OTHER
    yield "first word of structure", with_word(2, good[2] ^ 1 << 31), OTHER
    yield "length", with_word(10, good[10] + 1), DAMAGED
    yield "shorter", with_word(10, good[10] - 1), DAMAGED
    yield "nothing", checked_words([*good[:10], 0]), DAMAGED
    yield "number", with_word(head, 99), DAMAGED
    yield "address", with_word(head + 1, 1), DAMAGED
    yield "count", with_word(head + 2, good[head + 2] + 1), DAMAGED
    yield "crc", [*good[:-1], good[-1] ^ 1], DAMAGED
    yield "word", [*good[:20], good[20] ^ 4, *good[21:]], DAMAGED
    yield "tlast early", good[:-1], DAMAGED
    yield "tlast in the head", good[:5], DAMAGED
    yield "tlast late", [*good, 7], DAMAGED
    payload = good[head:-1]
    size = 3 + payload[2] * ((core_width(core) + 31) // 32)
    short = payload[size:]
    yield "a memory is missing", checked_words([*good[:10], len(short), *short]), DAMAGED


def core_width(core) -> int:
    return memory_shapes(core)[0].width


@pytest.mark.parametrize("banks", (1, 2))
def test_damaged_images_are_refused_and_change_nothing(banks):
    core = design_of("linear", weight_banks=banks)
    other, x = other_weights(core), raw_frames(core, 1)
    bench = LoadingBench(core)
    sent = []

    def script(bench):
        for what, words, status in damaged_images(other):
            bench.load(words)
            yield from bench.loaded()
            assert bench.status & ~INCOMPLETE == status, what
            if bench.status & INCOMPLETE:
                assert banks == 1
                bench.send(x[0], True)
                before = len(bench.taken)
                yield from bench.wait(30)
                assert len(bench.taken) == before, what
                bench.load(image_words(core))
                yield from bench.loaded()
                assert bench.status == LOADED
            else:
                bench.send(x[0], True)
            sent.append(what)
            yield from bench.frames(len(sent))
        bench.load(image_words(other))
        yield from bench.loaded()
        assert bench.status & LOADED
        bench.send(x[0], True)
        yield from bench.frames(len(sent) + 1)

    bench.run(script)
    assert bench.of_stream() == results(core, x) * len(sent) + results(other, x)


def test_with_one_bank_an_image_waits_for_no_frame_and_frames_for_the_image():
    core = design_of("linear")
    other, x = other_weights(core), raw_frames(core, 2)
    bench = LoadingBench(core, stall=1)

    def script(bench):
        bench.send(x[0], True)
        yield from bench.until(lambda: bench.taken)
        bench.load(image_words(other))
        yield from bench.loaded()
        assert bench.status == NOT_IDLE
        bench.stall = 0
        yield from bench.frames(1)
        bench.load(image_words(other))
        yield from bench.wait(200)  # behind the head, where the core closes
        bench.send(x[0], True)
        yield from bench.loaded()
        assert bench.status == LOADED and len(bench.taken) <= 2
        yield from bench.frames(2)

    bench.run(script)
    assert bench.of_stream() == results(core, x[:1]) + results(other, x[:1])
    assert bench.taken[1] > bench.words[-1]


def test_a_running_sequence_keeps_its_bank_while_another_stream_starts_with_the_new_one():
    cells = [RnnCell(2, 2, block=2), RnnCell(2, 2, block=2)]
    core = new_network(cells, streams=2).with_weights("loadable", 2)
    other, third, x = other_weights(core), other_weights(core, 30), raw_frames(core, 60)
    bench = LoadingBench(core, idle=0.1, stall=0.1)
    sequences = Sequences(bench, x)
    send = sequences.send

    def script(bench):
        yield from sequences.load_beside(image_words(other))
        assert bench.status == LOADED | PENDING
        send(0)
        send(1, True)
        send(0)
        send(1)
        yield from bench.until(lambda: not bench.x)
        yield
        assert bench.status == LOADED
        bench.load(image_words(third))
        yield from bench.loaded()
        assert bench.status == IN_USE  # stream 0 still has the bank
        send(0)
        send(0, True)
        yield from bench.until(lambda: not bench.x)
        yield from bench.frames(len(bench.taken))
        bench.load(image_words(third))
        yield from bench.loaded()
        assert bench.status == LOADED | PENDING
        send(1)
        send(0)
        send(1, True)
        send(0)
        yield from bench.until(lambda: not bench.x)
        yield from bench.frames(len(bench.taken))

    bench.run(script)
    first, second = bench.of_stream(0), bench.of_stream(1)
    old = len(first) - 3
    assert first == results(core, x[:old]) + results(other, x[:3])
    assert second == results(other, x[:3]) + results(third, x[:1])


def test_latency_and_interval_are_those_of_fixed_weights():
    core = design_of("rnn", streams=2)
    x = raw_frames(core, 6)
    seen = []
    for banks in (1, 2):
        bench = LoadingBench(core.with_weights("loadable", banks))

        def script(bench):
            for i, frame in enumerate(x):
                bench.send(frame, i < 2, i % 2)
            yield from bench.frames(6)

        bench.run(script)
        first = bench.taken[0]
        seen.append([cycle - first for cycle, *_ in bench.delivered])
    from ernn_myhdl.engines.myhdl.simulation import simulate
    from ernn_myhdl.streams.traffic import frame_beats

    fixed = core.with_weights("fixed")
    beats = [b for i, f in enumerate(x) for b in frame_beats(f, fixed, int(i < 2), i % 2)]
    record = simulate(fixed, beats, 6)
    ends = [c - record.accepted[0][0] for c, beat in record.delivered if beat.last]
    assert seen == [ends, ends]


def test_layers_and_tables_of_a_graph_are_loaded():
    """x is the number of a row of a table, whose frame goes to a layer and around it."""
    table = Embedding(table=[[0.5, -0.5], [0.25, 1.0], [-1.0, 0.75]])
    joins = (table, Join(ADDITION, ("layer_0", "join_0")))
    cells = [LinearCell(2, 2, 1), RnnCell(2, 2, 1)]
    graph = Graph(("join_0", "join_1"), joins, "layer_1")
    core = new_network(cells, graph=graph, samples_per_beat=2).with_weights("loadable")
    turned = replace(core.graph.joins[0], table=-core.graph.joins[0].table.values)
    other = other_weights(
        replace(core, graph=replace(core.graph, joins=(turned, core.graph.joins[1])))
    )
    x, bench = np.array([[2], [0], [1]]), LoadingBench(core)

    def script(bench):
        for words in ([], image_words(other)):
            if words:
                bench.load(words)
                yield from bench.loaded()
                assert bench.status == LOADED
            sent = len(bench.delivered)
            for i, frame in enumerate(x):
                bench.send(frame, i == 0)
            yield from bench.frames(sent + len(x))

    bench.run(script)
    assert bench.of_stream() == results(core, x) + results(other, x)
    assert results(core, x) != results(other, x)


def test_graphs_that_cannot_be_loaded_are_refused_by_name():
    graph = Graph(("x",), (LastFrame(("layer_0",)),), "join_0")
    with pytest.raises(DesignError, match="weight_banks = 2: must be 1 in a graph with joins over"):
        new_network([LinearCell(2, 2, 1)], graph=graph).with_weights("loadable", 2)
    window = Window(inputs=("x",), size=2, kernel=2, padding=False)
    graph = Graph(("join_0",), (window,), "layer_0")
    left_out = new_network([LinearCell(4, 2, 1)], graph=graph)
    with pytest.raises(
        DesignError, match="weights = 'loadable': not in a graph whose windows leave frames out"
    ):
        left_out.with_weights("loadable")


@pytest.mark.parametrize("banks", (1, 2))
def test_a_reset_in_an_image_leaves_what_was_whole(banks):
    core = design_of("linear", weight_banks=banks)
    other, x = other_weights(core), raw_frames(core, 1)
    bench = LoadingBench(core)

    def script(bench):
        words = image_words(other)
        bench.load(words)
        yield from bench.until(lambda: len(bench.image) < len(words) // 3)
        bench.image.clear()
        bench.reset = True
        yield
        bench.reset = False
        yield from bench.wait(4)
        assert bench.status == DAMAGED | (INCOMPLETE if banks == 1 else 0)
        bench.send(x[0], True)
        yield from bench.wait(60)
        assert len(bench.taken) == (0 if banks == 1 else 1)
        bench.load(image_words(other))
        yield from bench.loaded()
        bench.send(x[0], True)
        yield from bench.frames(2)

    bench.run(script)
    assert bench.of_stream() == results(other if banks == 1 else core, x) + results(other, x)


def test_a_sequence_whose_last_frame_has_left_uses_no_bank():
    core = design_of("rnn", streams=2, weight_banks=2).with_hardware(sequence_ends=True)
    images = [other_weights(core, seed) for seed in (9, 30)]
    x, bench = raw_frames(core, 2), LoadingBench(core)

    def script(bench):
        bench.send(x[0], True)
        bench.load(image_words(images[0]))
        yield from bench.loaded()
        bench.send(x[0], True, 1)
        yield from bench.frames(2)
        bench.load(image_words(images[1]))
        yield from bench.loaded()
        assert bench.status == IN_USE
        bench.send(x[1], False, ends=True)
        yield from bench.frames(3)
        bench.load(image_words(images[1]))
        yield from bench.loaded()
        assert bench.status == LOADED | PENDING
        bench.send(x[1], False, 1)
        bench.send(x[0], True)
        yield from bench.frames(5)

    bench.run(script)
    assert bench.of_stream(0) == results(core, x) + results(images[1], x[:1])
    assert bench.of_stream(1) == results(images[0], x)


def test_x_of_a_graph_goes_to_one_layer():
    cells = [RnnCell(2, 2, 1), LinearCell(2, 2, 1)]
    graph = Graph(("x", "layer_0"), (Join(ADDITION, ("layer_0", "layer_1")),), "join_0")
    core = new_network(cells, graph=graph, samples_per_beat=2).with_weights("loadable")
    other, x, bench = other_weights(core), raw_frames(core, 2), LoadingBench(core)

    def script(bench):
        bench.load(image_words(other))
        yield from bench.loaded()
        for i, frame in enumerate(x):
            bench.send(frame, i == 0)
        yield from bench.frames(2)

    bench.run(script)
    assert bench.of_stream() == results(other, x)


def test_records_come_in_any_order_and_size():
    core = design_of("linear", inputs=8, hidden=8, weight_banks=1)
    other, x, bench = other_weights(core), raw_frames(core, 1), LoadingBench(core)
    records = [
        memory_record(shape, i, [word])
        for shape in memory_shapes(other)
        for i, word in enumerate(memory_contents(other)[shape.number])
    ]
    records = [records[i] for i in np.random.default_rng(5).permutation(len(records))]
    payload = [word for one in records for word in one]

    def script(bench):
        bench.load(checked_words([*image_words(other)[:10], len(payload), *payload]))
        yield from bench.loaded()
        assert bench.status == LOADED
        bench.send(x[0], True)
        yield from bench.frames(1)

    bench.run(script)
    assert bench.of_stream() == results(other, x)
