"""TIMIT folders that are synthesised: layouts, folding, labels of frames, broken files."""

import numpy as np
import pytest
from corpus_files import (
    PHONES,
    SAMPLES,
    add_speaker,
    labels_text,
    require_speech,
    riff,
    sphere,
    timit,
)
from hypothesis import given
from hypothesis import strategies as st

from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus import import_timit, load_corpus
from ernn_myhdl.corpus import timit as module
from ernn_myhdl.corpus.phones import PHONES_39, TIMIT_TO_39, TIMIT_TO_48
from ernn_myhdl.corpus.timit import (
    CORE_TEST_SPEAKERS,
    VALIDATION_SPEAKERS,
    find_recordings,
    folded,
    read_labels,
)
from ernn_myhdl.errors import DesignError

pytestmark = pytest.mark.speech


@pytest.fixture(autouse=True)
def packages():
    require_speech()


def test_the_folding_of_lee_and_hon():
    assert len(TIMIT_TO_39) == 60  # 61 without q
    assert len(set(TIMIT_TO_48.values())) == 48
    assert len(PHONES_39) == len(set(TIMIT_TO_39.values())) == 39
    assert set(PHONES_39) == set(TIMIT_TO_39.values())
    groups = {
        "sil": "h# pau epi bcl dcl gcl pcl tcl kcl", "ah": "ah ax ax-h", "ih": "ih ix", "aa": "aa ao",
        "er": "er axr", "sh": "sh zh", "l": "l el", "n": "n en nx", "ng": "ng eng", "m": "m em",
        "hh": "hh hv", "uw": "uw ux",
    }  # fmt: skip
    for phone, members in groups.items():
        assert {p for p, f in TIMIT_TO_39.items() if f == phone} == set(members.split())
    assert all(f == p for p, f in TIMIT_TO_39.items() if f not in groups)


def test_the_speakers_of_the_parts():
    assert len(CORE_TEST_SPEAKERS) == 24
    assert len(VALIDATION_SPEAKERS) == 50
    assert not CORE_TEST_SPEAKERS & VALIDATION_SPEAKERS
    assert (
        sum(name.startswith("f") for name in CORE_TEST_SPEAKERS) == 8
    )  # two men and a woman a region


@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("header", [sphere, riff])
@pytest.mark.parametrize("below", ["", "timit", "data/TIMIT"])
def test_layouts(tmp_path, upper, header, below):
    timit(tmp_path / "T" / below, upper=upper, header=header)
    folder = import_timit(tmp_path / "T", tmp_path / "out", incomplete=True)
    corpus = load_corpus(folder, normalised=False)
    assert corpus.description.name == "timit-incomplete"
    names = {part: [u.name for u in p.utterances] for part, p in corpus.parts.items()}
    assert names == {
        "train": ["dr1-fcjf0-si1", "dr1-fcjf0-si2"],  # no SA
        "validation": ["dr2-fdac1-si1"],
        "test": ["dr1-mdab0-si1"],
    }
    first = corpus.train.utterances[0]
    assert first.text == "She had it."
    assert first.features.shape == (len(first.labels), 39) == (61, 39)
    phones = [corpus.phone_set[i] for i in first.phones]
    assert phones == ["sil", "sh", "ih", "aa", "sil", "t", "er", "sil"]


def test_both_headers_give_the_same_features(tmp_path):
    made = []
    for header in (sphere, riff):
        root = timit(tmp_path / header.__name__, header=header)
        folder = import_timit(root, tmp_path / f"out_{header.__name__}", incomplete=True)
        made.append((folder / "corpus.toml").read_bytes())
    assert made[0] == made[1]


def test_a_frame_has_the_phone_at_its_middle(tmp_path):
    folder = import_timit(timit(tmp_path / "T"), tmp_path / "out", incomplete=True)
    corpus = load_corpus(folder)
    starts, phones = folded([s for _, s in PHONES], [p for p, _ in PHONES])
    for t, label in enumerate(corpus.test.labels[0]):
        middle = 160 * t + 200
        place = max(i for i, start in enumerate(starts) if start <= middle)
        assert corpus.phone_set[label] == phones[place], t


def test_the_neighbours_of_q_meet_in_its_middle():
    starts, phones = folded([s for _, s in PHONES], [p for p, _ in PHONES])
    assert phones == ["sil", "sh", "ih", "aa", "sil", "t", "er", "sil", "sil"]
    assert starts == [0, 1000, 2600, 4200, 6000, 6800, 7300, 9000, 9400]
    assert folded([0, 100, 200], ["q", "t", "q"]) == ([0], ["t"])
    with pytest.raises(DesignError, match="only glottal stops"):
        folded([0], ["q"])


@given(st.lists(st.sampled_from([*TIMIT_TO_39, "q"]), min_size=1, max_size=20))
def test_folded_phones_rise_from_zero(phones):
    if set(phones) == {"q"}:
        return
    starts, kept = folded([100 * i for i in range(len(phones))], phones)
    assert kept == [TIMIT_TO_39[p] for p in phones if p != "q"]
    assert starts[0] == 0 and all(a < b for a, b in zip(starts, starts[1:], strict=False))


