"""The networks as PyTorch modules. x is (sequences, frames, inputs), or (sequences, frames) of indices."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


class Causal(nn.Module):
    """A causal convolution over frames, zeros on the left."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.left = (kernel - 1) * dilation
        self.conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation, groups=groups)

    def forward(self, x):
        return self.conv(functional.pad(x.transpose(1, 2), (self.left, 0))).transpose(1, 2)


class Tagger(nn.Module):
    """Recurrent layer, its last frame, dense layers of ReLU, and a sigmoid or a softmax."""

    def __init__(
        self, kind: str, inputs: int, hidden: int, dense: tuple[int, ...], classes: int
    ) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(inputs, hidden, batch_first=True)
        sizes = (hidden, *dense)
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, dense, strict=False))
        self.last = nn.Linear(sizes[-1], classes)
        self.classes = classes

    def forward(self, x):
        y = self.rnn(x)[0][:, -1]
        for layer in self.dense:
            y = torch.relu(layer(y))
        y = self.last(y)
        return torch.sigmoid(y) if self.classes == 1 else torch.softmax(y, -1)


class Rnnoise(nn.Module):
    """Convolutions with tanh, three GRUs, everything concatenated, gains and voice activity."""

    def __init__(self, features: int = 42, bands: int = 22) -> None:
        super().__init__()
        self.first, self.second = Causal(features, 48, 3), Causal(48, 48, 3)
        self.voice = nn.GRU(48, 24, batch_first=True)
        self.noise = nn.GRU(72, 48, batch_first=True)
        self.denoise = nn.GRU(120, 96, batch_first=True)
        self.gains, self.activity = nn.Linear(168, bands), nn.Linear(24, 1)

    def forward(self, x):
        x = torch.tanh(self.second(torch.tanh(self.first(x))))
        voice = self.voice(x)[0]
        noise = self.noise(torch.cat((x, voice), -1))[0]
        denoise = self.denoise(torch.cat((voice, noise, x), -1))[0]
        gains = torch.sigmoid(self.gains(torch.cat((voice, noise, denoise), -1)))
        return gains, torch.sigmoid(self.activity(voice))


class RnnoiseDense(nn.Module):
    """RNNoise's first form: a dense layer of tanh in front, three GRUs, skips of x."""

    def __init__(self, features: int = 42, bands: int = 22) -> None:
        super().__init__()
        self.dense = nn.Linear(features, 24)
        self.voice = nn.GRU(24, 24, batch_first=True)
        self.noise = nn.GRU(24 + 24 + features, 48, batch_first=True)
        self.denoise = nn.GRU(24 + 48 + features, 96, batch_first=True)
        self.gains, self.activity = nn.Linear(96, bands), nn.Linear(24, 1)

    def forward(self, x):
        dense = torch.tanh(self.dense(x))
        voice = self.voice(dense)[0]
        noise = self.noise(torch.cat((dense, voice, x), -1))[0]
        denoise = self.denoise(torch.cat((voice, noise, x), -1))[0]
        return torch.sigmoid(self.gains(denoise)), torch.sigmoid(self.activity(voice))


class Voice(nn.Module):
    """Voice activity: convolutions with ReLU, LSTM of 128, ReLU, sigmoid; causal."""

    def __init__(self, features: int = 129) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            (Causal(features, 128, 3), Causal(128, 64, 3), Causal(64, 128, 3))
        )
        self.rnn = nn.LSTM(128, 128, batch_first=True)
        self.head = nn.Linear(128, 1)

    def forward(self, x):
        for layer in self.convolutions:
            x = torch.relu(layer(x))
        return torch.sigmoid(self.head(torch.relu(self.rnn(x)[0])))


class Predistorter(nn.Module):
    """OpenDPD's GRU with its read-out."""

    def __init__(self, kind: str = "plain") -> None:
        super().__init__()
        self.kind = kind
        if kind == "convolution":
            self.front = Causal(4, 4, 3, groups=4)
        self.rnn = nn.GRU(4, 10, batch_first=True)
        if kind == "dense":
            self.hidden = nn.Linear(14, 10)
        self.head = nn.Linear(10, 2)

    def forward(self, x):
        front = self.front(x) if self.kind == "convolution" else x
        y = self.rnn(front)[0]
        if self.kind == "dense":
            y = torch.relu(self.hidden(torch.cat((y, x), -1)))
        return self.head(y)


