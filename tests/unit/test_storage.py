"""Design folders: round trips and errors."""

import os
from dataclasses import replace

import numpy as np
import pytest
from random_designs import random_design
from safetensors.numpy import load_file, save_file

from ernn_myhdl import DesignError, load_design, new_design, save_design
from ernn_myhdl.files.output_folder import check_folder, new_file, new_folder


@pytest.fixture(scope="module")
def design():
    return new_design(5, 9, 4, 4, True, lanes=4, name="small_core")


@pytest.fixture
def folder(design, tmp_path):
    return save_design(design, tmp_path / "design")


@pytest.mark.parametrize("seed", range(12))
def test_round_trip_is_exact(seed, tmp_path):
    design = random_design(seed, max_hidden=20)
    loaded = load_design(save_design(design, tmp_path / "d"))
    assert loaded == design
    assert loaded.digest == design.digest
    assert loaded.name == design.name
    for name, array in design.weights.items():
        assert loaded.weights[name].dtype == array.dtype
        assert np.array_equal(loaded.weights[name], array)


def test_equal_designs_are_equal_files(design, tmp_path):
    a, b = (save_design(design, tmp_path / n) for n in "ab")
    for name in sorted(os.listdir(a)):
        assert (a / name).read_bytes() == (b / name).read_bytes()


def test_toml_is_commented_and_its_file_can_be_named(folder, design):
    text = (folder / "design.toml").read_text()
    assert 'name = "small_core"' in text
    assert 'kind = "lstm"' in text
    assert all("#" in line for line in text.splitlines() if "word =" in line)
    assert load_design(folder / "design.toml") == design


TOML_ERRORS = [
    ("unknown key", "[cell]", "[cell]\ncolour = 3", ["cell colour", "unknown"]),
    ("close key", "lanes =", "lane =", ["hardware lane", "did you mean lanes"]),
    ("unknown section", "[cell]", "[extra]\na = 1\n\n[cell]", ["extra", "unknown"]),
    ("missing key", "hidden =", "# hidden =", ["cell hidden", "is missing"]),
    ("missing section", "[hardware]", "[hardware.more]", ["hardware more"]),
    ("text for a number", "hidden = 9", 'hidden = "9"', ["cell hidden = '9'", "whole number"]),
    ("fraction", "hidden = 9", "hidden = 9.5", ["cell hidden = 9.5", "whole number"]),
    ("truth for a number", "hidden = 9", "hidden = true", ["cell hidden = True"]),
    ("number for truth", "peepholes = true", "peepholes = 1", ["peepholes = 1", "true or false"]),
    ("zero", "hidden = 9", "hidden = 0", ["cell hidden = 0", "must be 1 to"]),
    ("negative", "inputs = 5", "inputs = -5", ["cell inputs = -5"]),
    ("block", "block = 4", "block = 6", ["cell block = 6", "power of two"]),
    ("list", "block = 4", "block = [4]", ["cell block = [4]"]),
    ("large block", "block = 4", "block = 64", ["cell block = 64"]),
    ("kind", '"lstm"', '"elman"', ["cell kind = 'elman'", "'lstm'"]),
    ("kind list", '"lstm"', '["lstm"]', ["cell kind"]),
    ("activation", '"tanh"', '"relu"', ["g_activation = 'relu'", "'sigmoid'"]),
    ("activation list", '"tanh"', '["tanh"]', ["g_activation"]),
    ("lanes", "lanes = 4", "lanes = 400", ["hardware lanes = 400", "at most 12"]),
    ("units", "ifft_units = 4", "ifft_units = 3", ["ifft_units = 3", "power of two"]),
    ("sample bits", "sample_bits = 16", "sample_bits = 12", ["sample_bits = 12", "8, 16 or 32"]),
    ("segments", "tanh_segments = ", "tanh_segments = 1", ["tanh_segments"]),
    ("long word", "input = {word = 12", "input = {word = 99", ["formats input", "2 to 62"]),
    ("short word", "gate = {word = 12", "gate = {word = 1", ["formats gate", "2 to 62"]),
    ("word text", "gate = {word = 12", 'gate = {word = "a"', ["formats gate", "whole number"]),
    ("no frac", "gate = {word = 12, frac = 11}", "gate = {word = 12}", ["formats gate frac"]),
    ("not a format", "gate = {word = 12, frac = 11}", "gate = 12", ["formats gate = 12"]),
    (
        "accumulators",
        "input_spectrum = {word = 16",
        "input_spectrum = {word = 58",
        ["must be 2 to 31"],
    ),
    ("version", "format_version = 1", "format_version = 2", ["format_version = 2", "must be 1"]),
    ("name", '"small_core"', '"2 cores"', ["name = '2 cores'", "identifier"]),
    ("syntax", "[cell]", "[cell", ["not valid TOML"]),
    ("twice", "hidden = 9", "hidden = 9\nhidden = 8", ["not valid TOML"]),
]


