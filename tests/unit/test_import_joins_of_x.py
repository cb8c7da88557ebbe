"""Sums, products and concatenations of the input with itself, its mean over time, scaled products in front of a residual: as PyTorch computes them, or
refused with their cause."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import DesignError, import_model, import_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
pytestmark = pytest.mark.torch


class Model(torch.nn.Module):
    """compute: what it returns of x and its layers."""

    def __init__(self, compute):
        super().__init__()
        torch.manual_seed(5)
        self.rnn, self.head = torch.nn.GRU(4, 4, batch_first=True), torch.nn.Linear(4, 3)
        self.wide, self.lstm = torch.nn.Linear(8, 3), torch.nn.LSTM(4, 4, batch_first=True)
        self.compute = compute

    def forward(self, x):
        return self.compute(self, x)


def gated(m, x):
    """Was refused, as if the product cost block-circulant matrices their blocks."""
    return m.head((m.rnn(x)[0] * x) * 0.5 + x)


RIGHT = {
    "scaled product and residual": gated,
    "scaled product and residual at the end": lambda m, x: (m.rnn(x)[0] * x) * 0.5 + x,
    "scaled sum and residual": lambda m, x: m.head((m.rnn(x)[0] + x) * 0.5 + x),
    "moved difference": lambda m, x: m.head(x - (m.rnn(x)[0] * x) * 0.3 + 1),
    "sum": lambda m, x: m.head(x + x),
    "sum of a layer": lambda m, x: m.head((y := m.rnn(x)[0]) + y),
    "square": lambda m, x: m.head(x * x),
    "square beside a layer": lambda m, x: m.head(x * x + m.rnn(x)[0]),
    "square before a GRU": lambda m, x: m.rnn(x * x - x)[0],
    "concatenation": lambda m, x: m.wide(torch.cat([x, x], -1)),
    "concatenation of others": lambda m, x: m.wide(torch.cat([torch.relu(x), x * 2 + 1], -1)),
    "mean": lambda m, x: m.head(x.mean(1)),
    "maximum": lambda m, x: m.head(x.amax(1)),
    "function": lambda m, x: m.head(torch.nn.functional.silu(x)),
}
REFUSED = {
    "of x alone": (lambda m, x: x + x, "what is done to x alone is the host's"),
    "cell states alone": (lambda m, x: m.lstm(x)[1][1], "return the outputs of the layer too, and take the states of `Run.final_states"),
    "of cell states": (lambda m, x: m.head(m.lstm(x)[1][1][-1]), "the cell state of an LSTM behind the last frame"),
    "frames twice": (lambda m, x: m.rnn(torch.cat([x, x], 1))[0], "works along axis 2 of the graph's input"),
    "sum over two axes": (lambda m, x: m.rnn(x)[0] + m.rnn(x.transpose(0, 1))[0].transpose(0, 1), "take the frames along axis 0 and 1 of the input"),
    "two axes": (lambda m, x: (m.rnn(x)[0], m.rnn(x.transpose(1, 2))[0]), "take different axes of the input for the elements"),
    "two axes of frames": (lambda m, x: (m.rnn(x)[0], m.rnn(x.transpose(0, 1))[0]), "take different axes of the input for frames"),
}  # fmt: skip


def check(design, model, x):
    with torch.no_grad():
        y = model(x).numpy()
    runs = [design.run(sequence.numpy().astype(float), "integer").outputs for sequence in x]
    assert np.abs(np.stack(runs) - (y if y.ndim == 3 else y[:, None])).max() < 2e-3


def exported(model, x, file, dynamo):
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (x,), str(file), dynamo=dynamo)
    finally:
        logging.disable(logging.NOTSET)
    return file


@pytest.mark.parametrize("name", RIGHT)
def test_a_module_is_what_pytorch_computes(name):
    model, x = Model(RIGHT[name]).eval(), torch.randn(2, 6, 4)
    check(import_module(model, x, word=16).design, model, x)


@pytest.mark.onnx
@pytest.mark.parametrize("name", RIGHT)
def test_an_onnx_file_is_what_pytorch_computes(name, tmp_path):
    model, x = Model(RIGHT[name]).eval(), torch.randn(2, 6, 4)
    dynamo = name in ("scaled product and residual", "square")  # seconds each
    design = import_model(exported(model, x, tmp_path / "m.onnx", dynamo), word=16).design
    check(design, model, x)


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_core_computes_is_refused_with_its_cause(name):
    compute, what = REFUSED[name]
    with pytest.raises(DesignError) as caught:
        import_module(Model(compute), torch.zeros(3 + (name == "two axes"), 4, 4))
    assert what in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.onnx
@pytest.mark.parametrize(
    "name", ["of cell states", "sum over two axes", "two axes", "two axes of frames"]
)
def test_an_onnx_file_is_refused_with_its_cause(name, tmp_path):
    """The newer exporter states the sizes of Y_h for a Y that nothing takes, which told of a file that contradicts itself; outputs of two axes were wrong."""
    compute, what = REFUSED[name]
    file = exported(Model(compute), torch.zeros(4, 4, 4), tmp_path / "m.onnx", True)
    with pytest.raises(DesignError) as caught:
        import_model(file)
    assert what in str(caught.value)


@pytest.mark.parametrize("name", ["square", "concatenation of others", "mean"])
def test_the_core_computes_the_same(name):
    x = torch.randn(1, 4, 4)
    design = import_module(Model(RIGHT[name]), x, word=10).design
    runs = [design.run(x[0].numpy(), engine).raw for engine in ("golden", "integer", "myhdl")]
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])
