"""Run folders that are damaged: every field and every array is checked, and named where it is wrong."""

import json
import os
import shutil
import zipfile

import numpy as np
import pytest
from lazy_designs import Lazily

from ernn_myhdl import DesignError, Traffic, load_run, new_design, save_design
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A run of MyHDL with two sequences, as a folder that is not changed."""
    design = new_design(3, 4, block=2, lanes=2)
    x = [RNG.standard_normal((n, 3)) for n in (2, 1)]
    run = design.run(x, engine="myhdl", traffic=Traffic(0.2, 0.2, 1))
    return run.save(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "run")


def field(name, value):
    def damage(folder):
        file = folder / "run.json"
        summary = json.loads(file.read_text())
        if value is KeyError:
            del summary[name]
        else:
            summary[name] = value
        file.write_text(json.dumps(summary))

    return damage


def array(name, change):
    def damage(folder):
        np.save(folder / f"{name}.npy", change(np.load(folder / f"{name}.npy")))

    return damage


def member(group, name, change):
    def damage(folder):
        with np.load(folder / f"{group}.npz") as archive:
            arrays = dict(archive)
        arrays[name] = change(arrays.get(name))
        if arrays[name] is None:
            del arrays[name]
        np.savez(folder / f"{group}.npz", **arrays)

    return damage


def text(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def instead(name, make):
    def damage(folder):
        (folder / name).unlink()
        make(folder / name)

    return damage


def other_weights(folder):
    new = new_design(3, 4, block=2, lanes=2, seed=9)
    shutil.rmtree(folder / "design")
    save_design(new, folder / "design")


def extra_member(name, content):
    def damage(folder):
        with zipfile.ZipFile(folder / "trace.npz", "a") as archive:
            archive.writestr(name, content)

    return damage


def encrypted(folder):
    file = folder / "stages.npz"
    data = bytearray(file.read_bytes())
    data[data.find(b"PK\1\2") + 8] |= 1
    file.write_bytes(data)


def first(value):
    def change(array):
        array = array.astype(np.int64 if array.dtype.kind == "i" else array.dtype)
        array.reshape(-1)[0] = value
        return array

    return change


DAMAGES = {
    "no JSON": (text("run.json", b"{"), "run.json cannot be read"),
    "deep JSON": (text("run.json", b"[" * 100_000), "nests too deeply"),
    "list": (text("run.json", b"[]"), "holds no table"),
    "version true": (field("format_version", True), "format_version = True, must be 1"),
    "engine": (field("engine", "abacus"), "engine = 'abacus', must be golden or"),
    "engine list": (field("engine", ["myhdl"]), "engine = "),
    "engine without cycles": (field("engine", "golden"), "must be null for engine 'golden'"),
    "name": (field("design", "other"), "design = 'other'"),
    "digest": (field("design_digest", "0" * 64), "the design was changed after the run"),
    "other weights": (other_weights, "the design was changed after the run"),
    "frames": (field("frames", 4), "must be the sum of sequences"),
    "no outputs": (field("outputs", KeyError), "outputs is missing"),
    "sequences text": (field("sequences", "21"), "sequences = '21'"),
    "sequences negative": (field("sequences", [4, -1]), "sequences = "),
    "sequences empty": (field("sequences", []), "sequences = "),
    "saturations": (field("saturations", {"colour": 1}), "saturations = "),
    "traffic": (field("traffic", {"colour": 1}), "traffic = "),
    "traffic NaN": (field("traffic", {"idle": float("nan")}), "NaN is no number of JSON"),
    "seed": (field("traffic", {"seed": -1}), "traffic = "),
    "seconds": (field("seconds", "long"), "seconds = 'long'"),
    "preparation": (field("preparation_seconds", -1), "preparation_seconds = -1"),
    "cycles": (field("cycles", 1.5), "cycles = 1.5"),
    "cycles null": (field("cycles", None), "must be a number of cycles"),
    "notes": (field("notes", [1]), "notes = "),
    "loaded": (field("loaded_sequences", [2]), "loaded_sequences = "),
    "x missing": (instead("x.npy", lambda f: None), "x.npy cannot be read: it does not exist"),
    "x a folder": (instead("x.npy", lambda f: f.mkdir()), "x.npy cannot be read: it is no ordinary"),
    "x a FIFO": (instead("x.npy", os.mkfifo), "x.npy cannot be read: it is no ordinary"),
    "x NaN": (array("x", first(np.nan)), "x.npy holds NaN"),
    "x type": (array("x", lambda a: a.astype("f4")), "float32, must be (3, 3) of float64"),
    "x objects": (array("x", lambda a: a.astype(object)), "holds Python objects"),
    "x narrow": (array("x", lambda a: a[:, 1:]), "x.npy has shape (3, 2)"),
    "raw range": (array("raw", first(1 << 40)), "raw.npy holds"),
    "raw text": (array("raw", lambda a: a.astype(str)), "raw.npy has shape"),
    "outputs": (array("outputs", first(0.123)), "does not hold the values of raw.npy"),
    "frame cycles order": (array("frame_cycles", lambda a: a[:, ::-1]), "in order"),
    "frame cycles missing": (instead("frame_cycles.npy", lambda f: None), "does not exist"),
    "stage shape": (member("stages", "gates", lambda a: a[..., :1]), "stages.npz gates has shape"),
    "stage floats": (member("stages", "gates", lambda a: a * 0.5), "of float64, must be"),
    "stage range": (member("stages", "gates", first(1 << 40)), "stages.npz gates holds"),
    "stage unknown": (member("stages", "colour", lambda a: np.zeros(3)), "holds 'colour'"),
    "stage cycles": (member("stage_cycles", "gates", first(-1)), "holds other cycles"),
    "trace short": (member("trace", "op_valid", lambda a: a[:-1]), "trace.npz has signals of"),
    "trace signal missing": (member("trace", "op_index", lambda a: None), "holds no op_index"),
    "trace text": (extra_member("note.txt", b"hello"), "'note.txt' is no array"),
    "trace nested": (extra_member("more.npz", b"PK\3\4"), "'more.npz' is no array"),
    "encrypted": (encrypted, "is encrypted"),
    "no archive": (text("stages.npz", b"PK\3\4 no archive"), "stages.npz cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_named(folder, what):
    damage, message = DAMAGES[what]
    damage(folder)
    with pytest.raises(DesignError) as caught:
        load_run(folder)
    assert str(caught.value).startswith(f"run {folder}: is damaged (")
    assert str(caught.value).endswith("; simulate again")
    assert message in str(caught.value)


CORES = Lazily(
    {
        "split": lambda: new_design(4, 8, block=2, input_block=4, lanes=2),
        "gru, streams": lambda: new_design(3, 4, block=2, cell="gru", lanes=2, streams=2),
        "network": lambda: new_network(
            [GruCell(3, 4, block=2), LstmCell(4, 4, 2, 2, True), LinearCell(2, 3, 1)]
        ),
    }
)


@pytest.mark.parametrize("engine", ["integer", "myhdl"])
@pytest.mark.parametrize("name", CORES)
def test_what_runs_write_is_read(name, engine, tmp_path):
    design = CORES[name]
    x = [RNG.standard_normal((n, design.inputs)) for n in (2, 1)]
    run = design.run(x, engine=engine)
    loaded = load_run(run.save(tmp_path / "run"))
    assert loaded.summary() == run.summary()
    for group in ("stages", "stage_cycles", "trace"):
        assert list(getattr(loaded, group)) == list(getattr(run, group))
