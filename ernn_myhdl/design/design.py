"""The specification of one core: cell, hardware parameters, formats and weights.

`Design` is the narrow waist of the project: importers and generators make one, and every engine,
back end and report derives what it needs from it. What needs no weights takes its `Structure`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.hardware import (
    MAX_TDATA,
    SAMPLE_BITS,
    Hardware,
    HardwareChanges,
    StreamShape,
)
from ernn_myhdl.design.host_steps import HostStep, check_steps
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.own_states import checked_state
from ernn_myhdl.design.read_only import ReadOnlyArrays
from ernn_myhdl.design.structure import CoreStructure, Structure
from ernn_myhdl.design.tensor_formats import Activations, Formats
from ernn_myhdl.errors import DesignError

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Unpack

    from ernn_myhdl.design.network import Network
    from ernn_myhdl.design.source_model import SourceModel
    from ernn_myhdl.runs.run import Run, Session

#: The parts of a design come with it.
__all__ = [
    "MAX_TDATA",
    "SAMPLE_BITS",
    "Activations",
    "Cell",
    "CoreSpecification",
    "CoreStructure",
    "Design",
    "Formats",
    "Hardware",
    "HardwareChanges",
    "StreamShape",
    "Structure",
    "check_identifier",
    "complete",
]


def check_identifier(name: object) -> None:
    """DesignError unless `name` can name the top entity."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z](_?[a-z0-9])*", name):
        raise DesignError(
            f"name = {name!r}: must be an identifier of VHDL: small letters, digits and single "
            "underscores between them, a letter first"
        )


class CoreSpecification(CoreStructure):
    """What the specification of a core of one layer (`Design`) and of several (`Network`) share."""

    source: SourceModel | None

    if TYPE_CHECKING:

        def with_host_steps(self, steps: Sequence[HostStep]) -> Design | Network:
            """The same core with other steps of the host behind it."""

        def with_initial(
            self, states: Sequence[Mapping[str, np.ndarray] | None]
        ) -> Design | Network:
            """The same core with other states that its sequences start from where none are given, one a layer."""

        def with_weights(self, weights: str, weight_banks: int = 1) -> Design | Network:
            """The same core with weights of another kind; see `Hardware`."""

        # fields of designs and networks

        @property
        def layers(self) -> tuple[Design, ...]:
            """The designs of the layers."""

        @property
        def digest(self) -> str:
            """SHA-256 over all that the core is made of, as hexadecimal digits."""

    @property
    def host_scaling(self) -> InputScaling | None:
        """What the host does to x before it is rounded to `input_format`; None: nothing."""
        return self.layers[0].input_scaling

    @property
    def shared_scaling(self) -> InputScaling | None:
        """`host_scaling` where it is that of no single layer, since joins or several layers take x."""
        return None

    @property
    def heads(self) -> dict[str, slice]:
        """Name of every head of the output -> its elements of y; none where y is one thing."""
        return {}

    @property
    def host_steps(self) -> tuple[HostStep, ...]:
        """What the host does to y behind the core, one after the other; none where empty."""
        return self.layers[-1].output_steps

    def run(self, x: Any, engine: str = "golden", **options: Any) -> Run:
        """Run x (frames, inputs), or a list of sequences, on an engine: `ernn_myhdl.runs.run.run_design`."""
        from ernn_myhdl.runs.run import run_design

        return run_design(self, x, engine, **options)

    def open(
        self, engine: str = "integer", streams: int = 1, say: Callable[[str], None] | None = None
    ) -> Session:
        """A session that takes one frame at a time and keeps the state: `ernn_myhdl.runs.session.open_session`."""
        from ernn_myhdl.runs.run import open_session

        return open_session(self, engine, streams, say)

    def convert(
        self, folder: str | Path, hdl: str = "vhdl", force: bool = False, name: str | None = None
    ) -> dict[str, Any]:
        """Write the core as VHDL or Verilog into a new folder: `ernn_myhdl.convert.convert`."""
        from ernn_myhdl.convert import convert

        return convert(self, folder, hdl=hdl, force=force, name=name)


