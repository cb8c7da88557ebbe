"""One step of cells in an ONNX file: exporters take nn.LSTMCell, nn.GRUCell and nn.RNNCell apart into single operators.

    RNN   h' = f(a)                                                 a = W x + R h
    LSTM  c' = s(a_f) c + s(a_i) tanh(a_g),  h' = s(a_o) tanh(c')
    GRU   r = s(a_r), z = s(a_z), n = tanh(W_n x + r (R_n h)),      h' = (h - n) z + n

Where h (and c) are inputs of the graph, moved at most, and h' (and c') its outputs, these operators become the recurrent operator of ONNX
on one frame, which the walk knows. Others stay as they are: a walk refuses them by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ernn_myhdl.exchange.onnx_before import MOVES
from ernn_myhdl.exchange.recurrent_kinds import OPERATORS

_FUNCTIONS = {"Tanh": "Tanh", "Relu": "Relu"}


@dataclass(frozen=True)
class _Linear:
    """W v + bias; weight (rows, elements of v)."""

    source: str
    weight: np.ndarray
    bias: np.ndarray | None
    name: str


@dataclass(frozen=True)
class _Cell:
    """A cell that was found. kind: its operator; activation: of an RNN. x, h: as they go in, through their matrices; c: of an LSTM. made: h',
    and c' of an LSTM."""

    kind: str
    x: _Linear
    h: _Linear
    made: tuple[str, ...]
    c: str = ""
    activation: str = ""

    @property
    def states(self) -> list[str]:
        return [self.h.source, *([self.c] if self.c else [])]


class _Nodes:
    """The nodes of a graph by what they make and take. attributes: of a node."""

    def __init__(
        self, nodes: Sequence[Any], constants: Mapping[str, np.ndarray], inputs: Sequence[str], outputs: Iterable[str]
    ) -> None:  # fmt: skip
        self.nodes, self.inputs, self.outputs = list(nodes), list(inputs), set(outputs)
        self.constants = dict(constants)
        self.makers = {name: node for node in nodes for name in node.output if name}
        self.takers: dict[str, list[Any]] = {}
        for node in nodes:
            for source in node.input:
                self.takers.setdefault(source, []).append(node)
            if node.op_type == "Constant":
                self.constants[node.output[0]] = _constant(node)

    def made_by(self, name: str, kind: str) -> Any:
        node = self.makers.get(name)
        return node if node is not None and node.op_type == kind and node.domain in ("", "ai.onnx") else None  # fmt: skip

    def pairs(self, name: str, kind: str) -> list[tuple[str, str]]:
        """Both orders of what an operator of two inputs takes."""
        node = self.made_by(name, kind)
        if node is None or len(node.input) != 2:
            return []
        first, second = node.input
        return [(first, second), (second, first)]

    def of(self, name: str, kind: str) -> str:
        """What an operator of one input takes; empty where something else makes the value."""
        node = self.made_by(name, kind)
        return str(node.input[0]) if node is not None and len(node.input) == 1 else ""

    def linear(self, name: str) -> _Linear | None:
        """The matrix product that makes a value, with its bias."""
        gemm = self.made_by(name, "Gemm")
        if gemm is not None:
            given = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0} | _numbers(gemm)
            weight = self.constants.get(gemm.input[1])
            bias = self.constants.get(gemm.input[2]) if len(gemm.input) > 2 else None
            plain = (given["alpha"], given["beta"], given["transA"]) == (1.0, 1.0, 0)
            if weight is None or weight.ndim != 2 or not plain:
                return None
            if len(gemm.input) > 2 and bias is None:
                return None
            return _Linear(
                gemm.input[0], weight if given["transB"] else weight.T, bias, gemm.input[1]
            )
        for source, constant in self.pairs(name, "Add"):
            bias, product = self.constants.get(constant), self.linear(source)
            if bias is not None and bias.ndim == 1 and product is not None and product.bias is None:
                return _Linear(product.source, product.weight, bias, product.name)
        product = self.made_by(name, "MatMul")
        if product is not None:
            weight = self.constants.get(product.input[1])
            if weight is not None and weight.ndim == 2:
                return _Linear(product.input[0], weight.T, None, product.input[1])
        return None

    def gates(self, names: Sequence[str], count: int) -> str:
        """The value of which names are all equal parts, in order; empty where they are not."""
        node = self.makers.get(names[0])
        if node is None or node.op_type != "Split" or list(node.output) != list(names):
            return ""
        sizes = self.constants.get(node.input[1]) if len(node.input) > 1 else _sizes(node)
        equal = sizes is None or len({int(n) for n in np.asarray(sizes).reshape(-1)}) == 1
        return str(node.input[0]) if equal and len(names) == count else ""

    def root(self, name: str) -> str:
        """The input of the graph that a value is, moved at most; empty where it follows from more."""
        while name not in self.inputs:
            node = self.makers.get(name)
            if node is None or node.op_type not in MOVES or node.op_type == "Concat":
                return ""
            name = node.input[0]
        return name

    def given_back(self, name: str) -> bool:
        """Whether a value is an output of the graph, moved or beside others at most."""
        left, seen = [name], {name}
        while left:
            one = left.pop()
            if one in self.outputs:
                return True
            for node in self.takers.get(one, ()):
                new = [n for n in node.output if node.op_type in MOVES and n not in seen]
                left += new
                seen.update(new)
        return False


