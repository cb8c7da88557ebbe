"""Tables of the activations of a design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ernn_myhdl.numerics.pwl import PwlTable, pwl_table

if TYPE_CHECKING:
    from ernn_myhdl.design.design import Design


def tables(design: Design) -> dict[str, PwlTable]:
    """The tables of a design: "gate" and "candidate" of the pre-activations, in an LSTM "state" of the
    cell state's tanh; none in a cell without gates."""
    a, cell = design.activations, design.cell
    if not cell.recurrent:
        return {}
    f = design.formats.given
    candidate = cell.g_activation
    segments = {"sigmoid": a.sigmoid_segments, "tanh": a.tanh_segments}
    made = {
        "gate": pwl_table("sigmoid", f.preactivation, f.gate, segments["sigmoid"]),
        "candidate": pwl_table(candidate, f.preactivation, f.gate, segments[candidate]),
    }
    if cell.kind == "lstm":
        made["state"] = pwl_table("tanh", f.cell_state, f.gate, segments["tanh"])
    return made
