"""Convolutions over frames, as their framework computes them; those that are not causal are refused by name."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import DesignError, import_model, import_module
from ernn_myhdl.golden.network_models import integer_model

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
from convolution_modules import REFUSED, RIGHT, example  # noqa: E402  torch is there

pytestmark = pytest.mark.torch


def made(kind):
    torch.manual_seed(3)
    model = kind().eval()
    return model, example(model)


def check(design, model, x) -> None:
    with torch.no_grad():
        wanted = model(x).numpy()
    runs = integer_model(design).run([s.numpy().astype(float) for s in x])
    got = np.stack([run.outputs for run in runs])
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < 2e-3


def exported(model, x, folder, dynamo=False):
    file = folder / "model.onnx"
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        torch.onnx.export(model, (x,), str(file), dynamo=dynamo)
        logging.disable(logging.NOTSET)
    return file


@pytest.mark.parametrize("name", RIGHT)
def test_a_module_with_convolutions_is_what_pytorch_computes(name):
    model, x = made(RIGHT[name])
    check(import_module(model, x, word=16).design, model, x)


@pytest.mark.onnx
@pytest.mark.parametrize(
    ("name", "dynamo"),
    [
        *((name, False) for name in RIGHT),
        ("cut", True),
        ("strided sum", True),
    ],  # that exporter takes seconds
)
def test_an_exported_convolution_is_what_pytorch_computes(name, dynamo, tmp_path):
    if dynamo:
        require_module("onnxscript", "pip install onnxscript")
    model, x = made(RIGHT[name])
    file = exported(model, x, tmp_path, dynamo)
    check(import_model(file, word=16).design, model, x)


def test_branches_that_leave_out_the_same_frames_are_the_same_on_the_core():
    model, x = made(RIGHT["strided sum"])
    design = import_module(model, x, word=10).design
    runs = [design.run(x[0].numpy().astype(float), e).raw for e in ("golden", "integer", "myhdl")]
    assert len(runs[0]) == 5
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("stride", [1, 2])
def test_outputs_of_other_frames_are_refused(stride):
    class Outputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(5, 4), torch.nn.Conv1d(4, 3, 2, stride=stride)

        def forward(self, x):
            y = self.first(x)
            return y, self.second(y.transpose(1, 2)).transpose(1, 2)

    with pytest.raises(DesignError, match="from number 1 on .*; or import them as two models"):
        import_module(Outputs(), torch.zeros(1, 8, 5))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_causal_is_refused(name):
    kind, what = REFUSED[name]
    model, x = made(kind)
    with pytest.raises(DesignError, match=what) as caught:
        import_module(model, x)
    assert "\n" not in str(caught.value)


@pytest.mark.onnx
@pytest.mark.parametrize("name", REFUSED)
def test_an_exported_model_that_is_not_causal_is_refused(name, tmp_path):
    """Padded frames before a GRU or an LSTM were left out, and the import was wrong without a word."""
    kind, what = REFUSED[name]
    with pytest.raises(DesignError, match=what) as caught:
        import_model(exported(*made(kind), tmp_path))
    assert "\n" not in str(caught.value)
