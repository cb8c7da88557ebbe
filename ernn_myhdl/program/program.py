"""The static program of a core: what every lane multiplies, in which order.

A frame is a list of operations, one a cycle: first the passes over the rows of the first phase (all
columns of x, then all of the previous y), then those over the rows of the second phase (of x where it
reads it, then of m). In a split cell, whose x and y have blocks of different sizes, the columns of x are a
pass of their own before that of the same rows' others. An operation's place in the list is its address in
every lane's weight memory, so this list is at once the program memory's contents, the layout of the weights and the basis of the
cycle model (`ernn_myhdl.cycle_model.schedule`). The two parts have a counter each: while the second phase of one
frame waits for m, a pass of the first phase of the next frame may run.

Rows of the first phase are ordered by block of cells, then row of the cell (`Cell.rows`, R of them):
row R b + q. Lane l takes row p L + l in pass p, so all rows of the same cells are drained together. In
the second phase, lane l takes row p (L/G) + l // G and, in step s, column s G + l % G, where x and m
begin with a step each: G lanes share a row and are summed in the drain.

A row is of a tile (`Cell.tile`) of elements. With blocks of k elements smaller than the tile, a lane
multiplies one block of the column with tile / k blocks below each other: tile words of weights as ever. What
is a complex bin of the tile may then be the two real words (DC and Nyquist, or samples) of a block;
`column_select` gives the lane other operands there, and the two weights change places (`lane_words`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache, reduce
from operator import or_

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Hardware, Structure
from ernn_myhdl.hdl.types import bits_for
from ernn_myhdl.numerics.circulant import blocks_for

X, Y, M = 0, 1, 2
SOURCES = ("x", "y", "m")
#: (source, index, need) of each operation of a pass; see `Operation`.
Columns = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Operation:
    """One cycle of all lanes.

    source: X, Y or M. index: column of x or y, step of the second phase's x or m. need: groups of the
    source that must have been written, 0 for the second phase's x, which was there for the first.
    first, last: of a row. chunks: cycles the drain takes after `last`, minus 1.
    start, x_done, y_done: first of the frame; last of its phase that reads x; last that reads y.
    part: of a pass of x whose rows are added to those of the next.
    final: last of the first phase of a frame that has a second one; last of the second phase.
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
    part: bool


#: Fields of an operation that are one bit.
FLAGS = frozenset(f.name for f in fields(Operation) if f.type == "bool")


@dataclass(frozen=True)
class Phase:
    """The passes of one matrix phase; all of them read the same columns, but for a layer with groups.

    columns: (source, index, need) of each operation of a pass; see `Operation`. parts: operations of each
    part of a pass, which is drained by itself: those of x and the others in a split cell, else all. chunks:
    cycles in which the rows of each pass are drained. own: columns of each pass, as many each, where they are not the same
    in all of them.
    """

    columns: Columns
    chunks: tuple[int, ...]
    parts: tuple[int, ...]
    own: tuple[Columns, ...] = ()

    @property
    def passes(self) -> int:
        return len(self.chunks)

    @property
    def length(self) -> int:
        """Operations of all passes."""
        return len(self.chunks) * len(self.columns)

    @property
    def distinct(self) -> tuple[Columns, ...]:
        """The columns of all passes, once where they are the same in all of them."""
        return self.own or (self.columns,)

    @property
    def split(self) -> bool:
        """Whether a pass has several parts."""
        return len(self.parts) > 1

    def columns_of(self, number: int) -> Columns:
        """The columns of a pass."""
        return self.own[number] if self.own else self.columns

    def operations_of(self, place: int) -> list[tuple]:
        """Operations of a pass without the marks that depend on the frame."""
        plan, begin, chunks = [], 0, self.chunks[place]
        columns = self.columns_of(place)
        for number, size in enumerate(self.parts):
            for i, column in enumerate(columns[begin : begin + size]):
                part = number < len(self.parts) - 1
                plan.append((*column, i == 0, i == size - 1, chunks - 1, part))
            begin += size
        return plan


