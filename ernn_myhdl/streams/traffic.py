"""Beats of the AXI-Streams: the order of frames, raw samples to tdata words and back, idle patterns."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import SupportsInt, TypeAlias

import numpy as np

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.hdl.types import pack_fields

#: Raw frames of one sequence, (frames, samples).
RawSequence: TypeAlias = np.ndarray | Sequence[Sequence[int]]


@dataclass(frozen=True)
class Beat:
    """One transfer: tdata as an unsigned word, tlast, tuser, tid.

    user: 0; on the first beat of a sequence FROM_ZERO or FROM_STATE; on the first beat of the last frame of a sequence also
    `end_of_sequence`, in cores that know it.
    """

    data: int
    last: bool
    user: int
    stream: int = 0


#: tuser of a sequence's first beat: it starts from zero; from the state that s_state has brought.
FROM_ZERO, FROM_STATE = 1, 3


def end_of_sequence(shape: StreamShape) -> int:
    """What tuser has on the first beat of the last frame of a sequence; 0 in cores that do not know it."""
    return 1 << shape.user_bits - 1 if shape.sequence_ends else 0


@dataclass(frozen=True)
class StateBeat:
    """One transfer on s_state: tdata as an unsigned word, tlast, tid, tdest."""

    data: int
    last: bool
    stream: int = 0
    layer: int = 0


#: Field of a stream -> attribute of the beat that goes over it.
BEAT_FIELDS = {
    "tdata": "data", "tlast": "last", "tuser": "user", "tid": "stream", "tdest": "layer"
}  # fmt: skip


@dataclass(frozen=True)
class Traffic:
    """Random gaps on s_axis, back-pressure on m_axis and order of the streams.

    Parameters
    ----------
    idle, stall : float
        Probability of a cycle without tvalid (on s_state too), and of one without tready.
    seed : int
        Of the generators.
    shuffle : bool
        The streams send frames in random order; else they take turns.
    """

    idle: float = 0.0
    stall: float = 0.0
    seed: int = 0
    shuffle: bool = False

    def patterns(self) -> tuple[np.random.Generator, np.random.Generator]:
        """Generators for the two sides."""
        source, sink, *_ = self._seeds()
        return np.random.default_rng(source), np.random.default_rng(sink)

    def state_pattern(self) -> np.random.Generator:
        """Generator for the gaps on s_state."""
        return np.random.default_rng(self._seeds()[3])

    def turns(self, lengths: Sequence[int], streams: int) -> list[Turn]:
        """The frames of sequences of these lengths in the order in which they are sent.

        A stream that has sent a sequence takes the next one that no other has begun.
        """
        random = np.random.default_rng(self._seeds()[2])
        waiting = [i for i, length in enumerate(lengths) if length]
        active: list[Turn] = []  # the next frame of every stream
        turns = []
        place = 0
        for stream in range(streams):
            if waiting:
                active.append(Turn(waiting.pop(0), 0, stream))
        while active:
            place = int(random.integers(len(active))) if self.shuffle else place % len(active)
            turn = active[place]
            turns.append(turn)
            if turn.frame + 1 < lengths[turn.sequence]:
                active[place] = Turn(turn.sequence, turn.frame + 1, turn.stream)
            elif waiting:
                active[place] = Turn(waiting.pop(0), 0, turn.stream)
            else:
                del active[place]
                continue
            place += 1
        return turns

    def _seeds(self) -> list[np.random.SeedSequence]:
        return np.random.SeedSequence(self.seed).spawn(4)


@dataclass(frozen=True)
class Turn:
    """A frame of a sequence on a stream."""

    sequence: int
    frame: int
    stream: int


def beats_of_frame(size: int, samples_per_beat: int) -> int:
    """Beats that carry `size` samples."""
    return -(-size // samples_per_beat)


def turn_user(turn: Turn, loaded: Container[int], last: int = 0) -> int:
    """tuser of the first beat of a turn; loaded: sequences that start from a loaded state; last: `end_of_sequence` of a frame
    that ends one."""
    if turn.frame:
        return last
    return last | (FROM_STATE if turn.sequence in loaded else FROM_ZERO)


def turns_of_signal(
    turns: Sequence[Turn], lengths: Sequence[int], frames: int | None
) -> list[Turn]:
    """The frames of a signal in the order in which they come, from those of x.

    lengths: of the sequences of x. frames: of the signal in each, which come when the last frame of x has; None: one for
    each of x.
    """
    if frames is None:
        return list(turns)
    return [
        Turn(turn.sequence, frame, turn.stream)
        for turn in turns
        if turn.frame == lengths[turn.sequence] - 1
        for frame in range(frames)
    ]


def turn_beats(
    sequences: Sequence[RawSequence],
    turns: Sequence[Turn],
    design: CoreStructure,
    loaded: Container[int] = (),
) -> list[Beat]:
    """Beats of the frames that `turns` names, of sequences of raw frames; loaded: `turn_user`."""
    end = end_of_sequence(design.stream_shape)
    beats = []
    for turn in turns:
        frames = sequences[turn.sequence]
        user = turn_user(turn, loaded, end if turn.frame == len(frames) - 1 else 0)
        beats += frame_beats(frames[turn.frame], design, user, turn.stream)
    return beats


def places(turns: Sequence[Turn], lengths: Sequence[int]) -> np.ndarray:
    """Place of each turn's frame among all frames, sequence after sequence."""
    starts = np.cumsum([0, *lengths])
    return np.array([starts[t.sequence] + t.frame for t in turns], dtype=np.int64)


def packed_samples(raw: Iterable[SupportsInt], design: CoreStructure) -> list[int]:
    """Raw samples as words of tdata; the last one is filled with zeros."""
    shape = design.stream_shape
    size = shape.samples_per_beat
    samples = [int(v) for v in raw]
    samples += [0] * (-len(samples) % size)
    return [
        pack_fields(samples[at : at + size], shape.sample_bits)
        for at in range(0, len(samples), size)
    ]


def frame_beats(
    raw: Iterable[SupportsInt], design: CoreStructure, user: int, stream: int = 0
) -> list[Beat]:
    """Beats of one frame of raw samples; the last one is filled with zeros."""
    words = packed_samples(raw, design)
    return [
        Beat(data, b == len(words) - 1, user if b == 0 else 0, stream)
        for b, data in enumerate(words)
    ]


def unpack_beat(data: int, design: CoreStructure) -> list[int]:
    """Signed samples of a tdata word."""
    shape = design.stream_shape
    bits = shape.sample_bits
    sign, mask = 1 << (bits - 1), (1 << bits) - 1
    words = ((data >> (i * bits)) & mask for i in range(shape.samples_per_beat))
    return [(w ^ sign) - sign for w in words]
