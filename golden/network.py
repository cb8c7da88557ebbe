"""The models of a network: those of its layers, y of each being x of the next.

Tensors of a layer are named `layer_i.tensor` in stages and saturations (`ernn_myhdl.golden.tensors.stages_of`).
The initial state of a sequence is a list of one state a layer (`ernn_myhdl.golden.initial_state`), None for zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.float_reference import FloatModel, WithTensors
from ernn_myhdl.golden.initial_state import InitialStates, ModelState, State, one_each
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.result import ModelRun
from ernn_myhdl.golden.sequences import check_sequence, is_batch

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
        outputs: list[np.ndarray] = [x] if single else list(x)
        states = _by_layer(initial, len(self.models), len(outputs), single)
        named: list[dict[str, np.ndarray]] = [{} for _ in outputs]
        prefixes = self.design.layer_prefixes
        for prefix, model, state in zip(prefixes, self.models, states, strict=True):
            if not tensors:
                outputs = model.run(outputs, False, state)
                continue
            made = model.run(outputs, True, state)
            for store, (_, layer) in zip(named, made, strict=True):
                store |= _named(prefix, layer)
            outputs = [y for y, _ in made]
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
        sequences: list[np.ndarray] = [x] if single else list(x)
        states = _by_layer(initial, len(self.models), len(sequences), single)
        layers: list[list[ModelRun]] = []
        for model, state in zip(self.models, states, strict=True):
            layers.append(model.run(sequences, stages, state))
            sequences = [run.raw for run in layers[-1]]
        runs = [_joined(self.design, one) for one in zip(*layers, strict=True)]
        return runs[0] if single else runs


class FixedPointNetwork:
    """The fxpmath model of a network, one sequence at a time; see `FixedPointModel`."""

    def __init__(self, network: CoreSpecification) -> None:
        self.design = network
        self.models = [FixedPointModel(design) for design in network.layers]

    @property
    def saturations(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for prefix, model in zip(self.design.layer_prefixes, self.models, strict=True):
            counts |= _named(prefix, model.saturations)
        return counts

    def reset(self, initial: ModelState = None) -> None:
        """The states before the first frame of a sequence: one a layer; zero if None."""
        states = _by_layer(initial, len(self.models), 1, True)
        for model, (state,) in zip(self.models, states, strict=True):
            model.reset(state)

    def step(self, x: ArrayLike) -> dict[str, np.ndarray]:
        """One frame x (inputs,), values or raw words: every named tensor as raw int64."""
        made: dict[str, np.ndarray] = {}
        for prefix, model in zip(self.design.layer_prefixes, self.models, strict=True):
            frame = model.step(x)
            x = frame["output"].reshape(-1)[: model.design.cell.outputs]
            made |= _named(prefix, frame)
        return made

    def run(self, x: ArrayLike, initial: ModelState = None) -> ModelRun:
        """As `FixedPointModel.run`: outputs and every tensor of the sequence x (frames, inputs)."""
        sequence = check_sequence(x, self.design.inputs)
        (states,) = zip(*_by_layer(initial, len(self.models), 1, True), strict=True)
        layers = []
        for model, state in zip(self.models, states, strict=True):
            layers.append(model.run(sequence, state))
            sequence = layers[-1].raw
        return _joined(self.design, layers)


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


def _joined(network: CoreSpecification, layers: Sequence[ModelRun]) -> ModelRun:
    """The run of a network from those of its layers."""
    stages: dict[str, np.ndarray] = {}
    saturations: dict[str, int] = {}
    for prefix, run in zip(network.layer_prefixes, layers, strict=True):
        stages |= _named(prefix, run.stages)
        saturations |= _named(prefix, run.saturations)
    return ModelRun(layers[-1].raw, layers[-1].outputs, stages, saturations)
