"""Vanilla RNNs of PyTorch and ONNX: state dicts, modules, nodes, states before the first frame, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tools import require_module

from ernn_myhdl import DesignError, LinearCell, RnnCell, export_model, import_model, new_network
from ernn_myhdl.golden.network_models import float_model

INPUTS, HIDDEN, OUTPUTS = 4, 6, 3
X = np.random.default_rng(0).normal(size=(9, INPUTS))
activations = pytest.mark.parametrize("activation", ["tanh", "relu"])


def torch_module():
    return require_module("torch", "pip install 'ernn-myhdl[torch]'")


def tensors(layers: int = 1, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    arrays = {}
    for i in range(layers):
        columns = HIDDEN if i else INPUTS
        arrays |= {
            f"rnn.weight_ih_l{i}": rng.normal(0, 0.4, (HIDDEN, columns)),
            f"rnn.weight_hh_l{i}": rng.normal(0, 0.3, (HIDDEN, HIDDEN)),
            f"rnn.bias_ih_l{i}": rng.normal(0, 0.2, HIDDEN),
            f"rnn.bias_hh_l{i}": rng.normal(0, 0.2, HIDDEN),
        }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def written_out(arrays, x, activation: str, layers: int, h=None) -> np.ndarray:
    """The recurrence in float64, frame by frame."""
    act = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}[activation]
    for i in range(layers):
        w, u, b, c = (
            arrays[f"rnn.{n}_l{i}"].astype(np.float64)
            for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        y, made = np.zeros(HIDDEN) if h is None else h[i], []
        for frame in x:
            y = act(w @ frame + b + u @ y + c)
            made.append(y)
        x = np.array(made)
    return x


@activations
@pytest.mark.parametrize("layers", [1, 3])
def test_a_state_dict_by_hand(tmp_path, activation, layers):
    arrays = tensors(layers)
    save_file(arrays, tmp_path / "m.safetensors")
    imported = import_model(tmp_path / "m.safetensors", calibration=[X], activation=activation)
    cells = [d.cell for d in imported.design.layers]
    sizes = [INPUTS] + [HIDDEN] * (layers - 1)
    assert cells == [RnnCell(n, HIDDEN, 1, activation) for n in sizes]
    expected = written_out(arrays, X, activation, layers)
    assert np.abs(float_model(imported.design).run(X) - expected).max() < 1e-6


def test_the_activation_that_a_state_dict_does_not_tell(tmp_path):
    save_file(tensors(), tmp_path / "m.safetensors")
    with pytest.raises(DesignError, match=r"'rnn' is an RNN.*tanh or relu.*--activation"):
        import_model(tmp_path / "m.safetensors", calibration=[X])
    with pytest.raises(DesignError, match="activation = 'sigmoid': must be tanh or relu"):
        import_model(tmp_path / "m.safetensors", calibration=[X], activation="sigmoid")
    save_file(
        {"head.weight": np.ones((2, 4), np.float32), "head.bias": np.ones(2, np.float32)},
        tmp_path / "l.safetensors",
    )
    with pytest.raises(DesignError, match="--activation relu: the model has no vanilla RNN"):
        import_model(tmp_path / "l.safetensors", calibration=[X], activation="relu")


def test_a_wrong_activation_is_found_by_the_reference(tmp_path):
    arrays = tensors()
    save_file(arrays, tmp_path / "m.safetensors")
    reference = {"x": X, "y": written_out(arrays, X, "relu", 1)}
    good = import_model(
        tmp_path / "m.safetensors", calibration=[X], activation="relu", reference=reference
    )
    assert good.checked
    with pytest.raises(DesignError, match="largest difference"):
        import_model(
            tmp_path / "m.safetensors", calibration=[X], activation="tanh", reference=reference
        )


def test_both_directions_of_an_rnn_are_refused_by_name(tmp_path):
    arrays = tensors()
    both = arrays | {f"{n}_reverse": a for n, a in tensors(seed=2).items()}
    save_file(both, tmp_path / "m.safetensors")
    with pytest.raises(DesignError, match="bidirectional"):
        import_model(tmp_path / "m.safetensors", calibration=[X], activation="tanh")
    half = import_model(
        tmp_path / "m.safetensors", calibration=[X], activation="tanh", direction="backward"
    )
    assert half.design.cell == RnnCell(INPUTS, HIDDEN, 1, "tanh")


@pytest.mark.parametrize("suffix", [".safetensors", pytest.param(".onnx", marks=pytest.mark.onnx)])
@activations
def test_what_is_exported_comes_back(tmp_path, suffix, activation):
    if suffix == ".onnx":
        require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    cells = [
        RnnCell(INPUTS, HIDDEN, 2, activation), RnnCell(HIDDEN, HIDDEN, 2, activation),
        LinearCell(HIDDEN, OUTPUTS, 1),
    ]  # fmt: skip
    network = new_network(cells)
    export_model(network, tmp_path / f"m{suffix}")
    back = import_model(tmp_path / f"m{suffix}", calibration=[X])
    assert [d.cell for d in back.design.layers] == cells
    for ours, theirs in zip(network.layers, back.design.layers, strict=True):
        for name, array in ours.weights.items():
            assert np.array_equal(np.asarray(array), np.asarray(theirs.weights[name])), name
    if suffix == ".safetensors":  # both layers in one nn.RNN
        assert {"rnn.weight_ih_l0", "rnn.weight_ih_l1"} <= set(
            load_file(tmp_path / "m.safetensors")
        )


@pytest.mark.torch
@activations
@pytest.mark.parametrize("layers", [1, 2])
def test_a_module_of_torch_and_its_state_dict(tmp_path, activation, layers):
    torch = torch_module()
    torch.manual_seed(0)
    module = torch.nn.RNN(INPUTS, HIDDEN, layers, nonlinearity=activation, bias=layers > 1)
    torch.save(module.state_dict(), tmp_path / "m.pt")
    imported = import_model(tmp_path / "m.pt", calibration=[X], word=16, activation=activation)
    with torch.no_grad():
        expected = module(torch.tensor(X, dtype=torch.float32))[0].numpy()
    assert np.abs(float_model(imported.design).run(X) - expected).max() < 1e-6
    assert np.abs(imported.design.run(X, "integer").outputs - expected).max() < 1e-3
    export_model(imported.design, tmp_path / "e.safetensors")
    again = torch.nn.RNN(INPUTS, HIDDEN, layers, nonlinearity=activation)
    again.load_state_dict(
        {
            n.removeprefix("rnn."): torch.tensor(a)
            for n, a in load_file(tmp_path / "e.safetensors").items()
        }
    )
    with torch.no_grad():
        assert torch.allclose(
            again(torch.tensor(X, dtype=torch.float32))[0], torch.tensor(expected)
        )


def node(
    onnx, activation: str | None, h=None, layout: int = 0, direction: str = "forward", clip=None
):
    """A graph of one RNN node."""
    arrays = tensors()
    real, helper = onnx.TensorProto.FLOAT, onnx.helper
    initializers = {
        "W": arrays["rnn.weight_ih_l0"][None],
        "R": arrays["rnn.weight_hh_l0"][None],
        "B": np.concatenate([arrays["rnn.bias_ih_l0"], arrays["rnn.bias_hh_l0"]])[None],
    }
    if h is not None:
        initializers["h"] = np.asarray(h, np.float32).reshape((1, 1, HIDDEN))
    attributes = {"hidden_size": HIDDEN, "direction": direction, "layout": layout}
    if activation:
        attributes["activations"] = [activation]
    if clip:
        attributes["clip"] = clip
    made = helper.make_node(
        "RNN", ["x", "W", "R", "B", "", "h" if h is not None else ""], ["y"], "cell", **attributes
    )
    axes = ["batch", "frames", INPUTS] if layout else ["frames", "batch", INPUTS]
    graph = helper.make_graph(
        [made], "g",
        [helper.make_tensor_value_info("x", real, axes)],
        [helper.make_tensor_value_info("y", real, None)],
        [onnx.numpy_helper.from_array(a, n) for n, a in initializers.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.onnx
@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("activation", [None, "Tanh", "Relu"])
def test_a_node_of_onnx_by_hand(tmp_path, activation, layout):
    onnx = require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    h = np.linspace(-0.5, 0.5, HIDDEN)
    onnx.save(node(onnx, activation, h, layout), tmp_path / "m.onnx")
    imported = import_model(tmp_path / "m.onnx", calibration=[X], word=16)
    act = (activation or "Tanh").lower()
    assert imported.design.cell == RnnCell(INPUTS, HIDDEN, 1, act)
    assert imported.design.hardware.initial_states  # the model has one
    (state,) = imported.initial_states
    np.testing.assert_array_equal(state["output"], h.astype(np.float32))
    expected = written_out(tensors(), X, act, 1, [h.astype(np.float32)])
    run = imported.design.run(X, "integer", initial=state)
    assert np.abs(run.outputs - expected).max() < 1e-3


@pytest.mark.onnx
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"activation": "Affine"}, "activation Affine: must be Tanh or Relu"),
        ({"activation": "Sigmoid"}, "activation Sigmoid: must be Tanh or Relu"),
        ({"activation": "Tanh", "direction": "reverse"}, "direction 'reverse' is not supported"),
        ({"activation": "Tanh", "clip": 3.0}, "attribute clip = 3.0 is not supported"),
    ],
)
def test_a_node_that_no_cell_is_is_refused(tmp_path, changes, said):
    onnx = require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    onnx.save(node(onnx, **changes), tmp_path / "m.onnx")
    with pytest.raises(DesignError, match=said):
        import_model(tmp_path / "m.onnx", calibration=[X])


@pytest.mark.torch
@pytest.mark.onnx
@pytest.mark.filterwarnings("ignore")
@activations
def test_what_torch_writes_as_onnx(tmp_path, activation):
    torch = torch_module()
    require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    torch.manual_seed(0)
    module = torch.nn.RNN(INPUTS, HIDDEN, 2, nonlinearity=activation, batch_first=True).eval()
    x = torch.tensor(X, dtype=torch.float32)[None]
    torch.onnx.export(module, (x,), tmp_path / "m.onnx", dynamo=False)
    imported = import_model(tmp_path / "m.onnx", calibration=[X])
    with torch.no_grad():
        expected = module(x)[0][0].numpy()
    assert [d.cell.activation for d in imported.design.layers] == [activation] * 2
    assert np.abs(float_model(imported.design).run(X) - expected).max() < 1e-6


@pytest.mark.torch
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_source_in_a_design_folder_keeps_its_activation(tmp_path, activation):
    """A compressed RNN with relu was evaluated against a source with tanh."""
    from ernn_myhdl import import_module, load_design, save_design

    torch = torch_module()
    imported = import_module(
        torch.nn.RNN(4, 6, nonlinearity=activation), torch.zeros(3, 1, 4), block=2
    )
    save_design(imported.design, tmp_path / "design")
    source = load_design(tmp_path / "design").source
    assert not source.exact
    assert [layer.activation for layer in source.layers] == [activation]
