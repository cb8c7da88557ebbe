"""The tables that cells with gates have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ernn_myhdl.design.cells.base import Cell
from ernn_myhdl.numerics.pwl import PwlTable, pwl_table

if TYPE_CHECKING:
    from ernn_myhdl.design.tensor_formats import Activations, Formats


def gate_tables(cell: Cell, formats: Formats, activations: Activations) -> dict[str, PwlTable]:
    """ "gate" and "candidate", of the pre-activations of a cell with a `g_activation`."""
    f, segments = formats.given, activations.segments
    candidate = cell.g_activation
    return {
        "gate": pwl_table("sigmoid", f.preactivation, f.gate, segments["sigmoid"]),
        "candidate": pwl_table(candidate, f.preactivation, f.gate, segments[candidate]),
    }
