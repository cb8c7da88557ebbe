"""Cores that load the state before a sequence: the results of the models, whenever the states come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lazy_designs import Lazily
from seeds import seed_of
from state_model import random_states, states_of
from stream_model import one_stream, raw_frames

from ernn_myhdl.calibration.generate import new_design, new_network
from ernn_myhdl.cycle_model.schedule import frame_times, schedule_for
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.design.design import Design
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.errors import ToolError
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.rtl.fifo import DEPTH, READY
from ernn_myhdl.streams.initial_states import layer_beats, state_beats
from ernn_myhdl.streams.traffic import Traffic, Turn, frame_beats, turn_beats

#: Beats of a block, of several blocks and of less; one stream and several; all cells; blocks of y that
#: are smaller than those of x.
DESIGNS = Lazily({
    "projection": lambda: new_design(
        6, 7, 5, 4, True, lanes=6, ifft_units=2, streams=2, initial_states=True
    ),
    "wide beats": lambda: new_design(5, 6, 0, 2, lanes=4, samples_per_beat=8, initial_states=True),
    "gru before": lambda: new_design(
        5, 7, block=4, cell="gru", lanes=4, element_width=2, samples_per_beat=2, streams=4,
        initial_states=True,
    ),
    "gru after": lambda: new_design(
        5, 6, block=2, input_block=4, cell="gru", reset="after", lanes=4, initial_states=True
    ),
    "dense": lambda: new_design(3, 4, 3, 1, lanes=4, samples_per_beat=1, streams=2, initial_states=True),
    "network": lambda: new_network(
        [GruCell(4, 6, 2, "after"), LstmCell(6, 5, 3, 1, True), LinearCell(3, 3, 1)],
        lanes=(3, 4, 2), samples_per_beat=2, streams=2, initial_states=True,
    ),
})  # fmt: skip


def sequences_of(design, lengths, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, design.inputs)) for n in lengths]


@pytest.mark.parametrize("name", DESIGNS)
def test_all_models_agree_to_the_bit_and_to_the_cycle(name):
    """Sequences of one frame, too, whose states follow each other as closely as the pages allow."""
    design, lengths = DESIGNS[name], (1, 1, 2, 1, 3)
    x, states = sequences_of(design, lengths, 1), random_states(design, 5, seed_of(name))
    assert {state is None for state in states} == {True, False}
    golden, integer, core = (
        design.run(x, e, initial=states) for e in ("golden", "integer", "myhdl")
    )
    for run in (integer, core):
        assert np.array_equal(run.raw, golden.raw), run.engine
        for stage, expected in golden.stages.items():
            assert np.array_equal(run.stages[stage], expected), f"{run.engine}: {stage}"
    assert not np.array_equal(golden.raw, design.run(x, "integer").raw)
    if isinstance(design, Design):
        turns = Traffic().turns(lengths, design.hardware.streams)
        loaded = [t.frame == 0 and states[t.sequence] is not None for t in turns]
        times = frame_times(design, [t.stream for t in turns], loaded=loaded)
        delivered = np.flatnonzero(core.trace["m_axis_tvalid"] & core.trace["m_axis_tready"])
        assert delivered.tolist() == [cycle + READY for frame in times for cycle in frame.beats]


@pytest.mark.parametrize("name", ["projection", "gru before", "network"])
def test_gaps_back_pressure_and_any_order(name):
    design = DESIGNS[name]
    x, states = sequences_of(design, (2, 1, 3, 1, 1, 2), 2), random_states(design, 6, 3)
    traffic = Traffic(0.4, 0.4, seed_of(name), shuffle=True)
    core = design.run(x, "myhdl", traffic=traffic, initial=states, stages=False)
    assert np.array_equal(core.raw, design.run(x, "integer", initial=states).raw)


def expected_beats(design, sequences, states, turns):
    """Beats of m_axis for raw sequences, by the integer model."""
    runs = integer_model(design).run([np.array(s) for s in sequences], initial=states)
    loaded = {i for i, state in enumerate(states) if state is not None}
    return turn_beats([r.raw for r in runs], turns, design, loaded)


def played(design, sequences, states, **options):
    """Recording of raw sequences with their states, in turn; checked against the integer model."""
    turns = Traffic().turns([len(s) for s in sequences], design.hardware.streams)
    loaded = {i for i, state in enumerate(states) if state is not None}
    given = [None if state is None else (state,) for state in states]
    record = simulate(
        design, turn_beats(sequences, turns, design, loaded), len(turns), stages=False,
        limit=1500, states=state_beats(design, given, turns), **options,
    )  # fmt: skip
    expected = expected_beats(design, sequences, states, turns)
    assert [beat for _, beat in record.delivered] == expected
    assert not record.error
    return record, turns


@pytest.mark.parametrize("name", ["projection", "gru after"])
def test_early_states_cost_no_cycle_and_late_ones_hold_x_back(name):
    design = DESIGNS[name]
    streams = design.hardware.streams
    raw = [raw_frames(design, 3, s) for s in range(streams)]
    states = random_states(design, streams, 4, share=1)
    early, turns = played(design, raw, states, from_cycle=100)
    times = frame_times(design, [t.stream for t in turns])
    beats = [cycle - early.accepted[0][0] for cycle, _ in early.delivered]
    assert beats == [cycle for frame in times for cycle in frame.beats]
    assert times[0].delivered == schedule_for(design, streams).latency
    assert max(cycle for cycle, _ in early.loaded) < 100
    late, _ = played(design, raw, states, states_from_cycle=200)
    assert len([cycle for cycle, _ in late.accepted if cycle < 200]) <= 4  # what the FIFO takes
    assert late.delivered[0][0] > 200 + times[0].delivered


def test_a_sequence_that_begins_inside_a_frame_takes_its_own_state():
    """The cut frame is completed before its successor's state is there: its cells free the page."""
    design = DESIGNS["gru after"]
    a, b, c = raw_frames(design, 3, 5)
    states = random_states(design, 2, 6, share=1)
    beats = [
        *frame_beats(a, design, 3),
        *frame_beats(b, design, 0)[:-1],
        *frame_beats(c, design, 3),
    ]
    kept = (len(frame_beats(b, design, 0)) - 1) * design.hardware.samples_per_beat
    cut = np.where(np.arange(len(b)) < kept, b, 0)
    loads = [beat for state in states for beat in layer_beats(design, state)]
    record = simulate(design, beats, 3, stages=False, limit=1500, states=loads)
    sequences = [[a, cut], [c]]
    turns = one_stream(sequences)
    assert [x for _, x in record.delivered] == expected_beats(design, sequences, states, turns)
    assert record.error


