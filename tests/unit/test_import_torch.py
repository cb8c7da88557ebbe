"""Imported PyTorch models: the float reference equals torch, the fixed-point model is close to it."""

import numpy as np
import pytest
from foreign_models import (
    design_outputs,
    float_outputs,
    save_torch,
    torch_module,
    torch_net,
    torch_outputs,
)
from safetensors.numpy import save_file

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.importing import import_model
from ernn_myhdl.exchange.source import read_source
from ernn_myhdl.golden.bidirectional import FloatBidirectional
from ernn_myhdl.golden.integer import IntegerModel

pytestmark = pytest.mark.torch


def x_of(inputs, frames=9, batch=3, seed=0):
    return np.random.default_rng(seed).standard_normal((frames, batch, inputs)).astype(np.float32)


def random_net(seed):
    """One to three recurrent modules of one to three layers, perhaps a head; all of random sizes."""
    torch = torch_module()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    size = inputs = int(rng.integers(1, 9))
    modules = []
    for _ in range(rng.integers(1, 4)):
        hidden, depth, bias = (
            int(rng.integers(2, 12)),
            int(rng.integers(1, 4)),
            bool(rng.integers(2)),
        )
        if rng.integers(2):
            projection = int(rng.integers(0, hidden))
            modules.append(torch.nn.LSTM(size, hidden, depth, bias=bias, proj_size=projection))
            size = projection or hidden
        else:
            modules.append(torch.nn.GRU(size, hidden, depth, bias=bias))
            size = hidden
    head = None
    if rng.integers(2):
        head = torch.nn.Linear(size, int(rng.integers(1, 7)), bias=bool(rng.integers(2)))
    return torch_net(*modules, head=head), inputs


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("seed", range(20))
def test_the_float_reference_equals_torch(tmp_path, seed, suffix):
    net, inputs = random_net(seed)
    order = [*net.names, *(["head"] if net.head else [])]
    source = read_source(save_torch(net, tmp_path / f"model{suffix}"), order)
    x = x_of(inputs)
    assert np.abs(float_outputs(source.layers, x) - torch_outputs(net, x)).max() < 1e-5


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("LSTM", {}),
        ("LSTM", {"proj_size": 5}),
        ("LSTM", {"bias": False}),
        ("LSTM", {"num_layers": 2, "proj_size": 3}),
        ("GRU", {}),
        ("GRU", {"bias": False, "num_layers": 3}),
        ("LSTMCell", {}),
        ("GRUCell", {}),
    ],
)
@pytest.mark.parametrize("kept", [1, 4])
def test_modules_alone_become_designs(tmp_path, kind, options, kept):
    """With blocks of 4 the weights are made block-circulant in torch first."""
    torch = torch_module()
    torch.manual_seed(1)
    net = getattr(torch.nn, kind)(6, 10, **options)
    state = net.state_dict()
    file = save_torch(net, tmp_path / "model.safetensors")
    if kept > 1:
        projected = import_model(file, block=kept, lanes=1).design
        from ernn_myhdl.exchange.exporting import export_model

        export_model(projected, tmp_path / "circulant.safetensors")
        from safetensors.torch import load_file

        dense = load_file(tmp_path / "circulant.safetensors")
        found = {n.rpartition(".")[2]: p for n, p in dense.items()}
        cell = kind.endswith("Cell")
        state = {n: found[f"{n}_l0" if cell else n] for n in state}
        net.load_state_dict(state)
        file = save_torch(net, tmp_path / "again.safetensors")
    imported = import_model(file, block=kept, lanes=2)
    assert not any(error for errors in imported.errors for error in errors.values())
    assert len(imported.design.layers) == options.get("num_layers", 1)
    x = x_of(6)
    if kind.endswith("Cell"):
        expected, now = [], None
        with torch.no_grad():
            for frame in torch.tensor(x):
                now = net(frame, now)
                expected.append((now[0] if kind == "LSTMCell" else now).numpy())
        expected = np.stack(expected)
    else:
        expected = torch_outputs(net, x)
    assert np.abs(design_outputs(imported.design, x) - expected).max() < 1e-5


