"""Frames of wrong length, and beats at random: what is lost, and what is marked."""

from __future__ import annotations

import numpy as np
import pytest
from malformed_frames import malformed
from stream_model import expected_beats, raw_frames, sequence_beats
from stream_runs import DESIGNS, SEVERAL_BEATS, check, delivered

from ernn_myhdl.hdl.types import pack_fields
from ernn_myhdl.streams.framing import framed
from ernn_myhdl.streams.traffic import Beat, Traffic, beats_of_frame, frame_beats

CUT = ("one beat early", "first beat only", "early in the first frame", "tuser after the first beat",
       "tuser before the last beat")  # fmt: skip
LONG = ("one beat late", "far too long", "no tlast", "no tlast before a sequence",
        "surplus before a sequence")  # fmt: skip


def spread(kinds: tuple[str, ...], names: list[str]) -> list[tuple[str, str]]:
    """Two designs for each kind, in turn; every size is tried on the framing block alone."""
    return [
        (kind, names[(i + step) % len(names)]) for i, kind in enumerate(kinds) for step in (0, 2)
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    spread(CUT, SEVERAL_BEATS) + spread(LONG, list(DESIGNS)),
)
def test_a_frame_of_wrong_length(kind, name):
    design = DESIGNS[name]
    case = malformed(kind, design)
    after = raw_frames(design, 2, 13)
    beats = [*case.beats, *sequence_beats([after], design)]
    # the table above and the model of the framing were written apart: they must agree
    meaning = framed(beats, design)
    assert np.array_equal(
        np.concatenate([np.array(s) for s in meaning.sequences]),
        np.concatenate([np.array(s) for s in [*case.meaning, after]]),
    )
    assert [len(s) for s in meaning.sequences] == [len(s) for s in [*case.meaning, after]]
    assert meaning.error
    record, monitor = check(design, beats)
    own = expected_beats([after], design)
    assert delivered(record)[-len(own) :] == own
    assert record.error
    assert monitor.errors[0] > record.accepted[len(frame_beats(after[0], design, True)) - 1][0] or (
        kind == "early in the first frame"
    )
    assert monitor.errors == list(range(monitor.errors[0], monitor.errors[-1] + 1))


@pytest.mark.parametrize(("seed", "name"), list(enumerate(DESIGNS)))
def test_random_beats(seed, name):
    """Beats with tlast and tuser at random, then a good sequence, under random traffic."""
    design = DESIGNS[name]
    rng = np.random.default_rng([seed, *name.encode()])
    full = beats_of_frame(design.cell.inputs, design.hardware.samples_per_beat)
    bits = design.hardware.sample_bits
    fmt = design.formats.input
    beats = []
    for _ in range(5 * full + 6):
        samples = rng.integers(fmt.minimum, fmt.maximum + 1, design.hardware.samples_per_beat)
        last, user = rng.random(2) < (1.0 / full if full > 1 else 0.7, 0.4 / full)
        beats.append(Beat(pack_fields(samples, bits), bool(last), bool(user)))
    after = raw_frames(design, 2, seed)
    beats += sequence_beats([after], design)
    assert framed(beats, design).error
    record, _ = check(design, beats, traffic=Traffic(0.3 * (seed % 2), 0.3 * (seed % 2), seed))
    own = expected_beats([after], design)
    assert delivered(record)[-len(own) :] == own
