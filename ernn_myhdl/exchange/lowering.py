"""A graph of a model as layers of a core, one after the other, and steps of the host; what has no hardware is refused
by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.time_joins import Sum
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.activations import NotOfLayers, layer_function, with_activations
from ernn_myhdl.exchange.branches import branches, input_size, layer_graph, node_size
from ernn_myhdl.exchange.frames_out import (
    FramesOut,
    cadence_of,
    frames_of,
    host_divides,
    other_frames,
)
from ernn_myhdl.exchange.gates import with_gates
from ernn_myhdl.exchange.graph import (
    Affine,
    Function,
    Input,
    Joined,
    LastFrame,
    Node,
    Output,
    Pooled,
    Unsupported,
    layer_of,
    nodes_before,
)
from ernn_myhdl.exchange.normalisation import scaling_of_x, with_normalisation
from ernn_myhdl.exchange.rectifiers import with_rectifiers
from ernn_myhdl.exchange.selection import with_layer_of_x, with_own_layers, with_selections
from ernn_myhdl.exchange.sharing import repeated_notes, with_shared

#: Functions that lie with the host where they are the last of a model.
OF_THE_HOST = ("softmax", "log_softmax", "argmax")
#: Those that do only where the user asks for it; else they are in the hardware, of a linear layer.
IF_ASKED = ("sigmoid", "tanh", "relu")


@dataclass(frozen=True)
class Lowered:
    """layers: of the core. steps: of the host, on the outputs. notes: for the user. graph: how the signals of the layers go;
    None: from each to the next. normalisation: of x, by the host; None: none."""

    layers: tuple[DenseLayer, ...]
    steps: tuple[HostStep, ...]
    notes: tuple[str, ...]
    graph: Graph | None = None
    normalisation: InputScaling | None = None


@dataclass(frozen=True)
class _Head:
    """One output: the node of the core that it follows from, the host's operations behind it, in order, and whether it
    is of the last frame only."""

    node: Node
    behind: tuple[Node, ...]
    last: bool
    name: str


def lower(
    outputs: Sequence[Output],
    host_functions: bool = False,
    frames_out: FramesOut = FramesOut(),
    keep_normalisation: bool = False,
) -> Lowered:
    """The layers and steps of a model with these outputs.

    A function behind a linear layer is that layer's activation, behind anything else a join
    (`ernn_myhdl.exchange.activations`), at the end of the model too;
    host_functions: the host computes the last ones of `IF_ASKED`. frames_out: of what the core gives for a sequence. keep_normalisation: the host normalises x even where the layers could. Raises DesignError
    naming what has no hardware.
    """
    for node in nodes_before([o.node for o in outputs]):
        if isinstance(node.operation, Unsupported):
            raise DesignError(f"{node.where}: {node.operation.what}; {node.operation.advice}")
    selected = with_selections(with_rectifiers(with_gates(with_shared([o.node for o in outputs]))))
    folded, before = with_normalisation(selected, keep_normalisation)
    known = (*OF_THE_HOST, *(IF_ASKED if host_functions else ()))
    left = {node for output in folded for node in _behind(output, known)}
    placed, notes_of_own = with_own_layers(folded, left, input_size(list(nodes_before(folded))))
    if input_size(list(nodes_before(placed))) is None:
        placed, told = with_layer_of_x(placed)
        notes_of_own += told
    left = {node for output in placed for node in _behind(output, known)}
    activated = with_activations(placed, left)
    heads = [_head(node, o.name, known) for node, o in zip(activated, outputs, strict=True)]
    heads = _of_sequences(heads, frames_out.all_frames)
    chosen, steps, notes, names = _merged(heads)
    notes = [*notes_of_own, *notes]
    left_to_host = any(head.last for head in heads)
    if left_to_host and all(head.last for head in heads) and not frames_out.all_frames:
        chosen, left_to_host = _last_frames(chosen, names), False
    most = frames_out.max_frames
    layers, graph = (
        layer_graph(chosen, names, _refusal, most) if branches(chosen) else (_chain(chosen), None)
    )
    notes += repeated_notes(layers)
    if host_divides(chosen, most):
        steps = [HostStep("per_frame"), *steps]
    if graph is not None and graph.over_time:
        counts = [j for j in graph.joins if isinstance(j, Sum)]
        what = "; ".join(f"its {j.kind} is of {j.counts} {j.frames} frames" for j in counts)
        notes.append(
            "the core gives frames of y when the last frame of a sequence has come, which tuser must mark"
            + (f"; {what}" if what else "")
        )
    if left_to_host:
        last = ", ".join(repr(head.name) for head in heads if head.last)
        notes.append(
            f"output {last} is of the last frame; the core gives one for every frame, of which the last of a "
            "sequence is this one"
        )
    if steps:
        notes.append(
            f"the host computes what follows the core: {', then '.join(map(str, steps))}; `ernn simulate`, "
            "`ernn evaluate` and exported files do so, the words of the core are those before"
        )
    inputs = layers[0].inputs if graph is None else graph.input_size([n.inputs for n in layers])
    normalisation = None if before is None else scaling_of_x(before, inputs)
    return Lowered(tuple(layers), tuple(steps), tuple(notes), graph, normalisation)


def _head(node: Node, name: str, known: Sequence[str]) -> _Head:
    """An output, taken apart from its end. known: functions of the host."""
    behind = _behind(node, known)
    last = any(isinstance(n.operation, LastFrame) for n in behind)
    steps = [n for n in behind if not isinstance(n.operation, LastFrame)]
    core = behind[-1].input if behind else node
    last = last and not isinstance(core.operation, Pooled)  # which is one frame already
    return _Head(core, tuple(steps[::-1]), last, name)


def _behind(node: Node, known: Sequence[str]) -> list[Node]:
    """What the host can do at the end of an output, the last first, and choices of frames. known: functions."""
    found: list[Node] = []
    while True:
        operation = node.operation
        hosts = isinstance(operation, Affine | LastFrame) or (
            isinstance(operation, Function) and operation.kind in known and not operation.parameters
        )
        if not hosts:
            return found
        found.append(node)
        node = node.input


def _last_frames(node: Node, names: Sequence[str]) -> Node:
    """The last frame of what all outputs have become. names: of outputs that it concatenates, which it does still."""
    if not names:
        return Node(LastFrame(), (node,), "the last frame")
    lasts = tuple(Node(LastFrame(), (n,), "the last frame") for n in node.inputs)
    return replace(node, inputs=lasts)


def _of_sequences(heads: Sequence[_Head], all_frames: bool) -> list[_Head]:
    """The heads, of which those behind a maximum, a mean or a sum have one frame of a sequence. Where all of them have one, the
    last frames of the others are chosen in the core, unless all_frames."""
    ones = [frames_of(head.node) == 1 for head in heads]
    alone = not all_frames and all(h.last or one for h, one in zip(heads, ones, strict=True))
    if not any(ones):
        return list(heads)
    return [
        replace(h, last=False) if one
        else replace(h, node=Node(LastFrame(), (h.node,), "the last frame"), last=False) if alone
        else h
        for h, one in zip(heads, ones, strict=True)
    ]  # fmt: skip


def _check_frames(heads: Sequence[_Head]) -> None:
    """DesignError where outputs that are concatenated have other numbers of frames than each other."""
    counts = [frames_of(head.node) for head in heads]
    if len(set(counts)) == 1:
        cadences = [cadence_of(head.node) for head in heads]
        if len(set(cadences)) > 1:
            raise DesignError(
                f"outputs {', '.join(repr(h.name) for h in heads)} have other frames: {other_frames(cadences)}; or import them as two models"
            )
        return
    words = {None: "all frames", 1: "one frame of a sequence"}
    told = [f"{h.name!r} has {words.get(n, f'{n} frames')}" for h, n in zip(heads, counts, strict=True)]  # fmt: skip
    raise DesignError(
        f"outputs: {', '.join(told)}; a core gives as many frames of each output: take the last frame, the maximum or the mean of all "
        "of them, or import them as two models"
    )


def _merged(heads: Sequence[_Head]) -> tuple[Node, list[HostStep], list[str], list[str]]:
    """One node for all outputs, the host's steps behind it, notes, and the names of heads that it concatenates.

    Linear layers on one signal become one layer, whose outputs follow each other; others are concatenated.
    """
    first, *others = heads
    if all(head.node is first.node for head in others) and not any(h.behind for h in others):
        if not (others and first.behind):
            return first.node, [_step(n, None) for n in first.behind], [], []
    layers = [layer_of(head.node) for head in heads]
    linear = [layer for layer in layers if layer is not None and layer.kind == "linear"]
    same = all(head.node.inputs == first.node.inputs for head in heads)
    functions = {(layer.activation, layer.slope, layer.limit) for layer in linear}
    alone = len(linear) == len(heads) and same and len({id(h.node) for h in heads}) == len(heads)
    alone = alone and len(functions) == 1 and all(layer.groups == 1 for layer in linear)
    steps: list[HostStep] = []
    parts, start = [], 0
    for head in heads:
        elements = (start, start + node_size(head.node))
        for node in head.behind:
            if isinstance(node.operation, Function) and node.operation.kind == "argmax":
                raise DesignError(
                    f"{node.where}: is behind one of several outputs; export the model with one, or without it"
                )
            steps.append(_step(node, elements))
        parts.append(f"{head.name!r} is elements {elements[0]} to {elements[1] - 1}")
        start = elements[1]
    if not alone:
        _check_frames(heads)
        joined = Node(Joined("concatenation"), tuple(head.node for head in heads), "the outputs")
        note = f"the outputs are concatenated in the order of the model: {', '.join(parts)} of y"
        return joined, steps, [note], [head.name for head in heads]
    weights = {
        name: np.concatenate([layer.weights[name] for layer in linear], axis=1)
        for name in ("input_weight", "bias")
    }
    merged = replace(linear[0], name="_".join(layer.name for layer in linear), weights=weights)
    note = f"linear layers on one signal are merged into {merged.name}: {', '.join(parts)} of its outputs"
    return replace(first.node, operation=merged), steps, [note], []


def _step(node: Node, elements: tuple[int, int] | None) -> HostStep:
    operation = node.operation
    if isinstance(operation, Affine):
        size = operation.size
        scale, offset = (
            np.broadcast_to(n, size).tolist() for n in (operation.scale, operation.offset)
        )
        return HostStep("affine", elements, tuple(scale), tuple(offset))
    assert isinstance(operation, Function)
    return HostStep(operation.kind, elements)


def _chain(node: Node) -> list[DenseLayer]:
    """The layers from the input to a node; DesignError where anything else lies on the way."""
    layers: list[DenseLayer] = []
    while not isinstance(node.operation, Input):
        layer = layer_of(node)
        if layer is not None:
            layers.append(layer)
        else:
            raise DesignError(f"{node.where}: {_refusal(node, bool(layers))}")
        node = node.input
    if not layers:
        raise DesignError("the model has no LSTM, GRU or linear layer")
    return layers[::-1]


def _refusal(node: Node, layers_follow: bool) -> str:
    """Why a node can be no part of a core, and what to do."""
    operation = node.operation
    before = any(n.layers for n in node.inputs)
    if isinstance(operation, Joined):
        if operation.kind != "concatenation":
            return f"is not supported: it joins two signals, as a residual connection or a gate does; {advice(before, layers_follow)}"
        return f"is not supported here: it takes parts of a signal or puts them together; {advice(before, layers_follow)}"
    if isinstance(operation, Affine) and np.any(operation.offset):
        return (
            "shifts the elements of a frame by themselves, before frames of zeros that pad a convolution, or where it would cost "
            f"the block-circulant matrices beside it their blocks; {advice(before, layers_follow)}"
        )
    if isinstance(operation, Affine):
        return (
            "scales or shifts the elements of a frame by themselves, which would cost the block-circulant matrices "
            f"beside it their blocks; {advice(before, layers_follow)}"
        )
    assert isinstance(operation, Function)
    hint, reason = "", _not_activated(operation)
    if operation.kind in IF_ASKED and not layers_follow and not operation.parameters:
        hint = "--host-functions lets the host compute it behind the core; or "
    return f"is not supported: {reason}; {hint}{advice(before, layers_follow)}"


def _not_activated(function: Function) -> str:
    """Why a function is not the activation of a layer."""
    try:
        known = layer_function(function)
    except NotOfLayers as error:
        return f"no layer computes this function, {error}"
    if known is None:
        return "no layer computes this function of its inputs or outputs"
    if known.offset:
        return "only the bias of a linear layer directly before it holds an offset other than 1/2"
    return "it is of the model's input itself, of which a core takes a layer first"


#: What is said of weights of frames that are made of all of them.
ATTENTION_POOLING = (
    "is a softmax over the frames of a sequence, as attention pooling weights them: each weight follows from all frames, and a core gives frames as they "
    "come; train with the mean, the maximum or the last frame over time in its place, or cut the model before it and weight the core's outputs"
)


def advice(before: bool, layers_follow: bool) -> str:
    """What a user can do with an operation that no core has; before, layers_follow: whether layers come before and
    behind it."""
    if before and layers_follow:
        return (
            "it lies between layers: train the model without it, or cut it there into two designs, and "
            "compute this node between them"
        )
    if before:
        return "cut the model before this node, and compute it on the core's outputs"
    if layers_follow:
        return "cut the model after this node, and compute it before the core"
    return "cut the model before or after this node"
