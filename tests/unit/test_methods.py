"""Ways side by side: one budget, the best of the validation part, going on after an interruption; own data in the search."""

import json
from dataclasses import replace

import numpy as np
import pytest
from foreign_models import torch_module

torch = torch_module()

from ernn_myhdl.cli.main import main  # noqa: E402
from ernn_myhdl.corpus.trained_data import trained_data  # noqa: E402
from ernn_myhdl.design.storage import load_design  # noqa: E402
from ernn_myhdl.errors import DesignError  # noqa: E402
from ernn_myhdl.recogniser import methods as methods_module  # noqa: E402
from ernn_myhdl.recogniser.methods import split_budget, train_methods  # noqa: E402
from ernn_myhdl.recogniser.recipe import Recipe  # noqa: E402
from ernn_myhdl.recogniser.task import load_task  # noqa: E402

pytestmark = pytest.mark.torch
SMALL = {"hidden": 4, "block": 2, "quantise_epochs": 0, "batch": 4, "rate": 0.03} | split_budget(5)
WAYS = ("admm", "projection", "direct")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Two classes in ten groups."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    x = {f"x{i}": rng.normal(0, 1, (3, 3)) + 2 * label - 1 for i, label in enumerate(labels)}
    file = tmp_path_factory.mktemp("own") / "own.npz"
    np.savez(file, labels=labels, groups=np.arange(40) // 4, **x)
    return file


@pytest.fixture(scope="module")
def task(own):
    return load_task(own)


@pytest.fixture(scope="module")
def whole(task, tmp_path_factory):
    return train_methods(task, Recipe(**SMALL), WAYS, tmp_path_factory.mktemp("ways") / "run")


def test_every_way_has_the_budget_and_the_best_is_chosen(whole):
    assert split_budget(5) == {"epochs": 3, "admm_epochs": 1, "retrain_epochs": 1}
    results = whole.result["methods"]
    assert list(results) == list(WAYS)
    assert {name: r["epochs"] for name, r in results.items()} == {
        "admm": {"train": 3, "admm": 1, "retrain": 1},
        "projection": {"train": 3, "retrain": 2},
        "direct": {"direct": 5},
    }
    errors = [r["scores"]["fixed_point"]["validation"]["error_rate"] for r in results.values()]
    assert whole.result["chosen"] == WAYS[int(np.argmin(errors))]
    chosen = whole.folder / whole.result["chosen"]
    assert whole.design().digest == load_design(chosen / "design").digest
    for name in ("model.safetensors", "x.npz"):
        assert (whole.folder / name).read_bytes() == (chosen / name).read_bytes()
    assert repr(whole).count("\n") == 0
    # ADMM of one epoch does not converge, which is told
    assert (
        results["admm"]["admm"]["converged"] is False and results["admm"]["admm"]["residual"] > 0.02
    )
    assert results["direct"]["admm"] is None
    (text,) = whole.result["warnings"]
    assert text.startswith("admm: ADMM did not converge: ")


def test_the_dense_one_is_compared_with_and_never_chosen(task, tmp_path, monkeypatch):
    errors = {"dense": 0.0, "direct": 0.25, "projection": 0.25, "admm": 0.5}
    train = methods_module.train_recogniser

    def known(task, recipe, folder, starts, say):
        made = train(task, replace(recipe, method="direct"), folder, say=say)
        error = {"error_rate": errors[recipe.method]}
        scores = {"fixed_point": {"validation": error}}
        return replace(made, result=made.result | {"scores": scores, "warnings": []})

    monkeypatch.setattr(methods_module, "train_recogniser", known)
    short = Recipe(**SMALL | {"epochs": 1, "admm_epochs": 1, "retrain_epochs": 0})
    made = train_methods(task, short, list(errors), tmp_path / "run")
    assert made.result["chosen"] == "direct"  # the first of equal ones
    made = train_methods(task, short, ("dense", "admm"), tmp_path / "two")
    assert made.result["chosen"] == "admm"


def test_an_interrupted_comparison_ends_with_the_same_bits(whole, task, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    train = methods_module.train_recogniser

    def crash(task, recipe, *arguments, **options):
        if recipe.method == "direct":
            raise KeyboardInterrupt
        return train(task, recipe, *arguments, **options)

    monkeypatch.setattr(methods_module, "train_recogniser", crash)
    with pytest.raises(KeyboardInterrupt):
        train_methods(task, Recipe(**SMALL), WAYS, folder)
    assert not (folder / "result.json").exists() and (folder / "admm" / "result.json").is_file()
    monkeypatch.setattr(methods_module, "train_recogniser", train)
    again = train_methods(task, Recipe(**SMALL), WAYS, folder)
    assert again.design().digest == whole.design().digest

    def timeless(result):
        return {n: r["scores"] for n, r in result["methods"].items()}

    assert timeless(again.result) == timeless(whole.result)
    monkeypatch.setattr(methods_module, "train_recogniser", None)  # a complete one is read
    assert train_methods(task, Recipe(**SMALL), WAYS, folder).result == again.result
    with pytest.raises(DesignError, match="is of another training: .* --force"):
        train_methods(task, Recipe(**SMALL), ("admm", "direct"), folder)
    (folder / "result.json").write_text("{}")
    with pytest.raises(DesignError, match="is no result of a comparison"):
        train_methods(task, Recipe(**SMALL), WAYS, folder)


def test_the_command_prints_a_table_and_json(own, whole, tmp_path, capsys):
    options = [f"--{n.replace('_', '-')}={v}" for n, v in SMALL.items() if "epochs" not in n]
    command = ["train", str(own), "-o", str(whole.folder), "--methods", ",".join(WAYS), *options]
    command += ["--budget", "5", "--quantise-epochs", "0"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert err.startswith("WARNING: admm: ADMM did not converge: ") and err.count("\n") == 1
    rows = [line.split() for line in out.splitlines() if line.startswith(WAYS)]
    assert [row[0] for row in rows][:3] == list(WAYS) and [row[1] for row in rows[:3]] == ["5"] * 3
    assert "WARNING: admm: ADMM did not converge" in out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == whole.result


def test_the_search_takes_own_data(own, tmp_path, capsys):
    sizes = ["--hidden", "4", "--epochs", "3", "--admm-epochs", "1", "--retrain-epochs", "1"]  # fmt: skip
    command = ["explore", "model", str(own), "-o", str(tmp_path / "search"), *sizes]
    options = ["--max-error", "60", "--rate", "0.03", "--cell", "rnn", "--json"]
    assert main([*command, *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["feasible"] and found["chosen"]["cell"] == "rnn"
    assert 1 <= len(found["trainings"]) <= 5
    design = load_design(tmp_path / "search" / "design")
    assert design.inputs == 3 and design.outputs == 2
    evaluate = ["evaluate", str(tmp_path / "search" / "design"), "--data", str(own)]
    assert main([*evaluate, "--part", "validation", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    accuracy = again["accuracy_fixed"]
    assert accuracy == pytest.approx(found["chosen"]["accuracy"]) and accuracy >= 0.4
    trained = trained_data(tmp_path / "search" / "design", 3, 2)  # of the chosen one
    assert trained.classes == tuple(again["classes"]) and trained.pooling == "mean"
