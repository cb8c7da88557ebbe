"""The classifier in PyTorch: a block-circulant GRU, a block-circulant LSTM and a dense head.

What is trained are the circulant vectors. `dense_state` expands them to the state dict of an ordinary
`nn.ModuleDict` of `nn.GRU`, `nn.LSTM` and `nn.Linear`, which `plain_model` makes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ernn_myhdl.demo.torch_model import INPUTS, SPEAKERS, Trace, frame_mask, uniform
from ernn_myhdl.train.circulant_tensors import expand

GRU_HIDDEN, LSTM_HIDDEN, BLOCK = 48, 32, 8


class CirculantLayer(nn.Module):
    """Parameters of an ``nn.GRU`` (3 gates) or ``nn.LSTM`` (4) whose matrices are block-circulant."""

    def __init__(self, gates: int, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inputs = inputs
        rows, bound = gates * hidden // BLOCK, hidden**-0.5
        self.weight_ih = uniform((rows, -(-inputs // BLOCK), BLOCK), inputs**-0.5)
        self.weight_hh = uniform((rows, hidden // BLOCK, BLOCK), bound)
        bias = torch.zeros(gates, hidden)
        bias[1] = 1.0  # start by remembering: the update gate of a GRU, the forget gate of an LSTM
        self.bias_ih = nn.Parameter(bias.flatten())
        self.bias_hh = nn.Parameter(torch.zeros(gates * hidden))

    def dense(self) -> dict[str, Tensor]:
        """The tensors of the PyTorch layer, in its order."""
        return {
            "weight_ih_l0": expand(self.weight_ih)[:, : self.inputs],
            "weight_hh_l0": expand(self.weight_hh),
            "bias_ih_l0": self.bias_ih,
            "bias_hh_l0": self.bias_hh,
        }


class CirculantClassifier(nn.Module):
    """GRU, LSTM and head; the scores of an utterance are the mean of those of its frames."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = CirculantLayer(3, INPUTS, GRU_HIDDEN)
        self.lstm = CirculantLayer(4, GRU_HIDDEN, LSTM_HIDDEN)
        self.head = nn.Linear(LSTM_HIDDEN, SPEAKERS)

    def forward(self, x: Tensor, lengths: Tensor, dropout: float = 0.0) -> Trace:
        """Run ``x`` ``(n, t, 12)``, normalised and zero-padded beyond ``lengths`` ``(n,)``.

        The trace is that of the LSTM: its ``outputs``, ``cells`` and ``preactivations``.
        """
        count, frames, _ = x.shape
        biases, layers, batch_first = True, 1, True
        x, _ = torch.gru(
            x,
            x.new_zeros(layers, count, GRU_HIDDEN),
            list(self.gru.dense().values()),
            biases,
            layers,
            0.0,
            self.training,
            False,
            batch_first,
        )
        w, r, *bias = self.lstm.dense().values()
        driven = (x @ w.T + sum(bias)).view(count, frames, 4, LSTM_HIDDEN)
        y = c = x.new_zeros(count, LSTM_HIDDEN)
        cells, outputs, preactivations = [], [], []
        for t in range(frames):  # torch.lstm hides c and the pre-activations
            pre = driven[:, t] + (y @ r.T).view(count, 4, LSTM_HIDDEN)
            i, f, g, o = pre.unbind(1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            y = torch.sigmoid(o) * torch.tanh(c)
            cells.append(c)
            outputs.append(y)
            preactivations.append(pre)
        stacked = torch.stack(outputs, 1)
        features = (stacked * frame_mask(lengths, frames)).sum(1) / lengths[:, None]
        features = functional.dropout(features, dropout, self.training)
        # the head is linear: of the mean it makes the mean of its scores of the frames
        return Trace(
            self.head(features), stacked, torch.stack(cells, 1), torch.stack(preactivations, 1)
        )


def plain_model() -> nn.ModuleDict:
    """The network with dense matrices; `dense_state` is its state dict."""
    return nn.ModuleDict(
        {
            "gru": nn.GRU(INPUTS, GRU_HIDDEN, batch_first=True),
            "lstm": nn.LSTM(GRU_HIDDEN, LSTM_HIDDEN, batch_first=True),
            "head": nn.Linear(LSTM_HIDDEN, SPEAKERS),
        }
    )


def dense_state(model: CirculantClassifier) -> dict[str, Tensor]:
    """The state dict of `plain_model` with the trained matrices."""
    layers = {"gru": model.gru.dense(), "lstm": model.lstm.dense()}
    state = {f"{name}.{n}": t for name, tensors in layers.items() for n, t in tensors.items()}
    state |= {f"head.{name}": tensor for name, tensor in model.head.state_dict().items()}
    return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
