"""Models with outputs from which others follow: y holds all of them, and of what it does not hold a note tells."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import DesignError, import_model, import_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
pytestmark = pytest.mark.torch


class Several(torch.nn.Module):
    """outputs: what it returns of x, its GRU and linear layers."""

    def __init__(self, outputs):
        super().__init__()
        torch.manual_seed(4)
        self.rnn, self.first = torch.nn.GRU(5, 6, batch_first=True), torch.nn.Linear(5, 6)
        self.head, self.other = torch.nn.Linear(6, 3), torch.nn.Linear(6, 2)
        self.outputs = outputs

    def forward(self, x):
        return self.outputs(self, x)


def layer_and_head(m, x):
    y = m.rnn(x)[0]
    return y, m.head(y)


def sums_and_relu(m, x):
    sums = m.first(x)
    return m.other(torch.relu(sums)), sums, torch.relu(sums)


def three_in_a_row(m, x):
    y = m.rnn(x)[0]
    z = m.head(y)
    return z, y, torch.softmax(z, -1)


def last_frame_and_head(m, x):
    y = m.rnn(x)[0][:, -1]
    return y, m.head(y)


def maximum_and_head(m, x):
    y = m.rnn(x)[0].amax(1)
    return y, m.head(y)


def all_frames_and_head_of_last(m, x):
    y = m.rnn(x)[0]
    return y, m.head(y[:, -1])


def heads_with_and_without_function(m, x):
    y = m.rnn(x)[0]
    return torch.sigmoid(m.head(y))[:, -1], m.other(y)[:, -1]


OUTPUTS = (
    layer_and_head, sums_and_relu, three_in_a_row, last_frame_and_head, maximum_and_head,
    all_frames_and_head_of_last, heads_with_and_without_function,
)  # fmt: skip


def check(design, model, x):
    """y of a design is all outputs of a module, one after the other."""
    with torch.no_grad():
        wanted = [y.numpy() if y.ndim == 3 else y.numpy()[:, None] for y in model(x)]
    runs = [design.run(sequence.numpy().astype(float), "integer").outputs for sequence in x]
    got = np.stack(runs)
    assert got.shape[-1] == sum(y.shape[-1] for y in wanted)
    for part, y in zip(design.heads.values(), wanted, strict=True):
        assert np.abs(got[:, -y.shape[1] :, part] - y).max() < 1e-3


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_outputs_that_others_follow_from_are_in_y(outputs):
    model, x = Several(outputs).eval(), torch.randn(2, 7, 5)
    imported = import_module(model, x, word=16)
    check(imported.design, model, x)
    assert not [note for note in imported.notes if "left out" in note]


@pytest.mark.onnx
@pytest.mark.parametrize("dynamo", [False, True])
def test_onnx_outputs_that_others_follow_from_are_in_y(dynamo, tmp_path):
    model, x = Several(layer_and_head).eval(), torch.randn(2, 7, 5)
    names = {"input_names": ["x"], "output_names": ["y", "z"]}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), str(tmp_path / "m.onnx"), dynamo=dynamo, **names)
    design = import_model(tmp_path / "m.onnx", word=16).design
    check(design, model, x)
    assert list(design.heads) == ["y", "z"]


def test_every_engine_gives_an_output_that_another_follows_from():
    x = torch.randn(1, 4, 5)
    design = import_module(Several(last_frame_and_head), x, word=8).design
    runs = [design.run(x[0].numpy(), engine).raw for engine in ("golden", "integer", "myhdl")]
    assert runs[0].shape == (1, 9)
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize(
    ("outputs", "told", "size"),
    [
        (lambda m, x: (x * 2, m.head(m.rnn(x)[0])), "WARNING: output 0 (from 0) is left out: it follows from no layer", 3),
        (lambda m, x: (z := m.head(m.rnn(x)[0]), z.argmax(-1)), "WARNING: output 1 (from 0) is left out: it is the argmax", 3),
        (lambda m, x: (torch.softmax(z := m.head(m.rnn(x)[0]), -1), z.argmax(-1)), "WARNING: output 1 (from 0) is left out: it is the argmax", 3),
        (lambda m, x: (m.head((y := m.rnn(x)[0])[:, -1]), m.head(y[:, -1]).argmax(-1)), "WARNING: output 1 (from 0) is left out: it is the argmax", 3),
        (lambda m, x: (m.head(y := m.rnn(x)[0]), m.head(y)), "output 1 (from 0) is output 0 (from 0), and not given twice", 3),
        (lambda m, x: (y := m.rnn(x)[0], y[:, -1]), "output 1 (from 0) is the last frame of output 0 (from 0)", 6),
        (lambda m, x: (y := m.rnn(x)[0], y), "output 1 (from 0) is output 0 (from 0), and not given twice", 6),
        (lambda m, x: (m.head((r := m.rnn(x))[0]), r[1]), "outputs 1 (from 0) are states behind the last frame", 3),
    ],
)  # fmt: skip
def test_an_output_that_y_does_not_hold_is_named(outputs, told, size):
    imported = import_module(Several(outputs), torch.zeros(1, 4, 5), word=12)
    assert imported.design.outputs == size
    assert any(note.startswith(told) for note in imported.notes), imported.notes


@pytest.mark.parametrize(
    "outputs",
    [
        lambda m, x: ((z := m.head(m.rnn(x)[0]))[:, -1], z.argmax(-1)),  # the frames before are not in y
        lambda m, x: (z := m.head(m.rnn(x)[0]), (-z).argmax(-1)),
        lambda m, x: (z := m.head(m.rnn(x)[0]), (z * torch.tensor([1.0, 3.0, 2.0])).argmax(-1)),
    ],
)  # fmt: skip
def test_an_argmax_that_is_not_that_of_another_output_is_refused(outputs):
    with pytest.raises(DesignError, match="is behind one of several outputs"):
        import_module(Several(outputs), torch.zeros(1, 4, 5))


def test_an_output_that_tells_no_frames_may_come_first():
    """Of a linear layer alone no axis holds frames, but for the other output."""
    model = Several(lambda m, x: (m.first(x), m.rnn(x)[0])).eval()
    x = torch.randn(2, 7, 5)
    check(import_module(model, x, word=16).design, model, x)


@pytest.mark.parametrize("outputs", [lambda m, x: m.first(x)[:, -1], lambda m, x: m.rnn(x)[0][:, -1] + m.first(x[:, -1])])  # fmt: skip
def test_a_last_frame_before_anything_tells_of_frames_is_refused_by_that(outputs):
    with pytest.raises(DesignError, match="behind what tells that this axis holds frames"):
        import_module(Several(outputs), torch.zeros(1, 4, 5))
