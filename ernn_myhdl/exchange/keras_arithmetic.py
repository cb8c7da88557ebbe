"""Arithmetic of a signal and a constant, or of signals, in a Keras model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.graph import Function, Joined, Node, Operation, Unsupported, affine
from ernn_myhdl.exchange.rectifiers import extreme

#: Kinds of joins by the layers that are no addition.
JOINS = {
    "Concatenate": "concatenation",
    "Multiply": "product",
    "Maximum": "comparison",
    "Minimum": "comparison",
}


def arithmetic(where: str, kind: str, constant: Any, behind: bool, size: int | None) -> Operation:
    """A signal and a constant; behind: whether the signal is the second of both."""
    if isinstance(constant, dict):  # {"class_name": "__tensor__", "config": {"value": ...}}
        constant = constant.get("config", {}).get("value")
    try:
        numbers = np.asarray(constant, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DesignError(
            f"{where}: its constant is {short(repr(constant))}, must be numbers"
        ) from error
    wide = [i for i, n in enumerate(numbers.shape) if n != 1]
    if wide not in ([], [numbers.ndim - 1]):
        raise DesignError(f"{where}: its constant differs between frames or sequences")
    numbers = numbers.reshape(-1)
    if kind == "Add":
        return affine(where, 1.0, numbers, size)
    if kind == "Subtract":
        return affine(where, -1.0, numbers, size) if behind else affine(where, 1.0, -numbers, size)
    if kind == "Multiply":
        return affine(where, numbers, 0.0, size)
    if kind in ("Maximum", "Minimum") and np.all(numbers == numbers[0]):
        return Function("clip", (("min" if kind == "Maximum" else "max", float(numbers[0])),))
    if kind in ("Divide", "TrueDivide") and not behind and np.all(numbers):
        return affine(where, 1.0 / numbers, 0.0, size)
    return Unsupported("computes what no layer does", "cut the model before or after it")


def joined(where: str, kind: str, nodes: tuple[Node, ...]) -> Node:
    """Several signals as one."""
    if kind == "Concatenate":
        return Node(Joined("concatenation"), nodes, where)
    if kind == "Subtract" and len(nodes) == 2:
        nodes = (nodes[0], Node(affine(where, -1.0, 0.0, None), nodes[1:], where))
    elif kind == "Multiply":
        made = nodes[0]
        for node in nodes[1:]:
            made = Node(Joined("product"), (made, node), where)
        return made
    elif kind in ("Maximum", "Minimum"):
        made = nodes[0]
        for node in nodes[1:]:
            made = extreme(where, made, node, kind == "Maximum")
        return made
    elif kind not in ("Add", "Average"):
        what = "joins two signals in a way that no core has"
        return Node(Unsupported(what, "cut the model before it"), nodes, where)
    total = Node(Joined("addition"), nodes, where)
    if kind == "Average":
        return Node(affine(where, 1.0 / len(nodes), 0.0, None), (total,), where)
    return total
