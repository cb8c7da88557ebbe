"""The recurrent modules of which the hardware has a cell: PyTorch's, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ernn_myhdl.design.cells import Cell, GruCell, LstmCell, RnnCell
from ernn_myhdl.exchange.description import KERNEL
from ernn_myhdl.train.recurrent import Gru, Lstm, Recurrent, Rnn


@dataclass(frozen=True)
class RecurrentModules:
    """The modules of a cell.

    fused: PyTorch's layers. step: PyTorch's module of one frame. own: ours. options: of the cell -> PyTorch's attribute,
    where it is called otherwise.
    """

    cell: type[Cell]
    fused: type[nn.Module]
    step: type[nn.Module]
    own: type[Recurrent]
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[type[nn.Module], ...]:
        return self.fused, self.step, self.own


MODULES = (
    RecurrentModules(LstmCell, nn.LSTM, nn.LSTMCell, Lstm),
    RecurrentModules(GruCell, nn.GRU, nn.GRUCell, Gru),
    RecurrentModules(RnnCell, nn.RNN, nn.RNNCell, Rnn, {"activation": "nonlinearity"}),
)
#: Modules of one frame, those that run through all frames, and all of them.
STEPS = tuple(m.step for m in MODULES)
LAYERS = tuple(m for each in MODULES for m in (each.fused, each.own))
RECURRENT = (*LAYERS, *STEPS)


def modules_of(module: nn.Module) -> RecurrentModules | None:
    """The record that a module belongs to; None for one that is not recurrent."""
    return next((m for m in MODULES if isinstance(module, m.classes)), None)


def cell_options(module: nn.Module) -> dict[str, Any]:
    """Options of the cell that the module's tensors do not tell (`Cell.dense_options`); of a convolution its kernel and its groups."""
    if isinstance(module, nn.Conv1d):
        grouped = {"groups": module.groups} if module.groups > 1 else {}
        return {KERNEL: module.kernel_size[0]} | grouped
    known = modules_of(module)
    if known is None:
        return {}
    names = {
        n: n if isinstance(module, Recurrent) else known.options.get(n, "")
        for n in known.cell.dense_options
    }
    return {n: getattr(module, name) for n, name in names.items() if name}


def bounded(module: nn.Module) -> bool:
    """Whether y of a recurrent module lies within +-1."""
    projects = any(name.startswith("weight_hr") for name, _ in module.named_parameters())
    return not projects and cell_options(module).get("activation") != "relu"
