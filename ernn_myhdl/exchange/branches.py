"""A graph of a model that branches as layers and joins of a core; what has no hardware is refused by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.graph import CONCATENATION, INPUT, Graph, Join, Window
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import (
    Input,
    Joined,
    LastFrame,
    Node,
    Windows,
    layer_of,
    nodes_before,
)

#: Why a node can be no part of a core, and what to do; it is told whether layers follow it.
Refusal = Callable[[Node, bool], str]


def branches(node: Node) -> bool:
    """Whether anything is joined on the way to a node, or taken in windows."""
    return any(isinstance(n.operation, Joined | Windows) for n in nodes_before([node]))


def input_size(nodes: Sequence[Node]) -> int | None:
    """Elements of x: inputs of a layer that takes it; None where none does."""
    for node in nodes:
        layer, source = layer_of(node), node
        if layer is None:
            continue
        source = node.input
        while isinstance(source.operation, LastFrame):
            source = source.input
        kernel = 1
        if isinstance(source.operation, Windows):
            kernel, source = source.operation.kernel, source.input
        if isinstance(source.operation, Input):
            return layer.inputs // kernel
    return None


def node_size(node: Node) -> int:
    """Elements of a signal; DesignError where the file does not tell."""
    operation = node.operation
    if isinstance(operation, DenseLayer):
        return operation.outputs
    if isinstance(operation, Input):
        if operation.size is None:
            raise DesignError(
                "x goes to an output of its own; its size is not known there, leave it out"
            )
        return operation.size
    sizes = [node_size(n) for n in node.inputs]
    if isinstance(operation, Windows):
        return operation.kernel * sizes[0]
    if isinstance(operation, Joined) and operation.kind == CONCATENATION:
        return sum(sizes)
    return sizes[0]


def layer_graph(
    node: Node, heads: Sequence[str], refusal: Refusal
) -> tuple[list[DenseLayer], Graph]:
    """Layers and graph of which a node is the output. heads: names of its operands, or none."""
    nodes = list(nodes_before([node]))
    size = input_size(nodes)
    if size is None:
        raise DesignError("no layer takes the model's input itself; a core needs one that does")
    layers: list[DenseLayer] = []
    sources: list[str] = []
    joins: list[Join] = []
    names: dict[int, str] = {}
    sizes: dict[str, int] = {INPUT: size}
    last: dict[int, bool] = {}  # nodes of the last frame of a sequence alone
    for one in nodes:
        layer = layer_of(one)
        last[id(one)] = any(last[id(n)] for n in one.inputs)
        if isinstance(one.operation, Input):
            names[id(one)] = INPUT
        elif layer is not None:
            source = names[id(one.input)]
            if last[id(one)] and layer.recurrent:
                raise DesignError(
                    f"{one.where}: takes the last frames of {one.input.where} alone, for which there is no hardware yet"
                )
            if layer.inputs != sizes[source]:
                raise DesignError(
                    f"{one.where}: has {layer.inputs} inputs, but what it takes has {sizes[source]} elements"
                )
            name = names[id(one)] = f"layer_{len(layers)}"
            sizes[name] = layer.outputs
            layers.append(layer)
            sources.append(source)
        elif isinstance(one.operation, LastFrame):
            names[id(one)], last[id(one)] = names[id(one.input)], True
        elif isinstance(one.operation, Windows):
            if last[id(one)]:
                raise DesignError(
                    f"{one.where}: takes the last frames of {one.input.where} alone, for which there is no hardware yet"
                )
            name, source = f"join_{len(joins)}", names[id(one.input)]
            names[id(one)] = name
            joins.append(_window(one, one.operation, source, sizes[source]))
            sizes[name] = joins[-1].size_of([sizes[source]])
        elif isinstance(one.operation, Joined):
            if len({last[id(n)] for n in one.inputs}) > 1 and one is not node:
                raise DesignError(
                    f"{one.where}: joins the last frame of one signal with all frames of another; take the last frame "
                    "behind the join"
                )
            name = names[id(one)] = f"join_{len(joins)}"
            operands = tuple(names[id(n)] for n in one.inputs)
            sizes[name] = _joined_size(one, [sizes[n] for n in operands])
            try:
                joins.append(Join(one.operation.kind, operands))
            except DesignError as error:
                raise DesignError(f"{one.where}: {error}") from error
        else:
            follow = any(layer_of(n) is not None and one in nodes_before([n]) for n in nodes)
            raise DesignError(f"{one.where}: {refusal(one, follow)}")
    named = heads if _fit(heads) else [f"head_{i}" for i in range(len(heads))]
    return layers, Graph(tuple(sources), tuple(joins), names[id(node)], tuple(named))


def _window(node: Node, windows: Windows, source: str, size: int) -> Window:
    try:
        return Window(
            inputs=(source,), size=size, kernel=windows.kernel, dilation=windows.dilation, stride=windows.stride,
            padding=windows.padding,
        )  # fmt: skip
    except DesignError as error:
        raise DesignError(f"{node.where}: {error}") from error


def _joined_size(node: Node, sizes: Sequence[int]) -> int:
    assert isinstance(node.operation, Joined)
    if node.operation.kind == CONCATENATION:
        return sum(sizes)
    if len(set(sizes)) > 1:
        raise DesignError(
            f"{node.where}: adds {' and '.join(map(str, sizes))} elements of a frame; a core adds signals of equal size"
        )
    return sizes[0]


def _fit(heads: Sequence[str]) -> bool:
    """Whether the names of outputs may name heads."""
    try:
        if heads:
            both = Join(CONCATENATION, ("layer_0",) * len(heads))
            Graph((INPUT,), (both,), "join_0", tuple(heads))
    except DesignError:
        return False
    return True
