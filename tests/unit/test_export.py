"""Exported designs: the same weights after an import, the same outputs in torch and in ONNX."""

import json

import numpy as np
import pytest
from foreign_models import design_outputs, onnx_module, onnx_outputs, torch_module
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from ernn_myhdl import load_design, new_design, save_design
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.design.dense import dense_layer
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.exporting import export_model
from ernn_myhdl.exchange.importing import import_model

LAYERS = {
    "lstm": [LstmCell(4, 6, block=2)],
    "padded": [LstmCell(5, 6, block=4)],
    "dense": [LstmCell(5, 6, block=1)],
    "projection": [LstmCell(5, 9, 3, block=4)],
    "peepholes": [LstmCell(5, 6, block=2, peepholes=True)],
    "projection and peepholes": [LstmCell(6, 12, 5, block=4, peepholes=True)],
    "gru before": [GruCell(5, 6, block=4)],
    "gru after": [GruCell(5, 6, block=4, reset="after")],
    "linear": [LinearCell(5, 3, block=4)],
    "stack": [LstmCell(5, 6, block=4), LstmCell(6, 6, block=2), LinearCell(6, 3, block=1)],
    "kinds": [
        GruCell(5, 6, block=4), LstmCell(6, 9, 4, block=4), GruCell(4, 4, block=2, reset="after"),
        LinearCell(4, 3, block=2),
    ],
}  # fmt: skip


def make(case, seed=1):
    cells = LAYERS[case]
    if len(cells) > 1:
        return new_network(cells, seed, lanes=1)
    from ernn_myhdl.calibration.build import build_design
    from ernn_myhdl.calibration.generate import random_calibration
    from ernn_myhdl.calibration.random_weights import random_weights

    weights = random_weights(cells[0], seed)
    return build_design(cells[0], weights, random_calibration(cells[0].inputs, seed))


def x_of(inputs, frames=6, batch=2):
    return np.random.default_rng(0).standard_normal((frames, batch, inputs)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".safetensors", pytest.param(".onnx", marks=pytest.mark.onnx)])
@pytest.mark.parametrize("case", LAYERS)
def test_import_gives_the_same_weights(tmp_path, case, suffix):
    if suffix == ".onnx":
        onnx_module()
    design = make(case)
    export_model(design, tmp_path / f"m{suffix}")
    imported = import_model(tmp_path / f"m{suffix}", lanes=1)
    assert [d.cell for d in imported.design.layers] == [d.cell for d in design.layers]
    for i, (layer, again) in enumerate(zip(design.layers, imported.design.layers, strict=True)):
        ours, theirs = dense_layer(layer, f"{i}").weights, dense_layer(again, f"{i}").weights
        assert set(ours) == set(theirs)
        for name, array in ours.items():
            assert np.array_equal(theirs[name], array), name
    assert not any(error for errors in imported.errors for error in errors.values())
    export_model(imported.design, tmp_path / f"again{suffix}")
    assert (tmp_path / f"again{suffix}").read_bytes() == (tmp_path / f"m{suffix}").read_bytes()
    x = x_of(design.inputs)
    assert np.abs(design_outputs(imported.design, x) - design_outputs(design, x)).max() < 1e-12


def test_full_blocks_keep_every_stored_number(tmp_path):
    """Others lose those that multiply nothing but padding: they are in no dense matrix."""
    design = make("lstm")
    export_model(design, tmp_path / "m.safetensors")
    again = import_model(tmp_path / "m.safetensors", lanes=1).design
    for name, array in design.weights.items():
        assert np.array_equal(again.weights[name], array), name


