"""Beats for the tests of streams, and those that must come back."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design.design import Design
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.streams.traffic import Beat, Traffic, Turn, turn_beats


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
