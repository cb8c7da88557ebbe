"""PyTorch modules with convolutions over frames, for tests of the import: what people train, small; importing it needs PyTorch."""

from __future__ import annotations

from tools import require_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
nn, functional = torch.nn, torch.nn.functional


class Padded(nn.Module):
    """A causal convolution, padded by an own module before it; a GRU behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.pad, self.conv = nn.ZeroPad1d((4, 0)), nn.Conv1d(5, 6, 3, dilation=2)
        self.rnn = nn.GRU(6, 4, batch_first=True)

    def forward(self, x):
        y = torch.relu(self.conv(self.pad(x.transpose(1, 2))))
        return self.rnn(y.transpose(1, 2))[0]


class Cut(nn.Module):
    """Padded on both sides by the convolution, cut behind it; added to its input, with a norm before the function."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(5, 5, 3, padding=2), nn.BatchNorm1d(5)
        self.head = nn.Linear(5, 3)
        nn.init.normal_(self.norm.weight)
        nn.init.uniform_(self.norm.running_mean)

    def forward(self, x):
        x = x.transpose(1, 2)
        y = torch.tanh(self.norm(self.conv(x)[:, :, :-2])) + x
        return self.head(y.transpose(1, 2))


class Temporal(nn.Module):
    """A stack of dilated convolutions with residuals, as temporal convolutional networks have them."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(4, 4, 2, dilation=2**i) for i in range(3))

    def forward(self, x):
        x = x.transpose(1, 2)
        for i, conv in enumerate(self.convs):
            x = x + functional.leaky_relu(conv(functional.pad(x, (2**i, 0))), 0.1)
        return x.transpose(1, 2)


class Valid(nn.Module):
    """Without padding, so that fewer frames come out; scaled before."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.rnn = nn.Conv1d(5, 4, 3), nn.LSTM(4, 4, batch_first=True)

    def forward(self, x):
        return self.rnn(self.conv(((x - 0.5) / 2.0).transpose(1, 2)).transpose(1, 2))[0]


class Strided(nn.Module):
    """Every second frame, and every second of these."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv1d(5, 4, 4, stride=2, bias=False), nn.Conv1d(4, 3, 1, stride=2)

    def forward(self, x):
        y = torch.relu(self.a(functional.pad(x.transpose(1, 2), (3, 0))))
        return self.b(y).transpose(1, 2)


class Depthwise(nn.Module):
    """A convolution of every element by itself, and one of single frames."""

    def __init__(self) -> None:
        super().__init__()
        self.depth, self.point = nn.Conv1d(6, 6, 3, groups=6), nn.Conv1d(6, 4, 1)

    def forward(self, x):
        y = self.depth(functional.pad(x.transpose(1, 2), (2, 0)))
        return self.point(torch.relu(y)).transpose(1, 2)


class StridedSum(nn.Module):
    """Two convolutions of every second frame side by side, added."""

    def __init__(self):
        super().__init__()
        self.one, self.other = (
            nn.Conv1d(5, 6, 3, stride=2),
            nn.Conv1d(5, 6, 2, dilation=2, stride=2),
        )
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = x.transpose(1, 2)
        return self.head((torch.relu(self.one(x)) + self.other(x)).transpose(1, 2))


class ValidConcatenated(nn.Module):
    """Two convolutions without padding beside one that reaches as far as both, concatenated with a function of it, before a GRU."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.whole = nn.Conv1d(5, 5, 2), nn.Conv1d(5, 4, 2), nn.Conv1d(5, 3, 3)  # fmt: skip
        self.rnn = nn.GRU(7, 4, batch_first=True)

    def forward(self, x):
        x = x.transpose(1, 2)
        both = [self.second(torch.relu(self.first(x))), torch.tanh(self.whole(x))]
        return self.rnn(torch.cat(both, 1).transpose(1, 2))[0]


class OtherFrames(nn.Module):
    """Two convolutions that leave out other frames of as many, added."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv1d(5, 6, 3, stride=2), nn.Conv1d(5, 6, 2, stride=2)

    def forward(self, x):
        x = x.transpose(1, 2)
        return (self.one(x) + self.other(x)).transpose(1, 2)


class Same(nn.Module):
    """Not causal."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(5, 4, 3, padding="same")

    def forward(self, x):
        return self.conv(x.transpose(1, 2)).transpose(1, 2)


class OverSequences(nn.Module):
    """Padded and convolved over the sequences of a batch, of which the GRU takes the frames along the other axis."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.conv = nn.GRU(5, 4), nn.Conv1d(4, 4, 2)

    def forward(self, x):
        return self.conv(functional.pad(self.rnn(x)[0].transpose(1, 2), (1, 0))).transpose(1, 2)


class NotCut(nn.Module):
    """Padded on both sides, nothing cut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv1d(5, 4, 3, padding=2), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.conv(x.transpose(1, 2)).transpose(1, 2))


class NotCutRecurrent(nn.Module):
    """Padded on both sides, nothing cut before a GRU, which would take frames behind the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.rnn = nn.Conv1d(5, 4, 3, padding=2), nn.GRU(4, 3, batch_first=True)

    def forward(self, x):
        return self.rnn(self.conv(x.transpose(1, 2)).transpose(1, 2))[0][:, -1]


class PaddedRecurrent(nn.Module):
    """Sequences with two frames of zeros before them, which an LSTM takes."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(5, 3, batch_first=True)

    def forward(self, x):
        return self.rnn(functional.pad(x, (0, 0, 2, 0)))[0]


#: Those that import, and those that are refused, with what the refusal says.
RIGHT = {"padded": Padded, "cut": Cut, "temporal": Temporal, "valid": Valid, "strided": Strided, "depthwise": Depthwise, "strided sum": StridedSum, "valid concatenated": ValidConcatenated}  # fmt: skip
REFUSED = {
    "over sequences": (OverSequences, "another axis"),
    "same": (Same, "not causal"),
    "not cut": (NotCut, "cut them off"),
    "not cut before a GRU": (NotCutRecurrent, "cut them off"),
    "other frames": (
        OtherFrames,
        "one has one frame in 2 from number 2 on, another one frame in 2 from number 1 on",
    ),
    "padded before an LSTM": (PaddedRecurrent, "pad the sequences on the host"),
}


def example(module: nn.Module, frames: int = 11) -> torch.Tensor:
    """x (2, frames, elements) of a module."""
    elements = {"Temporal": 4, "Depthwise": 6}.get(type(module).__name__, 5)
    return torch.randn(2, frames, elements)
