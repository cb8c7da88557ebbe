"""Outputs: nothing of the user's is lost, with and without --force."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from dataclasses import replace

import numpy as np
import pytest

from ernn_myhdl import DesignError, load_design, new_design, save_design
from ernn_myhdl.cli.commands import build_parser
from ernn_myhdl.cli.main import main
from ernn_myhdl.cli.places import INPUTS, OUTPUTS
from ernn_myhdl.files import renames
from ernn_myhdl.files.output_folder import check_file, check_folder, new_file, new_folder
from ernn_myhdl.files.output_list import LIST_NAME


@pytest.fixture(scope="module")
def design():
    return new_design(4, 6, block=2, lanes=2)


@pytest.fixture
def place(tmp_path, monkeypatch, design):
    """The current folder, with a design, an input and a file of the user's."""
    monkeypatch.chdir(tmp_path)
    save_design(design, tmp_path / "design")
    np.save(tmp_path / "x.npy", np.zeros((2, 4)))
    (tmp_path / "thesis").write_text("precious")
    return tmp_path


@pytest.fixture(params=["one step", "portable"])
def way(request, monkeypatch):
    """Renames by the kernel in one step, and as where it has none."""
    if request.param == "portable":
        monkeypatch.setattr(renames, "_renameat2", lambda *arguments: False)


def refused(capsys, command, *parts):
    """The command exits with 2 and one line with all parts."""
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert len(err.strip().splitlines()) == 1
    for part in parts:
        assert part in err


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def contents(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_folder_that_appears_while_the_command_runs(tmp_path, way):
    for force in (False, True):
        target = check_folder(tmp_path / "out", force, "m")
        with pytest.raises(DesignError, match="while this command ran"), new_folder(target) as new:
            (new / "m").write_text("mine")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "m").write_text("theirs")
        assert contents(tmp_path) == {"out/m": b"theirs"}
        shutil.rmtree(tmp_path / "out")


def test_file_that_appears_while_the_command_runs(tmp_path, way):
    for force in (False, True):
        target = check_file(tmp_path / "w.vcd", force=force)
        with pytest.raises(DesignError, match="while this command ran"), new_file(target) as new:
            new.write_text("mine")
            (tmp_path / "w.vcd").write_text("theirs")
        assert contents(tmp_path) == {"w.vcd": b"theirs"}
        (tmp_path / "w.vcd").unlink()


def test_another_folder_in_the_place_of_the_one_that_was_checked(tmp_path, design, way):
    out = save_design(design, tmp_path / "out")
    with (
        pytest.raises(DesignError, match="while this command ran"),
        new_folder(out, True, "design.toml") as new,
    ):
        (new / "design.toml").write_text("mine")
        out.rename(tmp_path / "kept")
        save_design(replace(design, name="theirs"), out)
    assert load_design(out).name == "theirs"
    assert names(tmp_path) == ["kept", "out"]


def test_file_put_into_the_folder_while_the_command_runs(tmp_path, design, way):
    out = save_design(design, tmp_path / "out")
    before = contents(out)
    with (
        pytest.raises(DesignError, match="notes.txt"),
        new_folder(out, True, "design.toml") as new,
    ):
        (new / "design.toml").write_text("mine")
        (out / "notes.txt").write_text("theirs")
    assert contents(out) == before | {"notes.txt": b"theirs"}
    assert names(tmp_path) == ["out"]


def test_two_runs_to_one_folder_and_one_file(tmp_path, design, way):
    with pytest.raises(DesignError), new_folder(tmp_path / "out", marker="m") as slow:
        (slow / "m").write_text("slow")
        with new_folder(tmp_path / "out", marker="m") as fast:
            (fast / "m").write_text("fast")
    with pytest.raises(DesignError), new_file(tmp_path / "f") as slow:
        slow.write_text("slow")
        (tmp_path / "f").write_text("fast")
    assert (tmp_path / "out" / "m").read_text() == (tmp_path / "f").read_text() == "fast"
    assert names(tmp_path) == ["f", "out"]