class Activity(nn.Module):
    """Human activity: dense ReLU, two LSTMs, the last frame, softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.rnn, self.head = (
            nn.Linear(9, 32),
            nn.LSTM(32, 32, 2, batch_first=True),
            nn.Linear(32, 6),
        )

    def forward(self, x):
        return torch.softmax(self.head(self.rnn(torch.relu(self.dense(x)))[0][:, -1]), -1)


class Keyword(nn.Module):
    """Keyword spotting: LSTM with projection or GRU, the last frame, twelve classes."""

    def __init__(self, kind: str, cells: int, projection: int = 0) -> None:
        super().__init__()
        self.rnn = (
            nn.LSTM(10, cells, proj_size=projection, batch_first=True)
            if kind == "LSTM"
            else nn.GRU(10, cells, batch_first=True)
        )
        self.head = nn.Linear(projection or cells, 12)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class KeywordFrontEnd(nn.Module):
    """Keyword spotting with a convolution over frames and frequencies in front."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv2d(1, 8, (5, 3), padding=(2, 1))
        self.rnn, self.head = nn.GRU(80, 60, batch_first=True), nn.Linear(60, 12)

    def forward(self, x):
        y = torch.relu(self.front(x.unsqueeze(1))).permute(0, 2, 1, 3)
        return self.head(self.rnn(y.reshape(x.shape[0], x.shape[1], -1))[0][:, -1])


class WakeWord(nn.Module):
    """A wake word: GRU of 24, a score of each of four classes for every frame, the largest."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(10, 24, batch_first=True), nn.Linear(24, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0]).argmax(-1, keepdim=True)


class TwoHeads(nn.Module):
    """A speech front end: GRU of 16, a probability of voice, and gains of eight bands."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(12, 16, batch_first=True)
        self.hidden, self.gains, self.voice = nn.Linear(16, 12), nn.Linear(12, 8), nn.Linear(16, 1)

    def forward(self, x):
        y = self.rnn(x)[0]
        gains = torch.sigmoid(self.gains(torch.tanh(self.hidden(y))))
        return gains, torch.sigmoid(self.voice(y))


class Autoencoder(nn.Module):
    """Gravitational waves: LSTM 32 and 8, its last frame repeated, LSTM 8 and 32, dense per frame."""

    def __init__(self, frames: int = 8) -> None:
        super().__init__()
        self.frames = frames
        self.encoder = nn.ModuleList(
            (nn.LSTM(1, 32, batch_first=True), nn.LSTM(32, 8, batch_first=True))
        )
        self.decoder = nn.ModuleList(
            (nn.LSTM(8, 8, batch_first=True), nn.LSTM(8, 32, batch_first=True))
        )
        self.dense = nn.Linear(32, 1)

    def forward(self, x):
        for layer in self.encoder:
            x = layer(x)[0]
        x = x[:, -1].unsqueeze(1).repeat(1, self.frames, 1)
        for layer in self.decoder:
            x = layer(x)[0]
        return self.dense(x)


class Amplifier(nn.Module):
    """A guitar amplifier: LSTM, dense, the input added."""

    def __init__(self, hidden: int = 40) -> None:
        super().__init__()
        self.rnn, self.dense = nn.LSTM(1, hidden, batch_first=True), nn.Linear(hidden, 1)

    def forward(self, x):
        return self.dense(self.rnn(x)[0]) + x


class Heart(nn.Module):
    """ECG: LSTM, BatchNorm, LSTM, last frame, softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.LSTM(2, 64, batch_first=True), nn.LSTM(64, 32, batch_first=True)
        self.norm, self.head = nn.BatchNorm1d(64), nn.Linear(32, 5)
        self.norm.running_mean.normal_(0, 0.2)
        self.norm.running_var.uniform_(0.5, 1.5)

    def forward(self, x):
        y = self.norm(self.a(x)[0].transpose(1, 2)).transpose(1, 2)
        return torch.softmax(self.head(self.b(y)[0][:, -1]), -1)


class Letters(nn.Module):
    """A language model of letters: embedding, LSTM, scores of the next letter."""

    def __init__(self, letters: int = 65) -> None:
        super().__init__()
        self.table, self.rnn = nn.Embedding(letters, 32), nn.LSTM(32, 96, batch_first=True)
        self.head = nn.Linear(96, letters)

    def forward(self, x):
        return self.head(self.rnn(self.table(x))[0])


class Digits(nn.Module):
    """Spoken digits: GRU, the mean over frames, ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(32, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.rnn(x)[0].mean(1))


