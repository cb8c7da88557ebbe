"""PyTorch modules that take parts of a signal apart, subtract signals, or scale what no layer can take, for tests of the import."""

from __future__ import annotations

from collections.abc import Callable

from tools import require_module

torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
nn, functional = torch.nn, torch.nn.functional


class Made(nn.Module):
    """forward: of the modules, a dict by name, and x."""

    def __init__(self, forward: Callable, **modules: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(modules)
        self.own = forward

    def forward(self, x):
        return self.own(self.parts, x)


def gru(inputs: int = 5, cells: int = 6) -> nn.GRU:
    return nn.GRU(inputs, cells, batch_first=True)


def norm(size: int) -> nn.BatchNorm1d:
    made = nn.BatchNorm1d(size)
    with torch.no_grad():
        for tensor in (made.running_mean, made.bias):
            tensor.normal_()
        for tensor in (made.running_var, made.weight):
            tensor.uniform_(0.5, 2.0)
    return made


def along(module: nn.Module, y):
    """A module that takes (batch, elements, frames)."""
    return module(y.transpose(1, 2)).transpose(1, 2)


def padded(y):
    return functional.pad(y, (0, 0, 2, 0))


def halves(m, x):
    first, second = m["rnn"](x)[0].chunk(2, -1)
    return m["head"](torch.cat([second, first], -1))


def highway(m, x):
    y, share = torch.tanh(m["lin"](x)), torch.sigmoid(m["gate"](x))
    return share * y + (1 - share) * x


def gated(m, x):
    given = padded(x)
    return m["head"](torch.tanh(along(m["a"], given)) * torch.sigmoid(along(m["b"], given)) + x)


def heads(m, x):
    first, second = m["head"](m["rnn"](x)[0]).split([3, 5], -1)
    return torch.relu(first), torch.sigmoid(second)


#: name -> the module (forward, modules), and how many linear layers are made beside those of the module.
MODULES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "difference": (lambda: Made(lambda m, x: m["head"](m["rnn"](x)[0] - m["lin"](x)), rnn=gru(), lin=nn.Linear(5, 6), head=nn.Linear(6, 3)), 0),
    "difference of recurrent": (lambda: Made(lambda m, x: m["head"](m["a"](x)[0] - m["b"](x)[0]), a=gru(), b=gru(), head=nn.Linear(6, 3)), 1),
    "one minus y": (lambda: Made(lambda m, x: m["head"](1 - m["rnn"](x)[0]), rnn=gru(), head=nn.Linear(6, 3)), 0),
    "halves in other order": (lambda: Made(halves, rnn=gru(), head=nn.Linear(6, 3)), 0),
    "parts of a linear layer": (lambda: Made(heads, rnn=gru(), head=nn.Linear(6, 8)), 1),
    "parts of x": (lambda: Made(lambda m, x: torch.cat([m["rnn"](x[..., :3])[0], m["lin"](x[..., 3:])], -1), rnn=gru(3), lin=nn.Linear(2, 4)), 0),
    "elements of x by number": (lambda: Made(lambda m, x: m["rnn"](x[..., [3, 0, 1]])[0], rnn=gru(3)), 0),
    "an element of x added": (lambda: Made(lambda m, x: m["head"](m["rnn"](x)[0]) + x[..., 1:2], rnn=gru(), head=nn.Linear(6, 1)), 1),
    "part behind a function": (lambda: Made(lambda m, x: m["head"](torch.relu(m["lin"](x))[..., 2:5]), lin=nn.Linear(5, 6), head=nn.Linear(3, 2)), 0),
    "part before a convolution": (lambda: Made(lambda m, x: along(m["conv"], padded(m["rnn"](x)[0][..., 1:4])), rnn=gru(), conv=nn.Conv1d(3, 4, 3)), 1),
    "minimum over time": (lambda: Made(lambda m, x: m["head"](m["rnn"](x)[0].amin(1)), rnn=gru(), head=nn.Linear(6, 3)), 1),
    "norm before a padded convolution": (lambda: Made(lambda m, x: along(m["conv"], padded(along(m["norm"], m["rnn"](x)[0]))), rnn=gru(), norm=norm(6), conv=nn.Conv1d(6, 4, 3)), 1),
    "norm before a residual": (lambda: Made(lambda m, x: m["head"](along(m["norm"], m["rnn"](x)[0]) + x), rnn=gru(5, 5), norm=norm(5), head=nn.Linear(5, 3)), 1),
    "norm before a function": (lambda: Made(lambda m, x: m["head"](torch.relu(along(m["norm"], m["rnn"](x)[0]))), rnn=gru(), norm=norm(6), head=nn.Linear(6, 3)), 1),
    "norm before a maximum": (lambda: Made(lambda m, x: m["head"](along(m["norm"], m["rnn"](x)[0]).amax(1)), rnn=gru(), norm=norm(6), head=nn.Linear(6, 3)), 1),
    "norm of x before a padded convolution": (lambda: Made(lambda m, x: along(m["conv"], padded(along(m["norm"], x))), norm=norm(5), conv=nn.Conv1d(5, 4, 3)), 0),
    "half of x beside y": (lambda: Made(lambda m, x: 0.5 * x + m["rnn"](x)[0], rnn=gru(5, 5)), 1),
    "scales in a concatenation": (lambda: Made(lambda m, x: m["head"](torch.cat([0.1 * m["rnn"](x)[0], x, m["lin"](x) * torch.arange(1, 5)], -1) / 4), rnn=gru(), lin=nn.Linear(5, 4), head=nn.Linear(15, 3)), 0),
    "gate": (lambda: Made(lambda m, x: (lambda y: m["head"](y * torch.sigmoid(m["lin"](y))))(m["rnn"](x)[0]), rnn=gru(), lin=nn.Linear(6, 6), head=nn.Linear(6, 3)), 0),
    "highway": (lambda: Made(highway, lin=nn.Linear(5, 5), gate=nn.Linear(5, 5)), 1),
    "glu": (lambda: Made(lambda m, x: functional.glu(m["lin"](m["rnn"](x)[0]), -1), rnn=gru(), lin=nn.Linear(6, 8)), 1),
    "silu of a linear layer": (lambda: Made(lambda m, x: m["head"](functional.silu(m["lin"](x))), lin=nn.Linear(5, 6), head=nn.Linear(6, 3)), 0),
    "hardswish": (lambda: Made(lambda m, x: m["head"](functional.hardswish(3 * m["lin"](x))), lin=nn.Linear(5, 6), head=nn.Linear(6, 3)), 0),
    "a gain for all elements": (lambda: Made(lambda m, x: m["rnn"](x)[0] * torch.sigmoid(m["gain"](x)), rnn=gru(), gain=nn.Linear(5, 1)), 0),
    "gated convolutions": (lambda: Made(gated, a=nn.Conv1d(5, 5, 3), b=nn.Conv1d(5, 5, 3), head=nn.Linear(5, 2)), 0),
}  # fmt: skip


def made(name: str) -> tuple[nn.Module, torch.Tensor]:
    """The module in evaluation mode, and two sequences of 9 frames of x."""
    torch.manual_seed(sum(map(ord, name)))
    module = MODULES[name][0]().eval()
    return module, torch.randn(2, 9, 5)
