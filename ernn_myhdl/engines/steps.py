"""The engines that take one frame at a time, by name; all agree on every bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.initial_state import State

STEP_ENGINES = ("integer", "golden")


class Steps(Protocol):
    """Independent streams through a core, which begin from zero and keep their states between the calls."""

    def start(self, stream: int, state: Sequence[State | None] | None = None) -> None:
        """Begin a sequence from the states of the layers, or from zero."""

    def step(self, x: np.ndarray, streams: Sequence[int]) -> np.ndarray:
        """Raw outputs (n, outputs) of raw inputs (n, inputs), one frame of each of n different streams."""

    def states(self, stream: int) -> list[dict[str, np.ndarray] | None]:
        """The state of each layer behind the last frame of a stream, raw words; None where it has none."""

    @property
    def saturations(self) -> dict[str, int] | None:
        """Tensor -> saturated elements, without those of x; None where none are counted."""

    def close(self) -> None:
        """Free what is held."""


def steps_of(core: CoreSpecification, engine: str, streams: int) -> Steps:
    """The steps of an engine; DesignError unless it takes frames one at a time."""
    if engine == "integer":
        from ernn_myhdl.golden.integer_steps import IntegerSteps

        return IntegerSteps(core, streams)
    if engine == "golden":
        from ernn_myhdl.golden.fixed_point_steps import FixedPointSteps

        return FixedPointSteps(core, streams)
    raise DesignError(
        f"engine {engine!r}: takes no frames one at a time; must be one of {', '.join(STEP_ENGINES)}"
    )
