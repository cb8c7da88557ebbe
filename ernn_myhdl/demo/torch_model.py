"""The demonstration network in PyTorch; its parameters are the circulant vectors themselves."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ernn_myhdl.train.circulant_tensors import expand

INPUTS, HIDDEN, PROJECTION, BLOCK = 12, 64, 32, 8
INPUT_BLOCKS = -(-INPUTS // BLOCK)
HIDDEN_BLOCKS = HIDDEN // BLOCK
OUTPUT_BLOCKS = PROJECTION // BLOCK
SPEAKERS = 9


@dataclass
class Trace:
    """What one forward pass yields, for a batch of ``n`` utterances of up to ``t`` frames."""

    logits: Tensor  # (n, 9)
    outputs: Tensor  # y, (n, t, 32)
    cells: Tensor  # c, (n, t, 64)
    preactivations: Tensor  # (n, t, 4, 64), gate order i, f, g, o


def uniform(shape: tuple[int, ...], bound: float) -> nn.Parameter:
    """A parameter drawn uniformly from ``[-bound, bound]``."""
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


class CirculantLstm(nn.Module):
    """A block-circulant LSTM with peepholes and projection, and its dense read-out."""

    def __init__(self) -> None:
        super().__init__()
        bound = HIDDEN**-0.5
        self.input_weight = uniform((4, HIDDEN_BLOCKS, INPUT_BLOCKS, BLOCK), INPUTS**-0.5)
        self.recurrent_weight = uniform((4, HIDDEN_BLOCKS, OUTPUT_BLOCKS, BLOCK), bound)
        self.projection_weight = uniform((OUTPUT_BLOCKS, HIDDEN_BLOCKS, BLOCK), 2 * bound)
        bias = torch.zeros(4, HIDDEN)
        bias[1] = 1.0  # start by remembering
        self.bias = nn.Parameter(bias)
        self.peephole = nn.Parameter(torch.zeros(3, HIDDEN))
        self.readout = nn.Linear(PROJECTION, SPEAKERS)

    def forward(self, x: Tensor, lengths: Tensor, dropout: float = 0.0) -> Trace:
        """Run ``x`` ``(n, t, 12)``, normalised and zero-padded beyond ``lengths`` ``(n,)``."""
        count, frames, _ = x.shape
        x = functional.pad(x, (0, INPUT_BLOCKS * BLOCK - INPUTS))
        dense = expand(self.input_weight).reshape(4 * HIDDEN, -1)
        driven = (x @ dense.T).view(count, frames, 4, HIDDEN) + self.bias
        recurrent = expand(self.recurrent_weight).reshape(4 * HIDDEN, -1).T
        projection = expand(self.projection_weight).T
        peep_i, peep_f, peep_o = self.peephole

        c = x.new_zeros(count, HIDDEN)
        y = x.new_zeros(count, PROJECTION)
        cells, outputs, preactivations = [], [], []
        for t in range(frames):
            pre_i, pre_f, pre_g, pre_o = (
                driven[:, t] + (y @ recurrent).view(count, 4, HIDDEN)
            ).unbind(1)
            pre_i = pre_i + peep_i * c
            pre_f = pre_f + peep_f * c
            c = torch.sigmoid(pre_f) * c + torch.sigmoid(pre_i) * torch.tanh(pre_g)
            pre_o = pre_o + peep_o * c
            y = (torch.sigmoid(pre_o) * torch.tanh(c)) @ projection
            cells.append(c)
            outputs.append(y)
            preactivations.append(torch.stack((pre_i, pre_f, pre_g, pre_o), 1))

        stacked = torch.stack(outputs, 1)
        features = (stacked * frame_mask(lengths, frames)).sum(1) / lengths[:, None]
        features = functional.dropout(features, dropout, self.training)
        return Trace(
            self.readout(features),
            stacked,
            torch.stack(cells, 1),
            torch.stack(preactivations, 1),
        )


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """A float mask ``(n, frames, 1)``: 1 for the frames of each utterance, 0 for its padding."""
    return (torch.arange(frames)[None, :] < lengths[:, None]).float()[..., None]
