"""Embeddings: x of a graph is a whole number, and a table in memory has the frame for each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ernn_myhdl.design.joins import EMBEDDING, MOST_ELEMENTS, Join
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import MAX_WORD, Format, quantise, saturate

#: Rows of a table, and its elements in all.
MOST_ROWS, MOST_NUMBERS = 1 << 16, 1 << 22


class Table:
    """The rows of an embedding: float64 (rows, elements), which nobody may change; equal where all elements are."""

    def __init__(self, values: ArrayLike) -> None:
        try:
            array = np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DesignError(
                f"embedding table: must be numbers (rows, elements) ({error})"
            ) from error
        if array.ndim != 2 or array.shape[0] < 2 or array.shape[1] < 1:
            raise DesignError(
                f"embedding table: shape {array.shape}, must be (rows, elements), rows from 2"
            )
        rows, elements = array.shape
        if rows > MOST_ROWS or elements > MOST_ELEMENTS or array.size > MOST_NUMBERS:
            raise DesignError(
                f"embedding table: {rows} rows of {elements} elements, must be at most {MOST_ROWS} rows, "
                f"{MOST_ELEMENTS} elements and {MOST_NUMBERS} numbers in all"
            )  # fmt: skip
        if not np.all(np.isfinite(array)):
            raise DesignError("embedding table: holds NaN or infinity")
        array += 0.0  # a zero has no sign
        array.flags.writeable = False
        self.values = array

    @cached_property
    def digest(self) -> str:
        """SHA-256 of shape and numbers, as hexadecimal digits."""
        text = repr(self.values.shape).encode() + np.ascontiguousarray(self.values, "<f8").tobytes()
        return hashlib.sha256(text).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Table({self.digest})"


@dataclass(frozen=True)
class Embedding(Join):
    """x, a whole number from 0, as the row of a table with that number.

    table: a `Table`, or numbers (rows, elements) that one is made of. inputs: x. format: of the elements.
    """

    kind: str = EMBEDDING
    inputs: tuple[str, ...] = ("x",)
    format: Format | None = None
    table: Table = field(default_factory=lambda: Table([[0.0], [0.0]]))

    def __post_init__(self) -> None:
        if not isinstance(self.table, Table):
            object.__setattr__(self, "table", Table(self.table))
        super().__post_init__()

    def _check_operands(self) -> None:
        if self.kind != EMBEDDING:
            raise DesignError(f"join kind = {self.kind!r}: an Embedding's must be {EMBEDDING!r}")
        if self.inputs != ("x",):
            raise DesignError(
                f"embedding inputs: {', '.join(map(str, self.inputs)) or 'none'}, must be x, whose samples are whole "
                "numbers; look up on the host what comes of another signal"
            )  # fmt: skip

    def size_of(self, sizes: Sequence[int]) -> int:
        return self.elements

    @property
    def size(self) -> int:
        """Elements of a frame of x."""
        return 1

    @property
    def rows(self) -> int:
        """Rows of the table: the number is from 0 to one less."""
        return len(self.table.values)

    @property
    def elements(self) -> int:
        """Elements of a row."""
        return len(self.table.values[0])

    @property
    def index_format(self) -> Format:
        """Of x."""
        return Format((self.rows - 1).bit_length() + 1, 0)

    @cached_property
    def words(self) -> np.ndarray:
        """The rows as words (rows, elements) of the format."""
        assert self.format is not None  # in a network all have one
        return saturate(quantise(self.table.values, self.format), self.format)

    @cached_property
    def saturated(self) -> np.ndarray:
        """Of each element whether the format does not hold it."""
        assert self.format is not None  # in a network all have one
        beyond: np.ndarray = quantise(self.table.values, Format(MAX_WORD, self.format.frac)) != self.words  # fmt: skip
        return beyond

    def numbers(self, x: np.ndarray, what: str = "input sequence") -> np.ndarray:
        """x (frames, 1), values or words, as int64; DesignError for a number that no row has. what: names x."""
        wrong = (x != np.floor(x)) | (x < 0) | (x >= self.rows)
        if wrong.any():
            raise DesignError(
                f"{what}: {x[wrong][0]:.12g} is the number of no row of the embedding, must be a whole number from 0 to "
                f"{self.rows - 1}"
            )
        made: np.ndarray = x.astype(np.int64)
        return made