def test_the_worst_of_both_biases(tmp_path):
    """The recurrent bias of a GRU's candidate is inside the reset; all others add up."""
    torch = torch_module()
    torch.manual_seed(3)
    gru = torch.nn.GRU(3, 4)
    with torch.no_grad():
        gru.bias_hh_l0 *= 20
    layer = read_source(save_torch(gru, tmp_path / "gru.pt")).layers[0]
    ih, hh = gru.bias_ih_l0.detach().numpy(), gru.bias_hh_l0.detach().numpy()
    assert np.allclose(layer.weights["bias"].reshape(-1), ih + np.append(hh[:8], np.zeros(4)))
    assert np.array_equal(layer.weights["recurrent_bias"][0], hh[8:])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floating_types(tmp_path, dtype):
    torch = torch_module()
    net = torch.nn.GRU(3, 4).to(getattr(torch, dtype))
    layer = read_source(save_torch(net, tmp_path / "gru.pt")).layers[0]
    expected = net.weight_ih_l0.detach().float().numpy().reshape(3, 4, 3)
    assert np.array_equal(layer.weights["input_weight"], expected)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_checkpoints_of_training_codes(tmp_path, key):
    torch = torch_module()
    net = torch.nn.LSTM(3, 4)
    torch.save({key: net.state_dict(), "epoch": 3, "loss": 0.5}, tmp_path / "checkpoint.pth")
    assert read_source(tmp_path / "checkpoint.pth").layers[0].kind == "lstm"


# order


def state_dict(*modules):
    """Tensors of modules (name, kind, inputs, outputs), in this order."""
    rng = np.random.default_rng(0)
    tensors = {}
    for name, kind, inputs, outputs in modules:
        if kind == "linear":
            tensors[f"{name}.weight"] = rng.standard_normal((outputs, inputs))
            tensors[f"{name}.bias"] = rng.standard_normal(outputs)
        else:
            gates = {"lstm": 4, "gru": 3}[kind]
            tensors[f"{name}.weight_ih_l0"] = rng.standard_normal((gates * outputs, inputs))
            tensors[f"{name}.weight_hh_l0"] = rng.standard_normal((gates * outputs, outputs))
    return tensors


def names(source):
    return [layer.name for layer in source.layers]


def test_modules_are_joined_where_their_sizes_fit(tmp_path):
    file = tmp_path / "m.safetensors"
    save_file(state_dict(("c", "lstm", 3, 5), ("a", "linear", 7, 2), ("b", "gru", 5, 7)), file)
    source = read_source(file)
    assert names(source) == ["c", "b", "a"]
    assert "c (lstm, 3 -> 5) -> b (gru, 5 -> 7) -> a (linear, 7 -> 2)" in source.notes[0]


def test_a_linear_layer_comes_last_where_it_can(tmp_path):
    file = tmp_path / "m.safetensors"
    save_file(state_dict(("a", "linear", 5, 5), ("b", "gru", 5, 5)), file)
    assert names(read_source(file)) == ["b", "a"]
    assert names(read_source(file, ["a", "b"])) == ["a", "b"]
    save_file(state_dict(("a", "linear", 2, 3), ("b", "gru", 3, 5)), file)
    assert names(read_source(file)) == ["a", "b"]


def test_modules_that_fit_in_several_orders(tmp_path):
    torch = torch_module()
    tensors = state_dict(("net.b", "gru", 5, 5), ("net.a", "lstm", 5, 5), ("head", "linear", 5, 2))
    save_file(tensors, tmp_path / "m.safetensors")
    with pytest.raises(DesignError, match="fit in several orders; name the order with --order"):
        read_source(tmp_path / "m.safetensors")
    for order in (["a", "b", "head"], ["net.a", "net.b", "head"], ["lstm", "gru", "linear"]):
        assert names(read_source(tmp_path / "m.safetensors", order)) == ["net.a", "net.b", "head"]
    torch.save({n: torch.tensor(a) for n, a in tensors.items()}, tmp_path / "m.pt")
    assert names(read_source(tmp_path / "m.pt")) == ["net.b", "net.a", "head"]  # the file's order


