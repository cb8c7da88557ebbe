"""The linear layer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ernn_myhdl.design.cells.activations import (
    LINEAR_ACTIVATIONS,
    SQUASHING,
    WITH_LIMIT,
    WITH_SLOPE,
    Clip,
    Slope,
    check_activation,
    checked_number,
    clip_of,
    exact_width,
)
from ernn_myhdl.design.cells.base import Cell
from ernn_myhdl.design.cells.grouping import (
    check_groups,
    group_columns,
    with_zeros,
    without_zeros,
)
from ernn_myhdl.design.cells.ranges import (
    MARGIN,
    Ranges,
    bounded,
    fitting,
    flat_from,
    limited,
)
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.pwl import PwlTable, pwl_table

if TYPE_CHECKING:
    from ernn_myhdl.design.tensor_formats import Activations, Formats


@dataclass(frozen=True, repr=False)
class LinearCell(Cell):
    """A linear layer with bias, y = act(W x + b), with a block-circulant matrix; without a state.

    Parameters
    ----------
    inputs, hidden : int
        Elements of x and of y.
    block : int
        Size k of the circulant blocks, a power of two up to 32; 1 means dense.
    activation : str
        act, of `ernn_myhdl.design.cells.activations`; "none" by default.
    slope : float
        Of a leaky_relu where z < 0, or of a hard_sigmoid, above 0 and below 1; 0 for all others.
    limit : float
        The largest y of a relu, 0 for none, or the largest |y| of a hard_tanh, 0 for 1.
    groups, taps : int
        Groups of outputs that multiply elements of x of their own, and only these; frames of the window that is x, of
        which each group has its part (`ernn_myhdl.design.cells.grouping`).

    Raises
    ------
    DesignError
        Where a value is illegal, or does not fit the activation.
    """

    kind: ClassVar[str] = "linear"
    gates: ClassVar[tuple[str, ...]] = ("sum",)
    activations: ClassVar[tuple[str, ...]] = LINEAR_ACTIVATIONS
    dense_options: ClassVar[tuple[str, ...]] = ("activation", "slope", "limit", "groups", "taps")
    younger: ClassVar[tuple[str, ...]] = ("activation", "slope", "limit", "groups", "taps")
    comments: ClassVar[dict[str, str]] = Cell.comments | {
        "activation": "of the sums: " + ", ".join(LINEAR_ACTIVATIONS),
        "slope": f"of {' and '.join(WITH_SLOPE)}; 0: none",
        "limit": f"of {' and '.join(WITH_LIMIT)}; 0: none, of hard_tanh 1",
        "groups": "of outputs, each with elements of x of its own",
        "taps": "frames of the window that is x, of which each group has its part",
    }

    inputs: int
    hidden: int
    block: int = 8
    activation: str = "none"
    slope: float = 0.0
    limit: float = 0.0
    groups: int = 1
    taps: int = 1

    def __post_init__(self) -> None:
        self._check()
        for name in ("slope", "limit"):
            object.__setattr__(self, name, checked_number(name, getattr(self, name)))
        check_activation(self.activation, self.slope, self.limit)
        check_groups(self.inputs, self.hidden, self.block, self.groups, self.taps)

    def __repr__(self) -> str:
        """Without fields of their defaults that are younger than version 0.1.0, so that digests stay."""
        told = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.name not in self.younger or getattr(self, f.name) != f.default
        ]
        return f"LinearCell({', '.join(told)})"

    @property
    def recurrent(self) -> bool:
        return False

    @property
    def only_activated(self) -> bool:
        return self.activation in SQUASHING

    @property
    def row_columns(self) -> int:
        return self.input_blocks // self.groups

    def columns_of(self, row: int) -> tuple[int, ...]:
        if self.groups == 1:
            return super().columns_of(row)
        group = row * self.groups // self.hidden_blocks
        return tuple(group_columns(self.input_blocks, self.groups, self.taps)[group].tolist())

    def lanes_up_to(self, most: int) -> int:
        rows = self.hidden_blocks // self.groups  # of a group; more lanes would multiply zeros
        return max(n for n in range(1, min(most, rows) + 1) if self.groups == 1 or rows % n == 0)

    def whole_matrix(self, name: str, blocks: np.ndarray) -> np.ndarray:
        if self.groups == 1 or name != "input_weight":
            return blocks
        return with_zeros(blocks, self.groups, self.taps)

    def stored_matrix(self, name: str, blocks: np.ndarray) -> np.ndarray:
        if self.groups == 1 or name != "input_weight":
            return blocks
        return without_zeros(blocks, self.groups, self.taps)

    @property
    def sizes(self) -> str:
        text = super().sizes
        return text if self.groups == 1 else f"{text} in {self.groups} groups"

    @property
    def constant(self) -> Slope | None:
        """The slope as models and hardware have it."""
        return Slope.of(self.slope) if self.slope else None

    def clip(self, output: Format) -> Clip | None:
        """The limits of y, where the activation has any."""
        return clip_of(self.activation, self.limit, output)

    def formats_behind(self, ranges: Ranges) -> dict[str, Format]:
        peak, word = ranges.peak, ranges.word
        largest = peak["output"] * MARGIN
        # what an activation limits is within that by itself
        most = {"hard_sigmoid": 1.0, "hard_tanh": self.limit or 1.0}.get(self.activation, 0.0)
        if self.only_activated:
            output = bounded(peak["output"], word)
        elif most or 0.0 < self.limit <= largest:
            output = limited(most or self.limit, word)
        else:
            output = fitting(largest, word)
        output = ranges.given.get("output", output)
        if self.only_activated:
            preactivation = ranges.preactivation(ranges.sums, flat_from(output))
        else:
            preactivation = fitting(max(ranges.sums, ranges.bias) * MARGIN, ranges.state_word)
        return {"preactivation": preactivation, "output": output}

    def tables(self, formats: Formats, activations: Activations) -> dict[str, PwlTable]:
        if self.activation not in SQUASHING:
            return {}
        segments = activations.segments[self.activation]
        table = pwl_table(self.activation, formats.preactivation, formats.output, segments)
        return {"output": table}

    def step_widths(self, formats: Formats) -> dict[str, int]:
        f = formats
        widths = {"preactivations": f.preactivation.word + 1}
        if self.activation in SQUASHING:
            return widths
        return widths | {
            "output": exact_width(self.activation, self.constant, f.preactivation, f.output)
        }
