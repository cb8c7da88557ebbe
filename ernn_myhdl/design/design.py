"""The specification of one core: cell, hardware parameters, formats and weights.

`Design` is the narrow waist of the project: importers and generators make one, and every engine,
back end and report derives what it needs from it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.read_only import ReadOnlyArrays
from ernn_myhdl.design.widths import check_widths
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import MAX_WORD, Format
from ernn_myhdl.numerics.transform import spectral_products, width_for

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Unpack

    from ernn_myhdl.design.source_model import SourceModel
    from ernn_myhdl.runs.run import Run

SAMPLE_BITS = (8, 16, 32)
MAX_TDATA = 512
MAX_STREAMS = 64
#: More would not make a core faster: a frame waits for the lanes, not for pages.
MAX_FRAMES_IN_FLIGHT = 16
#: Largest word of a tensor: its limits are literals in the converted HDL, which are 32-bit integers.
MAX_TENSOR_WORD = 31


def _whole(where: str, name: str, value: object, least: int, most: int = 1 << 20) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DesignError(f"{where} {name} = {value!r}: must be a whole number")
    if not least <= value <= most:
        raise DesignError(f"{where} {name} = {value}: must be {least} to {most}")


def _power_of_two(where: str, name: str, value: int) -> None:
    _whole(where, name, value, 1)
    if value & (value - 1):
        raise DesignError(f"{where} {name} = {value}: must be a power of two")


@dataclass(frozen=True, kw_only=True)
class Formats:
    """Fixed-point format of every named tensor; see docs/number-formats.md.

    Those that the cell does not have (`Cell.format_names`) are None. `cell_output` is what the first
    phase's element-wise unit gives: o tanh(c) of an LSTM, r . h' of a GRU with reset before. In an LSTM
    without a projection it is `output` too, with one format.
    """

    input: Format
    input_spectrum: Format
    input_weight: Format
    recurrent_weight: Format | None = None
    output: Format
    output_spectrum: Format | None = None
    block_spectrum: Format
    preactivation: Format
    gate: Format | None = None
    cell_state: Format | None = None
    cell_output: Format | None = None
    projection_weight: Format | None = None
    cell_output_spectrum: Format | None = None
    peephole: Format | None = None

    @property
    def accumulator_frac(self) -> int:
        """Fraction bits of every accumulator: weight spectrum plus signal spectrum."""
        return self.input_weight.frac + self.input_spectrum.frac

    @property
    def spectrum_word(self) -> int:
        """Bits of the spectrum bus: the widest signal spectrum."""
        spectra = (self.input_spectrum, self.output_spectrum, self.cell_output_spectrum)
        return max(s.word for s in spectra if s is not None)

    @property
    def weight_word(self) -> int:
        """Bits of a stored spectral weight: the widest matrix."""
        matrices = (self.input_weight, self.recurrent_weight, self.projection_weight)
        return max(m.word for m in matrices if m is not None)

    @cached_property
    def given(self) -> GivenFormats:
        """The formats that there are, for code that knows which ones its cell has."""
        return GivenFormats(self)

    def check(self, cell: Cell) -> None:
        """Raise DesignError where the formats do not fit together or do not fit the cell."""
        needed = cell.format_names
        for f in fields(self):
            fmt = getattr(self, f.name)
            if (f.name in needed) != (fmt is not None):
                what = "missing" if f.name in needed else "not used by this cell, remove it"
                raise DesignError(f"formats {f.name}: {what}")
            if fmt is not None and fmt.word > MAX_TENSOR_WORD:
                raise DesignError(
                    f"formats {f.name} word = {fmt.word}: must be 2 to {MAX_TENSOR_WORD} bits"
                )
        if "cell_output" in needed and not cell.second_phase and self.cell_output != self.output:
            raise DesignError(
                f"formats cell_output {self.cell_output} and output {self.output}: must be equal "
                "without a projection"
            )
        pairs = [("recurrent_weight", "output_spectrum")] if cell.recurrent else []
        if cell.second_phase:
            weight = "projection_weight" if cell.projection else "recurrent_weight"
            pairs.append((weight, "cell_output_spectrum"))
        for weight, spectrum in pairs:
            frac = getattr(self, weight).frac + getattr(self, spectrum).frac
            if frac != self.accumulator_frac:
                raise DesignError(
                    f"formats {weight} and {spectrum}: their fraction bits add up to {frac}, must "
                    f"be {self.accumulator_frac} like input_weight and input_spectrum, since all "
                    "share the accumulators"
                )


class GivenFormats:
    """The `Formats` of a cell without those that are None; AttributeError for one of these."""

    input: Format
    input_spectrum: Format
    input_weight: Format
    recurrent_weight: Format
    output: Format
    output_spectrum: Format
    block_spectrum: Format
    preactivation: Format
    gate: Format
    cell_state: Format
    cell_output: Format
    projection_weight: Format
    cell_output_spectrum: Format
    peephole: Format

    def __init__(self, formats: Formats) -> None:
        self.accumulator_frac = formats.accumulator_frac
        self.spectrum_word, self.weight_word = formats.spectrum_word, formats.weight_word
        for f in fields(formats):
            fmt = getattr(formats, f.name)
            if fmt is not None:
                setattr(self, f.name, fmt)


@dataclass(frozen=True)
class Activations:
    """Segments of the piecewise linear functions, powers of two."""

    sigmoid_segments: int
    tanh_segments: int

    def __post_init__(self) -> None:
        for f in fields(self):
            _power_of_two("activation", f.name, getattr(self, f.name))
            _whole("activation", f.name, getattr(self, f.name), 2, 4096)


@dataclass(frozen=True)
class Hardware:
    """Parallelism and streams.

    lanes (L): spectral multiply-accumulate lanes, one circulant block a cycle each.
    ifft_units (U): block rows drained and transformed a cycle; divides lanes, at most the rows of
    E blocks of cells (4 E in an LSTM; `Cell.rows`).
    element_width (E): blocks of k cells that the element-wise unit takes a cycle.
    samples_per_beat (S): samples in one AXI-Stream beat; a power of two.
    sample_bits: bits of one sample in tdata, 8, 16 or 32.
    streams: independent sequences that the core holds at a time, a power of two; with more than one,
    tid on the AXI-Streams names the stream of a frame.
    initial_states: sequences may start from states that the stream s_state brings.
    """

    lanes: int
    ifft_units: int = 1
    element_width: int = 1
    samples_per_beat: int = 8
    sample_bits: int = 16
    streams: int = 1
    initial_states: bool = False

    def __post_init__(self) -> None:
        _whole("hardware", "lanes", self.lanes, 1, 65536)
        _power_of_two("hardware", "ifft_units", self.ifft_units)
        _power_of_two("hardware", "element_width", self.element_width)
        _power_of_two("hardware", "samples_per_beat", self.samples_per_beat)
        _power_of_two("hardware", "streams", self.streams)
        _whole("hardware", "streams", self.streams, 1, MAX_STREAMS)
        if isinstance(self.sample_bits, bool) or self.sample_bits not in SAMPLE_BITS:
            raise DesignError(f"hardware sample_bits = {self.sample_bits!r}: must be 8, 16 or 32")
        if not isinstance(self.initial_states, bool):
            raise DesignError(
                f"hardware initial_states = {self.initial_states!r}: must be true or false"
            )

    @property
    def frames_in_flight(self) -> int:
        """Frames between their first product and their last beat of y: pages of the output store."""
        return min(max(self.streams, 2), MAX_FRAMES_IN_FLIGHT)

    def check(self, cell: Cell, formats: Formats) -> None:
        """Raise DesignError where the parameters do not fit the cell or each other."""
        each = len(cell.rows)
        rows = each * cell.hidden_blocks
        if self.lanes > rows:
            raise DesignError(
                f"hardware lanes = {self.lanes}: must be at most {rows}, the block rows of the "
                f"first matrix phase ({each} x {cell.hidden_blocks})"
            )
        if self.lanes % self.ifft_units:
            raise DesignError(
                f"hardware ifft_units = {self.ifft_units}: must divide lanes = {self.lanes}"
            )
        if self.ifft_units > each * self.element_width:
            raise DesignError(
                f"hardware ifft_units = {self.ifft_units}: must be at most {each} x element_width = "
                f"{each * self.element_width}, more could not be consumed"
            )
        if self.element_width >= 2 * cell.hidden_blocks:
            raise DesignError(
                f"hardware element_width = {self.element_width}: there are only "
                f"{cell.hidden_blocks} blocks of cells; choose a smaller one"
            )
        if self.samples_per_beat * self.sample_bits > MAX_TDATA:
            raise DesignError(
                f"hardware samples_per_beat = {self.samples_per_beat} of {self.sample_bits} bits: "
                f"tdata must be at most {MAX_TDATA} bits"
            )
        on_streams = ["input", "output"]
        if self.initial_states and cell.recurrent:
            on_streams.append("cell_state")
        for name in on_streams:
            word = getattr(formats, name).word
            if word > self.sample_bits:
                raise DesignError(
                    f"hardware sample_bits = {self.sample_bits}: must be at least the {word} bits "
                    f"of the {name} format"
                )


class HardwareChanges(TypedDict, total=False):
    """Fields of `Hardware` with new values."""

    lanes: int
    ifft_units: int
    element_width: int
    samples_per_beat: int
    sample_bits: int
    streams: int
    initial_states: bool


@dataclass(frozen=True)
class StreamShape:
    """Beats of the AXI-Streams of a core; see `Hardware`."""

    samples_per_beat: int
    sample_bits: int
    streams: int
    initial_states: bool = False

    @property
    def data_bits(self) -> int:
        """Bits of tdata."""
        return self.samples_per_beat * self.sample_bits

    def __str__(self) -> str:
        text = f"{self.samples_per_beat} x {self.sample_bits} bits, {self.streams} streams"
        return f"{text}, initial states" if self.initial_states else text


def check_identifier(name: object) -> None:
    """DesignError unless `name` can name the top entity."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z](_?[a-z0-9])*", name):
        raise DesignError(
            f"name = {name!r}: must be an identifier of VHDL: small letters, digits and single "
            "underscores between them, a letter first"
        )


