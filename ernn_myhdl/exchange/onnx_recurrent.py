"""LSTM and GRU nodes of ONNX as layers.

LSTM  W (1, 4 H, X), R (1, 4 H, H), B (1, 8 H): gates i, o, f, c;  P (1, 3 H): i, o, f
GRU   W (1, 3 H, X), R (1, 3 H, H), B (1, 6 H): gates z, r, h
"""

from __future__ import annotations

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.dense import DenseLayer

#: Where our gates stand in ONNX's order: i, f, g, o in i, o, f, c; r, z, n in z, r, h.
GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2)}
#: Our peepholes input, forget, output in i, o, f.
PEEPHOLES = (0, 2, 1)
INPUTS = {
    "LSTM": ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"),
    "GRU": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
}
_ATTRIBUTES = {
    "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout",
}  # fmt: skip
_OWN = {"LSTM": {"input_forget"}, "GRU": {"linear_before_reset"}}


def recurrent_layer(
    name: str, kind: str, attributes: dict, arrays: dict[str, np.ndarray | None]
) -> DenseLayer:
    """The layer of a node.

    name: of the layer. kind: LSTM or GRU. arrays: W, R, B, P by the names of ONNX, None
    where not given; initial_h, initial_c (1, batch, H), or (batch, 1, H) with layout 1.
    """
    where = f"node {name!r} ({kind})"
    g_activation = _check_attributes(where, kind, attributes)
    w, r = arrays["W"], arrays["R"]
    gates = len(GATES[kind])
    hidden = attributes.get("hidden_size", r.shape[-1] if r.ndim else 0)
    if not isinstance(hidden, int) or hidden < 1:
        raise DesignError(f"{where}: hidden_size = {hidden}, must be 1 or more")
    _check_shape(where, "W", w, (1, gates * hidden, w.shape[-1] if w.ndim else 0))
    _check_shape(where, "R", r, (1, gates * hidden, hidden))
    order = list(GATES[kind])
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
    reset = "after" if attributes.get("linear_before_reset", 0) else "before"
    if kind == "GRU" and reset == "after":
        weights["bias"][2] = input_bias[2]
        weights["recurrent_bias"] = recurrent_bias[2:]
    p = arrays.get("P")
    if p is not None:
        _check_shape(where, "P", p, (1, 3 * hidden))
        if np.any(p):
            weights["peephole"] = p.reshape(3, hidden)[list(PEEPHOLES)]
    initial = {}
    for state, tensor in (("output", "initial_h"), ("cell_state", "initial_c")):
        if (array := arrays.get(tensor)) is not None:
            initial[state] = _initial(where, tensor, array, hidden, attributes.get("layout", 0))
    if kind == "GRU":
        initial = {"cell_state": initial["output"]} if initial else {}
    elif initial:
        initial = {n: initial.get(n, np.zeros(hidden)) for n in ("output", "cell_state")}
    if not any(np.any(array) for array in initial.values()):
        initial = {}
    return DenseLayer(name, kind.lower(), weights, reset, g_activation, initial)


def _check_attributes(where: str, kind: str, attributes: dict) -> str:
    """The candidate's activation; DesignError where an attribute asks for what a cell does not have."""
    for name, value in attributes.items():
        if name not in _ATTRIBUTES | _OWN[kind]:
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
            "must be 'forward'"
        )
    names = [a.decode(errors="replace") for a in attributes.get("activations", ())]
    default = ["Sigmoid", "Tanh", "Tanh"] if kind == "LSTM" else ["Sigmoid", "Tanh"]
    names = names or default
    fixed = [n.lower() for n in names[:1] + names[2:]]
    if len(names) != len(default) or fixed != [n.lower() for n in default[:1] + default[2:]]:
        raise DesignError(f"{where}: activations {', '.join(names)}: must be {', '.join(default)}")
    if names[1].lower() not in ("tanh", "sigmoid"):
        raise DesignError(f"{where}: activation {names[1]}: must be Tanh or Sigmoid")
    return names[1].lower()


def _check_shape(where: str, name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape or not array.size:
        raise DesignError(f"{where}: {name} has shape {array.shape}, must be {shape}")
    if array.dtype.kind != "f":
        raise DesignError(f"{where}: {name} has type {array.dtype}, must be floating point")
    if not np.all(np.isfinite(array)):
        raise DesignError(f"{where}: {name} holds NaN or infinity")


def _initial(where: str, name: str, array: np.ndarray, hidden: int, layout: int) -> np.ndarray:
    """An initial state as (H,), the same for every sequence of the batch."""
    batch = array.shape[0 if layout else 1] if array.ndim == 3 else 0
    _check_shape(where, name, array, (batch, 1, hidden) if layout else (1, batch, hidden))
    rows = array.reshape(batch, hidden)
    if np.any(rows != rows[0]):
        raise DesignError(
            f"{where}: {name} differs between the sequences of a batch; must be one state"
        )
    return rows[0]
