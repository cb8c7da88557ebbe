"""The ways to a block-circulant recogniser side by side, within one budget of epochs; the best on the validation part is the design.

recipe.json          what is trained by which methods, on which data; written first
start                the dense model that ADMM and the projection begin from
admm, projection, direct, dense
                     a training for each method (`ernn_myhdl.recogniser.training`), from which an interrupted comparison goes on
design, model.safetensors, x.npz
                     those of the chosen one
result.json          the results of all of them and which one was chosen; written last
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ernn_myhdl.corpus.trained_data import X_NAME
from ernn_myhdl.design.storage import load_design, save_design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.json_text import json_text, read_json
from ernn_myhdl.files.long_output import made_in
from ernn_myhdl.files.output_folder import new_file
from ernn_myhdl.files.output_list import write_list
from ernn_myhdl.recogniser.recipe import DENSE, METHODS, RESULT_NAME, Recipe
from ernn_myhdl.recogniser.stages import check_task
from ernn_myhdl.recogniser.task import Task
from ernn_myhdl.recogniser.training import (
    DESIGN_NAME,
    MODEL_NAME,
    RECIPE_NAME,
    claim,
    train_recogniser,
)

START_NAME = "start"
Say = Callable[[str], None]


@dataclass(frozen=True, repr=False)
class Comparison:
    """Trainings by several methods.

    result: as in RESULT_NAME: task, recipe, methods (name -> result of its training) and chosen, the name of one of them.
    folder: that holds them.
    """

    result: dict
    folder: Path

    def __repr__(self) -> str:
        """Methods and the chosen one, on one line."""
        return f"Comparison({', '.join(self.result['methods'])}: {self.result['chosen']} in {self.folder})"

    def design(self):
        """The design of the chosen method."""
        return load_design(self.folder / DESIGN_NAME)


def split_budget(epochs: int) -> dict[str, int]:
    """Fields of a recipe for a number of epochs in all, without those with rounded weights: a third each for the dense model,
    ADMM and the epochs inside the structure; the dense model has what is left over. DesignError below 3."""
    if epochs < 3:
        raise DesignError(
            f"budget = {epochs}: must be at least 3 epochs, one each for the dense model, ADMM and the structure"
        )
    third = epochs // 3
    return {"epochs": epochs - 2 * third, "admm_epochs": third, "retrain_epochs": third}


def check_methods(methods: Sequence[str]) -> None:
    """DesignError unless they are different methods, at least two, and not all of them dense."""
    for method in methods:
        if method not in METHODS:
            raise DesignError(f"methods: {method!r}, must be of {', '.join(METHODS)}")
    if len(methods) < 2 or len(set(methods)) < len(methods):
        raise DesignError(
            f"methods = {', '.join(methods)}: must be at least two different ones of {', '.join(METHODS)}"
        )


def train_methods(
    task: Task,
    recipe: Recipe,
    methods: Sequence[str],
    folder: str | Path,
    force: bool = False,
    say: Say = lambda step: None,
) -> Comparison:
    """Train a recipe by several methods, or go on where an interrupted comparison stopped; a complete one is read.

    Parameters
    ----------
    task : Task
        The data.
    recipe : Recipe
        All but its method counts; every method has the same number of epochs.
    methods : sequence of str
        At least two of METHODS. Chosen is the one whose fixed-point design has the smallest error on the validation part, of equal ones
        the first; "dense" is there to compare with, and never chosen.
    folder : path
        Of the comparison; the module tells what is in it.
    force : bool
        Replace the comparison or training of other arguments.
    say : function of (str)
        Called with the name of every step.

    Returns
    -------
    Comparison

    Raises
    ------
    DesignError
        For methods that are none, or a folder of another training.
    """
    check_methods(methods)
    check_task(task, recipe)

    def train(place: Path) -> Comparison:
        return _compared(task, recipe, methods, place, force, say)

    found, place = made_in(folder, force, RECIPE_NAME, train)
    return replace(found, folder=place)


def _compared(
    task: Task, recipe: Recipe, methods: Sequence[str], folder: Path, force: bool, say: Say
) -> Comparison:
    """Train in a folder."""
    shared = {name: value for name, value in recipe.as_dict().items() if name != "method"}
    named = {"methods": ",".join(methods)}
    claim(folder, {"task": task.identity, "recipe": shared, "comparison": named}, force)
    if (folder / RESULT_NAME).is_file():
        return Comparison(_read(folder / RESULT_NAME, methods), folder)
    results = {}
    for method in methods:
        own = replace(recipe, method=method)
        trained = train_recogniser(task, own, folder / method, folder / START_NAME, say=say)
        results[method] = trained.result
    errors = {method: _error(result) for method, result in results.items() if method != DENSE}
    chosen = min(errors, key=lambda method: errors[method])
    result = {
        "task": task.identity,
        "recipe": shared,
        "methods": results,
        "chosen": chosen,
        "warnings": [f"{name}: {text}" for name, r in results.items() for text in r["warnings"]],
        "seconds": sum(r["seconds"] for r in results.values()),
    }
    save_design(load_design(folder / chosen / DESIGN_NAME), folder / DESIGN_NAME, force=True)
    for name in (MODEL_NAME, X_NAME):
        if (folder / chosen / name).is_file():
            with new_file(folder / name) as partial:
                shutil.copyfile(folder / chosen / name, partial)
    with new_file(folder / RESULT_NAME) as partial:
        partial.write_text(json_text(result, 1) + "\n", encoding="utf-8")
    write_list(folder)
    return Comparison(result, folder)


def _error(result: dict) -> float:
    """The error of the fixed-point design on the validation part, 0 to 1 and for label sequences above."""
    return float(next(iter(result["scores"]["fixed_point"]["validation"].values())))


def _read(file: Path, methods: Sequence[str]) -> dict:
    """The result of a complete comparison; DesignError where it is none."""
    try:
        result: dict = read_json(file)
        legal = list(result["methods"]) == list(methods) and result["chosen"] in {*methods} - {
            DENSE
        }
        legal &= all(_error(each) >= 0 for each in result["methods"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        legal = False
    if not legal:
        raise DesignError(
            f"{file}: is no result of a comparison; delete its folder, or replace it with --force"
        )
    return result
