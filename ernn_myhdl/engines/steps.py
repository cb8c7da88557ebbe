"""The engines that take one frame at a time, by name; all agree on every bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.held_frames import Held
from ernn_myhdl.engines.registry import ENGINES, STEP_ENGINES
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.initial_state import State


class Steps(Protocol):
    """Independent streams through a core, which begin from zero and keep their states between the calls."""

    def start(self, stream: int, state: Sequence[State | None] | None = None) -> None:
        """Begin a sequence from the states of the layers, or from zero."""

    def step(self, x: np.ndarray, streams: Sequence[int]) -> np.ndarray:
        """Raw outputs (n, outputs) of raw inputs (n, inputs), one frame of each of n different streams."""

    def sequence_step(self, x: np.ndarray, stream: int, last: bool) -> np.ndarray:
        """Raw outputs (frames, outputs) that come with one frame (inputs,) of a stream, through joins over time; last: the frame
        ends a sequence."""

    #: Whether `held` tells what windows and joins over time hold, and `resume` takes it; else a sequence goes on by its frames.
    tells_frames: bool

    def held(self, stream: int) -> dict[str, np.ndarray]:
        """What windows and joins over time hold of the sequence of a stream (`ernn_myhdl.design.held_frames`)."""

    def resume(self, stream: int, state: Sequence[State | None], frames: int, held: Held) -> None:
        """Go on with a sequence behind so many frames of x, from its states and what joins held then."""

    def ready_for_state(self, stream: int) -> bool:
        """Whether a sequence of a stream may start from a state now; else all begin anew, behind `reopen`."""

    def reopen(self) -> None:
        """Begin all sequences anew, ready for states; DesignError where that cannot be."""

    def states(self, stream: int) -> list[dict[str, np.ndarray] | None]:
        """The state of each layer behind the last frame of a stream, raw words; None where it has none."""

    @property
    def saturations(self) -> dict[str, int] | None:
        """Tensor -> saturated elements, without those of x; None where none are counted."""

    def close(self) -> None:
        """Free what is held."""


def steps_of(
    core: CoreSpecification, engine: str, streams: int, say: Callable[[str], None] | None = None
) -> Steps:
    """The steps of an engine; DesignError unless it takes frames one at a time.

    say: called with what is done before a frame that takes long.
    """
    record = ENGINES.get(engine)
    if record is None or record.steps is None:
        raise DesignError(
            f"engine {engine!r}: takes no frames one at a time; must be one of {', '.join(STEP_ENGINES)}"
        )
    return record.steps(core, streams, say)
