"""Corpus folders: what is loaded, normalisation, damaged files."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ernn_myhdl.corpus import Part, Utterance, load_corpus
from ernn_myhdl.corpus.corpus import PARTS, Description
from ernn_myhdl.corpus.storage import write_corpus
from ernn_myhdl.errors import DesignError


def utterance(name: str, rng, frames: int) -> Utterance:
    x = rng.normal(5.0, 3.0, (frames, 40)).astype(np.float32)
    x[:, 7] = 2.0  # never changes
    labels = np.repeat([0, 2, 1], [frames - 4, 2, 2])
    return Utterance(name, name[:2], "a text, äöü", x, labels, np.array([0, 2, 1, 0]))


def parts_of(seed: int = 0) -> dict[str, Part]:
    rng = np.random.default_rng(seed)
    return {
        part: Part(tuple(utterance(f"{part[:1]}{i}-{part}", rng, 9 + i) for i in range(3)))
        for part in PARTS
    }


DESCRIPTION = Description("own", 3, 4, "logmel40", ("aa", "b", "sil"), "test", {"numpy": "2"})


@pytest.fixture
def folder(tmp_path):
    """A corpus folder that is made without the packages of the extra."""
    path = tmp_path / "corpus"
    path.mkdir()
    write_corpus(DESCRIPTION, parts_of(), path)
    return path


def test_what_is_written_is_loaded(folder):
    corpus = load_corpus(folder, normalised=False)
    assert corpus.description == DESCRIPTION
    assert (corpus.inputs, corpus.outputs) == (40, 3)
    for name, part in parts_of().items():
        loaded = corpus.parts[name]
        assert len(loaded) == 3 and loaded.speakers == part.speakers and loaded.frames == 30
        for a, b in zip(part.utterances, loaded.utterances, strict=True):
            assert (a.name, a.speaker, a.text) == (b.name, b.speaker, b.text)
            assert b.features.dtype == np.float32 and np.array_equal(a.features, b.features)
            assert b.labels.dtype == np.int64 and np.array_equal(a.labels, b.labels)
            assert b.phones.dtype == np.int64 and np.array_equal(a.phones, b.phones)
        for (x, labels), u in zip(loaded, loaded.utterances, strict=True):
            assert x is u.features and labels is u.labels


def test_features_are_normalised_by_the_training_part(folder):
    raw, corpus = load_corpus(folder, normalised=False), load_corpus(folder)
    frames = np.concatenate(raw.train.features).astype(np.float64)
    assert np.allclose(corpus.mean, frames.mean(axis=0), atol=1e-6)
    assert np.allclose(np.delete(corpus.std, 7), np.delete(frames.std(axis=0), 7), rtol=1e-6)
    assert corpus.std[7] == 1.0  # an element that never changes
    scaled = np.concatenate(corpus.train.features)
    assert scaled.dtype == np.float32
    assert np.abs(scaled.mean(axis=0)).max() < 1e-6
    assert np.allclose(np.delete(scaled.std(axis=0), 7), 1.0, atol=1e-5)
    for name in ("validation", "test"):
        for a, b in zip(raw.parts[name].features, corpus.parts[name].features, strict=True):
            assert np.array_equal((a - corpus.mean) / corpus.std, b)


def changed_toml(old: str, new: str):
    def change(folder):
        file = folder / "corpus.toml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return change


def changed_tensors(**changes):
    def change(folder):
        file = folder / "test.safetensors"
        tensors = load_file(file)
        for name, function in changes.items():
            tensors[name] = function(tensors[name].copy())
        save_file(tensors, file)

    return change


def changed_heads(function):
    def change(folder):
        file = folder / "utterances.json"
        file.write_text(json.dumps(function(json.loads(file.read_text()))))

    return change


def one(array, place, value):
    array[place] = value
    return array


DAMAGE = {
    "not there": (shutil.rmtree, "is no folder"),
    "no toml": (lambda f: (f / "corpus.toml").unlink(), "holds no corpus.toml"),
    "toml": (lambda f: (f / "corpus.toml").write_text("a = ["), "is not valid TOML"),
    "binary toml": (lambda f: (f / "corpus.toml").write_bytes(b"\xff\xfe"), "is not valid TOML"),
    "format": (changed_toml("format = 1", "format = 9"), "format = 9, this version reads 1"),
    "seed": (changed_toml("seed = 4", 'seed = "4"'), "seed = '4', must be a int"),
    "features": (changed_toml("logmel40", "mfcc39"), "features of 40 elements are no mfcc39"),
    "unknown features": (changed_toml("logmel40", "plp"), "features = 'plp', must be one of"),
    "phones": (changed_toml('"aa"', '"b"'), "phone_set must be distinct texts"),
    "fewer phones": (changed_toml('"aa", ', ""), "from 0 to 2, the phones are 0 to 1"),
    "parts": (changed_toml("parts.test", "parts.tests"), "parts must be train, validation, test"),
    "counts": (changed_toml("frames = 30", "frames = 31"), "files of different corpora are mixed"),
    "no part": (lambda f: (f / "test.safetensors").unlink(), "test.safetensors: cannot be read"),
    "truncated": (
        lambda f: (f / "test.safetensors").write_bytes((f / "test.safetensors").read_bytes()[:-9]),
        "test.safetensors: cannot be read",
    ),
    "no names": (lambda f: (f / "utterances.json").unlink(), "utterances.json: cannot be read"),
    "names": (lambda f: (f / "utterances.json").write_text("[" * 9999), "cannot be read"),
    "a name": (changed_heads(lambda h: h | {"test": [1]}), "test must list name, speaker and text"),
    "fewer names": (changed_heads(lambda h: h | {"test": h["test"][:2]}), "3 utterances, utterances.json"),
    "a label": (changed_tensors(labels=lambda a: one(a, 0, 1)), "by their SHA-256"),
    "a feature": (changed_tensors(features=lambda a: one(a, (0, 0), 1.0)), "by their SHA-256"),
    "not finite": (changed_tensors(features=lambda a: one(a, (0, 0), np.nan)), "not all finite"),
    "a negative label": (changed_tensors(labels=lambda a: one(a, 0, -1)), "labels from -1 to 2"),
    "labels": (changed_tensors(labels=lambda a: a[:-1]), "lengths do not fit labels"),
    "frames": (changed_tensors(features=lambda a: a[:-1]), "30 labels for 29 frames"),
    "type": (changed_tensors(labels=lambda a: a.astype(np.int64)), "labels is missing or not int16"),
    "shape": (changed_tensors(lengths=lambda a: a[None]), r"tensor lengths has shape \(1, 3\)"),
    "zero length": (changed_tensors(lengths=lambda a: a * 0), "lengths do not fit labels"),
    "huge length": (changed_tensors(lengths=lambda a: a + (2**62)), "lengths do not fit labels"),
    "repeated": (changed_tensors(phones=lambda a: a * 0), "a sequence of phones repeats one"),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_one_clear_line(folder, what):
    damage, message = DAMAGE[what]
    damage(folder)
    with pytest.raises(DesignError, match=message) as caught:
        load_corpus(folder)
    assert str(folder) in str(caught.value)
