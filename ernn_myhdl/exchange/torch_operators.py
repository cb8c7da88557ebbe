"""Operators of PyTorch as operators of ONNX, for the walk over the graph of a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_refusals import ATTENTION, GROUP_NORM, LAYER_NORM, REVERSED
from ernn_myhdl.exchange.torch_frames import FRAME_MAKERS
from ernn_myhdl.exchange.torch_nodes import flat, kind_of, shape_of, whole

if TYPE_CHECKING:
    from ernn_myhdl.exchange.torch_graph import TorchGraph

#: Operators that change no numbers here.
SAME = {"alias", "clone", "contiguous", "detach", "dropout", "alpha_dropout", "feature_dropout", "lift_fresh_copy", "to", "_to_copy"}  # fmt: skip
#: ONNX's operator, and its attributes by number of the argument.
FUNCTIONS: dict[str, tuple[str, tuple[tuple[int, str, float], ...]]] = {
    "relu": ("Relu", ()), "sigmoid": ("Sigmoid", ()), "tanh": ("Tanh", ()), "softplus": ("Softplus", ()), "gelu": ("Gelu", ()),
    "relu6": ("Clip", ((9, "min", 0.0), (9, "max", 6.0))), "hardtanh": ("Clip", ((1, "min", -1.0), (2, "max", 1.0))),
    "clamp": ("Clip", ((1, "min", -np.inf), (2, "max", np.inf))), "leaky_relu": ("LeakyRelu", ((1, "alpha", 0.01),)),
    "elu": ("Elu", ((1, "alpha", 1.0),)), "selu": ("Selu", ()), "hardsigmoid": ("HardSigmoid", ((9, "alpha", 1 / 6), (9, "beta", 0.5))), "hardswish": ("HardSwish", ()), "silu": ("Swish", ()),
    "mish": ("Mish", ()), "neg": ("Neg", ()), "abs": ("Abs", ()), "clamp_min": ("Clip", ((1, "min", -np.inf),)), "clamp_max": ("Clip", ((1, "max", np.inf),)),
    # which no core has, by their names
    "exp": ("Exp", ()), "sqrt": ("Sqrt", ()), "log": ("Log", ()), "celu": ("Celu", ()), "erf": ("Erf", ()),
}  # fmt: skip
ARITHMETIC = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "rsub": "Sub", "maximum": "Max", "minimum": "Min",
    "max": "Max", "min": "Min", "fmax": "Max", "fmin": "Min", "pow": "Pow",
}  # fmt: skip


#: Operators of which a message of their own tells what they do.
_REFUSED = {
    "layer_norm": LAYER_NORM, "native_layer_norm": LAYER_NORM, "rms_norm": LAYER_NORM,
    "group_norm": GROUP_NORM, "native_group_norm": GROUP_NORM, "instance_norm": GROUP_NORM,
    "scaled_dot_product_attention": ATTENTION, "_native_multi_head_attention": ATTENTION,
}  # fmt: skip


def check_refused(where: str, kind: str, node: Any, given: list) -> None:
    """DesignError for attention and for normalisations of a frame by itself, by what they are."""
    modules = list((node.meta.get("nn_module_stack") or {}).values())
    attention = any("MultiheadAttention" in str(type_) for _, type_ in modules)
    reason = ATTENTION if attention else _REFUSED.get(kind)
    products = kind in ("bmm", "matmul", "mm", "baddbmm", "einsum")
    if reason is None and products and sum(isinstance(v, str) for v in flat(given)[:3]) > 1:
        reason = ATTENTION
    if reason is not None:
        raise DesignError(f"{where}: {reason}")


def check_options(where: str, kind: str, node: Any) -> None:
    """DesignError for keywords that change the result."""
    for name, value in node.kwargs.items():
        harmless = name in (
            "memory_format",
            "copy",
            "non_blocking",
            "device",
            "pin_memory",
            "layout",
        )
        neutral = (
            value is None
            or name == "approximate"
            or name == "alpha"
            and kind in ("add", "sub", "rsub")
        )
        if name == "dtype" and kind in ("to", "_to_copy", "softmax", "log_softmax"):
            neutral = value is None or value.is_floating_point
        if not (harmless or neutral):
            raise DesignError(f"{where}: {name} = {value} is not supported; compute it before or after the core")  # fmt: skip
    if kind in ("dropout", "alpha_dropout", "feature_dropout") and node.args[2]:
        raise DesignError(f"{where}: is in training mode; call model.eval() first")
    if (
        kind == "to"
        and not _integers(node.args[0])
        and any(
            str(a).startswith("torch.") and not getattr(a, "is_floating_point", True)
            for a in node.args[1:]
        )
    ):
        raise DesignError(f"{where}: converts the signal to integers; compute it behind the core")


def _integers(node: Any) -> bool:
    """Whether a node holds integers."""
    return not node.meta["val"].dtype.is_floating_point


def _embedding(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    if not isinstance(given[0], np.ndarray):
        raise DesignError(f"{where}: its table follows from x, must be a constant")
    return graph.emit(name, "Gather", given[:2], axis=0)[0]


def _linear(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    x, weight, *bias = given
    if not isinstance(weight, np.ndarray):
        raise DesignError(f"{where}: its weight follows from x, must be a constant")
    (y,) = graph.emit(name, "MatMul", [x, np.ascontiguousarray(weight.T)])
    return graph.emit(name, "Add", [y, bias[0]])[0] if bias and bias[0] is not None else y


def _matmul(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    return graph.emit(name, "MatMul", given[:2])[0]


def _addmm(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    (y,) = graph.emit(name, "MatMul", given[1:3])
    return graph.emit(name, "Add", [y, given[0]])[0]


def _permuted(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    count = len(shape_of(node))
    order = list(range(count))
    kind = kind_of(node)
    if kind == "permute":
        order = [int(i) % count for i in given[1]]
    else:
        first, second = (int(i) % count for i in (given[1:3] if kind != "t" else (0, -1)))
        order[first], order[second] = order[second], order[first]
    return graph.emit(name, "Transpose", [given[0]], perm=order)[0]


def _reshaped(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    return graph.emit(name, "Reshape", [given[0], whole(*shape_of(node))], allowzero=1)[0]


def _selected(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    return graph.emit(name, "Gather", [given[0], np.array(given[2])], axis=int(given[1]))[0]


def _sliced(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    defaults: list[Any] = [0, None, None, 1]
    x, axis, start, end, step = [*given, *defaults[len(given) - 1 :]]
    limits = (start or 0, np.iinfo(np.int64).max if end is None else end, axis, step)
    return graph.emit(name, "Slice", [x, *map(whole, limits)])[0]


def _narrowed(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    x, axis, start, length = given
    return graph.emit(name, "Slice", [x, *map(whole, (start, start + length, axis, 1))])[0]


def _indexed(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    if not isinstance(given[2], np.ndarray):
        raise DesignError(f"{where}: its index follows from x, must be a constant")
    return graph.emit(name, "Gather", [given[0], given[2]], axis=int(given[1]))[0]


def _listed(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """x[..., [2, 0]]: elements by a list of their numbers."""
    found = [(i, n) for i, n in enumerate(given[1]) if n is not None]
    if len(found) != 1 or not isinstance(found[0][1], np.ndarray) or found[0][1].ndim != 1:
        raise DesignError(
            f"{where}: may take elements of one axis by a constant list of numbers only"
        )
    ((axis, numbers),) = found
    if numbers.dtype.kind != "i":
        raise DesignError(
            f"{where}: its numbers are no integers; give a list of numbers of elements"
        )
    return graph.emit(name, "Gather", [given[0], numbers], axis=axis)[0]


def _parted(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """chunk and split: parts along an axis."""
    axis = int(given[2]) if len(given) > 2 else int(node.kwargs.get("dim", 0))
    sizes = [int(part.shape[axis]) for part in node.meta["val"]]
    return graph.emit(name, "Split", [given[0], whole(*sizes)], outputs=len(sizes), axis=axis)


def _gated(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """glu: the first half of the elements times the sigmoid of the second."""
    axis = int(given[1]) if len(given) > 1 else -1
    half = int(node.meta["val"].shape[axis])
    first, second = graph.emit(name, "Split", [given[0], whole(half, half)], outputs=2, axis=axis)
    (gate,) = graph.emit(name, "Sigmoid", [second])
    return graph.emit(name, "Mul", [first, gate])[0]


def _moved(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    kind, axes = kind_of(node), given[1:2]
    chosen = [] if not axes else [whole(*flat(axes[0]))]
    return graph.emit(name, kind.capitalize(), [given[0], *chosen])[0]


def _sloped(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """prelu, with a slope of its own or one for each place of axis 1."""
    x, slopes = given[:2]
    if isinstance(slopes, np.ndarray) and slopes.size > 1:
        slopes = slopes.reshape(-1, *[1] * (len(shape_of(node)) - 2))
    return graph.emit(name, "PRelu", [x, slopes])[0]


def _threshold(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    x, threshold, value = given
    if threshold or value:
        raise DesignError(
            f"{where}: its threshold is {threshold:g}, its value {value:g}; a core has both 0, which is nn.ReLU, and limits, nn.Hardtanh; "
            "train with one of these"
        )
    return graph.emit(name, "Relu", [x])[0]


def _flipped(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """The elements of a frame in the other order."""
    x, axes = given
    least = np.iinfo(np.int64).min
    for axis in axes:
        if graph.is_frames(x, int(axis)):
            raise DesignError(f"{where}: {REVERSED}")
        (x,) = graph.emit(name, "Slice", [x, *map(whole, (-1, least, axis, -1))])
    return x


def _stacked(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """Signals along an axis of their own."""
    count = len(shape_of(node))
    axis = (int(given[1]) if len(given) > 1 else 0) % count
    parts = [graph.emit(name, "Unsqueeze", [part, whole(axis)])[0] for part in given[0]]
    return graph.emit(name, "Concat", parts, axis=axis)[0]


def _joined(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    return graph.emit(name, "Concat", given[0], axis=int(given[1]) if len(given) > 1 else 0)[0]


def _soft(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    kind = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}[kind_of(node)]
    return graph.emit(name, kind, [given[0]], axis=int(given[1]))[0]


def _top(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    x, count, *options = given
    axis = options[0] if options else -1
    largest = options[1] if len(options) > 1 else True
    if not isinstance(count, int):
        raise DesignError(f"{where}: takes a number of elements that follows from x; must be 1")
    attributes = {"axis": int(axis), "largest": int(largest)}
    return graph.emit(name, "TopK", [x, whole(count)], outputs=2, **attributes)


def _norm(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    x, weight, bias, mean, variance, training, _, epsilon = given[:8]
    if training or not isinstance(mean, np.ndarray):
        raise DesignError(f"{where}: normalises by numbers of the batch; call model.eval() first, and track running_mean")  # fmt: skip
    weight = np.ones_like(mean) if weight is None else weight
    bias = np.zeros_like(mean) if bias is None else bias
    return graph.emit(name, "BatchNormalization", [x, weight, bias, mean, variance], epsilon=float(epsilon))[0]  # fmt: skip


def _padded(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    count = len(shape_of(node))
    amounts = [int(n) for n in flat(given[1])]
    modes = [v for v in given[2:] if isinstance(v, str)]
    numbers = [v for v in (*given[2:], *node.kwargs.values()) if isinstance(v, int | float)]
    pads = [0] * (2 * count)
    for i, amount in enumerate(amounts):
        axis = count - 1 - i // 2
        pads[axis + (count if i % 2 else 0)] = amount
    value = np.array(numbers[0] if numbers else 0.0)
    return graph.emit(name, "Pad", [given[0], whole(*pads), value], mode=(modes or ["constant"])[0])[0]  # fmt: skip


def _convolution(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    defaults: list[Any] = [None, [1], [0], [1], 1]
    x, kernel, bias, stride, padding, dilation, groups = [*given, *defaults[len(given) - 2 :]]
    reach = (np.shape(kernel)[-1] - 1) * int(flat(dilation)[0])
    pads = [0, 0] if padding == "valid" else [reach // 2, reach - reach // 2] if padding == "same" else [*flat(padding)] * 2  # fmt: skip
    attributes = {"strides": flat(stride), "pads": flat(pads), "dilations": flat(dilation), "group": groups}  # fmt: skip
    return graph.emit(name, "Conv", [x, kernel, *([] if bias is None else [bias])], **attributes)[0]


def _squared(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    return graph.emit(name, "Pow", [given[0], np.array(2.0)])[0]


MAKERS: dict[str, Callable[[TorchGraph, str, str, Any, list], Any]] = {
    "linear": _linear, "matmul": _matmul, "mm": _matmul, "addmm": _addmm, "conv1d": _convolution, "constant_pad_nd": _padded, "pad": _padded, "batch_norm": _norm,
    "permute": _permuted, "transpose": _permuted, "t": _permuted, "view": _reshaped, "reshape": _reshaped, "flatten": _reshaped,
    "_unsafe_view": _reshaped, "unflatten": _reshaped, "select": _selected, "slice": _sliced, "narrow": _narrowed, "index_select": _indexed, "index": _listed,
    "square": _squared, "glu": _gated, "prelu": _sloped, "_prelu_kernel": _sloped, "threshold": _threshold, "flip": _flipped, "stack": _stacked, "chunk": _parted, "split": _parted, "split_with_sizes": _parted, "squeeze": _moved, "unsqueeze": _moved,
    "embedding": _embedding, **FRAME_MAKERS,
    "cat": _joined, "softmax": _soft, "log_softmax": _soft, "topk": _top,
}  # fmt: skip
