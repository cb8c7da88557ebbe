"""Models that take the frames of a sequence together: PyTorch modules, their ONNX, and Keras files, as joins over time."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from foreign_models import onnx_module
from tools import require_module

from ernn_myhdl import DesignError, export_model, import_model
from ernn_myhdl.exchange.torch_module import import_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
nn = torch.nn
pytestmark = pytest.mark.torch


class Net(nn.Module):
    """A forward of its own on a few layers."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 5, batch_first=True)
        self.gru = nn.GRU(5, 4, batch_first=True)
        self.head, self.wide = nn.Linear(5, 2), nn.Linear(10, 2)
        self.made = forward

    def forward(self, x):
        return self.made(self, x)


def mean_and_last(m, x):
    y = m.lstm(x)[0]
    return m.head(y.mean(1)), m.gru(y)[0][:, -1]


def all_and_last(m, x):
    y = m.lstm(x)[0]
    return m.gru(y)[0], m.head(y)[:, -1]


def all_and_mean(m, x):
    y = m.lstm(x)[0]
    return m.gru(y)[0], m.head(y.mean(1))


#: Forward, and the joins that it becomes.
MODELS = {
    "last frame": (lambda m, x: m.head(m.lstm(x)[0][:, -1]), ["last"]),
    "last slice": (lambda m, x: m.head(m.lstm(x)[0][:, -1:, :]), ["last"]),
    "state": (lambda m, x: m.head(m.lstm(x)[1][0][-1]), ["last"]),
    "maximum": (lambda m, x: m.head(m.lstm(x)[0].amax(1)), ["maximum"]),
    "maximum with places": (lambda m, x: m.lstm(x)[0].max(1)[0], ["maximum"]),
    "mean": (lambda m, x: m.head(m.lstm(x)[0].mean(1)), ["mean"]),
    "adaptive mean": (
        lambda m, x: m.head(nn.functional.adaptive_avg_pool1d(m.lstm(x)[0].transpose(1, 2), 1).squeeze(-1)), ["mean"],
    ),
    "adaptive maximum": (
        lambda m, x: m.head(nn.AdaptiveMaxPool1d(1)(m.lstm(x)[0].transpose(1, 2)).flatten(1)), ["maximum"],
    ),
    "kernel of all frames": (
        lambda m, x: m.head(nn.AvgPool1d(7)(m.lstm(x)[0].transpose(1, 2)).squeeze(-1)), ["mean"],
    ),
    "maximum by a kernel": (
        lambda m, x: m.head(nn.MaxPool1d(7)(m.lstm(x)[0].transpose(1, 2)).squeeze(-1)), ["maximum"],
    ),
    "sum": (lambda m, x: m.lstm(x)[0].sum(dim=1), ["sum"]),
    "autoencoder": (
        lambda m, x: m.gru(m.lstm(x)[0][:, -1].unsqueeze(1).repeat(1, 6, 1))[0], ["last", "repeat"],
    ),
    "expanded": (
        lambda m, x: m.gru(m.lstm(x)[1][0][-1].unsqueeze(1).expand(-1, 6, -1))[0], ["last", "repeat"],
    ),
    "both": (
        lambda m, x: m.wide(torch.cat([m.lstm(x)[0].amax(1), m.lstm(x)[0][:, -1]], -1)),
        ["maximum", "last", "concatenation"],
    ),
}  # fmt: skip


def check(imported, net, kinds) -> None:
    torch.manual_seed(2)
    x = torch.randn(2, 7, 3)
    run = imported.design.run(list(x.numpy()), engine="integer")
    with torch.no_grad():
        wanted = net(x).numpy().reshape(run.outputs.shape)
    assert np.abs(run.outputs - wanted).max() < 2e-2
    assert [join.kind for join in imported.design.graph.joins] == kinds


@pytest.mark.parametrize("case", MODELS)
def test_a_module_keeps_what_it_does_over_frames(case):
    forward, kinds = MODELS[case]
    torch.manual_seed(1)
    net = Net(forward).eval()
    check(import_module(net, torch.randn(2, 7, 3)), net, kinds)


@pytest.mark.parametrize(
    "case, dynamo",
    [
        *((case, False) for case in ("state", "mean", "adaptive mean", "adaptive maximum", "kernel of all frames", "autoencoder", "both")),
        ("adaptive mean", True), ("adaptive maximum", True),
    ],
)  # fmt: skip
def test_onnx_keeps_what_it_does_over_frames(case, dynamo, tmp_path):
    onnx_module()
    if dynamo:
        require_module("onnxscript", "pip install onnxscript")
    forward, kinds = MODELS[case]
    torch.manual_seed(1)
    net, file = Net(forward).eval(), tmp_path / "m.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (torch.randn(2, 7, 3),), str(file), dynamo=dynamo, input_names=["x"], verbose=False
        )
    check(import_model(file), net, kinds)


POOLS_OF_PARTS = {
    "output size 2, parts of a sequence": nn.AdaptiveAvgPool1d(2),
    "output size 3, parts of a sequence; may only take the maximum": nn.AdaptiveMaxPool1d(3),
    "takes 2 of 7 frames at a time": nn.AvgPool1d(2),
    "takes 6 of 7 frames at a time": nn.MaxPool1d(6),
    "pads the ends": nn.AvgPool1d(7, padding=1),
    "takes 4 of 7 frames": nn.MaxPool1d(4, dilation=2),
}


@pytest.mark.parametrize("words", POOLS_OF_PARTS)
def test_a_pool_of_some_frames_is_refused_by_name(words):
    net = Net(lambda m, x: m.pool(m.lstm(x)[0].transpose(1, 2)).transpose(1, 2))
    net.pool = POOLS_OF_PARTS[words]
    with pytest.raises(DesignError, match=rf"node 'pool'.*{words}"):
        import_module(net.eval(), torch.randn(2, 7, 3))


