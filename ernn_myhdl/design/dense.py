"""A layer with dense matrices, as frameworks have it: between their files and a `Design`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ernn_myhdl.design.cells import BLOCK_SIZES, CELLS, Cell, make_cell
from ernn_myhdl.design.cells.grouping import largest_block
from ernn_myhdl.design.design import Design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.circulant import expand, project

#: Tensors with this ending are matrices; the others hold one number for a cell.
_MATRIX = "_weight"


@dataclass(frozen=True)
class DenseLayer:
    """Weights of a layer, named as `Cell.weight_shapes` names them, gates in its order, but dense.

    name: what the source calls the layer. kind: "lstm", "gru", "rnn" or "linear".
    weights: input_weight (gates, hidden, inputs), recurrent_weight (gates, hidden, outputs), bias
    (gates, hidden), recurrent_bias (1, hidden), peephole (3, hidden), projection_weight (outputs, hidden):
    those that the cell has, float32. reset, g_activation, activation, slope, limit, groups, taps: as in the cell; activation "":
    that which the cell has by default. A matrix of groups is given whole, with zeros between them. initial: state before the first frame (`ernn_myhdl.golden.initial_state`), empty for zero.
    """

    name: str
    kind: str
    weights: dict[str, np.ndarray] = field(repr=False)
    reset: str = "after"
    g_activation: str = "tanh"
    activation: str = ""
    slope: float = 0.0
    limit: float = 0.0
    groups: int = 1
    taps: int = 1
    initial: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        weights = {}
        for name, array in self.weights.items():
            if not np.all(np.isfinite(array)):
                raise DesignError(f"{self.name}: {name} holds NaN or infinity; train it again")
            with np.errstate(over="ignore"):
                weights[name] = np.asarray(array, dtype=np.float32)
            if not np.all(np.isfinite(weights[name])):
                raise DesignError(f"{self.name}: {name} holds numbers beyond float32")
        object.__setattr__(self, "weights", weights)
        if not self.activation:
            object.__setattr__(self, "activation", default_option(self.kind, "activation"))
        for name in ("slope", "limit"):  # the shortest decimal of the float32 that files hold
            object.__setattr__(self, name, float(str(np.float32(getattr(self, name)))))

    @property
    def inputs(self) -> int:
        """Elements of x."""
        return int(self.weights["input_weight"].shape[-1])

    @property
    def hidden(self) -> int:
        return int(self.weights["input_weight"].shape[-2])

    @property
    def outputs(self) -> int:
        """Elements of y."""
        projection = self.weights.get("projection_weight")
        return self.hidden if projection is None else len(projection)

    @property
    def recurrent(self) -> bool:
        """Whether it multiplies the previous y."""
        return "recurrent_weight" in self.weights

    def __str__(self) -> str:
        return f"{self.name} ({self.kind} {self.inputs} -> {self.outputs})"

    @property
    def block_parameters(self) -> dict[str, str]:
        """Matrix -> the parameter of the cell that holds its block size."""
        own = CELLS[self.kind].block_names
        return {n: own.get(n, "block") for n in self.weights if n.endswith(_MATRIX)}

    def cell(self, sizes: Mapping[str, int]) -> Cell:
        """The cell with blocks of these sizes (`Cell.block_sizes`); those of matrices that the layer does
        not have are left out, and blocks are no larger than a group."""
        kind = CELLS[self.kind]
        options: dict[str, Any] = dict(kind.options_of(self.weights))
        if "projection_weight" in self.weights:
            options["projection"] = self.outputs
        options |= {name: getattr(self, name) for name in kind.dense_options}
        known = {"block", *self.block_parameters.values()}
        # what is no size of blocks is left for the cell to refuse
        options |= {
            name: min(size, self.largest_block) if size in BLOCK_SIZES else size
            for name, size in sizes.items()
            if name in known
        }
        return make_cell(self.kind, inputs=self.inputs, hidden=self.hidden, **options)

    @property
    def largest_block(self) -> int:
        """The largest size of blocks, which lie within groups."""
        if self.groups == 1:
            return max(BLOCK_SIZES)
        return min(
            max(BLOCK_SIZES), largest_block(self.inputs, self.hidden, self.groups, self.taps)
        )

    def circulant(self, cell: Cell) -> dict[str, np.ndarray]:
        """The weights of `cell`: each matrix as its nearest block-circulant one, float32."""
        return {
            name: cell.stored_matrix(name, self._projected(name, cell.block_of(name)))
            if name.endswith(_MATRIX)
            else array
            for name, array in self.weights.items()
        }

    def _projected(self, matrix: str, block: int) -> np.ndarray:
        return project(self.weights[matrix], block).astype(np.float32)

    def errors(self, cell: Cell) -> dict[str, float]:
        """Relative Frobenius error of each matrix of `circulant(cell)`; 0 where it is block-circulant."""
        return {name: self._error(name, cell.block_of(name)) for name in self.block_parameters}

    def _error(self, matrix: str, block: int) -> float:
        dense = self.weights[matrix].astype(np.float64)
        rest = (
            dense
            - expand(self._projected(matrix, block))[..., : dense.shape[-2], : dense.shape[-1]]
        )
        return float(np.linalg.norm(rest) / (np.linalg.norm(dense) or 1.0))

    def structure(self) -> dict[str, int]:
        """Block sizes (`Cell.block_sizes`) with which every matrix is block-circulant already and stores fewer
        numbers; 1 for matrices that are not, empty if there are no others. Of several sizes those that store
        the fewest numbers.
        """
        found = {p: self._own_block(matrix) for matrix, p in self.block_parameters.items()}
        if max(found.values()) == 1:
            return {}
        return {"block": found.get("block", max(found.values()))} | found

    def _own_block(self, matrix: str) -> int:
        """The block size that a matrix has; 1 where no larger one stores fewer numbers."""
        stored = {1: self.weights[matrix].size}
        for k in (k for k in BLOCK_SIZES[1:] if k <= self.largest_block):
            # a matrix of one row, or of a block's padding, is block-circulant too, without a saving
            if not self._error(matrix, k):
                stored[k] = self._projected(matrix, k).size
        return min(stored, key=lambda k: stored[k])


def default_option(kind: str, name: str) -> str:
    """The default of an option of a cell; empty where the cell has no such option."""
    return next((str(f.default) for f in fields(CELLS[kind]) if f.name == name), "")


def dense_layer(design: Design, name: str) -> DenseLayer:
    """The layer of a design with its matrices expanded and cut to the layer's sizes, for x itself: without
    the design's scaling of x."""
    cell = design.cell
    columns = {
        "input_weight": cell.inputs,
        "recurrent_weight": cell.outputs,
        "projection_weight": cell.hidden,
    }
    weights = {}
    for tensor, array in design.weights.items():
        if tensor in columns:
            rows = cell.outputs if tensor == "projection_weight" else cell.hidden
            array = expand(cell.whole_matrix(tensor, array))[..., :rows, : columns[tensor]]
        weights[tensor] = array
    if design.input_scaling is not None:
        weights["input_weight"], weights["bias"] = design.input_scaling.unfold(
            weights["input_weight"], weights["bias"]
        )
    options = {n: getattr(cell, n) for n in cell.dense_options}
    return DenseLayer(name, cell.kind, weights, **options)


def check_chain(layers: Sequence[DenseLayer]) -> None:
    """DesignError unless the outputs of each layer are the inputs of the next."""
    for this, following in zip(layers, layers[1:], strict=False):
        if this.outputs != following.inputs:
            raise DesignError(f"layers {this} and {following}: the sizes between them differ")
