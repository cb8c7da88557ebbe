"""Initial states that users give: files, the Python API, run folders, imported models; what is refused."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from safetensors.numpy import save_file
from state_model import random_states

from ernn_myhdl.calibration.generate import new_design, new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.design.design import Design
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.storage import load_design, save_design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.importing import import_model, save_imported
from ernn_myhdl.runs.check import check_run
from ernn_myhdl.runs.run import load_run
from ernn_myhdl.streams.state_file import STATES_NAME, read_initial_states


@cache
def lstm_design():
    return new_design(4, 6, 5, 2, lanes=2, streams=2, initial_states=True)


@cache
def network_design():
    return new_network(
        [GruCell(4, 6, 2), LstmCell(6, 5, block=2), LinearCell(5, 3, 1)],
        lanes=2,
        initial_states=True,
    )


RNG = np.random.default_rng(1)
X = [RNG.standard_normal((n, 4)) for n in (2, 1, 3)]


def tensors(design, count: int | None = None) -> dict[str, np.ndarray]:
    """Tensors of a file: one state for all sequences, or one for each of `count`."""
    rng, shape = np.random.default_rng(2), () if count is None else (count,)
    made = {}
    for i, layer in enumerate(design.layers):
        if layer.cell.recurrent:
            made[f"layer_{i}.cell_state"] = rng.uniform(-1, 1, (*shape, layer.cell.hidden))
        if layer.cell.kind == "lstm":
            made[f"layer_{i}.output"] = rng.uniform(-1, 1, (*shape, layer.cell.outputs))
    return made


@pytest.fixture
def folder(tmp_path):
    """A folder with the designs `lstm`, `network` and `plain`, and the input x.npz."""
    save_design(lstm_design(), tmp_path / "lstm")
    save_design(network_design(), tmp_path / "network")
    save_design(lstm_design().with_hardware(initial_states=False), tmp_path / "plain")
    np.savez(tmp_path / "x.npz", *X)
    return tmp_path


def simulate(folder, name: str, *options: str) -> int:
    x = str(folder / "x.npz")
    return main(["simulate", str(folder / name), "--input", x, *options])


@pytest.mark.parametrize("name", ["lstm", "network"])
@pytest.mark.parametrize("count", [None, 3])
def test_a_file_of_states(folder, name, count, capsys):
    design = load_design(folder / name)
    assert design.stream_shape.initial_states
    file, run = folder / "states.safetensors", folder / "run"
    save_file(tensors(design, count), file)
    options = ["--initial-states", str(file), "--engine", "integer", "--check", "-o", str(run)]
    assert simulate(folder, name, *options) == 0
    assert f"initial states from {file}" in capsys.readouterr().out
    loaded = load_run(run)
    states = read_initial_states(file, design, 3)
    expected = design.run(X, "integer", initial=states)
    assert np.array_equal(loaded.raw, expected.raw)
    assert not np.array_equal(loaded.raw, design.run(X, "integer").raw)
    assert check_run(loaded) is None


def test_a_run_keeps_which_sequences_start_from_a_state(tmp_path):
    states = random_states(lstm_design(), 3, 4, share=1)
    states[1] = None
    run = lstm_design().run(X, "integer", initial=states, frames=3)
    run.save(tmp_path / "run")
    loaded = load_run(tmp_path / "run")
    assert [state is None for state in loaded.initial] == [False, True]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["loaded_sequences"] == [0]
    assert check_run(loaded) is None
    loaded.initial[0] = None
    assert check_run(loaded) is not None


def test_the_states_of_an_imported_model_are_the_default(tmp_path, capsys):
    save_file({k: v.astype(np.float32) for k, v in tensors(lstm_design()).items()}, tmp_path / "s")
    for name, design in (
        ("lstm", lstm_design()),
        ("plain", lstm_design().with_hardware(initial_states=False)),
    ):
        save_design(design, tmp_path / name)
        (tmp_path / name / STATES_NAME).write_bytes((tmp_path / "s").read_bytes())
    np.savez(tmp_path / "x.npz", *X)
    outputs = []
    for name, *options in (("lstm",), ("lstm", "--no-initial-states"), ("plain",)):
        run = tmp_path / f"run{len(outputs)}"
        assert simulate(tmp_path, name, "--engine", "integer", "-o", str(run), *options) == 0
        outputs.append(load_run(run).raw)
    assert np.array_equal(outputs[1], outputs[2]) and not np.array_equal(outputs[0], outputs[1])
    assert f"{STATES_NAME} of the folder is not used" in capsys.readouterr().out


def test_an_import_makes_a_core_that_can_load_them(tmp_path, monkeypatch):
    """Where the model has initial states, or where it is asked for."""
    from dataclasses import replace

    from ernn_myhdl.exchange import importing

    weights = {
        "weight_ih_l0": RNG.standard_normal((18, 4)), "weight_hh_l0": RNG.standard_normal((18, 6)),
        "bias_ih_l0": np.zeros(18), "bias_hh_l0": np.zeros(18),
    }  # fmt: skip
    save_file({f"gru.{k}": v for k, v in weights.items()}, tmp_path / "m.safetensors")
    read = importing.read_source
    assert not import_model(tmp_path / "m.safetensors").design.hardware.initial_states
    asked = import_model(tmp_path / "m.safetensors", initial_states=True)
    assert asked.design.hardware.initial_states

    def with_state(*arguments):
        source = read(*arguments)
        layers = tuple(replace(d, initial={"cell_state": np.ones(6)}) for d in source.layers)
        return replace(source, layers=layers)

    monkeypatch.setattr(importing, "read_source", with_state)
    imported = import_model(tmp_path / "m.safetensors")
    assert imported.design.hardware.initial_states
    folder = save_imported(imported, tmp_path / "design")
    (state,) = read_initial_states(folder / STATES_NAME, load_design(folder), 1)
    assert np.array_equal(state["cell_state"], np.ones(6))
    off = import_model(tmp_path / "m.safetensors", initial_states=False)
    assert not off.design.hardware.initial_states
    assert any("starts every sequence from zero" in note for note in off.notes)


def changed(design, **changes):
    made = {k.replace("__", "."): v for k, v in changes.items()}
    return {k: v for k, v in (tensors(design) | made).items() if v is not None}


BAD = {
    "layer": (
        {"layer_7__cell_state": np.zeros(6)},
        "tensor 'layer_7.cell_state': must be of layer_0",
    ),
    "name": ({"state": np.zeros(6)}, "tensor 'state': must be of layer_0, such as"),
    "part": ({"layer_0__h": np.zeros(6)}, "layer_0: has cell_state, h, output; a lstm layer needs"),
    "missing": ({"layer_0__output": None}, "layer_0: has cell_state; a lstm layer needs output"),
    "size": ({"layer_0__output": np.zeros(6)}, r"output: shape (6,), must be (5,), or (3, 5)"),
    "count": ({"layer_0__output": np.zeros((2, 5))}, "shape (2, 5), must be (5,), or (3, 5)"),
    "nan": ({"layer_0__cell_state": np.full(6, np.nan)}, "cell_state: holds NaN or infinity"),
    "type": ({"layer_0__cell_state": np.zeros(6, np.int64)}, "has type I64, must be float64"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_a_line(folder, case, capsys):
    changes, message = BAD[case]
    save_file(changed(lstm_design(), **changes), folder / "bad.safetensors")
    options = ["--initial-states", str(folder / "bad.safetensors"), "-o", str(folder / "run")]
    assert simulate(folder, "lstm", *options) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert not (folder / "run").exists()


def test_a_file_that_is_none_is_refused(folder, capsys):
    (folder / "text").write_text("no tensors")
    for name, message in (("text", "initial states"), ("nothing", "does not exist")):
        assert simulate(folder, "lstm", "--initial-states", str(folder / name)) == 2
        error = capsys.readouterr().err
        assert message in error and len(error.splitlines()) == 1


def test_designs_without_the_option_refuse_states(folder, capsys):
    save_file(tensors(lstm_design()), folder / "s.safetensors")
    options = ["--initial-states", str(folder / "s.safetensors")]
    assert simulate(folder, "plain", *options) == 2
    assert "hardware initial_states = false" in capsys.readouterr().err
    plain = lstm_design().with_hardware(initial_states=False)
    for engine in ("golden", "integer", "myhdl"):
        with pytest.raises(DesignError, match="initial_states = false"):
            plain.run(X, engine, initial=random_states(lstm_design(), 3, 1))


def test_states_that_are_none_of_the_layers_are_refused():
    (state,) = random_states(lstm_design(), 1, 1, share=1)
    layers = random_states(network_design(), 1, 1, share=1)[0]
    large = state | {"output": np.full(5, 99999)}
    for design, x, initial, message in (
        (lstm_design(), X, [state], "initial states: 1, must be a list of one for each of 3"),
        (lstm_design(), X[0], [state], "is list, must be a dictionary"),
        (
            lstm_design(),
            X,
            [None, large, None],
            "sequence 1 initial state output: raw words from 99999",
        ),
        (network_design(), X[0], state, "must be a list of one for each of 3 layers"),
        (
            network_design(),
            X[0],
            [layers[0], layers[0], None],
            "layer_1 initial state: has 'cell_state'",
        ),
        (
            network_design(),
            X[0],
            [*layers[:2], layers[0]],
            "layer_2 initial state: a linear layer has no",
        ),
    ):
        with pytest.raises(DesignError, match=message):
            design.run(x, "integer", initial=initial)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_the_option_is_true_or_false(value):
    with pytest.raises(DesignError, match="hardware initial_states = .*: must be true or false"):
        lstm_design().with_hardware(initial_states=value)


def test_states_must_fit_the_samples():
    wide = new_design(4, 6, block=2, lanes=2, state_word=20)
    assert wide.hardware.sample_bits == 16
    with pytest.raises(DesignError, match="at least the 20 bits of the cell_state format"):
        wide.with_hardware(initial_states=True)
    fits = new_design(4, 6, block=2, lanes=2, state_word=20, initial_states=True)
    assert fits.hardware.sample_bits == 32


def test_layers_with_and_without_the_option_are_no_network():
    first = network_design().layers[0].with_hardware(initial_states=False)
    with pytest.raises(
        DesignError, match="streams and beats .*, but layer 1 takes .*initial states"
    ):
        Network((first, *network_design().layers[1:]))


def test_designs_of_earlier_versions_load(tmp_path):
    save_design(lstm_design().with_hardware(initial_states=False), tmp_path / "d")
    file = tmp_path / "d" / "design.toml"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if "initial_states" not in line))
    loaded = load_design(tmp_path / "d")
    assert isinstance(loaded, Design) and not loaded.hardware.initial_states