@pytest.mark.parametrize(
    ("order", "match"),
    [
        (["b", "head"], "leaves out net.a"),
        (["a", "b", "c"], "'c', which is no module"),
        (["a", "b", "head", "a"], "names a module twice"),
        (["head", "a", "b"], "the sizes between them differ"),
    ],
)
def test_orders_that_are_refused(tmp_path, order, match):
    tensors = state_dict(("net.b", "gru", 5, 5), ("net.a", "lstm", 5, 5), ("head", "linear", 5, 2))
    save_file(tensors, tmp_path / "m.safetensors")
    with pytest.raises(DesignError, match=match):
        read_source(tmp_path / "m.safetensors", order)


def test_linear_layers_one_after_the_other(tmp_path):
    """What lies between them is not in the file, and without it they would be one."""
    tensors = state_dict(("rnn", "gru", 3, 5), ("fc1", "linear", 5, 4), ("fc2", "linear", 4, 2))
    save_file(tensors, tmp_path / "m.safetensors")
    with pytest.raises(DesignError, match="does not tell the function between them"):
        read_source(tmp_path / "m.safetensors")
    assert len(read_source(tmp_path / "m.safetensors", ["rnn", "fc1", "fc2"]).layers) == 3


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_halves_of_a_bidirectional_layer(tmp_path, kind):
    """No core computes the whole; each half is a core, and the models join them."""
    torch = torch_module()
    torch.manual_seed(0)
    net = getattr(torch.nn, kind)(4, 6, bidirectional=True)
    file = save_torch(net, tmp_path / "m.safetensors")
    with pytest.raises(DesignError, match="bidirectional layer, which no core computes"):
        read_source(file)
    halves = [
        import_model(file, block=1, lanes=1, direction=direction).design
        for direction in ("forward", "backward")
    ]
    x = x_of(4)
    model = FloatBidirectional(*((half.cell, half.weights) for half in halves))
    outputs = np.stack(model.run([x[:, i] for i in range(x.shape[1])]), axis=1)
    assert np.abs(outputs - torch_outputs(net, x)).max() < 1e-5


# projection


def test_projection_is_the_nearest_and_its_error_is_told(tmp_path):
    torch = torch_module()
    torch.manual_seed(0)
    file = save_torch(torch.nn.LSTM(12, 30), tmp_path / "lstm.pt")
    imported = import_model(file, block=8)
    assert imported.design.cell.block == 8
    assert any("retrain" in note for note in imported.notes)
    dense = imported.layers[0].weights["input_weight"].astype(np.float64)
    from ernn_myhdl.numerics.circulant import expand

    near = expand(imported.design.weights["input_weight"])[:, :30, :12]
    error = np.linalg.norm(dense - near) / np.linalg.norm(dense)
    assert imported.errors[0]["input_weight"] == pytest.approx(error)
    assert 0.85 < error < 0.97  # a random matrix keeps about 1/8 of its square
    exact = import_model(file, block=1)
    assert set(exact.errors[0].values()) == {0.0}
    assert not any("retrain" in note for note in exact.notes)


def test_the_block_size_of_circulant_weights_is_told(tmp_path):
    from ernn_myhdl import new_design
    from ernn_myhdl.exchange.exporting import export_model

    export_model(new_design(16, 16, block=16), tmp_path / "m.safetensors")
    imported = import_model(tmp_path / "m.safetensors", block=8)
    assert any("is block-circulant already, with --block 16" in note for note in imported.notes)
    assert import_model(tmp_path / "m.safetensors").design.cell.block == 16


# fixed point


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize(("word", "most"), [(12, 0.012), (16, 0.0015)])
def test_fixed_point_is_close_to_torch(tmp_path, kind, word, most):
    """Median over seeds of the largest difference over 8 sequences of 20 frames."""
    torch = torch_module()
    differences = []
    for seed in range(5):
        torch.manual_seed(seed)
        net = getattr(torch.nn, kind)(12, 32)
        design = import_model(save_torch(net, tmp_path / "m.pt"), block=1, word=word).design
        assert design.formats.cell_state.word == word + 4
        x = x_of(12, 20, 8, seed)
        runs = IntegerModel(design).run([x[:, i].astype(np.float64) for i in range(8)])
        outputs = np.stack([run.outputs for run in runs], axis=1)
        differences.append(np.abs(outputs - torch_outputs(net, x)).max())
    assert np.median(differences) <= most / 4  # the limits have much room
