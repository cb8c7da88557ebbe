"""Training of the demonstration network: the recipe, the loop and the evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ernn_myhdl.demo.augment import pad, vary
from ernn_myhdl.demo.torch_classifier import CirculantClassifier
from ernn_myhdl.demo.torch_model import CirculantLstm, Trace, frame_mask

Network = CirculantLstm | CirculantClassifier


@dataclass(frozen=True)
class FitRecipe:
    """Hyper-parameters, chosen by cross-validation within the training part alone."""

    epochs: int = 300
    batch: int = 20
    learning_rate: float = 2e-2  # peak of the one-cycle schedule
    weight_decay: float = 1e-2
    dropout: float = 0.2  # of the read-out's features
    label_smoothing: float = 0.02
    stretch: float = 0.3  # largest relative change of an utterance's length
    offset: float = 0.5  # deviation of the random shift of an utterance
    noise: float = 0.6  # deviation of the random shift of a frame
    range_penalty: float = 30.0
    gradient_norm: float = 1.0


@dataclass(frozen=True)
class Result:
    """Evaluation of a part: the accuracy, the mean cross entropy and the largest magnitudes."""

    accuracy: float
    loss: float
    x: float
    y: float
    c: float
    preactivation: float

    def __str__(self) -> str:
        return (
            f"accuracy {self.accuracy:.2%}, cross entropy {self.loss:.4f}; largest |x| {self.x:.2f}"
            f" |y| {self.y:.2f} |c| {self.c:.2f} |pre-activation| {self.preactivation:.2f}"
        )


def range_penalty(trace: Trace) -> Tensor:
    """Penalise values that would need more integer bits: |y| > 1.2, |c| > 4, |pre| > 6."""
    return (
        functional.relu(trace.outputs.abs() - 1.2).square().mean()
        + functional.relu(trace.cells.abs() - 4).square().mean()
        + 0.1 * functional.relu(trace.preactivations.abs() - 6).square().mean()
    )


def fit(
    sequences: Sequence[np.ndarray],
    labels: np.ndarray,
    recipe: FitRecipe,
    seed: int,
    advance: Callable[[float], None] = lambda loss: None,
    network: Callable[[], Network] = CirculantLstm,
) -> Network:
    """Train on normalised ``(frames, 12)`` sequences; ``advance`` gets each epoch's last loss.

    The same seed and machine yield the same weights: every random draw comes from ``seed`` and
    one thread does the arithmetic.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = network()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    batches = -(-len(sequences) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.epochs * batches, pct_start=0.15
    )
    for _ in range(recipe.epochs):
        order = rng.permutation(len(sequences))
        for start in range(0, len(order), recipe.batch):
            chosen = order[start : start + recipe.batch]
            varied = vary(
                rng,
                [sequences[i] for i in chosen],
                recipe.stretch,
                recipe.offset,
                recipe.noise,
            )
            x, lengths = map(torch.from_numpy, pad(varied))
            trace = model(x, lengths, recipe.dropout)
            loss = functional.cross_entropy(
                trace.logits,
                torch.from_numpy(labels[chosen]),
                label_smoothing=recipe.label_smoothing,
            )
            loss = loss + recipe.range_penalty * range_penalty(trace)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
            optimiser.step()
            schedule.step()
        advance(loss.item())
    return model.eval()


@torch.no_grad()
def evaluate(model: Network, sequences: Sequence[np.ndarray], labels: np.ndarray) -> Result:
    """Classify normalised sequences; magnitudes leave the padding frames out."""
    x, lengths = map(torch.from_numpy, pad(sequences))
    trace = model.eval()(x, lengths)
    truth = torch.from_numpy(labels)
    mask = frame_mask(lengths, x.shape[1])
    return Result(
        accuracy=(trace.logits.argmax(1) == truth).double().mean().item(),
        loss=functional.cross_entropy(trace.logits, truth).item(),
        x=x.abs().max().item(),
        y=(trace.outputs * mask).abs().max().item(),
        c=(trace.cells * mask).abs().max().item(),
        preactivation=(trace.preactivations * mask[..., None]).abs().max().item(),
    )