def test_a_complete_copy_is_called_timit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "COMPLETE", {"train": 2, "validation": 1, "test": 1})
    folder = import_timit(timit(tmp_path / "T"), tmp_path / "out")
    assert load_corpus(folder).description.name == "timit"


def test_an_incomplete_copy_is_refused(tmp_path):
    with pytest.raises(
        DesignError, match="train 2 of 3696, validation 1 of 400, test 1 of 192"
    ) as e:
        import_timit(timit(tmp_path / "T"), tmp_path / "out")
    assert "of the core test set fdhc0" in str(e.value)
    assert not (tmp_path / "out").exists()


def test_missing_folders(tmp_path):
    with pytest.raises(DesignError, match="does not exist"):
        find_recordings(tmp_path / "none")
    with pytest.raises(DesignError, match="holds no folders TRAIN and TEST"):
        find_recordings(tmp_path)
    add_speaker(tmp_path, "train", "dr1", "fcjf0")
    add_speaker(tmp_path, "test", "dr1", "mdab0")
    with pytest.raises(DesignError, match="no utterances of the validation part"):
        find_recordings(tmp_path)


BROKEN = [
    ("SI1.WAV", sphere(np.zeros(SAMPLES))[:500], "cannot be read"),
    ("SI1.WAV", b"NIST_1A\n   1024\nrubbish".ljust(1024) + bytes(2000), "cannot be read"),
    ("SI1.WAV", b"", "cannot be read"),
    ("SI1.WAV", riff(np.zeros(SAMPLES), 8000), "8000 Hz, 1 channels; must be 16000 Hz"),
    ("SI1.WAV", riff(np.zeros(100)), "100 samples, must be 400 to 960000"),
    ("SI1.WAV", riff(np.zeros(16000 * 61)), "976000 samples, must be 400 to 960000"),
    ("SI1.WAV", sphere(np.zeros(5000)), "SI1.PHN: ends at sample 10000, its recording has 5000"),
    ("SI1.WAV", sphere(np.zeros(40000)), "SI1.PHN: ends at sample 10000, its recording has 40000"),
    (
        "SI1.WAV",
        sphere(np.zeros(9000), count=SAMPLES),
        "SI1.PHN: ends at sample 10000, its recording has 9000",
    ),
    ("SI1.PHN", b"", "SI1.PHN: holds no phones"),
    ("SI1.PHN", b"0 10000 blah\n", "line 1: '0 10000 blah', must be first sample"),
    ("SI1.PHN", b"0 5000 h#\nx\n", "line 2: 'x', must be first sample"),
    ("SI1.PHN", b"0 5000 h#\n4000 10000 sh\n", "line 2: samples 4000 to 10000, must rise"),
    ("SI1.PHN", b"0 0 h#\n", "line 1: samples 0 to 0, must rise"),
    ("SI1.PHN", b"\xff\xfe\x00", "line 1: "),
    ("SI1.PHN", b"0 1 h#\n" * 20000, "at most 100000"),
    ("SI1.PHN", b"99999999999999999999 1 h#\n", "line 1"),
]


@pytest.mark.parametrize(("file", "content", "message"), BROKEN)
def test_broken_files_are_named(tmp_path, capsys, file, content, message):
    root = timit(tmp_path / "T")
    (root / "TRAIN" / "DR1" / "FCJF0" / file).write_bytes(content)
    assert main(["corpus", "timit", str(root), "-o", str(tmp_path / "out"), "--incomplete"]) == 2
    error = capsys.readouterr().err
    assert message in error and "SI1." in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_recording_is_missing(tmp_path):
    root = timit(tmp_path / "T")
    (root / "TRAIN" / "DR1" / "FCJF0" / "SI1.WAV").unlink()
    with pytest.raises(DesignError, match=r"SI1.PHN: has no recording si1.wav"):
        import_timit(root, tmp_path / "out", incomplete=True)


def test_labels_may_end_a_little_before_the_audio(tmp_path):
    file = tmp_path / "x.phn"
    file.write_text(labels_text())
    for samples in (SAMPLES - 400, SAMPLES, SAMPLES + 16000):
        assert read_labels(file, samples)[0][-1] == 9400
    for samples in (SAMPLES - 401, SAMPLES + 16001):
        with pytest.raises(DesignError, match="do not belong together"):
            read_labels(file, samples)


def test_the_command_line(tmp_path, capsys):
    root, out = timit(tmp_path / "T"), tmp_path / "out"
    arguments = [
        "corpus",
        "timit",
        str(root),
        "-o",
        str(out),
        "--incomplete",
        "--features",
        "logmel40",
    ]
    assert main(arguments) == 0
    assert "timit-incomplete version 1: TIMIT (LDC93S1)" in capsys.readouterr().out
    assert load_corpus(out).inputs == 40
    assert main(arguments) == 2
    assert "exists; choose another" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0