class CoreSpecification:
    """What the specification of a core of one layer (`Design`) and of several (`Network`) share."""

    name: str
    source: SourceModel | None

    if TYPE_CHECKING:  # a field of a network

        @property
        def layers(self) -> tuple[Design, ...]:
            """The designs of the layers."""

        @property
        def digest(self) -> str:
            """SHA-256 over all that the core is made of, as hexadecimal digits."""

    @property
    def inputs(self) -> int:
        """Elements of x."""
        return self.layers[0].cell.inputs

    @property
    def outputs(self) -> int:
        """Elements of y."""
        return self.layers[-1].cell.outputs

    @property
    def layer_prefixes(self) -> tuple[str, ...]:
        """What the names of the stages and nets of each layer begin with; nothing in a core of one."""
        if isinstance(self, Design):
            return ("",)
        return tuple(f"layer_{i}." for i in range(len(self.layers)))

    @property
    def input_format(self) -> Format:
        return self.layers[0].formats.input

    @property
    def output_format(self) -> Format:
        return self.layers[-1].formats.output

    @property
    def host_scaling(self) -> InputScaling | None:
        """What the host does to x before it is rounded to `input_format`; None: nothing."""
        return self.layers[0].input_scaling

    @property
    def stream_shape(self) -> StreamShape:
        hw = self.layers[0].hardware
        return StreamShape(hw.samples_per_beat, hw.sample_bits, hw.streams, hw.initial_states)

    def run(self, x: Any, engine: str = "golden", **options: Any) -> Run:
        """Run x (frames, inputs), or a list of sequences, on an engine: `ernn_myhdl.runs.run.run_design`."""
        from ernn_myhdl.runs.run import run_design

        return run_design(self, x, engine, **options)

    def convert(
        self, folder: str | Path, hdl: str = "vhdl", force: bool = False, name: str | None = None
    ) -> dict[str, Any]:
        """Write the core as VHDL or Verilog into a new folder: `ernn_myhdl.convert.convert`."""
        from ernn_myhdl.convert import convert

        return convert(self, folder, hdl=hdl, force=force, name=name)


