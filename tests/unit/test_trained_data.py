"""What a training keeps of its data beside its design, and evaluations that take it from there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ernn_myhdl import new_design, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus.inputs import load_calibration, load_data
from ernn_myhdl.corpus.own_data import load_own_data
from ernn_myhdl.corpus.own_parts import own_parts
from ernn_myhdl.corpus.trained_data import TrainedData, trained_data
from ernn_myhdl.errors import DesignError

RNG = np.random.default_rng(0)
MEAN, STD = np.array([3.0, -1.0]), np.array([2.0, 0.5])
X = [RNG.normal(MEAN, STD, (n, 2)) for n in (3, 1, 4, 2, 5, 3)]


@pytest.fixture
def design(tmp_path):
    """A design of three classes, in the folder of its training."""
    made = tmp_path / "run" / "design"
    save_design(new_design(2, 3, block=1, cell="linear", lanes=1, seed=1), made)
    return made


def keep(design, classes=("a", "b", "c"), **more):
    kept = TrainedData(MEAN, STD, classes, **more)
    with (design.parent / "x.npz").open("wb") as stream:
        kept.save(stream)


def own(file, labels, **more):
    np.savez(file, labels=np.array(labels), **{f"x{i}": x for i, x in enumerate(X)}, **more)
    return file


def test_what_is_kept_is_read_again(design):
    assert trained_data(design, 2, 3) is None
    keep(design, features="logmel40", pooling="last")
    found = trained_data(design, 2, 3)
    assert (found.mean.tolist(), found.std.tolist()) == (MEAN.tolist(), STD.tolist())
    assert (found.classes, found.features, found.pooling) == (("a", "b", "c"), "logmel40", "last")
    assert trained_data(design, 2, 4).classes == found.classes  # the last output is the blank
    keep(design)
    assert (trained_data(design, 2, 3).features, trained_data(design, 2, 3).pooling) == ("", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": np.array(["a", "b", "c", "d"])},
        {"classes": np.array(["a"])},
        {"classes": np.array("a")},
        {"mean": MEAN[:1], "std": STD[:1]},
        {"mean": np.array([np.nan, 0.0])},
        {"std": np.zeros(2)},
        {"std": np.array(["a", "b"])},
        {"features": np.array("mel")},
    ],
)
def test_a_file_of_another_training_is_refused(design, changes):
    """Other data would be normalised by themselves without a word."""
    kept = {"mean": MEAN, "std": STD, "classes": np.array(["a", "b", "c"])}
    np.savez(design.parent / "x.npz", **(kept | changes))
    with pytest.raises(
        DesignError, match="x.npz: is not that of the training of .* 2 inputs and 3"
    ):
        trained_data(design, 2, 3)


def test_a_damaged_file_is_refused_and_data_of_that_name_are_not_meant(design):
    keep(design)
    file = design.parent / "x.npz"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DesignError, match="x.npz: should hold what the training .* cannot be read"):
        trained_data(design, 2, 3)
    np.savez(file, a=np.zeros((3, 2)), mean=MEAN)
    assert trained_data(design, 2, 3) is None


def test_a_file_of_an_earlier_training_tells_no_features_and_no_read_out(design):
    np.savez(design.parent / "x.npz", mean=MEAN, std=STD, classes=np.array(["a", "b", "c"]))
    found = trained_data(design, 2, 3)
    assert found.classes == ("a", "b", "c") and found.features is found.pooling is None


def test_other_data_are_normalised_as_those_of_the_training(design, tmp_path):
    keep(design)
    trained = trained_data(design, 2, 3)
    file = own(tmp_path / "new.npz", ["b", "a"] * 3, parts=np.array(["test"] * 6))
    with pytest.raises(DesignError, match="no sequence is in the part train"):
        load_data(file, 2, "test")  # there is nothing to normalise them by
    for part in ("test", "all"):
        data = load_data(file, 2, part, trained=trained)
        assert data.labels.tolist() == [1, 0] * 3 and data.classes == ("a", "b", "c")
        for x, given in zip(X, data.sequences, strict=True):
            np.testing.assert_array_equal(given, (x - MEAN) / STD)
    with pytest.raises(DesignError, match="no sequence is in the part train; .* --part all"):
        load_data(file, 2, "train", trained=trained)
    with pytest.raises(DesignError, match="part = 'all': .* all is for a design beside the x.npz"):
        load_data(file, 2, "all")
    wrong = own(tmp_path / "wrong.npz", ["a", "z"] * 3)
    with pytest.raises(DesignError, match="x1 has 'z', which is none of the classes .*: a, b, c;"):
        load_data(wrong, 2, "all", trained=trained)
    # those of the training itself give the bits that it saw
    file = own(tmp_path / "own.npz", ["a", "b", "c"] * 2, groups=np.arange(6))
    parts = own_parts(load_own_data(file))
    kept = TrainedData(parts.mean, parts.std, parts.classes)
    for part, wanted in parts.parts.items():
        given = load_data(file, 2, part, trained=kept)
        for x, same in zip(given.sequences, wanted.sequences, strict=True):
            np.testing.assert_array_equal(x, same)
    chosen = load_calibration(file, 2, trained=kept, split=True)
    np.testing.assert_array_equal(chosen[0], parts.parts["train"].sequences[0])
    np.testing.assert_array_equal(load_calibration(file, 2)[0], X[0])


def test_the_command_takes_read_out_and_normalisation_of_the_training(design, tmp_path, capsys):
    keep(design, pooling="last")
    file = str(own(tmp_path / "own.npz", ["a", "b", "c"] * 2))
    command = ["evaluate", str(design), "--json", "--data"]
    assert main([*command, file, "--part", "all"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pooling"], found["classes"], found["notes"]) == ("last", ["a", "b", "c"], [])
    assert main([*command, file, "--part", "all", "--pooling", "max"]) == 0
    assert json.loads(capsys.readouterr().out)["pooling"] == "max"
    # as it stands
    numbered = str(own(tmp_path / "numbered.npz", [0, 1, 2] * 2))
    assert main([*command, numbered]) == 0
    note = json.loads(capsys.readouterr().out)["notes"][0]
    assert note.startswith("WARNING: x is taken as it stands, all 6 sequences") and "x.npz" in note
    np.savez(tmp_path / "done.npz", a=(X[4] - MEAN) / STD)
    assert main([*command, str(tmp_path / "done.npz")]) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note.startswith("x is taken as it stands")
    (design.parent / "x.npz").unlink()
    assert main([*command, numbered]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pooling"] == "mean"
    assert not any("as it stands" in note for note in found["notes"])


@pytest.mark.speech
def test_features_are_those_of_the_training(tmp_path):
    from tools import require_module

    soundfile = require_module("soundfile", "pip install 'ernn-myhdl[speech]'")
    for i in range(2):
        soundfile.write(tmp_path / f"{i}.wav", RNG.normal(0, 0.1, 4000), 16000)
        np.save(tmp_path / f"{i}.npy", RNG.normal(size=(4, 39)))
    for name, suffix in (("table.tsv", "wav"), ("arrays.tsv", "npy")):
        (tmp_path / name).write_text(f"file\tlabel\n0.{suffix}\ta\n1.{suffix}\tb\n")
    table, arrays = tmp_path / "table.tsv", tmp_path / "arrays.tsv"
    of_sounds = TrainedData(np.zeros(39), np.ones(39), ("a", "b"), "mfcc39-20ms")
    frames = [load_data(table, 39, "all", trained=of_sounds).frames]
    frames += [load_data(table, 39, "all", "mfcc39-20ms", trained=of_sounds).frames]
    assert frames == [2 * 12, 2 * 12]  # every 20 ms
    with pytest.raises(DesignError, match="'mfcc39': the design was trained on mfcc39-20ms"):
        load_data(table, 39, "all", "mfcc39", trained=of_sounds)
    assert load_data(arrays, 39, "all", trained=of_sounds).frames == 8  # features of one's own
    of_arrays = TrainedData(np.zeros(39), np.ones(39), ("a", "b"), "")
    with pytest.raises(DesignError, match="are sounds, and the design was trained on arrays"):
        load_data(table, 39, "all", trained=of_arrays)
    assert load_data(arrays, 39, "all", trained=of_arrays).frames == 8
    with pytest.raises(
        DesignError, match=r"39 elements a frame \(mfcc39\), must be 40, .*; give the features"
    ):
        load_data(table, 40, "test")
