"""Cycle models of ESE and C-LSTM.

They are the authors' schedules: what their loops take when nothing waits. Boards take longer (C-LSTM 1.39
times at k = 8, ESE 1.45 times); the models tell how much of a difference is the architecture's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.numerics.circulant import blocks_for

#: Part of the weights that ESE keeps.
ESE_DENSITY = 0.112
#: Elements that one channel of ESE multiplies in a cycle.
ESE_ELEMENTS = 32


@dataclass(frozen=True)
class ClstmStages:
    """Cycles of the three stages of C-LSTM's pipeline, which have two buffers between them each."""

    gates: int
    element_wise: int
    projection: int

    @property
    def interval(self) -> int:
        """The slowest stage."""
        return max(self.gates, self.element_wise, self.projection)

    @property
    def latency(self) -> int:
        """All stages, without waiting for the slowest."""
        return self.gates + self.element_wise + self.projection

    @property
    def latency_in_step(self) -> int:
        """All stages moving on together, once an interval, as the published figures do."""
        return 3 * self.interval


def clstm_stages(cell: Cell, rows: int = 16, columns: int = 2, cells: int = 2) -> ClstmStages:
    """Stages of C-LSTM for an LSTM, with its published loops and no pipeline fill.

    rows, columns: block rows and columns that a matrix stage takes in one step, which lasts two cycles; each
    block row has one cycle more for its inverse transform. cells: that the element-wise stage takes in a
    cycle. The defaults are those of the code for k = 8.
    """

    def matrix(block_rows: int, block_columns: int) -> int:
        return blocks_for(block_rows, rows) * blocks_for(block_columns, columns) * 2 + block_rows

    return ClstmStages(
        matrix(cell.hidden_blocks, cell.input_blocks + cell.y_columns),
        blocks_for(cell.hidden, cells),
        matrix(cell.output_blocks, cell.m_columns) if cell.second_phase else 0,
    )


def ese_cycles(work: Sequence[Sequence[int]]) -> int:
    """Cycles of a frame in one channel of ESE.

    work: for every matrix, for each processing element its nonzeros and the zeros that are stored between
    them. The elements of a channel wait for the slowest of them after every matrix.
    """
    return sum(max(elements) for elements in work)


def ese_ideal_cycles(dense_weights: int, density: float = ESE_DENSITY) -> float:
    """The same with the nonzeros shared evenly and no stored zeros: ESE's theoretical time."""
    return dense_weights * density / ESE_ELEMENTS
