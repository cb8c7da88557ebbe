"""Imports that are compared with outputs of the model; what a state dict cannot tell is refused by its own name."""

import json

import numpy as np
import pytest
from foreign_models import (
    lstm_tensors,
    onnx_module,
    onnx_outputs,
    recurrent_model,
    refuse,
    save_torch,
    torch_module,
    torch_net,
    torch_outputs,
    zeros,
)
from safetensors.numpy import save_file

from ernn_myhdl.cli.main import main
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.importing import import_model


def random(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


def save_pairs(folder, net, x, **changes):
    """x.npz of sequences (frames, batch, inputs) and of what a net gives for them."""
    y = torch_outputs(net, x)
    arrays = {f"{a}{i}": v[:, i] for i in range(x.shape[1]) for a, v in (("x", x), ("y", y))}
    np.savez(folder / "xy.npz", **arrays | changes)
    return folder / "xy.npz"


@pytest.fixture
def net():
    torch = torch_module()
    torch.manual_seed(0)
    return torch_net(torch.nn.LSTM(4, 6), torch.nn.GRU(6, 6), head=torch.nn.Linear(6, 3))


@pytest.mark.torch
def test_an_import_that_was_compared_says_so_first(tmp_path, capsys, net):
    file = save_torch(net, tmp_path / "m.pt")
    pairs = save_pairs(tmp_path, net, random(9, 3, 4))
    command = ["import", str(file), "--reference", str(pairs), "-o", str(tmp_path / "d")]
    assert main(command) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("checked: ") and "(27 frames)" in first
    assert main([*command[:-1], str(tmp_path / "j"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["checked"] is True and told["reference"]["largest_error_of_span"] < 1e-6


@pytest.mark.torch
def test_an_import_that_was_not_compared_says_so_first(tmp_path, capsys, net):
    file = save_torch(net, tmp_path / "m.safetensors")
    command = ["import", str(file), "--order", "rnn0,rnn1,head", "-o", str(tmp_path / "d")]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("unchecked: ")
    assert main([*command[:-1], str(tmp_path / "j"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["checked"] is False and told["reference"] is None
    assert import_model(file, order=["rnn0", "rnn1", "head"]).notes[0].startswith("unchecked: ")


@pytest.mark.torch
@pytest.mark.parametrize("function", ["relu", "tanh", "sigmoid"])
def test_a_function_between_the_modules_is_refused(tmp_path, capsys, net, function):
    torch = torch_module()
    net.rnn1.register_forward_pre_hook(lambda _, given: getattr(torch, function)(given[0]))
    file = save_torch(net, tmp_path / "m.pt")
    pairs = save_pairs(tmp_path, net, random(9, 2, 4))
    command = ["import", str(file), "--reference", str(pairs), "-o", str(tmp_path / "d")]
    refuse(
        tmp_path, capsys, command, "xy.npz: y0 of frame", "of the span", "a function between them"
    )


@pytest.mark.torch
def test_the_last_frame_alone_is_compared(tmp_path, net):
    file = save_torch(net, tmp_path / "m.pt")
    x = random(9, 1, 4)
    y = torch_outputs(net, x)[-1, 0]
    assert import_model(file, reference={"x": x[:, 0], "y": y}).checked
    with pytest.raises(DesignError, match="y of frame 8, element 1 is"):
        import_model(file, reference={"x": x[:, 0], "y": y + [0, 0.01, 0]})


@pytest.mark.torch
def test_linear_layers_that_follow_each_other_are_taken_where_they_agree(tmp_path):
    torch = torch_module()
    linear = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Linear(5, 3))
    torch.save(linear.state_dict(), tmp_path / "m.pt")
    x = random(7, 4)
    pair = {"x": x, "y": torch_outputs(linear, x).astype(float)}
    assert import_model(tmp_path / "m.pt", reference=pair).checked
    between = torch.nn.Sequential(linear[0], torch.nn.ReLU(), linear[1])
    with pytest.raises(DesignError, match="a function between them"):
        import_model(tmp_path / "m.pt", reference=pair | {"y": torch_outputs(between, x)})


@pytest.mark.onnx
def test_an_onnx_file_is_compared_too(tmp_path):
    onnx = onnx_module()
    model = recurrent_model(head=3)
    onnx.save(model, tmp_path / "m.onnx")
    x = random(9, 2, 4)
    y = onnx_outputs(model, x)
    pairs = {f"{a}{i}": v[:, i] for i in range(2) for a, v in (("x", x), ("y", y))}
    assert import_model(tmp_path / "m.onnx", reference=pairs).checked
    with pytest.raises(DesignError, match="y1 of frame 0, element 0"):
        import_model(tmp_path / "m.onnx", reference=pairs | {"y1": y[:, 1] * 1.01})


X, Y = random(5, 4), random(5, 6)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({}, "holds nothing, must hold pairs of arrays x and y"),
        ({"x": X}, "'y' is missing"),
        ({"x0": X, "y1": Y}, "'y0' is missing"),
        ({"x": X, "y": Y, "labels": Y}, "holds labels, must hold pairs"),
        ({"x": X[:, :3], "y": Y}, "3 elements a frame, must be 4"),
        ({"x": X, "y": Y[:4]}, "y: shape (4, 6), must be (5, 6)"),
        ({"x": X, "y": Y[:, :5]}, "y: shape (5, 5), must be (5, 6)"),
        ({"x": X, "y": Y[0, :2]}, "y: shape (2,), must be (5, 6)"),
        ({"x": X, "y": Y.astype(int)}, "y: type int64, must be floating point"),
        ({"x": X, "y": Y * np.nan}, "y: holds NaN"),
        ({"x": X[None], "y": Y}, "must be (frames, 4)"),
        (X, "must be an .npz file, or a dictionary"),
    ],
)
def test_references_that_are_none(tmp_path, pairs, message):
    save_file(lstm_tensors(), tmp_path / "m.safetensors")
    with pytest.raises(DesignError) as error:
        import_model(tmp_path / "m.safetensors", reference=pairs)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_reference_that_is_no_file(tmp_path, capsys):
    save_file(lstm_tensors(), tmp_path / "m.safetensors")
    command = ["import", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "out")]
    for name in ("missing.npz", "m.safetensors"):
        refuse(
            tmp_path,
            capsys,
            [*command, "--reference", str(tmp_path / name)],
            name,
            "cannot be read",
        )


# a table of vectors that looks like a linear layer


def test_a_matrix_that_may_be_an_embedding_is_refused(tmp_path, capsys):
    tensors = lstm_tensors(hidden=6, inputs=6) | {"tok.weight": random(9, 6).astype(np.float32)}
    save_file(tensors, tmp_path / "m.safetensors")
    command = ["import", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "out")]
    refuse(
        tmp_path,
        capsys,
        command,
        "module tok",
        "may be an embedding",
        "--order rnn,tok",
        "--reference",
    )
    assert main([*command, "--order", "rnn,tok"]) == 0
    biased = tensors | {"tok.bias": zeros(9)}
    save_file(biased, tmp_path / "b.safetensors")
    assert import_model(tmp_path / "b.safetensors").design.outputs == 9


@pytest.mark.torch
def test_a_table_in_front_of_a_layer_is_refused_by_its_outputs(tmp_path):
    """`tok` 32x16 beside LSTM(16, 16) became LSTM -> linear 16 -> 32."""
    torch = torch_module()
    model = torch.nn.ModuleDict({"tok": torch.nn.Embedding(32, 16), "lstm": torch.nn.LSTM(16, 16)})
    torch.save(model.state_dict(), tmp_path / "m.pt")
    with pytest.raises(DesignError, match="may be an embedding"):
        import_model(tmp_path / "m.pt")
    x = torch.nn.functional.embedding(torch.arange(20), model["tok"].weight)
    y = model["lstm"](x)[0].detach().numpy()
    with pytest.raises(DesignError, match=r"y: shape \(20, 16\), must be \(20, 32\)"):
        import_model(tmp_path / "m.pt", reference={"x": x.detach().numpy(), "y": y})


# tensors of no layer


def modules():
    """Name -> a module beside an LSTM(4, 6), and what the message holds."""
    torch = torch_module()
    nn, utils = torch.nn, torch.nn.utils

    class Buffers(nn.Module):
        def __init__(self, **buffers):
            super().__init__()
            for name, value in buffers.items():
                self.register_buffer(name, value)

    def pruned():
        from torch.nn.utils import prune

        return prune.l1_unstructured(nn.Linear(6, 3), "weight", 3)

    return {
        "batch norm": (nn.BatchNorm1d(6), ["'other'", "BatchNorm", "W diag(s)"]),
        "batch norm 2d": (nn.BatchNorm2d(6, affine=False), ["BatchNorm"]),
        "layer norm": (nn.LayerNorm(6), ["LayerNorm", "neither be folded nor left out"]),
        "group norm": (nn.GroupNorm(2, 6), ["GroupNorm"]),
        "PReLU": (nn.PReLU(), ["PReLU"]),
        "convolution": (nn.Conv1d(4, 4, 3), ["Conv1d"]),
        "convolution of images": (nn.Conv2d(1, 2, 3), ["Conv2d"]),
        "attention": (nn.MultiheadAttention(6, 2), ["MultiheadAttention"]),
        "transformer": (nn.TransformerEncoderLayer(6, 2, 8), ["'other.self_attn'", "MultiheadAttention"]),
        "RNN of unknown activation": (nn.RNN(6, 5), ["'other' is an RNN", "--activation"]),
        "weight norm": (utils.parametrizations.weight_norm(nn.Linear(6, 3)), ["remove_parametrizations(model.other, 'weight')"]),
        "spectral norm": (utils.parametrizations.spectral_norm(nn.Linear(6, 3)), ["remove_parametrizations"]),
        "pruning": (pruned(), ["prune.remove(module, 'weight')"]),
        "mean and deviation": (Buffers(mean=torch.zeros(4), std=torch.ones(4)), ["'other.mean'", "normalisation"]),
        "a scale": (Buffers(input_scale=torch.ones(1)), ["'other.input_scale'", "normalisation"]),
        "an initial state": (Buffers(h0=torch.zeros(1, 1, 6)), ["'other.h0'", "initial state", "ONNX"]),
        "positions": (Buffers(position_ids=torch.arange(5)), ["'other.position_ids'", "no weight"]),
        "a number": (Buffers(step=torch.tensor(5)), ["'other.step'", "no weight"]),
    }  # fmt: skip


NAMES = (
    "batch norm", "batch norm 2d", "layer norm", "group norm", "PReLU", "convolution", "convolution of images",
    "attention", "transformer", "RNN of unknown activation", "weight norm", "spectral norm", "pruning", "mean and deviation", "a scale",
    "an initial state", "positions", "a number",
)  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("name", NAMES)
def test_modules_without_hardware_are_named(tmp_path, name):
    torch = torch_module()
    made, parts = modules()[name]
    net = torch.nn.ModuleDict({"rnn": torch.nn.LSTM(4, 6), "other": made})
    torch.save(net.state_dict(), tmp_path / "m.pt")
    with pytest.raises(DesignError) as error:
        import_model(tmp_path / "m.pt")
    for part in parts:
        assert part in str(error.value)
    for wrong in ("leave out the others", "model.float()", "\n"):
        assert wrong not in str(error.value)


QUANTISED = {
    "Brevitas LSTM": ("lstm.layers.0.0.input_gate_params.input_weight.weight", "Brevitas"),
    "Brevitas bias": ("lstm.layers.0.0.cell_gate_params.bias", "Brevitas"),
    "Brevitas GRU": ("gru.layers.0.0.reset_gate_params.hidden_weight.weight", "Brevitas"),
    "Brevitas linear": (
        "fc.input_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl.value", "Brevitas",
    ),
    "fake quantisation": ("fc.weight_fake_quant.scale", "quantisation-aware training of PyTorch"),
    "observers": ("fc.activation_post_process.min_val", "quantisation-aware training of PyTorch"),
    "integers": ("fc.zero_point", "quantised model"),
    "packed": ("fc._packed_params._packed_params", "quantised model"),
}  # fmt: skip


@pytest.mark.parametrize("case", QUANTISED)
def test_quantised_models_are_named(tmp_path, capsys, case):
    """A Brevitas state dict was said to lack a tensor that no model has."""
    name, part = QUANTISED[case]
    save_file(lstm_tensors() | {name: zeros(1)}, tmp_path / "m.safetensors")
    command = ["import", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "out")]
    refuse(tmp_path, capsys, command, name, part, "float model that it was made from")


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_a_file_of_packed_weights_is_named(tmp_path):
    torch = torch_module()
    net = torch.nn.ModuleDict({"fc": torch.nn.Linear(4, 3)})
    quantised = torch.ao.quantization.quantize_dynamic(net, {torch.nn.Linear}, dtype=torch.qint8)
    torch.save(quantised.state_dict(), tmp_path / "m.pt")
    with pytest.raises(DesignError, match="quantised model, whose weights are integers"):
        import_model(tmp_path / "m.pt")
