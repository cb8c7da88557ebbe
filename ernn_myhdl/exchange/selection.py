"""Parts of a frame, and affine operations that no layer takes: in the weights of layers beside them, or layers of their own.

linear layer, then some elements    its rows of them
some elements, then a layer         its columns of the others are zero
what is left                        a linear layer of ones and zeros; of an affine operation one in groups of an element,
                                    whose product is the scale and whose bias is the offset
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.exchange.affine import size_of
from ernn_myhdl.exchange.graph import (
    Affine,
    Function,
    Input,
    Joined,
    LastFrame,
    Node,
    Selected,
    layer_of,
    nodes_before,
)

#: Functions of all elements of a frame together.
_OF_FRAMES = ("softmax", "log_softmax", "argmax")
#: Elements of the largest layer that is made here: its matrix is kept whole while a model is read.
MOST_ELEMENTS = 4096


def with_selections(outputs: Sequence[Node]) -> list[Node]:
    """The outputs, for which layers take or give the elements that are selected."""
    made: dict[int, Node] = {}
    for node in nodes_before(outputs):
        inputs = tuple(made[id(n)] for n in node.inputs)
        moved = replace(node, inputs=inputs) if inputs else node
        if isinstance(moved.operation, Selected):
            moved = _selected(moved, moved.operation, moved.input)
        elif (layer := layer_of(moved)) is not None and inputs:
            moved = _of_columns(moved, layer, moved.input)
        made[id(node)] = moved
    return [made[id(node)] for node in outputs]


def _selected(node: Node, chosen: Selected, before: Node) -> Node:
    """Some elements of what `before` gives."""
    operation, places = before.operation, list(chosen.elements)
    if isinstance(operation, Selected):
        both = Selected(tuple(operation.elements[i] for i in places), operation.size)
        return _selected(replace(node, operation=both, inputs=before.inputs), both, before.input)
    through = isinstance(operation, Function) and operation.kind not in _OF_FRAMES
    if isinstance(operation, Affine | LastFrame) or through:
        if isinstance(operation, Affine):
            operation = Affine(*(_part(n, places) for n in (operation.scale, operation.offset)))
        inner = replace(node, inputs=before.inputs)
        moved = replace(
            before, operation=operation, inputs=(_selected(inner, chosen, before.input),)
        )
        return moved if _gains(moved) else node
    layer = layer_of(before)
    if layer is None or layer.kind != "linear" or layer.groups > 1 or layer.structure():
        return node
    rows = {"input_weight": layer.weights["input_weight"][:, places], "bias": layer.weights["bias"][:, places]}  # fmt: skip
    name = f"{layer.name}_{places[0]}_{places[-1]}"
    return replace(before, operation=replace(layer, name=name, weights=layer.weights | rows))


def _part(numbers: np.ndarray, places: list[int]) -> np.ndarray:
    return numbers if numbers.size == 1 else numbers[places]


def _gains(node: Node) -> bool:
    """Whether the selection before some functions has become rows of a layer."""
    while isinstance(node.operation, Function | Affine | LastFrame):
        node = node.input
    return not isinstance(node.operation, Selected)


def _of_columns(node: Node, layer: DenseLayer, before: Node) -> Node:
    """A layer that takes some elements as one that takes all, with zeros for the others."""
    passed: list[Node] = []
    while isinstance(before.operation, LastFrame):
        passed.append(before)
        before = before.input
    if layer.groups > 1 or layer.structure():
        return node
    if before.operation == Joined("concatenation") and not passed:
        return _of_operands(node, layer, before)
    if not isinstance(before.operation, Selected):
        return node
    places = before.operation.elements
    if len(set(places)) < len(places):
        return node
    matrix = layer.weights["input_weight"]
    whole = np.zeros((*matrix.shape[:-1], before.operation.size), dtype=matrix.dtype)
    whole[..., list(places)] = matrix
    source = before.input
    for choice in reversed(passed):
        source = replace(choice, inputs=(source,))
    taken = replace(layer, weights=layer.weights | {"input_weight": whole})
    return replace(node, operation=taken, inputs=(source,))


def _of_operands(node: Node, layer: DenseLayer, before: Node) -> Node:
    """A layer on a concatenation of some elements of signals as one on these signals, with zeros for the others."""
    chosen = [n.operation if isinstance(n.operation, Selected) else None for n in before.inputs]
    sizes = [size_of(n) for n in before.inputs]
    if not any(chosen) or sizes.count(None) > 1:
        return node
    rest = layer.inputs - sum(n for n in sizes if n is not None)
    parts, matrix, start = [], layer.weights["input_weight"], 0
    for own, known in zip(chosen, sizes, strict=True):
        size = rest if known is None else known
        part = matrix[..., start : start + size]
        start += size
        if own is None:
            parts.append(part)
            continue
        if len(set(own.elements)) < size:
            return node
        whole = np.zeros((*matrix.shape[:-1], own.size), dtype=matrix.dtype)
        whole[..., list(own.elements)] = part
        parts.append(whole)
    inputs = tuple(n if own is None else n.input for own, n in zip(chosen, before.inputs, strict=True))  # fmt: skip
    taken = replace(layer, weights=layer.weights | {"input_weight": np.concatenate(parts, axis=-1)})
    return replace(node, operation=taken, inputs=(replace(before, inputs=inputs),))


def with_own_layers(
    outputs: Sequence[Node], left: Collection[Node], size_of_x: int | None
) -> tuple[list[Node], list[str]]:
    """The outputs with a linear layer for every affine operation and selection that is not in a layer, and notes.

    left: operations that the host does, where they are the last of an output. size_of_x: elements of x, where it is known.
    """
    made: dict[int, Node] = {}
    kept: dict[int, Node] = {}
    notes: list[str] = []
    for node in nodes_before(outputs):
        inputs = tuple(made[id(n)] for n in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        moved = node if same else replace(node, inputs=inputs)
        if node in left:
            before = node.input
            kept[id(node)] = replace(node, inputs=(kept.get(id(before), made[id(before)]),))
        layer = _own_layer(moved, size_of_x)
        if layer is None:
            made[id(node)] = moved
            continue
        made[id(node)] = replace(moved, operation=layer)
        if node not in left:
            what = "the scale and the offset of each element" if layer.groups == layer.inputs else "ones and zeros"  # fmt: skip
            notes.append(
                f"{node.where}: no layer beside it can take it, so it is a linear layer of its own, with {what} as its weights"
            )
    return [kept.get(id(node), made[id(node)]) for node in outputs], notes


def with_layer_of_x(outputs: Sequence[Node]) -> tuple[list[Node], list[str]]:
    """The outputs of a model of which no layer takes x itself, with a linear layer of ones that gives it to what does; and a note. As they are where the size
    of x is not known."""
    inputs = [n for n in nodes_before(outputs) if isinstance(n.operation, Input)]
    size = next((n.operation.size for n in inputs if isinstance(n.operation, Input)), None)
    if size is None or size > MOST_ELEMENTS:
        return list(outputs), []
    weights = {"input_weight": np.eye(size)[None], "bias": np.zeros((1, size))}
    ones = DenseLayer("x", "linear", weights, groups=size)
    made: dict[int, Node] = {}
    for node in nodes_before(outputs):
        moved = tuple(made[id(n)] for n in node.inputs)
        made[id(node)] = replace(node, inputs=moved) if moved else node
        if isinstance(node.operation, Input):
            made[id(node)] = Node(ones, (node,), "x")
    note = "no layer takes x itself, which a core needs: a linear layer of ones gives it to what does, with a product for each element"
    return [made[id(node)] for node in outputs], [note]


def _own_layer(node: Node, size_of_x: int | None) -> DenseLayer | None:
    operation = node.operation
    if not isinstance(operation, Affine | Selected):
        return None
    name = node.where.split("'")[1] if node.where.count("'") > 1 else "elements"
    if isinstance(operation, Selected):
        size: int | None = operation.size
    elif operation.size > 1:
        size = operation.size
    else:
        size = size_of(node.input)
        if size is None and isinstance(node.input.operation, Input):
            size = size_of_x
    if size is None or size > MOST_ELEMENTS:
        return None
    if isinstance(operation, Selected):
        matrix = np.zeros((1, len(operation.elements), size))
        matrix[0, range(len(operation.elements)), list(operation.elements)] = 1.0
        bias, groups = np.zeros((1, len(operation.elements))), 1
    else:
        matrix = np.diag(np.broadcast_to(operation.scale, size))[None]
        bias, groups = np.broadcast_to(operation.offset, size)[None], size
    return DenseLayer(
        name, "linear", {"input_weight": matrix, "bias": np.array(bias)}, groups=groups
    )
