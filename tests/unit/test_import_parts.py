"""Parts of frames, differences, and affine operations that no layer takes: as their framework computes them."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import DesignError, import_model, import_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
from branching_modules import outputs  # noqa: E402  torch is there
from parts_modules import MODULES, Made, gru, made  # noqa: E402

pytestmark = pytest.mark.torch


def compare(design, model, x):
    wanted = [y if y.ndim == 3 else y[:, None] for y in outputs(model, x)]
    runs = [design.run(sequence.numpy().astype(float), "integer").outputs for sequence in x]
    assert np.abs(np.stack(runs) - np.concatenate(wanted, -1)).max() < 1e-3


def exported(model, x, file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), str(file), dynamo=False)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_with_parts_is_what_pytorch_computes(name):
    model, x = made(name)
    imported = import_module(model, x, word=16)
    compare(imported.design, model, x)
    kinds = Counter(layer.cell.kind for layer in imported.design.layers)
    linear = sum(isinstance(m, torch.nn.Linear | torch.nn.Conv1d) for m in model.modules())
    assert kinds["linear"] - linear == MODULES[name][1]


@pytest.mark.parametrize("name", ["difference of recurrent", "parts of a linear layer", "norm before a padded convolution", "minimum over time", "norm of x before a padded convolution", "highway", "a gain for all elements"])  # fmt: skip
def test_an_onnx_file_with_parts_is_what_pytorch_computes(name, tmp_path):
    model, x = made(name)
    exported(model, x[:1], tmp_path / "model.onnx")
    compare(import_model(tmp_path / "model.onnx", word=16).design, model, x)


@pytest.mark.parametrize(("forward", "message"), [
    (lambda m, x: m["rnn"](x)[0][:, 2:5], "takes some of frames; may only take the last frame.*unrolled"),
    (lambda m, x: torch.nn.functional.layer_norm(m["rnn"](x)[0], (6,)), "layer normalisation.*train with BatchNorm"),
    (lambda m, x: m["rnn"](x)[0] - m["rnn"](x)[0].mean(-1, keepdim=True), "as in a layer normalisation"),
    (lambda m, x: (lambda y: torch.softmax(y @ y.transpose(1, 2), -1) @ y)(m["rnn"](x)[0]), "as attention computes it.*train without attention"),
])  # fmt: skip
def test_what_stays_refused_tells_its_name_and_what_to_do(forward, message):
    with pytest.raises(DesignError, match=message):
        import_module(Made(forward, rnn=gru()), torch.zeros(1, 9, 5))


def test_attention_and_normalisations_of_onnx_files_are_refused_by_name(tmp_path):
    own = Made(lambda m, x: m["a"](*[m["rnn"](x)[0]] * 3)[0], rnn=gru(), a=torch.nn.MultiheadAttention(6, 2, batch_first=True))  # fmt: skip
    group = Made(lambda m, x: m["n"](m["rnn"](x)[0].transpose(1, 2)), rnn=gru(), n=torch.nn.GroupNorm(2, 6))  # fmt: skip
    for model, message in ((own, "as attention computes it"), (group, "mean and variance of the signal itself")):  # fmt: skip
        exported(model.eval(), torch.zeros(1, 9, 5), tmp_path / "m.onnx")
        with pytest.raises(DesignError, match=message):
            import_model(tmp_path / "m.onnx")
