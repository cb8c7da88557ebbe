"""Several recognisers of one corpus: each in a folder of its own, on processes or a Dask cluster.

    work/starts       the dense models that recipes share
    work/trainings    a folder for each recipe (`ernn_myhdl.recogniser.training`)

A training that is complete is not run again, one that was interrupted goes on from its checkpoint. On a cluster corpus and
work must be at the same place for all workers.
"""

from __future__ import annotations

import json
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
    two recipes would have one folder (`training_name`), or where that holds a training of another recipe or of
    other data.
    """
    named: dict[str, Recipe] = {}
    for recipe in recipes:
        name = training_name(recipe)
        if named.setdefault(name, recipe) != recipe:
            raise DesignError(
                f"recipes: two of them are {name}; trainings in one folder must differ in cell, method, block or seed"
            )
    missing = {n: r for n, r in named.items() if not _complete(corpus, work, r)}
    # two trainings must not make the dense model that they share at the same time
    first = {_start(r): (name, r) for name, r in reversed(missing.items()) if r.method != "direct"}
    starts = {f"dense model of {name}": recipe for name, recipe in first.values()}
    for function, wanted in ((_train_start, starts), (_train_one, missing)):
        tasks = {name: (str(corpus), str(work), r.as_dict()) for name, r in wanted.items()}
        sweep.run(function, tasks, jobs, dask, progress=progress)


def _complete(corpus: str | Path, work: str | Path, recipe: Recipe) -> bool:
    """Whether a training is done; DesignError where its folder is that of another recipe or of other data."""
    from ernn_myhdl.recogniser.task import task_identity

    file = result_file(work, recipe)
    if not file.is_file():
        return False
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
        saved = result["task"] | result["recipe"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DesignError(
            f"{file}: cannot be read ({type(error).__name__}: {error}); delete its folder to train anew"
        ) from error
    for name, value in (task_identity(corpus) | recipe.as_dict()).items():
        if saved.get(name) != value:
            raise DesignError(
                f"{file}: is of another training: {name} = {saved.get(name)!r} there, {value!r} here; give another "
                "folder for the trainings, or delete it"
            )
    return True


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
