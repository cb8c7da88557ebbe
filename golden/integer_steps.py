"""The integer model one frame at a time: independent streams whose states are kept between the calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.graph import Join
from ernn_myhdl.design.held_frames import Held, held_frames
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.integer_stages import Rounding
from ernn_myhdl.golden.joins import graph_of, joined_words, walked
from ernn_myhdl.golden.phase_sums import GATE, add_sums
from ernn_myhdl.golden.time_steps import TimeSteps
from ernn_myhdl.golden.windows import window_steps

#: The streams that have a frame: all of them, or some in any order.
Places: TypeAlias = slice | np.ndarray


class IntegerLayerSteps:
    """One layer for a number of streams; the states are raw words, (streams, ...)."""

    def __init__(self, design: Design, streams: int) -> None:
        self.design, self.model = design, IntegerModel(design)
        self.rounding = Rounding(self.model.stages, streams)
        shapes = self.model.stages.shapes
        self._padding = int(np.prod(shapes["input"])) - design.cell.inputs
        cell = design.cell
        self._sizes = cell.state_sizes
        names = [*self._sizes]
        if cell.recurrent:
            names = [*dict.fromkeys((*names, "output")), "output_spectrum"]
        self._kept = {n: np.zeros((streams, *shapes[n]), dtype=np.int64) for n in names}

    def start(self, stream: int, state: State | None) -> None:
        """The state before the first frame of a sequence on a stream; zero if None."""
        if not self._sizes:
            return
        model, one = self.model, Rounding(self.model.stages, 1)
        kept = {n: np.zeros((1, *model.stages.shapes[n]), dtype=np.int64) for n in self._sizes}
        for name, values in (state or {}).items():
            raw = one.quantised(name, values, 0, f"initial state {name}")
            kept[name].reshape(-1)[: len(raw)] = raw
        if self.design.cell.recurrent:
            kept["output"] = model.cell.initial_output(one, kept)
            kept["output_spectrum"] = one.forward("output_spectrum", kept["output"])
        for name, words in kept.items():
            self._kept[name][stream] = words[0]
        for name, counts in self.rounding.counts.items():
            counts[stream] += one.counts[name][0]

    def state(self, stream: int) -> dict[str, np.ndarray] | None:
        """The state of a stream in raw words; None in a layer without one."""
        words = {n: self._kept[n][stream].reshape(-1)[:m].copy() for n, m in self._sizes.items()}
        return words or None

    def step(self, x: np.ndarray, places: Places) -> np.ndarray:
        """Raw outputs (n, outputs) of raw inputs (n, inputs), one frame of each stream of `places`."""
        model, rounding, kept = self.model, self.rounding, self._kept
        rounding.places = places
        if self._padding:
            x = np.concatenate([x, np.zeros((len(x), self._padding), dtype=np.int64)], axis=1)
        x = x.reshape(len(x), *model.stages.shapes["input"])
        now = {"input": x, "input_spectrum": rounding.forward("input_spectrum", x)}
        products = model.input.multiply(now["input_spectrum"])
        cell = self.design.cell
        spectrum = kept["output_spectrum"][places] if cell.recurrent else None
        of_x, of_y = model.row_products(products, spectrum)
        add_sums(rounding, cell.split, GATE, now, of_x, of_y)
        c = kept["cell_state"][places] if cell.keeps_cell_state else None
        model.cell.advance(rounding, now, products, c)
        if cell.recurrent:
            now["output_spectrum"] = rounding.forward("output_spectrum", now["output"])
        for name, store in kept.items():
            store[places] = now[name]
        return now["output"].reshape(len(x), -1)[:, : cell.outputs]


@dataclass(frozen=True)
class _Frames:
    """Raw words (n, elements) of a signal, a frame of each of the streams `places`."""

    raw: np.ndarray
    places: np.ndarray


class IntegerSteps:
    """A design or network for `streams` streams, all of which begin from zero."""

    tells_frames = True

    def __init__(self, core: CoreSpecification, streams: int) -> None:
        self.core, self.streams = core, streams
        self.layers = [IntegerLayerSteps(layer, streams) for layer in core.layers]
        self._joins = {f"join_{i}.output": 0 for i, _ in enumerate(graph_of(core).joins)}
        self._windows = window_steps(graph_of(core).windows, streams)
        self._holding = held_frames(core)
        self._over_time = (
            TimeSteps(core, streams, joined_words, self._one_frame)
            if graph_of(core).over_time
            else None
        )

    def start(self, stream: int, state: Sequence[State | None] | None = None) -> None:
        """Begin a sequence from the states of the layers, or from zero."""
        for layer, own in zip(self.layers, state or [None] * len(self.layers), strict=True):
            layer.start(stream, own)
        for window in self._windows.values():
            window.start(stream)
        if self._over_time:
            self._over_time.start(stream)

    def held(self, stream: int) -> dict[str, np.ndarray]:
        """What windows and joins over time hold of the sequence of a stream (`ernn_myhdl.design.held_frames`)."""
        if self._over_time:
            return self._over_time.held(stream)
        return {name: window.held(stream) for name, window in self._windows.items()}

    def resume(self, stream: int, state: Sequence[State | None], frames: int, held: Held) -> None:
        """Go on with a sequence behind so many frames of x: `states` and `held` are those of that moment."""
        self.start(stream, state)
        if self._over_time:
            self._over_time.resume(stream, frames, held)
            return
        for name, words in held.items():
            seen = self._holding[name].cadence.frames(frames)
            self._windows[name].resume(stream, words, seen)

    def _one_frame(self, layer: int, x: np.ndarray, stream: int) -> np.ndarray:
        y: np.ndarray = self.layers[layer].step(x[None], np.array([stream]))[0]
        return y

    def sequence_step(self, x: np.ndarray, stream: int, last: bool) -> np.ndarray:
        """Raw outputs (frames, outputs) that come with one frame (inputs,) of a network with joins over time; the
        last one of a sequence brings those of the sequence, the next frame begins another."""
        assert self._over_time is not None  # the session knows it
        y = self._over_time.step(x, stream, last)
        if last:
            self.start(stream)
        return y

    def step(self, x: np.ndarray, streams: Sequence[int]) -> np.ndarray:
        """Raw outputs (n, outputs) of raw inputs (n, inputs), one frame of each of n different streams; of those streams
        that have a frame of y for it (`ernn_myhdl.design.joins.Cadence`), in their order."""
        places = np.array(streams)
        every = len(streams) == self.streams and list(streams) == list(range(self.streams))

        def layer(i: int, x: _Frames) -> _Frames:
            if not len(x.raw):
                return _Frames(np.zeros((0, self.core.layers[i].outputs), dtype=np.int64), x.places)
            all_streams = every and len(x.places) == self.streams
            return _Frames(
                self.layers[i].step(x.raw, slice(None) if all_streams else x.places), x.places
            )

        return walked(graph_of(self.core), _Frames(x, places), layer, self._joined).raw

    def _joined(self, name: str, how: Join, operands: list[_Frames]) -> _Frames:
        signals, places = self.core.signals, operands[0].places
        assert signals is not None  # a row has no joins
        if name in self._windows:
            windows, has = self._windows[name].step(operands[0].raw, places)
            return _Frames(windows, places[has])
        raw, changed = joined_words(signals, name, [operand.raw for operand in operands])
        self._joins[f"{name}.output"] += int(np.count_nonzero(changed))
        return _Frames(raw, places)

    def states(self, stream: int) -> list[dict[str, np.ndarray] | None]:
        """The state of each layer behind the last frame of a stream, raw words; None where it has none."""
        return [layer.state(stream) for layer in self.layers]

    @property
    def saturations(self) -> dict[str, int]:
        """Tensor -> saturated elements of all streams; those of x are counted by who rounds it."""
        return {
            prefix + name: int(counts.sum())
            for prefix, layer in zip(self.core.layer_prefixes, self.layers, strict=True)
            for name, counts in layer.rounding.counts.items()
        } | (self._over_time.saturations if self._over_time else self._joins)

    def ready_for_state(self, stream: int) -> bool:
        """A model always is."""
        return True

    def reopen(self) -> None:
        """Nothing stands in the way of a state."""

    def close(self) -> None:
        """Nothing is to be freed."""
