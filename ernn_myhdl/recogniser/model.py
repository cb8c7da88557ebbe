"""The recogniser in PyTorch, its loss, and its outputs on a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.cells import GruCell, LstmCell, RnnCell
from ernn_myhdl.recogniser.recipe import Recipe
from ernn_myhdl.runs.data_outputs import BATCH
from ernn_myhdl.train.batches import Batch, SequenceBatches
from ernn_myhdl.train.carried_state import CarriedBatch, CarriedState, run_from
from ernn_myhdl.train.kernel_warnings import without_kernel_warnings
from ernn_myhdl.train.losses import ctc_loss
from ernn_myhdl.train.recurrent import OWN

#: Modules of the activations of a recipe.
ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class Residual(nn.Module):
    """Recurrent layers one after the other, each with what it takes added, where the sizes are equal."""

    def __init__(self, recipe: Recipe, inputs: int) -> None:
        super().__init__()
        width = recipe.projection or recipe.hidden
        single = replace(recipe, layers=1, residual=False)
        self.layers = nn.ModuleList(
            _recurrent(single, width if i else inputs) for i in range(recipe.layers)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        for layer in self.layers:
            y = layer(x)[0]
            x = y + x if y.shape == x.shape else y
        return x, None


class CausalConvolution(nn.Module):
    """A convolution over the frames of x (n, frames, inputs) that takes none of the future; zeros stand before a sequence."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.padding = (kernel - 1) * dilation
        self.convolution = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x.transpose(1, 2), (self.padding, 0))
        return self.convolution(padded).transpose(1, 2)


class Recogniser(nn.Module):
    """An embedding, if any, a linear layer or a causal convolution in front, if any, recurrent layers, a linear layer behind them, if any,
    and a linear read-out.

    Scores (n, frames, outputs) of x (n, frames, inputs); with an embedding of (n, frames) int64, the numbers of its rows, of which there are
    `inputs`.
    """

    def __init__(self, recipe: Recipe, inputs: int, outputs: int) -> None:
        super().__init__()
        self.embedding: nn.Module = nn.Identity()
        if recipe.embedding:
            self.embedding, inputs = nn.Embedding(inputs, recipe.embedding), recipe.embedding
        self.front = _front(recipe, inputs)
        self.front_activation = ACTIVATIONS[recipe.front_activation]()
        make = Residual if recipe.residual else _recurrent
        self.rnn = make(recipe, recipe.front or inputs)
        self.dropout = nn.Dropout(recipe.dropout)
        width = recipe.projection or recipe.hidden
        self.dense = nn.Linear(width, recipe.dense) if recipe.dense else nn.Identity()
        self.dense_activation = (
            ACTIVATIONS[recipe.dense_activation]() if recipe.dense else nn.Identity()
        )
        self.head = nn.Linear(recipe.dense or width, outputs)

    def forward(
        self, x: Tensor, state: CarriedState = None, lengths: Tensor | None = None
    ) -> Tensor | tuple[Tensor, CarriedState]:
        """The scores; with lengths (n,) also the state after so many frames, from the one that is given."""
        front = self.front_activation(self.front(self.embedding(x)))
        if lengths is None:
            return self._scores(self.rnn(front)[0])
        y, last = run_from(self.rnn, front, state, lengths)
        return self._scores(y), last

    def _scores(self, y: Tensor) -> Tensor:
        return self.head(self.dense_activation(self.dense(self.dropout(y))))


def _front(recipe: Recipe, inputs: int) -> nn.Module:
    if not recipe.front:
        return nn.Identity()
    if recipe.front_kernel == 1:
        return nn.Linear(inputs, recipe.front)
    return CausalConvolution(inputs, recipe.front, recipe.front_kernel, recipe.front_dilation)


def _recurrent(recipe: Recipe, inputs: int) -> nn.Module:
    """PyTorch's own module where it has the cell, which is faster."""
    sizes = (inputs, recipe.hidden)
    own = next(own for own in OWN if own.cell.kind == recipe.cell)
    if own.cell is LstmCell and not recipe.peepholes and recipe.projection < recipe.hidden:
        return nn.LSTM(*sizes, recipe.layers, batch_first=True, proj_size=recipe.projection)
    if own.cell is RnnCell:
        return nn.RNN(*sizes, recipe.layers, batch_first=True)
    if own.cell is GruCell and recipe.reset == "after":
        return nn.GRU(*sizes, recipe.layers, batch_first=True)
    make: Callable[..., nn.Module] = own
    return make(*sizes, layers=recipe.layers, batch_first=True, **recipe.cell_options)


def loss(
    model: nn.Module,
    batch: Batch | CarriedBatch,
    pooling: str = "mean",
    weights: Tensor | None = None,
    label_sequences: bool = False,
) -> Tensor:
    """Cross entropy of the frames, or of the pooled scores of sequences with one label each; or the CTC loss of label sequences.

    pooling: of a `Recipe`. weights: (outputs,), of the classes. The state of a CarriedBatch is handed on.
    """
    if isinstance(batch, CarriedBatch):
        scores, state = model(batch.x, batch.state, batch.lengths)
        batch.carry(state)
    else:
        scores = model(batch.x)
    if label_sequences:
        return ctc_loss(scores, batch.targets, batch.lengths)
    if batch.targets.dim() > 1:
        return functional.cross_entropy(scores.flatten(0, 1), batch.targets.flatten(), weights)
    return functional.cross_entropy(pooled(scores, batch.lengths, pooling), batch.targets, weights)


def pooled(scores: Tensor, lengths: Tensor, pooling: str) -> Tensor:
    """(n, outputs) of scores (n, frames, outputs), of which the first `lengths` (n,) frames count."""
    if pooling == "last":
        return scores[torch.arange(len(scores)), lengths - 1]
    inside = (torch.arange(scores.shape[1]) < lengths[:, None])[..., None]
    if pooling == "max":
        return scores.masked_fill(~inside, float("-inf")).amax(1)
    return (scores * inside).sum(1) / lengths[:, None]


@torch.no_grad()
def model_outputs(model: nn.Module, data: DataSet) -> list[np.ndarray]:
    """Scores (frames, outputs) of every sequence."""
    model.eval()
    sequences = data.sequences
    numbers = any(isinstance(module, nn.Embedding) for module in model.modules())
    targets = np.zeros(len(sequences), int)
    batches = SequenceBatches(sequences, targets, BATCH, seed=None, numbers=numbers)
    made = []
    for batch in batches(0):
        with without_kernel_warnings():
            scores = model(batch.x).numpy()
        made += [y[:n] for y, n in zip(scores, batch.lengths.tolist(), strict=True)]
    return made
