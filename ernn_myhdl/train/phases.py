"""The phases of a training: what is trained, and what happens around a step of the optimiser.

A phase trains tensors (`parameters`). Before and after each step the model itself holds the dense matrices
that follow from them, so that it can be run as it is: PyTorch's fused LSTM and GRU work, and a step
function needs to know nothing of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ernn_myhdl.train.circulant_tensors import fold
from ernn_myhdl.train.matrices import Matrix


def norm(tensor: Tensor) -> float:
    """Frobenius norm, summed in float64."""
    return float(torch.linalg.vector_norm(tensor.double()))


class TrainingPhase:
    """Training of the dense model as it is, for a number of epochs.

    name: in history and checkpoints. Other phases train other tensors.
    """

    def __init__(self, name: str, model: nn.Module, epochs: int) -> None:
        self.name, self.model, self.epochs = name, model, epochs

    def start(self) -> dict | None:
        """Begin from the weights that the model has; what the history keeps about it."""

    def parameters(self) -> list[nn.Parameter]:
        """What the optimiser changes."""
        return [p for p in self.model.parameters() if p.requires_grad]

    def after_backward(self) -> None:
        """Make the gradients of `parameters` from those of the model."""

    def after_step(self, step: int) -> dict | None:
        """Follow the optimiser's step, the step-th of the phase; a record for the history, or None."""

    def after_epoch(self) -> dict | None:
        """Follow the end of an epoch; a record for the history, or None."""

    @property
    def finished(self) -> bool:
        """Whether the phase ends before its last epoch."""
        return False

    def left(self, epochs: int) -> int:
        """Epochs for the next phase, where this one has ended after so many."""
        return 0

    def finish(self) -> dict:
        """Leave the model with what was trained; what the report says about it."""
        return {}

    def state(self) -> dict:
        """What a checkpoint needs beside the model."""
        return {}

    def restore(self, state: dict) -> None:
        """Continue from `state`; the model is restored before."""


class CirculantPhase(TrainingPhase):
    """Training inside the structure: parameters are one vector a block, the other ones as they are.

    Gradients of dense matrices are summed along the wrapped diagonals, which makes those of the vectors.
    spread: start from vectors as large as the elements of the matrix, not from their means: for a
    model whose weights are random, which means would make too small.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        epochs: int,
        matrices: Sequence[Matrix],
        spread: bool = False,
    ) -> None:
        super().__init__(name, model, epochs)
        self.matrices = [m for m in matrices if self._holds(m)]
        self._spread = spread
        self.vectors: dict[str, nn.Parameter] = {}

    def _holds(self, matrix: Matrix) -> bool:
        return matrix.block > 1

    @torch.no_grad()
    def start(self) -> dict | None:
        distance = {}
        for matrix in self.matrices:
            dense = matrix.parameter
            vectors = matrix.projected(dense)
            if self._spread:
                elements = matrix.by_gate(torch.ones_like(dense))
                vectors = vectors * fold(elements, matrix.block).sqrt()
            distance[matrix.name] = norm(dense - matrix.dense(vectors)) / (norm(dense) or 1.0)
            self.vectors[matrix.name] = nn.Parameter(vectors, requires_grad=dense.requires_grad)
        self._render()
        return None if self._spread else {"distance": distance}

    def parameters(self) -> list[nn.Parameter]:
        own = {id(m.parameter): self.vectors[m.name] for m in self.matrices}
        return [own.get(id(p), p) for p in super().parameters()]

    @torch.no_grad()
    def after_backward(self) -> None:
        for matrix in self.matrices:
            dense = matrix.parameter.grad
            vectors = self.vectors[matrix.name]
            vectors.grad = None if dense is None else matrix.gradient(dense)
            matrix.parameter.grad = None

    def after_step(self, step: int) -> None:
        self._render()

    def stored(self, vectors: Tensor) -> Tensor:
        """What the model computes with in the place of the trained vectors: here the same."""
        return vectors

    @torch.no_grad()
    def _render(self) -> None:
        for matrix in self.matrices:
            matrix.parameter.copy_(matrix.dense(self.stored(self.vectors[matrix.name])))

    def finish(self) -> dict:
        return {
            "vectors": {
                name: self.stored(vectors.detach()).clone()
                for name, vectors in self.vectors.items()
            }
        }

    def state(self) -> dict:
        return {name: vectors.detach() for name, vectors in self.vectors.items()}

    def restore(self, state: dict) -> None:
        trainable = {m.name: m.parameter.requires_grad for m in self.matrices}
        self.vectors = {
            name: nn.Parameter(vectors, requires_grad=trainable[name])
            for name, vectors in state.items()
        }
        self._render()
