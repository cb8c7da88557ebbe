"""ONNX files: read with limits, constants folded, and handed to the walk over the graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ernn_myhdl.design.limits import check_numbers, damage
from ernn_myhdl.errors import DesignError, ToolError, short
from ernn_myhdl.exchange.description import Description, read_description
from ernn_myhdl.exchange.graph import Output
from ernn_myhdl.exchange.onnx_before import check_before
from ernn_myhdl.exchange.onnx_cells import with_cells
from ernn_myhdl.exchange.onnx_graph import Graph
from ernn_myhdl.exchange.onnx_refusals import KERAS
from ernn_myhdl.exchange.onnx_states import STEP_NOTE, state_inputs_note
from ernn_myhdl.exchange.onnx_steps import CORE_OUTPUTS, end_of_core
from ernn_myhdl.exchange.onnx_versions import attributes_of_version
from ernn_myhdl.exchange.recurrent_kinds import OPERATORS

#: Operators that are computed where all their inputs are constants.
_FOLDED = {
    "Abs", "Add", "Cast", "Concat", "Constant", "ConstantOfShape", "DequantizeLinear", "Div", "Equal", "Exp", "Expand", "Gather", "Identity",
    "MatMul", "Max", "Min", "Mul", "Neg", "Pow", "Reciprocal", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceSum", "ReduceSumSquare",
    "Reshape", "Shape", "Sigmoid", "Slice", "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose",
    "Unsqueeze", "Where",
}  # fmt: skip
MAX_NODES = 10_000


def onnx_package():
    """The package onnx; ToolError where it is missing."""
    try:
        import onnx
    except ImportError as error:
        raise ToolError(
            "the package onnx is missing, which reads and writes .onnx files; install it with "
            "`pip install 'ernn-myhdl[onnx]'`"
        ) from error
    return onnx


@dataclass(frozen=True)
class OnnxModel:
    """outputs: of the graph of operations. description: what the metadata say of a file of `ernn export`; its steps only
    where the nodes behind the core are those of them. given_states: whether states before the first frame are inputs
    of the graph. notes: for the user. hint: for messages that refuse the graph."""

    outputs: list[Output]
    description: Description
    given_states: bool
    notes: list[str]
    hint: str = ""


def read_onnx(file: Path) -> OnnxModel:
    """An ONNX model; DesignError naming the file and what is wrong."""
    onnx = onnx_package()
    try:
        model = onnx.load(str(file), load_external_data=False)
    except Exception as error:  # protobuf raises a dozen of types on broken files
        raise DesignError(
            f"model {file}: cannot be read ({short(error)}); it is truncated or no ONNX model"
        ) from error
    try:
        with damage("its graph"):
            description = read_description({e.key: e.value for e in model.metadata_props})
            end = end_of_core(model, description.steps, onnx)
            if end is None:
                description = replace(description, steps=())
            graph = _walked(model, file, end)
            outputs = [output.name for output in model.graph.output]
            found = graph.result(outputs if end is None else [CORE_OUTPUTS])
    except DesignError as error:
        raise DesignError(f"model {file}: {error}{_hint(model, str(error))}") from error
    given = graph.given_states
    notes = [*graph.notes, *([state_inputs_note(given)] if given else [])]
    notes += [STEP_NOTE] if graph.single_step else []
    return OnnxModel(found, description, bool(given), notes, _hint(model))


def _hint(model, message: str = "") -> str:
    """What to do beside, where a program of Keras has made the file; nothing where the message tells it."""
    producer = _text(model.producer_name).lower()
    keras = any(part in producer for part in ("tf2onnx", "keras"))
    # Keras on PyTorch has PyTorch write its files; this is the name of an input that was given none
    keras = keras or any(_text(x.name).startswith("keras_tensor") for x in model.graph.input)
    return f"; or {KERAS}" if keras and ".keras" not in message else ""


def _text(value: str | bytes) -> str:
    """A string of a model; protobuf gives bytes where they are no UTF-8, in a damaged file."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _walked(model, file: Path, end: int | None) -> Graph:
    if not model.graph.node:
        raise DesignError("its graph has no nodes; it is truncated or no ONNX model")
    if len(model.graph.node) > MAX_NODES:
        raise DesignError(
            f"its graph has {len(model.graph.node)} nodes, at most {MAX_NODES} may be"
        )
    if model.graph.sparse_initializer:
        raise DesignError("sparse initializers are not supported; export dense ones")
    constants = _constants(model, file)
    inputs = {i.name: _sizes(i) for i in model.graph.input if i.name not in constants}
    if not inputs:
        raise DesignError("its graph has no inputs")
    stated = [*model.graph.value_info, *model.graph.output]
    # the newer exporter of PyTorch states the sizes of Y_h for a Y that nothing takes
    taken = {name for node in model.graph.node for name in node.input}
    taken.update(o.name for o in model.graph.output)
    declared = {
        v.name: sizes for v in stated if v.name in taken and (sizes := _declared(v)) is not None
    }
    nodes = list(model.graph.node)
    if end is None:
        nodes = with_cells(nodes, constants, list(inputs), [o.name for o in model.graph.output])
    for node in nodes:
        if node.op_type in OPERATORS and not OPERATORS[node.op_type].standard:
            raise DesignError(f"node {node.name!r}: ONNX has no operator {node.op_type}")
    states = check_before(nodes, set(inputs))
    graph = Graph(constants, inputs, _folder(model), declared, model.producer_name, states)
    if end is not None:
        nodes = nodes[: end + 1]
    version = next((s.version for s in model.opset_import if s.domain in ("", "ai.onnx")), 1)
    layers = [i for i, n in enumerate(nodes) if n.op_type in ("MatMul", "Gemm", "Conv", *OPERATORS)]
    for i, node in enumerate(nodes):
        with damage(f"node {node.name!r} ({node.op_type})"):
            graph.walk(
                node,
                attributes_of_version(node, _attributes(node), version),
                bool(layers) and layers[-1] > i,
            )
    return graph


