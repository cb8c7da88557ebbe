"""What the core must make of any stream of beats, well formed or not, in plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.streams.traffic import FROM_ZERO, Beat, Turn, beats_of_frame, unpack_beat


@dataclass
class Framed:
    """Sequences of raw frames that a stream of beats stands for, and the order of their frames;
    error: a frame had a wrong length."""

    sequences: list[list[list[int]]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    error: bool = False


def framed(beats: Iterable[Beat], design: Structure, cut: bool = False) -> Framed:
    """The frames that the core takes from `beats`, which follow a reset.

    A short frame is completed with zeros, the surplus of a long one dropped up to its tlast; a beat
    with tuser or of another stream always starts a frame. A sequence starts with tuser, or with a
    stream's first frame after the reset. cut: the beats may end within a frame, which is lost.
    """
    inputs = design.inputs
    full = beats_of_frame(inputs, design.stream_shape.samples_per_beat)
    result = Framed()
    frame: list[int] | None = None  # samples of the frame that is being received
    taken = stream = 0
    dropping = False
    latest: dict[int, int] = {}  # stream -> its sequence

    def finish(samples: list[int]) -> None:
        padded = [*samples, *[0] * inputs][:inputs]
        sequence = latest[stream]
        result.turns.append(Turn(sequence, len(result.sequences[sequence]), stream))
        result.sequences[sequence].append(padded)

    for beat in beats:
        first = beat.user & FROM_ZERO
        if first or beat.stream != stream:
            if frame is not None:
                result.error = True
                finish(frame)
            frame, taken, dropping = None, 0, False
        if dropping:
            dropping = not beat.last
            continue
        if frame is None:
            frame, taken, stream = [], 0, beat.stream
            if first or stream not in latest:
                latest[stream] = len(result.sequences)
                result.sequences.append([])
        frame += unpack_beat(beat.data, design)
        taken += 1
        if beat.last or taken == full:
            result.error |= not (beat.last and taken == full)
            dropping = not beat.last
            finish(frame)
            frame = None
    if frame is not None and not cut:
        raise ValueError("the stream ends within a frame")
    return result
