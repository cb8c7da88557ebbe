"""Elements of x of different size: one input format for all of them kept little of the small ones, silently.

The models' weights fit the sizes of the elements, as training on such data makes them; the formats are chosen on
other data than those of the comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.import_cases.case import Attempt, Case

KIND = "elements of x of different size"
HIDDEN, FRAMES = 16, 80


def _data(mean, spread, seed: int, sequences: int = 4) -> list[np.ndarray]:
    """Sequences (FRAMES, inputs) float32, normal; a spread below zero: a flag."""
    rng = np.random.default_rng(seed)
    mean, spread = np.asarray(mean, float), np.asarray(spread, float)
    x = rng.standard_normal((sequences, FRAMES, len(mean)))
    flags = spread < 0
    x[..., flags] = x[..., flags] > 0
    x[..., ~flags] = mean[~flags] + spread[~flags] * x[..., ~flags]
    return list(x.astype(np.float32))


def _fitted(weight, bias, mean, spread, block: int) -> None:
    """Divide the columns of a matrix by the sizes of the elements, those of a block column by their largest."""
    import torch

    flags = np.asarray(spread) < 0
    size, middle = np.where(flags, 0.5, spread), np.where(flags, 0.5, mean)
    size = np.repeat(size.reshape(-1, block).max(axis=1), block)
    with torch.no_grad():
        weight.div_(torch.tensor(size, dtype=torch.float32))
        bias.sub_(weight @ torch.tensor(middle, dtype=torch.float32))


def _sensors(
    kind: str, mean, spread, word: int = 12, block: int = 1, more: tuple[str, ...] = ()
) -> Callable[[Path], Attempt]:
    """A layer "lstm", "gru" or "linear" (with an LSTM behind it), as a state dict."""

    def make(folder: Path) -> Attempt:
        import torch
        from safetensors.torch import save_file

        torch.manual_seed(7)
        inputs = len(mean)
        if kind == "linear":
            layers = {"front": torch.nn.Linear(inputs, 6), "lstm": torch.nn.LSTM(6, HIDDEN)}
            first = layers["front"].weight, layers["front"].bias
        else:
            layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](inputs, HIDDEN)
            layers = {kind: layer}
            first = layer.weight_ih_l0, layer.bias_ih_l0
        if block > 1:
            from ernn_myhdl.train.circulant_tensors import expand, project

            with torch.no_grad():
                for parameter in layer.parameters():
                    if parameter.dim() == 2:
                        gates = parameter.reshape(-1, HIDDEN, parameter.shape[1])
                        dense = expand(project(gates, block)) * block**0.5
                        parameter.copy_(dense.reshape(parameter.shape))
        _fitted(*first, mean, spread, block)
        model = torch.nn.ModuleDict(layers)
        save_file(model.state_dict(), folder / "model.safetensors")
        np.savez(folder / "calibration.npz", *_data(mean, spread, 1))
        x, y = _data(mean, spread, 2), []
        with torch.no_grad():
            for signal in map(torch.from_numpy, x):
                for name in layers:
                    signal = model[name](signal)
                    signal = signal[0] if isinstance(signal, tuple) else signal
                y.append(signal.numpy())
        order = ("--order", ",".join(layers)) if len(layers) > 1 else ()
        options = ("--block", str(block), "--word", str(word), *order, *more)
        calibration = ("--calibration", "calibration.npz")
        arguments = ("import", "model.safetensors", *options, *calibration, "-o", "design")
        return Attempt(x, y, arguments)

    return make


def _case(member: str, make: Callable[[Path], Attempt], before: str, **wanted) -> Case:
    return Case(KIND, member, make, before, needs=("torch",), **wanted)


#: Pulse, blood pressure, temperature in K, saturation as a part, acceleration in m/s2.
_BODY = ([75, 12000, 310, 0.97, 0], [12, 1500, 0.6, 0.01, 0.3])
#: Current in A, voltage in mV, speed in 1/min, a flag.
_MOTOR = ([0, 400_000, 1500, 0], [0.02, 9000, 400, -1])
#: Four strains and four accelerations.
_PAIRED = ([0] * 8, [2e-5] * 4 + [8.0] * 4)

SAYS = "the host gives the core x "
CASES = [
    _case("LSTM, body sensors, 12 bits", _sensors("lstm", *_BODY), "1.4", limit=5e-3, says=SAYS),
    _case("LSTM, body sensors, 16 bits", _sensors("lstm", *_BODY, 16), "1.1", says=SAYS),
    _case("GRU, motor, 12 bits", _sensors("gru", *_MOTOR), "1.4", limit=5e-3, says=SAYS),
    _case("GRU, motor, 16 bits", _sensors("gru", *_MOTOR, 16), "1.4", says=SAYS),
    _case(
        "linear and LSTM, motor, 12 bits", _sensors("linear", *_MOTOR), "1.2", limit=5e-3, says=SAYS
    ),
    _case(
        "GRU, blocks of 4, a scale for each block column, 12 bits",
        _sensors("gru", *_PAIRED, block=4), "0.52", limit=5e-3, says=SAYS,
    ),
    _case(
        "LSTM, body sensors, --no-input-scales",
        _sensors("lstm", *_BODY, more=("--no-input-scales",)), "no such option, 1.4 without a word",
        wanted="warned", says="keeps little of x[0]",
    ),
]  # fmt: skip
