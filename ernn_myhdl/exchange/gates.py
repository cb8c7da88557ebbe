"""Functions that are a product of a signal and a gate of it, and sums of a signal with itself.

silu, swish       x sigmoid(x)
hard_swish        x hard_sigmoid(x), slope 1/6
x + x             2 x
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ernn_myhdl.exchange.graph import Function, Joined, Node, affine, nodes_before

_SIXTH = (("alpha", 1.0 / 6.0), ("beta", 0.5))
#: Function -> its gate.
_GATES = {
    "silu": Function("sigmoid"), "swish": Function("sigmoid"),
    "hard_swish": Function("hard_sigmoid", _SIXTH), "hard_silu": Function("hard_sigmoid", _SIXTH),
}  # fmt: skip


def with_gates(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with products in the place of these functions."""
    made: dict[int, Node] = {}
    for node in nodes_before(outputs):
        inputs = tuple(made[id(n)] for n in node.inputs)
        moved = replace(node, inputs=inputs) if inputs else node
        made[id(node)] = _gated(moved)
    return [made[id(node)] for node in outputs]


def _gated(node: Node) -> Node:
    function = node.operation
    if function == Joined("addition") and len({id(n) for n in node.inputs}) == 1:
        twice = affine(node.where, float(len(node.inputs)), 0.0, None)
        return replace(node, operation=twice, inputs=node.inputs[:1])
    if not isinstance(function, Function) or function.kind not in _GATES:
        return node
    if any(value != 1.0 for _, value in function.parameters):  # alpha of a Swish
        return node
    gate = replace(node, operation=_GATES[function.kind])
    return replace(node, operation=Joined("product"), inputs=(node.input, gate))
