"""Sequences under way in a file, from which a session goes on: states of layers, and what windows and joins over time hold.

Beside the tensors of `ernn_myhdl.streams.state_file`, which are the states of the layers now, of a graph with windows or joins over time:

    join_2.frames            (sequences, rows, size) what a join holds (`ernn_myhdl.design.held_frames`)
    sequence.frames          (sequences,) frames of x so far
    sequence_0.x             (frames, inputs) all of them of sequence 0, where they are not too many
    begin.layer_0.output     (sequences, size) the states from which the sequences began, where any is not zero

All are values; those of words are exact. A compiled core, whose memories of frames nothing loads, goes on by the frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ernn_myhdl.design.held_frames import Held, held_frames, holds_frames
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.initial_state import ModelState
from ernn_myhdl.numerics.formats import Format, quantise, to_real
from ernn_myhdl.streams.initial_states import CoreState, core_state
from ernn_myhdl.streams.state_file import (
    SEQUENCES_PREFIXES,
    STATES_WHAT,
    state_arrays,
    states_of_arrays,
)
from ernn_myhdl.streams.tensor_file import read_tensors, write_tensors

FRAMES = "sequence.frames"
BEGIN = "begin."
#: Bits of a word that a float32 holds exactly.
_SINGLE_BITS = 24
#: Frames of a sequence that a file may tell.
MOST_FRAMES = 1 << 53


@dataclass(frozen=True)
class SequenceUnderWay:
    """Where a sequence is. states: of the layers, raw words or values. frames: of x so far. held: by the joins, raw words. begin: the
    states from which it began. x: all its frames, raw words; None where they were too many."""

    states: CoreState | None
    frames: int = 0
    held: Held = field(default_factory=dict)
    begin: CoreState | None = None
    x: np.ndarray | None = None

    @property
    def first_state(self) -> CoreState | None:
        """The states before its first frame."""
        return self.begin if self.frames else self.states


def write_sequences(sequences: Sequence[SequenceUnderWay], core: CoreStructure, file: Path) -> None:
    """Write sequences under way, one a stream, in the format of the file's suffix."""
    arrays = state_arrays([each.states for each in sequences], core)
    if holds_frames(core.graph):
        arrays[FRAMES] = np.array([each.frames for each in sequences], dtype=np.float64)
        for name, held in held_frames(core).items():
            words = np.stack([each.held[name] for each in sequences])
            arrays[f"{name}.frames"] = to_real(words, held.format)
        if any(each.begin is not None for each in sequences):
            begin = state_arrays([each.begin for each in sequences], core)
            arrays |= {BEGIN + name: array for name, array in begin.items()}
        fmt = core.input_format
        kind = np.float32 if fmt.word <= _SINGLE_BITS else np.float64
        for number, each in enumerate(sequences):
            if each.x is not None and each.frames:
                arrays[f"sequence_{number}.x"] = to_real(each.x, fmt).astype(kind)
    write_tensors(arrays, file)


def read_sequences(file: str | Path, core: CoreStructure, count: int) -> list[SequenceUnderWay]:
    """The sequences in a file for `count` streams; of a file that holds states of layers only, such as a run's, ones that begin
    from these.

    Raises DesignError where a tensor is not that of the design, or is missing.
    """
    file = Path(file)
    where = f"{STATES_WHAT} {file}"
    arrays = read_tensors(file, STATES_WHAT)
    own = {n: a for n, a in arrays.items() if not n.startswith(SEQUENCES_PREFIXES)}
    more = {n: a for n, a in arrays.items() if n not in own}
    states = _checked(states_of_arrays(own, file, core, count), core)
    if not more:
        return [SequenceUnderWay(state) for state in states]
    return _Tensors(more, where, core, count).sequences(file, states)


class _Tensors:
    """The tensors of a file beside the states of layers, which are taken one by one."""

    def __init__(
        self, arrays: Mapping[str, np.ndarray], where: str, core: CoreStructure, count: int
    ) -> None:
        self.left, self.where, self.core, self.count = dict(arrays), where, core, count
        if not holds_frames(core.graph):
            raise DesignError(
                f"{where}: tensor {min(arrays)!r}: the design has neither windows nor joins over time; the file is of another design"
            )

    def sequences(self, file: Path, states: list[CoreState | None]) -> list[SequenceUnderWay]:
        """The sequences, of whose layers `states` are the states."""
        core, count = self.core, self.count
        frames = self._frames()
        held = {
            name: self._words(f"{name}.frames", (count, each.rows, each.size), each.format)
            for name, each in held_frames(core).items()
        }
        began = {
            n.removeprefix(BEGIN): self.left.pop(n) for n in list(self.left) if n.startswith(BEGIN)
        }
        begins: list[CoreState | None] = [None] * count
        if began:
            begins = _checked(states_of_arrays(began, file, core, count, BEGIN), core)
        made = []
        for number in range(count):
            name, x = f"sequence_{number}.x", None
            if name in self.left or not frames[number]:
                shape = (frames[number], core.inputs)
                x = np.zeros(shape, dtype=np.int64)
                if name in self.left:
                    x = self._words(name, shape, core.input_format)
            own = {join: words[number] for join, words in held.items()}
            made.append(SequenceUnderWay(states[number], frames[number], own, begins[number], x))
        if self.left:
            raise DesignError(
                f"{self.where}: tensor {min(self.left)!r}: is none of the design's windows and joins over time for {count} sequences; the file "
                "is of another design, or for more streams"
            )
        return made

    def _frames(self) -> list[int]:
        numbers = self._taken(FRAMES, (self.count,))
        if not ((numbers >= 0) & (numbers < MOST_FRAMES) & (numbers % 1 == 0)).all():
            raise DesignError(f"{self.where}: {FRAMES}: must be whole numbers of frames, from 0")
        return [int(number) for number in numbers]

    def _words(self, name: str, shape: tuple[int, ...], fmt: Format) -> np.ndarray:
        values = self._taken(name, shape)
        words = quantise(values, fmt)
        if not np.array_equal(to_real(words, fmt), values):
            raise DesignError(
                f"{self.where}: {name} holds values that are no words of its format {fmt}; the file is of another design"
            )
        return words

    def _taken(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in self.left:
            raise DesignError(
                f"{self.where}: has no tensor {name!r} of shape {shape}; the file is of another design, or was changed"
            )
        array = self.left.pop(name)
        if array.shape != shape:
            raise DesignError(
                f"{self.where}: {name}: shape {array.shape}, must be {shape}; the file is of another design, or for other streams"
            )
        if not np.isfinite(array).all():
            raise DesignError(f"{self.where}: {name}: holds NaN or infinity")
        return array.astype(np.float64)


def _checked(states: Sequence[ModelState], core: CoreStructure) -> list[CoreState | None]:
    return [None if state is None else core_state(core, state) for state in states]
