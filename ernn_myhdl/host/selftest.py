"""Whether a board answers with the bits of the golden model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.host.board import Board


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
    """Run the vectors (raw x, raw y) in packets of sequences, then the first sequence frame by frame, and compare the words."""
    made = board.run_raw([x for x, _ in vectors])
    checks = [(i, got, y) for i, (got, (_, y)) in enumerate(zip(made, vectors, strict=True))]
    x, y = vectors[0]
    stepped = [board.step_raw(frame, start=number == 0) for number, frame in enumerate(x)]
    checks.append((0, np.stack(stepped), y))
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