@pytest.mark.parametrize(
    ("old", "new", "parts"), [e[1:] for e in TOML_ERRORS], ids=[e[0] for e in TOML_ERRORS]
)
def test_bad_toml_is_named(folder, old, new, parts):
    file = folder / "design.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert_error(lambda: load_design(folder), "design.toml", *parts)


def test_accumulators_above_62_bits(folder):
    file = folder / "design.toml"
    text = file.read_text().replace("input_spectrum = {word = 16", "input_spectrum = {word = 31")
    file.write_text(text.replace("input_weight = {word = 12", "input_weight = {word = 31"))
    assert_error(lambda: load_design(folder), "accumulator", "must be at most 62")


def test_binary_toml(folder):
    (folder / "design.toml").write_bytes(b"\xff\xfe\x00name")
    assert_error(lambda: load_design(folder), "design.toml", "not valid TOML")


def test_section_that_is_no_table(folder):
    file = folder / "design.toml"
    text = file.read_text()
    start, stop = text.index("[activation]"), text.index("[formats]")
    file.write_text("activation = 3\n" + text[:start] + text[stop:])
    assert_error(lambda: load_design(folder), "activation = 3", "table")


def test_unused_format(folder):
    file = folder / "design.toml"
    file.write_text(file.read_text().replace("peepholes = true", "peepholes = false"))
    assert_error(lambda: load_design(folder), "formats peephole", "remove it")


WEIGHT_ERRORS = {
    "shape": (lambda w: w.update(bias=w["bias"][:, :-1].copy()), ["bias", "shape (4, 8)"]),
    "missing": (lambda w: w.pop("bias"), ["missing ['bias']"]),
    "extra": (lambda w: w.update(more=w["bias"]), ["not known ['more']"]),
    "NaN": (lambda w: w["bias"].__setitem__((0, 0), np.nan), ["bias", "NaN"]),
    "infinity": (lambda w: w["peephole"].__setitem__((0, 0), np.inf), ["peephole", "infinity"]),
    "integers": (lambda w: w.update(bias=w["bias"].astype(np.int32)), ["bias", "int32"]),
}


@pytest.mark.parametrize("case", WEIGHT_ERRORS)
def test_bad_weights_are_named(folder, case):
    change, parts = WEIGHT_ERRORS[case]
    file = folder / "weights.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file)
    assert_error(lambda: load_design(folder), "weights.safetensors", "export", *parts)


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_truncated_weights(folder, size):
    file = folder / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:size])
    assert_error(lambda: load_design(folder), "weights.safetensors", "cannot be read", "again")


def test_weights_of_another_kind(folder):
    file = folder / "weights.safetensors"
    file.write_bytes(b"\x80\x04\x95" + bytes(200))
    assert_error(lambda: load_design(folder), "weights.safetensors", "cannot be read")
    file.unlink()
    assert_error(lambda: load_design(folder), "weights.safetensors", "is missing")


def test_no_design_folder(tmp_path):
    assert_error(lambda: load_design(tmp_path / "none"), "none", "no such folder", "ernn new")
    assert_error(lambda: load_design(tmp_path), "design.toml")
    (tmp_path / "manifest.json").write_text("{}")
    assert_error(lambda: load_design(tmp_path), "it is what ernn convert made of one")


def test_existing_folder_needs_force(design, folder):
    before = (folder / "design.toml").stat().st_mtime_ns
    assert_error(lambda: save_design(design, folder), "exists", "--force")
    assert (folder / "design.toml").stat().st_mtime_ns == before
    save_design(replace(design, name="other"), folder, force=True)
    assert load_design(folder).name == "other"


def test_force_does_not_delete_other_folders(design, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("precious")
    assert_error(lambda: save_design(design, tmp_path / "thesis", force=True), "not made by")
    assert (tmp_path / "thesis" / "chapter").read_text() == "precious"
    assert_error(lambda: check_folder("", True, "x"), "must name a folder")
    assert_error(lambda: check_folder(tmp_path / "thesis" / "chapter", True, "x"), "not a folder")


def test_nothing_stays_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "a" / "b", marker="m") as folder:
        (folder / "file").write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), new_file(tmp_path / "c" / "d.png") as file:
        file.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_parent_that_is_a_file(design, tmp_path):
    (tmp_path / "file").write_text("")
    assert_error(lambda: save_design(design, tmp_path / "file" / "design"), "is a file")


def test_names_that_are_no_identifiers(tmp_path):
    for name in ("", "Core", "1a", "a__b", "a_", "a b", "ä"):
        assert_error(lambda name=name: new_design(2, 2, block=1, name=name), "name", "identifier")


def assert_error(call, *parts):
    """`call` raises a DesignError of one line that holds all parts."""
    with pytest.raises(DesignError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
