"""Layers from an ONNX graph: LSTM, GRU and linear layers (MatMul, Gemm, Add).

The graph is walked once in the order of its nodes. Constants are folded; what exporters put between the
layers (Transpose, Squeeze, Reshape, the shapes of initial states, ...) is followed; every other node is
refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import Node, Output
from ernn_myhdl.exchange.onnx_axes import AXES_OPERATORS
from ernn_myhdl.exchange.onnx_convolution import check_padded
from ernn_myhdl.exchange.onnx_element_wise import ELEMENT_WISE, top_of_elements
from ernn_myhdl.exchange.onnx_embedding import looked_up
from ernn_myhdl.exchange.onnx_features import taking_features
from ernn_myhdl.exchange.onnx_flat import of_one_axis
from ernn_myhdl.exchange.onnx_frames import frame_signal, kernel_note
from ernn_myhdl.exchange.onnx_joining import joined_signals
from ernn_myhdl.exchange.onnx_linear import convolution, is_linear, linear
from ernn_myhdl.exchange.onnx_outputs import chosen_outputs
from ernn_myhdl.exchange.onnx_parts import parted
from ernn_myhdl.exchange.onnx_recurrent import (
    check_zero_state,
    recurrent_layer,
    reset_note,
)
from ernn_myhdl.exchange.onnx_refusals import unsupported
from ernn_myhdl.exchange.onnx_reshape import flatten, reshape
from ernn_myhdl.exchange.onnx_sizes import sizes_of, zeros_like, zeros_of
from ernn_myhdl.exchange.onnx_states import (
    KEEP_ZEROS,
    final_state,
    given_state,
    is_new_state,
    new_states,
    parts_of_given,
)
from ernn_myhdl.exchange.onnx_values import GivenState, Labels, Signal, State, Value, Zeros
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL, OPERATORS

_RESHAPE = {"Flatten": flatten, "Reshape": reshape}


class OnnxGraph:
    """The walk over one graph.

    constants: initializers by name. inputs: name -> sizes of the axes of each input of the graph, None
    or their name where they depend on the input. fold: outputs of a node whose inputs are all constants,
    None for an operator that is not folded. declared: name -> sizes that the file states for other values.
    producer: name of the program that made the file. states: inputs that are states before the first frame.
    """

    def __init__(
        self,
        constants: Mapping[str, np.ndarray],
        inputs: Mapping[str, list[int | str | None]],
        fold: Callable[[object, list], list[np.ndarray | None] | None],
        declared: Mapping[str, list[int | str | None]] | None = None,
        producer: str = "",
        states: Collection[str] = (),
    ) -> None:
        self.labels = Labels()
        self.fold = fold
        self.declared = declared or {}
        self.producer = producer
        self.values: dict[str, Value] = dict(constants)
        signals = {
            name: Signal(self.labels.of_input(sizes))
            for name, sizes in inputs.items()
            if name not in states
        }
        self.values.update(signals)
        self.values.update({name: given_state(name, inputs[name]) for name in states})
        #: States that are inputs of the graph: name of the layer, part of its state, and the input.
        self.given_states: list[tuple[str, str, GivenState]] = []
        self.inputs = set(inputs)
        #: Names of the sizes of the inputs that the file leaves open.
        self.open_sizes = {s for sizes in inputs.values() for s in sizes if isinstance(s, str)}
        #: Labels of the last axis of each input.
        self.last_axes = {signal.axes[-1][0] for signal in signals.values() if signal.axes}
        #: Whether layers come after the node that is followed.
        self.layers_follow = False
        #: Products of two constant matrices, of which one may be a projection.
        self.factors: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.notes: list[str] = []
        #: Whether recurrent layers run over one frame, from states that are inputs and come back; of an axis of x, and whether such.
        self.single_step = self._one_frame = False

    def walk(self, node, attributes: dict, layers_follow: bool = False) -> None:
        """Follow one node; layers_follow: whether layers come after it."""
        self.layers_follow = layers_follow
        where = f"node {node.name or (node.output or ['?'])[0]!r} ({node.op_type})"
        if node.domain not in ("", "ai.onnx"):
            raise DesignError(f"{where}: operators of {node.domain!r} are not supported")
        for name in node.input:
            if name and name not in self.values:
                raise DesignError(f"{where}: its input {name!r} is made by no node before it")
        given = [self.values[name] if name else None for name in node.input]
        results = self._results(where, node, attributes, given)
        for name, value in zip(node.output, results, strict=False):
            if name and value is not None:
                self.values[name] = value
                self._check_declared(where, name, value)

    def _check_declared(self, where: str, name: str, value: Value) -> None:
        """DesignError where the file states other sizes for a value than the walk has found."""
        declared = self.declared.get(name)
        if declared is None or not isinstance(value, Signal):
            return
        sizes = [self.labels.size(axis) for axis in value.axes]
        pairs = zip(declared, sizes, strict=False)
        if len(declared) != len(sizes) or any(
            isinstance(a, int) and b is not None and a != b for a, b in pairs
        ):
            stated, found = (
                ", ".join("?" if n is None else str(n) for n in each) for each in (declared, sizes)
            )
            raise DesignError(
                f"{where}: the file states the sizes ({stated}) for {name!r}, but its inputs give ({found}); "
                "the file contradicts itself: export it again, or import the state dict"
            )
        for axis, size in zip(value.axes, declared, strict=True):
            several = self.open_sizes & set(re.findall(r"\w+", str(size)))
            if len(several) > max(len(axis), 1):
                raise DesignError(
                    f"{where}: the file states the size {size} for {name!r}, of {' and '.join(sorted(several))}, which its nodes keep apart: "
                    "the exporter has left out a reshape of sequences and frames; export the model with the sizes fixed, or import the module"
                )

    def _results(self, where: str, node, attributes: dict, given: list) -> Sequence[Value | None]:
        kind = node.op_type
        if kind in OPERATORS:
            return self._recurrent(where, node, attributes, given)
        present = [v for v in given if v is not None]
        whole = (
            np.asarray(attributes.get("value", 0.0)).dtype.kind == "i"
        )  # a list of pads, no state
        if kind == "ConstantOfShape" and not np.any(attributes.get("value", 0)) and not whole:
            return [zeros_like(given[0])]
        if all(isinstance(v, np.ndarray) for v in present):
            if (folded := self.fold(node, given)) is None:
                raise unsupported(where, kind, given, self.layers_follow)
            if kind == "MatMul":
                self.factors[node.output[0]] = (given[0], given[1])
            return folded
        if (sizes := sizes_of(kind, attributes, given, self.labels)) is not None:
            return sizes
        if kind in KEEP_ZEROS and isinstance(given[0], Zeros):
            zeros = zeros_of(kind, attributes, given)
            return [zeros if len(node.output) == 1 else Zeros()] * len(node.output)
        if kind == "Expand" and isinstance(given[0], np.ndarray) and given[0].shape[:-1] == (1, 1):
            return [given[0]]  # a state for each sequence of a batch
        if given and isinstance(given[0], GivenState) and kind in KEEP_ZEROS:
            return parts_of_given(kind, attributes, given, len(node.output))
        if (rows := looked_up(where, kind, attributes, given, self.labels)) is not None:
            return [rows]
        if self.single_step and new_states(kind, attributes, given):
            return [State()]
        check_padded(where, kind, given)
        if (framed := frame_signal(where, kind, attributes, given, self.labels)) is not None:
            if note := kernel_note(where, kind, attributes):
                self.notes.append(note)
            return [framed]
        if (joined := joined_signals(where, kind, attributes, given, self.labels)) is not None:
            return [joined]
        if (state := final_state(kind, attributes, given, self.labels)) is not None:
            return [state]
        if kind == "Split":
            parts = parted(where, attributes, given, len(node.output), self.labels)
            if parts is not None:
                return parts
        if kind == "TopK":
            return top_of_elements(where, attributes, given, self.labels)
        signals = [v for v in present if isinstance(v, Signal)]
        if len(signals) == 1:
            if kind in AXES_OPERATORS and present[0] is signals[0]:
                return [AXES_OPERATORS[kind](where, attributes, given, self.labels)]
            if kind in _RESHAPE and present[0] is signals[0]:
                declared = self.declared.get(node.output[0])
                return [_RESHAPE[kind](where, attributes, given, self.labels, declared)]
            if kind in ("MatMul", "Gemm") or (kind == "Add" and _follows_linear(signals[0], given)):
                return [linear(where, node.name, kind, attributes, given, self.labels)]
            if kind == "Conv" and (made := self._convolution(where, node.name, attributes, given)):
                return [made]
            if kind in ELEMENT_WISE:
                made = ELEMENT_WISE[kind](where, kind, attributes, given, self.labels)
                if made is not None:
                    return [made]
        raise unsupported(where, kind, given, self.layers_follow)

    def _convolution(self, where: str, name: str, attributes: dict, given: list) -> Signal | None:
        def along_frames(attributes: dict, given: list) -> Signal | None:
            return convolution(where, name, attributes, given, self.labels)

        flat = of_one_axis(attributes, given, self.labels, along_frames)
        return along_frames(attributes, given) if flat is None else flat

    def _recurrent(self, where: str, node, attributes: dict, given: list) -> list[Value]:
        names = OPERATORS[node.op_type].inputs
        if len(given) > len(names):
            raise DesignError(f"{where}: has {len(given)} inputs, must have at most {len(names)}")
        named = dict(zip(names, [*given, *[None] * len(names)], strict=False))
        sources = dict(zip(names, node.input, strict=False))
        x = named["X"]
        if not isinstance(x, Signal):
            raise DesignError(
                f"{where}: X is {sources.get('X')!r}, must follow from the graph's input"
            )
        check_padded(where, node.op_type, [x])
        x = taking_features(where, x, self.labels)
        arrays = {
            n: self._constant(where, n, sources.get(n), v) for n, v in named.items() if n != "X"
        }
        for n in ("W", "R"):
            if arrays[n] is None:
                raise DesignError(f"{where}: {n} is missing")
        layout = attributes.get("layout", 0)
        if layout not in (0, 1):
            raise DesignError(f"{where}: layout = {layout}, must be 0 or 1")
        from_given = any(isinstance(v, GivenState) for v in named.values())
        frame = self._frame_axis(where, x, layout, from_given)
        lengths = arrays.pop("sequence_lens")
        if lengths is not None:
            self._check_lengths(where, lengths, x.axes[layout])
        name = node.name.strip("/") or node.op_type.lower()
        layer = recurrent_layer(name, node.op_type, attributes, arrays)
        batch = x.axes[1 - layout]
        self._check_states(where, layer, named, self.labels.size(batch), layout)
        if note := reset_note(where, node.op_type, attributes, self.producer):
            self.notes.append(note)
        self._check_inputs(where, layer, x)
        directions, feature = self.labels.new(1), self.labels.new(layer.hidden)
        here = Node(layer, (x.node,), where)
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
        y = Signal(y_axes, here, frame, feature[0], x.taken, factors=self.factors.get(sources["R"]))
        last = replace(y, axes=state_axes, last=True, state=True)
        return [y, last, State(cell=True)]

    def _frame_axis(self, where: str, x: Signal, layout: int, from_given: bool) -> str:
        if len(x.axes) != 3 or x.last:
            raise DesignError(
                f"{where}: X has {len(x.axes)} axes, must be frames, batch and elements"
            )
        axis = x.axes[layout]
        core = self.labels.core(axis)
        if len(core) > 1:
            raise DesignError(
                f"{where}: runs over {self.labels.meaning(axis, x)} as one axis; must be the frames of a sequence"
            )
        made = not core and axis[0] not in self.labels.inputs  # an axis that x has not
        if made and from_given and (x.frame is None or self.single_step):
            self.single_step = True
            return axis[0]
        self._one_frame = self._one_frame or (from_given and self.labels.size(axis) == 1)
        if x.frame is None:
            return core[0] if core else axis[0]
        # frames of a fixed number, one, may be joined with an axis that is longer: then it is that one
        if core != (x.frame,) and (core or x.frame not in axis):
            raise DesignError(
                f"{where}: runs over another axis than the layer before it, which takes the frames along it"
            )
        return x.frame

    def _check_states(self, where: str, layer: DenseLayer, named, batch, layout: int) -> None:
        """DesignError where states before the first frame do not fit the layer or the batch of x."""
        for name in ("initial_h", "initial_c"):
            value = named.get(name)
            if isinstance(value, Zeros):
                check_zero_state(where, name, value.shape, layer, layout)
            elif isinstance(value, np.ndarray) and batch is not None:
                rows = value.shape[0 if layout else 1]
                if rows not in (1, batch):
                    raise DesignError(
                        f"{where}: {name} has states for {rows} sequences, but X has {batch}"
                    )
        self._take_given(where, layer, named)

    def _take_given(self, where: str, layer: DenseLayer, named) -> None:
        """Note states that are inputs of the graph; DesignError where they are of another size, or where a state that
        is no input starts from anything but zero."""
        for part, name in OF_CELL[layer.kind].state.items():
            value = named.get(name)
            if not isinstance(value, GivenState):
                continue
            size = value.sizes[-1] if value.sizes else None
            if size not in (None, layer.hidden):
                raise DesignError(
                    f"{where}: {name} {value} has {size} elements, must have {layer.hidden}"
                )
            if layer.initial:
                raise DesignError(
                    f"{where}: {name} {value} is an input of the graph, and the rest of the state is a constant; export the "
                    "model with all of (h0, c0) as inputs, or without them"
                )
            self.given_states.append((layer.name, part, value))

    def _check_inputs(self, where: str, layer: DenseLayer, x: Signal) -> None:
        size = self.labels.size(x.axes[-1])
        if size is not None and size != layer.inputs:
            raise DesignError(f"{where}: takes {layer.inputs} elements, but X has {size}")

    def _constant(self, where: str, name: str, source: str | None, value) -> np.ndarray | None:
        """The array of an input of a recurrent node; zeros are None."""
        if value is None or isinstance(value, Zeros | GivenState):
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
        size, own = self.labels.size(frames), int(lengths.flat[0])
        if size != own:
            has = "any number of" if size is None else str(size)
            raise DesignError(
                f"{where}: sequence_lens is {own}, the input has {has} frames; export without it"
            )
        self.notes.append(
            f"{where}: sequence_lens is left out: the core takes sequences of any length"
        )

    def result(
        self, outputs: Sequence[str], called: Mapping[str, str] | None = None
    ) -> list[Output]:
        """The outputs that the core gives (`ernn_myhdl.exchange.onnx_outputs`)."""
        return chosen_outputs(self, outputs, called)

    def note_step(self, all_back: bool) -> None:
        """Whether it is one step, now that the outputs are known. all_back: whether as many states come back as are given."""
        self.single_step = self.single_step or (self._one_frame and all_back)

    def is_final_state(self, name: str) -> bool:
        """Whether a value is a state behind the last frame."""
        return is_new_state(self.values[name], self.single_step, bool(self.given_states))

    def check_taken(self, name: str, signal: Signal) -> None:
        """DesignError where nothing tells which axis of the input holds the elements of a frame."""
        if signal.frame is None and signal.taken in self.labels.inputs.keys() - self.last_axes:
            raise DesignError(
                f"output {name!r}: the first layer takes axis {self.labels.inputs[signal.taken]} of the graph's "
                "input, which is not its last; without an LSTM or GRU nothing tells whether that holds frames "
                "or the elements of a frame: export the model with these as the last axis of its input"
            )


def _follows_linear(signal: Signal, given: list) -> bool:
    """Whether Add may be the bias of the layer before it."""
    constant = any(isinstance(v, np.ndarray) for v in given)
    return constant and is_linear(signal)
