"""What is known of the values of an ONNX graph while it is walked.

A value is a numpy array (a constant), or one of the classes below. Axes carry labels, so that it is
known after any transposition and reshaping which axis counts frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ernn_myhdl.exchange.dense import DenseLayer

#: The labels of one axis: one, or two that a Reshape has made one axis of.
Axis = tuple[str, ...]


@dataclass(frozen=True)
class Signal:
    """x or a y: the input of the graph behind some layers.

    axes: in order. layers: those between the input and here. frame: label of the frames, known from the
    first recurrent node on. last: holds the last frame of every sequence only. factors: recurrent and
    projection matrix, where a graph multiplies both for the last layer's R.
    """

    axes: tuple[Axis, ...]
    layers: tuple[DenseLayer, ...] = ()
    frame: str | None = None
    last: bool = False
    factors: tuple[np.ndarray, np.ndarray] | None = None

    def moved(self, axes) -> Signal:
        """The same numbers with other axes."""
        return replace(self, axes=tuple(axes))


@dataclass(frozen=True)
class Zeros:
    """Zeros of a shape that depends on the input."""


@dataclass(frozen=True)
class Sizes:
    """A list of sizes of which one or more depend on the input: numbers and axes."""

    entries: tuple[int | Axis, ...]


@dataclass(frozen=True)
class State:
    """Final states, which the core does not give; parts: Y_h of several layers, one after the other."""

    parts: tuple[Signal, ...] = ()


Value = np.ndarray | Signal | Zeros | Sizes | State


@dataclass
class Labels:
    """Labels of axes and their sizes, None where a size depends on the input."""

    sizes: dict[str, int | None] = field(default_factory=dict)

    def new(self, size: int | None) -> Axis:
        """A new axis."""
        label = f"axis{len(self.sizes)}"
        self.sizes[label] = size
        return (label,)

    def size(self, axis: Axis) -> int | None:
        """The size of an axis, None where it depends on the input."""
        sizes = [self.sizes[label] for label in axis]
        return None if None in sizes else int(np.prod(sizes))
