"""Several sequences in one core: whatever the order, the gaps and the back-pressure, each stream gets
the results that it would get alone."""

from __future__ import annotations

import numpy as np
import pytest
from lazy_designs import Lazily
from malformed_frames import ended as _last
from seeds import seed_of
from stream_model import expected_beats, raw_frames
from stream_runs import check, delivered, run

from ernn_myhdl import DesignError, new_design
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.streams.framing import framed
from ernn_myhdl.streams.traffic import Traffic, beats_of_frame, frame_beats, turn_beats

#: Many lanes, and what differs in the way of y: with a projection, without, dense.
DESIGNS = Lazily(
    {
        "projection": lambda: new_design(
            6,
            12,
            6,
            4,
            True,
            lanes=8,
            ifft_units=4,
            element_width=2,
            samples_per_beat=4,
            streams=4,
        ),
        "no projection": lambda: new_design(7, 16, 0, 2, lanes=17, samples_per_beat=2, streams=8),
        "dense": lambda: new_design(
            5, 4, 3, 1, lanes=16, ifft_units=2, samples_per_beat=1, streams=4
        ),
        "two streams": lambda: new_design(13, 12, 5, 8, lanes=6, samples_per_beat=2, streams=2),
    }
)


def sequences_of(design, seed: int) -> list[np.ndarray]:
    """More sequences than streams, of one to four frames."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 5, design.hardware.streams + 3)
    frames = raw_frames(design, int(lengths.sum()), seed)
    return np.split(frames, np.cumsum(lengths)[:-1])


def beats_of(design, sequences, traffic: Traffic):
    turns = traffic.turns([len(s) for s in sequences], design.hardware.streams)
    return turn_beats(sequences, turns, design), turns


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize(
    "traffic",
    [Traffic(0.4, 0.4, shuffle=True), Traffic(0.0, 0.8)],
    ids=lambda t: f"idle{t.idle}-stall{t.stall}-{'shuffled' if t.shuffle else 'in turn'}",
)
def test_random_arrivals_gaps_and_back_pressure(name, traffic):
    design = DESIGNS[name]
    seed = seed_of(name) + int(10 * traffic.stall)
    traffic = Traffic(traffic.idle, traffic.stall, seed, traffic.shuffle)
    sequences = sequences_of(design, seed)
    beats, turns = beats_of(design, sequences, traffic)
    assert len({t.stream for t in turns}) == design.hardware.streams
    if traffic.shuffle:
        assert turns != Traffic().turns([len(s) for s in sequences], design.hardware.streams)
    assert framed(beats, design).turns != []
    record, _ = check(design, beats, traffic=traffic)
    assert [b for _, b in record.accepted] == beats
    assert [b.stream for b in delivered(record) if b.last] == [t.stream for t in turns]


@pytest.mark.parametrize("name", DESIGNS)
def test_a_stream_is_not_touched_by_the_others(name):
    """One sequence among others, and the same alone."""
    design = DESIGNS[name]
    sequences = sequences_of(design, 5)
    sequences[1] = raw_frames(design, 4, 6)
    beats, turns = beats_of(design, sequences, Traffic(shuffle=True, seed=5))
    stream = next(t.stream for t in turns if t.sequence == 1)
    record, _ = run(design, beats, len(turns))
    own = expected_beats([sequences[1]], design)
    size = beats_of_frame(design.cell.outputs, design.hardware.samples_per_beat)
    got = [
        delivered(record)[i * size : (i + 1) * size]
        for i, turn in enumerate(turns)
        if turn.sequence == 1
    ]
    assert [(b.data, b.last, b.user) for frame in got for b in frame] == [
        (b.data, b.last, b.user) for b in own
    ]
    assert {b.stream for frame in got for b in frame} == {stream}


@pytest.mark.parametrize("name", DESIGNS)
def test_a_beat_of_another_stream_ends_a_frame(name):
    """Frames are not interleaved beat by beat: what is cut off is completed with zeros, and only
    its stream is affected."""
    design = DESIGNS[name]
    a, b, c, d = raw_frames(design, 4, 7)
    cut = frame_beats(b, design, False, 0)[:-1]
    beats = [
        *frame_beats(a, design, True, 0),
        *cut,
        *frame_beats(c, design, True, 1),
        *frame_beats(d, design, False, 1),
    ]
    meaning = framed(beats, design)
    assert meaning.error
    kept = len(cut) * design.hardware.samples_per_beat
    assert meaning.sequences[0][1] == [*b[:kept], *[0] * (design.cell.inputs - kept)]
    record, _ = check(design, beats)
    assert record.error


def test_surplus_ends_with_a_beat_of_another_stream():
    design = DESIGNS["projection"]
    a, b = raw_frames(design, 2, 8)
    long = frame_beats(a, design, True, 2)
    long[-1] = _last(long[-1], False)
    surplus = [_last(x, False) for x in frame_beats(a, design, False, 2)]
    beats = [*long, *surplus, *frame_beats(b, design, False, 3)]
    meaning = framed(beats, design)
    assert [len(s) for s in meaning.sequences] == [1, 1]
    check(design, beats)


@pytest.mark.parametrize("name", ["projection", "dense"])
def test_reset_with_several_streams_under_way(name):
    """After a reset every stream starts a sequence, with tuser or without."""
    design = DESIGNS[name]
    before = sequences_of(design, 9)
    lost, turns = beats_of(design, before, Traffic(shuffle=True, seed=9))
    dry, _ = run(design, lost, len(turns) // 2)
    after = [raw_frames(design, 2, 20 + s) for s in range(design.hardware.streams)]
    again, order = beats_of(design, after, Traffic())
    unmarked = [type(b)(b.data, b.last, False, b.stream) for b in again]
    own = expected_beats(after, design, order)
    for reset in (dry.delivered[0][0] - 5, dry.delivered[-1][0] - 1):
        taken = sum(cycle < reset for cycle, _ in dry.accepted)
        made = [beat for cycle, beat in dry.delivered if cycle < reset]
        frames = sum(b.last for b in made) + len(order)
        record, _ = run(design, lost[:taken] + unmarked, frames, reset_at=reset)
        assert delivered(record) == [*made, *own], f"reset in cycle {reset}"


def test_deadlock_report_names_the_sequencer():
    design = DESIGNS["projection"]
    beats = frame_beats(raw_frames(design, 1, 3)[0], design, True, 1)
    with pytest.raises(Exception, match="sequencer: gate passes at operation 0, which needs"):
        simulate(design, beats, 2, limit=300)


@pytest.mark.parametrize("streams", [0, 3, 128, True, 2.0])
def test_illegal_numbers_of_streams_are_refused(streams):
    with pytest.raises(DesignError, match="hardware streams"):
        new_design(4, 4, lanes=1, streams=streams)
