"""States behind the last frames of a run: a sequence cut in two gives the bits of the whole one."""

import numpy as np
import pytest
from safetensors.numpy import load_file
from state_model import random_states

from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell, RnnCell
from ernn_myhdl.design.storage import save_design
from ernn_myhdl.runs import final_states
from ernn_myhdl.runs.run import load_run
from ernn_myhdl.streams.state_file import FINAL_NAME, read_initial_states

NETWORKS = {
    "lstm": [LstmCell(4, 6, projection=5, block=2)],
    "gru": [GruCell(4, 6, 2, reset="before")],
    "rnn": [RnnCell(4, 6, 2)],
    "network": [GruCell(4, 6, 2), LstmCell(6, 5, block=1), LinearCell(5, 3, 1)],
}
X = [np.random.default_rng(i).standard_normal((n, 4)) for i, n in enumerate((6, 5, 9))]


def design_of(name: str, initial_states: bool = True):
    return new_network(NETWORKS[name], lanes=2, initial_states=initial_states)


@pytest.mark.parametrize("engine", ["integer", "golden"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_run_that_goes_on_gives_the_bits_of_the_whole_one(name, engine, tmp_path):
    """Through the file, after a start from states of their own."""
    design = design_of(name)
    before = random_states(design, 3, 7)
    whole = design.run(X, engine, initial=before)
    design.run([x[:4] for x in X], engine, initial=before).save(tmp_path / "first")
    states = read_initial_states(tmp_path / "first" / FINAL_NAME, design, 3)
    second = design.run([x[4:] for x in X], engine, initial=states)
    ends = np.cumsum([len(x) for x in X])
    parts = [raw[4:] for raw in np.split(whole.raw, ends[:-1])]
    assert np.array_equal(second.raw, np.concatenate(parts))
    assert not np.array_equal(second.raw, design.run([x[4:] for x in X], engine).raw)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_run_without_named_tensors_has_the_same_states(name, monkeypatch):
    """The integer model gives them, some frames at a time."""
    monkeypatch.setattr(final_states, "FRAMES_AT_A_TIME", 4)
    design = design_of(name)
    before = random_states(design, 3, 8)
    told = design.run(X, "integer", initial=before)
    asked = design.run(X, "integer", initial=before, stages=False)
    assert told.stages and not asked.stages
    for one, other in zip(told.final_states(), asked.final_states(), strict=True):
        for layer, same in zip(one, other, strict=True):
            assert (layer is None) == (same is None)
            assert all(np.array_equal(same[n], a) for n, a in (layer or {}).items())


def test_the_command_goes_on_where_another_run_has_ended(tmp_path, capsys):
    save_design(design_of("network"), tmp_path / "design")
    x = X[2]
    for name, part in {"whole": x, "first": x[:5], "second": x[5:]}.items():
        np.save(tmp_path / f"{name}.npy", part)
    options = {"second": ["--initial-states", str(tmp_path / "run_first" / FINAL_NAME)]}
    for name in ("whole", "first", "second"):
        command = ["simulate", str(tmp_path / "design"), "--input", str(tmp_path / f"{name}.npy")]
        command += ["--engine", "integer", "--no-stages", "-o", str(tmp_path / f"run_{name}")]
        assert main([*command, *options.get(name, [])]) == 0
    capsys.readouterr()
    runs = {n: load_run(tmp_path / f"run_{n}") for n in ("whole", "first", "second")}
    assert np.array_equal(runs["whole"].raw[5:], runs["second"].raw)
    ends = [load_file(tmp_path / f"run_{n}" / FINAL_NAME) for n in ("whole", "second")]
    assert ends[0].keys() == ends[1].keys() == {"layer_0.cell_state", "layer_1.cell_state", "layer_1.output"}  # fmt: skip
    assert all(np.array_equal(ends[0][n], ends[1][n]) for n in ends[0])


def test_a_linear_layer_has_no_states(tmp_path):
    design = new_network([LinearCell(4, 3, 1)], lanes=1)
    design.run(X, "integer").save(tmp_path / "run")
    assert not (tmp_path / "run" / FINAL_NAME).exists()