class Peak(nn.Module):
    """Detection: LSTM, the maximum over frames, sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(6, 24, batch_first=True), nn.Linear(24, 1)

    def forward(self, x):
        return torch.sigmoid(self.head(self.rnn(x)[0].amax(1)))


class Wave(nn.Module):
    """Gravitational waves, the small one: LSTM 9 and 9, a score per frame."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(1, 9, 2, batch_first=True), nn.Linear(9, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


class Normalised(nn.Module):
    """A GRU behind a LayerNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.rnn = nn.LayerNorm(12), nn.GRU(12, 32, batch_first=True)

    def forward(self, x):
        return self.rnn(self.norm(x))[0]


class BothWays(nn.Module):
    """A bidirectional tagger."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = (
            nn.LSTM(10, 24, batch_first=True, bidirectional=True),
            nn.Linear(48, 8),
        )

    def forward(self, x):
        return self.head(self.rnn(x)[0])


@dataclass(frozen=True)
class Case:
    """A network of the table. inputs: elements of a frame, 0 for indices below `indices`; refused: words of the reason
    for which it may be refused, None for one that must come in whole. argmax: whether its class is chosen in the core.
    hdl: whether it is small enough for GHDL and for a compiled simulation beside MyHDL."""

    make: object
    inputs: int
    frames: int = 8
    indices: int = 0
    refused: str | None = None
    argmax: bool = False
    hdl: bool = False


CASES: dict[str, Case] = {
    "RNNoise, dense in front": Case(RnnoiseDense, 42),
    "RNNoise, convolutions": Case(Rnnoise, 42),
    "voice activity, as Silero": Case(Voice, 129),
    "predistortion, GRU 4-10-2": Case(Predistorter, 4),
    "predistortion, skip and ReLU": Case(lambda: Predistorter("dense"), 4, hdl=True),
    "predistortion, convolution": Case(lambda: Predistorter("convolution"), 4, hdl=True),
    "top tagging, LSTM 20": Case(lambda: Tagger("LSTM", 6, 20, (64,), 1), 6, 20),
    "top tagging, GRU 20": Case(lambda: Tagger("GRU", 6, 20, (64,), 1), 6, 20, hdl=True),
    "flavour tagging, LSTM 120": Case(lambda: Tagger("LSTM", 6, 120, (50, 10), 3), 6, 15),
    "QuickDraw, LSTM 128": Case(lambda: Tagger("LSTM", 3, 128, (256, 128), 5), 3, 20),
    "human activity": Case(Activity, 9),
    "keywords, LSTM 144/98": Case(lambda: Keyword("LSTM", 144, 98), 10),
    "keywords, GRU 154": Case(lambda: Keyword("GRU", 154), 10),
    "keywords, Conv2d in front": Case(KeywordFrontEnd, 10, refused="conv"),
    "gravitational waves, autoencoder": Case(Autoencoder, 1),
    "gravitational waves, LSTM 9": Case(Wave, 1, hdl=True),
    "guitar amplifier": Case(Amplifier, 1, hdl=True),
    "ECG with BatchNorm": Case(Heart, 2),
    "language model of letters": Case(Letters, 0, indices=65, hdl=True),
    "wake word, argmax in the core": Case(WakeWord, 10, argmax=True, hdl=True),
    "speech front end, two heads": Case(TwoHeads, 12, hdl=True),
    "MNIST by rows, LSTM 32": Case(lambda: Tagger("LSTM", 28, 32, (), 10), 28, 28),
    "spoken digits, mean over frames": Case(Digits, 32),
    "detection, maximum over frames": Case(Peak, 6, hdl=True),
    "GRU behind LayerNorm": Case(Normalised, 12, refused="norm"),
    "bidirectional tagger": Case(BothWays, 10, refused="bidirectional"),
}  # fmt: skip


def module(name: str, seed: int = 0):
    """The module of a case, in evaluation mode, and an example x of two sequences."""
    case = CASES[name]
    torch.manual_seed(seed)
    model = case.make().eval()
    if case.indices:
        return model, torch.randint(0, case.indices, (2, case.frames))
    return model, torch.randn(2, case.frames, case.inputs)
