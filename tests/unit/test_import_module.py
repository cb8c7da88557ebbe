"""PyTorch modules as designs: order, functions and axes of their forward, loops of cells, states; what is refused."""

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import DesignError, import_module
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.errors import ToolError

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
pytestmark = pytest.mark.torch
nn = torch.nn


class Module(nn.Module):
    """A module of named parts, with a forward of its own."""

    def __init__(self, forward, **parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.run = forward
        torch.manual_seed(1)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.4)

    def forward(self, *x):
        return self.run(self, *x)


def module_outputs(module, *arrays):
    with torch.no_grad():
        return module.eval()(*(torch.tensor(a, dtype=torch.float32) for a in arrays))


def normed():
    norm = nn.BatchNorm1d(5)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.4, 2.0)
    return norm


def whole(m, x):
    x = m.norm(x.transpose(1, 2)).transpose(1, 2)
    y, _ = m.rnn((x - 1.5) / 2.0)
    y = m.conv(y.permute(0, 2, 1)).permute(0, 2, 1)
    return torch.softmax(m.head(m.drop(y)) * 1.5, -1)


def cells(m, x):
    h = torch.zeros(x.shape[0], 6)
    c, g, out = torch.zeros_like(h), torch.zeros(x.shape[0], 4), []
    for t in range(x.shape[1]):
        h, c = m.lstm(m.first(x[:, t]), (h, c))
        g = m.gru(h * 0.5, g)
        out.append(g)
    return m.head(torch.stack(out, 1))


def unbound(m, x):
    state = None
    for frame in x:
        state = m.rnn(frame, state)
    return m.head(state)


def joined(m, x):
    h, out = torch.ones(x.shape[0], 6) * 0.25, []
    for t in range(x.size(1)):
        h = m.gru(x[:, t], h)
        out.append(m.head(h).unsqueeze(1))
    return torch.cat(out, dim=1)


#: Forward, parts, shape of the example, kinds of the layers, steps of the host.
def together(m, x):
    """States of zeros that take their sizes of x, a residual and a concatenation in the loop."""
    h, out = torch.zeros_like(x[:, 0]), []
    s = x.new_zeros(x.shape[0], 4), x.new_full((x.shape[0], 4), 0.0)
    for t in range(x.shape[1]):
        h = m.gru(x[:, t], h)
        s = m.lstm(torch.cat([h, x[:, t]], -1), s)
        out.append(m.head(torch.cat((s[0], h + x[:, t]), 1)))
    return torch.stack(out, 1)


