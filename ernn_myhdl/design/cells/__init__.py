"""The cells, one file for each; all that tells them apart is a method or an attribute of their classes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ernn_myhdl.design.cells.base import ACTIVATIONS, BLOCK_SIZES, Cell, Row
from ernn_myhdl.design.cells.gru import RESETS, GruCell
from ernn_myhdl.design.cells.linear import LinearCell
from ernn_myhdl.design.cells.lstm import LstmCell
from ernn_myhdl.design.cells.rnn import RnnCell
from ernn_myhdl.errors import DesignError

__all__ = [
    "ACTIVATIONS",
    "BLOCK_SIZES",
    "CELLS",
    "RESETS",
    "Cell",
    "GruCell",
    "LinearCell",
    "LstmCell",
    "RnnCell",
    "Row",
    "WITH_STATE",
    "cell_fields",
    "make_cell",
]

CELLS: dict[str, type[Cell]] = {
    cell.kind: cell for cell in (LstmCell, GruCell, LinearCell, RnnCell)
}
#: Kinds of those that keep something from a frame to the next.
WITH_STATE = tuple(kind for kind, cell in CELLS.items() if cell is not LinearCell)


def cell_fields(kind: type[Cell]) -> tuple[str, ...]:
    """Names of a cell's parameters."""
    return tuple(f.name for f in fields(kind))


def make_cell(kind: str, **values: Any) -> Cell:
    """The cell of a kind; DesignError where it has no such parameter or the value is illegal."""
    if kind not in CELLS:
        raise DesignError(f"cell kind = {kind!r}: must be {' or '.join(map(repr, CELLS))}")
    known = cell_fields(CELLS[kind])
    for name in values:
        if name not in known:
            raise DesignError(f"cell {name}: a {kind} cell has none; it has {', '.join(known)}")
    return CELLS[kind](**values)
