"""Keras models as graphs: Sequential and functional ones, of a configuration and its weights.

Frames are the axis before the last, elements the last one; an axis before both holds sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.design.limits import damage
from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.frames_out import frames_of, summary_joined
from ernn_myhdl.exchange.graph import (
    Input,
    LastFrame,
    LookedUp,
    Node,
    Output,
    Pooled,
    Repeated,
    Windows,
)
from ernn_myhdl.exchange.keras_arithmetic import JOINS, arithmetic, joined
from ernn_myhdl.exchange.keras_config import (
    End,
    arguments_of,
    ends_of,
    first_call,
    name_of,
    snake_case,
)
from ernn_myhdl.exchange.keras_file import Config, Weights, read_keras_file
from ernn_myhdl.exchange.keras_layer import KerasLayer
from ernn_myhdl.exchange.keras_layers import KERNELS, check_axis, operations, refusal_of, size_after
from ernn_myhdl.exchange.keras_operations import (
    check_of_frames,
    of_keras_ops,
    operation,
    power,
    prelu,
)
from ernn_myhdl.exchange.keras_padding import check_padded, check_whole, frames_before
from ernn_myhdl.exchange.keras_parts import parts
from ernn_myhdl.exchange.keras_quantisation import QUANTISED, plain_layer
from ernn_myhdl.exchange.keras_signal import KerasSignal, check_numbers, input_of

_MODELS = ("Sequential", "Functional", "Model")
_CELLS = {"LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"}
#: Layers and operations that join signals, or do arithmetic with constants.
_JOINING = {"Add", "Average", "Concatenate", "Divide", "Dot", "Maximum", "Minimum", "Multiply", "Subtract", "TrueDivide"}  # fmt: skip
POOLING = ("GlobalMaxPooling1D", "GlobalAveragePooling1D")
#: Most layers, and models one in the other.
MOST_LAYERS, DEEPEST = 1000, 8


def read_keras(
    file: Path, config: str | Path | None = None, checked: bool = False
) -> tuple[list[Output], list[str]]:
    """The graph of a Keras model, as its outputs, and notes. config: file of the configuration of .weights.h5; checked:
    whether outputs are compared with those of the model afterwards, so that Masking may be left out.

    Raises DesignError naming the file and what is wrong.
    """
    found, weights = read_keras_file(file, config)
    try:
        with damage("its configuration"):
            reader = _Reader(weights, config is None, checked)
            outputs = reader.model(found, None, "", 0)
    except DesignError as error:
        raise DesignError(f"model {file}: {error}") from error
    except RecursionError as error:
        raise DesignError(f"model {file}: its configuration is nested too deep") from error
    check_whole(f"model {file}", [signal for _, signal in outputs])
    return [Output(signal.node, name) for name, signal in outputs], reader.notes


class _Reader:
    """The models of one file. own: whether the configuration is that of the weights for sure."""

    def __init__(self, weights: Weights, own: bool, checked: bool) -> None:
        self.weights, self.own, self.checked = weights, own, checked
        self.notes: list[str] = []
        self.layers = 0

    def model(
        self, found: Config, given: Sequence[KerasSignal] | None, path: str, depth: int
    ) -> list[tuple[str, KerasSignal]]:
        """The outputs of a model. given: its inputs, None for the outermost. path: of its weights."""
        kind, config = found.get("class_name"), found.get("config")
        if kind not in _MODELS:
            raise DesignError(
                f"is a model of class {short(repr(kind))}, must be Sequential or Functional; its own code is not run"
            )
        if depth > DEEPEST:
            raise DesignError(f"models lie in each other more than {DEEPEST} deep")
        if isinstance(config, list):  # a Sequential of Keras 2.1 and older
            config = {"layers": config}
        if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
            raise DesignError("its configuration has no layers")
        layers = config["layers"]
        self.layers += len(layers)
        if self.layers > MOST_LAYERS:
            raise DesignError(f"has more than {MOST_LAYERS} layers")
        paths = self._paths(layers, path)
        make = self._sequential if kind == "Sequential" else self._functional
        return make(config, layers, paths, given, depth)

    def _paths(self, layers: Sequence[Config], path: str) -> list[str]:
        """Where the weights of each layer lie: in Keras 3 by class and number, else by name."""
        if self.weights.legacy:
            return [str(name_of(layer)) for layer in layers]
        counts: dict[str, int] = {}
        paths = []
        for layer in layers:
            base = snake_case(str(layer.get("class_name")))
            number = counts.get(base, 0)
            counts[base] = number + 1
            paths.append(f"{path}layers/{base}" + (f"_{number}" if number else ""))
        return paths

    def _sequential(self, config, layers, paths, given, depth) -> list[tuple[str, KerasSignal]]:
        signal = None if given is None else _only(given)
        shape = config.get("build_input_shape")
        if signal is None and shape is None:
            first = layers[0].get("config", {}) if layers else {}
            shape = first.get("batch_input_shape", first.get("batch_shape"))
        name = "input"
        for layer, path in zip(layers, paths, strict=True):
            if layer.get("class_name") == "InputLayer":
                signal = signal or self._input(layer)
                continue
            if signal is None:
                signal = input_of("input", shape)
            signal, name = _only(self._results(layer, path, [signal], depth)), name_of(layer)
        if signal is None:
            raise DesignError("has no layers")
        return [(name, signal)]

    def _functional(self, config, layers, paths, given, depth) -> list[tuple[str, KerasSignal]]:
        inputs = ends_of(config.get("input_layers"))
        if given is None and len(inputs) != 1:
            raise DesignError(f"has {len(inputs)} inputs, must have 1: the frames of a sequence")
        made: dict[End, KerasSignal] = {}
        if given is not None:
            if len(given) != len(inputs):
                raise DesignError(
                    f"a model in the model takes {len(given)} signals, must take {len(inputs)}"
                )
            made = {(name, 0, 0): s for (name, *_), s in zip(inputs, given, strict=True)}
        left: list[tuple[Any, ...]] = []
        for layer, path in zip(layers, paths, strict=True):
            if layer.get("class_name") == "InputLayer":
                made.setdefault((name_of(layer), 0, 0), self._input(layer))
                continue
            calls = enumerate(layer.get("inbound_nodes", []), first_call(layer, False))
            left += [(layer, path, number, arguments_of(call)) for number, call in calls]
        while left:
            waiting: list[tuple[Any, ...]] = []
            for layer, path, number, call in left:
                if any(isinstance(a, tuple) and a not in made for a in call):
                    waiting.append((layer, path, number, call))
                    continue
                arguments = [made[a] if isinstance(a, tuple) else a for a in call]
                results = self._results(layer, path, arguments, depth)
                made |= {(name_of(layer), number, i): signal for i, signal in enumerate(results)}
            if len(waiting) == len(left):
                ends = [a for *_, call in left for a in call if isinstance(a, tuple)]
                check_numbers(ends, made)
                raise DesignError(
                    f"layer {name_of(left[0][0])!r}: takes what no layer before it makes"
                )
            left = waiting
        counted = {name_of(n): first_call(n, True) - first_call(n, False) for n in layers}
        outputs = [(name, call - counted.get(name, 0), i) for name, call, i in ends_of(config.get("output_layers"))]  # fmt: skip
        check_numbers(outputs, made)
        if missing := [end[0] for end in outputs if end not in made]:
            raise DesignError(f"output {missing[0]!r} is made by no layer")
        return [(end[0], made[end]) for end in outputs]

    def _input(self, layer: Config) -> KerasSignal:
        config = layer.get("config", {})
        return input_of(name_of(layer), config.get("batch_shape", config.get("batch_input_shape")))

    def _results(self, layer: Config, path: str, given: list[Any], depth: int) -> list[KerasSignal]:
        """The signals behind a layer, several of a model; given: signals and constants."""
        kind, name = str(layer.get("class_name")), name_of(layer)
        where = f"layer {name!r} ({kind})"
        module = layer.get("module")
        known = kind in QUANTISED and (module is None or str(module).startswith("qkeras"))
        if kind.startswith("Q") and str(module).startswith("qkeras") and not known:
            raise DesignError(
                f"{where}: rounds signals in formats of its own, or is not known; the core rounds signals in its formats: save "
                "the model without it"
            )
        foreign = not known and isinstance(module, str) and not module.startswith(("keras", "tensorflow", "tf_keras", "builtins"))  # fmt: skip
        if foreign or (not known and ">" in str(layer.get("registered_name") or "")):
            raise DesignError(
                f"{where}: is a layer of its own, whose code is not run; replace it by layers of Keras"
            )
        if kind in _MODELS:
            if self.weights.legacy:
                raise DesignError(
                    f"{where}: is a model in a model; save it as .keras, where its weights have names"
                )
            made = self.model(layer, _signals(where, given), path + "/", depth + 1)
            return [signal for _, signal in made]
        return [self._applied(layer, path, given, depth, where)]

    def _applied(
        self, layer: Config, path: str, given: list[Any], depth: int, where: str
    ) -> KerasSignal:
        """The signal behind a layer that is no model."""
        kind, name, module = str(layer.get("class_name")), name_of(layer), layer.get("module")
        signals = _signals(where, given)
        if kind in ("Square", "Power") and of_keras_ops(module) and given[0] is signals[0]:
            check_whole(where, signals)
            exponent = 2 if kind == "Square" else given[1] if len(given) > 1 else None
            return replace(signals[0], node=power(where, signals[0].node, exponent))
        if kind in _JOINING:
            return self._joined(where, kind, layer, given)
        if kind == "GetItem" and len(signals) == 1:
            index = given[1:] if len(given) != 2 or not isinstance(given[1], list) else given[1]
            return self._part(where, index, signals[0])
        if len(signals) != 1 or len(given) != 1:
            if error := refusal_of(where, kind):
                raise error
            what = "starts from states that the model makes" if kind in ("LSTM", "GRU", "SimpleRNN", "RNN") else f"takes {len(given)} signals"  # fmt: skip
            raise DesignError(f"{where}: {what}, must take one; save a model without that")
        return self._single(layer, kind, name, path, signals[0], depth)

    def _of_each_frame(
        self, name: str, inner: Config, path: str, signal: KerasSignal, depth: int
    ) -> KerasSignal:
        """The signal behind a model in a TimeDistributed."""
        where, kind = f"layer {name!r} (TimeDistributed)", str(inner.get("class_name"))
        if self.weights.legacy:
            raise DesignError(
                f"{where}: holds a model; save it as .keras, where its weights have names"
            )
        check_whole(where, [signal])
        frame = replace(signal, rank=2, frames=None)
        made = _only([s for _, s in self.model(inner, [frame], path + "/layer/", depth + 1)])
        check_of_frames(where, kind, signal.node, made.node, made.rank)
        return replace(made, rank=3, frames=signal.frames)

    def _single(
        self, layer: Config, kind: str, name: str, path: str, signal: KerasSignal, depth: int
    ) -> KerasSignal:
        config, rank, inside = layer.get("config", {}), signal.rank, ""
        if kind == "Masking" and self.checked:
            self.notes.append(
                f"layer {name!r} (Masking) is left out: the reference shows that the data need none"
            )
            return signal
        if kind == "TimeDistributed":
            if rank != 3:
                raise DesignError(f"layer {name!r} (TimeDistributed): its input has no frames")
            inner, rank, inside = config.get("layer", {}), 2, "/layer"
            kind, config = str(inner.get("class_name")), inner.get("config", {})
            if kind in _MODELS:
                return self._of_each_frame(name, inner, path, signal, depth)
            if kind == "TimeDistributed":
                raise DesignError(
                    f"layer {name!r} (TimeDistributed): holds a {kind}, must hold a layer or a model"
                )
        elif kind == "RNN":
            cell = config.get("cell", {})
            known = cell.get("class_name") if isinstance(cell, dict) else None
            if known not in _CELLS:
                raise DesignError(f"layer {name!r} (RNN): its cell is {short(repr(known))}, must be one of {', '.join(_CELLS)}")  # fmt: skip
            kind, config = (
                _CELLS[str(known)],
                cell.get("config", {}) | {k: v for k, v in config.items() if k != "cell"},
            )
        if QUANTISED.get(kind, (kind,))[0] in _CELLS.values():
            inside = "/cell"
            if rank != 3:
                raise DesignError(f"layer {name!r} ({kind}): its input has no frames")
        arrays = self._arrays(path, inside, name)
        own = KerasLayer(
            name,
            kind,
            config,
            arrays,
            signal.size,
            self.weights.version,
            signal.frames,
            signal.padded,
        )
        if kind in QUANTISED:
            own, note = plain_layer(own)
            self.notes.append(note)
        if kind == "Flatten" and (rank == 2 or signal.frames == 1):  # what stands for a sequence
            return replace(signal, rank=2, frames=None)
        if kind == "PReLU":
            check_whole(own.where, [signal])
            return replace(signal, node=prelu(own, signal.node, rank))
        ops = operation(own, rank) if of_keras_ops(layer.get("module")) else None
        if ops is None:
            check_axis(own, rank)
        if kind in ("RepeatVector", *POOLING) and rank != (2 if kind == "RepeatVector" else 3):
            raise DesignError(
                f"{own.where}: its input has {'frames' if rank == 3 else 'no frames'}, which is not supported"
            )
        if kind == "Embedding" and (rank != 2 or inside or not isinstance(signal.node.operation, Input)):  # fmt: skip
            raise DesignError(
                f"{own.where}: takes other than the numbers of the model's input, (batch, frames); look those up on the host"
            )
        if kind == "ZeroPadding1D":
            return replace(signal, padded=signal.padded + frames_before(own, rank))
        check_padded(own, rank)
        node, size, after, frames = signal.node, signal.size, signal.rank, signal.frames
        for each in operations(own) if ops is None else ops:
            node, size = Node(each, (node,), own.where), size_after(each, size)
            if isinstance(each, LastFrame | Pooled):
                keeps = isinstance(each, Pooled) and (own.option("keepdims") or kind in KERNELS)
                after, frames = (3, 1) if keeps else (2, None)
            if isinstance(each, LookedUp):
                after, frames = 3, signal.size
            if isinstance(each, Windows) and frames is not None:
                frames = each.frames_of(frames)
            if isinstance(each, Repeated):
                after, frames = 3, each.frames
        return KerasSignal(node, after, size, frames)

    def _arrays(self, path: str, inside: str, name: str) -> list[np.ndarray]:
        arrays = self.weights.arrays
        if self.weights.legacy:
            return arrays.get(path, [])
        told = self.weights.names.get(path)
        if self.own and told is not None and told != name:
            raise DesignError(
                f"layer {name!r}: its weights are those of {told!r} by the file, which contradicts itself; save it again"
            )
        return arrays.get(f"{path}{inside}/vars", [])

    def _joined(self, where: str, kind: str, layer: Config, given: list[Any]) -> KerasSignal:
        signals = _signals(where, given)
        first = signals[0]
        check_whole(where, signals)
        constants = [v for v in given if not isinstance(v, KerasSignal)]
        if len(signals) == 1 and len(given) == 2:
            behind = isinstance(given[1], KerasSignal)
            operation = arithmetic(where, kind, constants[0], behind, first.size)
            node = Node(operation, (first.node,), where)
            return KerasSignal(node, first.rank, first.size, first.frames)
        ones = [s.node for s in signals if frames_of(s.node) == 1]
        if ones and any(frames_of(s.node) is None for s in signals):
            raise summary_joined(where, JOINS.get(kind, "addition"), ones)
        if constants or len({s.rank for s in signals}) > 1:
            raise DesignError(
                f"{where}: joins signals with and without frames, which is not supported"
            )
        nodes, sizes = tuple(s.node for s in signals), [s.size for s in signals]
        if kind == "Concatenate" and layer.get("config", {}).get("axis", -1) not in (
            -1,
            first.rank - 1,
        ):
            raise DesignError(
                f"{where}: joins frames, not the elements of a frame; must have axis=-1"
            )
        size = first.size
        if kind == "Concatenate":
            size = None if None in sizes else sum(s for s in sizes if s is not None)
        return KerasSignal(joined(where, kind, nodes), first.rank, size, first.frames)

    def _part(self, where: str, index: list[Any], signal: KerasSignal) -> KerasSignal:
        check_whole(where, [signal])
        for part in parts(where, index, signal.rank, signal.size, signal.frames):
            last, node = isinstance(part, LastFrame), Node(part, (signal.node,), where)
            size, frames = size_after(part, signal.size), None if last else signal.frames
            signal = KerasSignal(node, 2 if last else signal.rank, size, frames)
        return signal


def _only(signals: Sequence[KerasSignal]) -> KerasSignal:
    if len(signals) != 1:
        raise DesignError(f"a model in the model has {len(signals)} inputs or outputs, must have 1")
    return signals[0]


def _signals(where: str, given: Sequence[Any]) -> list[KerasSignal]:
    signals = [v for v in given if isinstance(v, KerasSignal)]
    if not signals:
        raise DesignError(f"{where}: takes no signal")
    return signals
