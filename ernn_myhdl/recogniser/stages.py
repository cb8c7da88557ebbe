"""The trainings of a recogniser that follow one another: dense start, compression, rounding.

Each has its checkpoints in a folder of its own, from which an interrupted one goes on.
"""

from __future__ import annotations

import copy
import hashlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ernn_myhdl.design.embedding import MOST_NUMBERS, MOST_ROWS
from ernn_myhdl.errors import DesignError, DesignWarning
from ernn_myhdl.recogniser.model import Recogniser, loss, model_outputs
from ernn_myhdl.recogniser.recipe import DENSE, Recipe
from ernn_myhdl.recogniser.task import Task
from ernn_myhdl.runs.predictions import accuracy_of
from ernn_myhdl.train.admm import AdmmSchedule
from ernn_myhdl.train.batches import Batch, SequenceBatches
from ernn_myhdl.train.carried_state import CarriedBatch, ChunkBatches
from ernn_myhdl.train.compressing import Compressed, compress, fit
from ernn_myhdl.train.loop import PHASES
from ernn_myhdl.train.quantisation import Quantisation

#: Norm of the gradients at most.
CLIP = 1.0
#: Learning rate of a phase as part of the recipe's: trainings from random weights, and of trained ones.
RATES = {"train": 1.0, "direct": 1.0, "admm": 1.0, "retrain": 2 / 3, "quantise": 0.05}
#: ADMM's rho at the beginning and at the end, relative to the gradient of the loss; docs/recognisers.md tells how they were chosen.
RHO, LAST_RHO = 0.1, 1000.0

Say = Callable[[str], None]


def start_folder(task: Task, recipe: Recipe, folder: Path, starts: str | Path | None) -> Path:
    """Where the dense model's checkpoint is that a recipe begins from."""
    if starts is None:
        return folder / "start"
    text = json.dumps({"task": task.identity} | recipe.start, sort_keys=True)
    return Path(starts) / f"{recipe.cell}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


class Stages:
    """The trainings that follow one another, each with its checkpoints."""

    def __init__(self, task: Task, recipe: Recipe, folder: Path, start: Path, say: Say) -> None:
        self.task, self.recipe, self.folder, self._start, self._say = (
            task, recipe, folder, start, say
        )  # fmt: skip
        self._data = training_batches(task, recipe)
        balanced = recipe.class_weights == "balanced"
        self._weights = torch.tensor(task.class_weights()).float() if balanced else None

    def run(self) -> dict[str, Compressed]:
        """ "start" (but for "direct"), "compress" and "quantise"; their models are separate."""
        recipe = self.recipe
        made = {} if recipe.method == "direct" else {"start": self.start()}
        self._say(f"{recipe.method}: {recipe.text}")
        model = copy.deepcopy(made["start"].model) if made else self._model()
        made["compress"] = self._compress(model)
        self._say(f"rounding to {recipe.word} bits")
        made["quantise"] = self._quantise(copy.deepcopy(made["compress"].model))
        return made

    def start(self) -> Compressed:
        """The dense model."""
        self._say("dense model")
        return fit(
            self._model(), self._loss, self._data, self.recipe.epochs, **self._settings(self._start)
        )

    def _model(self) -> nn.Module:
        torch.manual_seed(self.recipe.seed)
        return Recogniser(self.recipe, self.task.rows or self.task.inputs, self.task.outputs)

    def _compress(self, model: nn.Module) -> Compressed:
        recipe, settings = self.recipe, self._settings(self.folder / "compress")
        inside = recipe.admm_epochs + recipe.retrain_epochs
        if recipe.method == DENSE:
            rates = {"train": RATES["retrain"]}
            settings = self._settings(self.folder / "compress", RATES | rates)
            return fit(model, self._loss, self._data, inside, **settings)
        epochs = {
            "admm": recipe.retrain_epochs, "projection": inside, "direct": recipe.epochs + inside
        }[recipe.method]  # fmt: skip
        schedule = None
        if recipe.method == "admm":
            schedule = AdmmSchedule(recipe.admm_epochs, RHO, None, LAST_RHO, hand_on=True)
        arguments = (recipe.sizes, self._loss, self._data, recipe.method, schedule, epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DesignWarning)  # the result tells it
            return compress(model, *arguments, **settings)

    def _quantise(self, model: nn.Module) -> Compressed:
        recipe, settings = self.recipe, self._settings(self.folder / "quantise")
        rounding = Quantisation(recipe.word, recipe.quantise_epochs)
        if recipe.method == DENSE:
            return fit(model, self._loss, self._data, 0, rounding, **settings)
        arguments = (recipe.sizes, self._loss, self._data, "projection", None, 0, rounding)
        return compress(model, *arguments, **settings)

    def _settings(self, checkpoint: Path, rates: dict[str, float] = RATES) -> dict:
        own = {phase: self.recipe.rate * rates[phase] for phase in PHASES}
        return {
            "optimiser": {phase: _adam(rate) for phase, rate in own.items()},
            "scheduler": {phase: _one_cycle(rate) for phase, rate in own.items()},
            "clip": CLIP,
            "seed": self.recipe.seed,
            "checkpoint": checkpoint,
            "validate": self._accuracy,
            "input_scales": False,  # the features of a task are normalised
        }

    def _accuracy(self, model: nn.Module) -> dict[str, float]:
        data = self.task.parts["validation"]
        if self.task.label_sequences:
            return self.task.score("validation", model_outputs(model, data))
        return {"accuracy": accuracy_of(model_outputs(model, data), data, self.recipe.pooling)}

    def _loss(self, model: nn.Module, batch: Batch | CarriedBatch) -> Tensor:
        return loss(model, batch, self.recipe.pooling, self._weights, self.task.label_sequences)


