"""The element-wise units of a design's cell: one for each of its matrix phases that has any."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ernn_myhdl.design.cells import Cell, GruCell, LinearCell, LstmCell, RnnCell
from ernn_myhdl.design.structure import Arithmetic, Structure
from ernn_myhdl.rtl.cells import gru, linear, lstm, rnn
from ernn_myhdl.rtl.cells.elementwise import Unit

#: By the class of the cell, of an arithmetic and the cycles for a block in the first phase: its units, the first phase's and, where the second phase has one, that of the
#: second; and `Unit.latency` of each.
UNITS: dict[type[Cell], Callable[[Arithmetic, int], tuple[Unit, ...]]] = {
    LstmCell: lstm.units,
    GruCell: gru.units,
    LinearCell: linear.units,
    RnnCell: rnn.units,
}
LATENCIES: dict[type[Cell], Callable[[Cell], tuple[int, ...]]] = {
    LstmCell: lstm.latencies,
    GruCell: gru.latencies,
    LinearCell: linear.latencies,
    RnnCell: rnn.latencies,
}


def units_for(design: Structure) -> tuple[Unit, ...]:
    """The unit of the first phase and, where the second phase has one, that of the second."""
    return _units(design.arithmetic, design.hardware.cell_cycles)


@lru_cache(maxsize=64)
def _units(arithmetic: Arithmetic, cycles: int) -> tuple[Unit, ...]:
    return UNITS[type(arithmetic.cell)](arithmetic, cycles)


def unit_latencies(cell: Cell) -> tuple[int, ...]:
    """`Unit.latency` of every unit of the cell."""
    return LATENCIES[type(cell)](cell)
