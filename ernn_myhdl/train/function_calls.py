"""The functions of single elements that a forward pass computes, which may be activations of linear layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ernn_myhdl.exchange.activations import LayerFunction, NotOfLayers, layer_function
from ernn_myhdl.exchange.graph import Function

#: Name of PyTorch's function, without the _ of one in place -> its numbers behind x by name, with their defaults.
_NUMBERS: dict[str, tuple[tuple[str, float], ...]] = {
    "relu": (), "relu6": (), "tanh": (), "sigmoid": (), "hardsigmoid": (), "leaky_relu": (("negative_slope", 0.01),),
    "hardtanh": (("min_val", -1.0), ("max_val", 1.0)),
    "clamp": (("min", -np.inf), ("max", np.inf)), "clip": (("min", -np.inf), ("max", np.inf)),
    "clamp_min": (("min", 0.0),),
}  # fmt: skip


@dataclass(frozen=True)
class FunctionCall:
    """What a function took and gave: vectors (rows, elements) of one order."""

    function: LayerFunction
    taken: np.ndarray
    given: np.ndarray


class FunctionRecord(TorchFunctionMode):
    """Notes the calls of functions that a linear layer can compute of its sums. vectors: of a tensor."""

    def __init__(self, vectors: Callable[[Tensor], np.ndarray]) -> None:
        super().__init__()
        self.calls: list[FunctionCall] = []
        self._vectors = vectors

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        known = _known(func, args, kwargs)
        x = args[0] if args else kwargs.get("input")
        if known is None or not isinstance(x, Tensor) or not x.dim() or not x.is_floating_point():
            return func(*args, **kwargs)
        taken = self._vectors(x)  # before it is changed in place
        made = func(*args, **kwargs)
        self.calls.append(FunctionCall(known, taken, self._vectors(made)))
        return made


def _known(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> LayerFunction | None:
    name = getattr(func, "__name__", "").rstrip("_")
    if name not in _NUMBERS:
        return None
    numbers = {}
    for place, (key, default) in enumerate(_NUMBERS[name], 1):
        given = kwargs.get(key, args[place] if place < len(args) else None)
        if isinstance(given, Tensor):
            return None
        numbers[key] = default if given is None else float(given)
    if name.startswith("cl") or name == "hardtanh":
        low, high = (numbers.get(n, numbers.get(f"{n}_val", np.inf)) for n in ("min", "max"))
        function = Function("clip", (("min", low), ("max", high)))
    elif name == "hardsigmoid":
        function = Function("hard_sigmoid", (("alpha", 1 / 6), ("beta", 0.5)))
    else:
        function = Function(name, tuple(numbers.items()))
    try:
        found = layer_function(function)
    except NotOfLayers:
        return None
    return None if found is None or found.activation == "none" else found


def activations_of(
    outputs: Sequence[np.ndarray], calls: Sequence[FunctionCall]
) -> list[tuple[LayerFunction, np.ndarray]]:
    """The functions that were computed of all outputs (rows, elements) of a layer, with what they gave."""
    found = []
    for function in dict.fromkeys(call.function for call in calls):
        own = [call for call in calls if call.function == function]
        parts = [_given(y, own) for y in outputs]
        known = [part for part in parts if part is not None]
        if known and len(known) == len(parts):
            found.append((function, np.concatenate(known)))
    return found


def _given(y: np.ndarray, calls: Sequence[FunctionCall]) -> np.ndarray | None:
    return next((c.given for c in calls if np.array_equal(c.taken, y)), None)