WHOLE = {
    "layers with constants between": (
        whole,
        lambda: {"norm": normed(), "rnn": nn.LSTM(5, 6, 2, batch_first=True, dropout=0.2), "conv": nn.Conv1d(6, 6, 1),
                 "drop": nn.Dropout(0.3), "head": nn.Linear(6, 3)},
        (2, 4, 5), ["lstm", "lstm", "linear", "linear"], ["softmax"],
    ),
    "the order of the forward": (
        lambda m, x: m.a(m.b(x)[0])[0], lambda: {"a": nn.GRU(5, 5), "b": nn.RNN(5, 5, nonlinearity="relu")}, (4, 2, 5), ["rnn", "gru"], [],
    ),
    "a projection, the last frame": (
        lambda m, x: m.head(m.rnn(x)[0][-1]), lambda: {"rnn": nn.LSTM(5, 6, proj_size=3), "head": nn.Linear(3, 2)},
        (4, 2, 5), ["lstm", "linear"], [],
    ),
    "the last state": (lambda m, x: m.head(m.rnn(x)[1][-1]), lambda: {"rnn": nn.GRU(5, 6, 2), "head": nn.Linear(6, 2)}, (4, 2, 5), ["gru", "gru", "linear"], []),
    "one sequence": (lambda m, x: m.rnn(x)[0], lambda: {"rnn": nn.LSTM(5, 6)}, (4, 5), ["lstm"], []),
    "two heads": (
        lambda m, x: (torch.log_softmax(m.a(m.rnn(x)[0]), -1), m.b(m.rnn(x)[0])), lambda: {"rnn": nn.LSTM(5, 6), "a": nn.Linear(6, 3), "b": nn.Linear(6, 2)},
        None, None, None,
    ),
    "a frozen sum": (lambda m, x: m.rnn(x.reshape(x.shape[0], -1, 5) + torch.arange(5.0))[0].reshape(-1, 6), lambda: {"rnn": nn.LSTM(5, 6)}, (4, 2, 5), ["lstm"], []),
    "cells in a loop": (
        cells, lambda: {"first": nn.Linear(5, 5), "lstm": nn.LSTMCell(5, 6), "gru": nn.GRUCell(6, 4), "head": nn.Linear(4, 3)},
        (2, 3, 5), ["linear", "lstm", "gru", "linear"], [],
    ),
    "a cell over the tensor itself": (unbound, lambda: {"rnn": nn.RNNCell(5, 6, nonlinearity="relu"), "head": nn.Linear(6, 2)}, (4, 2, 5), ["rnn", "linear"], []),
    "frames of one time together": (together, lambda: {"gru": nn.GRUCell(5, 5), "lstm": nn.LSTMCell(10, 4), "head": nn.Linear(9, 2)}, (2, 4, 5), ["gru", "lstm", "linear"], []),
    "a slope that was trained": (
        lambda m, x: m.rnn(nn.functional.prelu(m.front(x), torch.tensor([0.3])))[0],
        lambda: {"front": nn.Linear(5, 6), "rnn": nn.GRU(6, 4)}, (4, 2, 5), ["linear", "gru"], [],
    ),
    "joined frames, a constant state": (joined, lambda: {"gru": nn.GRUCell(5, 6, bias=False), "head": nn.Linear(6, 2)}, (2, 4, 5), ["gru", "linear"], []),
}  # fmt: skip
del WHOLE["two heads"]  # two runs of one layer are two layers


@pytest.mark.parametrize("case", WHOLE)
def test_a_module_is_imported_whole(case):
    forward, parts, shape, kinds, steps = WHOLE[case]
    module = Module(forward, **parts())
    module.train()
    imported = import_module(module, torch.zeros(shape), word=16)
    assert module.training
    assert [layer.kind for layer in imported.layers] == kinds
    assert [step.kind for step in imported.design.host_steps] == steps
    assert imported.checked and imported.reference.relative < 1e-5
    assert imported.notes[0].startswith("checked: ")
    assert imported.design.source.kind == "PyTorch module"


def test_two_heads_on_one_signal_become_one_layer():
    def forward(m, x):
        y, _ = m.rnn(x)
        return torch.log_softmax(m.a(y), -1), m.b(y)

    module = Module(forward, rnn=nn.LSTM(5, 6), a=nn.Linear(6, 3), b=nn.Linear(6, 2))
    imported = import_module(module, torch.zeros(4, 2, 5))
    assert [layer.kind for layer in imported.layers] == ["lstm", "linear"]
    assert imported.design.host_steps == (HostStep("log_softmax", (0, 3)),)


def test_the_design_computes_what_the_module_does():
    module = Module(cells, **WHOLE["cells in a loop"][1]())
    imported = import_module(module, torch.zeros(1, 3, 5), word=16)
    x = np.random.default_rng(2).standard_normal((9, 5))
    run = imported.design.run(x, "integer")
    assert np.abs(run.outputs - module_outputs(module, x[None])[0].numpy()).max() < 1e-3


