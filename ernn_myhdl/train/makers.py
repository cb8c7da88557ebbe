"""Optimisers and schedulers of a phase, made by the functions that were given, and the step of a loss."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.call_forms import checked_call

OPTIMISER = "optimiser=lambda parameters: torch.optim.Adam(parameters, lr=0.001)"
SCHEDULER = "scheduler=lambda optimiser, steps: torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)"


def made(name: str, make, *arguments):
    """What the function of a setting makes; DesignError where it fails, or makes something else."""
    example = OPTIMISER if name == "optimiser" else SCHEDULER
    try:
        found = make(*arguments)
    except (TypeError, ValueError) as error:
        text = " ".join(str(error).split())
        raise DesignError(f"{name}: {name_of(make)} failed ({text}); give {example}") from error
    if name == "optimiser" and not isinstance(found, torch.optim.Optimizer):
        raise DesignError(
            f"{name}: {name_of(make)} gave {kind_of(found)}, must give an optimiser: {example}"
        )
    if name == "optimiser":
        _check_optimiser(make, found, arguments[0])
    plateau = isinstance(found, torch.optim.lr_scheduler.ReduceLROnPlateau)
    if name == "scheduler" and (plateau or not hasattr(found, "step")):
        why = "which needs a loss at every step" if plateau else "must give a scheduler"
        raise DesignError(f"{name}: {name_of(make)} gave {kind_of(found)}, {why}: {example}")
    return found


def _check_optimiser(make, found: torch.optim.Optimizer, given: Iterable[Tensor]) -> None:
    """DesignError where an optimiser changes other tensors than those of its phase, or cannot step as all others do."""
    if not takes(found.step, 0):
        raise DesignError(
            f"optimiser: {kind_of(found)} needs a function that computes the loss again in a step; give {OPTIMISER}"
        )
    own = {id(tensor) for tensor in given}
    if any(id(tensor) not in own for group in found.param_groups for tensor in group["params"]):
        raise DesignError(
            f"optimiser: {name_of(make)} takes other tensors than those that it is given, which every phase has its own of; "
            f"give {OPTIMISER}"
        )


def check_maker(name: str, make: object, count: int) -> None:
    """DesignError unless `make` is a function of so many arguments."""
    example = OPTIMISER if name.startswith("optimiser") else SCHEDULER
    if not callable(make):
        raise DesignError(
            f"{name}: is {kind_of(make)}, must be a function that makes one, since every phase trains other tensors: "
            f"{example}"
        )
    if not takes(make, count):
        what = (
            "of the parameters"
            if count == 1
            else "of two arguments, the optimiser and the number of steps"
        )
        raise DesignError(f"{name}: {name_of(make)} must be a function {what}: {example}")


def falling(optimiser: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """The scheduler of ADMM where none is given: as it is in the first half of the steps, then falling to a hundredth."""
    return torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: max(min(1.0, 2 * (1 - step / steps)), 0.01)
    )


@checked_call
def supervised(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[nn.Module, Any], Tensor]:
    """The step of a loss for batches of (x, target).

    Parameters
    ----------
    loss : function of (output, target)
        Such as `nn.CrossEntropyLoss()`; output is model(x), one tensor.

    Returns
    -------
    function of (model, batch)
        For `compress` and `fit`; of batches with other parts, such as `Batch`, write a step of your own.

    Raises
    ------
    DesignError
        Where loss is none; of the step where a batch has other parts than x and target.
    """
    if isinstance(loss, type) or not callable(loss):
        name = loss.__name__ if isinstance(loss, type) else kind_of(loss)
        raise DesignError(
            f"supervised: is given {name}, must be a function loss(output, target), such as nn.CrossEntropyLoss()"
        )

    def step(model: nn.Module, batch) -> Tensor:
        x, target = pair_of(batch)
        output = model(x)
        try:
            return loss(output, target)
        except (TypeError, AttributeError) as error:
            if isinstance(output, Tensor):
                raise
            raise DesignError(
                f"supervised: the model gives {kind_of(output)}, which {name_of(loss)} does not take; write a step of "
                "your own: def step(model, batch): ... return loss(model(batch[0])[0], batch[1])"
            ) from error

    return step


def pair_of(batch: object) -> tuple:
    """x and target of a batch for `supervised`; DesignError where it has others."""
    own = "def step(model, batch): ... return loss(model(batch[0]), batch[1])"
    if not isinstance(batch, tuple | list):
        raise DesignError(
            f"batch: is {kind_of(batch)}, supervised(loss) takes (x, target); write a step of your own: {own}"
        )
    if len(batch) != 2:
        fields_ = f" ({', '.join(batch._fields)})" if hasattr(batch, "_fields") else ""
        raise DesignError(
            f"batch: has {len(batch)} parts{fields_}, supervised(loss) takes (x, target); write a step of your own: "
            f"{own}"
        )
    return tuple(batch)


def takes(function, count: int) -> bool:
    """Whether a function takes so many arguments, as far as that is known."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def kind_of(value: object) -> str:
    """The name of the type."""
    return type(value).__name__


def name_of(function: object) -> str:
    """The name of a function, or of the type of another object."""
    return getattr(function, "__name__", kind_of(function))
