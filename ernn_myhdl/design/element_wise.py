"""A function of every element of a signal, such as a ReLU behind an LSTM: the activations of linear layers, without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ernn_myhdl.design.cells.activations import (
    LINEAR_ACTIVATIONS,
    SQUASHING,
    Clip,
    Slope,
    check_activation,
    checked_number,
    clip_of,
    exact_width,
)
from ernn_myhdl.design.joins import ELEMENT_WISE, Join
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import MAX_WORD, Format
from ernn_myhdl.numerics.pwl import MAX_SEGMENTS, PwlTable, pwl_table
from ernn_myhdl.whole_numbers import power_of_two, whole


@dataclass(frozen=True)
class ElementWise(Join):
    """act of every element of a signal.

    inputs: the name of the signal, alone. format: of the result. activation: act, of `ernn_myhdl.design.cells.activations`, but
    "none"; slope, limit: as those of a `LinearCell`. segments: of the table of tanh and sigmoid, a power of two; 0 where it is
    not chosen yet, which no network may have, and of all others.
    """

    kind: str = ELEMENT_WISE
    inputs: tuple[str, ...] = ()
    format: Format | None = None
    activation: str = "relu"
    slope: float = 0.0
    limit: float = 0.0
    segments: int = 0

    def _check_operands(self) -> None:
        if self.kind != ELEMENT_WISE:
            raise DesignError(
                f"join kind = {self.kind!r}: an ElementWise's must be {ELEMENT_WISE!r}"
            )
        if len(self.inputs) != 1:
            raise DesignError(
                f"element-wise inputs: {len(self.inputs)} signals, must be 1; add or concatenate several before"
            )
        for name in ("slope", "limit"):
            object.__setattr__(self, name, checked_number(name, getattr(self, name)))
        check_activation(self.activation, self.slope, self.limit)
        if self.activation == "none":
            legal = ", ".join(a for a in LINEAR_ACTIVATIONS if a != "none")
            raise DesignError(
                f"element-wise activation = 'none': is the signal itself; take {legal}"
            )
        if self.segments and self.activation not in SQUASHING:
            raise DesignError(
                f"element-wise segments = {self.segments}: a {self.activation} has no table; must be 0"
            )
        if self.segments:
            power_of_two("element-wise segments", self.segments)
            whole("element-wise segments", self.segments, 2, MAX_SEGMENTS)

    def without_format(self) -> ElementWise:
        return replace(self, format=None, segments=0)

    def size_of(self, sizes: Sequence[int]) -> int:
        return sizes[0]

    def check(self, name: str, source: Format, target: Format) -> None:
        """DesignError unless it can be computed between these formats. name: of the join."""
        if self.activation in SQUASHING:
            if not self.segments:
                raise DesignError(
                    f"graph {name}: its {self.activation} has no segments; give it some"
                )
            return
        word = exact_width(self.activation, self.constant, source, target)
        if word > MAX_WORD:
            raise DesignError(
                f"graph {name}: its {self.activation} of {source} needs {word} bits for {target}, must be at most {MAX_WORD}; "
                "choose shorter words or fewer fraction bits"
            )

    @property
    def constant(self) -> Slope | None:
        """The slope as models and hardware have it."""
        return Slope.of(self.slope) if self.slope else None

    def clip(self, output: Format) -> Clip | None:
        """The limits of the result, where the function has any."""
        return clip_of(self.activation, self.limit, output)

    def table(self, source: Format) -> PwlTable | None:
        """The table of a signal of this format; None of a function without one."""
        if self.activation not in SQUASHING:
            return None
        assert self.format is not None  # of a network all have one
        return pwl_table(self.activation, source, self.format, self.segments)
