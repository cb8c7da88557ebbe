"""The models of a network: those of its layers, and of what joins them where it is a graph (`ernn_myhdl.golden.joins`).

Tensors of a layer are named `layer_i.tensor` in stages and saturations (`ernn_myhdl.golden.tensors.stages_of`), the
result of a join is `join_i.output`.
The initial state of a sequence is a list of one state a layer (`ernn_myhdl.golden.initial_state`), None for zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.graph import Join
from ernn_myhdl.design.held_frames import Held, held_frames
from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.design.time_joins import check_lengths
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.float_reference import FloatModel, WithTensors
from ernn_myhdl.golden.initial_state import InitialStates, ModelState, State, one_each
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.joins import (
    graph_of,
    input_numbers,
    input_words,
    joined_numbers,
    joined_values,
    joined_words,
    walked,
)
from ernn_myhdl.golden.result import ModelRun
from ernn_myhdl.golden.sequences import check_sequence, is_batch
from ernn_myhdl.golden.windows import window_steps
from ernn_myhdl.numerics.formats import to_real

Value = TypeVar("Value")


def float_model(core: CoreSpecification, structure: str = "circulant") -> FloatModel | FloatNetwork:
    """The float64 model of a design or network."""
    if isinstance(core, Design):
        return FloatModel(core.cell, core.weights, structure, core.input_scaling)
    return FloatNetwork(core, structure)


def fixed_point_model(core: CoreSpecification) -> FixedPointModel | FixedPointNetwork:
    """The fxpmath model of a design or network."""
    return FixedPointModel(core) if isinstance(core, Design) else FixedPointNetwork(core)


def integer_model(core: CoreSpecification) -> IntegerModel | IntegerNetwork:
    """The integer model of a design or network."""
    return IntegerModel(core) if isinstance(core, Design) else IntegerNetwork(core)


class FloatNetwork:
    """The float64 model of a network."""

    def __init__(self, network: CoreSpecification, structure: str = "circulant") -> None:
        self.design = network
        self.models = [
            FloatModel(d.cell, d.weights, structure, d.input_scaling) for d in network.layers
        ]

    @overload
    def run(
        self, x: np.ndarray, tensors: Literal[False] = ..., initial: ModelState = ...
    ) -> np.ndarray: ...
    @overload
    def run(
        self, x: Sequence[np.ndarray], tensors: Literal[False] = ..., initial: InitialStates = ...
    ) -> list[np.ndarray]: ...
    @overload
    def run(
        self, x: np.ndarray, tensors: Literal[True], initial: ModelState = ...
    ) -> WithTensors: ...
    @overload
    def run(
        self, x: Sequence[np.ndarray], tensors: Literal[True], initial: InitialStates = ...
    ) -> list[WithTensors]: ...
    def run(self, x: Any, tensors: bool = False, initial: InitialStates = None) -> Any:
        """As `FloatModel.run`: outputs of x, with tensors=True pairs of them and all named tensors."""
        single = not is_batch(x)
        outputs = scaled(self.design.shared_scaling, [x] if single else list(x))
        states = _by_layer(initial, len(self.models), len(outputs), single)
        named: list[dict[str, np.ndarray]] = [{} for _ in outputs]
        prefixes = self.design.layer_prefixes

        def layer(i: int, x: list[np.ndarray]) -> list[np.ndarray]:
            if not tensors:
                return self.models[i].run(x, False, states[i])
            made = self.models[i].run(x, True, states[i])
            for store, (_, own) in zip(named, made, strict=True):
                store |= _named(prefixes[i], own)
            return [y for y, _ in made]

        def join(name: str, how: Join, operands: list[list[np.ndarray]]) -> list[np.ndarray]:
            made = [joined_values(how, each) for each in zip(*operands, strict=True)]
            for store, values in zip(named, made, strict=True):
                store[f"{name}.output"] = values[:, None]
            return made

        outputs = walked(graph_of(self.design), outputs, layer, join)
        if tensors:
            both = list(zip(outputs, named, strict=True))
            return both[0] if single else both
        return outputs[0] if single else outputs


class IntegerNetwork:
    """The integer model of a network."""

    def __init__(self, network: CoreSpecification) -> None:
        self.design = network
        self.models = [IntegerModel(design) for design in network.layers]

    @overload
    def run(self, x: np.ndarray, stages: bool = ..., initial: ModelState = ...) -> ModelRun: ...
    @overload
    def run(
        self, x: Sequence[np.ndarray], stages: bool = ..., initial: InitialStates = ...
    ) -> list[ModelRun]: ...
    def run(self, x: Any, stages: bool = False, initial: InitialStates = None) -> Any:
        """As `IntegerModel.run`: a ModelRun of x, a list of them for a list."""
        single = not is_batch(x)
        sequences = scaled(self.design.shared_scaling, [x] if single else list(x))
        check_lengths(self.design.graph, [len(each) for each in sequences])
        states = _by_layer(initial, len(self.models), len(sequences), single)
        kept = _Kept(len(sequences), stages)

        def layer(i: int, x: list[np.ndarray]) -> list[np.ndarray]:
            made = self.models[i].run(x, stages, states[i])
            kept.add_runs(self.design.layer_prefixes[i], made)
            return [run.raw for run in made]

        def join(name: str, how: Join, operands: list[list[np.ndarray]]) -> list[np.ndarray]:
            signals = self.design.signals
            assert signals is not None  # a row has no joins
            made = [joined_words(signals, name, each) for each in zip(*operands, strict=True)]
            kept.add_joins(name, made)
            return [raw for raw, _ in made]

        if self.design.graph and self.design.graph.input_divides:
            pairs = [input_words(self.design, x) for x in sequences]
            sequences = [raw for raw, _ in pairs]
            kept.inputs = [int(np.count_nonzero(changed)) for _, changed in pairs]
        outputs = walked(graph_of(self.design), sequences, layer, join)
        runs = kept.results(self.design, outputs)
        return runs[0] if single else runs


class _Kept:
    """Stages and saturations of sequences, as layers and joins give them. inputs: saturated elements of x, where no layer
    counts them."""

    def __init__(self, sequences: int, stages: bool) -> None:
        self.stages: list[dict[str, np.ndarray]] = [{} for _ in range(sequences)]
        self.saturations: list[dict[str, int]] = [{} for _ in range(sequences)]
        self.inputs = [0] * sequences
        self._stages = stages

    def add_runs(self, prefix: str, runs: Sequence[ModelRun]) -> None:
        """What a layer gave."""
        for stages, counts, run in zip(self.stages, self.saturations, runs, strict=True):
            stages |= _named(prefix, run.stages)
            counts |= _named(prefix, run.saturations)

    def add_joins(self, name: str, made: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        """What a join gave: words, and where they saturated."""
        for stages, counts, (raw, changed) in zip(self.stages, self.saturations, made, strict=True):
            if self._stages:
                stages[f"{name}.output"] = raw[:, None]
            counts[f"{name}.output"] = int(np.count_nonzero(changed))

    def results(self, core: CoreSpecification, outputs: Sequence[np.ndarray]) -> list[ModelRun]:
        """The runs of the sequences."""
        for counts, more in zip(self.saturations, self.inputs, strict=True):
            counts[core.input_stage] += more
        fmt = core.output_format
        return [
            ModelRun(raw, to_real(raw, fmt), stages, counts)
            for raw, stages, counts in zip(outputs, self.stages, self.saturations, strict=True)
        ]


class FixedPointNetwork:
    """The fxpmath model of a network, one sequence at a time; see `FixedPointModel`."""

    def __init__(self, network: CoreSpecification) -> None:
        self.design = network
        self.models = [FixedPointModel(design) for design in network.layers]
        self._joins = JoinNumbers(network)

    @property
    def saturations(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for prefix, model in zip(self.design.layer_prefixes, self.models, strict=True):
            counts |= _named(prefix, model.saturations)
        counts |= self._joins.saturations
        counts[self.design.input_stage] += self._joins.inputs
        return counts

    def reset(self, initial: ModelState = None) -> None:
        """The states before the first frame of a sequence: one a layer; zero if None."""
        states = _by_layer(initial, len(self.models), 1, True)
        self._joins.clear()
        self._joins.start()
        for model, (state,) in zip(self.models, states, strict=True):
            model.reset(state)

    def step(self, x: ArrayLike) -> dict[str, np.ndarray]:
        """One frame x (inputs,), values or raw words: every named tensor that has a frame for it as raw int64.

        Not of a network with joins over time, which take whole sequences: `run`.
        """
        made: dict[str, np.ndarray] = {}

        def layer(i: int, x: np.ndarray | None) -> np.ndarray | None:
            if x is None:
                return None
            frame = self.models[i].step(x)
            made.update(_named(self.design.layer_prefixes[i], frame))
            return frame["output"].reshape(-1)[: self.models[i].design.cell.outputs]

        def join(name: str, how: Join, operands: list[np.ndarray | None]) -> np.ndarray | None:
            raw = self._joins.frame(name, operands)
            if raw is not None:
                made[f"{name}.output"] = raw[None]
            return raw

        words: np.ndarray | None = self._joins.given(np.asarray(x))
        walked(graph_of(self.design), words, layer, join)
        return made

    def run(self, x: ArrayLike, initial: ModelState = None) -> ModelRun:
        """As `FixedPointModel.run`: outputs and every tensor of the sequence x (frames, inputs)."""
        sequence = check_sequence(x, self.design.inputs)
        check_lengths(self.design.graph, [len(sequence)])
        (states,) = zip(*_by_layer(initial, len(self.models), 1, True), strict=True)
        kept = _Kept(1, True)
        self._joins.clear()

        def layer(i: int, x: np.ndarray) -> np.ndarray:
            run = self.models[i].run(x, states[i])
            kept.add_runs(self.design.layer_prefixes[i], [run])
            return run.raw

        def join(name: str, how: Join, operands: list[np.ndarray]) -> np.ndarray:
            raw = self._joins.joined(name, operands)
            kept.stages[0][f"{name}.output"] = raw[:, None]
            return raw

        raw = walked(graph_of(self.design), self._joins.given(sequence), layer, join)
        kept.saturations[0] |= self._joins.saturations
        kept.inputs = [self._joins.inputs]
        (run,) = kept.results(self.design, [raw])
        return run


class JoinNumbers:
    """The joins of the fxpmath model, and x where it goes to more than one of them or of the layers.

    saturations: result of a join -> saturated elements since the last `clear`; inputs: of x, where no layer
    counts them.
    """

    def __init__(self, core: CoreSpecification, streams: int = 1) -> None:
        self.core, self.inputs = core, 0
        self._windows = window_steps(graph_of(core).windows, streams)
        self._holding = held_frames(core)
        self.saturations: dict[str, int] = {}
        self.clear()

    def clear(self) -> None:
        """Count from zero."""
        joins = () if self.core.graph is None else self.core.graph.joins
        self.saturations = {f"join_{i}.output": 0 for i in range(len(joins))}
        self.inputs = 0

    def start(self, stream: int = 0) -> None:
        """A sequence begins on a stream."""
        for window in self._windows.values():
            window.start(stream)

    def held(self, stream: int) -> dict[str, np.ndarray]:
        """The frames that windows hold of the sequence of a stream."""
        return {name: window.held(stream) for name, window in self._windows.items()}

    def resume(self, stream: int, frames: int, held: Held) -> None:
        """A sequence goes on behind so many frames of x, with what `held` gave then."""
        for name, words in held.items():
            seen = self._holding[name].cadence.frames(frames)
            self._windows[name].resume(stream, words, seen)

    def frame(
        self, name: str, operands: Sequence[np.ndarray | None], stream: int = 0
    ) -> np.ndarray | None:
        """The words of a join of one frame of each operand, None where there is none."""
        frames = [operand for operand in operands if operand is not None]
        if not frames:  # all are of one cadence
            return None
        if name not in self._windows:
            return self.joined(name, frames)
        windows, has = self._windows[name].step(frames[0][None], np.array([stream]))
        return windows[0] if has[0] else None

    def given(self, x: np.ndarray) -> np.ndarray:
        """x as the first signal: words where it divides, values as the host gives them where one layer takes it."""
        (x,) = scaled(self.core.shared_scaling, [x])
        if self.core.graph is None or not self.core.graph.input_divides:
            return x
        raw, changed = input_numbers(self.core, x if x.ndim == 2 else x[None])
        self.inputs += int(np.count_nonzero(changed))
        return raw.reshape(x.shape)

    def joined(self, name: str, operands: Sequence[np.ndarray]) -> np.ndarray:
        """The words of a join."""
        signals = self.core.signals
        assert signals is not None  # a row has no joins
        raw, changed = joined_numbers(signals, name, operands)
        self.saturations[f"{name}.output"] += int(np.count_nonzero(changed))
        return raw


def _by_layer(
    initial: InitialStates, layers: int, count: int, single: bool
) -> list[list[State | None]]:
    """For each layer the states of all sequences."""
    each = one_each(initial, None if single else count)
    for states in each:
        if states is not None and (not isinstance(states, list | tuple) or len(states) != layers):
            raise DesignError(
                f"initial state: must be a list of one for each of {layers} layers, or None"
            )
    each = [[None] * layers if states is None else list(states) for states in each]
    return [[states[i] for states in each] for i in range(layers)]


def _named(prefix: str, tensors: Mapping[str, Value]) -> dict[str, Value]:
    return {prefix + name: value for name, value in tensors.items()}