def test_two_replacing_runs(tmp_path, design, way):
    out = save_design(design, tmp_path / "out")
    slow = check_folder(out, True, "design.toml")
    save_design(replace(design, name="fast"), out, force=True)
    with pytest.raises(DesignError, match="while this command ran"):
        save_design(replace(design, name="slow"), slow)
    assert load_design(out).name == "fast"
    assert names(tmp_path) == ["out"]


def test_force_names_foreign_and_changed_files(tmp_path, design, way):
    out = save_design(design, tmp_path / "out")
    again = replace(design, name="again")
    (out / "model.safetensors").write_text("precious")
    with pytest.raises(DesignError, match="model.safetensors"):
        save_design(again, out, force=True)
    (out / "model.safetensors").unlink()
    (out / "linked").symlink_to(tmp_path)
    with pytest.raises(DesignError, match="linked"):
        save_design(again, out, force=True)
    (out / "linked").unlink()
    text = (out / "design.toml").read_text()
    (out / "design.toml").write_text(text + "# tuned by hand\n")
    with pytest.raises(DesignError, match=r"design\.toml"):
        save_design(again, out, force=True)
    (out / "design.toml").write_text(text)
    save_design(again, out, force=True)
    assert load_design(out).name == "again"


def test_import_does_not_delete_its_model(place, capsys):
    assert main(["export", "design", "-o", "proj/model.safetensors"]) == 0
    (place / "proj" / "design.toml").write_text((place / "design" / "design.toml").read_text())
    refused(capsys, "import proj/model.safetensors -o proj --force", "holds the input")
    assert (place / "proj" / "model.safetensors").is_file()


def test_folders_of_versions_without_a_list(tmp_path, design):
    out = save_design(design, tmp_path / "out")
    (out / LIST_NAME).unlink()
    (out / "notes.txt").write_text("precious")
    with pytest.raises(DesignError, match="notes.txt"):
        save_design(design, out, force=True)
    (out / "notes.txt").unlink()
    save_design(replace(design, name="again"), out, force=True)
    assert load_design(out).name == "again"
    (out / LIST_NAME).write_text("{damaged")
    with pytest.raises(DesignError, match="not written by this command"):
        save_design(design, out, force=True)


def test_old_run_folder_is_replaced(place, capsys):
    assert main(["simulate", "design", "--input", "x.npy", "-o", "run"]) == 0
    for file in (place / "run").rglob(LIST_NAME):
        file.unlink()
    assert main(["simulate", "design", "--input", "x.npy", "-o", "run", "--force"]) == 0


def test_the_list_holds_the_digest_of_every_file(tmp_path, design):
    import hashlib

    out = save_design(design, tmp_path / "out")
    listed = json.loads((out / LIST_NAME).read_text())["files"]
    found = {n: hashlib.sha256(c).hexdigest() for n, c in contents(out).items() if n != LIST_NAME}
    assert listed == found and len(found) == 2


FILES = {
    "vcd": "simulate design --input x.npy --engine myhdl --frames 1 --vcd {}.vcd",
    "table": "explore hardware design --device xc7z020 --jobs 1 --table {}.json",
    "picture": "explore hardware design --device xc7z020 --jobs 1 --picture {}.png",
    "schedule": "plot schedule design -o {}.png",
    "export": "export design -o {}.onnx",
    "sweep": "evaluate design --data x.npy --words 8 -o {}.svg",
    "compare": "compare --picture {}.png",
}


@pytest.mark.parametrize("case", FILES)
def test_existing_file_stays_without_force(place, capsys, case):
    command = FILES[case].format("out")
    file = place / command.split()[-1]
    file.write_text("precious")
    refused(capsys, command, file.name, "exists", "--force")
    assert file.read_text() == "precious"