@dataclass(frozen=True)
class Program:
    """The program of one design and the sizes that follow from it.

    first, second: the phases; the second has no passes where the cell has none. groups: lanes that share
    a row of the second phase (G). input_steps, steps: cycles of a row of the second phase that read x; all
    of them. gate_chunks: drain cycles of the rows of the first phase of a frame. cell_groups: groups of E
    blocks of cells. output_width: blocks of y made at once. output_groups: groups of y in a frame.
    """

    first: Phase
    second: Phase
    groups: int
    input_steps: int
    steps: int
    gate_chunks: int
    cell_groups: int
    output_width: int
    output_groups: int

    @property
    def gate_length(self) -> int:
        """Operations of the first phase, which come first."""
        return self.first.length

    @property
    def gate_passes(self) -> int:
        """Passes of the first phase over all lanes."""
        return self.first.passes

    @property
    def second_passes(self) -> int:
        return self.second.passes

    @property
    def length(self) -> int:
        return self.first.length + self.second.length

    def _plan(self) -> Iterator[tuple]:
        """The fields of all operations in their order."""
        plan = []  # (source, index, need, first, last, chunks, part)
        for phase in (self.first, self.second):
            for place in range(phase.passes):
                plan += phase.operations_of(place)
        base = self.gate_length
        ends = {  # last operation of each phase that reads x, and of the frame that reads y
            X: {_last(plan[:base], X), _last(plan, X)},
            Y: {_last(plan, Y)},
        }
        finals = (base - 1, len(plan) - 1) if self.second_passes else ()
        for i, o in enumerate(plan):
            yield (*o[:-1], i == 0, i in ends[X], i in ends[Y], i in finals, o[-1])

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """All operations in their order."""
        return tuple(Operation(*fields_of) for fields_of in self._plan())

    @property
    def address_bits(self) -> int:
        return bits_for(self.length)

    @cached_property
    def field_bits(self) -> dict[str, int]:
        """Width of every field of the program word, lowest first."""
        phases = [p for p in (self.first, self.second) if p.passes]
        most = {
            "index": max(c[1] for p in phases for own in p.distinct for c in own),
            "need": max(c[2] for p in phases for own in p.distinct for c in own),
            "chunks": max(c for p in phases for c in p.chunks) - 1,
        }
        bits = {name: bits_for(value + 1) for name, value in most.items()}
        bits |= dict.fromkeys(FLAGS, 1) | {"source": 2}
        if not (self.first.split or self.second.split):
            del bits["part"]
        return {f.name: bits[f.name] for f in fields(Operation) if f.name in bits}

    @cached_property
    def varying_bits(self) -> int:
        """Bits of the program word that are not the same in all of them; a memory of one word has another of zeros.

        The first and the last pass of each phase have every word that there is, where all passes read the same columns.
        """
        if self.length == 1:
            return self.words()[0].bit_count()
        phases = [
            replace(
                p, chunks=p.chunks[:1] + p.chunks[-1:] if p.passes > 1 and not p.own else p.chunks
            )
            for p in (self.first, self.second)
        ]
        ends, varying = replace(self, first=phases[0], second=phases[1]), 0
        for values in zip(*ends._plan(), strict=True):
            first, *rest = {int(value) for value in set(values)}
            varying += reduce(or_, (value ^ first for value in rest), 0).bit_count()
        return varying

    def words(self) -> tuple[int, ...]:
        """Contents of the program memory."""
        words = []
        for operation in self.operations:
            word, low = 0, 0
            for name, width in self.field_bits.items():
                word |= int(getattr(operation, name)) << low
                low += width
            words.append(word)
        return tuple(words)


def _steps(cell: Cell, groups: int) -> tuple[int, int]:
    """Cycles of a row of the second phase with `groups` lanes a row: those of x, all of them."""
    inputs = blocks_for(cell.input_blocks, groups) if cell.second_reads_x else 0
    return inputs, inputs + blocks_for(cell.m_columns, groups)


