"""Cores with windows over frames in MyHDL: every bit and every cycle, whatever the traffic, streams and resets."""

from __future__ import annotations

import numpy as np
import pytest
from convolutions import convolution
from layer_graphs import convolution_graph, frame_cycles
from random_designs import random_inputs

from ernn_myhdl import GruCell, LinearCell, Traffic
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.design.graph import Graph, Window
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.rtl.cycles.graph_times import (
    graph_depths,
    graph_interval,
    graph_latency,
    graph_shape,
)
from ernn_myhdl.streams.traffic import Turn, turn_beats, unpack_beat

#: Elements of a frame, samples of a beat, streams, and the window.
CASES = {
    "samples that wait for those of the next frame": (3, 2, 1, {"kernel": 3, "dilation": 2}),
    "a flush at the end": (3, 4, 2, {"kernel": 2}),
    "whole beats, several streams": (4, 2, 2, {"kernel": 3, "stride": 2}),
    "several frames in a beat, none before the first": (1, 4, 1, {"kernel": 5, "padding": False}),
    "a stride longer than the kernel": (2, 1, 1, {"kernel": 2, "stride": 3, "padding": False}),
    "every third frame": (2, 2, 1, {"kernel": 1, "stride": 3}),
    "every element by itself": (3, 2, 2, {"kernel": 3, "groups": 3, "outputs": 3}),
    "several elements and lanes a group": (4, 2, 1, {"kernel": 2, "groups": 2, "outputs": 4, "lanes": 2}),
    "lanes of several groups, of which the last pass has fewer": (3, 1, 1, {"kernel": 2, "groups": 3, "outputs": 6, "lanes": 4}),
    "blocks within groups": (8, 2, 1, {"kernel": 2, "groups": 2, "outputs": 8, "block": 2, "lanes": 2}),
    "a stride, nothing before the first": (4, 2, 1, {"kernel": 3, "stride": 2, "padding": False, "groups": 4, "outputs": 8, "lanes": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_window_in_hardware_is_the_model_to_the_bit_and_to_the_cycle(name):
    size, beat, streams, window = CASES[name]
    core = convolution(size, samples_per_beat=beat, streams=streams, **window)
    x = [random_inputs(s, core, 7) for s in range(streams)]
    golden, myhdl = core.run(x, "golden"), core.run(x, "myhdl")
    assert np.array_equal(myhdl.raw, golden.raw)
    for stage, values in golden.stages.items():
        assert np.array_equal(myhdl.stages[stage], values), stage
    cycles = frame_cycles(core, [7] * streams)
    assert sorted(myhdl.known_frame_cycles[:, 1].tolist()) == cycles
    rough = core.run(x, "myhdl", traffic=Traffic(0.3, 0.5, 3, shuffle=True), stages=False)
    assert np.array_equal(rough.raw, golden.raw)


def test_frames_behind_the_last_window_are_seen_in_every_stage():
    """Of four frames a window with a stride of two takes none of the last, which goes as far as the window."""
    cells = [GruCell(3, 4, block=1), LinearCell(8, 4, 1)]
    window = Window(inputs=("layer_0",), size=4, kernel=2, stride=2)
    core = new_network(cells, graph=Graph(("x", "join_0"), (window,), "layer_1"))
    x = random_inputs(0, core, 4)
    golden = core.run([x], "integer")
    for traffic in (Traffic(), Traffic(0.6, 0.3, 1)):
        myhdl = core.run([x], "myhdl", traffic=traffic)
        assert np.array_equal(myhdl.raw, golden.raw) and len(golden.raw) == 2
        for stage, values in golden.stages.items():
            assert np.array_equal(myhdl.stages[stage], values), stage


@pytest.mark.parametrize("number", (0, 1))
def test_random_graphs_with_convolutions_agree(number):
    core = convolution_graph(number)
    streams = core.stream_shape.streams
    x = [random_inputs(s, core, 3) for s in range(streams)]
    golden, myhdl = core.run(x, "integer"), core.run(x, "myhdl")
    assert np.array_equal(myhdl.raw, golden.raw)
    cycles = frame_cycles(core, [3] * streams)
    assert sorted(myhdl.known_frame_cycles[:, 1].tolist()) == cycles


def test_a_frame_of_a_stride_costs_a_part_of_the_interval():
    """Of frames of x; the latency is that of the frame that completes the first window."""
    plain, strided = (graph_shape(convolution(2, kernel=2, stride=s)) for s in (1, 4))
    depths = graph_depths(strided)
    assert graph_interval(strided, depths) == graph_interval(plain, graph_depths(plain)) / 4
    late = graph_shape(convolution(2, kernel=4, padding=False))
    padded = graph_shape(convolution(2, kernel=4))
    assert graph_latency(late, graph_depths(late)) == graph_latency(padded, graph_depths(padded))


def test_sequences_that_are_begun_anew_and_resets_leave_no_frame_behind():
    core = convolution(3, kernel=3, dilation=2, streams=2)
    rng, fmt = np.random.default_rng(5), core.input_format
    raw = [rng.integers(fmt.minimum, fmt.maximum + 1, (n, 3)) for n in (4, 3, 5)]
    # stream 0: a sequence, and another one directly behind it; stream 1 goes on beside both
    order = (
        [(0, i, 0) for i in range(2)] + [(2, i, 1) for i in range(3)] + [(0, i, 0) for i in (2, 3)]
    )
    turns = [Turn(*t) for t in order + [(1, i, 0) for i in range(3)] + [(2, i, 1) for i in (3, 4)]]
    beats = turn_beats(raw, turns, core)
    runs = [run.raw for run in integer_model(core).run(raw)]
    wanted = [runs[t.sequence][t.frame].tolist() for t in turns]

    def rows(record, frames):
        taken = [unpack_beat(beat.data, core) for _, beat in record.delivered]
        return np.array(taken[-frames:]).reshape(frames, -1)[:, : core.outputs].tolist()

    assert rows(simulate(core, beats, len(turns), stages=False), len(turns)) == wanted


def test_a_reset_in_the_middle_of_a_sequence_begins_with_zeros():
    """What the memory holds is not cleared, but belongs to no frame behind a reset."""
    core = convolution(2, kernel=3, samples_per_beat=2)
    rng, fmt = np.random.default_rng(6), core.input_format
    raw = rng.integers(fmt.minimum, fmt.maximum + 1, (8, 2))
    beats = turn_beats([raw], [Turn(0, i, 0) for i in range(8)], core)
    first = simulate(core, beats, 8, stages=False)
    reset = first.accepted[4][0] + 1
    taken = sum(cycle < reset for cycle, _ in first.accepted)
    done = sum(cycle < reset for cycle, _ in first.delivered)
    assert taken == 5  # a beat is a frame
    record = simulate(core, beats, done + 8 - taken, stages=False, reset_at=reset)
    wanted = integer_model(core).run(raw[taken:]).raw
    rows = np.array([unpack_beat(beat.data, core) for _, beat in record.delivered[done:]])
    assert rows[:, : core.outputs].tolist() == wanted.tolist()
