"""Bits of every intermediate result of a frame; refuses designs that 64-bit integers cannot hold.

`Design` uses it, so what a design can hold, models and hardware compute exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ernn_myhdl.design.tables import tables
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import MAX_WORD, Format
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
    from ernn_myhdl.design.design import Design


def _transform(graph: Graph, points: int, word: int) -> int:
    """Widest word inside a transform whose input words have `word` bits."""
    bounds = stage_bounds(graph, points, 1 << (word - 1))
    widest = width_for(max(max(stage) for stage in bounds))
    for stage, before in zip(graph, bounds, strict=False):
        if isinstance(stage, TwiddleStage):
            widest = max(widest, width_for(2 * max(before) << TWIDDLE_FRAC))
    return widest


def _aligned(word: int, frac: int, target: int) -> int:
    """Bits of a word after its shift to `target` fraction bits; unchanged if that is fewer."""
    return word + max(0, target - frac)


def _table(table: PwlTable) -> int:
    offset = (1 << table.offset_bits) - 1
    lines = zip(table.base, table.slope, strict=True)
    largest = max((abs(b) << table.base_shift) + abs(s) * offset for b, s in lines)
    return width_for(largest) + max(0, -table.shift)


def _sum(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    """(word, frac) of the exact sum of two (word, frac)."""
    frac = max(first[1], second[1])
    return max(_aligned(*first, frac), _aligned(*second, frac)) + 1, frac


def _product(a: Format, b: Format) -> tuple[int, int]:
    return a.word + b.word, a.frac + b.frac


def _lstm(design: Design) -> dict[str, int]:
    f, peephole = design.formats.given, 2
    if design.cell.peepholes:
        peephole = _aligned(*_product(f.peephole, f.cell_state), f.preactivation.frac) + 1
    state = _sum(_product(f.gate, f.cell_state), _product(f.gate, f.gate))
    return {
        "preactivations": max(f.preactivation.word + 1, peephole) + 1,
        "cell_state": _aligned(*state, f.cell_state.frac),
        "cell_output": _aligned(*_product(f.gate, f.gate), f.cell_output.frac),
    }


def _gru(design: Design) -> dict[str, int]:
    f = design.formats.given
    widths = {"preactivations": f.preactivation.word + 1}
    if design.cell.reset == "after":
        product = _aligned(*_product(f.gate, f.preactivation), f.preactivation.frac)
        widths["preactivations"] = max(f.preactivation.word + 1, product + 1) + 1
    else:
        widths["cell_output"] = _aligned(*_product(f.gate, f.cell_state), f.cell_output.frac)
    gate, state = (f.gate.word, f.gate.frac), (f.cell_state.word, f.cell_state.frac)
    word, frac = _sum(state, gate)
    blended = _sum((word + f.gate.word, frac + f.gate.frac), gate)
    widths["cell_state"] = _aligned(*blended, f.cell_state.frac)
    widths["output"] = _aligned(*state, f.output.frac)
    return widths


def _linear(design: Design) -> dict[str, int]:
    f = design.formats
    return {
        "preactivations": f.preactivation.word + 1,
        "output": _aligned(f.preactivation.word, f.preactivation.frac, f.output.frac),
    }


def intermediate_widths(design: Design) -> dict[str, int]:
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
            word = _aligned(source.word, source.frac, working_frac(k, source.frac, target.frac))
            widths[f"transform of {name}"] = _transform(forward_graph(k), k, word)
    accumulator = (design.accumulator_word, f.accumulator_frac)
    widths["block_spectrum"] = _aligned(*accumulator, f.block_spectrum.frac)
    k = cell.tile
    block = _transform(inverse_graph(k), k, f.block_spectrum.word)
    results = [f.preactivation.frac] + ([f.output.frac] if cell.projection else [])
    growth = k.bit_length() - 1
    widths["inverse transform"] = _aligned(block, f.block_spectrum.frac + growth, max(results))
    if cell.split:
        widths["gate_sums"] = f.preactivation.word + 1
    widths |= {"lstm": _lstm, "gru": _gru, "linear": _linear}[cell.kind](design)
    for name, table in tables(design).items():
        widths[f"table {name}"] = _table(table)
    return widths


def check_widths(design: Design) -> None:
    """Raise DesignError where an intermediate result of `design` is too wide."""
    for name, word in intermediate_widths(design).items():
        if word > MAX_WORD:
            raise DesignError(
                f"formats {name}: an intermediate result needs {word} bits, must be at most "
                f"{MAX_WORD}; choose shorter words, or fraction bits closer to their neighbours"
            )
