"""Trainings on own data: read-outs, weights of classes, and evaluations with confusions and groups."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from foreign_models import torch_module
from pages import run_page
from tools import require_module

torch = torch_module()

from ernn_myhdl.cli.main import main  # noqa: E402
from ernn_myhdl.recogniser.model import loss, pooled  # noqa: E402
from ernn_myhdl.recogniser.recipe import Recipe  # noqa: E402
from ernn_myhdl.recogniser.task import load_task  # noqa: E402
from ernn_myhdl.train.batches import SequenceBatches  # noqa: E402

pytestmark = pytest.mark.torch
OPTIONS = [
    "--hidden",
    "8",
    "--block",
    "4",
    "--epochs",
    "3",
    "--admm-epochs",
    "1",
    "--retrain-epochs",
    "1",
    "--rate",
    "0.05",
]


@pytest.fixture(scope="module")
def sensors(tmp_path_factory):
    """Three classes of different sizes in ten groups; the class is what the last frame says."""
    rng = np.random.default_rng(1)
    labels = np.array([0, 0, 0, 1, 1, 2] * 10)
    x = {f"x{i}": rng.normal(0, 0.1, (rng.integers(2, 6), 4)) for i in range(60)}
    for i, label in enumerate(labels):
        x[f"x{i}"][-1, label] += 2
    file = tmp_path_factory.mktemp("own") / "sensors.npz"
    names = np.array(["low", "middle", "top"])[labels]
    np.savez(file, labels=names, groups=np.repeat([f"g{i}" for i in range(10)], 6), **x)
    return file


@pytest.mark.parametrize("pooling", ["mean", "last", "max"])
def test_frames_that_pad_a_batch_count_in_no_read_out(pooling):
    rng = np.random.default_rng(2)
    sequences = [rng.normal(size=(n, 3)) for n in (1, 4, 2)]
    (batch,) = SequenceBatches(sequences, np.array([0, 1, 2]), 3, seed=None)(0)
    own = {
        "mean": lambda s: s.mean(0), "last": lambda s: s[-1], "max": lambda s: s.max(0),
    }[pooling]  # fmt: skip
    got = pooled(batch.x - 10, batch.lengths, pooling).numpy()
    np.testing.assert_allclose(got, [own(s - 10) for s in sequences], rtol=1e-5)
    weights = torch.tensor([1.0, 2.0, 4.0])
    scores = torch.log_softmax(torch.tensor(np.array([own(s) for s in sequences])), 1)
    expected = -(scores[0, 0] + 2 * scores[1, 1] + 4 * scores[2, 2]) / 7
    given = loss(torch.nn.Identity(), batch, pooling, weights)
    assert float(given) == pytest.approx(float(expected), rel=1e-5)


def test_balanced_classes_weigh_alike(sensors):
    task = load_task(sensors)
    counts = np.bincount(task.parts["train"].labels)
    assert counts.tolist() == [18, 12, 6]
    np.testing.assert_allclose(task.class_weights() * counts, [12, 12, 12])


def test_recipes_of_former_versions_are_the_same():
    later = {"pooling", "class_weights"}
    assert not later & set(Recipe().as_dict()) and not later & set(Recipe().start)
    assert Recipe(pooling="last").as_dict()["pooling"] == "last"
    assert Recipe(pooling="last", class_weights="balanced").start["class_weights"] == "balanced"


def test_formats_are_chosen_on_sequences_of_all_classes_of_a_sorted_table(tmp_path):
    x = {f"x{i}": np.full((2, 1), float(i)) for i in range(200)}
    parts = ["validation", "test"] * 2 + ["train"] * 196
    np.savez(tmp_path / "own.npz", labels=[0, 1] * 2 + [0] * 98 + [1] * 98, parts=parts, **x)
    task = load_task(tmp_path / "own.npz")
    first, *_, last = task.calibration
    assert len(task.calibration) == 64
    assert (first == task.parts["train"].sequences[0]).all()
    assert (last == task.parts["train"].sequences[-1]).all()


def test_from_own_data_to_confusions_and_predictions(sensors, tmp_path, capsys):
    run, design = tmp_path / "run", tmp_path / "run" / "design"
    options = [*OPTIONS, "--pooling", "last", "--class-weights", "balanced", "--json"]
    assert main(["train", str(sensors), "-o", str(run), *options]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["recipe"]["pooling"] == "last"
    with np.load(run / "x.npz") as archive:
        kept = dict(archive)
    assert kept["classes"].tolist() == ["low", "middle", "top"]
    train = np.concatenate(load_task(sensors).parts["train"].sequences) * kept["std"] + kept["mean"]
    np.testing.assert_allclose(train.mean(0), kept["mean"])
    files = [tmp_path / name for name in ("c.png", "c.tsv", "named.tsv")]
    command = [
        "evaluate",
        str(design),
        "--data",
        str(sensors),
        "--part",
        "test",
        "--pooling",
        "last",
    ]
    tables = [
        "--confusion",
        str(files[0]),
        "--confusion",
        str(files[1]),
        "--predictions",
        str(files[2]),
    ]
    assert main([*command, *tables, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["tables"] == [str(f) for f in files]
    accuracy = trained["scores"]["fixed_point"]["test"]["accuracy"]
    assert result["accuracy_fixed"] == accuracy
    confusion = np.array(result["confusion"])
    assert confusion.sum() == result["sequences"] == 12
    assert np.trace(confusion) == pytest.approx(12 * accuracy)
    assert confusion.sum(1).tolist() == [6, 4, 2]  # a row a label
    groups = result["groups"]
    assert [g["labels"] for g in groups.values()] == [6, 6]
    assert sum(6 * g["fixed_point"] for g in groups.values()) == pytest.approx(12 * accuracy)
    rows = list(csv.reader(files[1].read_text().splitlines(), delimiter="\t"))
    assert rows[0] == ["label", "low", "middle", "top"]
    assert [[int(c) for c in row[1:]] for row in rows[1:]] == confusion.tolist()
    named = list(csv.DictReader(files[2].read_text().splitlines(), delimiter="\t"))
    assert sum(row["label"] == row["fixed_point"] for row in named) == np.trace(confusion)
    assert {row["group"] for row in named} == set(groups)
    assert files[0].read_bytes().startswith(b"\x89PNG")
    # they are kept, and need labels
    assert main([*command, *tables]) == 2 and "exists" in capsys.readouterr().err
    np.save(tmp_path / "x.npy", np.zeros((3, 4)))
    unlabelled = ["evaluate", str(design), "--data", str(tmp_path / "x.npy")]
    assert main([*unlabelled, "--predictions", str(tmp_path / "p.tsv")]) == 2
    assert "the data have no labels" in capsys.readouterr().err
    assert main([*command, "--words", "8", "--predictions", str(tmp_path / "p.tsv")]) == 2
    assert "is of one design; leave --words out" in capsys.readouterr().err
    assert not (tmp_path / "p.tsv").exists()


@pytest.mark.slow
@pytest.mark.speech
def test_the_page_runs_as_written(tmp_path, monkeypatch):
    for module in ("soundfile", "kaldi_native_fbank", "rapidfuzz"):
        require_module(module, "pip install 'ernn-myhdl[speech]'")
    run_page("own-data.md", tmp_path, monkeypatch)
    assert (tmp_path / "confusion.png").is_file() and (tmp_path / "named.tsv").is_file()
    result = json.loads((tmp_path / "build/tones/result.json").read_text())
    assert result["scores"]["fixed_point"]["test"]["accuracy"] > 1 / 3
