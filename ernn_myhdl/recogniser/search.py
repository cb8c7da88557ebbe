"""The search for a model with our own training: cells and trainings of the choices of one recipe."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ernn_myhdl.corpus.trained_data import X_NAME
from ernn_myhdl.design.cells import CELLS, cell_fields
from ernn_myhdl.explore.choice import Choice
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.model import ModelExploration, explore_in
from ernn_myhdl.explore.model_state import STATE_NAME
from ernn_myhdl.files.long_output import made_in
from ernn_myhdl.files.output_folder import new_file
from ernn_myhdl.files.output_list import write_list
from ernn_myhdl.plots.saving import plot_saving
from ernn_myhdl.recogniser.recipe import DENSE, Recipe
from ernn_myhdl.recogniser.stages import check_task
from ernn_myhdl.recogniser.task import Task
from ernn_myhdl.recogniser.training import train_recogniser
from ernn_myhdl.synthesis.devices import Device

PICTURE_NAME = "saving.png"
#: Fields of a recipe that the search chooses.
CHOSEN = ("cell", "block", "input_block")


def recipe_for(recipe: Recipe, choice: Choice) -> Recipe:
    """The recipe of a choice: only an LSTM has peepholes and a projection; without blocks it is dense."""
    changes: dict[str, Any] = {"cell": choice.cell, "block": choice.block}
    changes["input_block"] = choice.input_block if choice.input_block != choice.block else 0
    none = {"projection": 0, "peepholes": False}
    known = cell_fields(CELLS[choice.cell])
    changes |= {name: value for name, value in none.items() if name not in known}
    head = recipe.head_block or choice.block
    if max(choice.block, choice.input_block, head) == 1:
        changes["method"] = DENSE
    return replace(recipe, **changes)


def explore_recogniser(
    task: Task,
    recipe: Recipe,
    max_error: float,
    device: Device | None,
    folder: str | Path,
    force: bool = False,
    say: Callable[[str], None] = lambda step: None,
    goal: Goal | None = None,
) -> ModelExploration:
    """`explore_model` with recognisers. max_error: of the fixed-point design on the validation part, 0 to 1.

    The dense models that the trainings begin from are shared: one for each kind of cell.
    """

    check_task(task, recipe)

    def search(place: Path) -> ModelExploration:
        return _search(task, recipe, max_error, device, place, force, say, goal)

    result, place = made_in(folder, force, STATE_NAME, search)
    return replace(result, folder=place)


def _search(
    task: Task,
    recipe: Recipe,
    max_error: float,
    device: Device | None,
    folder: Path,
    force: bool,
    say: Callable[[str], None],
    goal: Goal | None,
) -> ModelExploration:
    """Search in a folder."""

    def train(choice: Choice):
        own = recipe_for(recipe, choice)
        trained = train_recogniser(
            task, own, folder / "trainings" / choice.name, folder / "starts", say=say
        )
        scores = trained.result["scores"]["fixed_point"]["validation"]
        return 1 - next(iter(scores.values())), trained.design()

    fixed = {n: v for n, v in recipe.as_dict().items() if n not in CHOSEN}
    result = explore_in(
        folder,
        lambda choice: recipe_for(recipe, choice).cells(task.inputs, task.outputs),
        train,
        1 - max_error,
        device,
        recipe.cell,
        recipe.word,
        {"task": task.identity, "recipe": fixed},
        force,
        say,
        goal,
        error=task.edit_error,
    )
    plot_saving(result, folder / PICTURE_NAME, bool(task.edit_error))
    if result.chosen is not None:
        kept = folder / "trainings" / result.chosen.choice.name / X_NAME
        if kept.is_file():
            with new_file(folder / X_NAME) as partial:
                shutil.copyfile(kept, partial)
    write_list(folder)
    return result
