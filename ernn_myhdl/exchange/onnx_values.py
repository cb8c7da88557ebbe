"""What is known of the values of an ONNX graph while it is walked.

A value is a numpy array (a constant), or one of the classes below. Axes carry labels, so that it is
known after any transposition and reshaping which axis counts frames and which holds the elements of a
frame: axes are told apart by what made them, never by their sizes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.joins import Cadence
from ernn_myhdl.exchange.graph import Input, Node

#: The labels of one axis: one, or several that a Reshape has made one axis of.
Axis = tuple[str, ...]


@dataclass(frozen=True)
class Padded:
    """Frames of zeros around a signal. axis: without them, now: with them. before, behind: how many."""

    axis: Axis
    now: Axis
    before: int
    behind: int


@dataclass(frozen=True)
class Signal:
    """x or a y: the input of the graph behind some operations.

    axes: in order. node: the last of the operations between the input and here. frame: label of the frames, known from the
    first recurrent node on. feature: label of the elements of a frame, known from the first layer on; taken:
    the label of the input's axis that the first layer took for them. last: holds the last frame of every
    sequence only. factors: recurrent and projection matrix, where a graph multiplies both for the last
    layer's R. padded: frames of zeros around it, which only a convolution takes. state: is Y_h of its node.
    """

    axes: tuple[Axis, ...]
    node: Node = field(default_factory=lambda: Node(Input()))
    frame: str | None = None
    feature: str | None = None
    taken: str | None = None
    last: bool = False
    factors: tuple[np.ndarray, np.ndarray] | None = None
    padded: Padded | None = None
    state: bool = False

    @property
    def layers(self) -> tuple[DenseLayer, ...]:
        """The layers between the input and here."""
        return self.node.layers

    def moved(self, axes) -> Signal:
        """The same numbers with other axes."""
        return replace(self, axes=tuple(axes))


@dataclass(frozen=True)
class Zeros:
    """Zeros; shape: numbers and axes, None where it is not known."""

    shape: tuple[int | Axis, ...] | None = None


@dataclass(frozen=True)
class Sizes:
    """A list of sizes of which one or more depend on the input: numbers and axes."""

    entries: tuple[int | Axis, ...]


@dataclass(frozen=True)
class State:
    """Final states, which the core does not give; parts: Y_h of several layers, one after the other. cell: those of cells, Y_c."""

    parts: tuple[Signal, ...] = ()
    cell: bool = False


@dataclass(frozen=True)
class GivenState:
    """States before the first frame that the graph takes as an input. name: of the input. sizes: of its axes, None where
    not known. part: (first, behind the last) of its layers, None where that is not known."""

    name: str
    sizes: tuple[int | None, ...] | None = None
    part: tuple[int, int] | None = None

    def __str__(self) -> str:
        whole = self.part is None or self.sizes is None or self.part == (0, self.sizes[0])
        return repr(self.name) if whole else f"{self.name!r}[{self.part[0] if self.part else 0}]"


Value = np.ndarray | Signal | Zeros | Sizes | State | GivenState


@dataclass
class Labels:
    """Labels of axes, their sizes, None where a size depends on the input, and the names that the file has
    for such sizes."""

    sizes: dict[str, int | None] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    #: Labels of the axes of the graph's inputs, with the number of the axis.
    inputs: dict[str, int] = field(default_factory=dict)
    #: Labels of frames that are some of others, with those.
    some_of: dict[str, str] = field(default_factory=dict)
    #: The same labels, with the frames that nothing was left out of, and which of these they are.
    cadences: dict[str, tuple[str, Cadence]] = field(default_factory=dict)
    #: Labels of axes of repeated frames, with the label of the frames of the graph's input.
    frames_of: dict[str, str] = field(default_factory=dict)

    def input_axis(self, label: str | None) -> int | None:
        """The axis of the graph's input that a label is of, is some of, or is repeated of; None for an axis that it has not."""
        if label is None:
            return None
        label = self.frames_of.get(label, label)
        while label in self.some_of:
            label = self.some_of[label]
        return self.inputs.get(label)

    def cadence(self, label: str) -> tuple[str, Cadence]:
        """The frames that nothing was left out of, and which of these a label of frames is of."""
        return self.cadences.get(label, (label, Cadence()))

    def some_frames(self, frame: str, some: Cadence, size: int | None) -> Axis:
        """The axis of some frames of a label: the same for the same frames, on whatever way windows have left out the others."""
        root, before = self.cadence(frame)
        chosen = root, before.then(some)
        for label, known in self.cadences.items():
            if known == chosen:
                return (label,)
        axis = self.new(size)
        self.some_of[axis[0]], self.cadences[axis[0]] = frame, chosen
        return axis

    def new(self, size: int | None, name: str = "") -> Axis:
        """A new axis."""
        label = f"axis{len(self.sizes)}"
        self.sizes[label] = size
        if name:
            self.names[label] = name
        return (label,)

    def of_input(self, sizes: list[int | str | None]) -> tuple[Axis, ...]:
        """The axes of an input of the graph; a string names a size that is not fixed."""
        axes = []
        for number, size in enumerate(sizes):
            fixed = size if isinstance(size, int) else None
            axes.append(self.new(fixed, size if isinstance(size, str) else ""))
            self.inputs[axes[-1][0]] = number
        return tuple(axes)

    def size(self, axis: Axis) -> int | None:
        """The size of an axis, None where it depends on the input."""
        sizes = [n for label in axis if (n := self.sizes[label]) is not None]
        return int(np.prod(sizes)) if len(sizes) == len(axis) else None

    def core(self, axis: Axis) -> Axis:
        """The labels of an axis without those that have one element."""
        return tuple(label for label in axis if self.sizes[label] != 1)

    def meaning(self, axis: Axis, signal: Signal) -> str:
        """What an axis of a signal holds, in words."""
        words = []
        for label in self.core(axis) or axis[:1]:
            if label == signal.frame:
                word = "frames"
            elif label == signal.feature:
                word = "elements of a frame"
            elif label in self.inputs and signal.frame is not None:
                word = "sequences"
            elif label in self.inputs:
                word = f"axis {self.inputs[label]} of the graph's input"
            else:
                word = "an axis of one element" if self.sizes[label] == 1 else "another axis"
            words.append(word)
        return " and ".join(dict.fromkeys(words))