def with_cells(
    nodes: Sequence[Any], constants: dict[str, np.ndarray], inputs: Sequence[str], outputs: Iterable[str]
) -> list[Any]:  # fmt: skip
    """The nodes of a graph, single steps of cells as recurrent operators, whose weights are added to the constants."""
    known = _Nodes(nodes, constants, inputs, outputs)
    if len(known.inputs) < 2:
        return list(nodes)
    cells = [cell for node in nodes if (cell := _found(known, node)) is not None]
    if not cells:
        return list(nodes)
    # c' of an LSTM is made before h'
    first = {id(known.makers[cell.made[-1]]): cell for cell in cells}
    last = {id(known.makers[cell.made[0]]) for cell in cells}
    made: list[Any] = []
    for node in nodes:
        if id(node) in first:
            made += _recurrent(first[id(node)], constants)
        elif id(node) not in last:
            made.append(node)
    return _needed(made, known.outputs)


def _found(known: _Nodes, node: Any) -> _Cell | None:
    """The cell of which a node makes the output, if its states are inputs of the graph and given back."""
    if len(node.output) != 1:
        return None
    for find in (_gru, _lstm, _rnn):
        cell = find(known, node.output[0])
        if cell is not None:
            roots = [known.root(state) for state in cell.states]
            whole = all(roots) and all(map(known.given_back, cell.made)) and _fits(cell)
            return cell if whole else None
    return None


def _fits(cell: _Cell) -> bool:
    gates = OPERATORS[cell.kind].gates
    rows, hidden = cell.h.weight.shape
    return rows == gates * hidden == len(cell.x.weight)


def _inputs(known: _Nodes, first: str, second: str) -> tuple[_Linear, _Linear] | None:
    """x and h of a sum of two products: h is through a square matrix for each gate, and an input of the graph; where both may be, the
    later one."""
    both = [known.linear(first), known.linear(second)]
    if both[0] is None or both[1] is None:
        return None
    may = []
    for x, h in ((both[0], both[1]), (both[1], both[0])):
        rows, hidden = h.weight.shape
        if rows % hidden == 0 and len(x.weight) == rows and (root := known.root(h.source)):
            may.append((known.inputs.index(root), x, h))
    if not may:
        return None
    _, x, h = max(may, key=lambda each: each[0])
    return x, h


def _rnn(known: _Nodes, name: str) -> _Cell | None:
    for kind in _FUNCTIONS:
        for first, second in known.pairs(known.of(name, kind), "Add")[:1]:
            found = _inputs(known, first, second)
            if found is not None and found[1].weight.shape[0] == found[1].weight.shape[1]:
                return _Cell("RNN", *found, (name,), activation=kind)
    return None


def _lstm(known: _Nodes, name: str) -> _Cell | None:
    for o, squashed in known.pairs(name, "Mul"):
        c_new = known.of(squashed, "Tanh")
        for kept, fresh in known.pairs(c_new, "Add"):
            for f, c in known.pairs(kept, "Mul"):
                for i, g in known.pairs(fresh, "Mul"):
                    parts = [*(known.of(n, "Sigmoid") for n in (i, f)), known.of(g, "Tanh"), known.of(o, "Sigmoid")]  # fmt: skip
                    total = known.gates(parts, 4) if all(parts) else ""
                    for first, second in known.pairs(total, "Add")[:1]:
                        found = _inputs(known, first, second)
                        if found is not None:
                            return _Cell("LSTM", *found, (name, c_new), c)
    return None


