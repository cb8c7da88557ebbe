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
    linear                the sums                           -             -                  sums + bias
"""

from __future__ import annotations

from dataclasses import Field, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.circulant import blocks_for

BLOCK_SIZES = (1, 2, 4, 8, 16, 32)
ACTIVATIONS = ("tanh", "sigmoid")
RESETS = ("before", "after")
#: The tensors of formats that every cell has; see docs/number-formats.md.
_COMMON = ("input", "input_spectrum", "input_weight", "output", "block_spectrum", "preactivation")
_RECURRENT = ("recurrent_weight", "output_spectrum", "gate", "cell_state")


def _whole(name: str, value: object, least: int, most: int = 65536) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DesignError(f"cell {name} = {value!r}: must be a whole number")
    if not least <= value <= most:
        raise DesignError(f"cell {name} = {value}: must be {least} to {most}")


def _one_of(name: str, value: object, legal: tuple[str, ...]) -> None:
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
            _whole(name, getattr(self, name), 1)
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
        """Whether the first phase multiplies the previous y; without it the cell has no state."""
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
    def most_columns(self) -> int:
        """Block columns that one accumulator sums at most."""
        second = self.m_columns
        if self.split:
            return max(self.input_blocks, self.y_columns, second)
        x = self.input_blocks
        return max(x + self.y_columns, second + (x if self.second_reads_x else 0))

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight tensor; circulant blocks are stored as their first column."""
        gates = len(self.gates)
        shapes: dict[str, tuple[int, ...]] = {
            "input_weight": (gates, *self._blocks("input_weight", self.hidden, self.inputs))
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
        names = {*_COMMON, *(_RECURRENT if self.recurrent else ())}
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
        columns = self.inputs + (self.outputs if self.recurrent else 0) + 1
        return len(self.gates) * self.hidden * columns

    @property
    def stored_blocks(self) -> dict[int, int]:
        """Circulant blocks of the matrices by size, each multiplied once a frame."""
        blocks: dict[int, int] = {}
        for shape in self.weight_shapes.values():
            if len(shape) > 2:
                blocks[shape[-1]] = blocks.get(shape[-1], 0) + int(np.prod(shape[:-1]))
        return blocks


@dataclass(frozen=True)
class LstmCell(Cell):
    """An LSTM layer with block-circulant matrices.

    inputs, hidden: sizes; projection: size of the recurrent projection, 0 for none.
    block: size k of the circulant blocks, a power of two up to 32; 1 means dense.
    input_block, projection_block: that of the matrices of x and of the projection; 0: block.
    peepholes: diagonal connections from the cell state to the gates (input, forget, output).
    g_activation: "tanh" or "sigmoid", the activation of the candidate.
    """

    kind: ClassVar[str] = "lstm"
    block_names: ClassVar[dict[str, str]] = {
        "input_weight": "input_block", "projection_weight": "projection_block"
    }  # fmt: skip
    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")

    inputs: int
    hidden: int
    projection: int = 0
    block: int = 8
    peepholes: bool = False
    g_activation: str = "tanh"
    input_block: int = 0
    projection_block: int = 0

    def __post_init__(self) -> None:
        self._check()
        _whole("projection", self.projection, 0)
        if self.projection_block and not self.projection:
            raise DesignError(
                f"cell projection_block = {self.projection_block}: there is no projection; must be 0"
            )
        if not isinstance(self.peepholes, bool):
            raise DesignError(f"cell peepholes = {self.peepholes!r}: must be true or false")
        _one_of("g_activation", self.g_activation, ACTIVATIONS)

    @property
    def second_phase(self) -> str | None:
        return "projection" if self.projection else None

    @property
    def sizes(self) -> str:
        return super().sizes + (f"/{self.projection}" if self.projection else "")

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = super().weight_shapes
        if self.projection:
            shapes["projection_weight"] = self._blocks(
                "projection_weight", self.projection, self.hidden
            )
        if self.peepholes:
            shapes["peephole"] = (3, self.hidden)
        return shapes

    @property
    def format_names(self) -> frozenset[str]:
        names = super().format_names | {"cell_output"}
        if self.projection:
            names |= {"projection_weight"}
        return names | {"peephole"} if self.peepholes else names

    @property
    def dense_parameters(self) -> int:
        count = super().dense_parameters + self.projection * self.hidden
        return count + (3 * self.hidden if self.peepholes else 0)


@dataclass(frozen=True)
class GruCell(Cell):
    """A GRU layer with block-circulant matrices; the gates are reset r, update z and candidate n.

        r, z = s(W x + W h' + b)                    h = (1 - z) . n + z . h',   y = h
        reset "before":  n = act(W_n x + W_nh (r . h') + b_n)
        reset "after":   n = act(W_n x + b_n + r . (W_nh h' + b_nh))

    inputs, hidden: sizes. block: size k of the circulant blocks, a power of two up to 32; 1 means dense.
    input_block: that of the matrices of x; 0: block.
    reset: "before" (the paper's) or "after" the recurrent product (PyTorch's, Keras' default, ONNX with
    linear_before_reset=1), which has a recurrent bias b_nh too. g_activation: act, "tanh" or "sigmoid".
    Some codes swap z and 1 - z: negate their update gate's weights and bias.
    """

    kind: ClassVar[str] = "gru"
    block_names: ClassVar[dict[str, str]] = {"input_weight": "input_block"}
    gates: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate")

    inputs: int
    hidden: int
    block: int = 8
    reset: str = "before"
    g_activation: str = "tanh"
    input_block: int = 0

    def __post_init__(self) -> None:
        self._check()
        _one_of("reset", self.reset, RESETS)
        _one_of("g_activation", self.g_activation, ACTIVATIONS)

    @property
    def rows(self) -> tuple[Row, ...]:
        rows = (Row("reset", 0, 0), Row("update", 1, 1))
        if self.reset == "before":
            return rows
        return (*rows, Row("candidate", 2, None), Row("recurrent", None, 2))

    @property
    def second_phase(self) -> str | None:
        return "candidate" if self.reset == "before" else None

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes = super().weight_shapes
        if self.reset == "after":
            shapes["recurrent_bias"] = (1, self.hidden)
        return shapes

    @property
    def dense_parameters(self) -> int:
        return super().dense_parameters + (self.hidden if self.reset == "after" else 0)


@dataclass(frozen=True)
class LinearCell(Cell):
    """A linear layer with bias, y = W x + b, with a block-circulant matrix; without a state.

    inputs, hidden: sizes of x and of y. block: size k of the circulant blocks, a power of two up to 32;
    1 means dense.
    """

    kind: ClassVar[str] = "linear"
    gates: ClassVar[tuple[str, ...]] = ("sum",)

    inputs: int
    hidden: int
    block: int = 8

    def __post_init__(self) -> None:
        self._check()

    @property
    def recurrent(self) -> bool:
        return False


CELLS: dict[str, type[Cell]] = {cell.kind: cell for cell in (LstmCell, GruCell, LinearCell)}


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
