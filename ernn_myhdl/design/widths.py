"""Bits of every intermediate result of a frame; refuses designs that 64-bit integers cannot hold.

`Structure` uses it, so what one can hold, models and hardware compute exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ernn_myhdl.design.cells.result_widths import aligned
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import MAX_WORD
from ernn_myhdl.numerics.pwl import PwlTable
from ernn_myhdl.numerics.transform import (
    TWIDDLE_FRAC,
    Graph,
    TwiddleStage,
    forward_graph,
    inverse_graph,
    stage_bounds,
    width_for,
    working_frac,
)

if TYPE_CHECKING:
    from ernn_myhdl.design.structure import Arithmetic, Structure


def _transform(graph: Graph, points: int, word: int) -> int:
    """Widest word inside a transform whose input words have `word` bits."""
    bounds = stage_bounds(graph, points, 1 << (word - 1))
    widest = width_for(max(max(stage) for stage in bounds))
    for stage, before in zip(graph, bounds, strict=False):
        if isinstance(stage, TwiddleStage):
            widest = max(widest, width_for(2 * max(before) << TWIDDLE_FRAC))
    return widest


def _table(table: PwlTable) -> int:
    offset = (1 << table.offset_bits) - 1
    lines = zip(table.base, table.slope, strict=True)
    largest = max((abs(b) << table.base_shift) + abs(s) * offset for b, s in lines)
    return width_for(largest) + max(0, -table.shift)


def intermediate_widths(design: Arithmetic | Structure) -> dict[str, int]:
    """Bits of the widest intermediate result of each step of a frame."""
    cell, f = design.cell, design.formats
    widths = {"accumulator": design.accumulator_word}
    for name, k in (
        ("input", cell.x_block),
        ("output", cell.y_block),
        ("cell_output", cell.m_block),
    ):
        source, target = getattr(f, name), getattr(f, f"{name}_spectrum")
        if target is not None:
            word = aligned(source.word, source.frac, working_frac(k, source.frac, target.frac))
            widths[f"transform of {name}"] = _transform(forward_graph(k), k, word)
    accumulator = (design.accumulator_word, f.accumulator_frac)
    widths["block_spectrum"] = aligned(*accumulator, f.block_spectrum.frac)
    k = cell.tile
    block = _transform(inverse_graph(k), k, f.block_spectrum.word)
    results = [f.preactivation.frac] + ([f.output.frac] if cell.projection else [])
    growth = k.bit_length() - 1
    widths["inverse transform"] = aligned(block, f.block_spectrum.frac + growth, max(results))
    if cell.split:
        widths["gate_sums"] = f.preactivation.word + 1
    widths |= cell.step_widths(f)
    for name, table in cell.tables(f, design.activations).items():
        widths[f"table {name}"] = _table(table)
    return widths


def check_widths(design: Arithmetic | Structure) -> None:
    """Raise DesignError where an intermediate result of `design` is too wide."""
    for name, word in intermediate_widths(design).items():
        if word > MAX_WORD:
            raise DesignError(
                f"formats {name}: an intermediate result needs {word} bits, must be at most "
                f"{MAX_WORD}; choose shorter words, or fraction bits closer to their neighbours"
            )
