"""Layers from a state dict in PyTorch's names.

    weight_ih_l0 (gates H, X)   weight_hh_l0 (gates H, Y)   bias_ih_l0, bias_hh_l0 (gates H)
    weight_hr_l0 (Y, H)         the projection of an LSTM; the next layers are _l1, _l2, ...
    weight (Y, X), bias (Y)     nn.Linear
    weight (Y, X, K), bias (Y)  nn.Conv1d, where a description of the file tells its windows

behind any prefix, which names the module. Gates are in PyTorch's orders, which are ours: i, f, g, o in
an LSTM, r, z, n in a GRU; an RNN has one. Biases may be missing; both are summed, but for the recurrent one of a GRU's
candidate, which the reset multiplies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ernn_myhdl.design.cells import LinearCell
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.unknown_tensors import PARAMETER, check_names
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.convolutions import kernel_matrix
from ernn_myhdl.exchange.recurrent_kinds import OF_GATES, RECURRENT_KINDS

_LINEAR = {"weight", "bias"}
_REVERSE = "_reverse"
DIRECTIONS = ("forward", "backward")
_KNOWN = "LSTM, GRU and RNN (weight_ih_l0, weight_hh_l0, ...) and linear layers (weight, bias) are imported"


@dataclass(frozen=True)
class Module:
    """A module of the source: its layers, joined one after the other.

    bias: whether it has one; an embedding has none.
    """

    name: str
    layers: tuple[DenseLayer, ...]
    bias: bool = True

    @property
    def kind(self) -> str:
        return self.layers[0].kind

    @property
    def recurrent(self) -> bool:
        return self.layers[0].recurrent

    @property
    def inputs(self) -> int:
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        return self.layers[-1].outputs

    def __str__(self) -> str:
        depth = f" x {len(self.layers)}" if len(self.layers) > 1 else ""
        return f"{self.name} ({self.kind}{depth}, {self.inputs} -> {self.outputs})"


def one_direction(arrays: dict[str, np.ndarray], direction: str | None) -> dict[str, np.ndarray]:
    """The tensors of one half of a bidirectional state dict, or of another; DesignError for both halves."""
    if direction not in (None, *DIRECTIONS):
        raise DesignError(
            f"direction = {direction!r}: must be {' or '.join(map(repr, DIRECTIONS))}"
        )
    reverse = [name for name in arrays if name.endswith(_REVERSE)]
    if direction is None and reverse:
        raise DesignError(
            f"tensor {reverse[0]!r} is of a bidirectional layer, which no core computes: its second half "
            "needs the end of a sequence first; train with bidirectional=False, or import each half of "
            "one layer with --direction"
        )
    if direction is not None and not reverse:
        raise DesignError(f"--direction {direction}: the model is not bidirectional")
    if direction == "backward":
        return {name.removesuffix(_REVERSE): arrays[name] for name in reverse}
    return {name: array for name, array in arrays.items() if name not in reverse}


def modules(
    arrays: dict[str, np.ndarray],
    options: Mapping[str, Mapping[str, Any]],
    default: Mapping[str, str] | None = None,
) -> list[Module]:
    """The modules of a state dict, in the order of the names' first appearance.

    options: by module, fields of `DenseLayer` that a state dict does not tell: reset, g_activation, activation, slope, limit, groups,
    taps; of a convolution also its kernel: the layer is that of windows of so many frames.
    default: those of all recurrent modules for which it does not tell them.
    """
    kernels = {
        f"{n}.weight".lstrip("."): (own["kernel"], own.get("groups", 1))
        for n, own in options.items()
        if "kernel" in own
    }
    arrays = {n: _on_windows(n, a, *kernels[n]) if n in kernels else a for n, a in arrays.items()}
    check_names({name: array.shape for name, array in arrays.items()})
    groups: dict[str, dict[int, dict[str, np.ndarray]]] = {}
    for name, array in arrays.items():
        found = PARAMETER.fullmatch(name)
        assert found, name  # `check_names`
        layers = groups.setdefault(found["module"] or "", {})
        layers.setdefault(int(found["layer"] or 0), {})[found["what"]] = array
    if not groups:
        raise DesignError(f"holds no tensors; {_KNOWN}")
    return [
        _module(name, layers, options.get(name, {}), default or {})
        for name, layers in groups.items()
    ]


def _on_windows(name: str, kernel: np.ndarray, frames: int, groups: int) -> np.ndarray:
    """The matrix of a linear layer on windows, of the kernel of a convolution."""
    if kernel.ndim != 3 or kernel.shape[2] != frames or len(kernel) % groups:
        raise DesignError(
            f"tensor {name!r} has shape {kernel.shape}, must be (outputs, inputs, {frames}), the kernel of a convolution"
            + (f" in {groups} groups" if groups > 1 else "")
        )
    return kernel_matrix(kernel.transpose(2, 1, 0), groups)


def _module(
    name: str,
    layers: dict[int, dict[str, np.ndarray]],
    options: Mapping[str, Any],
    default: Mapping[str, str],
) -> Module:
    if set().union(*layers.values()) <= _LINEAR:
        if list(layers) != [0]:
            raise DesignError(f"module {name!r}: its tensors are of no known layer; {_KNOWN}")
        return Module(name or "linear", (_linear(name, layers[0], options),), "bias" in layers[0])
    options = {**default, **options}
    if sorted(layers) != list(range(len(layers))):
        raise DesignError(
            f"tensor {_tensor(name, 'weight_ih', _first_missing(layers))!r} is missing: there are "
            f"layers {', '.join(map(str, sorted(layers)))}"
        )
    _check_optional(name, layers)
    made = tuple(
        _recurrent(name, i, layers[i], len(layers) > 1, options) for i in range(len(layers))
    )
    for i, (this, following) in enumerate(zip(made, made[1:], strict=False)):
        if this.outputs != following.inputs:
            raise DesignError(
                f"tensor {_tensor(name, 'weight_ih', i + 1)!r} takes {following.inputs} inputs, must "
                f"be {this.outputs}, the outputs of layer {i}"
            )
    return Module(name or made[0].kind, made)


def _check_optional(name: str, layers: dict[int, dict[str, np.ndarray]]) -> None:
    """DesignError where a module has both biases, or a projection, in some places only."""
    for group in (("bias_ih", "bias_hh"), ("weight_hr",)):
        if not any(what in tensors for tensors in layers.values() for what in group):
            continue
        for layer, tensors in sorted(layers.items()):
            for what in group:
                if what not in tensors:
                    raise DesignError(f"tensor {_tensor(name, what, layer)!r} is missing")


def _first_missing(layers: dict) -> int:
    return next(i for i in range(len(layers)) if i not in layers)


def _tensor(module: str, what: str, layer: int | None) -> str:
    suffix = "" if layer is None else f"_l{layer}"
    return f"{module}.{what}{suffix}" if module else f"{what}{suffix}"


def _checked(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.shape != shape:
        raise DesignError(f"tensor {name!r} has shape {array.shape}, must be {shape}")
    if not np.all(np.isfinite(array)):
        raise DesignError(f"tensor {name!r} holds NaN or infinity")
    return array


def _matrix(name: str, tensors: dict[str, np.ndarray], what: str) -> np.ndarray:
    if what not in tensors:
        raise DesignError(f"tensor {name!r} is missing")
    array = tensors[what]
    if array.ndim != 2 or not array.size:
        raise DesignError(f"tensor {name!r} has shape {array.shape}, must be a matrix; {_KNOWN}")
    return _checked(name, array, array.shape)


def _linear(module: str, tensors: dict[str, np.ndarray], options: Mapping[str, Any]) -> DenseLayer:
    weight = _matrix(_tensor(module, "weight", None), tensors, "weight")
    if "bias" not in tensors and "emb" in module.lower():
        raise DesignError(
            f"tensor {_tensor(module, 'weight', None)!r} looks like an embedding, which the core does "
            "not hold; save the state dict without it, and give the embedded vectors to the core"
        )
    bias = tensors.get("bias", np.zeros(len(weight)))
    bias = _checked(_tensor(module, "bias", None), bias, (len(weight),))
    weights = {"input_weight": weight[None], "bias": bias[None]}
    known = {n: v for n, v in options.items() if n in LinearCell.dense_options}
    if known.get("groups", 1) > 1:
        known.setdefault("taps", options.get("kernel", 1))
    return DenseLayer(module or "linear", "linear", weights, **known)


def _recurrent(
    module: str,
    layer: int,
    tensors: dict[str, np.ndarray],
    stacked: bool,
    options: Mapping[str, Any],
) -> DenseLayer:
    def tensor(what: str) -> str:
        return _tensor(module, what, layer)

    if unknown := sorted(set(tensors) & _LINEAR):
        raise DesignError(f"tensor {_tensor(module, unknown[0], None)!r} is of no known layer")
    w, r = (_matrix(tensor(n), tensors, n) for n in ("weight_ih", "weight_hh"))
    projection = (
        _matrix(tensor("weight_hr"), tensors, "weight_hr") if "weight_hr" in tensors else None
    )
    hidden = r.shape[1] if projection is None else projection.shape[1]
    gates = len(w) // hidden
    form = OF_GATES.get(gates)
    if form is None or len(w) != gates * hidden:
        rows = " or ".join(f"{k.gates} of {k.article} {k.name}" for k in RECURRENT_KINDS)
        raise DesignError(
            f"tensor {tensor('weight_ih')!r} has {len(w)} rows for {hidden} cells, must have for each cell "
            f"{rows}"
        )
    outputs = hidden if projection is None else len(projection)
    if projection is not None and not form.projects:
        raise DesignError(
            f"tensor {tensor('weight_hr')!r}: {form.article} {form.name} has no projection"
        )
    _checked(tensor("weight_hh"), r, (gates * hidden, outputs))
    biases = [
        _checked(tensor(n), tensors.get(n, np.zeros(gates * hidden)), (gates * hidden,)).reshape(
            gates, hidden
        )
        for n in ("bias_ih", "bias_hh")
    ]
    weights = {
        "input_weight": w.reshape(gates, hidden, -1),
        "recurrent_weight": r.reshape(gates, hidden, outputs),
        "bias": np.add(*biases, dtype=np.float64),
    }
    kind = form.kind
    for n, legal in form.options.items():
        if len(legal) > 1 and n not in options:
            raise DesignError(
                f"module {module!r} is {form.article} {form.name}: a state dict does not tell whether its {n} is "
                f"{' or '.join(legal)}; name it with --{n}, or import an ONNX file, which tells it"
            )
    chosen: dict[str, Any] = {n: options.get(n, legal[0]) for n, legal in form.options.items()}
    if chosen.get("reset") == "after":
        weights["bias"][2] = biases[0][2]
        weights["recurrent_bias"] = biases[1][2:]
    if projection is not None:
        weights["projection_weight"] = projection
    if "peephole" in tensors:
        if not form.projects:
            raise DesignError(
                f"tensor {tensor('peephole')!r}: {form.article} {form.name} has no peepholes"
            )
        weights["peephole"] = _checked(tensor("peephole"), tensors["peephole"], (3, hidden))
    name = (module or kind) + (f".{layer}" if stacked else "")
    return DenseLayer(name, kind, weights, **chosen)
