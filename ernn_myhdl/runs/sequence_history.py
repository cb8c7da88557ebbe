"""The frames of sequences under way, from which a core goes on whose memories of frames nothing loads.

A session of a graph with windows or joins over time keeps them: a compiled core is told what its sequences have brought by feeding
that again, and what it holds is that of the integer model behind the same frames, which gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.integer_steps import IntegerSteps
from ernn_myhdl.streams.initial_states import CoreState, raw_state
from ernn_myhdl.streams.sequence_file import SequenceUnderWay

#: Frames of a sequence that are kept, and words of all streams together.
MOST_FRAMES, MOST_WORDS = 1 << 16, 1 << 22
#: Rows that the array of a sequence has at first.
FIRST_ROWS = 16


class SequenceHistory:
    """The raw frames of every stream's sequence, and the states from which it began.

    most: frames of a sequence that are kept; of a longer one none are.
    """

    def __init__(self, core: CoreSpecification, streams: int) -> None:
        self.core = core
        self.most = min(MOST_FRAMES, MOST_WORDS // (streams * core.inputs))
        self.begins: list[CoreState | None] = [None] * streams
        # rows of a growing array, of which so many are frames; None of a sequence that is too long
        kind = np.int32 if core.input_format.word <= 32 else np.int64
        self._rows = [np.empty((0, core.inputs), dtype=kind) for _ in range(streams)]
        self._counts: list[int | None] = [0] * streams

    def start(self, stream: int, state: CoreState | None = None) -> None:
        """A sequence begins."""
        self.begins[stream] = state
        self._counts[stream] = 0

    def add(self, raw: np.ndarray, streams: Sequence[int]) -> None:
        """A frame of each of the streams."""
        for frame, stream in zip(raw, streams, strict=True):
            count = self._counts[stream]
            if count is None:
                continue
            if count == self.most:
                self._counts[stream], self._rows[stream] = None, self._rows[stream][:0].copy()
                continue
            rows = self._rows[stream]
            if count == len(rows):
                more = np.empty((max(count, FIRST_ROWS), rows.shape[1]), dtype=rows.dtype)
                self._rows[stream] = rows = np.concatenate([rows, more])
            rows[count] = frame
            self._counts[stream] = count + 1

    def x(self, stream: int) -> np.ndarray | None:
        """The frames (frames, inputs) of the sequence of a stream; None where it is too long."""
        count = self._counts[stream]
        return None if count is None else self._rows[stream][:count].astype(np.int64)

    def resume(self, stream: int, sequence: SequenceUnderWay) -> None:
        """The sequence of a stream is one that was under way."""
        self.start(stream, sequence.first_state)
        if not sequence.frames:
            return
        if sequence.x is None or len(sequence.x) > self.most:
            self._counts[stream] = None
            return
        self._rows[stream] = sequence.x.astype(self._rows[stream].dtype)
        self._counts[stream] = len(sequence.x)


def behind_frames(core: CoreSpecification, sequence: SequenceUnderWay) -> SequenceUnderWay:
    """Where a sequence is behind all its frames, by the integer model."""
    model = IntegerSteps(core, 1)
    model.start(0, sequence.first_state)
    over_time = core.graph is not None and core.graph.over_time
    for frame in [] if sequence.x is None else sequence.x:
        if over_time:
            model.sequence_step(frame, 0, False)
        else:
            model.step(frame[None], [0])
    return replace(sequence, states=tuple(model.states(0)), held=model.held(0))


def check_told(
    core: CoreSpecification, sequences: Sequence[SequenceUnderWay], engine: str, where: str
) -> None:
    """DesignError unless sequences under way can be told to a core by their frames; where: they come from."""
    for number, sequence in enumerate(sequences):
        if not sequence.frames:
            continue
        if sequence.x is None:
            raise DesignError(
                f"{where}: sequence {number} has {sequence.frames} frames, but the file does not hold them, with which {engine!r} would fill "
                "its windows and joins over time; restore it on 'integer' or 'golden'"
            )
        if not _equal(core, behind_frames(core, sequence), sequence):
            raise DesignError(
                f"{where}: sequence {number}: its frames lead to other states than those in the file; it is of another design, or was changed"
            )


def _equal(core: CoreSpecification, one: SequenceUnderWay, other: SequenceUnderWay) -> bool:
    """Whether states and held frames are the same words."""
    for number, layer in enumerate(core.layers):
        ours, theirs = (
            raw_state(layer, None if each.states is None else each.states[number])
            for each in (one, other)
        )
        if any(not np.array_equal(ours[name], theirs[name]) for name in ours):
            return False
    return all(np.array_equal(words, other.held[name]) for name, words in one.held.items())
