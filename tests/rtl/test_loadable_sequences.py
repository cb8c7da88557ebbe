"""Cores whose frames of y stand for sequences, and whose weights are loaded between them, against the integer model of either set of weights."""

from __future__ import annotations

from loading_bench import (
    LOADED,
    NOT_IDLE,
    LoadingBench,
    other_weights,
    raw_frames,
    results,
)

from ernn_myhdl import RnnCell
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.time_joins import LastFrame, Repeat
from ernn_myhdl.rtl.weights.image import image_words


def repeated(streams: int):
    """Three frames of y a sequence, of a recurrent layer behind the last frame of another one."""
    joins = (LastFrame(("layer_0",)), Repeat(("join_0",), frames=3))
    graph = Graph(("x", "join_1"), joins, "layer_1")
    cells = [RnnCell(2, 2, block=1), RnnCell(2, 2, block=1)]
    network = new_network(cells, lanes=1, samples_per_beat=2, streams=streams, graph=graph)
    return network.with_weights("loadable")


def test_a_core_with_joins_over_time_is_loaded_between_its_sequences():
    core = repeated(1)
    other, x = other_weights(core), raw_frames(core, 3)
    bench = LoadingBench(core, idle=0.1, stall=0.6)
    refused = []

    def sequence(bench):
        for i, frame in enumerate(x):
            bench.send(frame, i == 0, ends=i == 2)

    def script(bench):
        bench.send(x[0], True)
        bench.send(x[1], False)
        yield from bench.wait(400)  # nothing moves, but the sequence is not over
        bench.load(image_words(other))
        yield from bench.loaded()
        refused.append(bench.status)
        bench.send(x[2], False, ends=True)
        yield from bench.frames(1)
        bench.stall = 1.0  # two more are in the core
        bench.load(image_words(other))
        yield from bench.loaded()
        refused.append(bench.status)
        bench.stall = 0.6
        yield from bench.frames(3)
        bench.load(image_words(other))
        yield from bench.loaded()
        assert bench.status == LOADED
        sequence(bench)
        sequence(bench)
        yield from bench.frames(9)
        assert not bench.error

    bench.run(script)
    assert refused == [NOT_IDLE, NOT_IDLE]
    assert bench.of_stream() == results(core, x) + 2 * results(other, x)
    assert results(core, x) != results(other, x)


def test_a_sequence_of_any_stream_that_runs_refuses_an_image_and_a_reset_ends_it():
    core = repeated(2)
    other, x = other_weights(core), raw_frames(core, 2)
    bench = LoadingBench(core)

    def script(bench):
        bench.send(x[0], True, 1)
        bench.send(x[0], True, 0, ends=True)
        yield from bench.frames(3)
        bench.load(image_words(other))
        yield from bench.loaded()
        assert bench.status == NOT_IDLE
        bench.reset = True
        yield
        bench.reset = False
        yield from bench.wait(4)
        bench.load(image_words(other))
        yield from bench.loaded()
        assert bench.status == LOADED
        bench.send(x[1], True, 1, ends=True)
        yield from bench.frames(6)

    bench.run(script)
    assert bench.of_stream(0) == results(core, x[:1])
    assert bench.of_stream(1) == results(other, x[1:])
