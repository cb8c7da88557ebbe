"""Affine constants folded into the layers beside them, in float64, before anything is quantised.

    layer, then y s + o      rows:     W' = diag(s) W,   b' = s b + o      of a linear layer
    x s + o, then a layer    columns:  W' = W diag(s),   b' = b + W o      of any layer's matrix of x

Dense matrices take any numbers; a block-circulant one only those that leave it its blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.embedding import Table
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.branches import node_size
from ernn_myhdl.exchange.graph import (
    Affine,
    Input,
    Joined,
    LastFrame,
    LookedUp,
    Node,
    Windows,
    layer_of,
    nodes_before,
)
from ernn_myhdl.exchange.sharing import consumers, is_shared


def fold_affine(outputs: Sequence[Node], keep_first: bool = False) -> list[Node]:
    """The outputs with all affine operations in their neighbours that these can take. keep_first: but those of x itself."""
    made: dict[int, Node] = {}
    counts, ends = consumers(outputs), {id(n) for n in outputs}
    for node in nodes_before(outputs):
        inputs = tuple(made[id(n)] for n in node.inputs)
        moved = replace(node, inputs=inputs) if inputs else node
        own = isinstance(node.operation, Affine) and id(node) not in ends
        # in the rows of a layer that others take too it would cost a second matrix
        stays = own and is_shared(node.input, counts) and _is_matrix(inputs[0])
        made[id(node)] = moved if stays else _folded(moved, keep_first)
    return [made[id(node)] for node in outputs]


def _is_matrix(node: Node) -> bool:
    """Whether a node gives, behind choices of frames, what a linear layer with more than a weight for each element does."""
    layer = layer_of(_past_choice(node)[1])
    return layer is not None and not layer.recurrent and layer.inputs > layer.groups


def is_first(node: Node) -> bool:
    """Whether it is an affine operation of x itself."""
    return isinstance(node.operation, Affine) and isinstance(node.input.operation, Input)


def _folded(node: Node, keep_first: bool) -> Node:
    """A node of which the inputs are folded already, with its own affine numbers in its neighbour."""
    if isinstance(node.operation, Affine):
        return _behind(node.input, node.operation, node)
    layer = layer_of(node)
    if layer is not None and node.inputs:
        passed, before = _past_choice(node.input)
        if keep_first and (is_first(before) or before.inputs and is_first(before.inputs[0])):
            return node
        if isinstance(before.operation, Affine):
            taken = with_columns(layer, before.operation)
            if taken is not None:
                behind = replace(node, operation=taken, inputs=(_chosen(before.input, passed),))
                return _folded(behind, keep_first)
        if isinstance(before.operation, Joined) and not passed:
            return _through_concatenation(node, layer, before, keep_first)
        if isinstance(before.operation, Windows) and not passed:
            return _through_windows(node, layer, before, before.operation)
    return node


def _through_windows(node: Node, layer: DenseLayer, before: Node, windows: Windows) -> Node:
    """A layer on windows of numbers that a scale has made: the scale in the columns of every frame of a window, and what is
    added to them, unless frames of zeros stand in for others."""
    numbers = before.input.operation
    if not isinstance(numbers, Affine) or (windows.padding and np.any(numbers.offset)):
        return node
    size = layer.inputs // windows.kernel
    each = (np.tile(np.broadcast_to(n, size), windows.kernel) for n in (numbers.scale, numbers.offset))  # fmt: skip
    taken = with_columns(layer, Affine(*each))
    if taken is None:
        return node
    return replace(node, operation=taken, inputs=(replace(before, inputs=before.input.inputs),))


def _through_concatenation(node: Node, layer: DenseLayer, before: Node, keep_first: bool) -> Node:
    """A layer on a concatenation of signals, some of which numbers have made: these in the columns of theirs."""
    operands = before.inputs
    found = [isinstance(n.operation, Affine) and not (keep_first and is_first(n)) for n in operands]
    if before.operation != Joined("concatenation") or not any(found):
        return node
    scales, offsets, inputs, left = [], [], [], layer.inputs
    sizes = [size_of(n) for n in operands]
    if sizes.count(None) > 1:
        return node
    left -= sum(n for n in sizes if n is not None)
    for operand, numbered, known in zip(operands, found, sizes, strict=True):
        size = left if known is None else known
        numbers = operand.operation if numbered else Affine(np.ones(1), np.zeros(1))
        assert isinstance(numbers, Affine)
        scales.append(np.broadcast_to(numbers.scale, size))
        offsets.append(np.broadcast_to(numbers.offset, size))
        inputs.append(operand.input if numbered else operand)
    taken = with_columns(layer, Affine(np.concatenate(scales), np.concatenate(offsets)))
    if taken is None:
        return node
    return replace(node, operation=taken, inputs=(replace(before, inputs=tuple(inputs)),))


def size_of(node: Node) -> int | None:
    """Elements of a signal; None of x where the file does not tell."""
    try:
        return node_size(node)
    except DesignError:
        return None


def _behind(before: Node, numbers: Affine, node: Node) -> Node:
    """What follows from `before` with these numbers; node: the operation that has them."""
    passed, source = _past_choice(before)
    if isinstance(source.operation, Affine):
        joined = replace(node, operation=source.operation.then(numbers), inputs=source.inputs)
        return _chosen(joined, passed)
    if isinstance(source.operation, LookedUp):  # every row of its table
        rows = source.operation.table.values * numbers.scale + numbers.offset
        return _chosen(replace(source, operation=LookedUp(Table(rows))), passed)
    layer = layer_of(source)
    if layer is not None and not layer.recurrent:
        taken = with_rows(layer, numbers)
        if taken is not None:
            return _chosen(replace(source, operation=taken), passed)
    return _chosen(replace(node, operation=numbers, inputs=(source,)), passed)


def _past_choice(node: Node) -> tuple[tuple[Node, ...], Node]:
    """The choices of frames before a node, which no number depends on, and what they choose from."""
    passed: tuple[Node, ...] = ()
    while isinstance(node.operation, LastFrame):
        passed = (*passed, node)
        node = node.input
    return passed, node


def _chosen(node: Node, passed: Sequence[Node]) -> Node:
    for choice in reversed(passed):
        node = replace(choice, inputs=(node,))
    return node


def with_rows(layer: DenseLayer, numbers: Affine) -> DenseLayer | None:
    """A linear layer followed by the numbers; None where its blocks would be lost."""
    matrix, bias = (layer.weights[n].astype(np.float64) for n in ("input_weight", "bias"))
    weights = layer.weights | {
        "input_weight": numbers.scale[:, None] * matrix,
        "bias": numbers.scale * bias + numbers.offset,
    }
    return _keeping(layer, replace(layer, weights=weights))


def with_columns(layer: DenseLayer, numbers: Affine) -> DenseLayer | None:
    """A layer behind the numbers; None where its blocks would be lost."""
    matrix = layer.weights["input_weight"].astype(np.float64)
    scale, offset = (np.broadcast_to(n, layer.inputs) for n in (numbers.scale, numbers.offset))
    weights = layer.weights | {
        "input_weight": matrix * scale,
        "bias": layer.weights["bias"] + matrix @ offset,
    }
    return _keeping(layer, replace(layer, weights=weights))


def _keeping(before: DenseLayer, after: DenseLayer) -> DenseLayer | None:
    """The layer after a change of its numbers, unless that has cost its matrices their blocks."""
    if np.array_equal(before.weights["input_weight"], after.weights["input_weight"]):
        return after
    structure = before.structure()
    if structure and any(n > 0 for n in _lost(before, after, structure)):
        return None
    return after


def _lost(before: DenseLayer, after: DenseLayer, structure: dict[str, int]) -> list[float]:
    """Errors of the matrices with the blocks that they had before."""
    cell = before.cell(structure)
    return list(after.errors(cell).values())
