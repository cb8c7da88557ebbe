"""The static program of a core: what every lane multiplies, in which order.

A frame is a list of operations, one a cycle: first the passes over the gate rows (all columns of x,
then all of the previous y), then the passes over the projection's rows. An operation's place in the
list is its address in every lane's weight memory, so this list is at once the program memory's
contents, the layout of the weights and the basis of the cycle model (`ernn_myhdl.schedule`). The two
parts have a counter each: while the projection of one frame waits for its cells, a pass over the gate
rows of the next frame may run.

Gate rows are ordered by block of cells, then gate: row 4 b + q. Lane l takes row p L + l in pass p,
so the four gates of the same cells are drained together. In the projection, lane l takes row
p (L/G) + l // G and, in step s, column s G + l % G: G lanes share a row and are summed in the drain.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from ernn_myhdl.circulant import blocks_for
from ernn_myhdl.design import Design
from ernn_myhdl.netlist import pack_fields
from ernn_myhdl.quantise import quantised_weights
from ernn_myhdl.rtl.signals import bits_for

X, Y, M = 0, 1, 2
SOURCES = ("x", "y", "m")


@dataclass(frozen=True)
class Operation:
    """One cycle of all lanes.

    source: X, Y or M. index: column of x or y, step of m. need: groups of the source that must have
    been written. first, last: of a row. chunks: cycles the drain takes after `last`, minus 1.
    start, x_done, y_done: first of the frame; last that reads x; last that reads y.
    final: last of the gate passes of a frame that has a projection; last of the projection.
    """

    source: int
    index: int
    need: int
    first: bool
    last: bool
    chunks: int
    start: bool
    x_done: bool
    y_done: bool
    final: bool


#: Fields of an operation that are one bit.
FLAGS = frozenset(f.name for f in fields(Operation) if f.type == "bool")


@dataclass(frozen=True)
class Program:
    """The program of one design and the sizes that follow from it.

    groups: lanes that share a row of the projection (G). steps: cycles of a projection row.
    gate_length: operations of the gate passes, which come first.
    gate_passes, projection_passes: passes over all lanes. gate_chunks: drain cycles of the gate rows
    of a frame. cell_groups: groups of E blocks of cells. output_width: blocks of y made at once.
    output_groups: groups of y in a frame.
    """

    operations: tuple[Operation, ...]
    gate_length: int
    groups: int
    steps: int
    gate_passes: int
    projection_passes: int
    gate_chunks: int
    cell_groups: int
    output_width: int
    output_groups: int

    @property
    def length(self) -> int:
        return len(self.operations)

    @property
    def address_bits(self) -> int:
        return bits_for(self.length)

    @property
    def field_bits(self) -> dict[str, int]:
        """Width of every field of the program word, lowest first."""
        most = {
            f.name: max(int(getattr(o, f.name)) for o in self.operations) for f in fields(Operation)
        }
        return {
            n: 1 if n in FLAGS else 2 if n == "source" else bits_for(m + 1) for n, m in most.items()
        }

    def words(self) -> tuple[int, ...]:
        """Contents of the program memory."""
        widths = self.field_bits
        words = []
        for operation in self.operations:
            word, low = 0, 0
            for name, width in widths.items():
                word |= int(getattr(operation, name)) << low
                low += width
            words.append(word)
        return tuple(words)


def _column_groups(design: Design) -> int:
    """G: the power of two with the fewest projection cycles, at most U and such that y fits E."""
    cell, hw = design.cell, design.hardware
    least = max(1, hw.ifft_units // hw.element_width)
    choices = [1 << i for i in range(12) if least <= 1 << i <= hw.ifft_units]

    def cycles(groups: int) -> int:
        passes = blocks_for(cell.output_blocks, hw.lanes // groups)
        return passes * blocks_for(cell.hidden_blocks, groups)

    return min(choices, key=lambda g: (cycles(g), g))


def _pass_chunks(total: int, passes: int, per_pass: int) -> list[int]:
    """Drain cycles of each pass; the last one may have fewer rows."""
    return [min(per_pass, total - p * per_pass) for p in range(passes)]


@lru_cache(maxsize=64)
def program_for(design: Design) -> Program:
    """The program of `design`."""
    cell, hw = design.cell, design.hardware
    lanes, units, width = hw.lanes, hw.ifft_units, hw.element_width
    rows = 4 * cell.hidden_blocks
    gate_chunks = blocks_for(rows, units)
    gate_passes = blocks_for(rows, lanes)
    cell_groups = blocks_for(cell.hidden_blocks, width)
    groups = steps = projection_passes = 0
    output_width, output_groups = width, cell_groups
    if cell.projection:
        groups = _column_groups(design)
        output_width = units // groups
        output_groups = blocks_for(cell.output_blocks, output_width)
        steps = blocks_for(cell.hidden_blocks, groups)
        projection_passes = blocks_for(cell.output_blocks, lanes // groups)

    plan = []  # (source, index, need, first, last, chunks)
    for chunks in _pass_chunks(gate_chunks, gate_passes, lanes // units):
        columns = [(X, c, c + 1) for c in range(cell.input_blocks)]
        columns += [(Y, c, c // output_width + 1) for c in range(cell.output_blocks)]
        plan += [
            (*column, i == 0, i == len(columns) - 1, chunks - 1) for i, column in enumerate(columns)
        ]
    gate_length = len(plan)
    for chunks in _pass_chunks(output_groups, projection_passes, lanes // units):
        for step in range(steps):
            need = min(blocks_for(groups * (step + 1), width), cell_groups)
            plan.append((M, step, need, step == 0, step == steps - 1, chunks - 1))
    last_of = {source: max(i for i, o in enumerate(plan) if o[0] == source) for source in (X, Y)}
    finals = (gate_length - 1, len(plan) - 1) if cell.projection else ()
    operations = tuple(
        Operation(*o, i == 0, i == last_of[X], i == last_of[Y], i in finals)
        for i, o in enumerate(plan)
    )
    return Program(
        operations,
        gate_length,
        groups,
        steps,
        gate_passes,
        projection_passes,
        gate_chunks,
        cell_groups,
        output_width,
        output_groups,
    )


def lane_weights(design: Design) -> np.ndarray:
    """Raw packed weight spectra (lanes, program length, k) in the order of the program."""
    cell, hw, program = design.cell, design.hardware, program_for(design)
    raw = quantised_weights(design)
    k, lanes = cell.block, hw.lanes
    memory = np.zeros((lanes, program.length, k), dtype=np.int64)
    gates = np.concatenate([raw["input_weight"], raw["recurrent_weight"]], axis=2)
    gates = np.moveaxis(gates, 0, 1).reshape(4 * cell.hidden_blocks, -1, k)  # row 4 b + q
    columns = gates.shape[1]
    for p in range(program.gate_passes):
        rows = gates[p * lanes : (p + 1) * lanes]
        memory[: len(rows), p * columns : (p + 1) * columns] = rows
    base = program.gate_passes * columns
    if cell.projection:
        matrix = raw["projection_weight"]
        per_pass = lanes // program.groups
        padded = np.zeros(
            (program.projection_passes * per_pass, program.steps * program.groups, k), np.int64
        )
        padded[: matrix.shape[0], : matrix.shape[1]] = matrix
        for p in range(program.projection_passes):
            rows = padded[p * per_pass : (p + 1) * per_pass]
            rows = rows.reshape(per_pass, program.steps, program.groups, k)
            rows = np.moveaxis(rows, 2, 1).reshape(lanes, program.steps, k)
            start = base + p * program.steps
            memory[:, start : start + program.steps] = rows
    return memory


def lane_contents(design: Design) -> tuple[tuple[int, ...], ...]:
    """Words of every lane's weight memory."""
    word = design.formats.weight_word
    memory = lane_weights(design).tolist()
    return tuple(tuple(pack_fields(block, word) for block in lane) for lane in memory)


