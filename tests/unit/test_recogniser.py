"""Small recognisers: trained, resumed, read again and refused."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_training import torch

from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.errors import DesignError, DesignWarning
from ernn_myhdl.explore.choice import Choice
from ernn_myhdl.files.output_list import foreign_files
from ernn_myhdl.recogniser import stages, training
from ernn_myhdl.recogniser.model import Recogniser, model_outputs
from ernn_myhdl.recogniser.recipe import METHODS, Recipe
from ernn_myhdl.recogniser.search import recipe_for
from ernn_myhdl.recogniser.task import VOWELS, load_task
from ernn_myhdl.recogniser.training import train_recogniser
from ernn_myhdl.recogniser.trainings import result_file, train_recognisers
from ernn_myhdl.runs.data_outputs import fixed_runs
from ernn_myhdl.runs.predictions import accuracy_of

pytestmark = pytest.mark.torch
TINY = {
    "hidden": 8, "block": 4, "epochs": 1, "admm_epochs": 1, "retrain_epochs": 1, "quantise_epochs": 1
}  # fmt: skip


@pytest.fixture(scope="module")
def all_vowels():
    return load_task(VOWELS)


@pytest.fixture(scope="module")
def vowels(all_vowels):
    """Every tenth utterance."""
    parts = {
        name: DataSet(part.sequences[::10], part.labels[::10])
        for name, part in all_vowels.parts.items()
    }
    return replace(all_vowels, parts=parts)


@pytest.fixture(scope="module")
def whole(vowels, tmp_path_factory):
    """A training without interruption."""
    return train_recogniser(vowels, Recipe(**TINY), tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("method", METHODS)
def test_scores_are_those_of_the_files_that_were_written(method, vowels, tmp_path):
    cell = "gru" if method == "projection" else "lstm"
    front = 6 if method == "admm" else 0
    recipe = Recipe(**TINY, method=method, cell=cell, front=front, rate=0.02)
    trained = train_recogniser(vowels, recipe, tmp_path / "run")
    assert trained.result == json.loads((tmp_path / "run/result.json").read_text())
    scores = trained.result["scores"]
    assert ("start" in scores) == (method != "direct")
    test = vowels.parts["test"]
    outputs = [run.outputs for run in fixed_runs(trained.design(), test)]
    assert scores["fixed_point"]["test"]["accuracy"] == accuracy_of(outputs, test)
    # the written model is that whose design was scored: the fixed point follows it closely
    model = Recogniser(recipe, vowels.inputs, vowels.outputs)
    from safetensors.torch import load_file

    model.load_state_dict(load_file(tmp_path / "run/model.safetensors"))
    exact = np.concatenate(model_outputs(model, test))
    assert np.abs(exact - np.concatenate(outputs)).max() < 0.1
    cells = [layer.cell for layer in trained.design().layers]
    assert cells == recipe.cells(vowels.inputs, vowels.outputs)
    history = json.loads((tmp_path / "run/history.json").read_text())
    epochs = sum(len(stage["epochs"]) for stage in history.values())
    assert epochs == 4  # the same for every method


def test_a_projection_to_as_many_elements_as_cells_is_trained(vowels, tmp_path):
    recipe = Recipe(**TINY, projection=8)  # nn.LSTM has smaller ones only
    trained = train_recogniser(vowels, recipe, tmp_path / "run")
    cell = trained.design().layers[0].cell
    assert (cell.projection, cell.peepholes) == (8, False)


def test_a_recipe_with_activations_and_residuals_becomes_a_graph(vowels, tmp_path):
    recipe = Recipe(
        cell="gru", layers=2, front=8, front_activation="relu", residual=True, dense=4,
        dense_activation="tanh", **TINY,
    )  # fmt: skip
    design = train_recogniser(vowels, recipe, tmp_path / "run").design()
    assert [join.inputs for join in design.graph.joins] == [
        ("layer_1", "layer_0"),
        ("layer_2", "join_0"),
    ]
    assert [layer.cell.activation for layer in design.layers if layer.cell.kind == "linear"] == [
        "relu",
        "tanh",
        "none",
    ]
    assert [layer.cell.block for layer in design.layers] == [1, 4, 4, 4, 1]
    assert [c.outputs for c in recipe.cells(12, 9)] == [
        layer.cell.outputs for layer in design.layers
    ]
    x = vowels.parts["test"].sequences[:2]
    assert np.array_equal(design.run(x, engine="integer").raw, design.run(x, engine="golden").raw)


def test_several_recognisers_share_dense_models_and_are_trained_once(tmp_path, monkeypatch):
    recipes = [Recipe(**TINY, method=m) for m in ("direct", "projection", "dense")]
    calls = []
    arguments = (VOWELS, tmp_path, recipes)
    train_recognisers(*arguments, progress=lambda *c: calls.append(c))
    assert [c[2] for c in calls] == ["dense model of lstm-projection-k4-seed0",
        "lstm-direct-k4-seed0", "lstm-projection-k4-seed0", "lstm-dense-seed0"]  # fmt: skip
    assert len(list((tmp_path / "starts").iterdir())) == 1
    scores = [json.loads(result_file(tmp_path, r).read_text())["scores"] for r in recipes]
    assert scores[1]["start"] == scores[2]["start"] and "start" not in scores[0]
    monkeypatch.setattr(training, "train_recogniser", None)
    train_recognisers(*arguments)
    with pytest.raises(DesignError, match="two of them are lstm-direct-k4-seed0"):
        train_recognisers(VOWELS, tmp_path, [recipes[0], replace(recipes[0], hidden=16)])


class Crash(Exception):
    """An interruption."""


@pytest.mark.parametrize("where", ["start", "compress", "quantise", "scores", "write"])
def test_an_interrupted_training_ends_with_the_same_bits(
    where, whole, vowels, tmp_path, monkeypatch
):
    recipe = Recipe(**TINY)
    names = {"start": "fit", "compress": "compress", "quantise": "Quantisation",
             "scores": "fixed_scores", "write": "save_design"}  # fmt: skip
    with monkeypatch.context() as patch:

        def crash(*args, **kwargs):
            raise Crash

        module = stages if hasattr(stages, names[where]) else training
        patch.setattr(module, names[where], crash)
        with pytest.raises(Crash):
            train_recogniser(vowels, recipe, tmp_path / "run")
    again = train_recogniser(vowels, recipe, tmp_path / "run")
    assert again.result["scores"] == whole.result["scores"]
    assert again.design().digest == whole.design().digest
    same = [folder / "model.safetensors" for folder in (whole.folder, again.folder)]
    assert same[0].read_bytes() == same[1].read_bytes()


def test_a_finished_training_is_read_and_another_recipe_is_refused(vowels, tmp_path, monkeypatch):
    recipe = Recipe(**TINY, method="direct")
    first = train_recogniser(vowels, recipe, tmp_path / "run")
    monkeypatch.setattr(stages, "compress", None)
    assert train_recogniser(vowels, recipe, tmp_path / "run").result == first.result
    other = Recipe(**TINY, method="direct", seed=1)
    with pytest.raises(DesignError, match="another training: seed = 0 there, 1 here"):
        train_recogniser(vowels, other, tmp_path / "run")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/file").write_text("mine")
    with pytest.raises(DesignError, match="not made by this command"):
        train_recogniser(vowels, recipe, tmp_path / "own", force=True)


def test_a_forced_training_keeps_the_old_one_until_it_stands(vowels, tmp_path, monkeypatch):
    """It was deleted first: an interrupt left neither."""
    train_recogniser(vowels, Recipe(**TINY, method="direct"), tmp_path / "run")
    before = {f: f.read_bytes() for f in (tmp_path / "run").rglob("*") if f.is_file()}
    other = Recipe(**TINY, method="direct", seed=1)
    with monkeypatch.context() as patch:
        patch.setattr(training, "_scores", lambda *args: (_ for _ in ()).throw(Crash))
        with pytest.raises(Crash):
            train_recogniser(vowels, other, tmp_path / "run", force=True)
    found = {f: f.read_bytes() for f in (tmp_path / "run").rglob("*") if f.is_file()}
    assert found == before
    again = train_recogniser(vowels, other, tmp_path / "run", force=True)
    assert again.folder == tmp_path / "run" and again.result["resumed"]
    assert [f.name for f in tmp_path.iterdir()] == ["run"]
    assert not foreign_files(tmp_path / "run", ("recipe.json",))


def test_a_damaged_result_is_named(vowels, tmp_path):
    """trainings:5:37 of benchmarks.damaged_inputs: scores that were a number ended in a traceback."""
    recipe = Recipe(**TINY, method="direct")
    result = train_recogniser(vowels, recipe, tmp_path / "run").result
    for damage in (
        {"scores": 0.5}, {"scores": {}}, {"scores": {"float": 1.0}}, {"numbers": "many"}, {"warnings": 3},
        {"scores": result["scores"] | {"fixed_point": {"test": {}}}},
    ):  # fmt: skip
        (tmp_path / "run" / "result.json").write_text(json.dumps(result | damage))
        with pytest.raises(DesignError, match="is no result of a training"):
            train_recogniser(vowels, recipe, tmp_path / "run")


def test_admm_that_ended_unconverged_says_so():
    report = {"converged": False, "residuals": {"a": 0.03, "b": 0.27}}
    ended = SimpleNamespace(report=report)
    (text,) = training.unconverged(ended)
    assert (
        text.startswith("ADMM did not converge: b is 0.270 of its norm away")
        and "--admm-epochs" in text
    )
    for converged in (True, None):
        report["converged"] = converged
        assert training.unconverged(ended) == []


def test_warnings_of_other_libraries_are_none_of_the_design(monkeypatch):
    """UserWarnings of PyTorch and NumPy inside design() were told as losses of the design."""

    class Model:
        def design(self, *args, **options):
            warnings.warn("of PyTorch", UserWarning, stacklevel=2)
            warnings.warn("overflow encountered in exp", RuntimeWarning, stacklevel=2)
            warnings.warn("10 % of output saturate", DesignWarning, stacklevel=2)
            return "design"

    task = SimpleNamespace(calibration=[])
    with pytest.warns((UserWarning, RuntimeWarning)) as others:
        made, told = training._design(Model(), task, Recipe(**TINY))
    assert [str(w.message) for w in others] == ["of PyTorch", "overflow encountered in exp"]
    assert made == "design" and told == ["10 % of output saturate"]


def test_recipes_of_choices():
    recipe = Recipe(hidden=64, projection=32, peepholes=True)
    gru = recipe_for(recipe, Choice("gru", 8, 16))
    assert gru.cells(39, 44) == [GruCell(39, 64, 8, "after", input_block=16), LinearCell(64, 44, 1)]
    front = recipe_for(replace(recipe, front=20), Choice("lstm", 8, 8))
    assert front.cells(39, 44)[:2] == [LinearCell(39, 20, 1), LstmCell(20, 64, 32, 8, True)]
    dense = recipe_for(recipe, Choice("lstm", 1, 1))
    assert dense.method == "dense"
    assert dense.cells(39, 44)[0] == LstmCell(39, 64, 32, 1, True)


def test_padding_behind_sequences_changes_no_output(vowels):
    torch.manual_seed(0)
    model = Recogniser(Recipe(**TINY), vowels.inputs, vowels.outputs).eval()
    data = vowels.parts["validation"]
    made = model_outputs(model, data)
    with torch.no_grad():
        for x, y in zip(data.sequences[:5], made[:5], strict=True):
            alone = model(torch.as_tensor(x, dtype=torch.float32)[None])[0].numpy()
            assert np.abs(alone - y).max() < 1e-5


def test_the_parts_of_the_vowels_share_no_utterance(all_vowels):
    parts = all_vowels.parts
    assert [len(parts[n].sequences) for n in ("train", "validation", "test")] == [216, 54, 370]
    shapes = {x.tobytes() for x in parts["train"].sequences}
    assert not shapes & {x.tobytes() for x in parts["validation"].sequences}


@pytest.mark.parametrize("steps", range(1, 31))
def test_the_learning_rate_is_that_of_the_recipe_at_its_largest_for_any_number_of_steps(steps):
    optimiser = stages._adam(0.01)([torch.nn.Parameter(torch.zeros(1))])
    scheduler = stages._one_cycle(0.01)(optimiser, steps)
    rates = [scheduler.get_last_lr()[0]]
    for _ in range(steps):
        optimiser.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    assert 0.0075 < max(rates) < 0.0101
    assert steps == 1 or rates[-1] < 1e-5
