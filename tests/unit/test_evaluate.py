"""`ernn evaluate`: accuracy, error and word lengths over data sets."""

import json
import shutil

import numpy as np
import pytest
from test_bad_input import listing

from ernn_myhdl import DesignError, LinearCell, build_design, new_network, save_design
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus.inputs import DataSet, load_data, load_input
from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels
from ernn_myhdl.demo.model import network_inputs
from ernn_myhdl.demo.network import vowels_network, write_data
from ernn_myhdl.demo.readout import classify, demo_weights
from ernn_myhdl.design.cells import GruCell, LstmCell
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.integer import IntegerModel
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.golden.sqnr import HIGHEST_SQNR, sqnr
from ernn_myhdl.runs.data_outputs import BATCH
from ernn_myhdl.runs.evaluate import evaluate
from ernn_myhdl.runs.word_sweep import at_word, smallest_word, sweep_words


def _sequences(inputs=5, lengths=(6, 3, 9, 4)):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(frames, inputs)) for frames in lengths]


@pytest.fixture(scope="module")
def design():
    cell = GruCell(5, 6, block=2)
    return build_design(cell, random_weights(cell, 1), _sequences())


@pytest.fixture(scope="module")
def labelled(design):
    """Labels that the float reference hits in all but the last sequence."""
    x = _sequences()
    outputs = FloatModel(design.cell, design.weights).run(x)
    labels = np.array([y.mean(axis=0).argmax() for y in outputs])
    labels[-1] = (labels[-1] + 1) % 6
    return DataSet(x, labels)


