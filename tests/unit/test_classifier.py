"""The shipped classifier: imported without loss, and right on the test set in fixed point."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tools import require_module

from benchmarks import classifier as benchmark
from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels
from ernn_myhdl.demo.classifier import CLASSIFIER_FILE, classes, import_classifier
from ernn_myhdl.demo.model import network_inputs
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.runs.run import run_design

DATA = load_japanese_vowels()
TORCH = "pip install 'ernn-myhdl[torch]'"


@pytest.fixture(scope="module")
def imported():
    return import_classifier(DATA)


@pytest.fixture(scope="module")
def sequences():
    return network_inputs(DATA, "test")


def test_the_file_is_small_and_block_circulant(imported):
    assert CLASSIFIER_FILE.stat().st_size < 200_000
    assert [layer.kind for layer in imported.layers] == ["gru", "lstm", "linear"]
    assert [layer.cell.block for layer in imported.design.layers] == [8, 8, 1]
    assert all(error == 0 for errors in imported.errors for error in errors.values())
    assert not any("nearest" in note for note in imported.notes)


def test_accuracy_in_fixed_point(imported, sequences):
    run = run_design(imported.design, sequences, "integer", stages=False)
    found = classes(run.raw, run.sequences)
    assert len(found) == 370
    assert np.mean(found == DATA.test.labels) >= 0.95
    reference = float_model(imported.design).run(sequences)
    expected = [y.mean(axis=0).argmax() for y in reference]
    assert np.mean(found == expected) >= 0.99
    assert sum(run.saturations.values()) < 100  # of millions of elements


@pytest.mark.torch
def test_pytorch_runs_the_file(imported, sequences):
    torch = require_module("torch", TORCH)
    from safetensors.torch import load_file

    from ernn_myhdl.demo.torch_classifier import plain_model

    model = plain_model()
    model.load_state_dict(load_file(CLASSIFIER_FILE))
    reference = float_model(imported.design).run(sequences[:5])
    for x, expected in zip(sequences[:5], reference, strict=True):
        with torch.no_grad():
            y, _ = model["gru"](torch.from_numpy(x.astype(np.float32))[None])
            y, _ = model["lstm"](y)
            scores = model["head"](y)[0].numpy()
        assert scores == pytest.approx(expected, abs=1e-4)


@pytest.mark.torch
def test_training_writes_what_it_trained_and_the_same_again(tmp_path, capsys):
    torch = require_module("torch", TORCH)
    from ernn_myhdl.demo.augment import pad
    from ernn_myhdl.demo.fit import FitRecipe
    from ernn_myhdl.demo.torch_classifier import dense_state, plain_model
    from ernn_myhdl.demo.train import main, train

    command = ["--network", "classifier", "--epochs", "1", "-o"]
    files = [tmp_path / name / "classifier.safetensors" for name in "ab"]
    for file in files:
        assert main([*command, str(file.parent)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert "seed 1, 1 epochs" in capsys.readouterr().out
    errors = import_classifier(DATA, files[0]).errors
    assert all(error == 0 for layer in errors for error in layer.values())

    before = files[0].read_bytes()  # it was replaced without being asked for
    with pytest.raises(SystemExit) as stopped:
        main([*command, str(files[0].parent), "--seed", "2"])
    assert stopped.value.code == 2 and files[0].read_bytes() == before
    assert "exists; choose another, or replace it with --force" in capsys.readouterr().err
    assert main([*command, str(files[0].parent), "--seed", "2", "--force"]) == 0
    assert files[0].read_bytes() != before
    files[0].write_bytes(before)

    x, lengths = map(torch.from_numpy, pad(DATA.train.sequences[:3]))
    few = DATA.train.sequences[::30], DATA.train.labels[::30]
    model = train(*few, FitRecipe(epochs=1), 1, "classifier").eval()
    plain = plain_model()
    plain.load_state_dict(dense_state(model))
    with torch.no_grad():
        trace = model(x, lengths)
        y, _ = plain["lstm"](plain["gru"](x)[0])
        means = [plain["head"](row[:n]).mean(0) for row, n in zip(y, lengths, strict=True)]
    assert trace.outputs.numpy() == pytest.approx(y.numpy(), abs=1e-5)
    assert trace.logits.numpy() == pytest.approx(torch.stack(means).numpy(), abs=1e-5)


def test_classes_take_the_mean_of_the_frames():
    raw = np.array([[9, 0, 0], [-9, 1, 0], [0, 0, 2]])
    assert classes(raw, [2, 1]).tolist() == [1, 2]


def test_the_benchmark_finds_differences(imported, sequences):
    few = sequences[:2]
    integer = run_design(imported.design, few, "integer", stages=False)
    other = run_design(imported.design, few, "integer", stages=False)
    result = {
        "layers": benchmark.layer_rows(imported),
        "cycles": benchmark.cycles(imported.design),
        "runs": [benchmark.row_of(other, integer, DATA.test.labels)],
        "accuracy_float": 1.0,
        "build_seconds": None,
    }
    assert benchmark.failures(result) == []
    assert "bottleneck" in benchmark.text_of(result)
    other.raw[:] = 0
    other.raw[:, 8] = 1  # another class in every utterance
    result["runs"] = [benchmark.row_of(other, integer, DATA.test.labels)]
    result["runs"][0] |= {"interval": 1.0, "latency": 1, "different_cycles": 3}
    result["layers"][0]["projection_error"] = 0.1
    text = "\n".join(benchmark.failures(result))
    for expected in ("outputs differ", "2 classes differ", "latency 1 cycles, scheduled",
                     "interval 1 cycles, scheduled", "not block-circulant", "accuracy 0.00%",
                     "3 cycles differ from MyHDL's"):  # fmt: skip
        assert expected in text


def test_the_page_shows_what_import_and_evaluate_print(tmp_path, monkeypatch, capsys):
    root = Path(__file__).parents[2]
    page = (root / "docs" / "classifier.md").read_text(encoding="utf-8")
    commands = [c.split() for c in re.findall(r"^\$ (.*)$", page.partition("## Import")[2], re.M)]
    monkeypatch.setenv("PYTHONPATH", str(root))
    (tmp_path / "ernn_myhdl").symlink_to(root / "ernn_myhdl")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([sys.executable, *commands[0][1:]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = [done.stdout]
    for program, *words in commands[1:3]:
        assert (program, main(words)) == ("ernn", 0)
        printed.append(capsys.readouterr().out)
    shown = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    assert printed[1] == shown[0]
    assert printed[2].startswith(shown[1])
