"""The recurrent cells as frameworks have them: one record for each, which import, export and messages read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ernn_myhdl.design.cells import CELLS
from ernn_myhdl.design.cells.rnn import NONLINEARITIES
from ernn_myhdl.design.dense import DenseLayer


@dataclass(frozen=True)
class RecurrentKind:
    """A cell that is PyTorch's nn.NAME and ONNX's operator NAME; article: before its name. standard: whether they have it; else NAME is an
    operator that only our traced modules make (`ernn_myhdl.exchange.torch_whole_cells`), of the order and state that is told here.

    kind: of our cell. order: where our gates stand in ONNX's order. state: part of our state -> ONNX's input. activations: ONNX's
    default, of which number `free` may be another, the option of `DenseLayer` of that name. attributes: of
    ONNX's operator, beside those that all have. inputs: ONNX's. options: of `DenseLayer`, with the values that PyTorch's
    module can have; what a state dict does not tell where these are several. projects: whether there may
    be a projection.
    """

    kind: str
    name: str
    order: tuple[int, ...]
    state: Mapping[str, str]
    activations: tuple[str, ...]
    free: tuple[int, str]
    inputs: tuple[str, ...] = ("X", "W", "R", "B", "sequence_lens", "initial_h")
    attributes: frozenset[str] = frozenset()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    article: str = "a"
    projects: bool = False
    standard: bool = True

    @property
    def gates(self) -> int:
        """Of the matrices."""
        return len(CELLS[self.kind].gates)

    def onnx_rows(self, array: np.ndarray) -> np.ndarray:
        """Rows of all gates, or numbers of all, in PyTorch's order, which is ours, in that of ONNX."""
        gates = array.reshape(self.gates, -1, *array.shape[1:])[np.argsort(self.order)]
        rows: np.ndarray = gates.reshape(array.shape)
        return rows

    def onnx_activations(self, layer: DenseLayer) -> list[str]:
        """ONNX's names of the activations of a layer."""
        place, option = self.free
        names = list(self.activations)
        names[place] = ONNX_NAMES[getattr(layer, option)]
        return names


#: ONNX's names of our activations.
ONNX_NAMES = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}

RECURRENT_KINDS = (
    RecurrentKind(
        kind="lstm",
        name="LSTM",
        order=(0, 2, 3, 1),  # i, f, g, o in i, o, f, c
        state={"output": "initial_h", "cell_state": "initial_c"},
        activations=("Sigmoid", "Tanh", "Tanh"),
        free=(1, "g_activation"),
        inputs=("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"),
        attributes=frozenset({"input_forget"}),
        options={"g_activation": ("tanh",)},
        article="an",
        projects=True,
    ),
    RecurrentKind(
        kind="gru",
        name="GRU",
        order=(1, 0, 2),  # r, z, n in z, r, h
        state={"cell_state": "initial_h"},
        activations=("Sigmoid", "Tanh"),
        free=(1, "g_activation"),
        attributes=frozenset({"linear_before_reset"}),
        options={"reset": ("after",), "g_activation": ("tanh",)},
    ),
    RecurrentKind(
        kind="rnn",
        name="RNN",
        order=(0,),
        state={"output": "initial_h"},
        activations=("Tanh",),
        free=(0, "activation"),
        options={"activation": NONLINEARITIES},
        article="an",
    ),
)
#: By the kind of our cell, by ONNX's operator, and by the gates in the matrices.
OF_CELL = {k.kind: k for k in RECURRENT_KINDS}
OPERATORS = {k.name: k for k in RECURRENT_KINDS}
OF_GATES = {k.gates: k for k in RECURRENT_KINDS}