def _column_groups(cell: Cell, hw: Hardware) -> int:
    """G: the power of two with the fewest cycles, at most U and such that the rows fit E blocks."""
    least = max(1, hw.ifft_units // hw.cell_blocks)
    choices = [1 << i for i in range(12) if least <= 1 << i <= hw.ifft_units]

    def cycles(groups: int) -> int:
        return blocks_for(cell.second_rows, hw.lanes // groups) * _steps(cell, groups)[1]

    return min(choices, key=lambda g: (cycles(g), g))


def _pass_chunks(total: int, passes: int, per_pass: int) -> tuple[int, ...]:
    """Drain cycles of each pass; the last one may have fewer rows."""
    return tuple(min(per_pass, total - p * per_pass) for p in range(passes))


def _phase(cell: Cell, columns: Columns, chunks: tuple[int, ...]) -> Phase:
    """The phase of these columns; in a split cell those of x are a part of their own."""
    inputs = sum(column[0] == X for column in columns)
    parts = (inputs, len(columns) - inputs) if cell.split and inputs else (len(columns),)
    return Phase(columns, chunks, parts)


def _last(plan: list[tuple], source: int) -> int | None:
    """Place of the last operation that reads the source."""
    return max((i for i, o in enumerate(plan) if o[0] == source), default=None)


def program_for(design: Structure) -> Program:
    """The program of `design`."""
    return layer_program(design.cell, design.hardware)


def _groups_of(cell: Cell, blocks: int, k: int, size: int) -> int:
    """Groups of `size` tiles that hold so many blocks of k."""
    return blocks_for(blocks * k, size * cell.tile)


@lru_cache(maxsize=64)
def _first_columns(cell: Cell, output_width: int) -> Columns:
    """Of the first phase: x, then the previous y, which is written in groups of `output_width` tiles."""
    x = [(X, c, c + 1) for c in range(cell.input_blocks)]
    size = cell.y_block
    return (
        *x,
        *((Y, c, _groups_of(cell, c + 1, size, output_width)) for c in range(cell.y_columns)),
    )


def _grouped_columns(cell: Cell, lanes: int, passes: int) -> tuple[Columns, ...]:
    """Of each pass of a cell with groups: the columns that any of its rows multiplies. The last ones are read again in passes
    that need fewer, by weights that are zero."""
    found = []
    for first in range(0, passes * lanes, lanes):
        rows = range(first, min(first + lanes, cell.hidden_blocks))
        found.append(sorted({c for row in rows for c in cell.columns_of(row)}))
    most = max(len(columns) for columns in found)
    filled = [columns + columns[-1:] * (most - len(columns)) for columns in found]
    return tuple(tuple((X, c, c + 1) for c in columns) for columns in filled)


@lru_cache(maxsize=64)
def _second_columns(
    cell: Cell, groups: int, input_steps: int, steps: int, width: int, cell_groups: int
) -> Columns:
    """Of the second phase: steps of x, then those of m, which is written in groups of `width` tiles."""
    columns = [(X, step, 0) for step in range(input_steps)]
    for step in range(steps - input_steps):
        need = _groups_of(cell, groups * (step + 1), cell.m_block, width)
        columns.append((M, step, min(need, cell_groups)))
    return tuple(columns)


@lru_cache(maxsize=64)
def layer_program(cell: Cell, hw: Hardware) -> Program:
    """The program of a cell on its hardware; formats and weights have no part in it."""
    lanes, units, width = hw.lanes, hw.ifft_units, hw.cell_blocks
    rows = len(cell.rows) * cell.hidden_blocks
    gate_chunks = blocks_for(rows, units)
    gate_passes = blocks_for(rows, lanes)
    cell_groups = blocks_for(cell.hidden_blocks, width)
    groups = input_steps = steps = second_passes = 0
    output_width, output_groups = width, cell_groups
    if cell.second_phase:
        groups = _column_groups(cell, hw)
        output_width = units // groups
        output_groups = blocks_for(cell.second_rows, output_width)
        input_steps, steps = _steps(cell, groups)
        second_passes = blocks_for(cell.second_rows, lanes // groups)

    columns = _first_columns(cell, output_width)
    chunks = _pass_chunks(gate_chunks, gate_passes, lanes // units)
    first = _phase(cell, columns, chunks)
    if cell.row_columns < cell.input_blocks:
        own = _grouped_columns(cell, lanes, gate_passes)
        first = Phase(own[0], chunks, (len(own[0]),), own)
    columns = _second_columns(cell, groups, input_steps, steps, width, cell_groups)
    second = _phase(cell, columns, _pass_chunks(output_groups, second_passes, lanes // units))
    return Program(
        first,
        second,
        groups,
        input_steps,
        steps,
        gate_chunks,
        cell_groups,
        output_width,
        output_groups,
    )
