"""A model as its file has it, whatever the file: a graph of operations on frames.

The readers of ONNX, Keras and PyTorch make it; `ernn_myhdl.exchange.affine` folds what is affine and constant into
the layers; `ernn_myhdl.exchange.lowering` turns the rest into layers of a core and steps of the host, or refuses it by
name. A reader has found out which axes hold frames and elements: an operation works on the elements of a frame, or says
in its class how it works over frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.embedding import Table
from ernn_myhdl.errors import DesignError


@dataclass(frozen=True)
class Input:
    """x of the model; size: elements of a frame, None where the file does not tell."""

    size: int | None = None


@dataclass(frozen=True)
class Affine:
    """y = x * scale + offset: float64, one number for each element of a frame, or one for all, shape (1,)."""

    scale: np.ndarray = field(repr=False)
    offset: np.ndarray = field(repr=False)

    @property
    def size(self) -> int:
        """Numbers, 1 where they are for all elements."""
        return max(self.scale.size, self.offset.size)

    def then(self, following: Affine) -> Affine:
        """Both as one."""
        return Affine(
            self.scale * following.scale, self.offset * following.scale + following.offset
        )


@dataclass(frozen=True)
class Function:
    """A function of a signal. kind: as `ernn_myhdl.design.host_steps` names it, or as its file does. parameters: what
    changes it, such as the limit of a ReLU."""

    kind: str
    parameters: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class LastFrame:
    """The last frame of every sequence."""


@dataclass(frozen=True)
class Pooled:
    """The frames of every sequence as one. kind: "maximum", "mean" or "sum" of each element over them. frames: of a sequence in
    the model, None where the file does not tell."""

    kind: str
    frames: int | None = None


@dataclass(frozen=True)
class Repeated:
    """The frame that stands for a sequence so many times."""

    frames: int


@dataclass(frozen=True)
class Joined:
    """Several signals as one. kind: "concatenation", or "addition" or, of two, "product" of frames of equal size."""

    kind: str


@dataclass(frozen=True)
class Selected:
    """Some elements of every frame, by their numbers, in this order. size: elements of the frame that they are of."""

    elements: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class Windows:
    """Every frame behind frames before it, as `ernn_myhdl.design.joins.Window`; a linear layer behind it is a convolution."""

    kernel: int
    dilation: int = 1
    stride: int = 1
    padding: bool = True

    @property
    def reach(self) -> int:
        """Frames from the oldest of a window to its newest."""
        return (self.kernel - 1) * self.dilation

    def frames_of(self, frames: int) -> int:
        """How many windows there are of so many frames."""
        reach = 0 if self.padding else self.reach
        return max((frames - reach - 1) // self.stride + 1, 0)


@dataclass(frozen=True)
class LookedUp:
    """The row of a table whose number x is, as `ernn_myhdl.design.embedding.Embedding`."""

    table: Table


@dataclass(frozen=True)
class Unsupported:
    """An operation that no core has. what: it is; advice: what the user can do."""

    what: str
    advice: str


@dataclass(frozen=True)
class WholeNumbers(Unsupported):
    """x, converted to integers, which an embedding takes and nothing else."""

    what: str = "converts the signal to integers"
    advice: str = "give the core what follows from them"


Operation = (
    Input
    | DenseLayer
    | Affine
    | Function
    | LastFrame
    | Pooled
    | Repeated
    | Joined
    | Selected
    | Windows
    | LookedUp
    | Unsupported
)


@dataclass(frozen=True, eq=False)
class Node:
    """One operation on the signals of others; where: what messages call it, such as "layer 'dense' (Dense)"."""

    operation: Operation
    inputs: tuple[Node, ...] = ()
    where: str = ""

    @property
    def input(self) -> Node:
        """The only input."""
        (only,) = self.inputs
        return only

    @property
    def layers(self) -> tuple[DenseLayer, ...]:
        """The layers that the signal has passed, on any way."""
        return tuple(n.operation for n in self.chain() if isinstance(n.operation, DenseLayer))

    def chain(self) -> tuple[Node, ...]:
        """The nodes from the model's input to here, each behind its inputs."""
        return tuple(nodes_before([self]))


@dataclass(frozen=True)
class Output:
    """An output of the model; name: as the file calls it."""

    node: Node
    name: str


def nodes_before(outputs: Sequence[Node]) -> Iterator[Node]:
    """Every node that the outputs follow from, once, inputs before what takes them."""
    seen: set[int] = set()
    left: list[tuple[Node, bool]] = [(node, False) for node in reversed(outputs)]
    while left:
        node, entered = left.pop()
        if entered:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            left.append((node, True))
            left += [(n, False) for n in reversed(node.inputs)]


def layer_of(node: Node) -> DenseLayer | None:
    """The layer of a node that is one."""
    return node.operation if isinstance(node.operation, DenseLayer) else None


def affine(where: str, scale, offset, size: int | None) -> Affine:
    """The operation, checked: finite numbers, one for all or for each of `size` elements."""
    arrays = []
    for name, value in (("scale", scale), ("offset", offset)):
        array = np.atleast_1d(np.asarray(value, dtype=np.float64)).reshape(-1)
        if not np.all(np.isfinite(array)):
            raise DesignError(f"{where}: its {name} holds NaN or infinity")
        if array.size != 1 and size is not None and array.size != size:
            raise DesignError(f"{where}: has {array.size} numbers for {size} elements of a frame")
        arrays.append(array)
    return Affine(*arrays)
