"""Names, ends and calls of layers in a configuration of Keras 2 or 3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.keras_file import Config


def name_of(layer: Config) -> str:
    config = layer.get("config")
    inner = config.get("name") if isinstance(config, dict) else None
    return str(layer.get("name") or inner or layer.get("class_name"))


#: A result of a call of a layer: its name, the number of the call, and which of the results.
End = tuple[str, int, int]


def ends_of(given: Any) -> list[End]:
    """Inputs or outputs of a functional model: one, a list, or a dictionary, which Keras counts by its sorted names."""
    if isinstance(given, dict):
        given = [given[name] for name in sorted(given)]
    if not isinstance(given, list) or not given:
        raise DesignError(f"its inputs or outputs are {short(repr(given))}")
    if isinstance(given[0], str):
        given = [given]
    return [(str(end[0]), int(end[1]), int(end[2])) for end in given]


def first_call(layer: Config, of_output: bool) -> int:
    """The number of the first call of a layer. of_output: as the outputs of a functional model count it, not what other layers take.

    A model that was made of an `Input` has a call that is in no configuration. Keras 3 counts it in a functional model's outputs alone,
    Keras 2, whose calls are lists, always, and of a Sequential model too.
    """
    calls = layer.get("inbound_nodes", [])
    kind, old = layer.get("class_name"), any(not isinstance(call, Mapping) for call in calls)
    if kind == "Sequential" and old:
        layers = layer.get("config", {}).get("layers", [])
        return int(bool(layers) and layers[0].get("class_name") == "InputLayer")
    return int(kind in ("Functional", "Model") and (of_output or old))


def arguments_of(call: Any) -> list[Any]:
    """What a layer is called with: ends for signals, and constants."""
    if isinstance(call, Mapping):  # Keras 3
        found: list[Any] = []
        for argument in call.get("args", []):
            found += _arguments(argument)
        for key, value in (call.get("kwargs") or {}).items():
            if key in ("mask", "training", "name"):
                continue
            found += [a for a in _arguments(value) if isinstance(a, tuple)]
        return found
    found = []
    for entry in call:  # Keras 2: [name, number, 0, {}]
        found.append((str(entry[0]), int(entry[1]), int(entry[2])))
        for value in (entry[3] if len(entry) > 3 else {}).values():
            found += _constants_of(value)
    return found


def _constants_of(value: Any) -> list[Any]:
    return [] if value is None or isinstance(value, bool | str) else [value]


def _arguments(argument: Any) -> list[Any]:
    if isinstance(argument, Mapping) and argument.get("class_name") == "__keras_tensor__":
        name, number, output = argument["config"]["keras_history"]
        return [(str(name), int(number), int(output))]
    if isinstance(argument, list) and any(isinstance(a, Mapping) for a in argument):
        return [found for a in argument for found in _arguments(a)]
    return [] if argument is None else [argument]


def snake_case(name: str) -> str:
    """As Keras makes the names of weights of those of classes."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