def test_existing_file_is_replaced_with_force(place, way):
    (place / "out.png").write_text("old")
    assert main(["plot", "schedule", "design", "-o", "out.png", "--force"]) == 0
    assert (place / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("kind", ["pipe", "link", "dangling"])
def test_no_pipe_and_no_link_is_replaced(place, capsys, case, kind):
    command = FILES[case].format("out")
    file = place / command.split()[-1]
    if kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("thesis" if kind == "link" else "nothing")
    before = file.lstat()
    refused(capsys, f"{command} --force", file.name, "pipe" if kind == "pipe" else "symbolic link")
    assert file.lstat().st_ino == before.st_ino
    assert (place / "thesis").read_text() == "precious"


def test_a_device_node_stays(place, capsys):
    before = os.stat("/dev/null")
    command = "simulate design --input x.npy --engine myhdl --vcd /dev/null --force"
    refused(capsys, command, "is a device")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert os.stat("/dev/null").st_ino == before.st_ino


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("simulate design --input x.npy --engine myhdl --vcd x.npy --force", "is the input"),
        ("simulate design --input x.npy --engine myhdl --vcd hard.npy --force", "is the input"),
        ("simulate design --input x.npy -o design/run", "lies in the input"),
        ("simulate design/design.toml --input x.npy -o design/run", "lies in the input"),
        ("simulate inner/design --input x.npy -o inner --force", "holds the input"),
        ("simulate design --input x.npy --engine myhdl -o run --vcd run", "given twice"),
        ("convert design -o design --force", "is the input"),
        ("explore hardware design --device xc7z020 -o a --table a/t.json", "lies in the output"),
        ("train design -o design/lstm", "lies in the input"),
    ],
)
def test_outputs_and_inputs_in_each_others_way(place, capsys, command, part):
    shutil.copytree(place / "design", place / "inner" / "design")
    os.link(place / "x.npy", place / "hard.npy")
    before = contents(place)
    refused(capsys, command, part)
    assert contents(place) == before


def test_every_path_of_the_command_is_an_input_or_an_output():
    """A new option with a file or folder must be classified, or it is not protected."""
    paths = {
        "F",
        "FILE",
        "DIR",
        "FOLDER",
        "RUN",
        "CORPUS",
        "DESIGN",
        "MODEL",
        "TIMIT",
        "X",
        "XY",
        "DATA",
    }
    numbers = {"clock_mhz", "min_fps", "features", "weight", "scale"}
    seen = set()

    def walk(parser):
        for action in parser._actions:
            if action.choices and hasattr(action.choices, "values"):
                for child in action.choices.values():
                    walk(child)
            elif action.metavar in paths and action.type is None and action.dest not in numbers:
                seen.add(action.dest)

    walk(build_parser())
    assert {"design", "input", "output", "vcd", "model", "store", "reference"} <= seen
    assert seen <= {*INPUTS, *OUTPUTS}


def test_files_have_the_rights_of_the_umask(place):
    before = os.umask(0o027)
    try:
        save_design(new_design(4, 6, block=2, lanes=2), place / "mine")
        assert main(["simulate", "design", "--input", "x.npy", "-o", "run"]) == 0
        assert main(["export", "design", "-o", "model.safetensors"]) == 0
    finally:
        os.umask(before)
    made = [place / "mine", place / "run", place / "model.safetensors"]
    everything = [*made, *(p for m in made[:2] for p in m.rglob("*"))]
    assert len(everything) > 10
    for path in everything:
        assert stat.S_IMODE(path.stat().st_mode) == (0o750 if path.is_dir() else 0o640), path


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "inside"),
        OSError("128 requested and 0 written"),
        RuntimeError('IoError(Os { code: 28, message: "No space left on device" })'),
    ],
)
def test_full_disk_is_named(place, capsys, monkeypatch, error):
    from ernn_myhdl.runs import run

    def full(*arguments, **options):
        raise error

    monkeypatch.setattr(run.np, "save", full)
    before = contents(place)
    refused(capsys, "simulate design --input x.npy -o deep/run", "deep/run", "the disk is full")
    assert contents(place) == before and not (place / "deep").exists()


def test_full_disk_in_another_process(tmp_path, monkeypatch):
    from ernn_myhdl.processes.child_process import run_python

    module = "import sys\nraise OSError(28, 'No space left on device', 'there')\n"
    (tmp_path / "full_disk.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OSError, match="there") as caught:
        run_python("full_disk", [], "conversion failed")
    assert caught.value.errno == errno.ENOSPC


def test_other_faults_of_a_disk_keep_their_words(place, capsys, monkeypatch):
    from ernn_myhdl.runs import run

    def fault(*arguments, **options):
        raise OSError(errno.EIO, "Input/output error", "inside")

    monkeypatch.setattr(run.np, "save", fault)
    refused(capsys, "simulate design --input x.npy -o run", "Input/output error; check the path")