@pytest.mark.parametrize("nested", [False, True])
def test_states_that_are_arguments_make_a_design_that_takes_them(nested):
    def forward(m, x, *states):
        y, state = m.rnn(x, states[0] if nested else tuple(states))
        return m.head(y), state

    module = Module(forward, rnn=nn.LSTM(5, 6, 2), head=nn.Linear(6, 3))
    states = torch.zeros(2, 2, 6), torch.zeros(2, 2, 6)
    example = (torch.zeros(4, 2, 5), states) if nested else (torch.zeros(4, 2, 5), *states)
    imported = import_module(module, example)
    assert imported.design.stream_shape.initial_states
    assert imported.reference.relative < 1e-5
    assert any(
        "rnn.0 output = " in note and "rnn.1 cell_state = " in note for note in imported.notes
    )


def half(m, x):
    h = torch.zeros(x.shape[0], 6)
    for t in range(x.shape[1] // 2):
        h = m.gru(x[:, t], h)
    return m.head(h)


def backwards(m, x):
    h = torch.zeros(x.shape[0], 6)
    for t in reversed(range(x.shape[1])):
        h = m.gru(x[:, t], h)
    return m.head(h)


def reset(m, x):
    h, out = torch.zeros(x.shape[0], 6), []
    for t in range(x.shape[1]):
        h = m.gru(x[:, t], h if t != 2 else torch.zeros(x.shape[0], 6))
        out.append(h)
    return torch.stack(out, 1)


def shuffled(m, x):
    h, out = torch.zeros(x.shape[0], 6), []
    for t in range(x.shape[1]):
        h = m.gru(x[:, t], h)
        out.insert(0, h)
    return torch.stack(out, 1)


def late_sum(m, x):
    h, before, out = torch.zeros(x.shape[0], 5), x[:, 0], []
    for t in range(x.shape[1]):
        h = m.gru(x[:, t], h)
        out.append(h + before)
        before = x[:, t]
    return torch.stack(out, 1)


def late_frames(m, x):
    h, before, out = torch.zeros(x.shape[0], 5), x[:, 0], []
    for t in range(x.shape[1]):
        h = m.gru(x[:, t], h)
        out.append(torch.cat([h, before], -1))
        before = x[:, t]
    return torch.stack(out, 1)


def other_weights(m, x):
    h, out = torch.zeros(x.shape[0], 6), []
    for t in range(x.shape[1]):
        h = (m.gru if t != 1 else m.second)(x[:, t], h)
        out.append(h)
    return torch.stack(out, 1)


_GRU = {"gru": lambda: nn.GRUCell(5, 6), "head": lambda: nn.Linear(6, 2)}
REFUSED = {
    "gelu between": (lambda m, x: m.head(nn.functional.gelu(m.rnn(x)[0])), {"rnn": lambda: nn.LSTM(5, 6), "head": lambda: nn.Linear(6, 2)}, r"(?i)gelu"),
    "a quotient": (lambda m, x: m.rnn(x)[0] / x, {"rnn": lambda: nn.LSTM(5, 5)}, "joins two signals"),
    "frames with the last one": (lambda m, x: m.rnn(x)[0] + m.rnn(x)[0][-1:], {"rnn": lambda: nn.LSTM(5, 5)}, "last frame|belongs to one frame|joins"),
    "frames one behind the other": (lambda m, x: torch.cat([m.rnn(x)[0], x], 0), {"rnn": lambda: nn.LSTM(5, 5)}, "puts them together"),
    "bidirectional": (lambda m, x: m.rnn(x)[0], {"rnn": lambda: nn.LSTM(5, 5, bidirectional=True)}, "'rnn' .*bidirectional"),
    "layer norm": (lambda m, x: m.norm(m.rnn(x)[0]), {"rnn": lambda: nn.LSTM(5, 6), "norm": lambda: nn.LayerNorm(6)}, "'norm' .layer_norm."),
    "reversed in time": (lambda m, x: m.rnn(x.flip(0))[0], {"rnn": lambda: nn.LSTM(5, 6)}, "flip"),
    "mean of all": (lambda m, x: m.rnn(x)[0].mean(), {"rnn": lambda: nn.LSTM(5, 6)}, "over all elements"),
    "mean over elements": (lambda m, x: m.rnn(x)[0].mean(-1), {"rnn": lambda: nn.LSTM(5, 6)}, "elements of a frame"),
    "running sum": (lambda m, x: m.rnn(x)[0].cumsum(0), {"rnn": lambda: nn.LSTM(5, 6)}, "cumsum"),
    "decision by a value": (lambda m, x: m.rnn(x)[0] if x.sum() > 0 else x, {"rnn": lambda: nn.LSTM(5, 5)}, "cannot be traced"),
    "embedding": (lambda m, x: m.rnn(m.table(x.long()))[0], {"table": lambda: nn.Embedding(9, 5), "rnn": lambda: nn.LSTM(5, 6)}, "(?i)embedding|integers"),
    "half of the frames": (half, _GRU, "frame 1 of 4|last frame"),
    "backwards": (backwards, _GRU, "begins with frame 3"),
    "a state that is set back": (reset, _GRU, "does not go on"),
    "frames in another order": (shuffled, _GRU, "in their order"),
    "a sum with the frame before": (late_sum, _GRU | {"gru": lambda: nn.GRUCell(5, 5), "second": lambda: nn.Linear(1, 1)}, "frames of a loop"),
    "a frame beside the one before": (late_frames, _GRU | {"gru": lambda: nn.GRUCell(5, 5), "second": lambda: nn.Linear(1, 1)}, "in their order"),
    "other weights at one frame": (other_weights, _GRU | {"second": lambda: nn.GRUCell(5, 6)}, "begins with frame 1"),
    "too deep a function": (lambda m, x: torch.sort(m.rnn(x)[0], -1)[0], {"rnn": lambda: nn.LSTM(5, 6)}, "sort"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_core_computes_is_refused_by_name(case):
    forward, parts, words = REFUSED[case]
    module = Module(forward, **{name: make() for name, make in parts.items()})
    shape = (2, 4, 5) if parts is _GRU or "second" in parts else (4, 2, 5)
    example = torch.ones(4, 2) if case == "embedding" else torch.zeros(shape)
    with pytest.raises(DesignError, match=words) as error:
        import_module(module, example)
    assert "\n" not in str(error.value)


def test_what_the_walk_would_get_wrong_is_found_by_the_comparison(monkeypatch):
    """A linear layer read with its matrix turned."""
    from ernn_myhdl.exchange import torch_operators

    monkeypatch.setitem(
        torch_operators.MAKERS, "linear", lambda graph, where, name, node, given: graph.emit(name, "MatMul", given[:2])[0]
    )  # fmt: skip
    module = Module(lambda m, x: m.head(m.rnn(x)[0]), rnn=nn.GRU(5, 6), head=nn.Linear(6, 6))
    with pytest.raises(DesignError, match="differ from those of the layers rnn -> head"):
        import_module(module, torch.zeros(4, 2, 5))


def test_other_things_than_modules_and_tensors_are_refused():
    with pytest.raises(DesignError, match=r"model: is str.*`import_model` takes files"):
        import_module("model.pt", torch.zeros(4, 2, 5))
    module = Module(lambda m, x: m.rnn(x)[0], rnn=nn.LSTM(5, 6))
    for example, words in ((np.zeros((4, 2, 5)), "tensor x"), (torch.zeros(4, 2, 7), "traced"), ((), "tensor x")):  # fmt: skip
        with pytest.raises(DesignError, match=words):
            import_module(module, example)


def without_strict(mod, args, kwargs=None, *, constraints=None):
    raise AssertionError("must not be called")


@pytest.mark.parametrize("export", [None, without_strict])
def test_a_pytorch_that_cannot_trace_is_told_in_place_of_the_model(monkeypatch, export):
    if export is None:
        monkeypatch.delattr(torch, "export")  # as 2.0
    else:
        monkeypatch.setattr(torch.export, "export", export)
    with pytest.raises(
        ToolError, match=r"PyTorch \d.* has no torch.export.export that takes strict"
    ):
        import_module(nn.LSTM(3, 4, batch_first=True), torch.zeros(1, 5, 3))
