"""The fxpmath model one frame at a time: independent streams whose states are kept between the calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from fxpmath import Fxp

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.graph import Join
from ernn_myhdl.design.held_frames import Held
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.joins import graph_of, joined_numbers, walked
from ernn_myhdl.golden.network_models import JoinNumbers
from ernn_myhdl.golden.time_steps import TimeSteps


class FixedPointSteps:
    """A design or network for `streams` streams, all of which begin from zero; see `IntegerSteps`."""

    tells_frames = True

    def __init__(self, core: CoreSpecification, streams: int) -> None:
        self.core = core
        self.models = [FixedPointModel(layer) for layer in core.layers]
        self._memories: list[list[dict[str, Fxp]]] = [
            [model.memory for model in self.models] for _ in range(streams)
        ]
        self._joins = JoinNumbers(core, streams)
        self._counts: dict[str, int] = {}
        self._over_time = (
            TimeSteps(core, streams, joined_numbers, self._one_frame)
            if graph_of(core).over_time
            else None
        )
        self._count()

    def start(self, stream: int, state: Sequence[State | None] | None = None) -> None:
        """Begin a sequence from the states of the layers, or from zero."""
        self._count()
        for i, model in enumerate(self.models):
            model.reset(state and state[i])
            self._memories[stream][i] = model.memory
        self._joins.start(stream)
        if self._over_time:
            self._over_time.start(stream)

    def held(self, stream: int) -> dict[str, np.ndarray]:
        """As `IntegerSteps.held`."""
        return (self._over_time or self._joins).held(stream)

    def resume(self, stream: int, state: Sequence[State | None], frames: int, held: Held) -> None:
        """As `IntegerSteps.resume`."""
        self.start(stream, state)
        (self._over_time or self._joins).resume(stream, frames, held)

    def _one_frame(self, layer: int, x: np.ndarray, stream: int) -> np.ndarray:
        model, memories = self.models[layer], self._memories[stream]
        model.memory = memories[layer]
        y: np.ndarray = model.step(x)["output"].reshape(-1)[: model.design.cell.outputs]
        memories[layer] = model.memory
        return y

    def sequence_step(self, x: np.ndarray, stream: int, last: bool) -> np.ndarray:
        """As `IntegerSteps.sequence_step`."""
        assert self._over_time is not None  # the session knows it
        y = self._over_time.step(x, stream, last)
        if last:
            self.start(stream)
        return y

    def step(self, x: np.ndarray, streams: Sequence[int]) -> np.ndarray:
        """Raw outputs (n, outputs) of raw inputs (n, inputs); see `IntegerSteps.step`."""
        rows = []
        for frame, stream in zip(x, streams, strict=True):

            def layer(i: int, x: np.ndarray | None, stream: int = stream) -> np.ndarray | None:
                return None if x is None else self._one_frame(i, x, stream)

            def join(
                name: str, how: Join, operands: list[np.ndarray | None], stream: int = stream
            ) -> np.ndarray | None:
                return self._joins.frame(name, operands, stream)

            y = walked(graph_of(self.core), frame, layer, join)
            rows += [] if y is None else [y]
        return np.array(rows, dtype=np.int64).reshape(len(rows), self.core.outputs)

    def states(self, stream: int) -> list[dict[str, np.ndarray] | None]:
        """The state of each layer behind the last frame of a stream, raw words; None where it has none."""
        states: list[dict[str, np.ndarray] | None] = []
        for model, memory in zip(self.models, self._memories[stream], strict=True):
            words = {
                name: np.array(memory[name].val, dtype=np.int64).reshape(-1)[:size]
                for name, size in model.design.cell.state_sizes.items()
            }
            states.append(words or None)
        return states

    @property
    def saturations(self) -> dict[str, int]:
        """Tensor -> saturated elements of all streams; those of x are counted by who rounds it."""
        counts = {name: n + self._now().get(name, 0) for name, n in self._counts.items()}
        own = self._over_time.saturations if self._over_time else self._joins.saturations
        return counts | own

    def _now(self) -> dict[str, int]:
        """Counts since the last reset of the models."""
        return {
            prefix + name: count
            for prefix, model in zip(self.core.layer_prefixes, self.models, strict=True)
            for name, count in model.saturations.items()
        }

    def _count(self) -> None:
        self._counts = {n: c + self._counts.get(n, 0) for n, c in self._now().items()}

    def ready_for_state(self, stream: int) -> bool:
        """A model always is."""
        return True

    def reopen(self) -> None:
        """Nothing stands in the way of a state."""

    def close(self) -> None:
        """Nothing is to be freed."""
