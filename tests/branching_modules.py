"""PyTorch modules that branch, for tests of the import: what people train, small; importing it needs PyTorch."""

from __future__ import annotations

from tools import require_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
nn = torch.nn


class Residual(nn.Module):
    """y = lstm(x) + x"""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(5, 5, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0] + x


class TwoCells(nn.Module):
    """Outputs of two cells on x, concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.LSTM(5, 4, batch_first=True)
        self.b = nn.GRU(5, 3, batch_first=True)

    def forward(self, x):
        return torch.cat([self.a(x)[0], self.b(x)[0]], dim=-1)


class Skip(nn.Module):
    """x again at a later layer."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.GRU(5, 6, batch_first=True)
        self.b = nn.Linear(11, 4)

    def forward(self, x):
        return self.b(torch.cat((self.a(x)[0], x), -1))


class TwoHeads(nn.Module):
    """Two outputs that follow from different signals."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.GRU(5, 6, batch_first=True)
        self.b = nn.GRU(6, 4, batch_first=True)
        self.gains, self.speech = nn.Linear(4, 3), nn.Linear(6, 1)

    def forward(self, x):
        y = self.a(x)[0]
        return self.gains(self.b(y)[0]), self.speech(y)


class Amplifier(nn.Module):
    """A guitar amplifier: LSTM, dense, the input added to the output."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.dense = nn.LSTM(1, 8, batch_first=True), nn.Linear(8, 1)

    def forward(self, x):
        return self.dense(self.rnn(x)[0]) + x


class Denoiser(nn.Module):
    """RNNoise's three recurrent layers and its two heads, without its activations and its convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(7, 4)
        self.voice = nn.GRU(4, 4, batch_first=True)
        self.noise = nn.GRU(15, 6, batch_first=True)
        self.last = nn.GRU(17, 8, batch_first=True)
        self.gains, self.speech = nn.Linear(8, 5), nn.Linear(4, 1)

    def forward(self, x):
        dense = self.dense(x)
        voice = self.voice(dense)[0]
        noise = self.noise(torch.cat([dense, voice, x], -1))[0]
        last = self.last(torch.cat([voice, noise, x], -1))[0]
        return self.gains(last), self.speech(voice)


class Deep(nn.Module):
    """Two residual layers, one behind the other."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.LSTM(6, 6, batch_first=True), nn.LSTM(6, 6, batch_first=True)

    def forward(self, x):
        y = x + self.a(x)[0]
        return (y + self.b(y)[0])[:, -1]


#: Name -> module and inputs of a frame.
MODULES = {
    "residual": (Residual, 5), "two cells": (TwoCells, 5), "skip": (Skip, 5), "two heads": (TwoHeads, 5),
    "amplifier": (Amplifier, 1), "denoiser": (Denoiser, 7), "deep": (Deep, 6),
}  # fmt: skip


def made(name: str):
    """The module with its random weights, and an example (2, 6, inputs)."""
    torch.manual_seed(3)
    kind, inputs = MODULES[name]
    return kind().eval(), torch.randn(2, 6, inputs)


def outputs(model, x) -> list:
    """Its outputs as arrays, in order."""
    with torch.no_grad():
        y = model(x)
    return [each.numpy() for each in (y if isinstance(y, tuple) else (y,))]
