"""nn.LSTM, nn.GRU and nn.RNN of an exported program as recurrent nodes of ONNX, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.onnx_values import State
from ernn_myhdl.exchange.recurrent_kinds import OPERATORS, RecurrentKind

if TYPE_CHECKING:
    from ernn_myhdl.exchange.torch_graph import TorchGraph

#: Operators of PyTorch: ONNX's, and its activation where that may be chosen.
STACKS: dict[str, tuple[str, str]] = {"lstm": ("LSTM", ""), "gru": ("GRU", ""), "rnn_tanh": ("RNN", ""), "rnn_relu": ("RNN", "Relu")}  # fmt: skip
#: Axes with the frames and the batch exchanged.
TURNED = [1, 0, 2]


def stack(graph: TorchGraph, where: str, name: str, kind: str, given: list) -> list[Any]:
    """Outputs and states behind the last frame of a stack; given: the arguments of PyTorch's operator."""
    if len(given) != 9:
        raise DesignError(f"{where}: takes packed sequences; run each sequence alone")
    x, states, params, biased, layers, dropout, training, both, batch_first = given
    operator, activation = STACKS[kind]
    form = OPERATORS[operator]
    if both:
        raise DesignError(
            f"{where}: is bidirectional, which no core computes: its second half needs the end of a sequence first; "
            "train with bidirectional=False"
        )
    if training and dropout:
        raise DesignError(f"{where}: is in training mode; call model.eval() first")
    each = len(params) // layers

    def layer(i: int, layer_name: str, x: Any, before: list) -> tuple[str, list[str]]:
        own = params[i * each : (i + 1) * each]
        return recurrent(graph, where, layer_name, form, activation, x, own, biased, before)

    states = states if isinstance(states, list) else [states]
    return layers_of_stack(graph, name, x, states, layers, batch_first, layer)


def layers_of_stack(
    graph: TorchGraph, name: str, x: Any, states: list, layers: int, batch_first: bool,
    layer: Callable[[int, str, Any, list], tuple[str, list[str]]],
) -> list[Any]:  # fmt: skip
    """Outputs and states behind the last frame of `layers` layers. layer: by number, name, x and states the nodes of one."""
    if batch_first:
        (x,) = graph.emit(name, "Transpose", [x], perm=TURNED)
    ends: list[list[str]] = []
    for i in range(layers):
        own = f"{name}.{i}" if layers > 1 else name
        x, end = layer(i, own, x, [_part(graph, own, state, i, layers) for state in states])
        ends.append(end)
    if batch_first:
        (x,) = graph.emit(name, "Transpose", [x], perm=TURNED)
    parts = [list(part) for part in zip(*ends, strict=True)]
    final = [p[0] if layers == 1 else graph.emit(name, "Concat", p, axis=0)[0] for p in parts]
    return [x, *final]


def _part(graph: TorchGraph, name: str, state: Any, number: int, layers: int) -> Any:
    """The state of one layer: of a constant, or of an input of the graph."""
    if isinstance(state, np.ndarray):
        return state[number : number + 1]
    if layers == 1:
        return state
    limits = (np.array([n], dtype=np.int64) for n in (number, number + 1, 0))
    return graph.emit(name, "Slice", [state, *limits])[0]


def recurrent(
    graph: TorchGraph, where: str, name: str, form: RecurrentKind, activation: str, x: str, params: list, biased: bool,
    states: list, peephole: np.ndarray | None = None, after: bool | None = None,
) -> tuple[str, list[str]]:  # fmt: skip
    """y (frames, batch, outputs) of one layer, and its states behind the last frame. params: weight_ih, weight_hh, the biases
    and the projection, where there are these; states: before the first frame, in the order of PyTorch. activation: ONNX's name of the one that
    may be chosen, empty for its own; peephole: as ONNX has it; after: of a GRU, whether the reset is behind the product, None: as in PyTorch."""
    if not all(isinstance(p, np.ndarray) for p in params):
        raise DesignError(f"{where}: its weights follow from x, must be constants")
    weight, back, *rest = params
    input_bias, recurrent_bias = rest[:2] if biased else (np.zeros(len(weight)), np.zeros(len(weight)))  # fmt: skip
    projection = rest[2 if biased else 0] if len(rest) > (2 if biased else 0) else None

    def ordered(array: np.ndarray) -> np.ndarray:
        return form.onnx_rows(array)[None]

    hidden = len(weight) // form.gates
    r: Any = ordered(back)
    before = [None if isinstance(s, np.ndarray) and not np.any(s) else s for s in states]
    if projection is not None:
        if any(state is not None for state in before):
            raise DesignError(
                f"{where}: has a projection and starts from states; start it from zero"
            )
        (r,) = graph.emit(name, "MatMul", [r, projection])
    bias = np.concatenate([ordered(input_bias), ordered(recurrent_bias)], axis=1)
    attributes: dict[str, Any] = {"hidden_size": hidden}
    if "linear_before_reset" in form.attributes and after is not False:
        attributes["linear_before_reset"] = 1
    if activation:
        names = list(form.activations)
        names[form.free[0]] = activation
        attributes["activations"] = [own.encode() for own in names]
    given = [x, ordered(weight), r, bias, None, *before]
    if peephole is not None:
        given.append(peephole)
    y, *ends = graph.emit(name, form.name, given, 1 + len(states), **attributes)
    (y,) = graph.emit(name, "Squeeze", [y, np.array([1], dtype=np.int64)])
    if projection is not None:
        (y,) = graph.emit(name, "MatMul", [y, np.ascontiguousarray(projection.T)])
        for end in ends:  # of the cell's output in front of the projection
            graph.graph.values[end] = State()
    return y, ends
