"""What the core must make of any stream of beats, well formed or not, in plain Python; and beats for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ernn_myhdl.design import Design
from ernn_myhdl.engines.stimulus import Beat, beats_of_frame, frame_beats, unpack_beat
from golden.integer import IntegerModel


@dataclass
class Framed:
    """Sequences of raw frames that a stream of beats stands for; error: a frame had a wrong length."""

    sequences: list[list[list[int]]] = field(default_factory=list)
    error: bool = False


def framed(beats: list[Beat], design: Design) -> Framed:
    """A short frame is completed with zeros, the surplus of a long one dropped up to its tlast; a
    beat with tuser always starts a frame, and a sequence, as the first beat after a reset does."""
    inputs = design.cell.inputs
    full = beats_of_frame(inputs, design.hardware.samples_per_beat)
    result = Framed()
    frame: list[int] | None = None  # samples of the frame that is being received
    taken = 0
    dropping = False

    def finish() -> None:
        padded = [*frame, *[0] * inputs][:inputs]
        result.sequences[-1].append(padded)

    for beat in beats:
        if beat.user:
            if frame is not None:
                result.error = True
                finish()
            frame, taken, dropping = None, 0, False
        if dropping:
            dropping = not beat.last
            continue
        if frame is None:
            frame, taken = [], 0
            if beat.user or not result.sequences:
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


def sequence_beats(sequences, design: Design) -> list[Beat]:
    """Beats of sequences of raw frames, tuser on the first beat of each sequence."""
    return [
        beat
        for sequence in sequences
        for t, frame in enumerate(sequence)
        for beat in frame_beats(frame, design, t == 0)
    ]


def expected_beats(sequences, design: Design) -> list[Beat]:
    """Beats of m_axis for raw input sequences, by the integer model; unused samples are zero."""
    runs = IntegerModel(design).run([np.array(s, dtype=np.int64) for s in sequences])
    return sequence_beats([run.raw for run in runs], design)
