"""Tables of the activations of a design."""

from __future__ import annotations

from ernn_myhdl.design.structure import Arithmetic, Structure
from ernn_myhdl.numerics.pwl import PwlTable


def tables(design: Arithmetic | Structure) -> dict[str, PwlTable]:
    """The tables of a design: "gate" and "candidate" of the pre-activations, in an LSTM "state" of the
    cell state's tanh; none in a cell without activations."""
    return design.cell.tables(design.formats, design.activations)
