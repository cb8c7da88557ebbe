"""What is known of a signal while a Keras model is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.graph import Input, Node, Unsupported
from ernn_myhdl.exchange.keras_config import End
from ernn_myhdl.whole_numbers import is_whole


@dataclass(frozen=True)
class KerasSignal:
    """What a layer takes: its node, and its axes: 3 of sequences, frames and elements, 2 without frames. size: elements of
    a frame, frames: of a sequence, None where not known. padded: frames of zeros before those of a sequence."""

    node: Node
    rank: int
    size: int | None
    frames: int | None = None
    padded: int = 0


def input_of(name: str, shape: Any) -> KerasSignal:
    """The input of a model, of which the shape has the batch first."""
    if isinstance(shape, dict):
        shape = shape.get("config", shape)
    if not isinstance(shape, list) or len(shape) not in (2, 3):
        raise DesignError(
            f"input {name!r}: has shape {short(repr(shape))}, must be [null, frames, elements], or [null, elements]"
        )
    size = shape[-1]
    if size is not None and (not is_whole(size) or size < 1):
        raise DesignError(f"input {name!r}: has shape {short(repr(shape))}")
    told = shape[1] if len(shape) == 3 else None
    frames = told if is_whole(told) and told > 0 else None
    return KerasSignal(Node(Input(size), (), f"input {name!r}"), len(shape), size, frames)


def check_numbers(ends: Sequence[End], made: Mapping[End, KerasSignal]) -> None:
    """DesignError where a result of a layer is taken that is not its first, and not followed."""
    for name, call, number in ends:
        if (name, call, 0) in made and (name, call, number) not in made:
            operation = made[name, call, 0].node.operation
            more = f", which {operation.what}" if isinstance(operation, Unsupported) else ""
            raise DesignError(
                f"output {number} of layer {name!r} is taken{more}; must be its first, or of a model in the model"
            )
