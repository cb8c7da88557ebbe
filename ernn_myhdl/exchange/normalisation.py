"""A normalisation that a model begins with and its layers cannot take, as the host's scaling of x.

    x s + o = (x - offset) s,  offset = -o / s

Where frames of zeros pad a convolution, or the blocks of circulant matrices would be lost, or x goes past the layers, what is
affine in x stays in front of the core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.input_scaling import SMALLEST_SCALE, InputScaling
from ernn_myhdl.exchange.affine import fold_affine, is_first
from ernn_myhdl.exchange.graph import Affine, Input, Node, nodes_before


def with_normalisation(
    outputs: Sequence[Node], keep: bool = False
) -> tuple[list[Node], Affine | None]:
    """The outputs with all affine operations folded, and what the host does to x before; None: nothing.

    keep: the host does what is affine in x even where the layers could. What no host can do either, since x is taken as it is too or
    a factor is zero, stays where it is.
    """
    folded = fold_affine(outputs)
    if not keep and not any(map(is_first, nodes_before(folded))):
        return folded, None
    kept = fold_affine(outputs, keep_first=True)
    nodes = list(nodes_before(kept))
    first = [node for node in nodes if is_first(node)]
    others = [n for n in nodes if not is_first(n) and any(isinstance(i.operation, Input) for i in n.inputs)]  # fmt: skip
    numbers = [node.operation for node in first if isinstance(node.operation, Affine)]
    if not numbers or others or not all(_same(numbers[0], each) for each in numbers):
        return folded, None
    if not _of_host(numbers[0]):
        return folded, None
    return _without(kept, first), numbers[0]


def scaling_of_x(numbers: Affine, inputs: int) -> InputScaling:
    """The scaling of x of so many elements."""
    scale, offset = (
        np.broadcast_to(n, inputs).astype(np.float64) for n in (numbers.scale, numbers.offset)
    )
    return InputScaling((0,) * inputs, tuple((-offset / scale).tolist()), tuple(scale.tolist()))


def _same(one: Affine, other: Affine) -> bool:
    pairs = ((one.scale, other.scale), (one.offset, other.offset))
    return all(np.array_equal(a, b) for a, b in pairs)


def _of_host(numbers: Affine) -> bool:
    """Whether a scaling of x holds the numbers."""
    sizes = np.abs(numbers.scale)
    return bool(np.all((sizes >= SMALLEST_SCALE) & (sizes <= 1 / SMALLEST_SCALE)))


def _without(outputs: Sequence[Node], first: Sequence[Node]) -> list[Node]:
    """The outputs, for which x stands where these nodes did."""
    made: dict[int, Node] = {id(node): node.input for node in first}
    for node in nodes_before(outputs):
        if id(node) not in made:
            inputs = tuple(made[id(n)] for n in node.inputs)
            made[id(node)] = replace(node, inputs=inputs) if inputs else node
    return [made[id(node)] for node in outputs]
