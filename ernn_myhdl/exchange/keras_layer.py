"""One layer of a Keras file: its configuration and its weights, checked as they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.whole_numbers import is_whole

Config = Mapping[str, Any]
Arrays = Sequence[np.ndarray]


@dataclass(frozen=True)
class KerasLayer:
    """A layer of a file. kind: its class name. config: its own. arrays: its weights, in order; cell: those of the cell or
    layer inside, where there is one. size: elements of a frame before it, None where not known. version: of the Keras that
    wrote the file, empty where not known. frames: of a sequence before it, None where not known. padded: frames of zeros before
    those of its input."""

    name: str
    kind: str
    config: Config
    arrays: Arrays
    size: int | None
    version: str = ""
    frames: int | None = None
    padded: int = 0

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"layer {self.name!r} ({self.kind})"

    def option(self, name: str, default: Any = None) -> Any:
        return self.config.get(name, default)

    def array(self, index: int, what: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """One of the arrays, float64; DesignError where it is missing or has another shape."""
        if index >= len(self.arrays):
            raise DesignError(f"{self.where}: {what} is missing in the file's weights")
        array = self.arrays[index]
        fits = array.ndim == len(shape) and all(
            n is None or n == own for n, own in zip(shape, array.shape, strict=True)
        )
        if not fits or not array.size:
            wanted = ", ".join("?" if n is None else str(n) for n in shape)
            raise DesignError(f"{self.where}: {what} has shape {array.shape}, must be ({wanted})")
        if array.dtype.kind != "f":
            raise DesignError(
                f"{self.where}: {what} has type {array.dtype}, must be floating point; save the model before it is "
                "quantised"
            )
        if not np.all(np.isfinite(array)):
            raise DesignError(f"{self.where}: {what} holds NaN or infinity; train it again")
        return array.astype(np.float64)

    def refuse(self, what: str, advice: str) -> DesignError:
        return DesignError(f"{self.where}: {what}; {advice}")


def units_of(layer: KerasLayer, name: str = "units") -> int:
    """A number of elements in the configuration of a layer."""
    units = layer.option(name)
    if not is_whole(units) or units < 1:
        raise DesignError(f"{layer.where}: {name} = {short(repr(units))}, must be 1 or more")
    return units