@pytest.fixture(scope="module")
def made(tmp_path_factory, design, labelled):
    """A folder with a design, a network and data."""
    folder = tmp_path_factory.mktemp("made")
    save_design(design, folder / "design")
    cells = LstmCell(5, 8, 4, block=4), LinearCell(4, 3, block=1)
    save_design(new_network(cells), folder / "network")
    named = {f"x{i}": x for i, x in enumerate(labelled.sequences)}
    np.savez(folder / "x.npz", **named)
    np.savez(folder / "labelled.npz", **named, labels=labelled.labels)
    np.savez(folder / "frames.npz", **named, labels=np.arange(labelled.frames) % 3)
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch, made):
    """A copy of that folder; the current one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def call(command, capsys, code=0):
    assert main(command.split()) == code
    return capsys.readouterr()


def test_errors_are_those_of_the_models(design):
    data = DataSet(_sequences())
    result = evaluate(design, data)
    exact = np.concatenate(FloatModel(design.cell, design.weights).run(data.sequences))
    runs = IntegerModel(design).run(data.sequences)
    fixed = np.concatenate([run.outputs for run in runs])
    assert result.error == np.abs(fixed - exact).max()
    assert result.output_error.shape == result.output_sqnr.shape == (6,)
    assert result.output_error[2] == np.abs(fixed - exact)[:, 2].max()
    noise = np.sum((fixed - exact) ** 2)
    assert result.sqnr == pytest.approx(10 * np.log10(np.sum(exact**2) / noise))
    assert result.saturations == {
        n: sum(run.saturations[n] for run in runs) for n in runs[0].saturations
    }
    assert result.accuracy is result.loss is None


def test_sqnr_is_bounded():
    x = np.array([1.0, -2.0])
    assert sqnr(x, x) == HIGHEST_SQNR
    assert sqnr(np.zeros(2), x) == -HIGHEST_SQNR
    assert sqnr(x, 1.1 * x) == pytest.approx(20.0)


def test_batches_change_nothing(design, labelled, monkeypatch):
    whole, done = evaluate(design, labelled), []
    monkeypatch.setattr("ernn_myhdl.runs.data_outputs.BATCH", 1)
    parts = evaluate(design, labelled, progress=lambda frames, _: done.append(frames))
    assert (parts.sqnr, parts.accuracy) == (pytest.approx(whole.sqnr), whole.accuracy)
    assert done == [6, 9, 18, 22, 28, 31, 40, 44]


def test_accuracies(design, labelled):
    result = evaluate(design, labelled)
    assert result.float_accuracy == 0.75
    outputs = [run.outputs for run in IntegerModel(design).run(labelled.sequences)]
    for pooling, scores in (
        ("mean", [y.mean(axis=0) for y in outputs]),
        ("last", [y[-1] for y in outputs]),
    ):
        hits = np.argmax(scores, axis=1) == labelled.labels
        assert evaluate(design, labelled, pooling).accuracy == hits.mean()
    frames = np.concatenate(outputs).argmax(axis=1)
    frames[3] = (frames[3] + 1) % 6
    result = evaluate(design, DataSet(labelled.sequences, frames))
    assert result.accuracy == pytest.approx(21 / 22)
    assert result.loss == pytest.approx(100 * (result.float_accuracy - 21 / 22))


def test_word_lengths(design, labelled):
    made = sweep_words(design, labelled, [6, 10, 14])
    assert made[6].sqnr < made[10].sqnr < made[14].sqnr
    assert made[10].core.formats.input.word == 10
    assert made[10].core.formats.cell_state.word == 14
    assert smallest_word(made, min_sqnr=made[10].sqnr) == 10
    assert smallest_word(made, min_sqnr=made[14].sqnr + 1) is None
    assert smallest_word(made) == 6
    lucky = {5: made[14], 6: made[6], 10: made[10], 14: made[14]}
    assert smallest_word(lucky, min_sqnr=made[10].sqnr) == 10
    large = [3.0 * x for x in labelled.sequences]
    calibrated = sweep_words(design, labelled, [10], large)[10].core
    assert calibrated.formats.input.frac < made[10].core.formats.input.frac
    assert calibrated.formats == at_word(design, large, 10).formats


def test_the_demonstration_network(tmp_path):
    """370 utterances: the accuracy of the demonstration, many utterances at a time."""
    vowels = load_japanese_vowels()
    network = vowels_network(vowels)
    write_data(vowels, "test", tmp_path / "test.npz")
    data = load_data(tmp_path / "test.npz", 12)
    done: list[int] = []
    result = evaluate(network, data, progress=lambda frames, _: done.append(frames))
    assert len(data.sequences) == 370
    # the float reference and the model, in batches: speed is `benchmarks.golden_speed`'s
    assert len(done) == 2 * -(-370 // BATCH) and done[-1] == 2 * data.frames
    x = network_inputs(vowels, "test")
    lstm = FloatModel(network.layers[0].cell, demo_weights())
    assert result.float_accuracy == np.mean(classify(lstm.run(x)) == vowels.test.labels)
    assert abs(result.loss) < 1.0
    runs = integer_model(network).run(x)
    scores = np.stack([run.outputs.mean(axis=0) for run in runs])
    assert result.accuracy == np.mean(scores.argmax(axis=1) == vowels.test.labels)
    assert result.saturated == sum(run.saturated for run in runs)


def test_the_report(place, capsys):
    out = call("evaluate design --data labelled.npz", capsys).out
    for part in ("ernn: 4 sequences, 22 frames, class by the mean output", "float 75.00 %", "SQNR",
                 "saturated elements: ", "largest error"):  # fmt: skip
        assert part in out
    assert "accuracy" not in call("evaluate design --data x.npz", capsys).out
    out = call("evaluate network --data frames.npz", capsys).out
    assert "a label for each frame" in out
    result = json.loads(call("evaluate network --data frames.npz --json", capsys).out)
    assert result["labels"] == "frames"
    assert "pooling" not in result
    assert len(result["output_error"]) == 3
    assert result["saturations"]["layer_1.output"] == 0
    np.save("x.npy", np.zeros((2, 5)))
    assert "1 sequences, 2 frames" in call("evaluate design --data x.npy", capsys).out


def test_many_outputs_are_shortened(place, capsys):
    cell = LinearCell(5, 40, block=4)
    save_design(build_design(cell, random_weights(cell, 1), _sequences()), "wide")
    out = call("evaluate wide --data x.npz", capsys).out
    assert "the 8 worst of 40 outputs" in out
    assert len(out.splitlines()) == 15


def test_limits_and_exit_codes(place, capsys):
    call("evaluate design --data x.npz --min-sqnr 20", capsys)
    err = call("evaluate design --data x.npz --min-sqnr 120", capsys, code=1).err
    assert "check failed: has an SQNR of" in err
    assert "wanted an SQNR of at least 120 dB" in err
    out = call("evaluate design --data labelled.npz --max-loss 30 --json", capsys).out
    assert json.loads(out)["kept"] is True
    out, err = call("evaluate design --data x.npz --words 6,8 --min-sqnr 120", capsys, code=1)
    assert "8 bits have an SQNR of" in err
    assert "chosen" not in out


def test_a_sweep(place, capsys):
    command = "evaluate design --data labelled.npz --words 6..8,12 --max-loss 100 -o p/words.png"
    out = call(command, capsys).out
    assert [line.split()[0] for line in out.splitlines()[3:8]] == ["float", "6", "7", "8", "12"]
    assert (
        "chosen: 6 bits, the smallest that, like all longer ones, keeps a loss of at most 100 points"
        in out
    )
    assert (place / "p" / "words.png").read_bytes()[:4] == b"\x89PNG"
    command = "evaluate network --data x.npz --words 8,10 --calibration x.npz -o words.svg --json"
    result = json.loads(call(command, capsys).out)
    assert [row["word"] for row in result["words"]] == [8, 10]
    assert "chosen" not in result
    assert "<svg" in (place / "words.svg").read_text()


def test_labels_are_left_out_of_inputs(place):
    assert len(load_input("labelled.npz", 5)) == 4
    assert load_data("x.npz", 5).labels is None
    assert not load_data("labelled.npz", 5).labels_per_frame


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("--data nope.npz", ["nope.npz", "does not exist"]),
        ("--data design", ["is a folder"]),
        ("--data text.npz", ["cannot be read"]),
        ("--data wide.npz", ["7 elements a frame, must be 5"]),
        ("--data only_labels.npz", ["holds no sequences"]),
        ("--data float_labels.npz", ["labels: type float64, must be integers"]),
        ("--data few_labels.npz", ["labels: shape (3,), must be (4,)", "or (22,)"]),
        ("--data square_labels.npz", ["labels: shape (2, 2)"]),
        ("--data high_labels.npz", ["labels: from 0 to 6, must be 0 to 5"]),
        ("--data low_labels.npz", ["labels: from -1 to"]),
        ("--data x.npz --max-loss 1", ["max_loss: the data have no labels"]),
        ("--data labelled.npz --max-loss -1", ["max_loss = -1.0: must be 0 to 100"]),
        ("--data x.npz --min-sqnr 200", ["min_sqnr = 200.0"]),
        ("--data x.npz --min-sqnr nan", ["'nan' is not a finite number"]),
        ("--data x.npz --words 3..8", ["words: 3 bits, must be 4 to 20"]),
        ("--data x.npz --words 8,8", ["a length occurs twice"]),
        ("--data x.npz --words 9..8", ["the first length is above the last"]),
        ("--data x.npz --words eight", ["'eight' is not like 8..16"]),
        ("--data x.npz -o words.png", ["--output", "give --words too"]),
        ("--data x.npz --calibration x.npz", ["--calibration", "give --words too"]),
        ("--data x.npz --words 8 -o words.pdf", ["must end in .png or .svg"]),
        ("--data x.npz --words 8 --calibration wide.npz", ["7 elements a frame, must be 5"]),
        ("--data x.npz --pooling sum", ["--pooling", "'sum'"]),
        ("", ["--data"]),
    ],
)
def test_bad_input_is_refused(place, capsys, labelled, options, parts):
    named = {f"x{i}": x for i, x in enumerate(labelled.sequences)}
    np.savez("wide.npz", x=np.zeros((3, 7)))
    np.savez("only_labels.npz", labels=labelled.labels)
    np.savez("float_labels.npz", **named, labels=labelled.labels.astype(float))
    np.savez("few_labels.npz", **named, labels=labelled.labels[:3])
    np.savez("square_labels.npz", **named, labels=labelled.labels.reshape(2, 2))
    np.savez("high_labels.npz", **named, labels=np.array([0, 1, 2, 6]))
    np.savez("low_labels.npz", **named, labels=np.array([0, 1, 2, -1]))
    (place / "text.npz").write_text("no archive")
    before = listing(place)
    try:
        code = main(["evaluate", "design", *options.split()])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("ernn")
    for part in parts:
        assert part in err
    assert listing(place) == before


def test_illegal_arguments_are_refused(design, labelled):
    with pytest.raises(DesignError, match="pooling = 'sum': must be one of mean, last, max"):
        evaluate(design, labelled, "sum")
    with pytest.raises(DesignError, match="words: none"):
        sweep_words(design, labelled, [])
