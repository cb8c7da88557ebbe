"""The host side of the demonstration: the shipped parameters and the dense read-out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

WEIGHTS_FILE = Path(__file__).with_name("weights.safetensors")
READOUT_FILE = Path(__file__).with_name("readout.safetensors")


@dataclass(frozen=True)
class Readout:
    """Read-out and input statistics, float64.

    ``weight`` is ``(9, 32)``, ``bias`` ``(9,)``; ``input_mean`` and ``input_std`` are ``(12,)``.
    """

    weight: np.ndarray
    bias: np.ndarray
    input_mean: np.ndarray
    input_std: np.ndarray


def demo_weights(path: Path = WEIGHTS_FILE) -> dict[str, np.ndarray]:
    """Load the LSTM's float32 tensors by name; docs/demo-model.md lists their shapes."""
    return load_file(path)


def load_readout(path: Path = READOUT_FILE) -> Readout:
    """Load the read-out that belongs to ``demo_weights()``."""
    tensors = {name: tensor.astype(np.float64) for name, tensor in load_file(path).items()}
    return Readout(
        weight=tensors["readout_weight"],
        bias=tensors["readout_bias"],
        input_mean=tensors["input_mean"],
        input_std=tensors["input_std"],
    )


def scores(outputs: Iterable[np.ndarray], readout: Readout | None = None) -> np.ndarray:
    """Score each utterance's outputs y ``(frames, 32)`` for each speaker: ``(n, 9)``."""
    readout = readout or load_readout()
    features = np.stack([frames.mean(axis=0) for frames in outputs])
    return features @ readout.weight.T + readout.bias


def classify(outputs: Iterable[np.ndarray], readout: Readout | None = None) -> np.ndarray:
    """Name the speaker, 0-8, of each utterance's outputs y ``(frames, 32)``: ``(n,)``."""
    return scores(outputs, readout).argmax(axis=1)
