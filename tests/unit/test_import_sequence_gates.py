"""Frames that are weighted by what follows from their whole sequence: refused by what that is, as modules, ONNX and Keras."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import numpy as np
import pytest
from foreign_models import torch_module
from tools import require_module

from ernn_myhdl import DesignError, import_model, import_module

torch = torch_module()
pytestmark = pytest.mark.torch

from torch import nn  # noqa: E402

C = 6


class Gated(nn.Module):
    """y of a GRU, or of a convolution (batch, C, frames), and a gate of two layers."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.rnn = nn.GRU(4, C, batch_first=True)
        self.front = nn.Conv1d(4, C, 1)
        self.mean = nn.Conv1d(C, C, 3, groups=C, bias=False)
        self.mean.weight.data.fill_(1 / 3)
        self.down, self.up, self.score, self.head = nn.Linear(C, 2), nn.Linear(2, C), nn.Linear(C, 1), nn.Linear(C, 3)  # fmt: skip

    def gate(self, m):
        return torch.sigmoid(self.up(torch.relu(self.down(m))))

    def y(self, x):
        return self.rnn(x)[0]


def mean(self, x):
    y = self.y(x)
    return self.head(y * self.gate(y.mean(1, keepdim=True)))


def unsqueezed(self, x):
    y = self.y(x)
    return self.head(y * self.gate(y.mean(1)).unsqueeze(1))


def maximum(self, x):
    y = self.y(x)
    return self.head(self.gate(y.amax(1))[:, None] * y)


def pooled(self, x):
    y = torch.relu(self.front(x.transpose(1, 2)))
    gate = self.gate(nn.functional.adaptive_avg_pool1d(y, 1).flatten(1)).unsqueeze(-1)
    return self.head((y * gate).transpose(1, 2))


def expanded(self, x):
    y = self.y(x)
    return self.head(y * self.gate(y.mean(1, keepdim=True)).expand_as(y))


def of_x(self, x):
    return self.rnn(x * torch.sigmoid(x.mean(1, keepdim=True)))[0]


def last(self, x):
    y = self.y(x)
    return self.head(y * self.gate(y[:, -1:]))


def centred(self, x):
    y = self.y(x)
    return self.head(y - y.mean(1, keepdim=True))


def beside(self, x):
    y = self.y(x)
    both = torch.cat([y, y.mean(1, keepdim=True).expand_as(y)], -1)
    return self.head(both[..., :C])


def attention(self, x):
    y = self.y(x)
    return self.head((torch.softmax(self.score(y), 1) * y).sum(1))


PRODUCT = "multiplies every frame with what follows from the {} of its sequence, as a squeeze-and-excitation"
REFUSED = {
    "mean": (mean, PRODUCT.format("mean of all frames")),
    "mean, unsqueezed": (unsqueezed, PRODUCT.format("mean of all frames")),
    "maximum": (maximum, PRODUCT.format("maximum of all frames")),
    "pool": (pooled, PRODUCT.format("mean of all frames")),
    "expanded": (expanded, PRODUCT.format("mean of all frames")),
    "of x itself": (of_x, PRODUCT.format("mean of all frames")),
    "last frame": (last, PRODUCT.format("last frame")),
    "difference": (centred, "adds to every frame, or subtracts, what follows from the mean of all frames"),
    "concatenation": (beside, "puts beside every frame what follows from the mean of all frames"),
    "attention pooling": (attention, "is a softmax over the frames of a sequence, as attention pooling"),
}  # fmt: skip


def made(forward):
    return type("Net", (Gated,), {"forward": forward})().eval()


@pytest.mark.parametrize("case", REFUSED)
def test_weights_of_whole_sequences_are_refused_by_what_they_are(case):
    forward, words = REFUSED[case]
    with pytest.raises(DesignError) as error:
        import_module(made(forward), torch.randn(2, 5, 4))
    text = str(error.value)
    assert words in text and "\n" not in text
    assert "running mean of the last frames" in text or "train with the mean" in text


@pytest.mark.onnx
@pytest.mark.parametrize("case", ["mean", "pool", "concatenation", "attention pooling"])
@pytest.mark.parametrize("dynamo", [False, True], ids=["older", "newer"])
def test_they_are_in_onnx_files_too(case, dynamo, tmp_path):
    require_module("onnxscript", "pip install onnxscript")
    forward, words = REFUSED[case]
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                made(forward), (torch.randn(2, 5, 4),), str(tmp_path / "m.onnx"), dynamo=dynamo,
                **({"verbose": False} if dynamo else {}),
            )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)
    with pytest.raises(DesignError) as error:
        import_model(tmp_path / "m.onnx")
    assert words in str(error.value)


def test_a_gate_of_a_running_mean_is_imported():
    """What the messages advise."""

    def forward(self, x):
        y = self.y(x)
        running = self.mean(nn.functional.pad(y.transpose(1, 2), (2, 0))).transpose(1, 2)
        return self.head(y * self.gate(running))

    model, x = made(forward), np.random.default_rng(2).standard_normal((9, 4))
    imported = import_module(model, torch.randn(2, 5, 4), word=16)
    with torch.no_grad():
        wanted = model(torch.tensor(x[None], dtype=torch.float32))[0].numpy()
    assert np.abs(imported.design.run(x, "integer").outputs - wanted).max() < 1e-3
