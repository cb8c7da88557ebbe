"""Networks: layers, each with a design of its own, joined by AXI-Streams into one core.

A network looks like a `Design` to everything that deals with whole cores: it has the same name,
digest, layers, inputs, outputs, formats of x and y, and `StreamShape`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ernn_myhdl.design.design import (
    CoreSpecification,
    Design,
    HardwareChanges,
    check_identifier,
)
from ernn_myhdl.errors import DesignError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ernn_myhdl.design.host_steps import HostStep
    from ernn_myhdl.design.source_model import SourceModel

#: More layers than this are a mistake in a file rather than a network.
MAX_LAYERS = 64


@dataclass(frozen=True)
class Network(CoreSpecification):
    """Layers one after the other: y of each is x of the next; all work at the same time.

    layers: their designs. The output of a layer and the input of the next have one size and one format,
    and all have the same streams and beats. name: of the top entity. source: as in `Design`.
    Raises DesignError where the layers do not fit together.
    """

    layers: tuple[Design, ...]
    name: str = "ernn"
    source: SourceModel | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_identifier(self.name)
        object.__setattr__(self, "layers", tuple(self.layers))
        if not 1 <= len(self.layers) <= MAX_LAYERS:
            raise DesignError(f"network: {len(self.layers)} layers, must have 1 to {MAX_LAYERS}")
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Design):
                raise DesignError(f"network layer {i}: is {type(layer).__name__}, must be a Design")
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

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the digests of the layers, as hexadecimal digits."""
        text = "\0".join(layer.digest for layer in self.layers)
        return hashlib.sha256(text.encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def with_host_steps(self, steps: Sequence[HostStep]) -> Network:
        """The same network with other steps of the host behind it."""
        *layers, last = self.layers
        return replace(self, layers=(*layers, last.with_host_steps(steps)))

    def with_hardware(self, layer: int, **changes: Unpack[HardwareChanges]) -> Network:
        """The same network with one layer on other hardware."""
        layers = list(self.layers)
        layers[layer] = layers[layer].with_hardware(**changes)
        return replace(self, layers=tuple(layers))
