"""Own data: .npz files and tables of arrays or sounds, their parts and classes, and what is refused."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl.corpus import kept_features as kept
from ernn_myhdl.corpus import sound_file
from ernn_myhdl.corpus.features import feature_function
from ernn_myhdl.corpus.inputs import load_calibration, load_data
from ernn_myhdl.corpus.own_data import load_own_data
from ernn_myhdl.corpus.own_parts import own_parts, split_groups
from ernn_myhdl.errors import DesignError

RNG = np.random.default_rng(0)
X = [RNG.normal(3.0, 2.0, (n, 2)) for n in (3, 1, 4, 2, 5, 3, 2, 3, 4, 2, 3)]
LABELS = ["yes", "no"] * 5 + ["yes"]


def archive(file, x=X, **arrays):
    np.savez(file, **{f"x{i}": s for i, s in enumerate(x)}, **arrays)
    return file


def table(folder, columns, rows, name="table.tsv"):
    separator = "," if name.endswith("csv") else "\t"
    lines = [separator.join(map(str, cells)) for cells in (columns, *rows)]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


def arrays(folder, x=X):
    for i, s in enumerate(x):
        np.save(folder / f"x{i}.npy", s)


def test_an_npz_file_and_a_table_of_the_same_arrays_give_the_same_parts(tmp_path):
    groups = [f"g{i % 6}" for i in range(len(X))]
    made = archive(tmp_path / "own.npz", labels=np.array(LABELS), groups=np.array(groups))
    arrays(tmp_path)
    rows = [
        (f"x{i}.npy", g, label) for i, (g, label) in enumerate(zip(groups, LABELS, strict=True))
    ]
    of_table = table(tmp_path, ("file", "group", "label"), rows)
    csv = table(tmp_path, ("file", "group", "label"), rows, "other.csv")
    first, *others = (own_parts(load_own_data(s)) for s in (made, of_table, tmp_path, csv))
    assert first.classes == ("no", "yes")
    for other in others:
        assert other.digest == first.digest and other.classes == first.classes
        for part, data in first.parts.items():
            np.testing.assert_array_equal(other.parts[part].labels, data.labels)
            for a, b in zip(other.parts[part].sequences, data.sequences, strict=True):
                np.testing.assert_array_equal(a, b)
    train = np.concatenate(first.parts["train"].sequences)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(train.std(axis=0), 1)
    used = {part: set(data.groups) for part, data in first.parts.items()}
    assert sum(map(len, used.values())) == len(set().union(*used.values())) == 6
    assert sum(len(data.sequences) for data in first.parts.values()) == len(X)


def test_groups_are_split_by_the_digest_of_their_names():
    names = [f"speaker {i}" for i in range(17)]
    ordered = sorted(names, key=lambda n: hashlib.sha256(n.encode()).hexdigest())
    parts = split_groups(names[::-1] + names)
    assert [n for n in ordered if parts[n] == "test"] == ordered[:3]
    assert [n for n in ordered if parts[n] == "validation"] == ordered[3:6]
    assert sorted(n for n in names if parts[n] == "train") == sorted(ordered[6:])
    with pytest.raises(DesignError, match="2 groups cannot be split"):
        split_groups(["a", "b", "a"])


def test_named_parts_are_taken_and_validation_is_split_off_the_training_part():
    x = [np.ones((2, 1)) * i for i in range(11)]
    groups = [f"g{i // 2}" for i in range(11)]
    parts = ["train"] * 10 + ["test"]
    data = own_parts(_data(x, list("ab") * 5 + ["a"], groups, parts)).parts
    trained = sorted(set(groups[:10]), key=lambda n: hashlib.sha256(n.encode()).digest())
    assert set(data["validation"].groups) == set(trained[:1])
    assert set(data["train"].groups) == set(trained[1:])
    assert data["test"].groups == ("g5",)
    with pytest.raises(DesignError, match="group 'g4' is in the parts train and test"):
        own_parts(_data(x, list("ab") * 5 + ["a"], groups, ["train"] * 9 + ["test"] * 2))
    with pytest.raises(DesignError, match="no sequence is in the part test"):
        own_parts(_data(x, list("ab") * 5 + ["a"], groups, ["train"] * 11))


def _data(x, labels, groups, parts):
    from ernn_myhdl.corpus.own_data import OwnData

    return OwnData([f"n{i}" for i in range(len(x))], x, labels, groups, parts)


def test_labels_of_frames_and_numbers_as_classes(tmp_path):
    frames = sum(map(len, X))
    numbers = np.arange(frames) % 3
    parts = ["test", "validation"] + ["train"] * (len(X) - 2)
    made = own_parts(
        load_own_data(archive(tmp_path / "own.npz", labels=numbers, parts=np.array(parts)))
    )
    assert made.classes == ("0", "1", "2") and made.parts["train"].labels_per_frame
    np.testing.assert_array_equal(made.parts["test"].labels, numbers[: len(X[0])])
    # one sequence of one frame is still labelled by frames
    assert made.parts["validation"].labels_per_frame and len(made.parts["validation"].labels) == 1
    arrays(tmp_path)
    ends = np.cumsum([len(s) for s in X])[:-1]
    for i, own in enumerate(np.split(numbers, ends)):
        np.save(tmp_path / f"labels{i}.npy", own)
    rows = [(f"x{i}.npy", f"labels{i}.npy", part) for i, part in enumerate(parts)]
    file = table(tmp_path, ("file", "frame_labels", "part"), rows)
    for part, data in own_parts(load_own_data(file)).parts.items():
        np.testing.assert_array_equal(data.labels, made.parts[part].labels)
    np.save(tmp_path / "labels3.npy", numbers[:5])
    with pytest.raises(
        DesignError, match=r"line 5: labels3.npy: int64 of shape \(5,\), must be .* 2 frames"
    ):
        load_own_data(file)
    with pytest.raises(DesignError, match="from 0 to 4, 2 different ones"):
        own_parts(_data(X[:4], [0, 4, 0, 4], None, ["train", "train", "validation", "test"]))


def test_sounds_become_features_at_16_khz(tmp_path, monkeypatch):
    soundfile = require_module("soundfile", "pip install 'ernn-myhdl[speech]'")
    require_module("kaldi_native_fbank", "pip install 'ernn-myhdl[speech]'")
    samples = np.random.default_rng(1).normal(0, 0.1, 8000)
    for i in range(3):
        soundfile.write(tmp_path / f"{i}.flac", samples, 16000)
        soundfile.write(tmp_path / f"{i}.wav", samples, 8000)
    rows = [(f"{i}.flac", i, part) for i, part in enumerate(("train", "validation", "test"))]
    file = table(tmp_path, ("file", "label", "part"), rows)
    stored = soundfile.read(tmp_path / "0.flac", dtype="float32")[0]
    data = load_own_data(file, "logmel40")
    assert data.features == "logmel40"
    np.testing.assert_array_equal(data.sequences[0], feature_function("logmel40")(stored))
    assert load_own_data(file).sequences[0].shape[1] == 39
    other = table(tmp_path, ("file", "label"), [(f"{i}.wav", i) for i in range(3)], "wav.tsv")
    assert len(load_own_data(other).sequences[0]) == 98  # a second
    soundfile.write(tmp_path / "1.wav", np.zeros((800, 2)), 16000)
    with pytest.raises(DesignError, match="line 3: 2 channels, must be 1"):
        load_own_data(other)
    soundfile.write(tmp_path / "1.wav", np.zeros(10), 16000)
    with pytest.raises(DesignError, match="line 3: 10 samples at 16000 Hz, must be at least 400"):
        load_own_data(other)
    whole = (tmp_path / "0.wav").read_bytes()
    (tmp_path / "1.wav").write_bytes(whole[:-100])
    with pytest.raises(
        DesignError, match="line 3: 15944 bytes, its header tells 16044: it is cut off"
    ):
        load_own_data(other)
    overshot = np.tile([9.0, -9.0], 4000)
    soundfile.write(tmp_path / "1.wav", overshot, 16000, subtype="FLOAT")
    taken = load_own_data(other, "logmel40").sequences[1]
    np.testing.assert_array_equal(taken, feature_function("logmel40")(overshot.astype("float32")))
    loud = np.tile([1e30, -1e30], 4000)
    soundfile.write(tmp_path / "1.wav", loud, 16000, subtype="FLOAT")
    with pytest.raises(
        DesignError, match="line 3: holds samples up to 1e[+]30, must be within -1..1 .up to 10 is"
    ):
        load_own_data(other)
    monkeypatch.setattr(sound_file, "LARGEST", np.inf)
    with pytest.raises(DesignError, match="line 3: its mfcc39 hold NaN or infinity"):
        load_own_data(other)
    (tmp_path / "1.wav").write_bytes(b"RIFF of something else")
    with pytest.raises(DesignError, match="line 3: cannot be read"):
        load_own_data(other)
    with pytest.raises(DesignError, match="features = 'mel'"):
        load_own_data(other, "mel")


def test_features_are_kept_and_follow_from_the_recording(tmp_path, monkeypatch):
    soundfile = require_module("soundfile", "pip install 'ernn-myhdl[speech]'")
    require_module("kaldi_native_fbank", "pip install 'ernn-myhdl[speech]'")
    monkeypatch.setenv("ERNN_CACHE", str(tmp_path / "cache"))
    sound, calls = tmp_path / "a.wav", []
    rng = np.random.default_rng(0)
    soundfile.write(sound, rng.normal(0, 0.1, 4000), 16000)
    read = kept.read_sound
    monkeypatch.setattr(kept, "read_sound", lambda *a: calls.append(a) or read(*a))
    first = kept.kept_features("mfcc39")(sound, "line 2")
    again = kept.kept_features("mfcc39")(sound, "line 2")
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, feature_function("mfcc39")(read(sound, "")))
    assert len(calls) == 1
    assert kept.kept_features("logmel40")(sound, "").shape[1] == 40 and len(calls) == 2
    (file,) = [
        f
        for f in (tmp_path / "cache" / "features").rglob("*")
        if f.is_file() and len(np.load(io_of(f)).T) == 39
    ]
    file.write_bytes(file.read_bytes()[:-1] + b"x")  # damaged: computed again
    np.testing.assert_array_equal(kept.kept_features("mfcc39")(sound, ""), first)
    assert len(calls) == 3
    soundfile.write(sound, rng.normal(0, 0.1, 4000), 16000)  # another recording of the same name
    assert not np.array_equal(kept.kept_features("mfcc39")(sound, ""), first)
    assert len(calls) == 4
    monkeypatch.setenv("ERNN_CACHE", str(sound / "no folder"))
    kept.kept_features("mfcc39")(sound, "")
    assert len(calls) == 5


def io_of(file):
    return io.BytesIO(file.read_bytes()[kept.CHECKSUM :])


def test_parts_do_not_depend_on_where_a_table_lies(tmp_path):
    found = []
    for place in ("a", "b/c", "some/where/else"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        for i in range(12):
            np.save(folder / f"x{i}.npy", np.full((2, 1), float(i)))
        lines = [f"x{i}.npy\t{'yes' if i % 2 else 'no'}" for i in range(12)]
        (folder / "table.tsv").write_text("\n".join(["file\tlabel", *lines]) + "\n")
        parts = own_parts(load_own_data(folder / "table.tsv")).parts
        found.append({name: data.names for name, data in parts.items()})
    assert found[0] == found[1] == found[2]
    assert sorted(sum(found[0].values(), ())) == sorted(f"x{i}.npy" for i in range(12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; its first line names the columns"),
        ("file\n", "columns file; must be file, then label or frame_labels"),
        ("file\tlabel\tframe_labels\n", "must be file, then label or frame_labels"),
        ("file\tlabel\tspeaker\n", "column 'speaker', must be one of file, group"),
        ("file\tfile\tlabel\n", "two columns of one name"),
        ("file\tlabel\n", "0 recordings, must be 1 to"),
        ("file\tlabel\nx0.npy\n", "line 2: 1 cells, must be 2"),
        ("file\tlabel\nx0.npy\t\n", "line 2: label is empty"),
        ("file\tlabel\nx0\0.npy\ta\n", "line 2: file holds a zero byte|line contains NUL"),  # Python 3.10
        ("file\tlabel\nx99.npy\ta\n", "line 2: file .*x99.npy does not exist"),
        ("file\tlabel\nfolder.npy\ta\n", "line 2: file .*folder.npy is no file"),
        ("file,label\nx0.npy,a\n", "column 'file,label', must be .*; tabs stand between the columns"),
        ("file\tlabel\ntable.tsv\ta\n", "line 2: file table.tsv, must be .npy, .wav or .flac"),
        ("file\tlabel\nx0.npy\ta\nbad.npy\ta\n", "line 3: bad.npy: cannot be read"),
        ("file\tlabel\nx0.npy\ta\nwide.npy\ta\n", r"line 3: shape \(2, 3\), must be \(frames, 2\)"),
        ("file\tlabel\nnan.npy\ta\n", "line 2: holds NaN or infinity"),
        ("file\tlabel\nwhole.npy\ta\n", r"line 2: shape .* of int64; whole numbers are rows of an embedding"),
        ("file\tlabel\tpart\nx0.npy\ta\tdev\n", "line 2: part 'dev', must be one of train"),
        ("file\tlabel\tpart\nx0.npy\ta\ttrain\nx1.npy\ta\t\n", "line 3: part is empty"),
        ("file\tlabel\nx0.npy\ta\nx1.npy\ta\nx2.npy\ta\n", "only 'a' in the training part"),
        ("file\tlabel\nx0.npy\ta\nx0.npy\ta\n", "line 3: file x0.npy is that of line 2 too"),
        ("file\tlabel\nx0.npy\ta\nx0.npy\tb\n", "line 3: file x0.npy has another label in line 2"),
        ("file\tlabel\tgroup\nx0.npy\ta\t1\nx/../x0.npy\tb\t1\n", "line 3: file x0.npy has another label in line 2"),
        ("file\tlabel\tgroup\nx0.npy\ta\t1\nx0.npy\ta\t2\n", "line 3: file x0.npy is that of line 2 too"),
    ],
)  # fmt: skip
def test_a_table_that_says_something_else_is_refused(text, message, tmp_path):
    arrays(tmp_path)
    np.save(tmp_path / "wide.npy", np.zeros((2, 3)))
    np.save(tmp_path / "nan.npy", np.full((2, 2), np.nan))
    np.save(tmp_path / "whole.npy", np.zeros((2, 2), int))
    (tmp_path / "bad.npy").write_bytes(b"no array")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "table.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(DesignError, match=message):
        own_parts(load_own_data(tmp_path / "table.tsv"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "11 sequences and no array 'labels'"),
        ({"labels": np.zeros(4)}, "type float64, must be whole numbers or texts"),
        ({"labels": np.array([b"a"] * 11)}, "type [|]S1, must be .*; make them texts with astype"),
        ({"labels": np.zeros(4, int)}, r"shape \(4,\), must be \(11,\), one for each sequence, or \(32,\)"),
        ({"labels": np.array(LABELS), "groups": np.zeros(3, int)}, "groups: int64 of shape"),
        ({"labels": np.array(LABELS), "parts": np.array(["dev"] * 11)}, "parts: 'dev', must be"),
        ({"labels": np.array(["", *LABELS[1:]])}, "labels: holds an empty text"),
        ({"labels": np.array(LABELS), "group": np.arange(11)}, "'group' of int64 is no sequence; must be called 'groups'"),
        ({"y": np.array(LABELS)}, "'y' of <U3 is no sequence; must be called 'labels'"),
        ({"labels": np.array(LABELS), "y": np.array([[0, -1e31]])}, "y: holds -1e[+]31, must be within"),
        ({"labels": np.array(LABELS), "y": np.zeros((2, 3))}, r"y: shape \(2, 3\), must be \(frames, 2\)"),
    ],
)  # fmt: skip
def test_an_npz_file_that_holds_something_else_is_refused(given, message, tmp_path):
    with pytest.raises(DesignError, match=message):
        load_own_data(archive(tmp_path / "own.npz", **given))


def test_an_element_whose_deviation_is_no_number_above_zero_is_refused():
    x = [s * [1e-300, 1.0] for s in X]
    with pytest.raises(DesignError, match="element 0 of the frames varies by .*e-300 only"):
        own_parts(_data(x, LABELS, None, ["train"] * 9 + ["validation", "test"]))


@pytest.mark.filterwarnings("error")
def test_arrays_of_half_precision_are_taken(tmp_path):
    file = archive(tmp_path / "own.npz", [x.astype(np.float16) for x in X], labels=np.array(LABELS))
    assert load_own_data(file).sequences[0].dtype == np.float64


def test_frames_that_are_all_equal_are_refused():
    same = _data([np.ones((4, 2))] * 3, ["x", "y", "z"], None, None)
    with pytest.raises(DesignError, match="all 4 frames of the training part are equal"):
        own_parts(same)


def test_a_label_without_training_sequences_is_refused(tmp_path):
    parts = ["train"] * 9 + ["validation", "test"]
    labels = np.array([*LABELS[:10], "perhaps"])
    file = archive(tmp_path / "own.npz", labels=labels, parts=np.array(parts))
    with pytest.raises(DesignError, match="x10 has 'perhaps', which no training sequence has"):
        own_parts(load_own_data(file))


def test_evaluations_take_a_part_of_own_data(tmp_path):
    file = archive(tmp_path / "own.npz", labels=np.arange(len(X)) % 2)
    parts = own_parts(load_own_data(file)).parts
    whole = load_data(file, 2)
    np.testing.assert_array_equal(whole.sequences[0], X[0])  # as it is
    for name, part in parts.items():
        loaded = load_data(file, 2, name)
        np.testing.assert_array_equal(loaded.labels, part.labels)
        np.testing.assert_array_equal(loaded.sequences[0], part.sequences[0])
    archive(
        file, labels=np.arange(len(X)), groups=np.arange(len(X)), parts=np.array(["train"] * 11)
    )
    assert len(load_data(file, 2).sequences) == len(X)  # lists are no sequences
    archive(file, labels=np.array(LABELS))
    with pytest.raises(DesignError, match="texts are taken too: name their part"):
        load_data(file, 2)
    arrays(tmp_path)
    of_table = table(tmp_path, ("file", "label"), [(f"x{i}.npy", LABELS[i]) for i in range(len(X))])
    assert len(load_data(of_table, 2).sequences) == 2
    assert len(load_calibration(of_table, 2)) == len(X) - 4
    with pytest.raises(DesignError, match="2 elements a frame, must be 3"):
        load_data(of_table, 3)
    with pytest.raises(DesignError, match="part = 'dev'"):
        load_data(file, 2, "dev")
    np.save(tmp_path / "one.npy", X[0])
    with pytest.raises(DesignError, match="part = 'test': input .*one.npy has none"):
        load_data(tmp_path / "one.npy", 2, "test")


def test_data_without_groups_are_told_by_their_sequences(tmp_path):
    np.savez(tmp_path / "two.npz", labels=[0, 1], x0=np.ones((3, 2)), x1=np.zeros((3, 2)))
    with pytest.raises(DesignError, match="data: 2 sequences cannot be split"):
        own_parts(load_own_data(tmp_path / "two.npz"))
