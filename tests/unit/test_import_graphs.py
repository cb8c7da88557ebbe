"""Graphs of operations as imports have them, without a framework: ReLUs and sums in the place of functions, what is shared, which
outputs a core gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ernn_myhdl import DesignError
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.exchange.graph import (
    Affine,
    Function,
    Input,
    Joined,
    LastFrame,
    Node,
    affine,
    nodes_before,
)
from ernn_myhdl.exchange.onnx_graph import OnnxGraph
from ernn_myhdl.exchange.onnx_outputs import chosen_outputs
from ernn_myhdl.exchange.rectifiers import extreme, sloped, with_rectifiers
from ernn_myhdl.exchange.sharing import consumers, is_shared, repeated_notes, with_shared

X = Node(Input(3))
#: Eighths, with which all sums and products of these tests are exact.
VALUES = np.arange(-48, 49).reshape(-1, 1) / 8 * np.ones(3)


def computed(node: Node, given: dict[int, np.ndarray]) -> np.ndarray:
    """What the operations of a graph make of its inputs, by id."""
    made = dict(given)
    for each in nodes_before([node]):
        if id(each) in made:
            continue
        values, operation = [made[id(n)] for n in each.inputs], each.operation
        if isinstance(operation, Affine):
            made[id(each)] = values[0] * operation.scale + operation.offset
        elif isinstance(operation, Joined):
            assert operation.kind == "addition"
            made[id(each)] = sum(values[1:], values[0])
        else:
            assert isinstance(operation, Function)
            limits = dict(operation.parameters)
            if operation.kind == "relu":
                made[id(each)] = np.maximum(values[0], 0)
            else:
                # what a layer computes: a limit at zero or two of equal size
                assert operation.kind == "clip"
                low, high = limits.get("min", -np.inf), limits.get("max", np.inf)
                assert low in (0.0, -high)
                made[id(each)] = np.clip(values[0], low, high)
    return made[id(node)]


def function(kind: str, **parameters: float) -> Node:
    return Node(Function(kind, tuple(parameters.items())), (X,))


def clips(*limits: tuple[float | None, float | None]) -> Node:
    """Limits, one behind the other."""
    node = X
    for low, high in limits:
        given = [(n, v) for n, v in (("min", low), ("max", high)) if v is not None]
        node = Node(Function("clip", tuple(given)), (node,))
    return node


#: Function -> what it is.
FUNCTIONS = {
    "from below": (clips((-0.375, None)), lambda x: np.maximum(x, -0.375)),
    "from above": (clips((None, 1.5)), lambda x: np.minimum(x, 1.5)),
    "from above, negative": (clips((None, -0.5)), lambda x: np.minimum(x, -0.5)),
    "both": (clips((-0.25, 2.0)), lambda x: np.clip(x, -0.25, 2.0)),
    "both above zero": (clips((0.5, 2.0)), lambda x: np.clip(x, 0.5, 2.0)),
    "of equal size": (clips((-2.0, 2.0)), lambda x: np.clip(x, -2.0, 2.0)),
    "from zero on": (clips((0.0, 6.0)), lambda x: np.clip(x, 0.0, 6.0)),
    "minimum of a maximum": (clips((-0.5, None), (None, 0.5)), lambda x: np.clip(x, -0.5, 0.5)),
    "maximum of a minimum": (clips((None, 3.0), (-1.0, None)), lambda x: np.clip(x, -1.0, 3.0)),
    "three": (clips((-3.0, 3.0), (None, 2.0), (-1.0, None)), lambda x: np.clip(x, -1.0, 2.0)),
    "magnitude": (function("abs"), np.abs),
    "slope above one": (function("leaky_relu", alpha=1.5), lambda x: np.where(x < 0, 1.5 * x, x)),
    "negative slope": (function("leaky_relu", alpha=-0.5), lambda x: np.where(x < 0, -0.5 * x, x)),
    "no slope": (function("leaky_relu", alpha=0.0), lambda x: np.maximum(x, 0)),
    "larger than two": (
        extreme("", clips((None, 2.0)), clips((-1.0, None)), largest=True),
        lambda x: np.maximum(np.minimum(x, 2.0), np.maximum(x, -1.0)),
    ),
    "smaller of two": (
        extreme("", clips((None, 2.0)), Node(affine("", -1.0, 0.5, None), (X,)), largest=False),
        lambda x: np.minimum(np.minimum(x, 2.0), 0.5 - x),
    ),
    "slope of each": (
        sloped("", X, np.array([-0.5, 0.0, 2.0])),
        lambda x: np.where(x < 0, x * np.array([-0.5, 0.0, 2.0]), x),
    ),
    "slopes below zero": (
        sloped("", X, np.array([-0.5, -1.0, -2.0])),
        lambda x: np.where(x < 0, x * np.array([-0.5, -1.0, -2.0]), x),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_as_relus_are_what_they_were(name):
    node, expected = FUNCTIONS[name]
    (made,) = with_rectifiers([node])
    assert np.array_equal(computed(made, {id(X): VALUES}), expected(VALUES))


def test_what_a_layer_computes_stays():
    """A slope between 0 and 1, limits at zero: the layer in front has them; a limit that is NaN is refused later, by name."""
    stay = [
        function("leaky_relu", alpha=0.25), function("tanh"), clips((0.0, None)), clips((-1.0, 1.0)),
        clips((float("nan"), 1.0)), clips((2.0, 1.0)),
    ]  # fmt: skip
    assert all(a is b for a, b in zip(with_rectifiers(stay), stay, strict=True))


@pytest.mark.parametrize("limits", [((1.0, None), (None, 0.5)), ((None, -1.0), (0.5, None))])
def test_limits_that_cross_are_those_of_the_later_one(limits):
    (made,) = with_rectifiers([clips(*limits)])
    assert made.inputs == (X,)
    assert dict(made.operation.parameters) == {"min": 0.5, "max": 0.5}


def linear(weight: np.ndarray, name: str = "lin", **options) -> DenseLayer:
    return DenseLayer(name, "linear", {"input_weight": weight[None], "bias": np.zeros((1, len(weight)))}, **options)  # fmt: skip


def gru(name: str) -> DenseLayer:
    weights = {
        "input_weight": np.ones((3, 2, 3)), "recurrent_weight": np.ones((3, 2, 2)),
        "bias": np.zeros((3, 2)), "recurrent_bias": np.zeros((1, 2)),
    }  # fmt: skip
    return DenseLayer(name, "gru", weights)


def test_a_layer_that_is_called_twice_for_one_signal_is_one():
    weight = np.arange(6.0).reshape(2, 3)
    same = [Node(Function("tanh"), (Node(linear(weight, n), (X,)),)) for n in ("a", "b")]
    one, other = with_shared(same)
    assert one is other
    leaky = linear(weight, activation="leaky_relu", slope=0.25)
    differ = {
        "weights": (linear(weight), linear(weight + 1)),
        "activation": (linear(weight), linear(weight, activation="relu")),
        "slope": (leaky, linear(weight, activation="leaky_relu", slope=0.5)),
        "limit": (linear(weight, activation="relu"), linear(weight, activation="relu", limit=6.0)),
    }
    for what, layers in differ.items():
        one, other = with_shared([Node(layer, (X,)) for layer in layers])
        assert one is not other, what
    # each has a state of its own
    one, other = with_shared([Node(gru("a"), (X,)), Node(gru("b"), (X,))])
    assert one is not other
    # other signals
    one, other = with_shared(
        [Node(linear(weight), (X,)), Node(linear(weight), (Node(Function("tanh"), (X,)),))]
    )
    assert one is not other
    (alone,) = with_shared([same[0]])
    assert alone is same[0]


def test_layers_with_the_same_matrices_are_told():
    weight = np.arange(6.0).reshape(2, 3)
    layers = [linear(weight, "a"), gru("g"), linear(weight, "b", activation="relu"), gru("h"), linear(-weight)]  # fmt: skip
    first, second = repeated_notes(layers)
    assert first.startswith(
        "layers 0 (a) and 2 (b) have the same matrices, as of a module that is called 2 times"
    )
    assert second.startswith("layers 1 (g) and 3 (h) have the same matrices")
    assert repeated_notes([layers[0], layers[-1]]) == []


def test_who_takes_a_layer():
    layer = Node(linear(np.ones((2, 3))), (X,))
    last = Node(LastFrame(), (layer,))
    head = Node(Function("tanh"), (last,))
    product = Node(Joined("product"), (layer, layer))  # one taker
    assert not is_shared(last, consumers([head]))
    assert is_shared(last, consumers([head, product]))  # behind the choice of a frame
    assert is_shared(last, consumers([head, last]))
    assert consumers([product])[id(layer)] == 1
    assert not is_shared(head, consumers([head, product]))


def walked(*nodes: tuple) -> OnnxGraph:
    """A GRU of x (1, frames, 3), y with frames first, and the nodes behind it: (operator, inputs, output, attributes)."""
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.standard_normal((1, 6, 3)), "r": rng.standard_normal((1, 6, 2)), "b": np.zeros((1, 12)),
        "w4": rng.standard_normal((1, 8, 3)), "r4": rng.standard_normal((1, 8, 2)), "b4": np.zeros((1, 16)),
        "head": rng.standard_normal((2, 4)), "axes": np.array([1]),
    }  # fmt: skip
    graph = OnnxGraph(constants, {"x": ["frames", 1, 3]}, lambda node, given: None)
    first = [
        ("GRU", "x w r b", "all back", {"hidden_size": 2, "linear_before_reset": 1}),
        ("Squeeze", "all axes", "y", {}),
        ("MatMul", "y head", "logits", {}),
    ]
    for kind, inputs, made, attributes in [*first, *nodes]:
        node = SimpleNamespace(op_type=kind, name=made, domain="", input=inputs.split(), output=made.split())  # fmt: skip
        graph.walk(node, attributes)
    return graph


SOFTMAX = ("Softmax", "logits", "odds", {"axis": -1})
LSTM = ("LSTM", "x w4 r4 b4", "every hidden cell", {"hidden_size": 2})
ARGMAX = ("ArgMax", "logits", "number", {"axis": -1, "keepdims": 0})


#: Nodes, outputs -> those that the core gives, and what is said of the others.
OUTPUTS = {
    "one": ((), ["logits"], ["logits"], []),
    "its layer too": ((), ["y", "logits"], ["y", "logits"], []),
    "states behind the last frame": ((), ["logits", "back"], ["logits"], ["outputs 'back' are states behind the last frame"]),
    "the state of a GRU, which is its y": ((), ["back"], ["back"], []),
    "the states of an LSTM": ((LSTM,), ["every", "hidden", "cell"], ["every"], ["outputs 'hidden', 'cell' are states behind the last frame"]),
    "twice": ((("Identity", "logits", "again", {}),), ["logits", "again"], ["logits"], ["output 'again' is output 'logits', and not given twice"]),
    "argmax of another": ((ARGMAX,), ["logits", "number"], ["logits"], ["WARNING: output 'number' is left out: it is the argmax of another output"]),
    "argmax of what a softmax is of": ((SOFTMAX, ARGMAX), ["odds", "number"], ["odds"], ["WARNING: output 'number' is left out"]),
    "argmax of a sigmoid of another": (
        (("Sigmoid", "logits", "odds", {}), ("ArgMax", "odds", "number", {"axis": -1, "keepdims": 0})),
        ["logits", "number"], ["logits"], ["WARNING: output 'number' is left out"],
    ),
    "argmax alone": ((SOFTMAX, ARGMAX), ["number"], ["number"], []),
    "argmax of another layer": ((ARGMAX,), ["y", "number"], ["y", "number"], []),
    "x": ((), ["logits", "x"], ["logits"], ["WARNING: output 'x' is left out: it follows from no layer"]),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_that_a_core_gives_and_what_becomes_of_others(name):
    nodes, asked, given, notes = OUTPUTS[name]
    graph = walked(*nodes)
    before = len(graph.notes)
    assert [output.name for output in chosen_outputs(graph, asked)] == given
    said = graph.notes[before:]
    assert len(said) == len(notes)
    for note, start in zip(said, notes, strict=True):
        assert note.startswith(start)


@pytest.mark.parametrize(
    "asked, message",
    [
        (["nothing"], "output 'nothing' of the graph is made by no node"),
        (["cell"], "outputs 'cell' are states behind the last frame, which a core keeps and no y holds"),
        (["x"], "the graph has no output that follows from an LSTM, GRU or linear layer"),
    ],
)  # fmt: skip
def test_a_graph_of_which_a_core_gives_nothing_is_refused(asked, message):
    with pytest.raises(DesignError, match=message):
        chosen_outputs(walked(LSTM), asked)
