"""Which outputs of a graph a core gives, and what is said of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import Function, Input, LastFrame, Node, Output, nodes_before
from ernn_myhdl.exchange.onnx_convolution import check_result
from ernn_myhdl.exchange.onnx_values import Signal
from ernn_myhdl.exchange.sharing import with_shared

if TYPE_CHECKING:
    from ernn_myhdl.exchange.onnx_graph import OnnxGraph


#: Functions that keep the order of the elements of a frame: of all of them, of each.
SOFTMAX, RISING = ("softmax", "log_softmax"), ("sigmoid", "tanh")


def chosen_outputs(
    graph: OnnxGraph, outputs: Sequence[str], called: Mapping[str, str] | None = None
) -> list[Output]:
    """The outputs that the core gives, in the order of the model; the graph's notes tell what becomes of the others.

    outputs: names of values. called: what messages call them; None: their names. All are given that follow from a layer, those that others follow
    from too, but for states behind the last frame of layers whose y an output follows from, for a signal that is an output already, and for an argmax of
    another output. DesignError where there are none.
    """
    missing = [name for name in outputs if name not in graph.values]
    if missing:
        raise DesignError(f"output {missing[0]!r} of the graph is made by no node")
    signals = {n: v for n in outputs if isinstance(v := graph.values[n], Signal) and v.layers}
    if not signals:
        raise _nothing(graph, outputs, called)
    back = [n for n in outputs if graph.is_final_state(n)]
    given = {value.name for *_, value in graph.given_states}
    graph.note_step(len(back) >= len(given))
    # one node for what is computed twice, by a layer that is called twice for one signal
    alike = dict(zip(signals, with_shared([v.node for v in signals.values()]), strict=True))
    chosen = _with_values(graph, signals, alike)
    numbers = [n for n in chosen if _is_number_of_another(n, signals, alike, chosen)]
    chosen = [n for n in chosen if n not in numbers]
    for each in chosen:
        check_result(each, signals[each])
        graph.check_taken(each, signals[each])
    words = {n: (called or {}).get(n, repr(n)) for n in outputs}
    graph.notes.extend(_notes(graph, outputs, signals, alike, chosen, numbers, words))
    # the only frame of a step is no choice
    lasts = {n for n in chosen if signals[n].last and not graph.single_step}
    nodes = [
        Node(LastFrame(), (signals[n].node,)) if n in lasts else signals[n].node for n in chosen
    ]
    takers = {taken for n in chosen if (taken := signals[n].taken) is not None}
    frames = {at for n in chosen if (at := graph.labels.input_axis(signals[n].frame)) is not None}
    for axes, what in ((takers, "the elements of a frame"), (frames, "frames")):
        if len(axes) > 1:
            raise DesignError(
                f"outputs {', '.join(words[n] for n in chosen)} take different axes of the input for {what}; import them as two models"
            )
    size = graph.labels.sizes[takers.pop()] if takers else None
    return [Output(node, n) for node, n in zip(_sized(nodes, size), chosen, strict=True)]


def _nothing(
    graph: OnnxGraph, outputs: Sequence[str], called: Mapping[str, str] | None
) -> DesignError:
    """The error for a graph of which a core gives no output."""
    final = [(called or {}).get(n, repr(n)) for n in outputs if graph.is_final_state(n)]
    if final:
        return DesignError(
            f"outputs {', '.join(final)} are states behind the last frame, which a core keeps and no y holds: return the outputs of the layer too, and take the "
            "states of `Run.final_states()` or `session.state()`"
        )
    return DesignError(
        "the graph has no output that follows from an LSTM, GRU or linear layer; a core computes such layers and what is between and behind them, what is done to "
        "x alone is the host's"
    )


def _sized(nodes: Sequence[Node], size: int | None) -> list[Node]:
    """The outputs with the size of x, where it is known."""
    made: dict[int, Node] = {}
    for node in nodes_before(nodes):
        inputs = tuple(made[id(n)] for n in node.inputs)
        known = isinstance(node.operation, Input) and size is not None
        moved = replace(node, operation=Input(size)) if known else node
        made[id(node)] = replace(moved, inputs=inputs) if inputs else moved
    return [made[id(node)] for node in nodes]


def _with_values(
    graph: OnnxGraph, signals: Mapping[str, Signal], alike: Mapping[str, Node]
) -> list[str]:
    """The outputs of which the core gives values: no states but where nothing else follows from their layers, and each signal once.
    alike: their nodes, one for all that compute the same."""
    values = [n for n in signals if not graph.is_final_state(n)]
    if not values:
        values = [max(signals, key=lambda n: (_length(signals[n]), not signals[n].last))]
    before = set(map(id, nodes_before([signals[n].node for n in values])))
    values = [n for n in signals if n in values or id(signals[n].node) not in before]
    return [n for n in values if n == _same(n, signals, alike, values)]


def _same(
    name: str, signals: Mapping[str, Signal], alike: Mapping[str, Node], names: Sequence[str]
) -> str:
    """The first of some outputs that is the same signal, one of all its frames before one of the last."""
    same = [n for n in names if alike[n] is alike[name]]
    return min(same, key=lambda n: signals[n].last, default="")


def _is_number_of_another(
    name: str, signals: Mapping[str, Signal], alike: Mapping[str, Node], names: Sequence[str]
) -> bool:
    """Whether an output is the argmax of what another one is, of the same frames, or of a function of that with the same argmax."""
    node = alike[name]
    if not (isinstance(node.operation, Function) and node.operation.kind == "argmax"):
        return False
    last = signals[name].last or isinstance(node.input.operation, LastFrame)
    # of the last frame alone y does not hold what the argmax of all frames is of
    others = [alike[n] for n in names if last or not signals[n].last]
    same = {id(n) for other in others for n in (other, _before_softmax(other))}
    node = node.input
    while id(node) not in same:
        operation = node.operation
        rising = isinstance(operation, Function) and operation.kind in (*SOFTMAX, *RISING)
        if not (rising or isinstance(operation, LastFrame)):
            return False
        node = node.input
    return True


def _before_softmax(node: Node) -> Node:
    """What a softmax is of, whose largest element is where that of the softmax is."""
    known = isinstance(node.operation, Function) and node.operation.kind in SOFTMAX
    return node.input if known else node


def _notes(
    graph: OnnxGraph, outputs: Sequence[str], signals: Mapping[str, Signal], alike: Mapping[str, Node],
    chosen: Sequence[str], numbers: Sequence[str], words: Mapping[str, str]
) -> list[str]:  # fmt: skip
    """What becomes of each output that is not chosen. numbers: those that are the argmax of another."""
    notes, final = [], []
    for name in outputs:
        if name in chosen:
            continue
        same = _same(name, signals, alike, chosen) if name in signals else ""
        if graph.is_final_state(name):
            final.append(words[name])
        elif same:
            last = "the last frame of " * (signals[name].last and not signals[same].last)
            notes.append(f"output {words[name]} is {last}output {words[same]}, and not given twice")
        elif name in numbers:
            notes.append(
                f"WARNING: output {words[name]} is left out: it is the argmax of another output; take np.argmax of that output's elements of y on the "
                "host, or export the model with the argmax alone"
            )
        else:
            notes.append(
                f"WARNING: output {words[name]} is left out: it follows from no layer, so that the core has nothing to compute; take it from x on the host"
            )
    if final:
        notes.insert(
            0,
            f"outputs {', '.join(final)} are states behind the last frame: `ernn simulate` writes them to "
            "final_states.safetensors of its run folder, `Run.final_states()` gives them",
        )
    return notes


def _length(signal: Signal) -> tuple[int, int]:
    """Layers and all operations before a signal."""
    return len(signal.layers), len(signal.node.chain())
