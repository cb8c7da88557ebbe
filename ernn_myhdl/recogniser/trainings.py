"""Several recognisers of one corpus: each in a folder of its own, on processes or a Dask cluster.

    work/starts       the dense models that recipes share
    work/trainings    a folder for each recipe (`ernn_myhdl.recogniser.training`)

A training that is complete is not run again, one that was interrupted goes on from its checkpoint. On a cluster corpus and
work must be at the same place for all workers.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ernn_myhdl import sweep
from ernn_myhdl.errors import DesignError
from ernn_myhdl.recogniser.recipe import DENSE, RESULT_NAME, Recipe


def training_name(recipe: Recipe) -> str:
    """Cell, method, block and seed."""
    block = "" if recipe.method == DENSE else f"-k{recipe.block}"
    return f"{recipe.cell}-{recipe.method}{block}-seed{recipe.seed}"


def training_folder(work: str | Path, recipe: Recipe) -> Path:
    """Of one training."""
    return Path(work) / "trainings" / training_name(recipe)


def result_file(work: str | Path, recipe: Recipe) -> Path:
    """The result of a training, which is there when it is complete."""
    return training_folder(work, recipe) / RESULT_NAME


def train_recognisers(
    corpus: str | Path,
    work: str | Path,
    recipes: Iterable[Recipe],
    jobs: int = 1,
    dask: str | None = None,
    progress: sweep.Progress | None = None,
) -> None:
    """Train those of the recipes that are not complete.

    corpus: folder, or "japanese-vowels". jobs, dask, progress: of `ernn_myhdl.sweep.run`. DesignError where
    two recipes would have one folder (`training_name`).
    """
    named: dict[str, Recipe] = {}
    for recipe in recipes:
        name = training_name(recipe)
        if named.setdefault(name, recipe) != recipe:
            raise DesignError(
                f"recipes: two of them are {name}; trainings in one folder must differ in cell, method, block or seed"
            )
    missing = {n: recipe for n, recipe in named.items() if not result_file(work, recipe).is_file()}
    # two trainings must not make the dense model that they share at the same time
    first = {_start(r): (name, r) for name, r in reversed(missing.items()) if r.method != "direct"}
    starts = {f"dense model of {name}": recipe for name, recipe in first.values()}
    for function, wanted in ((_train_start, starts), (_train_one, missing)):
        tasks = {name: (str(corpus), str(work), r.as_dict()) for name, r in wanted.items()}
        sweep.run(function, tasks, jobs, dask, progress=progress)


def _start(recipe: Recipe) -> tuple:
    return tuple(recipe.start.values())


def _train_start(task: tuple[str, str, dict]) -> None:
    from ernn_myhdl.recogniser.task import load_task
    from ernn_myhdl.recogniser.training import train_start

    corpus, work, recipe = task
    train_start(load_task(corpus), Recipe(**recipe), Path(work) / "starts")


def _train_one(task: tuple[str, str, dict]) -> None:
    from ernn_myhdl.recogniser.task import load_task
    from ernn_myhdl.recogniser.training import train_recogniser

    corpus, work, values = task
    recipe = Recipe(**values)
    folder = training_folder(work, recipe)
    train_recogniser(load_task(corpus), recipe, folder, Path(work) / "starts")