@pytest.mark.parametrize("name", ["projection", "wide beats", "gru before"])
def test_wrong_frames_of_states_are_repaired(name):
    """Too short, too long, and where there are streams cut off by another; the next is right again."""
    design = DESIGNS[name]
    streams = design.hardware.streams
    states = random_states(design, 4, 7, share=1)
    frames = [layer_beats(design, state, i % streams) for i, state in enumerate(states)]
    short = [*frames[0][:-2], replace(frames[0][-2], last=True)]
    surplus = [replace(frames[1][0], last=last) for last in (False, True)]
    long = [*frames[1][:-1], replace(frames[1][-1], last=False), *surplus]
    cut = frames[2][:-1] if streams > 1 else frames[2]
    beats = [*short, *long, *cut, *frames[3]]
    meant, error = states_of(beats, design)
    assert error and len(meant) == 4
    assert all(np.array_equal(meant[3][n], v) for n, v in states[3].items())
    assert any(not np.array_equal(meant[0][n], v) for n, v in states[0].items())
    raw = [raw_frames(design, 1, 10 + i) for i in range(4)]
    order = [Turn(i, 0, i % streams) for i in range(4)]
    record = simulate(
        design, turn_beats(raw, order, design, range(4)), 4, stages=False, limit=1500, states=beats
    )
    assert [x for _, x in record.delivered] == expected_beats(design, raw, meant, order)
    assert record.error


def test_reset_loses_loaded_states():
    """In the middle of a frame of s_state, and with a page full: afterwards all is as at the start."""
    design = DESIGNS["projection"]
    raw, states = [raw_frames(design, 2, s) for s in (1, 2)], random_states(design, 2, 8, share=1)
    dry, turns = played(design, raw, states, from_cycle=60)
    given = state_beats(design, [(s,) for s in states], turns)
    beats, own = turn_beats(raw, turns, design, {0, 1}), [b for _, b in dry.delivered]
    resets = {
        dry.loaded[2][0] + 1: given[:3],
        dry.loaded[-1][0] + 20: [*given, *given[:DEPTH]],  # the FIFO is filled
    }
    for reset, lost in resets.items():
        record = simulate(
            design, beats, len(turns), stages=False, limit=500, from_cycle=60, reset_at=reset,
            states=[*lost, *given],
        )  # fmt: skip
        assert sum(cycle < reset for cycle, _ in record.loaded) == len(lost)
        assert [b for _, b in record.delivered] == own and not record.error


def test_a_state_that_never_comes_is_named():
    design = DESIGNS["projection"]
    beats = frame_beats(raw_frames(design, 1, 3)[0], design, 3, 1)
    with pytest.raises(ToolError, match="x waits for the initial state of stream 1 on s_state"):
        simulate(design, beats, 1, limit=200)


def test_a_state_for_no_layer_is_dropped():
    """And frame_error tells: the linear layer, number 2, has none."""
    design = DESIGNS["network"]
    x, (state,) = raw_frames(design.layers[0], 1, 9), random_states(design, 1, 9, share=1)
    beats = state_beats(design, [tuple(state)], one_stream([x]))
    lost = [replace(beat, layer=2) for beat in beats[:2]]
    record = simulate(
        design, frame_beats(x[0], design, 3), 1, stages=False, limit=1500, states=[*lost, *beats]
    )
    run = integer_model(design).run(x, initial=state)
    assert [b for _, b in record.delivered] == frame_beats(run.raw[0], design, 3)
    assert record.error


def test_without_the_option_the_core_has_no_more():
    design = DESIGNS["projection"].with_hardware(initial_states=False)
    plain, loading = core(design), core(DESIGNS["projection"])
    assert {p for p in loading.ports if p not in plain.ports} == {
        f"s_state_t{n}" for n in ("valid", "ready", "data", "last", "id")
    }
    assert plain.ports["s_axis_tuser"].type.bits == 1
    assert not [n for n in plain.nets if n.startswith(("loaded_", "state_held", "state_free"))]
