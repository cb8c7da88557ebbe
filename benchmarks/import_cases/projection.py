"""A dense model imported without --block: its matrices became the nearest block-circulant ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.import_cases.case import Attempt, Case
from benchmarks.import_cases.onnx_layer import onnx_layer

KIND = "projection"
FRAMES = 40


def _inputs(inputs: int) -> np.ndarray:
    return np.random.default_rng(11).standard_normal((FRAMES, inputs)).astype(np.float32)


def _torch(build: str, inputs: int, *more: str) -> Callable[[Path], Attempt]:
    """A model of PyTorch, its modules one after the other, as a state dict. build: source of a ModuleDict."""

    def make(folder: Path) -> Attempt:
        import torch
        from safetensors.torch import save_file

        torch.manual_seed(3)
        model = torch.nn.ModuleDict(eval(build, {"nn": torch.nn}))
        state = {n: p.contiguous() for n, p in model.state_dict().items()}
        save_file(state, folder / "model.safetensors")
        x = _inputs(inputs)
        y = torch.tensor(x)
        with torch.no_grad():
            for module in model.values():
                y = module(y)
                y = y[0] if isinstance(y, tuple) else y
        command = ("import", "model.safetensors", "--word", "16", *more, "-o", "design")
        return Attempt(x, y.numpy(), command)

    return make


def _onnx(kind: str, **attributes: int) -> Callable[[Path], Attempt]:
    def make(folder: Path) -> Attempt:
        x = _inputs(10)
        y = onnx_layer(folder, kind, 10, 24, x, **attributes)
        return Attempt(x, y, ("import", "model.onnx", "--word", "16", "-o", "design"))

    return make


SAYS = "dense matrices are kept (block 1)"
_LSTM = '{"lstm": nn.LSTM(12, 32)}'
_HEAD = '{"gru": nn.GRU(9, 24), "head": nn.Linear(24, 5)}'

CASES = [
    Case(KIND, "LSTM, state dict", _torch(_LSTM, 12), "0.42", says=SAYS, needs=("torch",)),
    Case(
        KIND, "LSTM with projection, state dict", _torch('{"lstm": nn.LSTM(12, 32, proj_size=8)}', 12),
        "0.59", says=SAYS, needs=("torch",),
    ),
    Case(KIND, "GRU and a linear head, state dict", _torch(_HEAD, 9), "0.39", says=SAYS, needs=("torch",)),
    Case(KIND, "GRU, reset before, ONNX", _onnx("GRU", linear_before_reset=0), "0.41", says=SAYS, needs=("onnx",)),
    Case(KIND, "LSTM, ONNX", _onnx("LSTM"), "0.38", says=SAYS, needs=("onnx",)),
    Case(
        KIND, "GRU and a linear head, --block 4", _torch(_HEAD, 9, "--block", "4"), "0.35 without a number", wanted="warned",
        says="the outputs of the float model on standard normal inputs differ from the source's: largest error",
        needs=("torch",),
    ),
]  # fmt: skip
