"""Models of a bidirectional layer: one cell from the first frame on, another from the last one back.

y_t is the forward cell's y_t followed by the backward cell's, which has seen frames t and later. No
core computes this: the last frame of a sequence would have to arrive before the first result leaves.
"""

from __future__ import annotations

import numpy as np

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

    def run(self, x):
        """Outputs (frames, outputs of both) of x (frames, inputs); a list of them for a list."""
        single = not is_batch(x)
        x = [np.asarray(s) for s in ([x] if single else x)]
        ahead, back = self.forward.run(x), self.backward.run([s[::-1] for s in x])
        outputs = [np.concatenate([a, b[::-1]], axis=1) for a, b in zip(ahead, back, strict=True)]
        return outputs[0] if single else outputs


class _Bidirectional:
    """Two designs; `model` is the class of their models."""

    model: type

    def __init__(self, forward: Design, backward: Design) -> None:
        _same("inputs", forward.inputs, backward.inputs)
        _same("input format", forward.input_format, backward.input_format)
        _same("output format", forward.output_format, backward.output_format)
        self.forward, self.backward = self.model(forward), self.model(backward)


class FixedPointBidirectional(_Bidirectional):
    """The fxpmath model of two designs."""

    model = FixedPointModel

    def run(self, x) -> ModelRun:
        """As `FixedPointModel.run`; stages `forward.tensor` and `backward.tensor`, in the order of x."""
        x = np.asarray(x)
        return _joined(self.forward.run(x), self.backward.run(x[::-1]))


class IntegerBidirectional(_Bidirectional):
    """The integer model of two designs."""

    model = IntegerModel

    def run(self, x, stages: bool = False):
        """As `IntegerModel.run`, with the stages of `FixedPointBidirectional`."""
        single = not is_batch(x)
        x = [np.asarray(s) for s in ([x] if single else x)]
        ahead = self.forward.run(x, stages)
        back = self.backward.run([s[::-1] for s in x], stages)
        runs = [_joined(a, b) for a, b in zip(ahead, back, strict=True)]
        return runs[0] if single else runs


def _same(what: str, forward, backward) -> None:
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
