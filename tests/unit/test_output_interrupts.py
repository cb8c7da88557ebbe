"""Outputs where a command is interrupted or killed, or another one works in their place."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from ernn_myhdl import DesignError, load_design, new_design, save_design
from ernn_myhdl.files.output_list import LIST_NAME
from ernn_myhdl.files.output_target import only_user


@pytest.fixture(scope="module")
def design():
    return new_design(4, 6, block=2, lanes=2)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("step", ["exchange", "sync", "rmtree"])
def test_old_or_new_output_is_there_wherever_an_interrupt_comes(
    tmp_path, design, monkeypatch, step
):
    """A process that is killed at a step of the replacement; seen by the names that are left."""
    from ernn_myhdl.files import output_folder

    out = save_design(design, tmp_path / "out")

    def killed(*arguments, **options):
        os._exit(9)

    monkeypatch.setattr(output_folder.shutil if step == "rmtree" else output_folder, step, killed)
    child = os.fork()
    if not child:
        save_design(replace(design, name="new"), out, force=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert load_design(out).name == ("new" if step == "rmtree" else design.name)
    monkeypatch.undo()
    for left in tmp_path.glob(".out.partial-*/" + LIST_NAME):
        os.utime(left, (0, 0))
    save_design(replace(design, name="next"), out, force=True)
    assert load_design(out).name == "next"
    assert not [n for n in names(tmp_path) if "partial" in n], "what the killed process left"


def test_interrupt_during_the_renames_comes_behind_them(tmp_path, design, monkeypatch):
    import signal

    from ernn_myhdl.files import output_folder

    out = save_design(design, tmp_path / "out")
    exchange = output_folder.exchange

    def interrupted(*paths):
        signal.raise_signal(signal.SIGINT)
        exchange(*paths)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(output_folder, "exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_design(replace(design, name="new"), out, force=True)
    assert load_design(out).name == "new"
    assert names(tmp_path) == ["out"]


def test_leftovers_of_killed_runs_only(tmp_path, design):
    """A folder of a process that is no more is removed, that of a living one and a foreign one are not."""
    ended = os.fork()
    if not ended:
        os._exit(0)
    os.waitpid(ended, 0)
    import socket

    for name, host, process in (
        (".out.partial-1", socket.gethostname(), ended),
        (".out.partial-2", socket.gethostname(), os.getppid()),
        (".out.partial-3", "elsewhere", ended),
    ):
        (tmp_path / name).mkdir()
        owner = {"format_version": 1, "partial": {"host": host, "process": process}}
        (tmp_path / name / LIST_NAME).write_text(json.dumps(owner))
    (tmp_path / ".out.partial-4").mkdir()
    (tmp_path / ".out.partial-4" / "thesis").write_text("precious")
    save_design(design, tmp_path / "out")
    assert names(tmp_path) == [f".out.partial-{n}" for n in (2, 3, 4)] + ["out"]


def test_folder_that_another_process_is_working_in(tmp_path, design):
    out = save_design(design, tmp_path / "out")
    with only_user(out), pytest.raises(DesignError, match="another process"):
        save_design(design, out, force=True)
    save_design(design, out, force=True)