@dataclass(frozen=True)
class Design(Structure, CoreSpecification):
    """A layer, complete: a structure and its weights.

    Two designs are equal when all fields but `source` are, the weights included.

    Parameters
    ----------
    cell : Cell
        `LstmCell`, `GruCell`, `RnnCell` or `LinearCell`.
    hardware : Hardware
    formats : Formats
    activations : Activations
    weights : dict of str to ndarray
        Float arrays named and shaped by `Cell.weight_shapes`; the design keeps read-only copies.
    name : str
        Of the top entity.
    input_scaling : InputScaling, optional
        What the host does to x before it is rounded, for which the weights are made; None: nothing.
    output_steps : tuple of HostStep
        What the host does to y, in this order.
    source : SourceModel, optional
        The model that it was made of, where that is known; no part of the core, of the digest or of comparisons.
    initial : mapping of str to ndarray, optional
        The state that its sequences start from where none is given, floating point, as
        `ernn_myhdl.golden.initial_state` has it, for a core that loads states; None: zero.

    Raises
    ------
    DesignError
        Where anything is illegal or does not fit together.
    """

    weights: dict[str, np.ndarray] = field(repr=False, compare=False)
    name: str = "ernn"
    input_scaling: InputScaling | None = None
    output_steps: tuple[HostStep, ...] = ()
    source: SourceModel | None = field(default=None, repr=False, compare=False)
    initial: Mapping[str, np.ndarray] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_identifier(self.name)
        if self.input_scaling is not None:
            self.input_scaling.check(self.cell.inputs)
        super().__post_init__()
        object.__setattr__(self, "output_steps", tuple(self.output_steps))
        check_steps(self.output_steps, self.cell.outputs)
        self._check_weights()
        object.__setattr__(self, "weights", ReadOnlyArrays(self.weights))
        state = checked_state(self)
        object.__setattr__(self, "initial", None if state is None else ReadOnlyArrays(state))

    def __repr__(self) -> str:
        size, word = f"{self.inputs} -> {self.outputs}", self.formats.output.word
        return f"Design({self.name}: {self.cell.kind} {size}, blocks of {self.cell.block}, words of {word} bits)"

    def _check_weights(self) -> None:
        shapes = self.cell.weight_shapes
        if set(self.weights) != set(shapes):
            missing = sorted(set(shapes) - set(self.weights))
            extra = sorted(set(self.weights) - set(shapes))
            raise DesignError(
                f"weights: missing {missing or 'none'}, not known {extra or 'none'}; "
                f"the cell needs {sorted(shapes)}"
            )
        for name, shape in shapes.items():
            array = self.weights[name]
            if tuple(array.shape) != shape:
                raise DesignError(
                    f"weights {name}: shape {tuple(array.shape)}, must be {shape} for this cell"
                )
            if array.dtype.kind != "f":
                raise DesignError(f"weights {name}: type {array.dtype}, must be floating point")
            if not np.all(np.isfinite(array)):
                raise DesignError(f"weights {name}: holds NaN or infinity")

    @property
    def layers(self) -> tuple[Design, ...]:
        """The design itself: a core of one layer."""
        return (self,)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the specification and the weights, as hexadecimal digits."""
        state = hashlib.sha256(
            repr((self.cell, self.hardware, self.formats, self.activations)).encode()
        )
        if self.hardware.sequence_ends:  # without them as it always was
            state.update(b"sequence ends")
        if self.hardware.loadable:
            state.update(b"loadable weights in %d banks" % self.hardware.weight_banks)
        if self.input_scaling is not None:  # without one as it always was
            state.update(repr(self.input_scaling).encode())
        if self.output_steps:
            state.update(repr(self.output_steps).encode())
        for name in sorted(self.weights):
            state.update(name.encode())
            state.update(np.ascontiguousarray(self.weights[name], dtype="<f8").tobytes())
        for name, array in sorted((self.initial or {}).items()):
            state.update(b"initial " + name.encode() + array.astype("<f8").tobytes())
        return state.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Design):
            return NotImplemented
        same = all(
            getattr(self, f.name) == getattr(other, f.name) for f in fields(self) if f.compare
        )
        return same and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def with_host_steps(self, steps: Sequence[HostStep]) -> Design:
        """The same layer with other steps of the host behind it."""
        return replace(self, output_steps=tuple(steps))

    def with_initial(self, states: Sequence[Mapping[str, np.ndarray] | None]) -> Design:
        """The same layer with another state that its sequences start from where none is given, in a list of one; [None]: zero."""
        (state,) = states
        return replace(self, initial=state)

    def with_weights(self, weights: str, weight_banks: int = 1) -> Design:
        """The same layer with weights of another kind; see `Hardware`."""
        return self.with_hardware(weights=weights, weight_banks=weight_banks)

    def with_hardware(self, **changes: Unpack[HardwareChanges]) -> Design:
        """The same layer on other hardware."""
        return replace(self, hardware=replace(self.hardware, **changes))


def complete(structure: Structure) -> Design:
    """The structure as the design that it is; DesignError where it has no weights."""
    if not isinstance(structure, Design):
        raise DesignError("structure: has no weights, which the contents of its memories need")
    return structure