def cell_parameter_layout(design: Design) -> list[tuple[str, int, int]]:
    """Fields of a word of the element-wise unit's parameter memory: (name, elements, bits)."""
    cell, f = design.cell, design.formats
    layout = [(f"bias_{q}", cell.block, f.preactivation.word) for q in range(4)]
    if cell.peepholes:
        layout += [(f"peephole_{q}", cell.block, f.peephole.word) for q in range(3)]
    return [*layout, ("mask", cell.block, 1)]


def cell_parameter_contents(design: Design) -> tuple[tuple[int, ...], ...]:
    """Words of the parameter memory of each of the E blocks that are computed side by side."""
    cell, width = design.cell, design.hardware.element_width
    raw, program = quantised_weights(design), program_for(design)
    cells = np.arange(cell.hidden_blocks * cell.block).reshape(-1, cell.block)
    used = (cells < cell.hidden).astype(np.int64)
    contents = []
    for e in range(width):
        words = []
        for group in range(program.cell_groups):
            block, word, low = group * width + e, 0, 0
            for name, count, bits in cell_parameter_layout(design):
                values = [0] * count
                if block < cell.hidden_blocks:
                    tensor, _, q = name.partition("_")
                    values = used[block] if tensor == "mask" else raw[tensor][int(q), block]
                word |= pack_fields(values, bits) << low
                low += count * bits
            words.append(word)
        contents.append(tuple(words))
    return tuple(contents)
