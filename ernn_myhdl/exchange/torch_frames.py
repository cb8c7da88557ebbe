"""Operators of PyTorch over the frames of a sequence, and over all of an axis, as operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_frames import refused_pool
from ernn_myhdl.exchange.torch_nodes import flat, kind_of, shape_of, whole

if TYPE_CHECKING:
    from ernn_myhdl.exchange.torch_graph import TorchGraph


def argmax(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    if len(given) < 2 or given[1] is None:
        raise DesignError(
            f"{where}: is over all elements; name the axis of the elements of a frame"
        )
    keep = int(len(given) > 2 and bool(given[2]))
    return graph.emit(name, "ArgMax", [given[0]], axis=int(given[1]), keepdims=keep)[0]


_REDUCTIONS = {
    "mean": "ReduceMean", "amax": "ReduceMax", "max": "ReduceMax", "amin": "ReduceMin", "min": "ReduceMin", "sum": "ReduceSum",
}  # fmt: skip


def _reduced(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """Over some axes; with none over all elements, which no core does."""
    kind = _REDUCTIONS[kind_of(node)]
    axes = flat(given[1]) if len(given) > 1 and given[1] is not None else []
    if kind_of(node) in ("max", "min") and axes and not isinstance(axes[0], int):
        return graph.arithmetic(name, node, given)  # of two signals
    if not axes or not all(isinstance(a, int) for a in axes):
        raise DesignError(f"{where}: is over all elements; name the axis of the frames")
    pair = kind_of(node) in ("max", "min")
    taken = {user.args[1] for user in node.users if kind_of(user) == "getitem" and user.users}
    if kind_of(node) == "max" and taken == {1}:  # numbers alone, those of ArgMax
        return [None, argmax(graph, where, name, node, given)]
    keep = int(len(given) > 2 and bool(given[2]))
    (y,) = graph.emit(name, kind, [given[0], whole(*axes)], keepdims=keep)
    return [y, None] if pair else y


def _pooled(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """A pool with a kernel."""
    kind = kind_of(node)
    defaults: list[Any] = [[], [0], [1] if kind.startswith("max") else False]
    x, kernel, _, padding, dilation = [*given, *defaults[len(given) - 2 :]][:5]
    attributes: dict[str, Any] = {"kernel_shape": flat(kernel), "pads": [*flat(padding)] * 2}
    graph.holds_frames = True
    if not kind.startswith("max"):
        return graph.emit(name, "AveragePool", [x], **attributes)[0]
    (y,) = graph.emit(name, "MaxPool", [x], dilations=flat(dilation), **attributes)
    return [y, None] if kind.endswith("indices") else y


def _adaptive(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """A pool to a number of frames, which is known for 1."""
    mean = "avg" in kind_of(node)
    (size,) = flat(given[1])
    if size != 1:
        what = f"has output size {size}, parts of a sequence"
        raise refused_pool(where, "mean" if mean else "maximum", what)
    kind = "ReduceMean" if mean else "ReduceMax"
    (y,) = graph.emit(name, kind, [given[0], whole(-1)], keepdims=1)
    return y if mean else [y, None]


def _note_repeats(graph: TorchGraph, where: str, repeats: int) -> None:
    """Note a frame that is repeated as often as the example has frames, since it may be for that: of others the module would give others."""
    if repeats > 1 and repeats in graph.inputs[graph.x][:-1]:
        graph.holds_frames = True
        graph.graph.notes.append(
            f"{where}: repeats a frame {repeats} times, as often as the example has frames; the core does so for sequences of any length"
        )


def _interleaved(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    """repeat_interleave of the only place of an axis."""
    sizes = list(node.args[0].meta["val"].shape)
    axis = given[2] if len(given) > 2 else node.kwargs.get("dim")
    if not isinstance(given[1], int) or axis is None or sizes[axis] != 1:
        raise DesignError(
            f"{where}: repeats every place of an axis; may only repeat the frame that stands for a sequence"
        )
    _note_repeats(graph, where, given[1])
    repeats = [given[1] if i == axis % len(sizes) else 1 for i in range(len(sizes))]
    return graph.emit(name, "Tile", [given[0], whole(*repeats)])[0]


def _tiled(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    repeats = [int(n) for n in flat(given[1])]
    count = len(node.args[0].meta["val"].shape)
    if len(repeats) != count:
        raise DesignError(
            f"{where}: repeats {len(repeats)} axes of {count}; unsqueeze the signal before"
        )
    _note_repeats(graph, where, max(repeats))
    return graph.emit(name, "Tile", [given[0], whole(*repeats)])[0]


def _expanded(graph: TorchGraph, where: str, name: str, node: Any, given: list) -> Any:
    sizes = shape_of(node)
    if len(node.args[0].meta["val"].shape) != len(sizes):
        raise DesignError(f"{where}: adds axes; unsqueeze the signal before")
    before = node.args[0].meta["val"].shape
    grown = [n for n, own in zip(sizes, before, strict=True) if own == 1]
    _note_repeats(graph, where, max(grown, default=1))
    return graph.emit(name, "Expand", [given[0], whole(*sizes)])[0]


FRAME_MAKERS: dict[str, Callable[[TorchGraph, str, str, Any, list], Any]] = {
    **dict.fromkeys(_REDUCTIONS, _reduced), "repeat": _tiled, "repeat_interleave": _interleaved, "expand": _expanded, "expand_as": _expanded,
    "avg_pool1d": _pooled, "max_pool1d": _pooled, "max_pool1d_with_indices": _pooled,
    "adaptive_avg_pool1d": _adaptive, "adaptive_max_pool1d": _adaptive, "argmax": argmax,
}  # fmt: skip
