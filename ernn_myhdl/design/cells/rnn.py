"""The vanilla RNN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ernn_myhdl.design.cells.base import Cell, one_of
from ernn_myhdl.design.cells.ranges import MARGIN, Ranges, bounded, fitting, flat_from
from ernn_myhdl.design.cells.result_widths import aligned
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.pwl import PwlTable, pwl_table

if TYPE_CHECKING:
    from ernn_myhdl.design.tensor_formats import Activations, Formats

NONLINEARITIES = ("tanh", "relu")


@dataclass(frozen=True)
class RnnCell(Cell):
    """A vanilla RNN layer (Elman's) with block-circulant matrices: y = act(W x + W_h y' + b).

    Its state is y itself.

    Parameters
    ----------
    inputs, hidden : int
        Elements of x and of y.
    block : int
        Size k of the circulant blocks, a power of two up to 32; 1 means dense.
    activation : str
        act: "tanh" or "relu".
    input_block : int
        That of the matrix of x; 0: block.

    Raises
    ------
    DesignError
        Where a value is illegal.
    """

    kind: ClassVar[str] = "rnn"
    block_names: ClassVar[dict[str, str]] = {"input_weight": "input_block"}
    gates: ClassVar[tuple[str, ...]] = ("sum",)
    activations: ClassVar[tuple[str, ...]] = NONLINEARITIES
    dense_options: ClassVar[tuple[str, ...]] = ("activation",)
    comments: ClassVar[dict[str, str]] = Cell.comments | {
        "activation": "of the sums: tanh or relu",
    }

    inputs: int
    hidden: int
    block: int = 8
    activation: str = "tanh"
    input_block: int = 0

    def __post_init__(self) -> None:
        self._check()
        one_of("activation", self.activation, NONLINEARITIES)

    @property
    def state_sizes(self) -> dict[str, int]:
        return {"output": self.hidden}

    @property
    def only_activated(self) -> bool:
        return self.activation == "tanh"

    def formats_behind(self, ranges: Ranges) -> dict[str, Format]:
        peak, word = ranges.peak, ranges.word
        if not self.only_activated:  # relu passes them on
            return {
                "preactivation": fitting(max(ranges.sums, ranges.bias) * MARGIN, ranges.state_word),
                "output": fitting(peak["output"] * MARGIN, word),
            }
        # y is within +-1, or an initial state
        output = ranges.given.get("output", bounded(peak["output"], word))
        return {
            "output": output,
            "preactivation": ranges.preactivation(ranges.sums, flat_from(output)),
        }

    def tables(self, formats: Formats, activations: Activations) -> dict[str, PwlTable]:
        if self.activation == "relu":
            return {}
        segments = activations.segments["tanh"]
        return {"output": pwl_table("tanh", formats.preactivation, formats.output, segments)}

    def step_widths(self, formats: Formats) -> dict[str, int]:
        f = formats
        widths = {"preactivations": f.preactivation.word + 1}
        if self.activation == "relu":
            widths["output"] = aligned(f.preactivation.word, f.preactivation.frac, f.output.frac)
        return widths
