"""Contents of the parameter memories of the element-wise units: biases, peepholes and masks."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design.design import Design, Structure
from ernn_myhdl.design.quantise import quantised_weights
from ernn_myhdl.hdl.types import pack_fields
from ernn_myhdl.rtl.cells.elementwise import Unit

MASK = "mask"


def parameter_layout(design: Structure, unit: Unit) -> list[tuple[str, int, int]]:
    """Fields of a word of the unit's parameter memory, lowest first: (port, elements, bits)."""
    f = design.formats
    bits = {
        "bias": f.preactivation.word,
        "recurrent_bias": f.preactivation.word,
        "peephole": f.peephole.word if f.peephole else 0,
        MASK: 1,
    }
    return [(port, unit.cells, bits[tensor]) for port, tensor, _ in unit.parameters]


def parameter_contents(
    design: Design, unit: Unit, width: int, groups: int
) -> tuple[tuple[int, ...], ...]:
    """Words of the parameter memory of each of the `width` blocks that are computed side by side; groups: of blocks, or of
    parts of one."""
    cell, layout = design.cell, parameter_layout(design, unit)
    raw = quantised_weights(design)
    cells = np.arange(cell.hidden_blocks * cell.tile).reshape(-1, unit.cells)
    used = (cells < cell.hidden).astype(np.int64)
    tensors = [
        used if t == MASK else raw[t][row].reshape(used.shape) for _, t, row in unit.parameters
    ]

    def word(block: int) -> int:
        if block >= len(cells):
            return 0
        word, low = 0, 0
        for tensor, (_, count, bits) in zip(tensors, layout, strict=True):
            word |= pack_fields(tensor[block], bits) << low
            low += count * bits
        return word

    return tuple(tuple(word(g * width + e) for g in range(groups)) for e in range(width))
