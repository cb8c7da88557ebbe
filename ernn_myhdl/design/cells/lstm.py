"""The LSTM."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ernn_myhdl.design.cells.base import ACTIVATIONS, MOST, Cell, one_of
from ernn_myhdl.design.cells.gate_tables import gate_tables
from ernn_myhdl.design.cells.ranges import MARGIN, Ranges, bounded, fitting, flat_from
from ernn_myhdl.design.cells.result_widths import aligned, exact_sum, product
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.pwl import PwlTable, pwl_table
from ernn_myhdl.whole_numbers import whole

if TYPE_CHECKING:
    from ernn_myhdl.design.tensor_formats import Activations, Formats


#: The cell state reaches at least this far: it sums up the errors of the gates, however small the calibrated one is.
LEAST_CELL_STATE = 0.25


@dataclass(frozen=True)
class LstmCell(Cell):
    """An LSTM layer with block-circulant matrices.

    Parameters
    ----------
    inputs, hidden : int
        Elements of x, and of c.
    projection : int
        Elements of the recurrent projection, which are those of y; 0 for none.
    block : int
        Size k of the circulant blocks, a power of two up to 32; 1 means dense.
    peepholes : bool
        Diagonal connections from the cell state to the gates (input, forget, output).
    g_activation : str
        Of the candidate: "tanh" or "sigmoid".
    input_block, projection_block : int
        That of the matrices of x and of the projection; 0: block.

    Raises
    ------
    DesignError
        Where a value is illegal.
    """

    kind: ClassVar[str] = "lstm"
    block_names: ClassVar[dict[str, str]] = {
        "input_weight": "input_block", "projection_weight": "projection_block"
    }  # fmt: skip
    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    activations: ClassVar[tuple[str, ...]] = ACTIVATIONS
    dense_options: ClassVar[tuple[str, ...]] = ("g_activation",)
    comments: ClassVar[dict[str, str]] = Cell.comments | {
        "projection": "elements of y with a recurrent projection; 0: none, y is the cells' output",
        "projection_block": "that of the projection's matrix; 0: block",
        "peepholes": "diagonal connections from the cell state to the gates",
        "g_activation": "activation of the candidate: tanh or sigmoid",
    }

    inputs: int
    hidden: int
    projection: int = 0
    block: int = 8
    peepholes: bool = False
    g_activation: str = "tanh"
    input_block: int = 0
    projection_block: int = 0

    def __post_init__(self) -> None:
        self._check()
        whole("cell projection", self.projection, 0, MOST)
        if self.projection_block and not self.projection:
            raise DesignError(
                f"cell projection_block = {self.projection_block}: there is no projection; must be 0"
            )
        if not isinstance(self.peepholes, bool):
            raise DesignError(f"cell peepholes = {self.peepholes!r}: must be true or false")
        one_of("g_activation", self.g_activation, ACTIVATIONS)

    @property
    def state_sizes(self) -> dict[str, int]:
        return {"output": self.outputs, "cell_state": self.hidden}

    @property
    def second_phase(self) -> str | None:
        return "projection" if self.projection else None

    @property
    def sizes(self) -> str:
        return super().sizes + (f"/{self.projection}" if self.projection else "")

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = super().weight_shapes
        if self.projection:
            shapes["projection_weight"] = self._blocks(
                "projection_weight", self.projection, self.hidden
            )
        if self.peepholes:
            shapes["peephole"] = (3, self.hidden)
        return shapes

    @property
    def format_names(self) -> frozenset[str]:
        names = super().format_names | {"gate", "cell_output"}
        if self.projection:
            names |= {"projection_weight"}
        return names | {"peephole"} if self.peepholes else names

    @property
    def dense_parameters(self) -> int:
        count = super().dense_parameters + self.projection * self.hidden
        return count + (3 * self.hidden if self.peepholes else 0)

    def formats_behind(self, ranges: Ranges) -> dict[str, Format]:
        peak, word = ranges.peak, ranges.word
        # o * tanh(c) is within +-1; without a projection y is it, or an initial state
        output = bounded(peak["output"], word)
        state = max(peak["cell_state"] * MARGIN, LEAST_CELL_STATE)
        formats = {
            "gate": ranges.gate,
            "cell_output": Format(word, word - 1) if self.projection else output,
            "output": fitting(peak["output"] * MARGIN, word) if self.projection else output,
            "cell_state": fitting(state, ranges.state_word),
            "preactivation": ranges.preactivation(ranges.sums, flat_from(ranges.gate)),
        }
        if self.peepholes:
            formats["peephole"] = fitting(float(np.max(np.abs(ranges.weights["peephole"]))), word)
        return formats

    def tables(self, formats: Formats, activations: Activations) -> dict[str, PwlTable]:
        f = formats.given
        return gate_tables(self, formats, activations) | {
            "state": pwl_table("tanh", f.cell_state, f.gate, activations.segments["tanh"])
        }

    def step_widths(self, formats: Formats) -> dict[str, int]:
        f, peephole = formats.given, 2
        if self.peepholes:
            peephole = aligned(*product(f.peephole, f.cell_state), f.preactivation.frac) + 1
        state = exact_sum(product(f.gate, f.cell_state), product(f.gate, f.gate))
        return {
            "preactivations": max(f.preactivation.word + 1, peephole) + 1,
            "cell_state": aligned(*state, f.cell_state.frac),
            "cell_output": aligned(*product(f.gate, f.gate), f.cell_output.frac),
        }

    @classmethod
    def options_of(cls, weights: Collection[str]) -> dict[str, object]:
        return {"peepholes": "peephole" in weights}
