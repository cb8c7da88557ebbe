"""A graph of a model that branches as layers and joins of a core; what has no hardware is refused by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.graph import CONCATENATION, INPUT, Embedding, Graph, Join, Window
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.activations import element_wise
from ernn_myhdl.exchange.frames_out import (
    cadence_of,
    is_over_time,
    other_frames,
    summary_joined,
    time_join,
)
from ernn_myhdl.exchange.graph import (
    Affine,
    Input,
    Joined,
    LastFrame,
    LookedUp,
    Node,
    Operation,
    Selected,
    Windows,
    layer_of,
    nodes_before,
)

#: Why a node can be no part of a core, and what to do; it is told whether layers follow it.
Refusal = Callable[[Node, bool], str]


def branches(node: Node) -> bool:
    """Whether anything is joined on the way to a node, signals or frames, or a function stands for itself."""
    return any(
        isinstance(n.operation, Joined | LookedUp | Windows)
        or is_over_time(n)
        or element_wise(n, INPUT) is not None
        for n in nodes_before([node])
    )


def input_size(nodes: Sequence[Node]) -> int | None:
    """Elements of x: inputs of a layer that takes it, one of an embedding; None where none does."""
    if any(isinstance(node.operation, LookedUp) for node in nodes):
        return 1
    for node in nodes:
        if isinstance(node.operation, Selected) and isinstance(node.input.operation, Input):
            return node.operation.size
        layer, source = layer_of(node), node
        if layer is None:
            continue
        source = node.input
        while isinstance(source.operation, LastFrame):
            source = source.input
        kernel = 1
        if isinstance(source.operation, Windows):
            kernel, source = source.operation.kernel, source.input
        if isinstance(source.operation, Input):
            return layer.inputs // kernel
    return None


def node_size(node: Node) -> int:
    """Elements of a signal; DesignError where the file does not tell."""
    operation = node.operation
    if isinstance(operation, DenseLayer):
        return operation.outputs
    if isinstance(operation, Input):
        if operation.size is None:
            raise DesignError(
                "x goes to an output of its own; its size is not known there, leave it out"
            )
        return operation.size
    if isinstance(operation, LookedUp):
        return operation.table.values.shape[1]
    if isinstance(operation, Selected):
        return len(operation.elements)
    if isinstance(operation, Joined) and operation.kind != CONCATENATION:  # of equal sizes
        known = [n for n in node.inputs if not isinstance(n.operation, Input) or n.operation.size]
        return node_size((known or node.inputs)[0])
    sizes = [node_size(n) for n in node.inputs]
    if isinstance(operation, Windows):
        return operation.kernel * sizes[0]
    if isinstance(operation, Joined) and operation.kind == CONCATENATION:
        return sum(sizes)
    return sizes[0]


def layer_graph(
    node: Node, heads: Sequence[str], refusal: Refusal, max_frames: int | None = None
) -> tuple[list[DenseLayer], Graph]:
    """Layers and graph of which a node is the output. heads: names of its operands, or none. max_frames: of a sequence
    (`ernn_myhdl.exchange.frames_out`)."""
    nodes = list(nodes_before([node]))
    size = input_size(nodes)
    if size is None:
        for one in nodes:
            function = element_wise(one, INPUT) is not None or isinstance(one.operation, Affine)
            if function and isinstance(one.input.operation, Input):
                raise DesignError(
                    f"{one.where}: is of the model's input itself, of which a core takes a layer first; cut the model after this node, and compute it before "
                    "the core"
                )
        raise DesignError("no layer takes the model's input itself; a core needs one that does")
    made = _LayerGraph(size, node, max_frames)
    for one in nodes:
        if not made.add(one):
            follow = any(layer_of(n) is not None and one in nodes_before([n]) for n in nodes)
            raise DesignError(f"{one.where}: {refusal(one, follow)}")
    return made.layers, Graph(
        tuple(made.sources), tuple(made.joins), made.names[id(node)], _named(heads)
    )


class _LayerGraph:
    """Layers and joins of nodes that are added in their order. names, sizes, frames: of the signals; frames of a sequence, None:
    those of x. output: the node that is y."""

    def __init__(self, size: int, output: Node, max_frames: int | None) -> None:
        self.output, self.max_frames = output, max_frames
        self.layers: list[DenseLayer] = []
        self.sources: list[str] = []
        self.joins: list[Join] = []
        self.names: dict[int, str] = {}
        self.sizes: dict[str, int] = {INPUT: size}
        self.frames: dict[str, int | None] = {INPUT: None}
        self._chosen: dict[tuple[str, Operation], str] = {}  # joins over time that are there
        self._behind: set[int] = set()  # last frames of x itself, taken behind the layers on it

    def add(self, one: Node) -> bool:
        """Whether there is hardware for a node, which has been added then."""
        layer = layer_of(one)
        if isinstance(one.operation, Input):
            self.names[id(one)] = INPUT
        elif layer is not None:
            self._add_layer(one, layer)
        elif isinstance(one.operation, LookedUp | Windows):
            self._add_of_one_signal(one, one.operation)
        elif isinstance(one.operation, LastFrame) and self.names[id(one.input)] == INPUT:
            self.names[id(one)] = INPUT
            self._behind.add(id(one))
        elif is_over_time(one):
            self.names[id(one)] = self._over_time(one, self.names[id(one.input)])
        elif isinstance(one.operation, Joined):
            self._add_join(one, one.operation)
        else:
            return self._add_function(one)
        return True

    def _add_function(self, one: Node) -> bool:
        """Whether there is a join for a function, which has been added then."""
        if not one.inputs:
            return False
        if id(one.input) in self._behind:
            self.names[id(one.input)] = self._over_time(one.input, INPUT)
        source = self.names[id(one.input)]
        made = element_wise(one, source)
        if made is None:
            return False
        name = self.names[id(one)] = f"join_{len(self.joins)}"
        self.sizes[name], self.frames[name] = self.sizes[source], self.frames[source]
        self.joins.append(made)
        return True

    def _over_time(self, one: Node, source: str) -> str:
        """The name of a join over time of a signal."""
        if isinstance(one.operation, LastFrame) and self.frames[source] == 1:
            return source
        known = source, one.operation
        if known not in self._chosen:
            made = time_join(one, source, self.max_frames, one is self.output)
            name = self._chosen[known] = f"join_{len(self.joins)}"
            try:
                self.frames[name] = made.frames_of(name, [self.frames[source]])
            except DesignError as error:
                raise DesignError(f"{one.where}: {error}") from error
            self.sizes[name] = self.sizes[source]
            self.joins.append(made)
        return self._chosen[known]

    def _add_layer(self, one: Node, layer: DenseLayer) -> None:
        source = self.names[id(one.input)]
        if id(one.input) in self._behind:
            if layer.recurrent:
                raise _of_last_frames(one)
            self._behind.add(id(one))
        if layer.inputs != self.sizes[source]:
            raise DesignError(
                f"{one.where}: has {layer.inputs} inputs, but what it takes has {self.sizes[source]} elements"
            )
        name = self.names[id(one)] = f"layer_{len(self.layers)}"
        self.sizes[name], self.frames[name] = layer.outputs, self.frames[source]
        self.layers.append(layer)
        self.sources.append(source)
        if id(one) in self._behind:
            last = Node(LastFrame(), (one,), one.where)
            self.names[id(one)] = self._over_time(last, name)
            self._behind.discard(id(one))

    def _add_of_one_signal(self, one: Node, operation: LookedUp | Windows) -> None:
        if id(one.input) in self._behind:
            raise _of_last_frames(one)
        name, source = f"join_{len(self.joins)}", self.names[id(one.input)]
        self.names[id(one)] = name
        made = _of_one_signal(one, operation, source, self.sizes[source])
        self.joins.append(made)
        self.sizes[name] = made.size_of([self.sizes[source]])
        self.frames[name] = made.frames_of(name, [self.frames[source]])

    def _add_join(self, one: Node, joined: Joined) -> None:
        for n in one.inputs:
            if id(n) in self._behind:
                self.names[id(n)] = self._over_time(n, INPUT)
        _check_frames(one, [self.frames[self.names[id(n)]] for n in one.inputs])
        cadences = [cadence_of(n) for n in one.inputs]
        if len(set(cadences)) > 1:
            raise DesignError(
                f"{one.where}: joins signals of other frames: {other_frames(cadences)}"
            )
        name = self.names[id(one)] = f"join_{len(self.joins)}"
        operands = tuple(self.names[id(n)] for n in one.inputs)
        self.sizes[name] = _joined_size(one, [self.sizes[n] for n in operands])
        self.frames[name] = self.frames[operands[0]]
        self.joins.append(_of_several(one, joined.kind, operands))


def _of_last_frames(node: Node) -> DesignError:
    return DesignError(f"{node.where}: takes the last frames of x alone; give the core those alone")


def _of_several(node: Node, kind: str, operands: tuple[str, ...]) -> Join:
    try:
        return Join(kind, operands)
    except DesignError as error:
        raise DesignError(f"{node.where}: {error}") from error


def _of_one_signal(
    node: Node, operation: LookedUp | Windows, source: str, size: int
) -> Embedding | Window:
    try:
        if isinstance(operation, LookedUp):
            return Embedding(inputs=(source,), table=operation.table)
        windows = operation
        return Window(
            inputs=(source,), size=size, kernel=windows.kernel, dilation=windows.dilation, stride=windows.stride,
            padding=windows.padding,
        )  # fmt: skip
    except DesignError as error:
        raise DesignError(f"{node.where}: {error}") from error


def _joined_size(node: Node, sizes: Sequence[int]) -> int:
    assert isinstance(node.operation, Joined)
    if node.operation.kind == CONCATENATION:
        return sum(sizes)
    if len(set(sizes)) > 1:
        raise DesignError(
            f"{node.where}: joins {' and '.join(map(str, sizes))} elements of a frame; a core adds and multiplies signals of equal size"
        )
    return sizes[0]


def _check_frames(node: Node, frames: Sequence[int | None]) -> None:
    """DesignError where a join takes signals with other numbers of frames."""
    if len(set(frames)) > 1:
        assert isinstance(node.operation, Joined)
        if None not in frames:
            raise DesignError(
                f"{node.where}: joins signals of {' and '.join(map(str, frames))} frames a sequence; repeat what has one frame as often "
                "as the others have"
            )
        ones = [n for n, count in zip(node.inputs, frames, strict=True) if count is not None]
        raise summary_joined(node.where, node.operation.kind, ones)


def _named(heads: Sequence[str]) -> tuple[str, ...]:
    """Names of heads: those of the outputs where they may be."""
    return tuple(heads) if _fit(heads) else tuple(f"head_{i}" for i in range(len(heads)))


def _fit(heads: Sequence[str]) -> bool:
    """Whether the names of outputs may name heads."""
    try:
        if heads:
            both = Join(CONCATENATION, ("layer_0",) * len(heads))
            Graph((INPUT,), (both,), "join_0", tuple(heads))
    except DesignError:
        return False
    return True
