"""Layers from an ONNX graph: a chain of LSTM, GRU and linear layers (MatMul, Gemm, Add).

The graph is walked once in the order of its nodes. Constants are folded; what exporters put between the
layers (Transpose, Squeeze, Reshape, the shapes of initial states, ...) is followed; every other node is
refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.dense import DenseLayer
from ernn_myhdl.exchange.onnx_axes import AXES_OPERATORS
from ernn_myhdl.exchange.onnx_recurrent import GATES, INPUTS, recurrent_layer
from ernn_myhdl.exchange.onnx_sizes import sizes_of
from ernn_myhdl.exchange.onnx_values import Labels, Signal, State, Value, Zeros

#: Operators that keep zeros zero.
_KEEP_ZEROS = {
    "Cast", "Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose",
    "Unsqueeze",
}  # fmt: skip


class Graph:
    """The walk over one graph.

    constants: initializers by name. inputs: name -> sizes of the axes of each input of the graph, None
    where they depend on the input. fold: outputs of a node whose inputs are all constants, None for an
    operator that is not folded.
    """

    def __init__(
        self,
        constants: Mapping[str, np.ndarray],
        inputs: Mapping[str, list[int | None]],
        fold: Callable[[object, list[np.ndarray]], list[np.ndarray] | None],
    ) -> None:
        self.labels = Labels()
        self.fold = fold
        self.values: dict[str, Value] = dict(constants)
        for name, sizes in inputs.items():
            self.values[name] = Signal(tuple(self.labels.new(size) for size in sizes))
        self.inputs = set(inputs)
        #: Products of two constant matrices, of which one may be a projection.
        self.factors: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.notes: list[str] = []

    def walk(self, node, attributes: dict) -> None:
        """Follow one node."""
        where = f"node {node.name or (node.output or ['?'])[0]!r} ({node.op_type})"
        if node.domain not in ("", "ai.onnx"):
            raise DesignError(f"{where}: operators of {node.domain!r} are not supported")
        for name in node.input:
            if name and name not in self.values:
                raise DesignError(f"{where}: its input {name!r} is made by no node before it")
        given = [self.values[name] if name else None for name in node.input]
        results = self._results(where, node, attributes, given)
        for name, value in zip(node.output, results, strict=False):
            if name:
                self.values[name] = value

    def _results(self, where: str, node, attributes: dict, given: list) -> list[Value]:
        kind = node.op_type
        if kind in GATES:
            return self._recurrent(where, node, attributes, given)
        present = [v for v in given if v is not None]
        if kind == "ConstantOfShape" and not np.any(attributes.get("value", 0)):
            return [Zeros()]
        if all(isinstance(v, np.ndarray) for v in present):
            if (folded := self.fold(node, given)) is None:
                raise DesignError(f"{where}: is not supported; {_ADVICE}")
            if kind == "MatMul":
                self.factors[node.output[0]] = (given[0], given[1])
            return folded
        if (sizes := sizes_of(kind, attributes, given, self.labels)) is not None:
            return sizes
        if kind in _KEEP_ZEROS and isinstance(given[0], Zeros):
            return [Zeros()] * len(node.output)
        if kind == "Expand" and isinstance(given[0], np.ndarray) and given[0].shape[:-1] == (1, 1):
            return [given[0]]  # a state for each sequence of a batch
        if (state := _final_state(kind, attributes, given)) is not None:
            return [state]
        signals = [v for v in present if isinstance(v, Signal)]
        if len(signals) == 1:
            if kind in AXES_OPERATORS and present[0] is signals[0]:
                return [AXES_OPERATORS[kind](where, attributes, given, self.labels)]
            if kind in ("MatMul", "Gemm", "Add"):
                return [self._linear(where, node.name, kind, attributes, given)]
        raise DesignError(f"{where}: is not supported here; {_ADVICE}")

    def _recurrent(self, where: str, node, attributes: dict, given: list) -> list[Value]:
        names = INPUTS[node.op_type]
        if len(given) > len(names):
            raise DesignError(f"{where}: has {len(given)} inputs, must have at most {len(names)}")
        named = dict(zip(names, [*given, *[None] * len(names)], strict=False))
        sources = dict(zip(names, node.input, strict=False))
        x = named["X"]
        if not isinstance(x, Signal):
            raise DesignError(
                f"{where}: X is {sources.get('X')!r}, must follow from the graph's input"
            )
        arrays = {
            n: self._constant(where, n, sources.get(n), v) for n, v in named.items() if n != "X"
        }
        for n in ("W", "R"):
            if arrays[n] is None:
                raise DesignError(f"{where}: {n} is missing")
        layout = attributes.get("layout", 0)
        if layout not in (0, 1):
            raise DesignError(f"{where}: layout = {layout}, must be 0 or 1")
        frame = self._frame_axis(where, x, layout)
        lengths = arrays.pop("sequence_lens")
        if lengths is not None:
            self._check_lengths(where, lengths, x.axes[layout])
        name = node.name.strip("/") or node.op_type.lower()
        layer = recurrent_layer(name, node.op_type, attributes, arrays)
        self._check_inputs(where, layer, x)
        directions, feature = self.labels.new(1), self.labels.new(layer.hidden)
        batch = x.axes[1 - layout]
        layers = (*x.layers, layer)
        if layout:
            y_axes, state_axes = (
                (batch, x.axes[1], directions, feature),
                (batch, directions, feature),
            )
        else:
            y_axes, state_axes = (
                (x.axes[0], directions, batch, feature),
                (directions, batch, feature),
            )
        y = Signal(y_axes, layers, frame, factors=self.factors.get(sources["R"]))
        last = replace(y, axes=state_axes, last=True)
        return [y, last, State()]

    def _frame_axis(self, where: str, x: Signal, layout: int) -> str:
        if len(x.axes) != 3 or x.last:
            raise DesignError(
                f"{where}: X has {len(x.axes)} axes, must be frames, batch and elements"
            )
        axis = x.axes[layout]
        if len(axis) != 1 or x.frame not in (None, axis[0]):
            raise DesignError(f"{where}: runs over another axis than the layer before it")
        return axis[0]

    def _check_inputs(self, where: str, layer: DenseLayer, x: Signal) -> None:
        size = self.labels.size(x.axes[-1])
        if size is not None and size != layer.inputs:
            raise DesignError(f"{where}: takes {layer.inputs} elements, but X has {size}")

    def _constant(self, where: str, name: str, source: str | None, value) -> np.ndarray | None:
        """The array of an input of a recurrent node; zeros are None."""
        if value is None or isinstance(value, Zeros):
            return None
        if isinstance(value, np.ndarray):
            return value
        if name == "sequence_lens":
            raise DesignError(
                f"{where}: sequence_lens {source!r} may vary inside a batch; run each sequence alone, "
                "export without it"
            )
        what = "is an input of the graph" if source in self.inputs else "depends on the input"
        more = ": a sequence starts from a fixed state" if name.startswith("initial") else ""
        raise DesignError(f"{where}: {name} {source!r} {what}, must be a constant{more}")

    def _check_lengths(self, where: str, lengths: np.ndarray, frames) -> None:
        if lengths.dtype.kind not in "iu" or not lengths.size:
            raise DesignError(f"{where}: sequence_lens has type {lengths.dtype}, must be integers")
        if np.any(lengths != lengths.flat[0]):
            raise DesignError(
                f"{where}: sequence_lens varies inside a batch; run each sequence alone"
            )
        if self.labels.size(frames) not in (None, int(lengths.flat[0])):
            raise DesignError(
                f"{where}: sequence_lens is shorter than the input; export without it"
            )
        self.notes.append(
            f"{where}: sequence_lens is left out: the core takes sequences of any length"
        )

    def _linear(self, where: str, name: str, kind: str, attributes: dict, given: list) -> Signal:
        signal = next(v for v in given if isinstance(v, Signal))
        feature = self.labels.size(signal.axes[-1])
        if kind == "Add":
            constant = next((v for v in given if isinstance(v, np.ndarray)), None)
            if constant is None or not signal.layers or signal.layers[-1].kind != "linear":
                raise DesignError(f"{where}: is not supported here, only as the bias of a MatMul")
            bias = _vector(where, constant, feature)
            layer = signal.layers[-1]
            weights = layer.weights | {"bias": layer.weights["bias"] + bias}
            return replace(signal, layers=(*signal.layers[:-1], replace(layer, weights=weights)))
        if given[0] is not signal or not isinstance(given[1], np.ndarray) or given[1].ndim != 2:
            raise DesignError(f"{where}: must multiply a signal with a constant matrix")
        matrix, bias = given[1].astype(np.float64), None
        if kind == "Gemm":
            if attributes.get("transA", 0) or len(signal.axes) != 2:
                raise DesignError(
                    f"{where}: transA and inputs of other than 2 axes are not supported"
                )
            matrix = matrix.T if attributes.get("transB", 0) else matrix
            matrix = matrix * attributes.get("alpha", 1.0)
            if len(given) > 2 and given[2] is not None:
                if not isinstance(given[2], np.ndarray):
                    raise DesignError(f"{where}: C must be a constant")
                bias = given[2].astype(np.float64) * attributes.get("beta", 1.0)
        rows, columns = matrix.shape
        if not matrix.size or feature not in (None, rows):
            raise DesignError(
                f"{where}: its matrix has shape {matrix.shape}, must have {feature} rows"
            )
        axes = (*signal.axes[:-1], self.labels.new(columns))
        if kind == "MatMul" and signal.factors is not None and signal.layers[-1].kind == "lstm":
            if np.array_equal(signal.factors[1], given[1].T):
                return replace(signal.moved(axes), layers=_projected(signal), factors=None)
        bias = np.zeros(columns) if bias is None else _vector(where, bias, columns)
        weights = {"input_weight": matrix.T[None], "bias": bias[None]}
        layer = DenseLayer(name.strip("/") or "linear", "linear", weights)
        return replace(signal.moved(axes), layers=(*signal.layers, layer), factors=None)

    def result(self, outputs: list[str]) -> tuple[DenseLayer, ...]:
        """The layers of the output that has most of them; DesignError where there are none."""
        missing = [name for name in outputs if name not in self.values]
        if missing:
            raise DesignError(f"output {missing[0]!r} of the graph is made by no node")
        signals = {n: v for n in outputs if isinstance(v := self.values[n], Signal) and v.layers}
        if not signals:
            raise DesignError(
                "the graph has no output that follows from an LSTM, GRU or linear layer"
            )
        name = max(signals, key=lambda n: (len(signals[n].layers), not signals[n].last))
        chosen = signals[name]
        for other, signal in signals.items():
            pairs = zip(signal.layers, chosen.layers, strict=False)
            if any(theirs is not ours for theirs, ours in pairs):
                raise DesignError(
                    f"outputs {name!r} and {other!r} follow from different layers; export one of them"
                )
        if left := [n for n in outputs if n != name]:
            self.notes.append(f"outputs left out: {', '.join(left)}; the core gives {name!r}")
        if chosen.last:
            self.notes.append(
                f"output {name!r} is of the last frame; the core gives one for every frame, of which the "
                "last of a sequence is this one"
            )
        return chosen.layers


_ADVICE = (
    "LSTM, GRU, MatMul + Add and Gemm are, with reshaping between them; cut the model before or after this "
    "node"
)


def _final_state(kind: str, attributes: dict, given: list) -> Value | None:
    """What follows from final states alone: other states, or the last output of one layer of several."""
    if kind == "Concat" and all(isinstance(v, Signal) and v.last for v in given):
        return State(tuple(given) if attributes.get("axis") == 0 else ())
    if not all(isinstance(v, State | np.ndarray) for v in given) or not isinstance(given[0], State):
        return None
    if kind == "Gather" and attributes.get("axis", 0) == 0 and np.ndim(given[1]) == 0:
        index = int(given[1])
        if -len(given[0].parts) <= index < len(given[0].parts):
            part = given[0].parts[index]
            return part.moved(part.axes[1:])
    return State() if kind in _KEEP_ZEROS else None


def _vector(where: str, array: np.ndarray, size: int | None) -> np.ndarray:
    """A bias that is one number for each element, or one for all."""
    if (
        array.dtype.kind != "f"
        or array.size not in (1, size)
        or array.size not in array.shape[-1:] + (1,)
    ):
        raise DesignError(
            f"{where}: the bias has shape {array.shape} of {array.dtype}, must be ({size},) and floating"
        )
    return np.broadcast_to(array.reshape(-1), (size,))


def _projected(signal: Signal) -> tuple[DenseLayer, ...]:
    """The layers with the last one's output multiplied by its projection, which R has as a factor."""
    layer = signal.layers[-1]
    recurrent, projection = signal.factors
    hidden = layer.hidden
    order = list(GATES["LSTM"])
    weights = layer.weights | {
        "recurrent_weight": recurrent.reshape(4, hidden, -1)[order],
        "projection_weight": projection,
    }
    initial = layer.initial
    if initial:
        initial = initial | {"output": projection @ initial["output"]}
    return (*signal.layers[:-1], replace(layer, weights=weights, initial=initial))
