"""Bits of every intermediate result of a frame; refuses designs that 64-bit integers cannot hold.

Both fixed-point models use it: what it accepts, they compute exactly.
"""

from __future__ import annotations

from ernn_myhdl.design import Design
from ernn_myhdl.errors import DesignError
from ernn_myhdl.formats import MAX_WORD, Format
from ernn_myhdl.pwl import PwlTable, pwl_table
from ernn_myhdl.transform import (
    TWIDDLE_FRAC,
    TwiddleStage,
    forward_graph,
    inverse_graph,
    stage_bounds,
    width_for,
    working_frac,
)
from golden.tensors import tensor_formats

#: Largest word of a named tensor other than the accumulators: fxpmath rounds through float64.
MAX_TENSOR_WORD = 52


def gate_tables(design: Design) -> dict[str, PwlTable]:
    """The piecewise linear tables: gate "sigmoid" and candidate "candidate" of the
    pre-activations, "cell_tanh" of the cell state."""
    f, a = design.formats, design.activations
    candidate = design.cell.g_activation
    segments = {"sigmoid": a.sigmoid_segments, "tanh": a.tanh_segments}
    return {
        "sigmoid": pwl_table("sigmoid", f.preactivation, f.gate, segments["sigmoid"]),
        "candidate": pwl_table(candidate, f.preactivation, f.gate, segments[candidate]),
        "cell_tanh": pwl_table("tanh", f.cell_state, f.gate, segments["tanh"]),
    }


def _transform(graph, points: int, word: int) -> int:
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


def intermediate_widths(design: Design) -> dict[str, int]:
    """Bits of the widest intermediate result of each step of a frame."""
    cell, f, k = design.cell, design.formats, design.cell.block
    growth = k.bit_length() - 1
    forward, inverse = forward_graph(k), inverse_graph(k)
    widths = {"accumulator": design.accumulator_word}
    spectra = [("input", f.input, f.input_spectrum), ("output", f.output, f.output_spectrum)]
    if cell.projection:
        spectra.append(("cell_output", f.cell_output, f.cell_output_spectrum))
    for name, source, target in spectra:
        word = _aligned(source.word, source.frac, working_frac(k, source.frac, target.frac))
        widths[f"transform of {name}"] = _transform(forward, k, word)
    accumulator = (design.accumulator_word, f.accumulator_frac)
    widths["block_spectrum"] = _aligned(*accumulator, f.block_spectrum.frac)
    block = _transform(inverse, k, f.block_spectrum.word)
    results = [f.preactivation.frac] + ([f.output.frac] if cell.projection else [])
    widths["inverse transform"] = _aligned(block, f.block_spectrum.frac + growth, max(results))

    def product(a: Format, b: Format) -> tuple[int, int]:
        return a.word + b.word, a.frac + b.frac

    peephole = 2
    if cell.peepholes:
        peephole = _aligned(*product(f.peephole, f.cell_state), f.preactivation.frac) + 1
    widths["preactivations"] = max(f.preactivation.word + 1, peephole) + 1
    state = _sum(product(f.gate, f.cell_state), product(f.gate, f.gate))
    widths["cell_state"] = _aligned(*state, f.cell_state.frac)
    widths["cell_output"] = _aligned(*product(f.gate, f.gate), f.cell_output.frac)
    for name, table in gate_tables(design).items():
        widths[f"table {name}"] = _table(table)
    return widths


def check_widths(design: Design) -> None:
    """Raise DesignError where a tensor or an intermediate result of `design` is too wide."""
    for name, fmt in tensor_formats(design).items():
        if "accumulators" not in name and fmt.word > MAX_TENSOR_WORD:
            raise DesignError(
                f"tensor {name}: {fmt.word} bits, the models hold at most {MAX_TENSOR_WORD}; "
                "choose a shorter word"
            )
    for name, word in intermediate_widths(design).items():
        if word > MAX_WORD:
            raise DesignError(
                f"{name}: an intermediate result needs {word} bits, must be at most {MAX_WORD}; "
                "choose shorter words, or fraction bits closer to those of its neighbours"
            )
