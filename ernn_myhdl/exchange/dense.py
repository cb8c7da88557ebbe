"""A layer with dense matrices, as frameworks have it: between their files and a `Design`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ernn_myhdl.cells import BLOCK_SIZES, CELLS, Cell
from ernn_myhdl.circulant import expand, project
from ernn_myhdl.design import Design
from ernn_myhdl.errors import DesignError

#: Tensors with this ending are matrices; the others hold one number for a cell.
_MATRIX = "_weight"


@dataclass(frozen=True)
class DenseLayer:
    """Weights of a layer, named as `Cell.weight_shapes` names them, gates in its order, but dense.

    name: what the source calls the layer. kind: "lstm", "gru" or "linear".
    weights: input_weight (gates, hidden, inputs), recurrent_weight (gates, hidden, outputs), bias
    (gates, hidden), recurrent_bias (1, hidden), peephole (3, hidden), projection_weight (outputs, hidden):
    those that the cell has, float32. reset, g_activation: as in the cell. initial: state before the first
    frame (`golden.initial_state`), empty for zero.
    """

    name: str
    kind: str
    weights: dict[str, np.ndarray] = field(repr=False)
    reset: str = "after"
    g_activation: str = "tanh"
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

    @property
    def inputs(self) -> int:
        """Elements of x."""
        return self.weights["input_weight"].shape[-1]

    @property
    def hidden(self) -> int:
        return self.weights["input_weight"].shape[-2]

    @property
    def outputs(self) -> int:
        """Elements of y."""
        projection = self.weights.get("projection_weight")
        return self.hidden if projection is None else len(projection)

    def __str__(self) -> str:
        return f"{self.name} ({self.kind} {self.inputs} -> {self.outputs})"

    def cell(self, block: int) -> Cell:
        """The cell with blocks of this size."""
        options: dict[str, object] = {}
        if self.kind == "lstm":
            options["projection"] = self.outputs if "projection_weight" in self.weights else 0
            options["peepholes"] = "peephole" in self.weights
        if self.kind == "gru":
            options["reset"] = self.reset
        if self.kind != "linear":
            options["g_activation"] = self.g_activation
        return CELLS[self.kind](inputs=self.inputs, hidden=self.hidden, block=block, **options)

    def circulant(self, block: int) -> dict[str, np.ndarray]:
        """The weights of `cell(block)`: each matrix as its nearest block-circulant one, float32."""
        return {
            name: project(array, block).astype(np.float32) if name.endswith(_MATRIX) else array
            for name, array in self.weights.items()
        }

    def errors(self, block: int) -> dict[str, float]:
        """Relative Frobenius error of each matrix of `circulant(block)`; 0 where it is block-circulant."""
        found = {}
        for name, vectors in self.circulant(block).items():
            if name.endswith(_MATRIX):
                dense = self.weights[name].astype(np.float64)
                rest = dense - expand(vectors)[..., : dense.shape[-2], : dense.shape[-1]]
                found[name] = float(np.linalg.norm(rest) / (np.linalg.norm(dense) or 1.0))
        return found

    def structure(self) -> int | None:
        """The block size over 1 for which every matrix is block-circulant already, None if there is none.

        Of several the one that stores the fewest numbers.
        """
        sizes = [k for k in BLOCK_SIZES if k > 1 and not any(self.errors(k).values())]
        return min(sizes, key=lambda k: self.cell(k).parameters, default=None)


def dense_layer(design: Design, name: str) -> DenseLayer:
    """The layer of a design with its matrices expanded and cut to the layer's sizes."""
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
            array = expand(array)[..., :rows, : columns[tensor]]
        weights[tensor] = array
    options = {n: getattr(cell, n) for n in ("reset", "g_activation") if hasattr(cell, n)}
    return DenseLayer(name, cell.kind, weights, **options)


def check_chain(layers: Sequence[DenseLayer]) -> None:
    """DesignError unless the outputs of each layer are the inputs of the next."""
    for this, following in zip(layers, layers[1:], strict=False):
        if this.outputs != following.inputs:
            raise DesignError(f"layers {this} and {following}: the sizes between them differ")
