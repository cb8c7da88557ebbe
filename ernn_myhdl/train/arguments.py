"""The arguments of `compress`, `fit` and `supervised`, checked before anything is trained."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.admm import AdmmSchedule
from ernn_myhdl.train.loop import Settings
from ernn_myhdl.train.makers import OPTIMISER, SCHEDULER, kind_of, name_of, takes
from ernn_myhdl.train.quantisation import Quantisation
from ernn_myhdl.whole_numbers import whole

STEP = (
    "a function step(model, batch) that gives the loss, or supervised(loss) for batches (x, target)"
)
#: What other training codes call an argument -> what to give here.
ELSEWHERE = {
    "lr": f"the learning rate belongs to the optimiser: {OPTIMISER}",
    "learning_rate": f"the learning rate belongs to the optimiser: {OPTIMISER}",
    "weight_decay": f"it belongs to the optimiser: {OPTIMISER}",
    "optimizer": f"it is called optimiser, a function: {OPTIMISER}",
    "lr_scheduler": f"it is called scheduler: {SCHEDULER}",
    "loss": f"step makes the loss: give {STEP}",
    "criterion": f"step makes the loss: give {STEP}",
    "loss_fn": f"step makes the loss: give {STEP}",
    "batch_size": "the data hold the batches: SequenceBatches(..., batch=...) or a DataLoader",
    "device": "the model is trained where it is: model.to(device), and batches on that device",
    "num_epochs": "it is called epochs",
    "n_epochs": "it is called epochs",
    "block": "it is called blocks",
    "bits": "give quantise=Quantisation(word=...)",
    "word": "give quantise=Quantisation(word=...)",
    "grad_clip": "it is called clip",
    "verbose": "it is called progress",
    "rho": "it belongs to the schedule of ADMM: compress(..., method='admm', schedule=AdmmSchedule(rho=...))",
    "growth": "it belongs to the schedule of ADMM: compress(..., method='admm', schedule=AdmmSchedule(growth=...))",
    "admm_epochs": "it belongs to the schedule of ADMM: compress(..., method='admm', schedule=AdmmSchedule(epochs=...))",
    "schedule": "fit trains the dense model; compress(..., method='admm', schedule=AdmmSchedule(...)) makes it block-circulant",
    "blocks": "fit trains the dense model; compress(model, blocks, step, data) makes it block-circulant",
    "method": "fit trains the dense model; compress(..., method=...) makes it block-circulant",
    "train_loader": "it is called data: a list of batches, a DataLoader, SequenceBatches",
    "dataloader": "it is called data: a list of batches, a DataLoader, SequenceBatches",
    "batches": "it is called data: a list of batches, a DataLoader, SequenceBatches",
    "word_length": "give quantise=Quantisation(word=...)",
    "val_data": "give validate, a function of the model",
}


def check_arguments(
    model: object,
    step: object,
    data: object,
    epochs: object,
    quantise: object,
    schedule: object = None,
) -> None:
    """DesignError for the first argument that cannot be one; see `compress`."""
    if not isinstance(model, nn.Module):
        raise DesignError(f"model: is {kind_of(model)}, must be an nn.Module")
    _check_step(step)
    if isinstance(data, Tensor | np.ndarray | str | bytes | Mapping):
        raise DesignError(
            f"data: is {kind_of(data)}, must be batches: a list of them, a DataLoader, SequenceBatches, or a function "
            "from the number of the epoch to its batches"
        )
    if isinstance(data, torch.utils.data.Dataset) and not isinstance(data, Iterable):
        raise DesignError(
            f"data: is {kind_of(data)}, which holds single examples; give torch.utils.data.DataLoader(data, batch_size)"
        )
    if inspect.isfunction(data) and not takes(data, 1):
        raise DesignError(
            f"data: {name_of(data)} does not take one argument; must be a function from the number of the epoch to its "
            "batches: lambda epoch: batches"
        )
    whole("epochs", epochs, 0)
    for name, given, kind in (
        ("quantise", quantise, Quantisation),
        ("schedule", schedule, AdmmSchedule),
    ):
        if given is not None and not isinstance(given, kind):
            first = "word" if kind is Quantisation else "epochs"
            inside = f"{first}={given}" if isinstance(given, int) else "..."
            raise DesignError(
                f"{name} = {given!r}: must be of {kind.__name__}; give {name}={kind.__name__}({inside})"
            )


def _check_step(step: object) -> None:
    loss = isinstance(step, nn.Module) or (
        inspect.isfunction(step) and (step.__module__ or "").startswith("torch.nn")
    )
    if loss or isinstance(step, type):
        raise DesignError(f"step: is {name_of(step)}, a loss; give {STEP}")
    if not callable(step):
        raise DesignError(f"step: is {kind_of(step)}, must be {STEP}")
    if not takes(step, 2):
        raise DesignError(f"step: {name_of(step)} does not take two arguments; must be {STEP}")


def settings_of(given: Mapping[str, object]) -> Settings:
    """The settings of a training; DesignError for what is none."""
    known = [f.name for f in fields(Settings)]
    for name in given:
        if name not in known:
            hint = ELSEWHERE.get(name, f"the settings are {', '.join(known)}")
            raise DesignError(f"{name}: is no argument of compress and fit; {hint}")
    checked: dict[str, Any] = dict(given)
    return Settings(**checked)
