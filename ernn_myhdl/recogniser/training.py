"""A recogniser from data to design: dense start, compression, rounding, scores; resumable in one folder.

recipe.json          what is trained, on which data; written first
start, compress, quantise
                     checkpoints of the stages, from which an interrupted training goes on
model.safetensors    the compressed model, for `ernn import`
history.json, curves.png
                     loss, validation and residuals of the stages
design               the network folder
x.npz                of own data: mean and std, with which the core's x is (frame - mean) / std, the names of the classes, features and read-out
result.json          scores; written last, so a folder that has it is complete
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ernn_myhdl.corpus.trained_data import X_NAME, TrainedData
from ernn_myhdl.design.design import Design
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.storage import load_design, save_design
from ernn_myhdl.errors import WARNING, DesignError, DesignWarning
from ernn_myhdl.files.json_text import json_text, read_json
from ernn_myhdl.files.long_output import OtherOutput, made_in
from ernn_myhdl.files.output_folder import new_file, new_folder
from ernn_myhdl.files.output_list import write_list
from ernn_myhdl.files.output_target import only_user
from ernn_myhdl.plots.training import plot_history
from ernn_myhdl.recogniser.model import model_outputs
from ernn_myhdl.recogniser.recipe import RESULT_NAME, Recipe
from ernn_myhdl.recogniser.stages import Stages, check_task, start_folder
from ernn_myhdl.recogniser.task import SCORED, Task
from ernn_myhdl.runs.data_outputs import fixed_runs
from ernn_myhdl.train.admm import AdmmSchedule
from ernn_myhdl.train.compressed_model import Compressed
from ernn_myhdl.train.compressing import not_converged
from ernn_myhdl.train.design import save_model

RECIPE_NAME, HISTORY_NAME = "recipe.json", "history.json"
MODEL_NAME, CURVES_NAME, DESIGN_NAME = "model.safetensors", "curves.png", "design"

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainedRecogniser:
    """A trained recogniser: result (as in RESULT_NAME) and the folder that holds it."""

    result: dict
    folder: Path

    def design(self):
        """The network."""
        return load_design(self.folder / DESIGN_NAME)


def train_recogniser(
    task: Task,
    recipe: Recipe,
    folder: str | Path,
    starts: str | Path | None = None,
    force: bool = False,
    say: Say = lambda step: None,
) -> TrainedRecogniser:
    """Train in a folder, or go on where an interrupted training stopped; a complete one is read.

    starts: folder of dense models that several trainings share, by what they depend on; None: the training's
    own. force: replace the training of another recipe; a complete one stays until the new one is. say: called with the
    name of every step.
    """

    check_task(task, recipe)

    def train(place: Path) -> TrainedRecogniser:
        return _trained(task, recipe, place, starts, force, say)

    trained, place = made_in(folder, force, RECIPE_NAME, train)
    return replace(trained, folder=place)


def _trained(
    task: Task, recipe: Recipe, folder: Path, starts: str | Path | None, force: bool, say: Say
) -> TrainedRecogniser:
    """Train in a folder."""
    claim(folder, {"task": task.identity, "recipe": recipe.as_dict()}, force)
    if (folder / RESULT_NAME).is_file():
        return TrainedRecogniser(_read_result(folder / RESULT_NAME), folder)
    begun = time.perf_counter()
    with only_user(folder), one_thread():
        stages = Stages(task, recipe, folder, start_folder(task, recipe, folder, starts), say)
        made = stages.run()
        design, told = _design(made["quantise"], task, recipe)
        told = [*unconverged(made["compress"]), *told]
        for text in told:
            say(WARNING + text)
        say("scores")
        result = {
            "task": task.identity,
            "recipe": recipe.as_dict(),
            "scores": _scores(task, made, design, recipe.pooling),
            "numbers": made["quantise"].report["numbers"],
            "dense_numbers": made["quantise"].report["dense_numbers"],
            "seconds": time.perf_counter() - begun,
            "resumed": any(c.report["resumed"] for n, c in made.items() if n != "start"),
            "warnings": told,
            "epochs": epochs_of(made),
            "admm": admm_of(made["compress"]),
        }
        _write(task, made, design, folder, result)
    return TrainedRecogniser(result, folder)


def _design(trained: Compressed, task: Task, recipe: Recipe) -> tuple[Design | Network, list[str]]:
    """The design of a training, and what it warns of: the command tells it in its own way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        design = trained.design(task.calibration, word=recipe.word, name=recipe.cell)
    told = [w for w in caught if issubclass(w.category, DesignWarning)]
    for other in caught:
        if other not in told:  # such as NumPy's of an overflow: not the design's, but not lost
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    return design, [str(w.message) for w in told]


def admm_of(compressed: Compressed) -> dict | None:
    """How ADMM ended: converged, and the residual |W - Z| / |W| of the worst matrix; None of other methods."""
    if compressed.report["converged"] is None:
        return None
    return {
        "converged": compressed.report["converged"],
        "residual": max((compressed.report["residuals"] or {}).values(), default=None),
    }


def epochs_of(made: dict[str, Compressed]) -> dict[str, int]:
    """Epochs that were trained in each phase, those of the dense model first."""
    phases = [epoch["phase"] for stage in made.values() for epoch in stage.history["epochs"]]
    return {phase: phases.count(phase) for phase in dict.fromkeys(phases)}


