"""Sequences with labels in their order: decoding, error rates, data, training and evaluation."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
from foreign_models import torch_module
from hypothesis import given
from hypothesis import strategies as st

from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus.inputs import load_data
from ernn_myhdl.corpus.label_sequences import (
    edit_distance,
    greedy_labels,
    label_error_rate,
    least_frames,
)
from ernn_myhdl.corpus.own_data import load_own_data
from ernn_myhdl.corpus.own_parts import own_parts
from ernn_myhdl.design.storage import load_design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.runs.evaluate import evaluate as evaluated

LABELS = st.lists(st.integers(0, 3), max_size=8)


@given(LABELS, LABELS)
def test_the_edit_distance_is_that_of_its_definition(one, other):
    def slow(a, b):
        if not a or not b:
            return len(a) + len(b)
        same = a[0] == b[0]
        return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (not same))

    assert edit_distance(one[:5], other[:5]) == slow(one[:5], other[:5])
    assert edit_distance(one, other) == edit_distance(other, one) <= max(len(one), len(other))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_greedy_decoding_drops_repetitions_and_blanks(path):
    got = greedy_labels(np.eye(4)[path])
    assert got.tolist() == [label for label, _ in groupby(path) if label != 3]


def test_error_rates_and_frames_by_hand():
    assert label_error_rate([[0, 1, 2], [1]], [[0, 2], [1, 1]]) == 2 / 4
    assert least_frames([0, 0, 1, 1, 1]) == 8 and least_frames([2]) == 1
    with pytest.raises(DesignError, match="hold no labels"):
        label_error_rate([[]], [[1]])
    with pytest.raises(DesignError, match="1 sequences against 2"):
        label_error_rate([[1], [2]], [[1]])
    with pytest.raises(DesignError, match=r"outputs: shape \(3,\)"):
        greedy_labels(np.zeros(3))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Sequences of one to three of the labels hi, lo, two frames each, as an .npz file and as a table of the same."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("spoken")
    x, texts, groups = {}, [], []
    for i in range(30):
        labels = rng.permutation(np.arange(3) % 2)[: rng.integers(1, 4)]
        frames = np.repeat(np.stack([labels, np.full(len(labels), 2)], 1).ravel(), 2)
        x[f"x{i}"] = np.eye(3)[frames][:, :2] + rng.normal(0, 0.1, (len(frames), 2))
        texts.append(" ".join(["lo", "hi"][label] for label in labels))
        groups.append(f"g{i % 6}")
    np.savez(folder / "spoken.npz", label_sequences=np.array(texts), groups=np.array(groups), **x)
    lines = ["file\tgroup\tlabel_sequence"]
    for (name, own), text, group in zip(x.items(), texts, groups, strict=True):
        np.save(folder / f"{name}.npy", own)
        lines.append(f"{name}.npy\t{group}\t{text}")
    (folder / "table.tsv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_table_and_an_archive_give_the_same_parts(spoken):
    table, archive = (own_parts(load_own_data(spoken / n)) for n in ("table.tsv", "spoken.npz"))
    assert table.digest == archive.digest and table.classes == ("hi", "lo")
    train = table.parts["train"]
    assert train.labels is None and len(train.label_sequences) == len(train.sequences) == 20
    loaded = load_data(spoken / "spoken.npz", 2, "test")
    for one, other in zip(loaded.label_sequences, table.parts["test"].label_sequences, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(DesignError, match="label_sequences: are of data that a training has split"):
        load_data(spoken / "spoken.npz", 2)


def test_what_is_no_label_sequence_is_refused(tmp_path):
    x = {f"x{i}": np.array([[1.0], [0.5]]) for i in range(3)}
    parts = np.array(["train", "validation", "test"])
    for arrays, message in (
        ({"label_sequences": np.arange(3)}, "must be .*a text of labels"),
        ({"label_sequences": np.array(["a", " ", "b"])}, "that of x1 is empty"),
        ({"label_sequences": np.array(["a"] * 3), "labels": np.arange(3)}, "leave one of them out"),
        ({"label_sequences": np.array(["a a", "a", "a"])}, "x0 has 2 of them in 2 frames, which need at least 3"),
    ):  # fmt: skip
        np.savez(tmp_path / "own.npz", parts=parts, **arrays, **x)
        with pytest.raises(DesignError, match=message):
            own_parts(load_own_data(tmp_path / "own.npz"))


@pytest.mark.torch
def test_the_ctc_loss_is_the_sum_over_all_paths():
    torch = torch_module()
    from ernn_myhdl.train import SequenceBatches, ctc_loss

    rng = np.random.default_rng(1)
    data = SequenceBatches(
        [rng.normal(size=(n, 3)) for n in (4, 3)], [[0, 1], [1]], 2, None, label_sequences=True
    )
    (batch,) = data(0)
    likely = []
    for x, n, labels in zip(batch.x, (4, 3), ([0, 1], [1]), strict=True):
        p = torch.softmax(x[:n], -1).double().numpy()
        paths = np.stack(np.meshgrid(*[range(3)] * n, indexing="ij"), -1).reshape(-1, n)
        right = [q for q in paths if greedy_labels(np.eye(3)[q]).tolist() == labels]
        likely.append(-np.log(sum(np.prod(p[range(n), q]) for q in right)) / len(labels))
    got = float(ctc_loss(batch.x, batch.targets, batch.lengths))
    assert got == pytest.approx(np.mean(likely), rel=1e-5)
    with pytest.raises(DesignError, match="label 2 of 2 classes"):
        ctc_loss(batch.x, batch.targets + 1, batch.lengths)
    with pytest.raises(DesignError, match="ctc_loss: shapes"):
        ctc_loss(batch.x, batch.targets[0], batch.lengths)
    with pytest.raises(DesignError, match="targets of sequence 0: .*at least one, none negative"):
        SequenceBatches([np.ones((2, 1))], [[-1]], label_sequences=True)


@pytest.mark.torch
def test_trained_by_two_methods_and_evaluated(spoken, tmp_path, capsys):
    torch_module()
    run = tmp_path / "run"
    command = ["train", str(spoken / "spoken.npz"), "-o", str(run), "--methods", "admm,direct"]
    options = ["--budget", "24", "--hidden", "8", "--block", "4", "--rate", "0.05", "--dropout", "0", "--json"]  # fmt: skip
    assert main([*command, *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["methods"]) == ["admm", "direct"]
    chosen = result["methods"][result["chosen"]]["scores"]["fixed_point"]
    errors = [m["scores"]["fixed_point"]["validation"]["label_error_rate"] for m in result["methods"].values()]  # fmt: skip
    assert min(errors) == chosen["validation"]["label_error_rate"] < 0.3
    evaluate = ["evaluate", str(run / "design"), "--data", str(spoken / "spoken.npz")]
    table = tmp_path / "named.tsv"
    assert main([*evaluate, "--part", "test", "--predictions", str(table), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rate = chosen["test"]["label_error_rate"]
    assert found["label_error_rate_fixed"] == rate
    lost = 100 * (rate - found["label_error_rate_float"])
    told = {(r["model"], r["against"]): r for r in found["comparisons"]}
    assert found["loss_points"] == told["fixed point", "float"]["loss_points"] == lost
    assert told["fixed point", "source"]["label_error_rate"] == rate
    assert set(found["groups"]) == set(load_data(spoken / "spoken.npz", 2, "test").groups)
    total = sum(g["labels"] for g in found["groups"].values())
    edits = sum(g["labels"] * g["fixed_point"] for g in found["groups"].values())
    assert edits / total == pytest.approx(rate)
    rows = list(csv.DictReader(table.read_text().splitlines(), delimiter="\t"))
    pairs = [(row["label_sequence"].split(), row["fixed_point"].split()) for row in rows]
    numbers = {"hi": 0, "lo": 1}
    decoded = [[[numbers[t] for t in text] for text in pair] for pair in pairs]
    assert label_error_rate(*zip(*decoded, strict=True)) == pytest.approx(rate)
    part = load_data(spoken / "spoken.npz", 2, "test")
    evaluation = evaluated(load_design(run / "design"), part)
    assert evaluation.loss == lost and evaluation.keeps(max(lost, 0))
    worse = replace(evaluation, label_error_rate=evaluation.float_label_error_rate + 0.02)
    assert worse.loss == pytest.approx(2) and worse.keeps(2.1) and not worse.keeps(1.9)
    assert main([*evaluate, "--part", "test", "--max-loss", "100"]) == 0
    assert main([*evaluate, "--part", "test", "--max-loss", "101"]) == 2
    assert "max_loss = 101" in capsys.readouterr().err
    assert main([*evaluate, "--part", "test"]) == 0
    line = f"fixed point against float model: label error rate {100 * rate:.2f} %, loss {lost:.2f} points, SQNR "
    assert line in capsys.readouterr().out
    confusion = [*evaluate, "--part", "test", "--confusion", str(tmp_path / "c.png")]
    assert main(confusion) == 2 and "take --predictions" in capsys.readouterr().err
    balanced = [*command[:3], str(tmp_path / "b"), "--class-weights", "balanced"]
    assert main(balanced) == 2 and "leave it out for label sequences" in capsys.readouterr().err
    carried = [*command[:3], str(tmp_path / "b"), "--carry", "4"]
    assert main(carried) == 2 and "leave it out for label sequences" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
