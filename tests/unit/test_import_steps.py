"""Modules and ONNX files that are one step of cells, whose states are arguments and results."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import numpy as np
import pytest
from foreign_models import onnx_model, onnx_module, torch_module
from tools import require_module

from ernn_myhdl import DesignError, import_model, import_module
from ernn_myhdl.design.design import Design
from ernn_myhdl.exchange.source import read_source
from ernn_myhdl.numerics.formats import to_real

torch = torch_module()
pytestmark = pytest.mark.torch

from torch import nn  # noqa: E402

STEPS, X = 7, 4


def gru(self, x, h):
    h = self.cell(torch.relu(self.front(x)), h)
    return self.head(h), h


def lstm(self, x, h, c):
    h, c = self.cell(x, (h, c))
    return self.head(h), (h, c)


def state_alone(self, x, h):
    return self.cell(x, h)


def doubled(self, x, h):
    h = self.cell(x, h)
    return h, h


def hidden_and_cell(self, x, state):
    return self.cell(x, state)


def several(self, x, h1, h2, c2):
    h1 = self.first(x, h1)
    h2, c2 = self.second(torch.cat([h1, x], -1), (h2, c2))
    return self.head(h2 + h1), h1, h2, c2


def stacked(self, x, h):
    new = []
    for cell, own in zip((self.first, self.second), h.unbind(0), strict=True):
        x = cell(x, own)
        new.append(x)
    return self.head(x), torch.stack(new)


def chosen(self, x, h):
    a = self.first(x, h[0])
    b = self.second(a, h[1])
    return self.head(b), torch.cat([a.unsqueeze(0), b.unsqueeze(0)], 0)


def with_an_axis(self, x, h):
    h = self.cell(x[:, 0], h)
    return self.head(h).unsqueeze(1), h


def squeezed(self, x, h):
    h = self.cell(x.squeeze(1), h)
    return torch.softmax(self.head(h), -1), h


def gated(self, x, h):
    y = self.cell(x, h)
    return torch.sigmoid(self.head(y)) * self.front(x) + y, y


def layer_of_one_frame(self, x, h):
    y, h = self.layer(x, h)
    return self.head(y[:, 0]), h


def layer_without_frames(self, x, h, c):
    y, (h, c) = self.layer(x.unsqueeze(1), (h, c))
    return self.head(y[:, -1]), h, c


def listed(self, x, states):
    a = self.first(x, states[0])
    b = self.second(a, states[1])
    return self.head(b), [a, b]


_HEAD = {"head": lambda: nn.Linear(6, 3)}
_TWO = _HEAD | {"first": lambda: nn.GRUCell(X, 6), "second": lambda: nn.GRUCell(6, 6)}
#: forward, modules, shape of x and of the states before it (a batch of two).
MODULES = {
    "a GRU with layers around": (gru, _HEAD | {"front": lambda: nn.Linear(X, 5), "cell": lambda: nn.GRUCell(5, 6)}, (2, X), [(2, 6)]),
    "an LSTM": (lstm, _HEAD | {"cell": lambda: nn.LSTMCell(X, 6)}, (2, X), [(2, 6), (2, 6)]),
    "an RNN of relu": (gru, _HEAD | {"front": lambda: nn.Linear(X, 5), "cell": lambda: nn.RNNCell(5, 6, nonlinearity="relu")}, (2, X), [(2, 6)]),
    "an RNN of tanh, no bias": (state_alone, {"cell": lambda: nn.RNNCell(X, 6, bias=False)}, (2, X), [(2, 6)]),
    "its state alone": (state_alone, {"cell": lambda: nn.GRUCell(X, 6)}, (2, X), [(2, 6)]),
    "its state as y": (doubled, {"cell": lambda: nn.GRUCell(X, 6)}, (2, X), [(2, 6)]),
    "the cell's own outputs": (hidden_and_cell, {"cell": lambda: nn.LSTMCell(X, 6)}, (2, X), ((2, 6), (2, 6))),
    "without a batch": (lstm, _HEAD | {"cell": lambda: nn.LSTMCell(X, 6)}, (X,), [(6,), (6,)]),
    "cells of two kinds": (several, _HEAD | {"first": lambda: nn.GRUCell(X, 6), "second": lambda: nn.LSTMCell(X + 6, 6)}, (2, X), [(2, 6)] * 3),
    "stacked states": (stacked, _TWO, (2, X), [(2, 2, 6)]),
    "states by their numbers": (chosen, _TWO, (2, X), [(2, 2, 6)]),
    "a list of states": (listed, _TWO, (2, X), ([(2, 6), (2, 6)],)),
    "an axis of one frame": (with_an_axis, _HEAD | {"cell": lambda: nn.GRUCell(X, 6)}, (2, 1, X), [(2, 6)]),
    "a squeezed frame, a softmax": (squeezed, _HEAD | {"cell": lambda: nn.GRUCell(X, 6)}, (2, 1, X), [(2, 6)]),
    "a layer of one frame": (layer_of_one_frame, _HEAD | {"layer": lambda: nn.GRU(X, 6, 2, batch_first=True)}, (2, 1, X), [(2, 2, 6)]),
    "a layer, x without frames": (layer_without_frames, _HEAD | {"layer": lambda: nn.LSTM(X, 6, batch_first=True)}, (2, X), [(1, 2, 6)] * 2),
    "a gate of the state": (gated, {"head": lambda: nn.Linear(6, 6), "front": lambda: nn.Linear(X, 6), "cell": lambda: nn.GRUCell(X, 6)}, (2, X), [(2, 6)]),
}  # fmt: skip


def module(forward, parts, seed=0):
    torch.manual_seed(seed)
    made = type("Step", (nn.Module,), {"forward": forward})()
    for name, make in parts.items():
        setattr(made, name, make())
    return made.eval()


def tensors(shapes):
    """Random tensors in the form of shapes: a tuple of whole numbers is one."""
    if isinstance(shapes, tuple) and all(isinstance(n, int) for n in shapes):
        return torch.rand(shapes) * 1.6 - 0.8
    return type(shapes)(tensors(s) for s in shapes)


def example(case):
    _, _, shape, states = MODULES[case]
    given = tensors(states)
    return (
        torch.randn(shape),
        *([given] if isinstance(states, tuple) and case != "a list of states" else given),
    )


def steps_of(model, given, frames):
    """Outputs (steps, ...) of a module that is called with the states that it gave; and its last states, flat."""
    flatten, unflatten = torch.utils._pytree.tree_flatten, torch.utils._pytree.tree_unflatten
    leaves, form = flatten(given[1:])
    outputs = []
    with torch.no_grad():
        for x in frames:
            made, _ = flatten(model(x, *unflatten(leaves, form)))
            leaves = made[-len(leaves) :]
            outputs.append(made[0].numpy())
    return np.array(outputs), [leaf.numpy() for leaf in leaves]


def begins(imported, given):
    """For each sequence the states of the layers that the example's states are, in the order of the notes."""
    flat = [t.numpy() for t in torch.utils._pytree.tree_leaves(given[1:])]
    rows = []
    for array in flat:
        array = array[None] if array.ndim == 1 else array
        rows += list(array) if array.ndim == 3 else [array]
    parts = [(i, name) for i, d in enumerate(imported.design.layers) for name in d.cell.state_sizes]
    assert len(parts) == len(rows)
    count = len(rows[0])
    states = [
        [{} if d.cell.state_sizes else None for d in imported.design.layers] for _ in range(count)
    ]
    for (layer, name), array in zip(parts, rows, strict=True):
        for sequence in range(count):
            states[sequence][layer][name] = array[sequence]
    return [s[0] if isinstance(imported.design, Design) else s for s in states]


