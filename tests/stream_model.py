"""What the core must make of any stream of beats, well formed or not, in plain Python; and beats for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ernn_myhdl.design import Design
from ernn_myhdl.engines.stimulus import (
    Beat,
    Traffic,
    Turn,
    beats_of_frame,
    turn_beats,
    unpack_beat,
)
from golden.integer import IntegerModel


@dataclass
class Framed:
    """Sequences of raw frames that a stream of beats stands for, and the order of their frames;
    error: a frame had a wrong length."""

    sequences: list[list[list[int]]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    error: bool = False


def framed(beats: list[Beat], design: Design) -> Framed:
    """A short frame is completed with zeros, the surplus of a long one dropped up to its tlast; a
    beat with tuser or of another stream always starts a frame. A sequence starts with tuser, or with
    a stream's first frame after a reset."""
    inputs = design.cell.inputs
    full = beats_of_frame(inputs, design.hardware.samples_per_beat)
    result = Framed()
    frame: list[int] | None = None  # samples of the frame that is being received
    taken = stream = 0
    dropping = False
    latest: dict[int, int] = {}  # stream -> its sequence

    def finish() -> None:
        padded = [*frame, *[0] * inputs][:inputs]
        sequence = latest[stream]
        result.turns.append(Turn(sequence, len(result.sequences[sequence]), stream))
        result.sequences[sequence].append(padded)

    for beat in beats:
        if beat.user or beat.stream != stream:
            if frame is not None:
                result.error = True
                finish()
            frame, taken, dropping = None, 0, False
        if dropping:
            dropping = not beat.last
            continue
        if frame is None:
            frame, taken, stream = [], 0, beat.stream
            if beat.user or stream not in latest:
                latest[stream] = len(result.sequences)
                result.sequences.append([])
        frame += unpack_beat(beat.data, design)
        taken += 1
        if beat.last or taken == full:
            result.error |= not (beat.last and taken == full)
            dropping = not beat.last
            finish()
            frame = None
    if frame is not None:
        raise ValueError("the stream ends within a frame")
    return result


def raw_frames(design: Design, frames: int, seed: int) -> np.ndarray:
    """Raw inputs (frames, inputs), uniform over the format."""
    fmt = design.formats.input
    shape = (frames, design.cell.inputs)
    return np.random.default_rng(seed).integers(fmt.minimum, fmt.maximum + 1, shape)


def one_stream(sequences) -> list[Turn]:
    """One sequence after the other on stream 0."""
    return Traffic().turns([len(s) for s in sequences], 1)


def sequence_beats(sequences, design: Design) -> list[Beat]:
    """Beats of sequences of raw frames on stream 0, tuser on the first beat of each sequence."""
    return turn_beats(sequences, one_stream(sequences), design)


def expected_beats(sequences, design: Design, turns: list[Turn] | None = None) -> list[Beat]:
    """Beats of m_axis for raw input sequences, by the integer model; unused samples are zero."""
    runs = IntegerModel(design).run([np.array(s, dtype=np.int64) for s in sequences])
    return turn_beats([r.raw for r in runs], turns or one_stream(sequences), design)
