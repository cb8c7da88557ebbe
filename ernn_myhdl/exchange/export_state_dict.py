"""A design as a state dict in PyTorch's names, dense, float32, in a .safetensors file.

Layers that one nn.LSTM or nn.GRU can hold become its _l0, _l1, ...; the last linear layer is `head`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ernn_myhdl.design.cells import CELLS
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.exchange.description import PROPERTY, write_description
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL


def module_names(layers: Sequence[DenseLayer]) -> list[tuple[str, list[DenseLayer]]]:
    """The layers as modules of PyTorch: a name and the layers of each."""
    groups: list[list[DenseLayer]] = []
    for layer in layers:
        if groups and _stacks(groups[-1][-1], layer):
            groups[-1].append(layer)
        else:
            groups.append([layer])
    bases = [group[0].kind for group in groups]
    if len(bases) > 1 and not groups[-1][0].recurrent:
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
        options = [getattr(layer, name) for name in CELLS[layer.kind].dense_options]
        return layer.kind, layer.hidden, layer.outputs, *options, frozenset(layer.weights)

    return one.recurrent and traits(one) == traits(other)


def _torch_options(layer: DenseLayer) -> Mapping[str, tuple[str, ...]]:
    """The options of the layer, with the values that PyTorch's module can have."""
    return OF_CELL[layer.kind].options if layer.recurrent else {}


def untold(layer: DenseLayer) -> dict[str, Any]:
    """The options that the tensors of a state dict do not tell."""
    if not layer.recurrent:
        cell = CELLS[layer.kind]
        known = {n: getattr(layer, n) for n in cell.dense_options}
        defaults = {f.name: f.default for f in fields(cell)}
        return {n: v for n, v in known.items() if v != defaults[n]}
    options = _torch_options(layer)
    return {n: getattr(layer, n) for n, v in options.items() if (getattr(layer, n),) != v}


def deviations(layer: DenseLayer) -> dict[str, str]:
    """What a module of PyTorch does not have: field of `DenseLayer` or "peephole" -> its value."""
    found = {}
    for name, legal in _torch_options(layer).items():
        if (value := getattr(layer, name)) not in legal:
            found[name] = value
    if "peephole" in layer.weights:
        found["peephole"] = "with"
    return found


def write_state_dict(
    file: Path,
    layers: Sequence[DenseLayer],
    blocks: Sequence[Mapping[str, int]],
    scaling: InputScaling | None = None,
    steps: Sequence[HostStep] = (),
) -> list[str]:
    """Write the file; notes for the user, which its metadata hold too. scaling, steps: of the design, likewise.

    One entry of metadata: safetensors writes several in an order of chance.
    """
    arrays: dict[str, np.ndarray] = {}
    options: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    activated: list[str] = []
    modules = module_names(layers)
    for name, group in modules:
        for i, layer in enumerate(group):
            tensors = _recurrent(layer, f"_l{i}") if layer.recurrent else _linear(layer)
            arrays |= {f"{name}.{tensor}": array for tensor, array in tensors.items()}
        different = deviations(group[0])
        if group[0].recurrent and not (form := OF_CELL[group[0].kind]).standard:
            notes.append(
                f"module {name!r} is {form.article} {form.name}, which PyTorch does not have"
            )
            different = {}
        if different or untold(group[0]):
            options[name] = untold(group[0])
        if not group[0].recurrent and untold(group[0]):
            activated.append(f"{name}: {_told(group[0])}")
        if different:
            what = ", ".join(f"{n} {v}" for n, v in different.items())
            notes.append(
                f"module {name!r} is no nn.{OF_CELL[group[0].kind].name}: {what}, which PyTorch's does not "
                "have; export it as .onnx to run it"
            )
    if activated:
        notes.append(
            "a state dict holds no functions; those behind linear layers are kept in the file's metadata, and stand in "
            f"forward: {', '.join(activated)}"
        )
    if scaling is not None and scaling.scales:
        notes.append(
            "the tensors are for x as the host normalises it, (x - offset) scale, whose numbers are kept in the file's metadata"
        )
    if steps:
        notes.append(
            f"what the host does behind the layers is kept in the file's metadata: {', then '.join(map(str, steps))}"
        )
    description = write_description(
        blocks, [name for name, _ in modules], options, notes, scaling, steps
    )
    save_file(
        {n: np.ascontiguousarray(a) for n, a in arrays.items()}, file, {PROPERTY: description}
    )
    return notes


def _told(layer: DenseLayer) -> str:
    """The activation of a linear layer, for people."""
    numbers = ", ".join(
        f"{n} {getattr(layer, n):g}" for n in ("slope", "limit") if getattr(layer, n)
    )
    return layer.activation + (f" ({numbers})" if numbers else "")


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