def test_a_pool_over_elements_is_no_pool_over_frames():
    net = Net(lambda m, x: nn.functional.adaptive_avg_pool1d(m.lstm(x)[0], 1)).eval()
    with pytest.raises(DesignError, match="is over elements of a frame"):
        import_module(net, torch.randn(2, 7, 3))


def test_a_maximum_by_a_kernel_says_that_the_core_takes_all_frames():
    net = Net(MODELS["maximum by a kernel"][0]).eval()
    notes = " ".join(import_module(net, torch.randn(2, 7, 3)).notes)
    assert "its kernel holds all 7 frames" in notes


def test_the_user_decides_about_last_frames_and_means():
    torch.manual_seed(1)
    net, x = Net(MODELS["last frame"][0]).eval(), torch.randn(2, 7, 3)
    every = import_module(net, x, all_frames=True)
    assert every.design.graph is None and len(every.design.run(np.zeros((4, 3))).raw) == 4
    net = Net(lambda m, x: m.head(m.lstm(x)[0]).mean(1)).eval()
    summed = import_module(net, x, max_frames=20)
    assert [join.kind for join in summed.design.graph.joins] == ["sum"]
    given = np.random.default_rng(3).normal(size=(9, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = net(torch.tensor(given[None])).numpy()
    assert np.abs(summed.design.run(given, engine="integer").outputs - wanted).max() < 2e-2


@pytest.mark.parametrize("case", ["last frame", "maximum", "mean", "autoencoder"])
def test_exported_rows_come_back_the_same(case, tmp_path):
    onnx_module()
    torch.manual_seed(1)
    imported = import_module(Net(MODELS[case][0]).eval(), torch.randn(2, 7, 3))
    export_model(imported.design, tmp_path / "m.onnx")
    again = import_model(tmp_path / "m.onnx")
    x = np.random.default_rng(1).normal(size=(7, 3))
    assert [j.kind for j in again.design.graph.joins] == [
        j.kind for j in imported.design.graph.joins
    ]
    assert np.array_equal(
        imported.design.run(x, engine="integer").raw, again.design.run(x, engine="integer").raw
    )
    with pytest.raises(DesignError, match="state dict cannot say"):
        export_model(imported.design, tmp_path / "m.safetensors")


def test_keras_layers_over_frames_become_joins(tmp_path):
    """The configuration that Keras writes, without its weights: what its layers are lowered to."""
    from ernn_myhdl.exchange.graph import Input, Node, Output
    from ernn_myhdl.exchange.keras_layers import KerasLayer, operations
    from ernn_myhdl.exchange.lowering import lower

    rng = np.random.default_rng(0)
    dense = [rng.normal(size=(3, 4)), np.zeros(4)]
    config = json.loads('{"units": 4, "use_bias": true, "activation": "linear"}')
    node = Node(Input(3), (), "input")
    for kind, own, arrays in (
        ("Dense", config, dense), ("GlobalAveragePooling1D", {}, []), ("RepeatVector", {"n": 5}, []), ("GlobalMaxPooling1D", {}, []),
    ):  # fmt: skip
        layer = KerasLayer(kind, kind, own, arrays, 4 if arrays == [] else 3, "3.0", 8)
        for operation in operations(layer):
            node = Node(operation, (node,), layer.where)
    lowered = lower([Output(node, "y")])
    assert [(j.kind, j.frames) for j in lowered.graph.joins] == [
        ("mean", 8),
        ("repeat", 5),
        ("maximum", 0),
    ]


def test_two_outputs_of_one_frame_each_are_of_the_core():
    torch.manual_seed(1)
    net = Net(mean_and_last).eval()
    design = import_module(net, torch.randn(1, 7, 3), word=16).design
    x = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = torch.cat(net(torch.tensor(x[None])), -1).numpy()
    run = design.run(x, engine="integer")
    assert run.raw.shape == (1, 6) and np.abs(run.outputs - wanted).max() < 1e-3
    assert [j.kind for j in design.graph.joins] == ["mean", "last", "concatenation"]


def test_a_last_frame_beside_all_frames_is_taken_by_the_host():
    torch.manual_seed(1)
    net = Net(all_and_last).eval()
    imported = import_module(net, torch.randn(1, 7, 3), word=16)
    x = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    with torch.no_grad():
        every, last = (y[0].numpy() for y in net(torch.tensor(x[None])))
    y = imported.design.run(x, engine="integer").outputs
    assert np.abs(y[:, :4] - every).max() < 1e-3 and np.abs(y[-1, 4:] - last).max() < 1e-3
    assert "'head_1' is of the last frame" in " ".join(imported.notes)


def test_a_mean_beside_all_frames_is_refused_by_name():
    net = Net(all_and_mean).eval()
    with pytest.raises(
        DesignError,
        match="'head_0' has all frames, 'head_1' has one frame of a sequence.*two models",
    ):
        import_module(net, torch.randn(1, 7, 3))


@pytest.mark.parametrize("how", ["topk", "max"])
def test_the_number_of_the_largest_element_is_the_hosts(how):
    torch.manual_seed(1)
    ways = {"topk": lambda y: y.topk(1, dim=-1)[1], "max": lambda y: y.max(-1)[1].unsqueeze(-1)}
    net = Net(lambda m, x: ways[how](m.lstm(x)[0])).eval()
    design = import_module(net, torch.randn(1, 7, 3), word=16).design
    assert [step.kind for step in design.host_steps] == ["argmax"]
    x = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = net(torch.tensor(x[None]))[0].numpy()
    assert np.array_equal(design.run(x, engine="integer").outputs, wanted)