@pytest.mark.parametrize("case", MODULES)
def test_a_module_of_one_step_over_several_steps(case):
    forward, parts, shape, _ = MODULES[case]
    model, given = module(forward, parts), example(case)
    imported = import_module(model, given, word=16)
    assert imported.design.stream_shape.initial_states
    assert imported.reference.relative < 1e-5
    assert any("is one step" in note for note in imported.notes)
    assert not any("left out" in note for note in imported.notes)
    frames = [torch.randn(shape) for _ in range(STEPS)]
    wanted, last = steps_of(model, given, frames)
    x = np.array([f.numpy().reshape(-1, X) for f in frames]).astype(np.float64)  # (steps, batch, X)
    states = begins(imported, given)
    sequences = [x[:, i] for i in range(x.shape[1])]
    run = imported.design.run(sequences, "integer", initial=states)
    made = np.split(run.outputs, len(sequences))
    wanted = wanted.reshape(STEPS, len(sequences), -1)
    for i, y in enumerate(made):
        assert np.abs(y - wanted[:, i]).max() < 1e-3
    # one frame in, one frame out, and the states behind it
    with imported.design.open(streams=len(sequences)) as session:
        for i, state in enumerate(states):
            session.start(i, state)
        y = np.array(
            [
                session.step(x[t]) if len(sequences) > 1 else session.step(x[t][0], 0)[None]
                for t in range(STEPS)
            ]
        )
        assert np.array_equal(y.transpose(1, 0, 2), made)
    ends = [
        row for a in last for row in (a.reshape(-1, *a.shape[-2:]) if a.ndim > 1 else a[None, None])
    ]
    parts = [
        (n, d, name) for n, d in enumerate(imported.design.layers) for name in d.cell.state_sizes
    ]
    for sequence, final in enumerate(run.final_states()):
        for (n, layer, name), rows in zip(parts, ends, strict=True):
            state = to_real(final[n][name], getattr(layer.formats, name))
            assert np.abs(state - rows[sequence]).max() < 1e-3


def exported(model, given, file, dynamo):
    names = [f"i{i}" for i in range(len(torch.utils._pytree.tree_leaves(given)))]
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model,
                given,
                str(file),
                dynamo=dynamo,
                input_names=names,
                **({"verbose": False} if dynamo else {}),
            )
    finally:
        logging.disable(logging.NOTSET)
    return names


