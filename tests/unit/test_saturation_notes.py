"""Saturation that costs accuracy is told: by the tensor, with its share, wherever a design runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from ernn_myhdl import new_design, save_design
from ernn_myhdl.calibration.saturation import saturated_tensors, saturation_notes
from ernn_myhdl.cli.main import main
from ernn_myhdl.numerics.formats import Format


@pytest.fixture(scope="module")
def gru():
    return new_design(4, 8, cell="gru", block=2, lanes=4, initial_states=True)


def test_shares_are_of_the_elements_of_the_layer(gru):
    """A count of one element in a thousand is left out, one more is told; padding is no element."""
    narrow = new_design(3, 6, block=4)  # six of eight elements of c
    assert saturated_tensors(narrow, {"cell_state": 6, "gate_spectra": 0}, 1000) == {}
    assert saturated_tensors(narrow, {"cell_state": 7}, 1000) == {"cell_state": (7, 6000)}
    (note,) = saturation_notes(narrow, {"cell_state": 60}, 100)
    assert note.startswith("WARNING: 10 % of cell_state (60 of 600 elements) saturate; ")


def test_preactivations_where_gates_are_flat_are_no_warning():
    lstm = new_design(3, 6, block=4)
    wide = replace(lstm, formats=replace(lstm.formats, preactivation=Format(16, 10)))
    (note,) = saturation_notes(wide, {"preactivations": 500}, 10)
    assert "where sigmoid and tanh are flat" in note and not note.startswith("WARNING")
    narrow = replace(lstm, formats=replace(lstm.formats, preactivation=Format(16, 13)))
    (note,) = saturation_notes(narrow, {"preactivations": 500}, 10)
    assert note.startswith("WARNING: ")


@pytest.mark.parametrize("engine", ["golden", "integer", "myhdl"])
def test_states_beyond_the_formats_are_told_by_every_engine(gru, tmp_path, capsys, engine):
    """States up to 4 in a GRU whose h holds 1 made errors of 3.0 without a word."""
    save_design(gru, tmp_path / "d")
    state = np.zeros(8, dtype=np.float32)
    state[:3] = 4.0, -2.5, 0.5
    save_file({"layer_0.cell_state": state}, tmp_path / "s.safetensors")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(3, 4)))
    command = ["simulate", str(tmp_path / "d"), "--input", str(tmp_path / "x.npy")]
    command += ["--initial-states", str(tmp_path / "s.safetensors"), "--engine", engine]
    assert main(command) == 0
    printed = capsys.readouterr().out
    said = "WARNING: initial states: 2 of 8 values of cell_state are beyond its format Q1.15, by up to 3"
    assert said in printed
    assert "WARNING: 8.33 % of cell_state (2 of 24 elements)" in printed
    assert main([*command, "--json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert sum(n.startswith("WARNING: ") for n in notes) == 2


def test_states_within_the_formats_say_nothing(gru):
    x = np.random.default_rng(0).normal(size=(3, 4))
    state = {"cell_state": np.linspace(-1, 0.99, 8)}
    assert not [n for n in gru.run(x, "integer", initial=state).notes if "WARNING" in n]


def test_inputs_beyond_the_calibrated_ones_are_told(gru):
    x = 1000.0 * np.ones((5, 4))
    note = gru.run(x, "integer").notes[0]
    assert note.startswith("WARNING: 100 % of input (20 of 20 elements)")


def test_new_says_which_initial_states_its_formats_hold(tmp_path, capsys):
    command = ["new", "--cell", "gru", "--inputs", "4", "--hidden", "8", "-o"]
    assert main([*command, str(tmp_path / "a"), "--initial-states"]) == 0
    said = "note: initial states beyond these saturate: cell_state -1 to 1"
    assert said in capsys.readouterr().out
    assert main([*command, str(tmp_path / "b")]) == 0
    assert "initial states" not in capsys.readouterr().out


def test_ranges_of_info_start_from_the_states_of_the_folder(gru, tmp_path, capsys):
    save_design(gru, tmp_path / "d")
    command = ["info", str(tmp_path / "d"), "--ranges", "--json"]
    largest = []
    for _ in range(2):
        assert main(command) == 0
        rows = json.loads(capsys.readouterr().out)["ranges"]
        (row,) = (r for r in rows if r["tensor"] == "cell_state")
        largest.append(row["maximum"])
        state = np.full(8, 3.5, dtype=np.float32)
        save_file({"layer_0.cell_state": state}, tmp_path / "d" / "initial_states.safetensors")
    assert largest[0] < 1.0
    assert largest[1] == 3.5
