"""LSTM and GRU nodes of ONNX as layers.

LSTM  W (1, 4 H, X), R (1, 4 H, H), B (1, 8 H): gates i, o, f, c;  P (1, 3 H): i, o, f
GRU   W (1, 3 H, X), R (1, 3 H, H), B (1, 6 H): gates z, r, h
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ernn_myhdl.design.cells import CELLS
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL, OPERATORS, RecurrentKind

#: Our peepholes input, forget, output in i, o, f.
PEEPHOLES = (0, 2, 1)
_ATTRIBUTES = {
    "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout",
}  # fmt: skip
#: Programs, by a part of their name, whose GRU resets after the product, and what they call it.
_RESET_AFTER = {
    "torch": "PyTorch's nn.GRU",
    "tf2onnx": "Keras' GRU with reset_after, its default,",
    "keras": "Keras' GRU with reset_after, its default,",
}
_PROJECTION = (
    "; where the model has proj_size, PyTorch's exporters write such broken nodes: import its state dict (.pt or "
    ".safetensors)"
)


def recurrent_layer(
    name: str, kind: str, attributes: dict, arrays: dict[str, np.ndarray | None]
) -> DenseLayer:
    """The layer of a node.

    name: of the layer. kind: the operator. arrays: W, R, B, P by the names of ONNX, None
    where not given; initial_h, initial_c (1, batch, H), or (batch, 1, H) with layout 1.
    """
    where = f"node {name!r} ({kind})"
    form = OPERATORS[kind]
    activation = _check_attributes(where, form, attributes)
    w, r = arrays["W"], arrays["R"]
    if w is None or r is None:
        raise DesignError(f"{where}: has no {'R' if r is None else 'W'}, which every layer needs")
    gates = form.gates
    hidden = attributes.get("hidden_size", r.shape[-1] if r.ndim else 0)
    advice = _PROJECTION if form.projects else ""
    if not isinstance(hidden, int) or hidden < 1:
        raise DesignError(f"{where}: hidden_size = {hidden}, must be 1 or more")
    _check_shape(where, "W", w, (1, gates * hidden, w.shape[-1] if w.ndim else 0), advice)
    _check_shape(where, "R", r, (1, gates * hidden, hidden), advice)
    order = list(form.order)
    weights = {
        "input_weight": w.reshape(gates, hidden, -1)[order],
        "recurrent_weight": r.reshape(gates, hidden, hidden)[order],
    }
    b = arrays.get("B")
    if b is None:
        b = np.zeros((1, 2 * gates * hidden))
    _check_shape(where, "B", b, (1, 2 * gates * hidden))
    input_bias, recurrent_bias = b.astype(np.float64).reshape(2, gates, hidden)[:, order]
    weights["bias"] = input_bias + recurrent_bias
    options: dict[str, Any] = {form.free[1]: activation}
    if "linear_before_reset" in form.attributes:
        after = attributes.get("linear_before_reset", 0)
        options["reset"] = "after" if after else "before"
    if options.get("reset") == "after":
        weights["bias"][2] = input_bias[2]
        weights["recurrent_bias"] = recurrent_bias[2:]
    p = arrays.get("P")
    if p is not None:
        _check_shape(where, "P", p, (1, 3 * hidden))
        if np.any(p):
            weights["peephole"] = p.reshape(3, hidden)[list(PEEPHOLES)]
    initial = {}
    for state, tensor in form.state.items():
        if (array := arrays.get(tensor)) is not None:
            initial[state] = _initial(where, tensor, array, hidden, attributes.get("layout", 0))
    if initial:
        initial = {n: initial.get(n, np.zeros(hidden)) for n in form.state}
    if not any(np.any(array) for array in initial.values()):
        initial = {}
    return DenseLayer(name, form.kind, weights, initial=initial, **options)


def _check_attributes(where: str, form: RecurrentKind, attributes: dict) -> str:
    """The activation that may be chosen; DesignError where an attribute asks for what a cell does not have."""
    for name, value in attributes.items():
        if name not in _ATTRIBUTES | form.attributes:
            raise DesignError(
                f"{where}: attribute {name} is not known; export with opset 14 or newer"
            )
        if name in ("clip", "input_forget") and value:
            raise DesignError(
                f"{where}: attribute {name} = {value} is not supported; export without it"
            )
        if name in ("activation_alpha", "activation_beta") and len(value):
            raise DesignError(f"{where}: attribute {name} = {value} is not supported")
    direction = attributes.get("direction", b"forward").decode(errors="replace")
    if direction != "forward":
        raise DesignError(
            f"{where}: direction {direction!r} is not supported: the hardware takes frames as they come; "
            "must be 'forward' (the halves of one bidirectional layer can be imported from its state dict, "
            "with --direction forward and --direction backward)"
        )
    names = [a.decode(errors="replace") for a in attributes.get("activations", ())]
    place, _ = form.free
    default = list(form.activations)
    names = names or default
    fixed, must = ([n.lower() for i, n in enumerate(a) if i != place] for a in (names, default))
    if len(names) != len(default) or fixed != must:
        raise DesignError(f"{where}: activations {', '.join(names)}: must be {', '.join(default)}")
    legal = CELLS[form.kind].activations
    if names[place].lower() not in legal:
        raise DesignError(
            f"{where}: activation {names[place]}: must be {' or '.join(n.capitalize() for n in legal)}"
        )
    return names[place].lower()


def reset_note(where: str, kind: str, attributes: dict, producer: str) -> str:
    """A note on a GRU whose reset is not where the layers of the producer have it; empty if it is."""
    if kind != "GRU" or attributes.get("linear_before_reset", 0):
        return ""
    missing = "linear_before_reset" not in attributes
    for part, layer in _RESET_AFTER.items():
        if part in producer.lower() and (missing or part == "torch"):
            return (
                f"{where}: linear_before_reset is {'missing' if missing else '0'}: by ONNX the reset comes before "
                f"the product, and so it is imported, but {layer} resets after it. If the model was one, the "
                "exporter forgot the attribute and results differ: set it to 1, or import the state dict"
            )
    return ""


def check_zero_state(
    where: str, name: str, shape: tuple | None, layer: DenseLayer, layout: int
) -> None:
    """DesignError where zeros of a shape, as far as it is known, are no state of the layer."""
    if shape is None:
        return
    wanted = (None, 1, layer.hidden) if layout else (1, None, layer.hidden)
    fits = len(shape) == 3 and all(
        n is None or not isinstance(given, int) or given == n
        for n, given in zip(wanted, shape, strict=True)
    )
    if not fits:
        stated = ", ".join(str(n) if isinstance(n, int) else "?" for n in shape)
        must = ", ".join("?" if n is None else str(n) for n in wanted)
        advice = _PROJECTION if OF_CELL[layer.kind].projects else ""
        raise DesignError(f"{where}: {name} has shape ({stated}), must be ({must}){advice}")


def _check_shape(
    where: str, name: str, array: np.ndarray, shape: tuple[int, ...], advice: str = ""
) -> None:
    if array.shape != shape or not array.size:
        raise DesignError(f"{where}: {name} has shape {array.shape}, must be {shape}{advice}")
    if array.dtype.kind != "f":
        raise DesignError(f"{where}: {name} has type {array.dtype}, must be floating point")
    if not np.all(np.isfinite(array)):
        raise DesignError(f"{where}: {name} holds NaN or infinity")


def _initial(where: str, name: str, array: np.ndarray, hidden: int, layout: int) -> np.ndarray:
    """An initial state as (H,), the same for every sequence of the batch."""
    batch = array.shape[0 if layout else 1] if array.ndim == 3 else 0
    wanted = (batch, 1, hidden) if layout else (1, batch, hidden)
    _check_shape(where, name, array, wanted, _PROJECTION if "(LSTM)" in where else "")
    rows = array.reshape(batch, hidden)
    if np.any(rows != rows[0]):
        raise DesignError(
            f"{where}: {name} differs between the sequences of a batch; must be one state"
        )
    return rows[0]
