"""What a core is made of but for its weights: enough for its cycles, its resources and its netlist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ernn_myhdl.design.cells.base import Cell
from ernn_myhdl.design.graph import INPUT, Graph, Signals
from ernn_myhdl.design.hardware import Hardware, StreamShape
from ernn_myhdl.design.tensor_formats import Activations, Formats
from ernn_myhdl.design.widths import check_widths
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import MAX_WORD, Format
from ernn_myhdl.numerics.transform import spectral_products, width_for


@dataclass(frozen=True)
class Arithmetic:
    """What a layer computes in which numbers, whatever its hardware and its weights."""

    cell: Cell
    formats: Formats
    activations: Activations

    @property
    def accumulator_word(self) -> int:
        """Bits of a lane's accumulator: no set of weights in these formats can overflow it."""
        f = self.formats
        terms = self.cell.most_columns
        sums = 2 if self.cell.tile > 2 else 0  # c + d and a + b: a bit more each, not both at once
        product = 1 << (f.weight_word - 1 + f.spectrum_word - 1 + (1 if sums else 0))
        return width_for(terms * product)


@lru_cache(maxsize=1 << 10)
def check_arithmetic(arithmetic: Arithmetic) -> None:
    """Raise DesignError where the formats do not fit the cell, or a result is too wide."""
    f = arithmetic.formats
    f.check(arithmetic.cell)
    word = arithmetic.accumulator_word
    if word > MAX_WORD:
        raise DesignError(
            f"formats input_weight {f.weight_word} bits x spectrum {f.spectrum_word} bits: the "
            f"accumulator would need {word} bits, must be at most {MAX_WORD}; choose shorter words"
        )
    check_widths(arithmetic)


class CoreStructure:
    """What the structure of a core of one layer (`Structure`) and of several share; no weights."""

    #: How the signals of several layers go; None: from each to the next, as in a core of one.
    graph: Graph | None = None

    if TYPE_CHECKING:  # fields of designs and networks

        @property
        def name(self) -> str:
            """Of the top entity."""

        @property
        def layers(self) -> tuple[Structure, ...]:
            """The structures of the layers."""

    @cached_property
    def signals(self) -> Signals | None:
        """Sizes and formats of the signals of the graph; None without one."""
        return None if self.graph is None else Signals(self.graph, self.layers)

    @property
    def inputs(self) -> int:
        """Elements of x."""
        return self.signals.sizes[INPUT] if self.signals else self.layers[0].cell.inputs

    @property
    def outputs(self) -> int:
        """Elements of y."""
        if self.graph and self.signals:
            return self.signals.sizes[self.graph.output]
        return self.layers[-1].cell.outputs

    @property
    def input_stage(self) -> str:
        """Name of the stage that x is: of the first layer that takes it."""
        if self.graph is None:
            return f"{self.layer_prefixes[0]}input"
        first = self.graph.first_taker
        return f"{first}.{'output' if self.graph.sized_of(first) else 'input'}"

    @property
    def output_stage(self) -> str:
        """Name of the stage that y is."""
        if self.graph is None:
            return f"{self.layer_prefixes[-1]}output"
        return f"{self.graph.output}.output"

    @property
    def layer_prefixes(self) -> tuple[str, ...]:
        """What the names of the stages and nets of each layer begin with; nothing in a core of one."""
        if isinstance(self, Structure):
            return ("",)
        return tuple(f"layer_{i}." for i in range(len(self.layers)))

    @property
    def input_format(self) -> Format:
        return self.signals.formats[INPUT] if self.signals else self.layers[0].formats.input

    @property
    def output_format(self) -> Format:
        if self.graph and self.signals:
            return self.signals.formats[self.graph.output]
        return self.layers[-1].formats.output

    @property
    def stream_shape(self) -> StreamShape:
        hw = self.layers[0].hardware
        return StreamShape(
            hw.samples_per_beat, hw.sample_bits, hw.streams, hw.initial_states, hw.sequence_ends
        )

    @property
    def inner_shape(self) -> StreamShape:
        """The beats of the streams between the layers, which tell the bank of weights of a frame where there are two."""
        return replace(self.stream_shape, weight_banks=self.layers[0].hardware.weight_banks)

    @property
    def takes_numbers(self) -> bool:
        """Whether x is the number of a row of an embedding."""
        return self.graph is not None and self.graph.embedding is not None

    def check_numbers(self, x: np.ndarray, what: str = "input sequence") -> None:
        """DesignError where x (frames, 1) goes to an embedding and holds what is the number of no row. what: names x."""
        embedding = None if self.graph is None else self.graph.embedding
        if embedding is not None:
            embedding.numbers(np.asarray(x), what)

    def frames_of(self, signal: str, length: int) -> int:
        """Frames of a signal or of a stage (`layer_0`, `join_1.output`) in a sequence of `length` frames of x."""
        if self.graph is None:
            return length
        name = signal.partition(".")[0]
        frames = self.graph.frames[name]
        return self.graph.cadences[name].frames(length) if frames is None else frames

    def output_lengths(self, lengths: Sequence[int]) -> list[int]:
        """Frames of y of sequences of these frames of x."""
        graph = self.graph
        return [n if graph is None else self.frames_of(graph.output, n) for n in lengths]

    def frames_behind(self, lengths: Sequence[int]) -> np.ndarray:
        """For each frame of y of sequences of these frames of x the frames of its sequence, as host steps take them."""
        return np.repeat(np.array(lengths), self.output_lengths(lengths))


@dataclass(frozen=True)
class Structure(CoreStructure):
    """A layer without its weights.

    Raises DesignError where anything is illegal or does not fit together. `Design` is a structure with
    weights; what needs none takes a structure.
    """

    cell: Cell
    hardware: Hardware
    formats: Formats
    activations: Activations

    def __post_init__(self) -> None:
        check_arithmetic(self.arithmetic)
        self.hardware.check(self.cell, self.formats)

    @property
    def name(self) -> str:
        """Of the top entity, where nothing names it."""
        return "structure"

    @property
    def layers(self) -> tuple[Structure, ...]:
        """The structure itself: a core of one layer."""
        return (self,)

    @cached_property
    def arithmetic(self) -> Arithmetic:
        """The structure without its hardware."""
        return Arithmetic(self.cell, self.formats, self.activations)

    # sizes of the datapath

    @property
    def lane_products(self) -> int:
        """Multipliers of a lane: 2 for the real bins and 3 for each complex one."""
        return spectral_products(self.cell.tile)

    @property
    def accumulator_word(self) -> int:
        """Bits of a lane's accumulator: no set of weights in these formats can overflow it."""
        return self.arithmetic.accumulator_word

    @property
    def loads_states(self) -> bool:
        """Whether the layer has a state and its core loads initial ones."""
        return self.hardware.initial_states and self.cell.has_state
