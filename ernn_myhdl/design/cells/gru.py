"""The GRU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ernn_myhdl.design.cells.base import ACTIVATIONS, Cell, Row, one_of
from ernn_myhdl.design.cells.gate_tables import gate_tables
from ernn_myhdl.design.cells.ranges import MARGIN, Ranges, bounded, flat_from
from ernn_myhdl.design.cells.result_widths import aligned, exact_sum, product
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.pwl import PwlTable

if TYPE_CHECKING:
    from ernn_myhdl.design.tensor_formats import Activations, Formats

RESETS = ("before", "after")
#: Fraction bits of pre-activations that are left, whatever range the recurrent product needs.
LEAST_FRACTION = 6


@dataclass(frozen=True)
class GruCell(Cell):
    """A GRU layer with block-circulant matrices; the gates are reset r, update z and candidate n.

        r, z = s(W x + W h' + b)                    h = (1 - z) . n + z . h',   y = h
        reset "before":  n = act(W_n x + W_nh (r . h') + b_n)
        reset "after":   n = act(W_n x + b_n + r . (W_nh h' + b_nh))

    Some codes swap z and 1 - z: negate their update gate's weights and bias.

    Parameters
    ----------
    inputs, hidden : int
        Elements of x, and of h and y.
    block : int
        Size k of the circulant blocks, a power of two up to 32; 1 means dense.
    reset : str
        "before" (the paper's) or "after" the recurrent product (PyTorch's, Keras' default, ONNX with
        linear_before_reset=1), which has a recurrent bias b_nh too.
    g_activation : str
        act: "tanh" or "sigmoid".
    input_block : int
        That of the matrices of x; 0: block.

    Raises
    ------
    DesignError
        Where a value is illegal.
    """

    kind: ClassVar[str] = "gru"
    block_names: ClassVar[dict[str, str]] = {"input_weight": "input_block"}
    gates: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate")
    activations: ClassVar[tuple[str, ...]] = ACTIVATIONS
    dense_options: ClassVar[tuple[str, ...]] = ("reset", "g_activation")
    comments: ClassVar[dict[str, str]] = Cell.comments | {
        "reset": "place of a GRU's reset: before or after the recurrent product",
        "g_activation": "activation of the candidate: tanh or sigmoid",
    }

    inputs: int
    hidden: int
    block: int = 8
    reset: str = "before"
    g_activation: str = "tanh"
    input_block: int = 0

    def __post_init__(self) -> None:
        self._check()
        one_of("reset", self.reset, RESETS)
        one_of("g_activation", self.g_activation, ACTIVATIONS)

    @property
    def rows(self) -> tuple[Row, ...]:
        rows = (Row("reset", 0, 0), Row("update", 1, 1))
        if self.reset == "before":
            return rows
        return (*rows, Row("candidate", 2, None), Row("recurrent", None, 2))

    @property
    def state_sizes(self) -> dict[str, int]:
        return {"cell_state": self.hidden}  # y follows from it

    @property
    def format_names(self) -> frozenset[str]:
        return super().format_names | {"gate"}

    @property
    def second_phase(self) -> str | None:
        return "candidate" if self.reset == "before" else None

    @property
    def only_activated(self) -> bool:
        return self.reset == "before"  # after, the reset multiplies the recurrent product

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = super().weight_shapes
        if self.reset == "after":
            shapes["recurrent_bias"] = (1, self.hidden)
        return shapes

    @property
    def dense_parameters(self) -> int:
        return super().dense_parameters + (self.hidden if self.reset == "after" else 0)

    def formats_behind(self, ranges: Ranges) -> dict[str, Format]:
        # h lies between n and the h before it, so within +-1 or an initial state, and so do y and r . h
        state = ranges.peak["cell_state"]
        formats = {
            "gate": ranges.gate,
            "cell_state": bounded(state, ranges.state_word),
            "output": bounded(state, ranges.word),
        }
        sums, most = ranges.sums, flat_from(ranges.gate)
        if self.second_phase:
            formats["cell_output"] = bounded(state, ranges.word)
        else:
            # no activation is flat for the recurrent product, but all need some fraction bits
            sums, most = sums * MARGIN, max(most, 2.0 ** (ranges.state_word - 1 - LEAST_FRACTION))
        formats["preactivation"] = ranges.preactivation(sums, most)
        return formats

    def tables(self, formats: Formats, activations: Activations) -> dict[str, PwlTable]:
        return gate_tables(self, formats, activations)

    def step_widths(self, formats: Formats) -> dict[str, int]:
        f = formats.given
        widths = {"preactivations": f.preactivation.word + 1}
        if self.reset == "after":
            reset = aligned(*product(f.gate, f.preactivation), f.preactivation.frac)
            widths["preactivations"] = max(f.preactivation.word + 1, reset + 1) + 1
        else:
            widths["cell_output"] = aligned(*product(f.gate, f.cell_state), f.cell_output.frac)
        gate, state = (f.gate.word, f.gate.frac), (f.cell_state.word, f.cell_state.frac)
        word, frac = exact_sum(state, gate)
        blended = exact_sum((word + f.gate.word, frac + f.gate.frac), gate)
        widths["cell_state"] = aligned(*blended, f.cell_state.frac)
        widths["output"] = aligned(*state, f.output.frac)
        return widths