def _gru(known: _Nodes, name: str) -> _Cell | None:
    for mixed, n in known.pairs(name, "Add"):
        for difference, z in known.pairs(mixed, "Mul"):
            sub = known.made_by(difference, "Sub")
            if sub is None or sub.input[1] != n:
                continue
            h = sub.input[0]
            for of_x, reset in known.pairs(known.of(n, "Tanh"), "Add"):
                for of_h, r in known.pairs(reset, "Mul"):
                    cell = _gru_of(known, name, h, of_x, of_h, (known.of(r, "Sigmoid"), known.of(z, "Sigmoid")))  # fmt: skip
                    if cell is not None:
                        return cell
    return None


def _gru_of(
    known: _Nodes, name: str, h: str, of_x: str, of_h: str, sums: tuple[str, str]
) -> _Cell | None:
    """The cell of these products of a candidate and sums of reset and update gate."""
    ways = [known.pairs(total, "Add") for total in sums]
    for x_r, h_r in ways[0]:
        for x_z, h_z in ways[1]:
            x, back = known.gates([x_r, x_z, of_x], 3), known.gates([h_r, h_z, of_h], 3)
            both = (known.linear(x), known.linear(back)) if x and back else (None, None)
            if both[0] is not None and both[1] is not None and both[1].source == h:
                return _Cell("GRU", both[0], both[1], (name,))
    return None


def _recurrent(cell: _Cell, constants: dict[str, np.ndarray]) -> list[Any]:
    """The nodes of a cell on one frame, in front of which and behind which axes come and go."""
    from onnx import helper

    form, here = OPERATORS[cell.kind], f"{cell.made[0]} cell"
    hidden = cell.h.weight.shape[1]
    biases = [
        np.zeros(len(each.weight), dtype=each.weight.dtype) if each.bias is None else each.bias
        for each in (cell.x, cell.h)
    ]
    arrays = {
        "W": form.onnx_rows(cell.x.weight)[None],
        "R": form.onnx_rows(cell.h.weight)[None],
        "B": np.concatenate([form.onnx_rows(b) for b in biases])[None],
        "0": np.array([0], dtype=np.int64),
        "0,1": np.array([0, 1], dtype=np.int64),
    }
    constants |= {f"{here} {name}": np.ascontiguousarray(array) for name, array in arrays.items()}
    nodes = []
    moved = []
    for i, source in enumerate([cell.x.source, *cell.states]):
        moved.append(f"{here} input {i}")
        nodes.append(helper.make_node("Unsqueeze", [source, f"{here} 0"], moved[-1:]))
    attributes: dict[str, Any] = {"hidden_size": hidden}
    if "linear_before_reset" in form.attributes:
        attributes["linear_before_reset"] = 1
    if cell.activation:
        attributes["activations"] = [cell.activation]
    made = [f"{here} {part}" for part in ("Y", "Y_h", "Y_c")[: 1 + len(cell.made)]]
    weights = [f"{here} {part}" for part in "WRB"]
    name = cell.x.name.removesuffix(".weight_ih")
    if name == cell.x.name:  # no name of a module
        name = cell.kind.lower()
    nodes.append(helper.make_node(cell.kind, [moved[0], *weights, "", *moved[1:]], made, name, **attributes))  # fmt: skip
    nodes.append(helper.make_node("Squeeze", [made[0], f"{here} 0,1"], [cell.made[0]]))
    if len(cell.made) > 1:
        nodes.append(helper.make_node("Squeeze", [made[2], f"{here} 0"], [cell.made[1]]))
    return nodes


def _needed(nodes: Sequence[Any], outputs: Iterable[str]) -> list[Any]:
    """The nodes that outputs follow from, in their order."""
    wanted, made, kept = set(outputs), set(), []
    for node in reversed(nodes):
        new = [name for name in node.output if name in wanted and name not in made]
        if new:
            kept.append(node)
            made.update(node.output)
            wanted.update(name for name in node.input if name)
    return kept[::-1]


def _numbers(node: Any) -> dict[str, float]:
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _sizes(node: Any) -> Any:
    given = _numbers(node)
    return given.get("split")


def _constant(node: Any) -> Any:
    from onnx import helper, numpy_helper

    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.name == "value":
            return numpy_helper.to_array(value)
        if attribute.name.startswith("value_"):
            return np.asarray(value)
    return None
