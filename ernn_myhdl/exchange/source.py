"""Layers from a model file of any known kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ernn_myhdl.design.cells.rnn import NONLINEARITIES, RnnCell
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.graph import Graph, Join
from ernn_myhdl.design.host_steps import HostStep, check_steps
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.limits import check_model_file
from ernn_myhdl.design.tensor_file import read_pt, read_safetensors
from ernn_myhdl.errors import DesignError, alternatives
from ernn_myhdl.exchange.description import read_description
from ernn_myhdl.exchange.frames_out import FramesOut
from ernn_myhdl.exchange.joining import joined, layers_of, named_modules
from ernn_myhdl.exchange.keras_file import SUFFIXES as KERAS
from ernn_myhdl.exchange.keras_model import read_keras
from ernn_myhdl.exchange.lowering import lower
from ernn_myhdl.exchange.onnx_file import read_onnx
from ernn_myhdl.exchange.state_dict import modules, one_direction
from ernn_myhdl.golden.joins import walked

STATE_DICTS = {".safetensors": read_safetensors, ".pt": read_pt, ".pth": read_pt}
SUFFIXES = (*STATE_DICTS, ".onnx", *KERAS)


@dataclass(frozen=True)
class Source:
    """layers: one after the other. blocks: of each layer, and scaling: of x, where the file says so; the weights
    are for x as it is, or normalised where the scaling does that. notes: for the user. steps: of the host behind the layers. kind: of the
    file, for people. given_states: whether the model takes its states before the first frame as inputs. graph: how the
    signals of the layers go; None: from each to the next."""

    layers: tuple[DenseLayer, ...]
    blocks: tuple[Mapping[str, int], ...] | None
    notes: tuple[str, ...]
    scaling: InputScaling | None = None
    steps: tuple[HostStep, ...] = ()
    kind: str = "state dict"
    given_states: bool = False
    graph: Graph | None = None

    @property
    def inputs(self) -> int:
        """Elements of x."""
        if self.graph is None:
            return self.layers[0].inputs
        return self.graph.input_size([layer.inputs for layer in self.layers])

    @property
    def outputs(self) -> int:
        """Elements of y."""
        return outputs_of(self.layers, self.graph)


def read_source(
    file: str | Path,
    order: Sequence[str] | None = None,
    direction: str | None = None,
    checked: bool = False,
    activation: str | None = None,
    config: str | Path | None = None,
    host_functions: bool = False,
    frames_out: FramesOut = FramesOut(),
) -> Source:
    """The layers of a model file; its suffix tells the kind.

    order: names of the modules of a state dict. direction: "forward" or "backward", the half of a
    bidirectional one. activation: of RNNs of a state dict that does not tell it. checked: whether its outputs are compared
    with those of the model afterwards. config: file of the configuration of a Keras model of which `file` holds the
    weights alone. host_functions, frames_out: as in `lower`. Raises DesignError naming the file and what is wrong.
    """
    file = Path(file)
    if file.suffix.lower() not in SUFFIXES:
        raise DesignError(
            f"model {file}: the name must end in {alternatives(SUFFIXES)}, which "
            "tells the kind of the file"
        )
    check_model_file(file)
    if config is not None and file.suffix.lower() not in KERAS:
        raise DesignError("--config is for the weights of a Keras model")
    if file.suffix.lower() in KERAS:
        _no_order(order, direction, activation, "a Keras model")
        outputs, notes = read_keras(file, config, checked)
        lowered = _located(file, lambda: lower(outputs, host_functions, frames_out))
        return Source(
            lowered.layers, None, (*notes, *lowered.notes), lowered.normalisation, lowered.steps,
            "Keras", graph=lowered.graph,
        )  # fmt: skip
    if file.suffix.lower() == ".onnx":
        _no_order(order, direction, activation, "an ONNX graph")
        model = read_onnx(file)
        told = model.description.scaling
        keep = told is not None and bool(told.scales)
        lowered = _located(
            file, lambda: lower(model.outputs, host_functions, frames_out, keep), model.hint
        )
        layers, notes = list(lowered.layers), [*model.notes, *lowered.notes]
        description, kind, steps = model.description, "ONNX", lowered.steps
        description = replace(description, scaling=_scaling(told, lowered.normalisation))
        given, graph = model.given_states, lowered.graph
    else:
        state = STATE_DICTS[file.suffix.lower()](file)
        layers, description, notes = _located(
            file, lambda: _state_dict_layers(state, order, direction, checked, activation)
        )
        kind, steps, given, graph = "state dict", (), False, description.graph
    blocks, scaling = description.blocks, description.scaling
    over_time = graph is not None and graph.over_time
    _located(file, lambda: check_steps(description.steps, outputs_of(layers, graph), over_time))
    if scaling is not None:
        inputs = layers[0].inputs if graph is None else graph.input_size([n.inputs for n in layers])
        _located(file, lambda: scaling.check(inputs))
    return Source(
        tuple(layers),
        blocks if blocks and len(blocks) == len(layers) else None,
        tuple(notes),
        scaling,
        (*steps, *description.steps),
        kind,
        given,
        graph,
    )


def _scaling(told: InputScaling | None, found: InputScaling | None) -> InputScaling | None:
    """The scaling of x of an ONNX file: as its metadata tell, unless its nodes normalise x by other numbers (those are of float32),
    or do not."""
    if found is None:
        return told if told is not None and not told.scales else None
    if told is None or len(told.scales) != len(found.scales):
        return found
    pairs = zip((told.scales, told.offsets), (found.scales, found.offsets), strict=True)
    near = (len(a) == len(b) and np.allclose(a, b, rtol=1e-6, atol=0.0) for a, b in pairs)
    return told if all(near) else found


def outputs_of(layers: Sequence[DenseLayer], graph: Graph | None) -> int:
    """Elements of y of layers, one after the other or as a graph has them."""
    if graph is None:
        return layers[-1].outputs

    def join(name: str, how: Join, sizes: list[int]) -> int:
        return how.size_of(sizes)

    first = graph.input_size([layer.inputs for layer in layers])
    return walked(graph, first, lambda i, _: layers[i].outputs, join)


def _no_order(
    order: Sequence[str] | None, direction: str | None, activation: str | None, what: str
) -> None:
    if order is not None or direction is not None or activation is not None:
        raise DesignError(
            f"--order, --direction and --activation are for state dicts; {what} tells them"
        )


def _state_dict_layers(
    state,
    order: Sequence[str] | None,
    direction: str | None,
    checked: bool,
    activation: str | None,
):
    description = read_description(state.metadata, state.arrays)
    if activation is not None and activation not in NONLINEARITIES:
        raise DesignError(f"activation = {activation!r}: must be {' or '.join(NONLINEARITIES)}")
    default = {} if activation is None else {"activation": activation}
    arrays = {n: a for n, a in state.arrays.items() if n not in description.tables}
    found = modules(one_direction(arrays, direction), description.modules, default)
    if default and not any(m.kind == RnnCell.kind for m in found):
        raise DesignError(f"--activation {activation}: the model has no vanilla RNN")
    notes: list[str] = []
    if description.graph is not None:
        if order is not None:
            raise DesignError("--order: the file's metadata tell the order; leave it out")
        chain = named_modules(found, description.order or ())
        layers = layers_of(chain)
        if len(layers) != len(description.graph.sources):
            raise DesignError(
                f"metadata 'ernn' tell of {len(description.graph.sources)} layers, the tensors are of {len(layers)}; export again"
            )
        return layers, description, notes
    chain = joined(found, order or description.order, state.ordered, checked)
    if len(chain) > 1:
        names = " -> ".join(map(str, chain))
        between = "a state dict does not tell what lies between them, it is taken as nothing"
        if description.modules:
            between = "what lies between them is what the file's metadata tell"
        notes.append(f"modules joined: {names}" + ("" if checked else f"; {between}"))
    return layers_of(chain), description, notes


def _located(file: Path, make, hint: str = ""):
    """What `make` gives; its DesignError with the name of the file. hint: behind it."""
    try:
        return make()
    except DesignError as error:
        raise DesignError(f"model {file}: {error}{hint}") from error
