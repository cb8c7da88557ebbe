"""LSTM, GRU and RNN modules with everything that the core's cells have, in PyTorch's names.

`Lstm` adds peepholes and a logistic candidate to what `torch.nn.LSTM` has, `Gru` the reset before the
product; in all of them y may be rounded in every frame. Where PyTorch's own module has the same equations it is faster, and is trained alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from ernn_myhdl.design.cells import Cell, GruCell, LstmCell, RnnCell
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.torch_whole_cells import is_traced, traced
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.train.recurrence import GruRecurrence, LstmRecurrence, RnnRecurrence, Rounding
from ernn_myhdl.whole_numbers import whole

State: TypeAlias = tuple[Tensor, Tensor] | Tensor


class Recurrent(nn.Module):
    """What both have: layers of tensors weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ...

    x is (frames, sequences, inputs), or (sequences, frames, inputs) with batch_first. lengths: (sequences,), frames of each,
    after which its last state is taken; None: all.
    """

    #: Of the hardware.
    cell: ClassVar[type[Cell]]
    #: PyTorch's layers of it, and its module of one frame; None where it has none.
    fused: ClassVar[type[nn.Module] | None] = None
    step: ClassVar[type[nn.Module] | None] = None
    #: Options of the cell -> attributes of PyTorch's modules, where these can be chosen.
    torch_options: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, inputs: int, hidden: int, outputs: int, layers: int, batch_first: bool
    ) -> None:
        super().__init__()
        whole("layers", layers, 1)
        if not isinstance(batch_first, bool):
            raise DesignError(f"batch_first = {batch_first!r}: must be True or False")
        self.inputs, self.hidden, self.outputs = inputs, hidden, outputs
        self.layers, self.batch_first = layers, batch_first
        #: Rounds y of every frame before it is used again (quantisation-aware training); None: not.
        self.rounding: Rounding | None = None
        for layer in range(layers):
            shapes = self._shapes(inputs if layer == 0 else outputs)
            for name, shape in shapes.items():
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.empty(shape)))
        self.reset_parameters()

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        rows = len(self.cell.gates) * self.hidden
        return {
            "weight_ih": (rows, inputs),
            "weight_hh": (rows, self.outputs),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }

    def reset_parameters(self) -> None:
        """Uniform within 1 / sqrt(hidden), as PyTorch does; peepholes zero."""
        bound = self.hidden**-0.5
        for name, parameter in self.named_parameters():
            if name.startswith("peephole"):
                nn.init.zeros_(parameter)
            else:
                nn.init.uniform_(parameter, -bound, bound)

    def _layer(self, layer: int) -> dict[str, Tensor]:
        suffix = f"_l{layer}"
        return {
            name.removesuffix(suffix): parameter
            for name, parameter in self.named_parameters(recurse=False)
            if name.endswith(suffix)
        }

    def _check_x(self, x: Tensor) -> None:
        if not isinstance(x, Tensor):
            raise DesignError(
                f"x: is {type(x).__name__}, must be a tensor; pad packed sequences by pad_packed_sequence, and give their lengths"
            )
        if x.dim() != 3 or x.shape[-1] != self.inputs:
            raise DesignError(f"x: shape {tuple(x.shape)}, must be three axes, {self.inputs} last")
        if not x.shape[1 if self.batch_first else 0]:
            raise DesignError(f"x: shape {tuple(x.shape)}, must have at least one frame")

    def _checked(self, x: Tensor, state, lengths: Tensor | None, sizes: tuple[int, ...]) -> list[Tensor]:  # fmt: skip
        """The tensors of a state, zero for None; DesignError for one of another shape. sizes: of a state of one layer."""
        self._check_x(x)
        n = x.shape[0 if self.batch_first else 1]
        if lengths is not None and not (isinstance(lengths, Tensor) and lengths.shape == (n,)):
            raise DesignError(f"lengths: must be a tensor ({n},), the frames of each sequence")
        if lengths is not None and not is_traced():  # tracing knows no values
            frames = x.shape[1 if self.batch_first else 0]
            wrong = (lengths < 1) | (lengths > frames)
            if lengths.dtype not in (torch.int64, torch.int32) or bool(wrong.any()):
                raise DesignError(
                    f"lengths: {lengths.tolist()}, must be whole numbers (int64) from 1 to {frames}, the frames of x"
                )
        shapes = [(self.layers, n, size) for size in sizes]
        if state is None:
            return [x.new_zeros(shape) for shape in shapes]
        given = [state] if isinstance(state, Tensor) else list(state)
        if [tuple(getattr(t, "shape", ())) for t in given] != shapes:
            raise DesignError(
                f"state: must be {' and '.join(map(str, shapes))}, of layers, sequences and elements"
            )
        return given

    def _traced(
        self, x: Tensor, states: list[Tensor], activation: str, lengths: Tensor | None, after: bool = False
    ) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        """y and the states behind the last frame of a module that `import_module` traces."""
        layers = [self._layer(layer) for layer in range(self.layers)]
        kind = self.cell.kind
        return traced(x, states, layers, kind, activation, after, self.batch_first, lengths)

    def _run(self, x: Tensor, states: list, advance, lengths: Tensor | None) -> tuple[Tensor, list]:
        y = x.transpose(0, 1) if self.batch_first else x
        last = []
        for layer, state in enumerate(states):
            y, state = advance(y, self._layer(layer), state, lengths)
            last.append(state)
        return (y.transpose(0, 1) if self.batch_first else y), last

    def extra_repr(self) -> str:
        return f"{self.inputs}, {self.hidden}, layers={self.layers}"


@checked_call
class Lstm(Recurrent):
    """LSTM layers with the options of `LstmCell`.

    forward(x, state, lengths): y and (y, c) after the last frame, (layers, sequences, ...) each, as nn.LSTM.
    """

    cell, fused, step = LstmCell, nn.LSTM, nn.LSTMCell

    def __init__(
        self,
        inputs: int,
        hidden: int,
        projection: int = 0,
        peepholes: bool = True,
        g_activation: str = "tanh",
        layers: int = 1,
        batch_first: bool = False,
    ) -> None:
        LstmCell(inputs, hidden, projection, 1, peepholes, g_activation)  # its checks
        self._projection, self._peepholes, self.g_activation = projection, peepholes, g_activation
        super().__init__(inputs, hidden, projection or hidden, layers, batch_first)

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        shapes = super()._shapes(inputs)
        if self._projection:
            shapes["weight_hr"] = (self.outputs, self.hidden)
        if self._peepholes:
            shapes["peephole"] = (3, self.hidden)
        return shapes

    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        states = self._checked(x, state, lengths, (self.outputs, self.hidden))
        if is_traced():
            y, last = self._traced(x, states, self.g_activation, lengths)
            return y, (last[0], last[1])
        y, last = self._run(x, list(zip(*states, strict=True)), self._advance, lengths)
        return y, (torch.stack([y for y, _ in last]), torch.stack([c for _, c in last]))

    def _advance(self, x: Tensor, w: dict[str, Tensor], state, lengths: Tensor | None):
        driven = functional.linear(x, w["weight_ih"], w["bias_ih"] + w["bias_hh"])
        y, c = LstmRecurrence.apply(  # a rounded y passes its gradient on unchanged
            driven,
            w["weight_hh"],
            w.get("peephole"),
            w.get("weight_hr"),
            *state,
            self.g_activation,
            self.rounding,
        )
        return y, (_last(y, lengths), _last(c, lengths))


@checked_call
class Gru(Recurrent):
    """GRU layers with the options of `GruCell`.

    forward(x, state, lengths): y and h after the last frame, (layers, sequences, hidden), as nn.GRU.
    """

    cell, fused, step = GruCell, nn.GRU, nn.GRUCell

    def __init__(
        self,
        inputs: int,
        hidden: int,
        reset: str = "before",
        g_activation: str = "tanh",
        layers: int = 1,
        batch_first: bool = False,
    ) -> None:
        GruCell(inputs, hidden, 1, reset, g_activation)  # its checks
        self.reset, self.g_activation = reset, g_activation
        super().__init__(inputs, hidden, hidden, layers, batch_first)

    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        states = self._checked(x, state, lengths, (self.hidden,))
        if is_traced():
            y, last = self._traced(x, states, self.g_activation, lengths, self.reset == "after")
            return y, last[0]
        y, last = self._run(x, list(states[0]), self._advance, lengths)
        return y, torch.stack(last)

    def _advance(self, x: Tensor, w: dict[str, Tensor], state, lengths: Tensor | None):
        bias, recurrent_bias = w["bias_ih"], None
        if self.reset == "before":
            bias = bias + w["bias_hh"]
        else:
            recurrent_bias = w["bias_hh"][2 * self.hidden :]
            bias = torch.cat(
                [bias[: 2 * self.hidden] + w["bias_hh"][: 2 * self.hidden], bias[2 * self.hidden :]]
            )
        driven = functional.linear(x, w["weight_ih"], bias)
        h = GruRecurrence.apply(
            driven, w["weight_hh"], recurrent_bias, state, self.g_activation, self.rounding
        )
        y = h if self.rounding is None else h + (self.rounding(h) - h).detach()
        return y, _last(h, lengths)


@checked_call
class Rnn(Recurrent):
    """Vanilla RNN layers with the options of `RnnCell`.

    forward(x, state, lengths): y and y after the last frame, (layers, sequences, hidden), as nn.RNN.
    """

    cell, fused, step = RnnCell, nn.RNN, nn.RNNCell
    torch_options: ClassVar[Mapping[str, str]] = {"activation": "nonlinearity"}

    def __init__(
        self,
        inputs: int,
        hidden: int,
        activation: str = "tanh",
        layers: int = 1,
        batch_first: bool = False,
    ) -> None:
        RnnCell(inputs, hidden, 1, activation)  # its checks
        self.activation = activation
        super().__init__(inputs, hidden, hidden, layers, batch_first)

    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        states = self._checked(x, state, lengths, (self.hidden,))
        if is_traced():
            y, last = self._traced(x, states, self.activation, lengths)
            return y, last[0]
        y, last = self._run(x, list(states[0]), self._advance, lengths)
        return y, torch.stack(last)

    def _advance(self, x: Tensor, w: dict[str, Tensor], state, lengths: Tensor | None):
        driven = functional.linear(x, w["weight_ih"], w["bias_ih"] + w["bias_hh"])
        y = RnnRecurrence.apply(driven, w["weight_hh"], state, self.activation, self.rounding)
        return y, _last(y, lengths)


#: Our modules, one of each cell.
OWN: tuple[type[Recurrent], ...] = (Lstm, Gru, Rnn)


def _last(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Of values (frames, sequences, ...) those of the last frame of each sequence."""
    if lengths is None:
        return values[-1]
    return values[lengths.to(values.device) - 1, torch.arange(values.shape[1])]
