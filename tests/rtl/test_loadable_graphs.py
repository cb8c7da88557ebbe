"""Graphs with two banks of weights: every frame is of the bank of its sequence, through every kind of join."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from loading_bench import (
    IN_USE,
    LOADED,
    PENDING,
    LoadingBench,
    Sequences,
    other_weights,
    raw_frames,
    results,
)
from loading_graphs import GRAPHS, banked_graph

from ernn_myhdl.design.graph import Embedding
from ernn_myhdl.explore.resources import estimate
from ernn_myhdl.rtl.weights.image import image_words


def with_other_tables(core):
    """The same structure with other weights, and rows of embeddings."""
    joins = tuple(
        replace(join, table=-join.table.values[::-1]) if isinstance(join, Embedding) else join
        for join in core.graph.joins
    )
    return replace(other_weights(core), graph=replace(core.graph, joins=joins))


def frames_of(core, count: int) -> np.ndarray:
    if not core.takes_numbers:
        return raw_frames(core, count)
    return np.random.default_rng(4).integers(0, 3, (count, 1))


@pytest.mark.parametrize("options", ({}, {"initial_states": True}), ids=("plain", "states"))
@pytest.mark.parametrize("name", GRAPHS)
def test_a_sequence_keeps_its_bank_while_another_stream_starts_with_the_new_one(name, options):
    core = banked_graph(name, streams=2, **options).with_weights("loadable", 2)
    other, x = with_other_tables(core), frames_of(core, 80)
    assert results(core, x[:6]) != results(other, x[:6])
    bench = LoadingBench(core, idle=0.1, stall=0.2)
    sequences = Sequences(bench, x)
    send, counts = sequences.send, sequences.counts

    def script(bench):
        yield from sequences.load_beside(image_words(other))
        assert bench.status == LOADED | PENDING
        for stream in (0, 1, 0, 1, 1, 0):
            send(stream, stream == 1 and not counts[1])
        yield from bench.until(lambda: not bench.x)
        bench.load(image_words(core))
        yield from bench.loaded()
        assert bench.status == IN_USE  # stream 0 still has the bank
        bench.old = counts[0]
        for _ in range(3):
            send(0, counts[0] == bench.old)
        yield from bench.frames(len(bench.taken) + len(bench.x) // 99)
        yield from bench.until(lambda: not bench.x)
        yield from bench.frames(len(bench.taken))

    bench.run(script)
    assert bench.of_stream(0) == results(core, x[: bench.old]) + results(other, x[:3])
    assert bench.of_stream(1) == results(other, x[:3])
    assert estimate(core).lut > estimate(core.with_weights("fixed")).lut
