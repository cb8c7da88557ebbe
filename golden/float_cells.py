"""One frame of each cell in float64, for a batch: the equations behind the matrices.

s is the logistic function, `.` element-wise, act the candidate's activation (tanh or s); c', h' and y'
are those of the frame before.

LSTM: input, forget, candidate (g), output; a peephole of the output gate sees the new c.

    i = s(W_ix x + W_ir y' + p_i . c' + b_i)       f likewise
    g = act(W_gx x + W_gr y' + b_g)
    c = f . c' + i . g
    o = s(W_ox x + W_or y' + p_o . c + b_o)
    m = o . tanh(c);   y = W_p m, or y = m without a projection

GRU: reset, update, candidate; the reset comes before or after the recurrent product.

    r, z = s(W x + W h' + b)                       h = n + z . (h' - n) = (1 - z) . n + z . h',   y = h
    before:  n = act(W_nx x + W_nh (r . h') + b_n)
    after:   n = act(W_nx x + b_n + r . (W_nh h' + b_nh))

Linear: y = act(W x + b), act being one of `ernn_myhdl.design.cells.activations`.

Vanilla RNN: y = act(W x + W_h y' + b), act being tanh or max(., 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from ernn_myhdl.design.cells import Cell, GruCell, LinearCell, LstmCell, RnnCell

#: Product of a matrix with vectors (n, columns): (n, ..., rows).
Product = Callable[[np.ndarray], np.ndarray]
Tensors = dict[str, np.ndarray]


class CellParts(Protocol):
    """What the equations of a cell are made of: a `FloatModel`."""

    cell: Cell

    def product(self, name: str, gates: slice | int = slice(None)) -> Product:
        """Product with some gates of a matrix, from and to whole tiles."""

    def padded(self, name: str) -> np.ndarray:
        """A weight of the cells, to whole tiles."""

    def mask(self, name: str) -> np.ndarray:
        """0 for the padding of a tensor."""


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def activation(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The function "tanh", "sigmoid" or "relu"."""
    if name == "relu":
        return lambda x: np.maximum(x, 0.0)
    return np.tanh if name == "tanh" else logistic


@dataclass(frozen=True)
class CellFrame:
    """What one frame starts from, for n sequences.

    products (n, G, H): of all gates with x. cell_state (n, H) and output (n, Y): of the frame before.
    """

    products: np.ndarray
    cell_state: np.ndarray
    output: np.ndarray


@dataclass(frozen=True)
class LstmEquations:
    """recurrent: (n, Y) -> (n, 4, H); projection: (n, H) -> (n, Y) or None. bias (4, H); peephole
    (3, H): input, forget, output, or None. cell_mask (H,), output_mask (Y,): 0 for padding."""

    recurrent: Product
    bias: np.ndarray
    projection: Product | None = None
    peephole: np.ndarray | None = None
    g_activation: str = "tanh"
    cell_mask: np.ndarray | float = 1.0
    output_mask: np.ndarray | float = 1.0

    @classmethod
    def of(cls, parts: CellParts) -> LstmEquations:
        """The equations of a cell with its weights."""
        cell = parts.cell
        return cls(
            parts.product("recurrent_weight"),
            parts.padded("bias"),
            parts.product("projection_weight") if cell.projection else None,
            parts.padded("peephole") if cell.peepholes else None,
            cell.g_activation,
            parts.mask("cell_output"),
            parts.mask("output"),
        )

    def __call__(self, now: CellFrame) -> Tensors:
        recurrent = self.recurrent(now.output)
        gate_sums = now.products + recurrent
        z, c = gate_sums + self.bias, now.cell_state
        if self.peephole is not None:
            z[:, :2] += self.peephole[:2] * c[:, None]
        i, f, g = logistic(z[:, 0]), logistic(z[:, 1]), activation(self.g_activation)(z[:, 2])
        c = f * c + i * g
        if self.peephole is not None:
            z[:, 3] += self.peephole[2] * c
        o = logistic(z[:, 3])
        cell_tanh = np.tanh(c)
        m = o * cell_tanh * self.cell_mask
        made = {
            "gate_input_sums": now.products,
            "gate_recurrent_sums": recurrent,
            "gate_sums": gate_sums,
            "preactivations": z,
            "gates": np.stack([i, f, g, o], axis=1),
            "cell_state": c,
            "cell_tanh": cell_tanh,
            "cell_output": m,
            "output": m,
        }
        if self.projection is not None:
            sums = self.projection(m)
            made |= {"projection_sums": sums, "output": sums * self.output_mask}
        return made