def check_task(task: Task, recipe: Recipe) -> None:
    """DesignError where a recipe is not for x and the labels of the data, or its words are none to train with."""
    Quantisation(recipe.word, recipe.quantise_epochs)  # its checks, before anything is trained
    if task.rows and not recipe.embedding:
        raise DesignError(
            f"embedding = 0: x of the data are whole numbers, 0 to {task.rows - 1}, the rows of an embedding; give the elements of a "
            "row, such as --embedding 16, or values as floating point: astype(float)"
        )
    if task.rows > MOST_ROWS or task.rows * recipe.embedding > MOST_NUMBERS:
        raise DesignError(
            f"embedding = {recipe.embedding}: x of the data are whole numbers up to {task.rows - 1}, and a table must have at most "
            f"{MOST_ROWS} rows and {MOST_NUMBERS} numbers in all; give x smaller numbers, or the rows fewer elements"
        )
    if recipe.embedding and not task.rows:
        raise DesignError(
            f"embedding = {recipe.embedding}: x of the data are values; leave it out, or give sequences of whole numbers (frames,)"
        )
    if recipe.class_weights == "balanced":
        task.class_weights()
    if task.label_sequences and recipe.carry:
        raise DesignError(
            f"carry = {recipe.carry}: is for labels of sequences or frames; leave it out for label sequences"
        )
    if recipe.chunk and not task.parts["train"].labels_per_frame:
        raise DesignError(
            f"chunk = {recipe.chunk}: a sequence with one label cannot be cut; leave it out, and a chunk is a sequence"
        )


def training_batches(task: Task, recipe: Recipe) -> SequenceBatches | ChunkBatches:
    """The training part in batches: every sequence from zero, or with the state carried over `carry` of them."""
    sequences, targets = task.parts["train"].sequences, task.targets
    if not recipe.carry:
        return SequenceBatches(
            sequences, targets, recipe.batch, recipe.seed, task.label_sequences, bool(task.rows)
        )
    chunk = recipe.chunk or None
    carry, numbers = recipe.carry, bool(task.rows)
    return ChunkBatches(sequences, targets, recipe.batch, chunk, carry, recipe.seed, numbers)


def _adam(rate: float):
    return lambda parameters: torch.optim.Adam(parameters, rate)


def _one_cycle(rate: float):
    """Rises in the first tenth of the steps, then falls to nearly nothing."""

    def make(optimiser, steps: int):
        total = steps + 1
        # OneCycleLR divides by zero where it rises in its first step alone
        rise = max(0.1, 2 / total)
        return torch.optim.lr_scheduler.OneCycleLR(
            optimiser, rate, total_steps=total, pct_start=rise
        )

    return make
