"""Beats of frames of wrong length, and what a core makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stream_model import raw_frames

from ernn_myhdl.streams.traffic import Beat, frame_beats


@dataclass(frozen=True)
class Malformed:
    """A stream with one bad frame, and what it stands for.

    beats: the stream up to the good sequence that follows. meaning: its frames.
    """

    beats: list[Beat]
    meaning: list[list]


def _cut(frame, beats: int, design) -> list[int]:
    """A frame of which only the first beats arrived."""
    kept = beats * design.hardware.samples_per_beat
    return [int(v) if i < kept else 0 for i, v in enumerate(frame)]


def ended(beat: Beat, last: bool = True) -> Beat:
    return replace(beat, last=last)


def malformed(kind: str, design) -> Malformed:
    """The stream of one kind: a good frame, a bad one and, where it goes on, another good one."""
    a, b, c = raw_frames(design, 3, 11)
    first = frame_beats(a, design, True)
    bad, good = frame_beats(b, design, False), frame_beats(c, design, False)
    surplus = [ended(x, False) for x in frame_beats(raw_frames(design, 1, 12)[0], design, False)]
    if kind == "one beat early":
        beats = [*bad[:-2], ended(bad[-2])]
        return Malformed([*first, *beats, *good], [[a, _cut(b, len(bad) - 1, design), c]])
    if kind == "first beat only":
        return Malformed([*first, ended(bad[0]), *good], [[a, _cut(b, 1, design), c]])
    if kind == "early in the first frame":
        return Malformed([ended(first[0]), *good], [[_cut(a, 1, design), c]])
    if kind == "one beat late":
        beats = [*bad[:-1], ended(bad[-1], False), ended(surplus[0])]
        return Malformed([*first, *beats, *good], [[a, b, c]])
    if kind == "far too long":
        beats = [*bad[:-1], ended(bad[-1], False), *surplus * 4, ended(surplus[0])]
        return Malformed([*first, *beats, *good], [[a, b, c]])
    if kind == "no tlast":  # the next frame is surplus, then the sequence ends
        return Malformed([*first, *bad[:-1], ended(bad[-1], False), *good], [[a, b]])
    if kind == "no tlast before a sequence":
        return Malformed([*first, *bad[:-1], ended(bad[-1], False)], [[a, b]])
    if kind == "surplus before a sequence":
        beats = [*bad[:-1], ended(bad[-1], False), *surplus]
        return Malformed([*first, *beats], [[a, b]])
    if kind == "tuser after the first beat":
        return Malformed([*first, bad[0]], [[a, _cut(b, 1, design)]])
    if kind == "tuser before the last beat":
        return Malformed([*first, *bad[:-1]], [[a, _cut(b, len(bad) - 1, design)]])
    raise ValueError(kind)
