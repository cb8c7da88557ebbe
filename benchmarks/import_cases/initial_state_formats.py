"""A model that starts from states beyond one: formats were chosen as if it started from zero."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.import_cases.case import Attempt, Case
from benchmarks.import_cases.onnx_layer import onnx_layer

KIND = "formats without the initial states"
INPUTS, HIDDEN, FRAMES = 6, 20, 30


def _onnx(
    kind: str, largest: float, word: int = 16, **attributes: int
) -> Callable[[Path], Attempt]:
    """A layer with states uniform within +-largest."""

    def make(folder: Path) -> Attempt:
        rng = np.random.default_rng(5)
        x = rng.standard_normal((FRAMES, INPUTS))
        names = ("initial_h", "initial_c") if kind == "LSTM" else ("initial_h",)
        states = {name: rng.uniform(-largest, largest, HIDDEN) for name in names}
        y = onnx_layer(folder, kind, INPUTS, HIDDEN, x, states, **attributes)
        command = ("import", "model.onnx", "--block", "1", "--word", str(word), "-o", "design")
        return Attempt(x, y, command)

    return make


def _given(folder: Path) -> Attempt:
    """States of a file that were not known when the formats were chosen."""
    import torch
    from safetensors.numpy import save_file

    rng = np.random.default_rng(5)
    torch.manual_seed(2)
    gru = torch.nn.GRU(INPUTS, HIDDEN)
    state = {n: p.numpy() for n, p in gru.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    x = rng.standard_normal((FRAMES, INPUTS)).astype(np.float32)
    h = rng.uniform(-3, 3, HIDDEN).astype(np.float32)
    save_file({"layer_0.cell_state": h}, folder / "states.safetensors")
    with torch.no_grad():
        y = gru(torch.tensor(x), torch.tensor(h[None]))[0].numpy()
    command = ("import", "model.safetensors", "--block", "1", "--initial-states", "-o", "design")
    return Attempt(x, y, command, simulate=("--initial-states", "states.safetensors"))


CASES = [
    Case(KIND, "GRU, reset before, states up to 3", _onnx("GRU", 3.0, linear_before_reset=0), "0.32", needs=("onnx",)),
    Case(KIND, "GRU, reset after, states up to 8", _onnx("GRU", 8.0, linear_before_reset=1), "0.49", needs=("onnx",)),
    Case(KIND, "LSTM, states up to 6", _onnx("LSTM", 6.0), "0.32", needs=("onnx",)),
    Case(KIND, "LSTM, states up to 1.5, 12 bits", _onnx("LSTM", 1.5, 12), "0.056", limit=4e-3, needs=("onnx",)),
    Case(
        KIND, "GRU, states up to 3 given to the simulation", _given, "0.31 without a word", wanted="warned",
        says="values of cell_state are beyond its format", needs=("torch",),
    ),
]  # fmt: skip
