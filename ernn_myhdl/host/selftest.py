"""Whether a board answers with the bits of the golden model."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.arguments import check_functions, list_of
from ernn_myhdl.host.board import Board

_LEGAL = "a list of pairs of arrays, raw x and raw y, at least one, as load_vectors gives it"


@dataclass(frozen=True)
class SelfTest:
    """frames, words: compared. wrong: words that differ; first: (sequence, frame, element, got, expected) of the first."""

    frames: int
    words: int
    wrong: int
    first: tuple[int, int, int, int, int] | None

    @property
    def passed(self) -> bool:
        """Whether all words are right, and there are any."""
        return self.words > 0 and self.wrong == 0


def selftest(board: Board, vectors: Sequence[tuple[np.ndarray, np.ndarray]]) -> SelfTest:
    """Run the vectors (raw x, raw y) in packets of sequences, then the first sequence frame by frame, and compare the words.

    DesignError for what is no board, and for vectors that are no pairs, or none."""
    check_functions(board, ("run_raw", "step_raw"), "board", "a Board")
    vectors = list_of(vectors, "vectors", _LEGAL)
    if not vectors or not all(
        isinstance(each, tuple | list) and len(each) == 2 and all(isinstance(a, np.ndarray) for a in each) for each in vectors
    ):  # fmt: skip
        raise DesignError(f"vectors = {reprlib.repr(vectors)}: must be {_LEGAL}")
    made = board.run_raw([x for x, _ in vectors])
    checks = [(i, got, y) for i, (got, (_, y)) in enumerate(zip(made, vectors, strict=True))]
    x, y = vectors[0]
    checks.append((0, _by_frames(board, x), y))
    wrong, first, frames, words = 0, None, 0, 0
    for number, got, expected in checks:
        different = np.argwhere(got != expected)
        frames, words = frames + len(got), words + got.size
        wrong += len(different)
        if len(different) and first is None:
            frame, element = map(int, different[0])
            first = (
                number,
                frame,
                element,
                int(got[frame, element]),
                int(expected[frame, element]),
            )
    return SelfTest(frames, words, wrong, first)


def _by_frames(board: Board, x: np.ndarray) -> np.ndarray:
    """Raw y of a sequence that is sent frame by frame."""
    ends = board.system.frames_out.ends
    made = [
        board.step_raw(frame, start=i == 0, last=i == len(x) - 1 if ends else None)
        for i, frame in enumerate(x)
    ]
    return np.concatenate([np.atleast_2d(y) for y in made if y is not None])
