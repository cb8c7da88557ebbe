"""Layers that a model takes several times: one where they take the same signal, a note where they take others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.exchange.graph import (
    Function,
    LastFrame,
    Node,
    Pooled,
    Selected,
    Windows,
    layer_of,
    nodes_before,
)

#: Operations that are the same where they compare equal.
_PLAIN = (Function, LastFrame, Pooled, Selected, Windows)


def with_shared(outputs: Sequence[Node]) -> list[Node]:
    """The outputs, in which what is computed twice of one signal is computed once: the linear layer of a module that is called for
    it twice, and functions behind it. Recurrent layers stay, since each has a state."""
    made: dict[int, Node] = {}
    known: dict[Any, Node] = {}
    for node in nodes_before(outputs):
        inputs = tuple(made[id(n)] for n in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        moved = node if same else replace(node, inputs=inputs)
        what = _key(moved)
        made[id(node)] = (
            moved if what is None else known.setdefault((what, *map(id, inputs)), moved)
        )
    return [made[id(node)] for node in outputs]


def _key(node: Node) -> Any:
    """What makes an operation the same as another one; None of one that is never the same."""
    layer = layer_of(node)
    if layer is not None:
        return None if layer.recurrent else _numbers_of(layer)
    return node.operation if isinstance(node.operation, _PLAIN) and node.inputs else None


def _numbers_of(layer: DenseLayer) -> Any:
    weights = tuple((n, w.shape, np.asarray(w, np.float64).tobytes()) for n, w in sorted(layer.weights.items()))  # fmt: skip
    return (
        layer.kind,
        layer.groups,
        layer.activation,
        layer.slope,
        layer.limit,
        layer.reset,
        weights,
    )


def repeated_notes(layers: Sequence[DenseLayer]) -> list[str]:
    """A note for layers with the same matrices, which the core has several times."""
    found: dict[Any, list[str]] = {}
    for number, layer in enumerate(layers):
        if not layer.recurrent and layer.inputs == layer.groups:  # a number for each element
            continue
        matrices = tuple(
            (n, w.shape, np.asarray(w, np.float64).tobytes())
            for n, w in sorted(layer.weights.items())
            if n in ("input_weight", "recurrent_weight")
        )
        found.setdefault((layer.kind, matrices), []).append(f"{number} ({layer.name})")
    return [
        f"layers {', '.join(names[:-1])} and {names[-1]} have the same matrices, as of a module that is called {len(names)} times: the core has them "
        f"{len(names)} times, since each layer multiplies for itself"
        for names in found.values()
        if len(names) > 1
    ]


def consumers(outputs: Sequence[Node]) -> dict[int, int]:
    """How many nodes and outputs take each node, by its id."""
    counts: dict[int, int] = {}
    for node in [*nodes_before(outputs)]:
        for each in {id(n) for n in node.inputs}:
            counts[each] = counts.get(each, 0) + 1
    for each in {id(n) for n in outputs}:
        counts[each] = counts.get(each, 0) + 1
    return counts


def is_shared(node: Node, counts: dict[int, int]) -> bool:
    """Whether other nodes than one take the linear layer that a node gives, behind choices of frames too."""
    while counts.get(id(node), 0) < 2:
        if not isinstance(node.operation, LastFrame):
            return False
        node = node.input
    return True
