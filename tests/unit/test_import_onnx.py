"""Imported ONNX models: the float reference equals the ONNX reference evaluator.

The evaluator has peepholes, initial states, both layouts and both resets. It ignores `activations`,
`sequence_lens` and `clip`: a sigmoid candidate is compared with our own dense reference instead.
"""

import warnings

import numpy as np
import pytest
from foreign_models import (
    design_outputs,
    float_outputs,
    onnx_model,
    onnx_module,
    onnx_outputs,
    recurrent_model,
    torch_module,
    torch_net,
    torch_outputs,
)
from seeds import seed_of
from tools import require_module

from ernn_myhdl.design.storage import load_design
from ernn_myhdl.exchange.frames_out import FramesOut
from ernn_myhdl.exchange.importing import import_model, save_imported
from ernn_myhdl.exchange.source import read_source
from ernn_myhdl.golden.float_cells import logistic

pytestmark = pytest.mark.onnx


def x_of(inputs, frames=6, batch=2, seed=0):
    return np.random.default_rng(seed).standard_normal((frames, batch, inputs)).astype(np.float32)


def saved(model, folder):
    onnx_module().save(model, folder / "model.onnx")
    return folder / "model.onnx"


def optional(seed, kind):
    """Some of the optional inputs of a node."""
    names = ["B", "initial_h"] + (["initial_c", "P"] if kind == "LSTM" else [])
    return [n for n in names if np.random.default_rng([seed, seed_of(n)]).integers(2)]


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("head", [0, 3])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("kind", "options"),
    [("LSTM", {}), ("GRU", {"linear_before_reset": 0}), ("GRU", {"linear_before_reset": 1})],
)
def test_nodes(tmp_path, kind, options, seed, head, layout):
    rng = np.random.default_rng(seed)
    model = recurrent_model(
        kind, 4, int(rng.integers(1, 9)), head, seed=seed, layout=layout, without=optional(seed, kind),
        **options,
    )  # fmt: skip
    layers = read_source(saved(model, tmp_path)).layers
    assert [layer.kind for layer in layers] == [kind.lower(), "linear"][: 1 + bool(head)]
    if kind == "GRU":
        assert layers[0].reset == ("after" if options["linear_before_reset"] else "before")
    x = x_of(4)
    expected = onnx_outputs(model, x.swapaxes(0, 1) if layout else x)
    expected = expected.swapaxes(0, 1) if layout else expected
    assert np.abs(float_outputs(layers, x) - expected).max() < 1e-5


def test_initial_states_are_kept(tmp_path):
    model = recurrent_model("LSTM", 4, 6, 3)
    imported = import_model(saved(model, tmp_path), block=1, lanes=1)
    (note,) = (note for note in imported.notes if "initial_states.safetensors" in note)
    assert "every run, session and host starts its sequences from them" in note
    folder = save_imported(imported, tmp_path / "design")
    design = load_design(folder)
    states = [layer.initial for layer in design.layers]
    assert set(states[0]) == {"output", "cell_state"}
    assert states[1] is None
    x = x_of(4)
    assert np.abs(design_outputs(design, x, states) - onnx_outputs(model, x)).max() < 1e-5


def test_without_initial_states_there_is_no_file(tmp_path):
    model = recurrent_model("GRU", 4, 6, without=["initial_h"])
    imported = import_model(saved(model, tmp_path), block=1, lanes=1)
    assert imported.initial_states == [None]
    folder = save_imported(imported, tmp_path / "design")
    assert {p.name for p in folder.iterdir()} == {
        ".ernn.json", "design.toml", "source.safetensors", "weights.safetensors",
    }  # fmt: skip
    assert load_design(folder).initial is None


@pytest.mark.parametrize("names", [["Sigmoid", "Sigmoid", "Tanh"], ["sigmoid", "tanh", "tanh"]])
def test_activations(tmp_path, names):
    model = recurrent_model("LSTM", 4, 5, activations=names, without=["initial_h", "initial_c"])
    layer = read_source(saved(model, tmp_path)).layers[0]
    assert layer.g_activation == names[1].lower()
    w, x = layer.weights, x_of(4)
    h, c, outputs = np.zeros((2, 5)), np.zeros((2, 5)), []
    candidate = np.tanh if names[1] == "tanh" else logistic
    for frame in x:
        z = np.einsum("ghx,bx->gbh", w["input_weight"], frame) + w["bias"][:, None]
        z += np.einsum("ghy,by->gbh", w["recurrent_weight"], h)
        i, f = (logistic(z[n] + w["peephole"][n] * c) for n in (0, 1))
        c = f * c + i * candidate(z[2])
        h = logistic(z[3] + w["peephole"][2] * c) * np.tanh(c)
        outputs.append(h)
    assert np.abs(float_outputs([layer], x) - np.stack(outputs)).max() < 1e-5


def test_state_of_the_last_frame(tmp_path):
    """Y_h as the output: the core gives the last frame alone, or with all_frames every one."""
    onnx = onnx_module()
    model = recurrent_model("GRU", 4, 6)
    model.graph.node[0].output.append("last")
    model.graph.node.append(onnx.helper.make_node("Squeeze", ["last", "first"], ["state"], "state"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "first"))
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("state", 1, None))
    source = read_source(saved(model, tmp_path))
    assert [join.kind for join in source.graph.joins] == ["last"]
    every = read_source(saved(model, tmp_path), frames_out=FramesOut(all_frames=True))
    assert every.graph is None and any("of the last frame" in note for note in every.notes)
    x = x_of(4)
    assert np.abs(float_outputs(source.layers, x)[-1] - onnx_outputs(model, x)).max() < 1e-5