@dataclass(frozen=True)
class Design(CoreSpecification):
    """A layer, complete: everything that models, hardware and reports derive from.

    weights: float arrays named and shaped by `Cell.weight_shapes`; the design keeps read-only copies.
    input_scaling: what the host does to x before it is rounded, for which the weights are made; None:
    nothing. source: the model that it was made of, where that is known; no part of the core, of the digest or of
    comparisons. Two designs are equal when all other fields are, the weights included.
    Raises DesignError where anything is illegal or does not fit together.
    """

    cell: Cell
    hardware: Hardware
    formats: Formats
    activations: Activations
    weights: dict[str, np.ndarray] = field(repr=False, compare=False)
    name: str = "ernn"
    input_scaling: InputScaling | None = None
    source: SourceModel | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_identifier(self.name)
        if self.input_scaling is not None:
            self.input_scaling.check(self.cell.inputs)
        self.formats.check(self.cell)
        self.hardware.check(self.cell, self.formats)
        self._check_weights()
        object.__setattr__(self, "weights", ReadOnlyArrays(self.weights))
        if self.accumulator_word > MAX_WORD:
            raise DesignError(
                f"formats input_weight {self.formats.weight_word} bits x spectrum "
                f"{self.formats.spectrum_word} bits: the accumulator would need "
                f"{self.accumulator_word} bits, must be at most {MAX_WORD}; choose shorter words"
            )
        check_widths(self)

    def _check_weights(self) -> None:
        shapes = self.cell.weight_shapes
        if set(self.weights) != set(shapes):
            missing = sorted(set(shapes) - set(self.weights))
            extra = sorted(set(self.weights) - set(shapes))
            raise DesignError(
                f"weights: missing {missing or 'none'}, not known {extra or 'none'}; "
                f"the cell needs {sorted(shapes)}"
            )
        for name, shape in shapes.items():
            array = self.weights[name]
            if tuple(array.shape) != shape:
                raise DesignError(
                    f"weights {name}: shape {tuple(array.shape)}, must be {shape} for this cell"
                )
            if array.dtype.kind != "f":
                raise DesignError(f"weights {name}: type {array.dtype}, must be floating point")
            if not np.all(np.isfinite(array)):
                raise DesignError(f"weights {name}: holds NaN or infinity")

    @property
    def layers(self) -> tuple[Design, ...]:
        """The design itself: a core of one layer."""
        return (self,)

    # sizes of the datapath that follow from the specification

    @property
    def lane_products(self) -> int:
        """Multipliers of a lane: 2 for the real bins and 3 for each complex one."""
        return spectral_products(self.cell.tile)

    @property
    def accumulator_word(self) -> int:
        """Bits of a lane's accumulator: no set of weights in these formats can overflow it."""
        f = self.formats
        terms = self.cell.most_columns
        sums = 2 if self.cell.tile > 2 else 0  # c + d and a + b: a bit more each, not both at once
        product = 1 << (f.weight_word - 1 + f.spectrum_word - 1 + (1 if sums else 0))
        return width_for(terms * product)

    @property
    def loads_states(self) -> bool:
        """Whether the layer has a state and its core loads initial ones."""
        return self.hardware.initial_states and self.cell.recurrent

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the specification and the weights, as hexadecimal digits."""
        state = hashlib.sha256(
            repr((self.cell, self.hardware, self.formats, self.activations)).encode()
        )
        if self.input_scaling is not None:  # without one as it always was
            state.update(repr(self.input_scaling).encode())
        for name in sorted(self.weights):
            state.update(name.encode())
            state.update(np.ascontiguousarray(self.weights[name], dtype="<f8").tobytes())
        return state.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Design):
            return NotImplemented
        same = all(
            getattr(self, f.name) == getattr(other, f.name) for f in fields(self) if f.compare
        )
        return same and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def with_hardware(self, **changes: Unpack[HardwareChanges]) -> Design:
        """The same layer on other hardware."""
        return replace(self, hardware=replace(self.hardware, **changes))
