"""A design as a state dict in PyTorch's names, dense, float32, in a .safetensors file.

Layers that one nn.LSTM or nn.GRU can hold become its _l0, _l1, ...; the last linear layer is `head`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.exchange.description import PROPERTY, write_description


def module_names(layers: Sequence[DenseLayer]) -> list[tuple[str, list[DenseLayer]]]:
    """The layers as modules of PyTorch: a name and the layers of each."""
    groups: list[list[DenseLayer]] = []
    for layer in layers:
        if groups and _stacks(groups[-1][-1], layer):
            groups[-1].append(layer)
        else:
            groups.append([layer])
    bases = [group[0].kind for group in groups]
    if len(bases) > 1 and bases[-1] == "linear":
        bases[-1] = "head"
    numbers = [bases[:i].count(base) for i, base in enumerate(bases)]
    names = [
        f"{base}_{n}" if bases.count(base) > 1 else base
        for base, n in zip(bases, numbers, strict=True)
    ]
    return list(zip(names, groups, strict=True))


def _stacks(one: DenseLayer, other: DenseLayer) -> bool:
    """Whether both can be layers of one nn.LSTM or nn.GRU."""

    def traits(layer: DenseLayer) -> tuple:
        tensors = frozenset(layer.weights)
        return layer.kind, layer.hidden, layer.outputs, layer.reset, layer.g_activation, tensors

    return one.kind != "linear" and traits(one) == traits(other)


def deviations(layer: DenseLayer) -> dict[str, str]:
    """What a module of PyTorch does not have: field of `DenseLayer` or "peephole" -> its value."""
    found = {}
    if layer.kind == "gru" and layer.reset == "before":
        found["reset"] = "before"
    if layer.kind != "linear" and layer.g_activation != "tanh":
        found["g_activation"] = layer.g_activation
    if "peephole" in layer.weights:
        found["peephole"] = "with"
    return found


def write_state_dict(
    file: Path,
    layers: Sequence[DenseLayer],
    blocks: Sequence[Mapping[str, int]],
    scaling: InputScaling | None = None,
) -> list[str]:
    """Write the file; notes for the user, which its metadata hold too. scaling: of the design, likewise.

    One entry of metadata: safetensors writes several in an order of chance.
    """
    arrays: dict[str, np.ndarray] = {}
    options, notes = {}, []
    modules = module_names(layers)
    for name, group in modules:
        for i, layer in enumerate(group):
            tensors = _linear(layer) if layer.kind == "linear" else _recurrent(layer, f"_l{i}")
            arrays |= {f"{name}.{tensor}": array for tensor, array in tensors.items()}
        if different := deviations(group[0]):
            options[name] = {n: v for n, v in different.items() if n != "peephole"}
            what = ", ".join(f"{n} {v}" for n, v in different.items())
            notes.append(
                f"module {name!r} is no nn.{group[0].kind.upper()}: {what}, which PyTorch's does not "
                "have; export it as .onnx to run it"
            )
    description = write_description(blocks, [name for name, _ in modules], options, notes, scaling)
    save_file(
        {n: np.ascontiguousarray(a) for n, a in arrays.items()}, file, {PROPERTY: description}
    )
    return notes


def _linear(layer: DenseLayer) -> dict[str, np.ndarray]:
    return {"weight": layer.weights["input_weight"][0], "bias": layer.weights["bias"][0]}


def _recurrent(layer: DenseLayer, suffix: str) -> dict[str, np.ndarray]:
    w = layer.weights
    recurrent_bias = np.zeros_like(w["bias"])
    if "recurrent_bias" in w:
        recurrent_bias[2] = w["recurrent_bias"][0]
    tensors = {
        "weight_ih": w["input_weight"].reshape(-1, layer.inputs),
        "weight_hh": w["recurrent_weight"].reshape(-1, layer.outputs),
        "bias_ih": w["bias"].reshape(-1),
        "bias_hh": recurrent_bias.reshape(-1),
    }
    if "projection_weight" in w:
        tensors["weight_hr"] = w["projection_weight"]
    if "peephole" in w:
        tensors["peephole"] = w["peephole"]
    return {name + suffix: array for name, array in tensors.items()}