def _constants(model, file: Path) -> dict[str, np.ndarray]:
    """The initializers as arrays."""
    from onnx import numpy_helper
    from onnx.external_data_helper import load_external_data_for_model

    check_numbers("the graph", (tensor.dims for tensor in model.graph.initializer))
    beside = {
        e.value for t in model.graph.initializer for e in t.external_data if e.key == "location"
    }
    for name in sorted(beside, key=str):
        if not (file.absolute().parent / str(name)).is_file():
            raise DesignError(
                f"its weights are in the file {short(repr(name))}, which is not beside it; put both into one folder"
            )
    try:
        load_external_data_for_model(model, str(file.absolute().parent))
    except Exception as error:
        raise DesignError(f"its external data cannot be read ({short(error)})") from error
    arrays = {}
    for tensor in model.graph.initializer:
        try:
            arrays[tensor.name] = numpy_helper.to_array(tensor)
        except Exception as error:
            raise DesignError(f"initializer {tensor.name!r} is damaged ({short(error)})") from error
    return arrays


def _sizes(value) -> list[int | str | None]:
    """Sizes of the axes of an input of the graph, or their names; three unknown ones where it has no shape."""
    if value.type.WhichOneof("value") != "tensor_type":
        raise DesignError(f"input {value.name!r} is no tensor")
    sizes = _declared(value)
    return [None, None, None] if sizes is None else sizes


def _declared(value) -> list[int | str | None] | None:
    """Sizes that the file states for a tensor: numbers, names, or None; None where it states none."""
    if value.type.WhichOneof("value") != "tensor_type":
        return None
    if not value.type.tensor_type.HasField("shape"):
        return None
    return [
        (d.dim_value if d.dim_value > 0 else None)
        if d.WhichOneof("value") == "dim_value"
        else d.dim_param or None
        for d in value.type.tensor_type.shape.dim
    ]


def _attributes(node) -> dict:
    """Attributes by name; tensors as arrays."""
    from onnx import AttributeProto, helper, numpy_helper

    attributes = {}
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            name = node.name or (node.output or ["?"])[0]
            raise DesignError(f"node {name!r} ({node.op_type}): sub-graphs are not supported")
        value = helper.get_attribute_value(attribute)
        if attribute.type == AttributeProto.TENSOR:
            check_numbers("the graph", [value.dims])
            value = numpy_helper.to_array(value)
        attributes[attribute.name] = value
    return attributes


def _folder(model):
    """A function that computes a node whose inputs are constants; None where it is not folded."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    def fold(node, given: list) -> list[np.ndarray | None] | None:
        if node.op_type not in _FOLDED:
            return None
        where = f"node {node.name or node.output[0]!r} ({node.op_type})"
        check_numbers(where, [_largest(node.op_type, given)])
        if node.op_type == "DequantizeLinear":
            return [_dequantised(where, _attributes(node), given)]
        names = [name for name in node.input if name]
        inputs = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in set(names)]
        outputs = [
            helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in node.output if n
        ]
        try:
            single = helper.make_model(
                helper.make_graph([node], "constant", inputs, outputs),
                opset_imports=model.opset_import,
            )
            arrays = [value for value in given if value is not None]
            results = ReferenceEvaluator(single).run(None, dict(zip(names, arrays, strict=True)))
        except Exception as error:
            raise DesignError(f"{where}: cannot be computed ({short(error)})") from error
        if not all(isinstance(r, np.ndarray | np.generic) for r in results):
            raise DesignError(f"{where}: gives no array")
        made = iter(results)
        return [np.asarray(next(made)) if name else None for name in node.output]

    return fold


def _dequantised(where: str, attributes: dict, given: list) -> np.ndarray:
    """(words - zero point) * scale, with one of both for all, or for each place of an axis."""
    words, scale, zero = [*given, None][:3]
    zero = np.zeros((), dtype=np.int64) if zero is None else zero
    axis, each = int(attributes.get("axis", 1)), []
    for name, numbers in (("scale", scale), ("zero point", zero)):
        numbers = np.asarray(numbers, dtype=np.float64)
        shape = [1] * words.ndim
        if numbers.size > 1:
            fits = -words.ndim <= axis < words.ndim and words.shape[axis] == numbers.size
            if not fits or numbers.ndim != 1 or attributes.get("block_size"):
                raise DesignError(
                    f"{where}: its {name} has shape {numbers.shape} for words {words.shape}; must be one number, or one for each place of axis {axis}"
                )
            shape[axis] = numbers.size
        each.append(numbers.reshape(shape))
    made = (words.astype(np.float64) - each[1]) * each[0]
    return made.reshape(words.shape).astype(np.float32)


def _largest(kind: str, given: list) -> list[int]:
    """A shape that holds at least as much as the result."""
    arrays = [value for value in given if isinstance(value, np.ndarray)]
    if kind == "MatMul" and all(a.ndim for a in arrays) and len(arrays) == 2:
        return [*arrays[0].shape[:-1], *arrays[1].shape[:-2], arrays[1].shape[-1]]
    if kind in ("Add", "Div", "Equal", "Gather", "Max", "Min", "Mul", "Pow", "Sub", "Where"):
        return [max(a.size, 1) for a in arrays]
    if kind in ("ConstantOfShape", "Expand") and arrays and arrays[-1].dtype.kind == "i":
        return [*(a.size for a in arrays[:-1]), *(max(int(n), 1) for n in arrays[-1].reshape(-1))]
    return [sum(a.size for a in arrays)]
