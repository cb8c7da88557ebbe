"""What lies between the modules of a PyTorch model: in trainings, and in state dicts with outputs of the model."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from benchmarks.import_cases.case import Attempt, Case

KIND = "between modules"
INPUTS, FRAMES = 5, 24

#: The model, made alike in this process and in the attempt's.
MODEL = """\
import torch
from torch import nn
from torch.nn import functional as F

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        {layers}
        for name, parameter in self.named_parameters():
            nn.init.normal_(parameter, std=0.6)

    def forward(self, x):
        {forward}

model = Model()
"""
#: A training that changes nothing, so that the outputs are known beforehand.
TRAINING = """
import numpy as np
from ernn_myhdl import save_design
from ernn_myhdl.train import fit

x = np.load("x.npy")
batch = torch.tensor(x[None], dtype=torch.float32)
compressed = fit(
    model, lambda model, batch: model(batch).square().mean(), [batch], epochs=1, progress=False,
    optimiser=lambda parameters: torch.optim.SGD(parameters, lr=0.0),
)
save_design(compressed.design([x], word=16), "design")
"""
#: An import with a reference, where there is one.
STATE_DICT = """
import numpy as np
from ernn_myhdl import import_model, save_design

torch.save(model.state_dict(), "model.pt")
x, y = np.load("x.npy"), np.load("y.npy")
options = {"calibration": [x], "word": 16, "block": 1}
try:
    imported = import_model("model.pt", reference={"x": x, "y": y}, **options)
except TypeError:  # before there was one
    imported = import_model("model.pt", **options)
save_design(imported.design, "design")
"""
LSTM, GRU = "nn.LSTM({}, batch_first=True)", "nn.GRU({}, batch_first=True)"


def _make(layers: dict[str, str], forward: str, then: str, folder: Path) -> Attempt:
    import torch

    made = "\n        ".join(f"self.{name} = {layer}" for name, layer in layers.items())
    source = MODEL.format(layers=made, forward=forward)
    space: dict = {}
    exec(source, space)
    x = np.random.default_rng(0).standard_normal((FRAMES, INPUTS))
    with torch.no_grad():
        y = space["model"](torch.tensor(x[None], dtype=torch.float32))[0].double().numpy()
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    return Attempt(x, y, script=source + then)


def _case(
    member: str, before: str, layers: dict[str, str], forward: str, then: str, **options
) -> Case:
    options = {"wanted": "refused"} | options
    make = functools.partial(_make, layers, forward, then)
    return Case(KIND, member, make, before, needs=("torch",), **options)


_TWO = {"rnn": LSTM.format("5, 6"), "head": "nn.Linear(6, 3)"}

CASES = [
    _case("training: LSTM, tanh, Linear", "0.04", _TWO, "return self.head(self.rnn(x)[0].tanh())", TRAINING, wanted="right"),
    _case(
        "training: Linear, LeakyReLU, LSTM", "0.8", {"front": "nn.Linear(5, 6)", "rnn": LSTM.format("6, 6")},
        "return self.rnn(F.leaky_relu(self.front(x)))[0]", TRAINING, wanted="right",
    ),
    _case("training: half of y", "0.29", _TWO, "return self.head(self.rnn(x)[0] * 0.5)", TRAINING, says="a factor of 0.5"),
    _case(
        "training: LSTM and GRU, summed", "0.45", {"one": LSTM.format("5, 5"), "two": GRU.format("5, 5"), "head": "nn.Linear(5, 3)"},
        "return self.head(self.one(x)[0] + self.two(x)[0])", TRAINING, wanted="right",
    ),
    _case(
        "training: layer norm without weights", "0.4", _TWO, "return self.head(F.layer_norm(self.rnn(x)[0], (6,)))", TRAINING,
        says="'head': does not take what 'rnn'",
    ),
    _case(
        "training: the second LSTM backwards in time", "0.5", {"one": LSTM.format("5, 5"), "two": GRU.format("5, 5")},
        "return self.two(self.one(x)[0].flip(1))[0].flip(1)", TRAINING, says="another order",
    ),
    _case("training: input scaled in forward", "0.45", _TWO, "return self.head(self.rnn(x * 3)[0])", TRAINING, says="a factor of 3"),
    _case("training: ReLU behind the head", "0.86", _TWO, "return self.head(self.rnn(x)[0]).relu()", TRAINING, wanted="right"),
    _case(
        "training: modules defined in another order", "0.89", {"two": GRU.format("5, 5"), "one": LSTM.format("5, 5")},
        "return self.two(self.one(x)[0])[0]", TRAINING, wanted="right",
    ),
    _case(
        "state dict: Linear, hardtanh, LSTM", "0.31", {"front": "nn.Linear(5, 6)", "rnn": LSTM.format("6, 6")},
        "return self.rnn(F.hardtanh(self.front(x)))[0]", STATE_DICT, says="y of frame",
    ),
    _case("state dict: softsign of y", "0.17", _TWO, "return self.head(F.softsign(self.rnn(x)[0]))", STATE_DICT, says="y of frame"),
    _case(
        "state dict: head with the input added", "0.41", {"rnn": LSTM.format("5, 5"), "head": "nn.Linear(5, 3)"},
        "return self.head(self.rnn(x)[0] + x)", STATE_DICT, says="y of frame",
    ),
    _case(
        "state dict: modules that fit in two orders", "0.89", {"two": GRU.format("5, 5"), "one": LSTM.format("5, 5")},
        "return self.two(self.one(x)[0])[0]", STATE_DICT, says="y of frame",
    ),
    _case(
        "state dict: an input layer's output scaled", "0.5", {"front": "nn.Linear(5, 6)", "rnn": GRU.format("6, 6")},
        "return self.rnn(self.front(x) * 6**0.5)[0]", STATE_DICT, says="y of frame",
    ),
    _case("state dict: nothing between", "0.00011", _TWO, "return self.head(self.rnn(x)[0])", STATE_DICT, wanted="right"),
]  # fmt: skip