def test_gemm_behind_a_reshape(tmp_path):
    make = onnx_module().helper.make_node
    rng = np.random.default_rng(0)
    model = recurrent_model("GRU", 4, 6)
    nodes = [
        *model.graph.node,
        make("Reshape", ["y", "flat"], ["rows"], "flatten"),
        make("Gemm", ["rows", "w", "b"], ["sums"], "gemm", transB=1, alpha=0.5, beta=2.0),
        make("Reshape", ["sums", "back"], ["z"], "back"),
    ]
    constants = {i.name: onnx_module().numpy_helper.to_array(i) for i in model.graph.initializer}
    constants |= {
        "w": rng.standard_normal((3, 6)).astype(np.float32),
        "b": rng.standard_normal(3).astype(np.float32),
        "flat": np.array([-1, 6]),
        "back": np.array([6, 2, 3]),
    }
    model = onnx_model(nodes, {"x": (6, 2, 4)}, ["z"], constants)
    layers = read_source(saved(model, tmp_path)).layers
    x = x_of(4)
    assert np.abs(float_outputs(layers, x) - onnx_outputs(model, x)).max() < 1e-5


def test_sequence_lengths_that_are_all_one(tmp_path):
    onnx = onnx_module()
    model = recurrent_model("GRU", 4, 6, input_shape=(6, 2, 4))
    model.graph.node[0].input[4] = "lengths"
    lengths = onnx.numpy_helper.from_array(np.array([6, 6], dtype=np.int32), "lengths")
    model.graph.initializer.append(lengths)
    source = read_source(saved(model, tmp_path))
    assert any("sequence_lens" in note for note in source.notes)


# what torch.onnx.export makes

CASES = (
    "stacked", "batch first", "alone", "no batch", "learned state", "last frame", "last state",
)  # fmt: skip


def nets():
    torch = torch_module()
    torch.manual_seed(0)

    class LastFrame(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gru, self.head = torch.nn.GRU(4, 6, batch_first=True), torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.head(self.gru(x)[0][:, -1])

    class LastState(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = torch.nn.LSTM(4, 6, 2), torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.head(self.lstm(x)[1][0][-1])

    class LearnedState(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = torch.nn.LSTM(4, 6), torch.nn.Linear(6, 3)
            self.h, self.c = (torch.nn.Parameter(torch.randn(1, 1, 6)) for _ in "hc")

        def forward(self, x):
            state = [s.expand(-1, x.shape[1], -1).contiguous() for s in (self.h, self.c)]
            return self.head(self.lstm(x, state)[0])

    two = torch_net(torch.nn.LSTM(4, 6, 2), torch.nn.GRU(6, 5), head=torch.nn.Linear(5, 3))
    return {
        "stacked": (two, 0),
        "batch first": (
            torch_net(torch.nn.LSTM(4, 6, 2, batch_first=True), head=torch.nn.Linear(6, 2)), 1,
        ),
        "alone": (torch.nn.GRU(4, 6, bias=False).eval(), 0),
        "no batch": (torch_net(torch.nn.GRU(4, 6, 2), head=torch.nn.Linear(6, 3)), None),
        "learned state": (LearnedState().eval(), 0),
        "last frame": (LastFrame().eval(), 1),
        "last state": (LastState().eval(), 0),
    }  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("dynamic", [False, True], ids=["fixed", "dynamic"])
@pytest.mark.parametrize("exporter", ["script", "dynamo"])
@pytest.mark.parametrize("case", CASES)
def test_models_that_torch_exports(tmp_path, case, exporter, dynamic):
    onnx_module()
    torch = torch_module()
    if exporter == "dynamo":
        require_module("onnxscript", "pip install onnxscript")
    net, batch_axis = nets()[case]
    x = x_of(4, batch=2 if batch_axis is not None else 1)
    given = torch.tensor(x.swapaxes(0, 1).copy() if batch_axis else x)
    given = given[:, 0] if batch_axis is None else given
    shapes = {}
    if dynamic and exporter == "script":
        axes = {i: f"axis{i}" for i in range(given.ndim - 1)}
        shapes = {"input_names": ["x"], "dynamic_axes": {"x": axes}}
    elif dynamic:
        auto = torch.export.Dim.AUTO
        names = {"alone": "input"}
        shapes = {
            "dynamic_shapes": {names.get(case, "x"): dict.fromkeys(range(given.ndim - 1), auto)}
        }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (given,), str(tmp_path / "m.onnx"), dynamo=exporter == "dynamo", **shapes,
            **({"verbose": False} if exporter == "dynamo" else {}),
        )  # fmt: skip
    source = read_source(tmp_path / "m.onnx")
    expected = torch_outputs(net, given)
    outputs = float_outputs(source.layers, x)
    outputs = outputs[:, 0] if batch_axis is None else outputs
    if case.startswith("last"):
        outputs = outputs[-1]
    elif batch_axis:
        outputs = outputs.swapaxes(0, 1)
    assert np.abs(outputs - expected).max() < 1e-5