@pytest.mark.onnx
@pytest.mark.parametrize("case", LAYERS)
def test_onnx_outputs_equal_the_float_reference(tmp_path, case):
    onnx = onnx_module()
    design = make(case)
    export_model(design, tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(model, full_check=True)
    x = x_of(design.inputs)
    assert np.abs(onnx_outputs(model, x) - design_outputs(design, x)).max() < 1e-5


@pytest.mark.torch
@pytest.mark.parametrize(
    ("case", "modules"),
    [
        ("lstm", {"lstm": ("LSTM", 4, 6)}),
        ("projection", {"lstm": ("LSTM", 5, 9, {"proj_size": 3})}),
        ("gru after", {"gru": ("GRU", 5, 6)}),
        ("linear", {"linear": ("Linear", 5, 3)}),
        ("stack", {"lstm_0": ("LSTM", 5, 6), "lstm_1": ("LSTM", 6, 6), "head": ("Linear", 6, 3)}),
    ],
)
def test_torch_loads_and_computes_the_same(tmp_path, case, modules):
    """The two LSTMs of the stack differ in nothing that PyTorch sees, so one module holds both."""
    torch = torch_module()
    design = make(case)
    assert export_model(design, tmp_path / "m.safetensors") == []
    if case == "stack":
        modules = {"lstm": ("LSTM", 5, 6, {"num_layers": 2}), "head": ("Linear", 6, 3)}
    net = torch.nn.ModuleDict(
        {
            name: getattr(torch.nn, kind)(*sizes[:2], **(sizes[2] if len(sizes) > 2 else {}))
            for name, (kind, *sizes) in modules.items()
        }
    )
    tensors = load_file(tmp_path / "m.safetensors")
    net.load_state_dict({n: torch.tensor(a) for n, a in tensors.items()})
    x = x_of(design.inputs)
    y = torch.tensor(x)
    import warnings

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in net.values():
            y = module(y)
            y = y[0] if isinstance(y, tuple) else y
    assert np.abs(y.numpy() - design_outputs(design, x)).max() < 1e-5


@pytest.mark.parametrize("case", ["gru before", "peepholes"])
def test_what_pytorch_does_not_have_is_told(tmp_path, case):
    (note,) = export_model(make(case), tmp_path / "m.safetensors")
    assert ".onnx" in note
    assert ("reset before" if case == "gru before" else "peephole") in note
    with safe_open(tmp_path / "m.safetensors", framework="np") as file:
        assert json.loads(file.metadata()["ernn"])["notes"] == [note]


@pytest.mark.onnx
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_sigmoid_candidates(tmp_path, kind):
    """The reference evaluator ignores `activations`, so only the attribute and the import are looked at."""
    onnx = onnx_module()
    design = new_design(4, 6, block=2, g_activation="sigmoid", cell=kind)
    for suffix in ("safetensors", "onnx"):
        export_model(design, tmp_path / f"m.{suffix}")
        again = import_model(tmp_path / f"m.{suffix}", lanes=1).design
        assert again.cell == design.cell
    node = onnx.load(tmp_path / "m.onnx").graph.node[0]
    names = {a.name: a for a in node.attribute}["activations"].strings
    assert names == (
        [b"Sigmoid", b"Sigmoid", b"Tanh"] if kind == "lstm" else [b"Sigmoid", b"Sigmoid"]
    )


def test_weights_of_float64_are_rounded_and_it_is_told(tmp_path):
    from dataclasses import replace

    design = make("lstm")
    weights = {n: a.astype(np.float64) + 1e-12 for n, a in design.weights.items()}
    (note,) = export_model(replace(design, weights=weights), tmp_path / "m.safetensors")
    assert "float64" in note


@pytest.mark.parametrize(
    "text",
    ["no json", "[]", '{"blocks": 8}', '{"blocks": [3]}', '{"order": [1]}', '{"modules": {"lstm": 3}}',
     '{"modules": {"lstm": {"reset": "never"}}}', '{"modules": {"lstm": {"colour": "red"}}}'],
)  # fmt: skip
def test_damaged_descriptions_are_refused(tmp_path, text):
    export_model(make("lstm"), tmp_path / "m.safetensors")
    save_file(load_file(tmp_path / "m.safetensors"), tmp_path / "bad.safetensors", {"ernn": text})
    with pytest.raises(DesignError, match="bad.safetensors: metadata 'ernn' is damaged"):
        import_model(tmp_path / "bad.safetensors")


# the command


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_design(make("stack"), tmp_path / "net")
    return tmp_path


def test_commands_there_and_back(place, capsys):
    assert main(["export", "net", "-o", "m.safetensors", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == load_design("net").digest
    assert main(["import", "m.safetensors", "-o", "again", "--lanes", "1", "--name", "second"]) == 0
    out = capsys.readouterr().out
    for part in (
        "lstm.0 (lstm 5 -> 6)",
        "blocks of 4",
        "recurrent_weight",
        "--calibration",
        "wrote again",
    ):
        assert part in out
    again = load_design("again")
    assert again.name == "second"
    assert [d.cell for d in again.layers] == [d.cell for d in load_design("net").layers]


def test_import_as_json(place, capsys):
    np.savez(place / "x.npz", a=x_of(5)[:, 0], b=x_of(5)[:, 1])
    assert main(["export", "net", "-o", "m.safetensors"]) == 0
    capsys.readouterr()
    command = (
        "import m.safetensors -o new --block 2 --calibration x.npz --word 16 --lanes 2,3,1 --json"
    )
    assert main(command.split()) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == load_design("new").digest
    assert [row["kind"] for row in told["layers"]] == ["lstm", "lstm", "linear"]
    assert [row["lanes"] for row in told["layers"]] == [2, 3, 1]
    assert [row["block"] for row in told["layers"]] == [2, 2, 2]
    assert all(set(row["errors"]) <= {"input_weight", "recurrent_weight"} for row in told["layers"])
    assert any("retrain" in note for note in told["notes"])
    assert not any("--calibration" in note for note in told["notes"])
    first = load_design("new").layers[0]
    assert (first.formats.output.word, first.formats.cell_state.word) == (16, 20)


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("export net -o m.pt", ".safetensors or .onnx"),
        ("export net -o folder.onnx", "is a folder"),
        ("export none -o m.safetensors", "no such folder"),
        ("export net -o taken.safetensors", "exists"),
    ],
)
def test_exports_that_are_refused(place, capsys, command, part):
    (place / "folder.onnx").mkdir()
    (place / "taken.safetensors").write_text("kept")
    before = sorted(place.rglob("*"))
    assert main(command.split()) == 2
    assert part in capsys.readouterr().err
    assert sorted(place.rglob("*")) == before
    assert (place / "taken.safetensors").read_text() == "kept"


def test_export_replaces_with_force(place):
    (place / "taken.safetensors").write_text("old")
    assert main(["export", "net", "-o", "taken.safetensors", "--force"]) == 0
    assert "lstm.weight_ih_l0" in load_file("taken.safetensors")


def test_export_without_onnx(place, capsys, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", "net", "-o", "m.onnx"]) == 3
    assert "pip install 'ernn-myhdl[onnx]'" in capsys.readouterr().err
    assert not list(place.glob("*.onnx"))


def test_initial_states_that_a_file_cannot_hold_are_told(tmp_path, capsys):
    """The exported model starts from zero, where the design starts from the states of its folder."""
    design = new_design(3, 4, cell="gru", block=2, lanes=2, initial_states=True)
    save_design(design, tmp_path / "d")
    for states, said in ((False, False), (True, True)):
        if states:
            state = {"layer_0.cell_state": np.ones(4, dtype=np.float32)}
            save_file(state, tmp_path / "d" / "initial_states.safetensors")
        out = tmp_path / f"m{states}.safetensors"
        assert main(["export", str(tmp_path / "d"), "-o", str(out)]) == 0
        text = capsys.readouterr().out
        assert ("WARNING: the initial states of layer_0 are not part of the file" in text) == said