@dataclass(frozen=True)
class GruEquations:
    """recurrent: (n, H) -> (n, 2, H) with reset before, (n, 3, H) with reset after the product;
    candidate: (n, H) -> (n, H), with reset before. bias (3, H); recurrent_bias (1, H), with reset
    after. cell_mask (H,): 0 for padding."""

    recurrent: Product
    bias: np.ndarray
    candidate: Product | None = None
    recurrent_bias: np.ndarray | None = None
    g_activation: str = "tanh"
    cell_mask: np.ndarray | float = 1.0

    @classmethod
    def of(cls, parts: CellParts) -> GruEquations:
        """The equations of a cell with its weights."""
        before = parts.cell.reset == "before"
        return cls(
            parts.product("recurrent_weight", slice(2) if before else slice(3)),
            parts.padded("bias"),
            parts.product("recurrent_weight", 2) if before else None,
            None if before else parts.padded("recurrent_bias"),
            parts.cell.g_activation,
            parts.mask("cell_state"),
        )

    def __call__(self, now: CellFrame) -> Tensors:
        h, recurrent = now.cell_state, self.recurrent(now.output)
        sums = now.products[:, :2] + recurrent[:, :2]
        preactivations = sums + self.bias[:2]
        gates = logistic(preactivations)
        r, z = gates[:, 0], gates[:, 1]
        if self.candidate is not None:
            m = r * h
            of_m = self.candidate(m)
            candidate_sums = now.products[:, 2] + of_m
            made = {
                "gate_input_sums": now.products[:, :2],
                "gate_recurrent_sums": recurrent,
                "gate_sums": sums,
                "cell_output": m,
                "candidate_input_sums": now.products[:, 2],
                "candidate_recurrent_sums": of_m,
                "candidate_sums": candidate_sums,
            }
            rows = [candidate_sums + self.bias[2]]
        else:
            assert self.recurrent_bias is not None
            none = np.zeros_like(recurrent[:, 2:])
            parts = {
                "gate_input_sums": [now.products, none],
                "gate_recurrent_sums": [recurrent[:, :2], none, recurrent[:, 2:]],
                "gate_sums": [sums, now.products[:, 2:], recurrent[:, 2:]],
            }
            made = {name: np.concatenate(rows, 1) for name, rows in parts.items()}
            product = recurrent[:, 2] + self.recurrent_bias[0]
            rows = [now.products[:, 2] + self.bias[2] + r * product, product]
        n = activation(self.g_activation)(rows[0])
        h = (n + z * (h - n)) * self.cell_mask
        return made | {
            "preactivations": np.concatenate([preactivations, np.stack(rows, axis=1)], axis=1),
            "gates": np.concatenate([gates, n[:, None]], axis=1),
            "cell_state": h,
            "output": h,
        }


def linear_activation(name: str, slope: float, limit: float) -> Callable[[np.ndarray], np.ndarray]:
    """The function of a linear layer with these parameters."""
    if name in ("tanh", "sigmoid"):
        return activation(name)
    if name == "none":
        return lambda x: x
    if name == "leaky_relu":
        return lambda x: np.where(x < 0.0, slope * x, x)
    if name == "hard_sigmoid":
        return lambda x: np.clip(slope * x + 0.5, 0.0, 1.0)
    if name == "hard_tanh":
        most = limit or 1.0
        return lambda x: np.clip(x, -most, most)
    return lambda x: np.clip(x, 0.0, limit or None)


@dataclass(frozen=True)
class LinearEquations:
    """bias (1, H); output_mask (H,): 0 for padding. activation: of the sums."""

    bias: np.ndarray
    output_mask: np.ndarray | float = 1.0
    activation: Callable[[np.ndarray], np.ndarray] = lambda x: x

    @classmethod
    def of(cls, parts: CellParts) -> LinearEquations:
        """The equations of a cell with its weights."""
        cell = parts.cell
        assert isinstance(cell, LinearCell)
        function = linear_activation(cell.activation, cell.slope, cell.limit)
        return cls(parts.padded("bias"), parts.mask("output"), function)

    def __call__(self, now: CellFrame) -> Tensors:
        sums = now.products + self.bias
        return {
            "gate_sums": now.products,
            "preactivations": sums,
            "cell_state": now.cell_state,
            "output": self.activation(sums[:, 0]) * self.output_mask,
        }


@dataclass(frozen=True)
class RnnEquations:
    """recurrent: (n, H) -> (n, 1, H). bias (1, H); output_mask (H,): 0 for padding."""

    recurrent: Product
    bias: np.ndarray
    activation: str = "tanh"
    output_mask: np.ndarray | float = 1.0

    @classmethod
    def of(cls, parts: CellParts) -> RnnEquations:
        """The equations of a cell with its weights."""
        assert isinstance(parts.cell, RnnCell)
        return cls(
            parts.product("recurrent_weight"),
            parts.padded("bias"),
            parts.cell.activation,
            parts.mask("output"),
        )

    def __call__(self, now: CellFrame) -> Tensors:
        recurrent = self.recurrent(now.output)
        sums = now.products + recurrent
        z = sums + self.bias
        return {
            "gate_input_sums": now.products,
            "gate_recurrent_sums": recurrent,
            "gate_sums": sums,
            "preactivations": z,
            "cell_state": now.cell_state,
            "output": activation(self.activation)(z[:, 0]) * self.output_mask,
        }


Advance: TypeAlias = Callable[[CellFrame], Tensors]

#: By the class of the cell.
FLOAT_CELLS: dict[type[Cell], Callable[[CellParts], Advance]] = {
    LstmCell: LstmEquations.of,
    GruCell: GruEquations.of,
    LinearCell: LinearEquations.of,
    RnnCell: RnnEquations.of,
}
