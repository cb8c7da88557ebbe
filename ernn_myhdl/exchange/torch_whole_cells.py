"""Our own recurrent modules in an exported program: one operator each, as PyTorch has for nn.LSTM.

The forward of `ernn_myhdl.train.Lstm`, `Gru` and `Rnn` is a loop over the frames, which tracing would unroll. While a module is
traced (`whole_cells`), they call the operator of this file instead, which only has shapes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_recurrent import PEEPHOLES
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL, ONNX_NAMES
from ernn_myhdl.exchange.torch_recurrent import layers_of_stack, recurrent

if TYPE_CHECKING:
    from ernn_myhdl.exchange.torch_graph import TorchGraph

#: The operator: y and the states behind the last frame of x, states, the tensors of all layers, the names of those of one, and
#: what the tensors do not tell.
WHOLE_CELLS = "whole_cells"
_LIBRARY = "ernn_myhdl"
_FORM = (
    f"{WHOLE_CELLS}(Tensor x, Tensor[] states, Tensor[] tensors, str[] names, str kind, str activation, bool after, "
    "bool batch_first) -> Tensor[]"
)


class _Tracing:
    """Whether a module is traced; library: of the operator, which lives as long as it."""

    def __init__(self) -> None:
        self.depth = 0
        self.library: Any = None

    def define(self) -> None:
        import torch

        if self.library is None:
            self.library = torch.library.Library(_LIBRARY, "DEF")
            self.library.define(_FORM)
            for key in ("CPU", "Meta"):
                self.library.impl(WHOLE_CELLS, _shaped, key)


_TRACING = _Tracing()


@contextlib.contextmanager
def whole_cells() -> Iterator[None]:
    """Our modules call the operator."""
    _TRACING.define()
    _TRACING.depth += 1
    try:
        yield
    finally:
        _TRACING.depth -= 1


def is_traced() -> bool:
    """Whether our modules are to call `traced` in the place of their recurrence."""
    return _TRACING.depth > 0


def traced(
    x: Any, states: Sequence[Any], layers: Sequence[dict[str, Any]], kind: str, activation: str, after: bool, batch_first: bool, lengths: Any
) -> tuple[Any, list[Any]]:  # fmt: skip
    """y and the states of a module behind the last frame. layers: the tensors of each, by name. after: a GRU's reset behind the product."""
    import torch

    if lengths is not None:
        raise DesignError(
            f"{_module(kind)}: is given lengths, of which no core knows; run each sequence alone, or leave them out"
        )
    tensors = [tensor for layer in layers for tensor in layer.values()]
    operator = getattr(getattr(torch.ops, _LIBRARY), WHOLE_CELLS)
    y, *last = operator(x, list(states), tensors, list(layers[0]), kind, activation, after, batch_first)  # fmt: skip
    return y, last


def _module(kind: str) -> str:
    """Our module of a cell, which is called as the cell."""
    return kind.capitalize()


def _shaped(x: Any, states: Any, tensors: Any, names: Any, kind: Any, activation: Any, after: Any, batch_first: Any) -> list[Any]:  # fmt: skip
    """Tensors of the shapes that the operator gives."""
    y = x.new_empty((*x.shape[:2], states[0].shape[-1]))
    return [y, *(state.new_empty(state.shape) for state in states)]


def whole_stack(graph: TorchGraph, name: str, given: list) -> list[Any]:
    """Outputs and states of a module as recurrent nodes of ONNX. given: the arguments of the operator."""
    x, states, tensors, names, kind, activation, after, batch_first = given
    form, each = OF_CELL[kind], len(names)
    chosen, where = ONNX_NAMES[activation], f"module {name!r} ({_module(kind)})"

    def layer(i: int, layer_name: str, x: Any, before: list) -> tuple[str, list[str]]:
        own = dict(zip(names, tensors[i * each : (i + 1) * each], strict=True))
        params = [own[n] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr") if n in own]  # fmt: skip
        peephole = None
        if "peephole" in own:  # input, forget, output in ONNX's order
            peephole = own["peephole"][list(PEEPHOLES)].reshape(1, -1)
        return recurrent(graph, where, layer_name, form, chosen, x, params, True, before, peephole, after)  # fmt: skip

    return layers_of_stack(graph, name, x, states, len(tensors) // each, batch_first, layer)
