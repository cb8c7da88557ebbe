"""What a graph asks for that no core does, found before it is walked.

States and lengths that come from outside the graph, and layers that an exporter has taken apart: a walk
would stop at the first of their operators, whose name tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_refusals import APART, CELL, KERAS, LAYER_NORM, named_reason
from ernn_myhdl.exchange.recurrent_kinds import OPERATORS

#: Key of the classes that PyTorch's exporter notes for a node.
_CLASSES = "pkg.torch.onnx.class_hierarchy"
_KERAS_CLASS = re.compile(
    r"keras\.[\w.]*layers\.rnn\.\w+\.(LSTM|GRU|SimpleRNN|RNN|Bidirectional)\w*"
)
_UNROLLED = {"RNN": "RNN", "RNNCell": "RNN", "GRUCell": "GRU", "LSTMCell": "LSTM"}
#: Operators that only move numbers.
MOVES = {
    "Cast", "Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose",
    "Unsqueeze",
}  # fmt: skip


def check_before(nodes: Iterable, inputs: set[str]) -> set[str]:
    """Those of a graph's inputs that are states before the first frame; DesignError for what no core does."""
    nodes = list(nodes)
    takers: dict[str, list] = {}
    for node in nodes:
        for number, source in enumerate(node.input):
            takers.setdefault(source, []).append((node, number))
    states = {name for name in inputs if _is_state(name, takers)}
    makers = {output: node for node in nodes for output in node.output if output}
    _check_named(nodes, makers, inputs)
    for node in nodes:
        where = f"node {node.name or (node.output or ['?'])[0]!r} ({node.op_type})"
        if node.op_type in ("Loop", "Scan"):
            raise DesignError(
                f"{where}: is a loop over the frames, as tf2onnx and Keras' export write recurrent layers that they do not "
                f"recognise; {KERAS}"
            )
        keras = _KERAS_CLASS.search(_classes(node))
        if node.op_type not in OPERATORS and keras:
            raise DesignError(
                f"{where}: is part of a {keras[1]} of Keras, which the exporter takes apart into single operators; {KERAS}"
            )
        for cell, layer in _UNROLLED.items():
            # what only moves numbers is around a cell that was found (`ernn_myhdl.exchange.onnx_cells`)
            own = node.op_type not in OPERATORS and node.op_type not in MOVES
            if own and f"'torch.nn.modules.rnn.{cell}'" in _classes(node):
                advice = CELL.format(layer=layer) if cell != layer else APART.format(layer=layer)
                raise DesignError(f"{where}: is part of an nn.{cell}, {advice}")
    for node in nodes:
        if node.op_type in OPERATORS:
            where = f"node {node.name or (node.output or ['?'])[0]!r} ({node.op_type})"
            for name, source in zip(OPERATORS[node.op_type].inputs, node.input, strict=False):
                if name in ("sequence_lens", "initial_h", "initial_c") and source:
                    _check_source(where, name, source, makers, inputs - states)
    return states


def _check_named(nodes: list, makers: dict, inputs: set[str]) -> None:
    """DesignError for attention and for normalisations of a frame by itself, which exporters take apart into operators whose names
    tell nothing."""
    signals = set(inputs)
    for node in nodes:
        follow = [source for source in node.input if source in signals]
        if follow and node.op_type not in ("Shape", "Size"):
            signals.update(node.output)
        reason = named_reason(node.op_type, len(follow)) if follow else None
        if reason is None and node.op_type == "Div" and len(node.input) == 2:
            root = makers.get(node.input[1])  # (x - mean) / sqrt(mean of squares + epsilon)
            if root is not None and root.op_type == "Sqrt" and root.output[0] in signals:
                reason = LAYER_NORM if _takes_mean(root, makers) else None
        if reason is not None:
            where = f"node {node.name or (node.output or ['?'])[0]!r} ({node.op_type})"
            raise DesignError(f"{where}: {reason}")


def _takes_mean(node, makers: dict) -> bool:
    """Whether a root is of a mean of squares."""
    before = makers.get(node.input[0])
    while before is not None and before.op_type in ("Add", "Identity", "Cast"):
        before = next(
            (
                m
                for s in before.input
                if (m := makers.get(s)) is not None and m.op_type != "Constant"
            ),
            None,
        )
    return before is not None and before.op_type == "ReduceMean"


def _is_state(name: str, takers: dict[str, list]) -> bool:
    """Whether an input of the graph is the state of recurrent nodes, moved at most, and nothing else. takers: of each value, the
    nodes that take it, each with the number of its input."""
    left, seen, found = [name], {name}, False
    while left:
        for node, number in takers.get(left.pop(), ()):
            if node.op_type in OPERATORS:
                parts = OPERATORS[node.op_type].inputs
                if number >= len(parts) or parts[number] not in ("initial_h", "initial_c"):
                    return False
                found = True
            elif number or node.op_type not in MOVES - {"Concat"}:
                return False
            else:
                left += [output for output in node.output if output not in seen]
                seen.update(node.output)
    return found


def _check_source(where: str, name: str, source: str, makers: dict, inputs: set[str]) -> None:
    """DesignError where what a recurrent node starts from, or how long it runs, follows from the input."""
    moved = _roots(source, makers, inputs, only_moved=True)
    for root in moved or _roots(source, makers, inputs):
        if name == "sequence_lens":
            raise DesignError(
                f"{where}: sequence_lens {root!r} may vary inside a batch, as with pack_padded_sequence; run "
                "each sequence alone, and export the model without lengths"
            )
        what = "is an input of the graph" if moved else "is what it follows from"
        raise DesignError(
            f"{where}: {name} {root!r} {what}, must be a constant: a sequence starts from a fixed state; "
            "export the model without (h0, c0), or with constants for them"
        )


def _roots(source: str, makers: dict, inputs: set[str], only_moved: bool = False) -> list[str]:
    """The inputs of the graph whose numbers reach a value, not only their sizes.

    only_moved: those that reach it unchanged.
    """
    found, seen, left = [], set(), [source]
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in inputs:
            found.append(name)
        elif (node := makers.get(name)) is not None and node.op_type not in ("Shape", "Size"):
            if node.op_type in OPERATORS or (only_moved and node.op_type not in MOVES):
                continue
            left += list(node.input[:1]) if only_moved and node.op_type != "Concat" else node.input
    return found


def _classes(node) -> str:
    """The classes that the exporter notes; empty where it does not, or with an older onnx."""
    return next((p.value for p in getattr(node, "metadata_props", ()) if p.key == _CLASSES), "")
