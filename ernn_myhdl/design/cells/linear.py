"""The linear layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ernn_myhdl.design.cells.base import Cell
from ernn_myhdl.design.cells.result_widths import aligned

if TYPE_CHECKING:
    from ernn_myhdl.design.tensor_formats import Formats


@dataclass(frozen=True)
class LinearCell(Cell):
    """A linear layer with bias, y = W x + b, with a block-circulant matrix; without a state.

    inputs, hidden: sizes of x and of y. block: size k of the circulant blocks, a power of two up to 32;
    1 means dense.
    """

    kind: ClassVar[str] = "linear"
    gates: ClassVar[tuple[str, ...]] = ("sum",)

    inputs: int
    hidden: int
    block: int = 8

    def __post_init__(self) -> None:
        self._check()

    @property
    def recurrent(self) -> bool:
        return False

    @property
    def only_activated(self) -> bool:
        return False

    def step_widths(self, formats: Formats) -> dict[str, int]:
        f = formats
        return {
            "preactivations": f.preactivation.word + 1,
            "output": aligned(f.preactivation.word, f.preactivation.frac, f.output.frac),
        }
