"""Cores with joins over time: every bit and every cycle, whatever the traffic; and what breaks a sequence."""

from __future__ import annotations

import numpy as np
import pytest
from layer_graphs import frame_cycles

from ernn_myhdl import LinearCell, RnnCell, Traffic, new_network
from ernn_myhdl.design.graph import Graph, Join
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat, Sum, with_outputs
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.rtl.cycles.graph_times import graph_depths, graph_latency, graph_shape
from ernn_myhdl.streams.traffic import frame_beats

CELLS = [RnnCell(3, 4, 1), LinearCell(4, 2, 1)]
JOINED = [CELLS[0], LinearCell(7, 2, 1)]
#: Cells, graph, streams, samples of a beat, lengths of sequences.
CASES = {
    "last": (CELLS, with_outputs(None, ["last", "all"]), 1, 1, (2, 1, 3)),
    "maximum of two streams": (
        CELLS, Graph(("x", "join_0"), (Maximum(("layer_0",)),), "layer_1"), 2, 4, (2, 1, 3),
    ),
    "mean": (CELLS, Graph(("x", "join_0"), (Mean(("layer_0",), frames=2),), "layer_1"), 1, 2, (2, 2)),
    "sum": (CELLS, Graph(("x", "layer_0"), (Sum(("layer_1",), frames=5),), "join_0"), 1, 1, (2, 3)),
    "repeat": (
        CELLS,
        Graph(("x", "join_1"), (LastFrame(("layer_0",)), Repeat(("join_0",), frames=3)), "layer_1"),
        2, 2, (2, 1, 1),
    ),
    "joined": (
        JOINED,
        Graph(
            ("x", "join_2"),
            (LastFrame(("layer_0",)), Maximum(("x",)), Join("concatenation", ("join_0", "join_1"))), "layer_1",
        ),
        4, 2, (2, 1, 2, 1, 3),
    ),
}  # fmt: skip


def core_of(case: str):
    cells, graph, streams, beat, _ = CASES[case]
    return new_network(cells, graph=graph, streams=streams, samples_per_beat=beat, lanes=2)


@pytest.mark.parametrize("case", CASES)
def test_the_core_is_the_model_to_the_bit_and_to_the_cycle(case):
    core, lengths = core_of(case), CASES[case][-1]
    x = [np.random.default_rng(i).normal(size=(n, 3)) for i, n in enumerate(lengths)]
    golden, made = core.run(x), core.run(x, engine="myhdl")
    for name, stage in golden.stages.items():
        assert np.array_equal(made.stages[name], stage), name
    assert np.array_equal(made.raw, golden.raw)
    rough = core.run(x, engine="myhdl", traffic=Traffic(0.3, 0.5, 7, shuffle=True), stages=False)
    assert np.array_equal(rough.raw, golden.raw)
    assert sorted(made.known_frame_cycles[:, 1].tolist()) == frame_cycles(core, lengths)


def test_the_latency_is_that_of_a_last_frame():
    core = core_of("repeat")
    run = core.run(np.ones((1, 3)), engine="myhdl", stages=False)
    shape = graph_shape(core)
    assert run.summary()["latency_cycles"] == graph_latency(shape, graph_depths(shape))
    assert run.summary()["interval_cycles"] is None


def beats(core, frames, users):
    return [
        beat
        for frame, user in zip(frames, users, strict=True)
        for beat in frame_beats(frame, core, user)
    ]


def test_a_sequence_that_begins_anew_gives_nothing_and_is_an_error():
    core = core_of("last")
    rng, fmt = np.random.default_rng(3), core.input_format
    frames = rng.integers(fmt.minimum, fmt.maximum + 1, (5, 3))
    # two frames, begun anew: three frames
    record = simulate(core, beats(core, frames, [1, 0, 1, 0, 2]), 1, stages=False)
    assert record.error
    wanted = integer_model(core).run(frames[2:])
    assert [b for _, b in record.delivered] == beats(core, wanted.raw, [3])
    fine = simulate(core, beats(core, frames, [1, 2, 1, 0, 2]), 2, stages=False)
    assert not fine.error and len(fine.delivered) == 4


def test_a_sequence_of_other_frames_than_the_mean_gives_nothing_and_is_an_error():
    core = core_of("mean")
    rng, fmt = np.random.default_rng(4), core.input_format
    frames = rng.integers(fmt.minimum, fmt.maximum + 1, (6, 3))
    for users, error in (([1, 0, 2, 3, 1, 2], True), ([1, 2, 1, 2, 1, 2], False)):
        record = simulate(core, beats(core, frames, users), 1 if error else 3, stages=False)
        assert record.error == error
        wanted = integer_model(core).run(frames[4:])
        assert [b for _, b in record.delivered][-1:] == beats(core, wanted.raw, [3])[-1:]


def test_a_reset_within_a_sequence_forgets_it():
    core = core_of("maximum of two streams")
    rng, fmt = np.random.default_rng(5), core.input_format
    frames, reset = rng.integers(fmt.minimum, fmt.maximum + 1, (14, 3)), 100
    sent = beats(core, frames, [1, *[0] * 12, 2])
    record = simulate(core, sent, 1, stages=False, reset_at=reset, limit=500)
    before = sum(cycle <= reset for cycle, _ in record.accepted)
    assert 6 < before < len(frames) and not record.error
    wanted = integer_model(core).run(frames[before:])
    assert [b for _, b in record.delivered] == beats(core, wanted.raw, [3])
