"""Sizes and formats of the signals of a graph of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.embedding import Embedding
from ernn_myhdl.design.graph import INPUT, Graph, number_of
from ernn_myhdl.design.joins import CONCATENATION, PRODUCT, ArgMax, Join, Window
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import MAX_WORD, Format

if TYPE_CHECKING:
    from ernn_myhdl.design.structure import Structure


@dataclass(frozen=True)
class ExactSum:
    """The numbers of an addition or a product before its rounding: `word` bits, `frac` of them fraction, hold any exactly."""

    word: int
    frac: int


class Signals:
    """Sizes and formats of the signals of a graph of layers; DesignError where they do not fit together."""

    def __init__(self, graph: Graph, layers: Sequence[Structure]) -> None:
        self.graph, self.layers = graph, tuple(layers)
        if len(self.layers) != len(graph.sources):
            raise DesignError(
                f"graph sources: {len(graph.sources)}, must be one for each of {len(self.layers)} layers"
            )
        first = graph.first_taker
        taker = graph.sized_of(first)
        if taker is None:
            fmt = self.layers[number_of(first)].formats.input
        elif isinstance(taker, Embedding):
            fmt = taker.index_format
        else:
            fmt = self._given(first, taker)
        self.sizes: dict[str, int] = {INPUT: graph.input_size([d.cell.inputs for d in self.layers])}
        self.formats: dict[str, Format] = {INPUT: fmt}
        for name in graph.order:
            join = graph.join_of(name)
            if join is None:
                self._layer(name)
            elif isinstance(join, Window | ArgMax | Embedding):
                self._of_one(name, join)
            elif isinstance(join, ElementWise):
                (source,) = join.inputs
                join.check(name, self.formats[source], self._given(name, join))
                self.sizes[name], self.formats[name] = self.sizes[source], self._given(name, join)
            elif join.over_time:
                (source,) = join.inputs
                self.sizes[name] = self.sizes[source]
                self.formats[name] = join.format_behind(name, self.formats[source])
            else:
                self._join(name, join, self._given(name, join))

    def _layer(self, name: str) -> None:
        layer, (source,) = self.layers[number_of(name)], self.graph.operands[name]
        for what, given, wanted in (
            ("elements", self.sizes[source], layer.cell.inputs),
            ("format", self.formats[source], layer.formats.input),
        ):
            if given != wanted:
                raise DesignError(
                    f"graph: {source} has {what} {given}, but {name} takes {wanted}; make them equal"
                )
        self.sizes[name], self.formats[name] = layer.cell.outputs, layer.formats.output

    def _given(self, name: str, join: Join) -> Format:
        if join.format is None:
            raise DesignError(f"graph {name}: has no format; give it one")
        return join.format

    def _of_one(self, name: str, join: Window | ArgMax | Embedding) -> None:
        """A join of one signal, whose elements it knows; the format of a window is that of its signal."""
        (source,) = join.inputs
        own = self._given(name, join)
        pairs: list[tuple[str, object, object]] = [("elements", self.sizes[source], join.size)]
        if isinstance(join, Window):
            pairs.append(("format", self.formats[source], own))
        for what, given, wanted in pairs:
            if given != wanted:
                raise DesignError(
                    f"graph: {source} has {what} {given}, but the {join.kind} {name} takes {wanted}; make them equal"
                )
        self.sizes[name], self.formats[name] = join.size_of([join.size]), own

    def _join(self, name: str, join: Join, fmt: Format) -> None:
        sizes = [self.sizes[operand] for operand in join.inputs]
        self.formats[name] = fmt
        if join.kind == CONCATENATION:
            self.sizes[name] = sum(sizes)
            for operand in join.inputs:
                self._check_shift(name, self.formats[operand])
            return
        if len(set(sizes)) > 1:
            raise DesignError(
                f"graph {name}: {'multiplies' if join.kind == PRODUCT else 'adds'} {', '.join(map(str, sizes))} elements ({', '.join(join.inputs)}); must "
                "be signals of equal size"
            )
        self.sizes[name] = sizes[0]
        total = self.sum_of(name)
        if total.word > MAX_WORD:
            raise DesignError(
                f"graph {name}: the exact {'product' if join.kind == PRODUCT else 'sum'} needs {total.word} bits, must be at most {MAX_WORD}; choose formats of "
                "its operands that are closer to each other"
            )
        self._check_shift(name, Format(total.word, total.frac))

    def _check_shift(self, name: str, source: Format) -> None:
        """DesignError where numbers of a format, aligned to that of the join, are too wide."""
        word = source.word + max(self.formats[name].frac - source.frac, 0)
        if word > MAX_WORD:
            raise DesignError(
                f"graph {name}: its format {self.formats[name]} is so fine that {source} needs {word} bits in it, must "
                f"be at most {MAX_WORD}; choose one with fewer fraction bits"
            )

    def sum_of(self, name: str) -> ExactSum:
        """The exact sum of an addition, or product."""
        formats = [self.formats[operand] for operand in self.graph.operands[name]]
        join = self.graph.join_of(name)
        if join is not None and join.kind == PRODUCT:
            return ExactSum(2 * max(fmt.word for fmt in formats), sum(fmt.frac for fmt in formats))
        frac = max(fmt.frac for fmt in formats)
        low = sum(fmt.minimum << (frac - fmt.frac) for fmt in formats)
        return ExactSum((-low - 1).bit_length() + 1, frac)