def unconverged(compressed: Compressed) -> list[str]:
    """What is to be told of ADMM that ended before its matrices were block-circulant; nothing of other methods."""
    residuals = compressed.report["residuals"]
    if compressed.report["converged"] is not False or not residuals:
        return []
    return [
        not_converged(residuals, AdmmSchedule().primal)
        + "; here these are --admm-epochs and --method direct"
    ]


def train_start(task: Task, recipe: Recipe, starts: str | Path) -> None:
    """Train the dense model of a recipe for others to begin from."""
    with one_thread():
        folder = Path(starts)
        Stages(
            task, recipe, folder, start_folder(task, recipe, folder, starts), lambda step: None
        ).start()


def _scores(task: Task, made: dict[str, Compressed], design, pooling: str) -> dict[str, dict]:
    """Model -> part -> scores. "start": the dense model; "float": before rounding; "fixed_point": the design."""
    scores: dict[str, dict] = {}
    for name, stage in (("start", "start"), ("float", "compress")):
        if stage in made:
            model = made[stage].model
            scores[name] = {
                part: task.score(part, model_outputs(model, task.parts[part]), pooling)
                for part in SCORED
            }
    scores["fixed_point"] = {part: fixed_scores(task, part, design, pooling) for part in SCORED}
    return scores


def fixed_scores(task: Task, part: str, design, pooling: str = "mean") -> dict[str, float]:
    """The scores of a design on a part, and how many values were saturated."""
    runs = fixed_runs(design, task.parts[part])
    saturated = sum(sum(run.saturations.values()) for run in runs)
    return task.score(part, [run.outputs for run in runs], pooling) | {"saturated": saturated}


def claim(folder: Path, identity: dict, force: bool) -> None:
    """Make the folder that of a training; DesignError where it is that of another one."""
    file = folder / RECIPE_NAME
    if file.is_file():
        saved = _read(file)
        if saved == identity:
            return
        if not force:
            raise DesignError(
                f"output {folder}: is of another training: {_difference(saved, identity)}; choose another "
                "folder, or replace it with --force"
            )
        if (folder / RESULT_NAME).is_file():
            raise OtherOutput(folder)
    elif folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    with new_folder(folder, force, RECIPE_NAME, complete=False) as partial:
        text = json.dumps(identity, indent=1) + "\n"
        (partial / RECIPE_NAME).write_text(text, encoding="utf-8")


def _difference(saved: dict, own: dict) -> str:
    """The first thing in which two identities differ."""
    for group in own:
        old = saved.get(group) if isinstance(saved, dict) else None
        old = old if isinstance(old, dict) else {}
        for name, value in own[group].items():
            if old.get(name) != value:
                return f"{name} = {old.get(name)!r} there, {value!r} here"
    return "it has more fields"


def _read(file: Path) -> dict:
    try:
        return read_json(file)
    except (OSError, ValueError) as error:
        raise DesignError(
            f"{file}: cannot be read ({error}); delete its folder, or replace it with --force"
        ) from error


def _read_result(file: Path) -> dict:
    """The result of a complete training; DesignError where its scores are none."""
    result = _read(file)
    try:
        parts = [part for model in result["scores"].values() for part in model.values()]
        values = [value for part in parts for value in part.values()]
        values += [result["numbers"], result["dense_numbers"]]
        told = result.get("warnings", [])
        legal = bool(parts) and all(isinstance(v, int | float) for v in values)
        legal &= (
            {"float", "fixed_point"} <= set(result["scores"]) <= {"start", "float", "fixed_point"}
        )
        legal &= len({tuple(model) for model in result["scores"].values()}) == 1
        legal &= isinstance(told, list) and all(isinstance(text, str) for text in told)
    except (KeyError, TypeError, AttributeError):
        legal = False
    if not legal:
        raise DesignError(
            f"{file}: is no result of a training; delete its folder, or replace it with --force"
        )
    return result


def _write(task: Task, made: dict[str, Compressed], design, folder: Path, result: dict) -> None:
    """The files of a complete training, the result last."""
    pooling = result["recipe"].get("pooling", Recipe.pooling)
    last = made["quantise"]
    save_model(last, folder / MODEL_NAME)
    save_design(design, folder / DESIGN_NAME, force=True)
    plot_history(_joined(made), folder / CURVES_NAME)
    if (own := task.own) is not None:
        kept = TrainedData(own.mean, own.std, own.classes, own.features, pooling)
        with new_file(folder / X_NAME) as partial, partial.open("wb") as stream:
            kept.save(stream)
    histories = {name: stage.history for name, stage in made.items()}
    for name, content in ((HISTORY_NAME, histories), (RESULT_NAME, result)):
        with new_file(folder / name) as partial:
            partial.write_text(json_text(content, 1) + "\n", encoding="utf-8")
    write_list(folder)


def _joined(made: dict[str, Compressed]) -> dict[str, list[dict]]:
    """The histories of the stages as one; steps go on counting."""
    joined: dict[str, list[dict]] = {"phases": [], "epochs": [], "updates": []}
    for stage in made.values():
        offset = joined["phases"][-1]["last_step"] if joined["phases"] else 0
        for phase in stage.history["phases"]:
            moved = {key: phase[key] + offset for key in ("first_step", "last_step")}
            joined["phases"].append(phase | moved)
        for kind in ("epochs", "updates"):
            joined[kind] += [r | {"step": r["step"] + offset} for r in stage.history[kind]]
    return joined


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: these layers are too small for more, and results depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
