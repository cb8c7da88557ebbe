"""The store of `ernn explore hardware --simulate`: what is in it is not simulated again, whatever folder it ran in."""

import json

import pytest

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.storage import load_design, save_design
from ernn_myhdl.explore import simulate
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.hardware import Choices, explore
from ernn_myhdl.synthesis.devices import device_named


class Runs:
    """Counts the simulations in MyHDL; the crash-th is interrupted."""

    def __init__(self, monkeypatch, crash=None):
        self.count, self._run, self._crash = 0, simulate.run_design, crash
        monkeypatch.setattr(simulate, "run_design", self)

    def __call__(self, design, sequences, engine):
        if engine == "myhdl":
            if self.count == self._crash:
                raise KeyboardInterrupt
            self.count += 1
        return self._run(design, sequences, engine)


@pytest.fixture
def folder(tmp_path):
    return save_design(new_design(2, 6, cell="linear", block=1), tmp_path / "layer")


def explored(folder, capsys, *options):
    """Rows of `--simulate 3` with a store."""
    arguments = ["explore", "hardware", str(folder), "--device", "xc7z020", "--jobs=1", "--json"]
    store = ["--simulate=3", f"--store={folder.parent / 'store.jsonl'}", "--lanes=1,2,4"]
    assert main([*arguments, *store, "--streams=1", *options]) == 0
    return json.loads(capsys.readouterr().out)["simulated"]


def test_the_same_command_a_second_time_simulates_nothing(folder, capsys, monkeypatch):
    """The digest of a task held the name of a temporary folder, so that every run began anew."""
    runs = Runs(monkeypatch)
    first = explored(folder, capsys)
    assert runs.count == len(first) >= 2
    assert explored(folder, capsys) == first
    assert runs.count == len(first)


def test_an_interrupted_command_goes_on(folder, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        runs = Runs(patch, crash=1)
        try:
            explored(folder, capsys)
        except (KeyboardInterrupt, AssertionError):
            capsys.readouterr()
        assert runs.count == 1
    runs = Runs(monkeypatch)
    rows = explored(folder, capsys)
    assert runs.count == len(rows) - 1


@pytest.mark.parametrize("what", ["word", "weights", "package"])
def test_what_another_design_or_package_gives_is_simulated(what, folder, capsys, monkeypatch):
    first = explored(folder, capsys)
    options = []
    if what == "word":
        options = ["--words=10"]
    elif what == "weights":  # the designs of the front are called the same
        other = new_design(2, 6, cell="linear", block=1, seed=2)
        save_design(other, folder, force=True)
    else:
        monkeypatch.setattr(simulate, "package_digest", lambda: "another version")
    runs = Runs(monkeypatch)
    rows = explored(folder, capsys, *options)
    assert runs.count == len(rows) >= 2
    if what != "word":
        assert [r["name"] for r in rows] == [r["name"] for r in first]


def test_a_worker_needs_no_folder_of_the_command(folder, capsys, monkeypatch):
    """Tasks named a temporary folder of the machine of the command, which a worker of a cluster may not have."""
    sent = {}

    def elsewhere(function, tasks, *others):
        sent.update(json.loads(json.dumps(tasks)))
        return {name: {"name": name, "equal": True} for name in tasks}

    result = explore(load_design(folder), device_named("xc7z020"), Goal(), Choices(streams=(1,)))
    with monkeypatch.context() as patch:
        patch.setattr(simulate.sweep, "run", elsewhere)
        simulate.simulate_front(result, 2, dask="tcp://elsewhere:8786")
    assert len(sent) == 2
    for name, task in sent.items():  # the folders of the command are gone
        row = simulate.simulate(task)
        assert row["equal"] and row["name"] == name
