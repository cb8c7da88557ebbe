"""`ernn train` and `ernn explore model` as commands: the whole path, what they print and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest
from corpus_files import make_few
from tools import require_module

from ernn_myhdl.cli.main import main
from ernn_myhdl.design.storage import load_design
from ernn_myhdl.recogniser.task import VOWELS, load_task
from ernn_myhdl.runs.data_outputs import fixed_runs

require_module("torch", "pip install 'ernn-myhdl[train]'")

pytestmark = pytest.mark.torch
TINY = {
    "hidden": 8, "block": 4, "epochs": 1, "admm_epochs": 1, "retrain_epochs": 1, "quantise_epochs": 1
}  # fmt: skip
#: Of TINY, and of a training that learns a little of a few utterances.
OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items() if name != "block"]
LEARN = [
    *OPTIONS,
    "--epochs=8",
    "--admm-epochs=2",
    "--retrain-epochs=2",
    "--batch=1",
    "--rate=0.03",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_few(tmp_path_factory.mktemp("corpus") / "few")


def result_of(capsys, *arguments):
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.speech
@pytest.mark.slow
def test_the_whole_path_from_a_corpus_to_a_vivado_folder(corpus, tmp_path, capsys):
    folder = tmp_path / "search"
    command = [
        "explore",
        "model",
        corpus,
        "--device",
        "xc7z020",
        "--max-error",
        "99.5",
        "-o",
        folder,
    ]
    code, out, _ = result_of(capsys, *command, *LEARN, "--json")
    found = json.loads(out)
    assert code == 0 and found["feasible"] and 1 <= len(found["trainings"]) <= 5
    assert (folder / "saving.png").is_file()
    log = (folder / "log.md").read_text()
    assert log.count("- Training ") == len(found["trainings"]) and "- Chosen: " in log
    # the dense models are shared by the trainings of a cell
    cells = {t["cell"] for t in found["trainings"]}
    assert len(list((folder / "starts").iterdir())) == len(cells)
    chosen = found["chosen"]
    network = load_design(folder / "design")
    cell = network.layers[0].cell
    assert (cell.kind, cell.block, cell.x_block) == (
        chosen["cell"], chosen["block"], chosen["input_block"]
    )  # fmt: skip

    code, out, _ = result_of(capsys, *command, *LEARN)
    assert code == 0 and out.startswith(log)  # nothing is trained again

    options = ["--data", corpus, "--calibration", corpus, "--words", "12", "--json"]
    code, out, _ = result_of(capsys, "evaluate", folder / "design", *options)
    words = {row["word"]: row for row in json.loads(out)["words"]}
    task = load_task(corpus)
    reference = json.loads(next(folder.glob("trainings/*/result.json")).read_text())
    assert reference["task"] == task.identity
    scores = task.score("test", [run.outputs for run in fixed_runs(network, task.parts["test"])])
    assert words[12]["phone_error_rate_fixed"] == scores["phone_error_rate"]
    assert words[12]["accuracy_fixed"] == scores["frame_accuracy"]
    code, out, _ = result_of(capsys, "evaluate", folder / "design", "--data", corpus)
    assert code == 0 and f"fixed point {100 * scores['phone_error_rate']:.2f} %" in out

    few = ["--lanes", "1,2", "--ifft-units", "1", "--element-width", "1", "--streams", "1"]
    hardware = ["explore", "hardware", folder / "design", "--device", "xc7z020", "--jobs", "1"]
    code, _, err = result_of(capsys, *hardware, *few, "-o", tmp_path / "fitted")
    assert code == 0, err
    fitted = load_design(tmp_path / "fitted")
    for trained, layer in zip(network.layers, fitted.layers, strict=True):
        for name, weights in layer.weights.items():
            assert np.array_equal(weights, trained.weights[name])
    code, _, _ = result_of(
        capsys, "synth", tmp_path / "fitted", "-o", tmp_path / "vivado", "--device", "xc7z020"
    )
    assert code == 0 and list((tmp_path / "vivado").rglob("*.tcl"))


@pytest.mark.speech
def test_an_infeasible_pair_exits_with_1_and_says_so(corpus, tmp_path, capsys):
    command = ["explore", "model", corpus, "--device", "xc7z020", "--max-error", "0.5"]
    code, out, _ = result_of(capsys, *command, "-o", tmp_path / "search", *OPTIONS)
    assert code == 1 and "Infeasible: the accuracy is missed at the lower bound" in out
    assert not (tmp_path / "search/design").exists()


def test_the_command_prints_the_scores(tmp_path, capsys):
    command = ["train", VOWELS, "-o", tmp_path / "run", *OPTIONS, "--block", "4"]
    code, out, _ = result_of(capsys, *command)
    assert code == 0 and "design, 12 bits" in out and "test error rate" in out
    code, out, _ = result_of(capsys, *command, "--json")
    scores = json.loads(out)["scores"]
    assert code == 0 and set(scores) == {"start", "float", "fixed_point"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "magic"], "method = 'magic': must be one of dense, admm"),
        (["--cell", "tree"], "cell = 'tree': must be one of lstm, gru, rnn"),
        (["--cell", "rnn", "--projection", "4"], "projection: an rnn has none"),
        (
            ["--chunk", "4"],
            "chunk = 4: cuts sequences whose state is carried on; give carry as well",
        ),
        (["--methods", "admm"], "methods = admm: must be at least two different ones"),
        (
            ["--methods", "admm,magic"],
            "methods: 'magic', must be of dense, admm, direct, projection",
        ),
        (["--methods", "admm,direct", "--method", "admm"], "contradict each other"),
        (["--budget", "2"], "budget = 2: must be at least 3 epochs"),
        (["--budget", "9", "--epochs", "2"], "--budget, --epochs: say the same twice"),
        (["--cell", "gru", "--peepholes"], "peepholes: a gru has none"),
        (["--block", "3"], "must be a power of two"),
        (["--block", "1"], "nothing would be compressed"),
        (["--epochs", "0"], "epochs = 0: must be a whole number, at least 1"),
        (["--rate", "0"], "rate = 0.0: must be above 0"),
        (["--dropout", "1"], "dropout = 1.0: must be from 0 on, below 1"),
        (["--seed", "-1"], "seed = -1"),
        (["--pooling", "sum"], "pooling = 'sum': must be one of mean, last, max"),
        (["--class-weights", "2"], "class_weights = '2': must be one of none, balanced"),
        (["--features", "mfcc39"], "features 'mfcc39': are those of own sounds"),
        (["--front", "-1"], "front = -1: must be a whole number, at least 0"),
        (["--front-activation", "relu"], "there is no layer in front; give front as well"),
        (["--dense-activation", "tanh"], "there is no layer behind; give dense as well"),
        (["--reset", "before"], "--reset before: is of a GRU"),
        (["--word", "19"], "quantisation word = 19: must be 4 to 18"),
        (["--dense-activation", "gelu"], "dense_activation = 'gelu': must be one of none, relu"),
        (["--residual"], "residual: no recurrent layer takes as many elements as its 128 outputs"),
        (["--residual", "--layers", "2", "--carry", "2"], "the state of layers that are passed by"),
    ],
)
def test_bad_options_of_training_are_one_line(options, message, tmp_path, capsys):
    code, out, err = result_of(capsys, "train", VOWELS, "-o", tmp_path / "run", *options)
    assert code == 2 and not out and message in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-error", "0"], "must be above 0, below 100"),
        (["--max-error", "20", "--method", "dense"], "has no blocks to search"),
        (["--max-error", "20", "--device", "xc1"], "device = 'xc1'"),
        (["--max-error", "20", "--word", "19"], "quantisation word = 19: must be 4 to 18"),
        (["--max-error", "20", "--embedding", "4"], "embedding = 4: x of the data are values"),
    ],
)
def test_bad_options_of_the_search_are_one_line(options, message, tmp_path, capsys):
    command = ["explore", "model", VOWELS, "--device", "xc7z020", "-o", tmp_path / "run"]
    code, out, err = result_of(capsys, *command, *options)
    assert code == 2 and not out and message in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_corpus_that_is_none_is_refused(tmp_path, capsys):
    code, _, err = result_of(capsys, "train", tmp_path / "none", "-o", tmp_path / "run")
    assert code == 2 and "is no folder" in err
    (tmp_path / "empty").mkdir()
    code, _, err = result_of(capsys, "train", tmp_path / "empty", "-o", tmp_path / "run")
    assert code == 2 and "is a folder without table.tsv or table.csv of own data" in err
