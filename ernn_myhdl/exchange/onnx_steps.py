"""Steps of the host as nodes of an ONNX graph, behind the value CORE_OUTPUTS: written, and known again when read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ernn_myhdl.design.host_steps import HostStep

#: The value of exported graphs in front of the steps that the host does, which the metadata tell.
CORE_OUTPUTS = "core_outputs"


class OnnxBuilder:
    """Nodes and initializers of the graph under way."""

    def __init__(self, onnx) -> None:
        self.onnx = onnx
        self.nodes: list = []
        self.initializers: list = []

    def constant(self, name: str, array: np.ndarray) -> str:
        array = np.ascontiguousarray(array)
        self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes) -> str:
        node = self.onnx.helper.make_node(
            kind, list(inputs), [output], f"{output}_node", **attributes
        )
        self.nodes.append(node)
        return output


def add_steps(builder: OnnxBuilder, steps: Sequence[HostStep], signal: str, outputs: int) -> None:
    """The nodes of all steps on a signal (frames, batch, outputs), and one that calls the result y."""
    if steps:
        signal = builder.node("Identity", [signal], CORE_OUTPUTS)
    for i, step in enumerate(steps):
        signal = _add_step(builder, f"host_{i}", step, signal, outputs)
    builder.node("Identity", [signal], "y")


def end_of_core(model: Any, steps: Sequence[HostStep], onnx: Any) -> int | None:
    """The number of the node that makes CORE_OUTPUTS, where all nodes behind it are those of `add_steps` for these
    steps; None for any other graph, of which the nodes tell what it computes, not its metadata."""
    makers = [i for i, node in enumerate(model.graph.node) if CORE_OUTPUTS in node.output]
    if len(makers) != 1 or not steps or [o.name for o in model.graph.output] != ["y"]:
        return None
    (end,) = makers
    if model.graph.node[end].op_type != "Identity":
        return None
    outputs = _size(model)
    builder = OnnxBuilder(onnx)
    add_steps(builder, steps, model.graph.node[end].input[0], outputs)
    same = list(map(_text, builder.nodes)) == list(map(_text, model.graph.node[end:]))
    own = {tensor.name: _text(tensor) for tensor in model.graph.initializer}
    same = same and all(own.get(t.name) == _text(t) for t in builder.initializers)
    return end if same else None


def _size(model: Any) -> int:
    """Elements of the core's outputs: the end of the last part of a step for some of them, else no step asks."""
    ends = [
        int.from_bytes(tensor.raw_data, "little", signed=True)
        for tensor in model.graph.initializer
        if tensor.name.startswith("host_") and tensor.name.endswith("_end") and len(tensor.raw_data) == 8
    ]  # fmt: skip
    return max(ends, default=1)


def _text(message: Any) -> bytes:
    """A message of protobuf as bytes that are the same for the same contents."""
    made: bytes = message.SerializeToString(deterministic=True)
    return made


_FUNCTIONS = {
    "sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax", "log_softmax": "LogSoftmax",
    "argmax": "ArgMax",
}  # fmt: skip


def _add_step(builder: OnnxBuilder, name: str, step: HostStep, y: str, outputs: int) -> str:
    """The value behind a step of the host on y (frames, batch, outputs)."""
    if step.elements is None:
        return _step_on(builder, name, step, y)
    ends = [0, *step.elements, outputs]
    parts = []
    for part, (first, end) in enumerate(zip(ends, ends[1:], strict=False)):
        if first == end:
            continue
        sizes = (("first", first), ("end", end), ("axis", -1))
        limits = [builder.constant(f"{name}_{part}_{n}", np.array([v], dtype=np.int64)) for n, v in sizes]  # fmt: skip
        cut = builder.node("Slice", [y, *limits], f"{name}_part_{part}")
        parts.append(_step_on(builder, name, step, cut) if part == 1 else cut)
    return builder.node("Concat", parts, f"{name}_whole", axis=-1)


def _step_on(builder: OnnxBuilder, name: str, step: HostStep, y: str) -> str:
    if step.kind == "affine":
        scale, offset = (
            builder.constant(f"{name}_{n}", np.array(getattr(step, n), dtype=np.float32))
            for n in ("scale", "offset")
        )
        return builder.node("Add", [builder.node("Mul", [y, scale], f"{name}_scaled"), offset], f"{name}_y")  # fmt: skip
    axis = {"axis": -1} if step.kind in ("softmax", "log_softmax", "argmax") else {}
    return builder.node(_FUNCTIONS[step.kind], [y], f"{name}_y", **axis)
