"""Networks: layers, each with a design of its own, joined by AXI-Streams into one core.

A network looks like a `Design` to everything that deals with whole cores: it has the same name,
digest, layers, inputs, outputs, formats of x and y, and `StreamShape`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ernn_myhdl.design.design import (
    CoreSpecification,
    Design,
    HardwareChanges,
    check_identifier,
)
from ernn_myhdl.design.graph import INPUT, Graph
from ernn_myhdl.design.hardware import LOADABLE
from ernn_myhdl.design.host_steps import check_steps
from ernn_myhdl.errors import DesignError

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import Unpack

    from ernn_myhdl.design.host_steps import HostStep
    from ernn_myhdl.design.input_scaling import InputScaling
    from ernn_myhdl.design.source_model import SourceModel

_TWO_SCALINGS = (
    "network: both it and its first layer have an input scaling; x has one only, remove the other"
)
#: More layers than this are a mistake in a file rather than a network.
MAX_LAYERS = 64


@dataclass(frozen=True)
class Network(CoreSpecification):
    """Layers that all work at the same time: one after the other, or as the nodes of a graph.

    Parameters
    ----------
    layers : tuple of Design
        They have the same streams and beats. Without a graph y of each is x of the next, so the output of a layer and
        the input of the next have one size and one format.
    name : str
        Of the top entity.
    source : SourceModel, optional
        As in `Design`.
    graph : Graph, optional
        Which signals layers and joins take (`ernn_myhdl.design.graph`); that of a row is None.
    output_steps : tuple of HostStep
        Of the host behind a graph; those behind a row are its last layer's.
    input_scaling : InputScaling, optional
        Of the host in front of a graph, whatever takes x; that of a row is its first layer's.

    Raises
    ------
    DesignError
        Where the layers do not fit together.
    """

    layers: tuple[Design, ...]
    name: str = "ernn"
    source: SourceModel | None = field(default=None, repr=False, compare=False)
    graph: Graph | None = None
    output_steps: tuple[HostStep, ...] = ()
    input_scaling: InputScaling | None = None

    def __post_init__(self) -> None:
        check_identifier(self.name)
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "output_steps", tuple(self.output_steps))
        if not 1 <= len(self.layers) <= MAX_LAYERS:
            raise DesignError(f"network: {len(self.layers)} layers, must have 1 to {MAX_LAYERS}")
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Design):
                raise DesignError(f"network layer {i}: is {type(layer).__name__}, must be a Design")
        self._check_loading()
        if self.graph is not None and self.graph.is_row:
            self._become_row()
        if self.graph is None:
            self._check_row()
        else:
            self._check_graph(self.graph)

    def _check_loading(self) -> None:
        """All layers have weights of one kind."""
        first = self.layers[0].hardware
        for i, layer in enumerate(self.layers):
            for name in ("weights", "weight_banks"):
                ours, theirs = getattr(layer.hardware, name), getattr(first, name)
                if ours != theirs:
                    raise DesignError(
                        f"network layer {i}: hardware {name} = {ours!r}, but layer 0 has {theirs!r}; make "
                        "them equal"
                    )
        if first.loadable and self.graph is not None and not self.graph.is_row:
            self._check_loading_of_graph(self.graph, first.weight_banks)

    def _check_loading_of_graph(self, graph: Graph, banks: int) -> None:
        """The core of a graph tells by its frames whether it is idle: as many leave as enter, or, with one bank, as its sequences have."""
        if banks > 1 and graph.over_time:
            raise DesignError(
                f"network hardware weight_banks = {banks}: must be 1 in a graph with joins over time, whose frames of y stand for sequences, so "
                "that its core does not know which bank is still used; set weight_banks = 1"
            )
        if not graph.over_time and not graph.frames_of_x:
            raise DesignError(
                f"network hardware weights = {LOADABLE!r}: not in a graph whose windows leave frames out, behind which its core does not know "
                "whether it is idle; pad the windows, take the frames together behind them, or set weights = 'fixed'"
            )

    def _become_row(self) -> None:
        """The graph of a row is none, so that equal cores are equal networks."""
        object.__setattr__(self, "graph", None)
        if self.input_scaling is not None:
            self._give_scaling_to_first()
        *layers, last = self.layers
        if self.output_steps:
            last = last.with_host_steps((*last.output_steps, *self.output_steps))
            object.__setattr__(self, "layers", (*layers, last))
            object.__setattr__(self, "output_steps", ())

    def _give_scaling_to_first(self) -> None:
        """The host's scaling of x is that of the first layer."""
        first, *others = self.layers
        if first.input_scaling is not None:
            raise DesignError(_TWO_SCALINGS)
        first = replace(first, input_scaling=self.input_scaling)
        object.__setattr__(self, "layers", (first, *others))
        object.__setattr__(self, "input_scaling", None)

    def _check_row(self) -> None:
        if self.output_steps:
            raise DesignError(
                "network output_steps: are those of the host behind a graph; give them to the last layer"
            )
        if self.input_scaling is not None:
            raise DesignError(
                "network input_scaling: is that of the host in front of a graph; give it to the first layer"
            )
        for i, layer in enumerate(self.layers):
            if i and layer.input_scaling is not None:
                raise DesignError(
                    f"network layer {i}: has an input scaling, but no host stands between layers; only "
                    "the first layer may have one"
                )
            if i + 1 < len(self.layers) and layer.output_steps:
                raise DesignError(
                    f"network layer {i}: has host steps of y, but no host stands between layers; only the "
                    "last layer may have them"
                )
        for i, (this, following) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            for what, ours, theirs in (
                ("outputs", this.outputs, following.inputs),
                ("format of y", this.output_format, following.input_format),
                ("streams and beats", this.stream_shape, following.stream_shape),
            ):
                if ours != theirs:
                    raise DesignError(
                        f"network layer {i}: {what} {ours}, but layer {i + 1} takes {theirs}; make "
                        "them equal"
                    )

    def _tell_ends(self) -> None:
        """Layers of a graph with joins over time tell where sequences end."""
        if all(layer.hardware.sequence_ends for layer in self.layers):
            return
        layers = tuple(layer.with_hardware(sequence_ends=True) for layer in self.layers)
        object.__setattr__(self, "layers", layers)

    def _check_graph(self, graph: Graph) -> None:
        if graph.over_time:
            self._tell_ends()
        signals = self.signals
        assert signals is not None  # there is a graph
        shape = self.stream_shape
        for i, layer in enumerate(self.layers):
            if layer.stream_shape != shape:
                raise DesignError(
                    f"network layer {i}: streams and beats {layer.stream_shape}, but layer 0 has {shape}; make "
                    "them equal"
                )
            if layer.output_steps:
                raise DesignError(
                    f"network layer {i}: has host steps of y, but in a graph they are the network's; "
                    "give them to it as output_steps"
                )
            if layer.input_scaling is not None and (
                graph.sources[i] != INPUT or graph.input_divides or i
            ):
                raise DesignError(
                    f"network layer {i}: has an input scaling, which only layer 0 may have, where nothing else "
                    "takes x; fold it into the weights"
                )
            if layer.loads_states and graph.frames[f"layer_{i}"] is not None:
                raise DesignError(
                    f"network layer {i}: loads initial states, but it takes {graph.sources[i]}, which comes behind a join "
                    "over time, when the states of other sequences may stand in its way; make the design without "
                    "initial_states"
                )
        for name, fmt in signals.formats.items():
            if fmt.word > shape.sample_bits:
                raise DesignError(
                    f"graph {name}: format {fmt} has {fmt.word} bits, must be at most sample_bits = "
                    f"{shape.sample_bits}"
                )
        check_steps(self.output_steps, self.outputs, graph.frames[graph.output] is not None)
        self._check_scaling(graph)

    def _check_scaling(self, graph: Graph) -> None:
        """The host's scaling of x fits it, and is the only one; that of x of layer 0 alone becomes the layer's."""
        if self.input_scaling is None:
            return
        if self.layers[0].input_scaling is not None:
            raise DesignError(_TWO_SCALINGS)
        if not graph.input_divides and graph.first_taker == "layer_0":
            self._give_scaling_to_first()
            return
        if graph.embedding is not None:
            raise DesignError(
                "network input_scaling: x is the number of an embedding's row, which no scaling changes; remove it"
            )
        self.input_scaling.check(self.inputs)

    @property
    def host_scaling(self) -> InputScaling | None:
        """What the host does to x before it is rounded to `input_format`; None: nothing."""
        return self.input_scaling or self.layers[0].input_scaling

    @property
    def shared_scaling(self) -> InputScaling | None:
        """`host_scaling` where it is that of no single layer, since joins or several layers take x."""
        return self.input_scaling

    @property
    def host_steps(self) -> tuple[HostStep, ...]:
        """What the host does to y behind the core, one after the other; none where empty."""
        return self.layers[-1].output_steps if self.graph is None else self.output_steps

    @property
    def heads(self) -> dict[str, slice]:
        """Name of every head of the output -> its elements of y; none where y is one thing."""
        if self.graph is None or self.signals is None or not self.graph.heads:
            return {}
        found, start = {}, 0
        operands = self.graph.operands[self.graph.output]
        for name, operand in zip(self.graph.heads, operands, strict=True):
            found[name] = slice(start, start + self.signals.sizes[operand])
            start = found[name].stop
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the digests of the layers and the graph, as hexadecimal digits."""
        text = "\0".join(layer.digest for layer in self.layers)
        if self.graph is not None:  # without one as it always was
            text += f"\0{self.graph!r}\0{self.output_steps!r}"
        if self.input_scaling is not None:
            text += f"\0{self.input_scaling!r}"
        return hashlib.sha256(text.encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def with_host_steps(self, steps: Sequence[HostStep]) -> Network:
        """The same network with other steps of the host behind it."""
        if self.graph is not None:
            return replace(self, output_steps=tuple(steps))
        *layers, last = self.layers
        return replace(self, layers=(*layers, last.with_host_steps(steps)))

    def __repr__(self) -> str:
        kinds = ", ".join(layer.cell.kind for layer in self.layers[:6])
        more = ", ..." * (len(self.layers) > 6)
        return f"Network({self.name}: {self.inputs} -> {self.outputs}, {len(self.layers)} layers: {kinds}{more})"

    def with_initial(self, states: Sequence[Mapping[str, np.ndarray] | None]) -> Network:
        """The same network with other states that its sequences start from where none are given, one a layer, None for zero."""
        layers = [d.with_initial([s]) for d, s in zip(self.layers, states, strict=True)]
        return replace(self, layers=tuple(layers))

    def with_weights(self, weights: str, weight_banks: int = 1) -> Network:
        """The same network with weights of another kind in all layers; see `Hardware`."""
        layers = [d.with_weights(weights, weight_banks) for d in self.layers]
        return replace(self, layers=tuple(layers))

    def with_hardware(self, layer: int, **changes: Unpack[HardwareChanges]) -> Network:
        """The same network with one layer on other hardware."""
        layers = list(self.layers)
        layers[layer] = layers[layer].with_hardware(**changes)
        return replace(self, layers=tuple(layers))
