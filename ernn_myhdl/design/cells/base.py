"""The cells: what a layer computes, its sizes, and the rows of its matrices.

A frame has one or two matrix phases. The rows of the first phase multiply x and, in a recurrent cell,
the previous y; a cell of hidden size H has `rows` of them for every block of cells, drained together.
A second phase has its own rows and multiplies the result m of the first one's element-wise unit: the
projection of an LSTM, or the candidate of a GRU whose reset comes before the product (x too).

Each matrix may have a block size of its own (`Cell.block_of`); the largest, the tile, is what the datapath
handles at once: rows, cells and y are counted in tiles. Where the matrices of x and of the previous y
differ (`Cell.split`), sums over blocks of different sizes cannot share an accumulator, so x and y (or m)
have passes of their own, and their rows are added as signals.

    cell                  rows of the first phase            m             second phase       y
    lstm                  input, forget, candidate, output   o tanh(c)     -                  m
    lstm with projection  the same                           o tanh(c)     W_p m              the sums
    gru, reset before     reset, update                      r . h'        W_nx x + W_nh m    h
    gru, reset after      reset, update, candidate of x,     -             -                  h
                          candidate of h'
    linear                the sums                           -             -                  act(sums + bias)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import Field, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.pwl import PwlTable
from ernn_myhdl.whole_numbers import whole

if TYPE_CHECKING:
    from ernn_myhdl.design.cells.ranges import Ranges
    from ernn_myhdl.design.tensor_formats import Activations, Formats

BLOCK_SIZES = (1, 2, 4, 8, 16, 32)
ACTIVATIONS = ("tanh", "sigmoid")
#: The tensors of formats that every cell has; see docs/number-formats.md.
_COMMON = ("input", "input_spectrum", "input_weight", "output", "block_spectrum", "preactivation")
#: Those of a product with the previous y.
_PREVIOUS_OUTPUT = ("recurrent_weight", "output_spectrum")


#: Largest number of any parameter of a cell.
MOST = 65536


def one_of(name: str, value: object, legal: tuple[str, ...]) -> None:
    """DesignError unless the parameter has one of the legal values."""
    if value not in legal:
        raise DesignError(f"cell {name} = {value!r}: must be {' or '.join(map(repr, legal))}")


@dataclass(frozen=True)
class Row:
    """A row of the first phase of a block of cells.

    input, recurrent: the gates of input_weight and of recurrent_weight that it multiplies with x and
    with the previous y; None for a row of zeros.
    """

    name: str
    input: int | None
    recurrent: int | None


class Cell:
    """What all cells have; see the module. Sizes in elements, or in blocks where the name says so."""

    #: Every cell is a dataclass.
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    kind: ClassVar[str]
    #: Names of the gates in the order of the weight tensors.
    gates: ClassVar[tuple[str, ...]]
    #: Parameters that hold the block size of a matrix, 0 for that of `block`.
    block_names: ClassVar[dict[str, str]] = {}
    #: Functions of which one can be chosen: a cell's `g_activation` or `activation`.
    activations: ClassVar[tuple[str, ...]] = ()
    #: Fields of `ernn_myhdl.design.dense.DenseLayer` that the cell has as parameters.
    dense_options: ClassVar[tuple[str, ...]] = ()
    #: Parameters that design folders of version 0.1.0 do not have, beside `block_names`; their defaults are what was so before.
    younger: ClassVar[tuple[str, ...]] = ()
    #: What the parameters are, for comments in files; formats too, where `ernn_myhdl.design.design_text` says what they are in other cells.
    comments: ClassVar[dict[str, str]] = {
        "inputs": "elements of x",
        "hidden": "cells; elements of y in a linear layer",
        "block": "size k of the circulant blocks: 1 (dense), 2, 4, 8, 16 or 32",
        "input_block": "that of the matrices of x; 0: block",
    }
    inputs: int
    hidden: int
    block: int
    projection: int = 0
    peepholes: bool = False
    #: Only in cells with a candidate, and only in a GRU: other cells do not have them.
    g_activation: str
    reset: str

    def _check(self) -> None:
        for name in ("inputs", "hidden"):
            whole(f"cell {name}", getattr(self, name), 1, MOST)
        self._check_block("block", BLOCK_SIZES)
        for name in self.block_names.values():
            self._check_block(name, (0, *BLOCK_SIZES))

    def _check_block(self, name: str, legal: tuple[int, ...]) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or value not in legal:
            raise DesignError(
                f"cell {name} = {value!r}: must be a power of two, one of "
                f"{', '.join(str(size) for size in legal if size)}"
                + (", or 0 for that of block" if 0 in legal else "")
            )

    def block_of(self, matrix: str) -> int:
        """Block size of a matrix of `weight_shapes`."""
        name = self.block_names.get(matrix)
        return (getattr(self, name) if name else 0) or self.block

    @property
    def block_sizes(self) -> dict[str, int]:
        """The parameters that tell the block sizes of the matrices, those of `block` left out."""
        own = {name: getattr(self, name) for name in self.block_names.values()}
        return {"block": self.block} | {n: k for n, k in own.items() if k not in (0, self.block)}

    @property
    def block_text(self) -> str:
        """Block sizes for headings and messages: "8", or "8, input 16"."""
        own = [
            f"{n.removesuffix('_block')} {k}" for n, k in self.block_sizes.items() if n != "block"
        ]
        return ", ".join([str(self.block), *own])

    @cached_property
    def tile(self) -> int:
        """The largest block size of the layer: elements that the datapath handles at once."""
        return max(self.x_block, self.y_block, self.m_block if self.second_phase else 1)

    @cached_property
    def x_block(self) -> int:
        """Block size of x."""
        return self.block_of("input_weight")

    @cached_property
    def y_block(self) -> int:
        """Block size of the previous y, where the first phase multiplies it."""
        return self.block_of("recurrent_weight") if self.recurrent else self.x_block

    @cached_property
    def m_block(self) -> int:
        """Block size of m, where there is a second phase."""
        matrix = "projection_weight" if self.second_phase == "projection" else "recurrent_weight"
        return self.block_of(matrix)

    @cached_property
    def split(self) -> bool:
        """Whether x has passes of its own."""
        return self.x_block != self.y_block

    @property
    def outputs(self) -> int:
        """Size of y."""
        return self.projection or self.hidden

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows of the first phase for every block of cells."""
        return tuple(Row(name, i, i) for i, name in enumerate(self.gates))

    @property
    def recurrent(self) -> bool:
        """Whether the first phase multiplies the previous y; see `has_state`."""
        return True

    @property
    def state_sizes(self) -> dict[str, int]:
        """Elements of every tensor that is kept from a frame to the next, in the order in which s_state brings
        them: "output" and "cell_state", those of them that do not follow from the others; empty where
        the cell has no state."""
        return {}

    @property
    def has_state(self) -> bool:
        """Whether anything is kept from a frame to the next: y, which the first phase multiplies, or a
        cell state, which the element-wise unit reads."""
        return bool(self.state_sizes)

    @property
    def keeps_cell_state(self) -> bool:
        """Whether the element-wise unit reads a state of its own."""
        return "cell_state" in self.state_sizes

    @property
    def only_activated(self) -> bool:
        """Whether nothing reads the pre-activations but `tables`, which are flat beyond some magnitude."""
        return True

    @property
    def second_phase(self) -> str | None:
        """None, "projection" or "candidate"."""
        return None

    @property
    def second_reads_x(self) -> bool:
        """Whether the second phase multiplies x before m."""
        return self.second_phase == "candidate"

    @cached_property
    def second_rows(self) -> int:
        """Block rows of the second phase."""
        return {None: 0, "projection": self.output_blocks, "candidate": self.hidden_blocks}[
            self.second_phase
        ]

    @cached_property
    def input_blocks(self) -> int:
        """Block columns of x."""
        return blocks_for(self.inputs, self.x_block)

    @cached_property
    def y_columns(self) -> int:
        """Block columns of the previous y."""
        return blocks_for(self.outputs, self.y_block) if self.recurrent else 0

    @cached_property
    def m_columns(self) -> int:
        """Block columns of m."""
        return blocks_for(self.hidden, self.m_block) if self.second_phase else 0

    @cached_property
    def hidden_blocks(self) -> int:
        """Tiles of cells."""
        return blocks_for(self.hidden, self.tile)

    @cached_property
    def output_blocks(self) -> int:
        """Tiles of y."""
        return blocks_for(self.outputs, self.tile)

    @property
    def row_columns(self) -> int:
        """Block columns of x that a block row multiplies."""
        return self.input_blocks

    @property
    def row_inputs(self) -> int:
        """Elements of x that a row multiplies."""
        return self.inputs * self.row_columns // self.input_blocks

    def columns_of(self, row: int) -> tuple[int, ...]:
        """The block columns of x that a block row of each gate multiplies, in order."""
        return tuple(range(self.input_blocks))

    def lanes_up_to(self, most: int) -> int:
        """The most lanes up to a number that the layer uses: block rows of its first phase; a divisor of those of a group."""
        return min(most, len(self.rows) * self.hidden_blocks)

    def whole_matrix(self, name: str, blocks: np.ndarray) -> np.ndarray:
        """Blocks of a matrix as they are stored (`weight_shapes`), with those that are zero by the structure of the cell; other weights as they are."""
        return blocks

    def stored_matrix(self, name: str, blocks: np.ndarray) -> np.ndarray:
        """The blocks of a whole matrix that are stored; the other way round."""
        return blocks

    @property
    def most_columns(self) -> int:
        """Block columns that one accumulator sums at most."""
        second = self.m_columns
        if self.split:
            return max(self.row_columns, self.y_columns, second)
        x = self.row_columns
        return max(x + self.y_columns, second + (x if self.second_reads_x else 0))

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight tensor; circulant blocks are stored as their first column."""
        gates = len(self.gates)
        shapes: dict[str, tuple[int, ...]] = {
            "input_weight": (
                gates,
                blocks_for(self.hidden, self.x_block),
                self.row_columns,
                self.x_block,
            )
        }
        if self.recurrent:
            shape = self._blocks("recurrent_weight", self.hidden, self.outputs)
            shapes["recurrent_weight"] = (gates, *shape)
        shapes["bias"] = (gates, self.hidden)
        return shapes

    def _blocks(self, matrix: str, rows: int, columns: int) -> tuple[int, int, int]:
        """Shape of a matrix of rows x columns elements."""
        k = self.block_of(matrix)
        return blocks_for(rows, k), blocks_for(columns, k), k

    @property
    def format_names(self) -> frozenset[str]:
        """Fields of `Formats` that the cell has."""
        names = {*_COMMON, *(_PREVIOUS_OUTPUT if self.recurrent else ())}
        if self.keeps_cell_state:
            names |= {"cell_state"}
        if self.second_phase:
            names |= {"cell_output", "cell_output_spectrum"}
        return frozenset(names)

    @property
    def sizes(self) -> str:
        """Inputs and outputs for headings."""
        return f"{self.inputs} → {self.hidden}"

    @property
    def parameters(self) -> int:
        """Stored numbers, padding included."""
        return sum(int(np.prod(shape)) for shape in self.weight_shapes.values())

    @property
    def dense_parameters(self) -> int:
        """Numbers of the same layer with dense matrices and no padding."""
        columns = self.row_inputs + (self.outputs if self.recurrent else 0) + 1
        return len(self.gates) * self.hidden * columns

    @property
    def stored_blocks(self) -> dict[int, int]:
        """Circulant blocks of the matrices by size, each multiplied once a frame."""
        blocks: dict[int, int] = {}
        for shape in self.weight_shapes.values():
            if len(shape) > 2:
                blocks[shape[-1]] = blocks.get(shape[-1], 0) + int(np.prod(shape[:-1]))
        return blocks

    def formats_behind(self, ranges: Ranges) -> dict[str, Format]:
        """The formats of the tensors behind the matrices, with the most fraction bits whose ranges hold what calibration shows."""
        raise NotImplementedError

    def tables(self, formats: Formats, activations: Activations) -> dict[str, PwlTable]:
        """The piecewise linear functions of the cell, by what they give; none without such."""
        return {}

    def step_widths(self, formats: Formats) -> dict[str, int]:
        """Bits of the widest intermediate result of each element-wise step, by the tensor it gives."""
        raise NotImplementedError

    @classmethod
    def options_of(cls, weights: Collection[str]) -> dict[str, object]:
        """Parameters that the names of a layer's tensors tell, but for sizes; see `dense_options`."""
        return {}
