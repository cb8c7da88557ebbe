"""Joins over time one frame at a time: what each stream's sequence has brought so far, in either model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ernn_myhdl.design.graph import Join
from ernn_myhdl.design.held_frames import Held, held_frames
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.design.time_joins import LastFrame, Maximum, TimeJoin
from ernn_myhdl.golden.joins import Joined, graph_of, walked
from ernn_myhdl.golden.windows import window_steps

#: Words of a join from those of its operands (`ernn_myhdl.golden.joins.joined_words`, `joined_numbers`).
Joining = Callable[[Signals, str, Sequence[np.ndarray]], Joined]
#: Words of y (outputs,) of a layer by its number, from those of a frame, on a stream.
LayerStep = Callable[[int, np.ndarray, int], np.ndarray]


class TimeSteps:
    """The walk of a graph with joins over time, for a number of streams.

    joining: of the model. layer: the step of a layer. saturations: result of a join -> saturated elements.
    """

    def __init__(
        self, core: CoreStructure, streams: int, joining: Joining, layer: LayerStep
    ) -> None:
        signals = core.signals
        assert signals is not None  # only graphs have joins
        self.graph, self.signals = graph_of(core), signals
        self._joining, self._layer = joining, layer
        self._kept: list[dict[str, list[np.ndarray]]] = [{} for _ in range(streams)]
        self._windows = window_steps(self.graph.windows, streams)
        self._holding = held_frames(core)
        self.saturations = {f"join_{i}.output": 0 for i, _ in enumerate(self.graph.joins)}

    def start(self, stream: int) -> None:
        """Forget what a sequence has brought."""
        self._kept[stream] = {}
        for window in self._windows.values():
            window.start(stream)

    def held(self, stream: int) -> dict[str, np.ndarray]:
        """What the joins hold of the sequence of a stream (`ernn_myhdl.design.held_frames`)."""
        made = {}
        for name, held in self._holding.items():
            if name in self._windows:
                made[name] = self._windows[name].held(stream)
                continue
            kept = self._kept[stream].get(name)
            # of joins that choose words there is one; sums are exact
            made[name] = np.sum(kept, axis=0) if kept else np.zeros((1, held.size), dtype=np.int64)
        return made

    def resume(self, stream: int, frames: int, held: Held) -> None:
        """A sequence goes on behind so many frames of x, with what `held` gave then."""
        self.start(stream)
        for name, words in held.items():
            seen = self._holding[name].cadence.frames(frames)
            if name in self._windows:
                self._windows[name].resume(stream, words, seen)
            elif seen:
                self._kept[stream][name] = [words.copy()]

    def step(self, frame: np.ndarray, stream: int, last: bool) -> np.ndarray:
        """Words of y (frames, outputs) that come with one frame (inputs,) of x: none but with the last of a sequence."""

        place = np.array([stream])

        def none(name: str) -> np.ndarray:
            return np.zeros((0, self.signals.sizes[name]), dtype=np.int64)

        def layer(i: int, frames: np.ndarray) -> np.ndarray:
            if not len(frames):
                return none(f"layer_{i}")
            return np.array([self._layer(i, each, stream) for each in frames])

        def join(name: str, how: Join, operands: list[np.ndarray]) -> np.ndarray:
            if name in self._windows:
                made = [self._windows[name].step(each[None], place)[0] for each in operands[0]]
                return np.concatenate([none(name), *made])
            if isinstance(how, TimeJoin) and self.graph.frames[how.inputs[0]] is None:
                kept = self._kept[stream].setdefault(name, [])
                _keep(how, kept, operands[0])
                operands = [np.concatenate(kept) if last and kept else operands[0][:0]]
            if not len(operands[0]):
                return none(name)
            raw, changed = self._joining(self.signals, name, operands)
            self.saturations[f"{name}.output"] += int(np.count_nonzero(changed))
            return raw

        y = walked(self.graph, frame[None], layer, join)
        if last:
            self.start(stream)
        return y


def _keep(join: TimeJoin, kept: list[np.ndarray], frame: np.ndarray) -> None:
    """Keep a frame, or of joins that choose words what they have chosen so far. frame: (1, elements), or none where a window has
    none for it."""
    if not len(frame):
        return
    if kept and isinstance(join, LastFrame):
        kept[0] = frame
    elif kept and isinstance(join, Maximum):
        kept[0] = np.maximum(kept[0], frame)
    else:
        kept.append(frame)
