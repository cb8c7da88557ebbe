"""The element-wise units of a design's cell: one for each of its matrix phases that has any."""

from __future__ import annotations

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Design
from ernn_myhdl.rtl.cells import gru as gru_cells
from ernn_myhdl.rtl.cells import linear as linear_cells
from ernn_myhdl.rtl.cells import lstm as lstm_cells
from ernn_myhdl.rtl.cells.elementwise import Unit

#: Units by what they depend on; no hardware is part of it.
_made: dict[tuple, tuple[Unit, ...]] = {}
MOST_KEPT = 64


def units_for(design: Design) -> tuple[Unit, ...]:
    """The unit of the first phase and, where the second phase has one, that of the second."""
    key = design.cell, design.formats, design.activations
    if key not in _made:
        if len(_made) >= MOST_KEPT:
            _made.clear()
        _made[key] = _units(design)
    return _made[key]


def _units(design: Design) -> tuple[Unit, ...]:
    cell = design.cell
    if cell.kind == "lstm":
        return (lstm_cells.unit(design),)
    if cell.kind == "linear":
        return (linear_cells.unit(design),)
    if cell.reset == "after":
        return (gru_cells.after_unit(design),)
    return gru_cells.first_unit(design), gru_cells.second_unit(design)


def unit_latencies(cell: Cell) -> tuple[int, ...]:
    """`Unit.latency` of every unit of the cell."""
    if cell.kind == "lstm":
        return (lstm_cells.CellTiming(cell.peepholes).total,)
    if cell.kind == "linear":
        return (linear_cells.LATENCY,)
    if cell.reset == "after":
        return (gru_cells.AFTER_LATENCY,)
    return gru_cells.FIRST_LATENCY, gru_cells.SECOND_LATENCY
