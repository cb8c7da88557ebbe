"""The recurrent modules of which the hardware has a cell: our own, and PyTorch's, as the classes of ours name them."""

from __future__ import annotations

from typing import Any

from torch import nn

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.exchange.description import KERNEL
from ernn_myhdl.train.recurrent import OWN, Recurrent

#: Modules of one frame, those that run through all frames, and all of them.
STEPS = tuple(own.step for own in OWN if own.step)
LAYERS = tuple(m for own in OWN for m in (own.fused, own) if m)
RECURRENT = (*LAYERS, *STEPS)


def _own(module: nn.Module) -> type[Recurrent] | None:
    """Our module of the cell of a recurrent module; None for one that is not recurrent."""
    found = (own for own in OWN for m in (own, own.fused, own.step) if m and isinstance(module, m))
    return next(found, None)


def cell_of(module: nn.Module) -> type[Cell] | None:
    """The cell of a recurrent module; None for one that is not recurrent."""
    own = _own(module)
    return own.cell if own else None


def cell_options(module: nn.Module) -> dict[str, Any]:
    """Options of the cell that the module's tensors do not tell (`Cell.dense_options`); of a convolution its kernel and its groups."""
    if isinstance(module, nn.Conv1d):
        grouped = {"groups": module.groups} if module.groups > 1 else {}
        return {KERNEL: module.kernel_size[0]} | grouped
    own = _own(module)
    if own is None:
        return {}
    names = {
        n: n if isinstance(module, Recurrent) else own.torch_options.get(n, "")
        for n in own.cell.dense_options
    }
    return {n: getattr(module, name) for n, name in names.items() if name}


def bounded(module: nn.Module) -> bool:
    """Whether y of a recurrent module lies within +-1."""
    projects = any(name.startswith("weight_hr") for name, _ in module.named_parameters())
    return not projects and cell_options(module).get("activation") != "relu"