@pytest.mark.onnx
@pytest.mark.parametrize("dynamo", [False, True], ids=["older", "newer"])
@pytest.mark.parametrize("case", MODULES)
def test_an_onnx_file_of_one_step_over_several_steps(case, dynamo, tmp_path):
    """Of both exporters, beside onnxruntime, which is called with the states that it gave."""
    runtime = require_module("onnxruntime", "pip install onnxruntime")
    require_module("onnxscript", "pip install onnxscript")
    forward, parts, shape, _ = MODULES[case]
    model, given = module(forward, parts, 3), example(case)
    names = exported(model, given, tmp_path / "step.onnx", dynamo)
    imported = import_model(tmp_path / "step.onnx", word=16)
    assert imported.design.stream_shape.initial_states
    assert any("is one step" in note for note in imported.notes)
    session = runtime.InferenceSession(
        str(tmp_path / "step.onnx"), providers=["CPUExecutionProvider"]
    )
    states = [t.numpy() for t in torch.utils._pytree.tree_leaves(given[1:])]
    rng = np.random.default_rng(4)  # nothing saturates, where formats are chosen without data
    x, wanted = [rng.standard_normal(shape).astype(np.float32) for _ in range(STEPS)], []
    for frame in x:
        results = session.run(None, dict(zip(names, [frame, *states], strict=True)))
        states = results[-len(states) :]
        wanted.append(results[0])
    frames = np.array(x, dtype=np.float64).reshape(STEPS, -1, X)
    sequences = [frames[:, i] for i in range(frames.shape[1])]
    run = imported.design.run(sequences, "integer", initial=begins(imported, given))
    assert not any(run.saturations.values())
    wanted = np.array(wanted).reshape(STEPS, len(sequences), -1)
    for i, y in enumerate(np.split(run.outputs, len(sequences))):
        assert np.abs(y - wanted[:, i]).max() < 1e-3


@pytest.mark.onnx
def test_operators_that_are_no_step_of_a_cell_are_not_taken_for_one(tmp_path):
    """Two inputs through square matrices, whose sum is no state that comes back; a GRU with another sign."""
    make = onnx_module().helper.make_node
    rng = np.random.default_rng(3)
    w = {n: rng.standard_normal((4, 4)).astype(np.float32) for n in ("a", "b", "c")}
    nodes = [make("MatMul", ["x", "a"], ["p"]), make("MatMul", ["h", "b"], ["q"]), make("Add", ["p", "q"], ["s"]),
             make("Tanh", ["s"], ["t"]), make("MatMul", ["t", "c"], ["y"])]  # fmt: skip
    inputs = {"x": (2, 4), "h": (2, 4)}
    for outputs, refused in ((["y"], True), (["y", "t"], False)):
        file = tmp_path / "two.onnx"
        onnx_module().save(onnx_model(nodes, inputs, outputs, w), file)
        if refused:
            with pytest.raises(DesignError, match="joins signals"):
                read_source(file)
        else:  # x is the first input where both may be the state
            layer = read_source(file).layers[0]
            assert layer.kind == "rnn" and np.array_equal(
                layer.weights["input_weight"][0], w["a"].T
            )


def exchanged(self, x, h1, h2):
    a = self.first(x, h1)
    b = self.second(a, h2)
    return self.head(b), b, a


def own_zero(self, x):
    return self.cell(x, torch.zeros(2, 6))


def not_given_back(self, x, h):
    return self.head(self.cell(x, h))


def changed(self, x, h):
    h = self.cell(x, h)
    return self.head(h), h * 0.5


def mixed_state(self, x, h):
    h = self.cell(x, h * 0.5)
    return self.head(h), h


def written_out(self, x, h):
    h = torch.tanh(self.gate(torch.cat([x, h], -1)))
    return h, h


_ONE = _HEAD | {"cell": lambda: nn.GRUCell(X, 6)}
REFUSED = {
    "states in another order": (exchanged, _TWO, [(2, 6), (2, 6)], "in another order than they are taken"),
    "a state of its own": (own_zero, {"cell": lambda: nn.GRUCell(X, 6)}, [], "let a module of one step take its states"),
    "no state given back": (not_given_back, _ONE, [(2, 6)], "return the states behind the step"),
    "a state that is changed": (changed, _ONE, [(2, 6)], "return the states behind|gives 0 of them"),
    "a state that is changed before": (mixed_state, _ONE, [(2, 6)], "computes with the state 'h'"),
    "a cell of its own": (written_out, {"gate": lambda: nn.Linear(X + 6, 6)}, [(2, 6)], "computes with the state 'h'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_steps_that_no_core_goes_on_with_are_refused(case):
    forward, parts, states, words = REFUSED[case]
    with pytest.raises(DesignError, match=words) as error:
        import_module(module(forward, parts), (torch.randn(2, X), *tensors(states)))
    assert "\n" not in str(error.value)
