"""Random PyTorch modules of recurrent and linear layers with what users write between them, exported to ONNX."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: What may stand between two layers, with how often.
_BETWEEN = {
    "nothing": 12, "turn": 2, "swap": 2, "view": 2, "stack": 1, "flat": 2, "lone": 1, "last": 2, "dropout": 1,
    "shift": 1, "relu": 1, "residual": 1, "along": 1, "scale": 2, "norm": 2, "conv": 1,
}  # fmt: skip


@dataclass
class RandomModule:
    """module: of torch. shape: of x. feature, frame: axes of x. dynamic: axes of x without a fixed size."""

    module: object
    shape: tuple[int, int, int]
    feature: int
    frame: int | None
    dynamic: tuple[int, ...]


def random_module(seed: int, torch) -> RandomModule:
    """The module of a seed."""
    rng, own = np.random.default_rng([13, seed]), np.random.default_rng([15, seed])
    younger = np.random.default_rng([16, seed])
    torch.manual_seed(seed)
    common = int(rng.integers(2, 6))
    equal = rng.random() < 0.6

    def size(least: int = 1) -> int:
        return common if equal and rng.random() < 0.9 else int(rng.integers(least, 7))

    shape = (size(2), size(2), size())
    order = [0, 1, 2]
    steps: list[tuple[str, object]] = []
    if rng.random() < 0.15:
        order = [int(i) for i in rng.permutation(3)]
        steps.append(("turn", tuple(order)))
    now = [shape[i] for i in order]
    frame = None
    first = bool(rng.integers(2))
    for _ in range(int(rng.integers(1, 4))):
        hidden = size()
        if rng.random() < 0.6:
            batch_first = first if rng.random() < 0.9 else not first
            layers = int(rng.choice([1, 1, 2]))
            kind = "LSTM" if rng.random() < 0.5 else "GRU"
            options = {"batch_first": batch_first, "num_layers": layers, "bias": rng.random() < 0.9}
            width = hidden
            if kind == "LSTM" and hidden > 1 and rng.random() < 0.08:
                options["proj_size"] = width = int(rng.integers(1, hidden))
            if rng.random() < 0.06:
                options["bidirectional"], width = True, 2 * width
            steps.append(("rnn", getattr(torch.nn, kind)(now[-1], hidden, **options)))
            frame = order[int(batch_first)] if frame is None else frame
            now[-1] = width
            if own.random() < 0.3:  # a function of its own in the hardware
                steps.append(("linear", _activation(torch, own)))
        else:
            steps.append(("linear", torch.nn.Linear(now[-1], hidden, bias=rng.random() < 0.9)))
            now[-1] = hidden
            if own.random() < 0.4:
                steps.append(("linear", _activation(torch, own)))
        if younger.random() < 0.3:  # two signals as one, or some elements of one
            joining = _joining(torch, younger, now[-1])
            steps.append(("linear", joining))
            now[-1] = joining.size
        names = list(_BETWEEN)
        odds = np.array(list(_BETWEEN.values()), dtype=float)
        between = str(rng.choice(names, p=odds / odds.sum()))
        if frame is None and between not in ("dropout", "relu"):
            between = "nothing"  # so that the axis of the frames is known
        _between(torch, rng, between, steps, now)
        if len(now) != 3:
            break
        if frame is not None and own.random() < 0.25:
            steps += [("turn", (0, 2, 1)), ("linear", _convolution(torch, own, now[-1])), ("turn", (0, 2, 1))]  # fmt: skip
    if len(now) == 2 and rng.random() < 0.7:
        steps.append(("linear", torch.nn.Linear(now[-1], size())))
        if own.random() < 0.3:
            steps.append(("linear", _activation(torch, own)))
    if frame is not None and rng.random() < 0.1 and len(now) == 3:
        steps.append(("state", None))
    elif rng.random() < 0.2:
        steps.append((str(rng.choice(["softmax", "log_softmax"])), None))
    dynamic = tuple(i for i in (0, 1) if order[2] != i and rng.random() < 0.4)
    return RandomModule(_module(torch, steps), shape, order[2], frame, dynamic)


def _joining(torch, rng, n: int):
    """A module of two signals, or that takes some elements of one; size: elements behind it."""
    first = int(rng.integers(n))
    last = int(rng.integers(first, n)) + 1
    numbers = [int(i) for i in rng.permutation(n)]
    nn, functional = torch.nn, torch.nn.functional
    ways = [
        (lambda own, x: x * torch.sigmoid(own(x)), n, n), (lambda own, x: x - own(x), n, n), (lambda own, x: own(x) - x, n, n),
        (lambda own, x: 0.5 * x + torch.relu(own(x)), n, n), (lambda own, x: functional.glu(own(x), -1), 2 * n, n),
        (lambda own, x: functional.silu(own(x)), n, n), (lambda own, x: x * own(x), 1, n), (lambda own, x: x + own(x), 1, n),
        (lambda own, x: own(x)[..., first:last], n, last - first), (lambda own, x: x[..., first:last], 1, last - first),
        (lambda own, x: x[..., numbers], 1, n), (lambda own, x: torch.cat([2 * x, own(x) - 1], -1), n, 2 * n),
        (lambda own, x: torch.cat(own(x).chunk(2, -1)[::-1], -1), 2 * n, 2 * n), (lambda own, x: 1 - x, 1, n),
    ]  # fmt: skip
    way, width, size = ways[int(rng.integers(len(ways)))]

    class Joining(nn.Module):
        def __init__(self):
            super().__init__()
            self.size, self.own = size, nn.Linear(n, width)

        def forward(self, x):
            return way(self.own, x)

    return Joining()


def _activation(torch, rng):
    """A function of single elements, all but one of which a linear layer computes."""
    nn = torch.nn
    made = [
        nn.ReLU(), nn.ReLU6(), nn.Hardtanh(0.0, 2.0), nn.Hardtanh(), nn.LeakyReLU(), nn.LeakyReLU(0.3), nn.Tanh(),
        nn.Sigmoid(), nn.Hardsigmoid(), nn.Softplus(),
    ]  # fmt: skip
    return made[int(rng.integers(len(made)))]


def _convolution(torch, rng, size: int):
    """A causal convolution over the second axis, in groups, with zeros on the left."""
    kernel, dilation = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    groups = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
    conv = torch.nn.Conv1d(size, size, kernel, dilation=dilation, groups=groups)
    return torch.nn.Sequential(torch.nn.ConstantPad1d(((kernel - 1) * dilation, 0), 0.0), conv)


def _between(torch, rng, kind: str, steps: list, now: list[int]) -> None:
    """Add a step of a kind; now: the sizes, which follow."""
    if kind == "turn":
        order = tuple(int(i) for i in rng.permutation(3))
        now[:] = [now[i] for i in order]
        steps.append(("turn", order))
    elif kind == "swap":
        now[:] = [now[1], now[0], now[2]]
        steps.append(("turn", (1, 0, 2)))
    elif kind == "stack":
        total, rows = int(np.prod(now)), int(rng.choice(now))
        if total % (rows * now[-1]) == 0:
            now[:] = [total // rows // now[-1], rows, now[-1]]
            steps.append(("reshape", (-1, rows, now[-1])))
    elif kind == "along":
        now[:] = [now[0], now[2], now[1]]
        layer = torch.nn.Linear(now[-1], now[-1])
        steps += [("turn", (0, 2, 1)), ("linear", layer), ("turn", (0, 2, 1))]
        now[:] = [now[0], now[2], now[1]]
    elif kind == "shift":
        shape = [1, 1, 1]
        axis = int(rng.integers(3))
        shape[axis] = now[axis]
        steps.append(
            ("shift", torch.nn.Parameter(torch.randn(shape[int(rng.integers(axis + 1)) :])))
        )
    elif kind == "norm":
        layer = torch.nn.BatchNorm1d(now[-1])
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
        layer.running_mean.normal_()
        layer.running_var.uniform_(0.3, 2.0)
        steps += [("turn", (0, 2, 1)), ("linear", layer), ("turn", (0, 2, 1))]
    elif kind == "conv":
        layer = torch.nn.Conv1d(now[-1], now[-1], 1)
        steps += [("turn", (0, 2, 1)), ("linear", layer), ("turn", (0, 2, 1))]
    elif kind == "scale":
        numbers = [torch.rand(now[-1]) + 0.5, torch.randn(now[-1])]
        steps += [
            (n, torch.nn.Parameter(v)) for n, v in zip(("factor", "shift"), numbers, strict=True)
        ]
    elif kind == "last":
        axis = int(rng.integers(2))
        del now[axis]
        steps.append(("last", axis))
    elif kind != "nothing":
        steps.append((kind, None))


def _module(torch, steps: list):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for i, (_, what) in enumerate(steps):
                if isinstance(what, torch.nn.Module):
                    self.add_module(f"step{i}", what)
                elif isinstance(what, torch.nn.Parameter):
                    self.register_parameter(f"step{i}", what)

        def forward(self, x):
            state = None
            for i, (kind, what) in enumerate(steps):
                if kind == "rnn":
                    x, state = getattr(self, f"step{i}")(x)
                elif kind == "linear":
                    x = getattr(self, f"step{i}")(x)
                elif kind == "turn":
                    x = x.permute(*what)
                elif kind == "reshape":
                    x = x.reshape(*what)
                elif kind == "view":
                    x = x.reshape(x.shape[0], x.shape[1], -1)
                elif kind == "flat":
                    x = x.reshape(-1, x.shape[-1]).reshape(x.shape)
                elif kind == "lone":
                    x = x.unsqueeze(1).squeeze(1)
                elif kind == "last":
                    x = x[-1] if what == 0 else x[:, -1]
                elif kind == "dropout":
                    x = torch.nn.functional.dropout(x, 0.5, self.training)
                elif kind == "shift":
                    x = x + getattr(self, f"step{i}")
                elif kind == "factor":
                    x = x * getattr(self, f"step{i}")
                elif kind == "relu":
                    x = torch.relu(x)
                elif kind in ("softmax", "log_softmax"):
                    x = getattr(torch, kind)(x, -1)
                elif kind == "residual":
                    x = x + x * 0.5
                elif kind == "state":
                    x = (state[0] if isinstance(state, tuple) else state)[-1]
            return x

    return Net().eval()


def export(made: RandomModule, file: Path, torch, dynamo: bool) -> None:
    """Write the module with one of PyTorch's exporters; raises what that raises."""
    if not dynamo and any(getattr(m, "proj_size", 0) for m in made.module.modules()):
        raise NotImplementedError(
            "the older exporter has no LSTM with projection, and prints its graph"
        )
    x = torch.randn(made.shape)
    options: dict[str, object] = {"input_names": ["x"]}
    if made.dynamic and dynamo:
        options["dynamic_shapes"] = (dict.fromkeys(made.dynamic, torch.export.Dim.AUTO),)
    elif made.dynamic:
        options["dynamic_axes"] = {"x": {i: f"size{i}" for i in made.dynamic}}
    if dynamo:
        options["verbose"] = False
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(made.module, (x,), str(file), dynamo=dynamo, **options)
    finally:
        logging.disable(logging.NOTSET)


def outputs(made: RandomModule, x: np.ndarray, torch) -> np.ndarray:
    """What PyTorch computes."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return made.module(torch.tensor(x)).numpy()
