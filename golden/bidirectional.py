"""Models of a bidirectional layer: one cell from the first frame on, another from the last one back.

y_t is the forward cell's y_t followed by the backward cell's, which has seen frames t and later. No
core computes this: the last frame of a sequence would have to arrive before the first result leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.fixed_point import FixedPointModel
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.result import ModelRun
from ernn_myhdl.golden.sequences import is_batch

FORWARD, BACKWARD = "forward", "backward"


class FloatBidirectional:
    """The float64 model of two cells with their weights."""

    def __init__(
        self,
        forward: tuple[Cell, dict[str, np.ndarray]],
        backward: tuple[Cell, dict[str, np.ndarray]],
        structure: str = "circulant",
    ) -> None:
        _same("inputs", forward[0].inputs, backward[0].inputs)
        self.forward = FloatModel(*forward, structure)
        self.backward = FloatModel(*backward, structure)

    def run(self, x: Any) -> Any:
        """Outputs (frames, outputs of both) of x (frames, inputs); a list of them for a list."""
        single = not is_batch(x)
        sequences = [np.asarray(s) for s in ([x] if single else x)]
        ahead = self.forward.run(sequences)
        back = self.backward.run([s[::-1] for s in sequences])
        outputs = [np.concatenate([a, b[::-1]], axis=1) for a, b in zip(ahead, back, strict=True)]
        return outputs[0] if single else outputs


class FixedPointBidirectional:
    """The fxpmath model of two designs."""

    def __init__(self, forward: Design, backward: Design) -> None:
        _check_pair(forward, backward)
        self.forward, self.backward = FixedPointModel(forward), FixedPointModel(backward)

    def run(self, x: ArrayLike) -> ModelRun:
        """As `FixedPointModel.run`; stages `forward.tensor` and `backward.tensor`, in the order of x."""
        sequence = np.asarray(x)
        return _joined(self.forward.run(sequence), self.backward.run(sequence[::-1]))


class IntegerBidirectional:
    """The integer model of two designs."""

    def __init__(self, forward: Design, backward: Design) -> None:
        _check_pair(forward, backward)
        self.forward, self.backward = IntegerModel(forward), IntegerModel(backward)

    @overload
    def run(self, x: np.ndarray, stages: bool = ...) -> ModelRun: ...
    @overload
    def run(self, x: Sequence[np.ndarray], stages: bool = ...) -> list[ModelRun]: ...
    def run(self, x: Any, stages: bool = False) -> Any:
        """As `IntegerModel.run`, with the stages of `FixedPointBidirectional`."""
        single = not is_batch(x)
        sequences = [np.asarray(s) for s in ([x] if single else x)]
        ahead = self.forward.run(sequences, stages)
        back = self.backward.run([s[::-1] for s in sequences], stages)
        runs = [_joined(a, b) for a, b in zip(ahead, back, strict=True)]
        return runs[0] if single else runs


def _check_pair(forward: Design, backward: Design) -> None:
    _same("inputs", forward.inputs, backward.inputs)
    _same("input format", forward.input_format, backward.input_format)
    _same("output format", forward.output_format, backward.output_format)


def _same(what: str, forward: object, backward: object) -> None:
    if forward != backward:
        raise DesignError(
            f"bidirectional layer: {what} {forward} forward and {backward} backward; make them equal"
        )


def _joined(ahead: ModelRun, back: ModelRun) -> ModelRun:
    """The run of both, from that of the reversed sequence in `back`."""
    stages = {f"{FORWARD}.{name}": tensor for name, tensor in ahead.stages.items()}
    stages |= {f"{BACKWARD}.{name}": tensor[::-1] for name, tensor in back.stages.items()}
    saturations = {f"{FORWARD}.{name}": count for name, count in ahead.saturations.items()}
    saturations |= {f"{BACKWARD}.{name}": count for name, count in back.saturations.items()}
    return ModelRun(
        np.concatenate([ahead.raw, back.raw[::-1]], axis=1),
        np.concatenate([ahead.outputs, back.outputs[::-1]], axis=1),
        stages,
        saturations,
    )
