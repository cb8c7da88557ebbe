"""The specification of one core: cell, hardware parameters, formats and weights.

`Design` is the narrow waist of the project: importers and generators make one, and every engine,
back end and report derives what it needs from it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np

from ernn_myhdl.circulant import blocks_for
from ernn_myhdl.errors import DesignError
from ernn_myhdl.formats import MAX_WORD, Format
from ernn_myhdl.transform import spectral_products, width_for
from ernn_myhdl.widths import check_widths

GATES = ("input", "forget", "candidate", "output")
BLOCK_SIZES = (1, 2, 4, 8, 16, 32)
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


@dataclass(frozen=True)
class LstmCell:
    """An LSTM layer with block-circulant matrices.

    inputs, hidden: sizes; projection: size of the recurrent projection, 0 for none.
    block: size k of the circulant blocks, a power of two up to 32; 1 means dense.
    peepholes: diagonal connections from the cell state to the gates.
    g_activation: "tanh" or "sigmoid", the activation of the candidate.
    """

    inputs: int
    hidden: int
    projection: int = 0
    block: int = 8
    peepholes: bool = False
    g_activation: str = "tanh"

    def __post_init__(self) -> None:
        _whole("cell", "inputs", self.inputs, 1, 65536)
        _whole("cell", "hidden", self.hidden, 1, 65536)
        _whole("cell", "projection", self.projection, 0, 65536)
        if isinstance(self.block, bool) or self.block not in BLOCK_SIZES:
            raise DesignError(
                f"cell block = {self.block!r}: must be a power of two, one of "
                f"{', '.join(map(str, BLOCK_SIZES))}"
            )
        if not isinstance(self.peepholes, bool):
            raise DesignError(f"cell peepholes = {self.peepholes!r}: must be true or false")
        if self.g_activation not in ("tanh", "sigmoid"):
            raise DesignError(
                f"cell g_activation = {self.g_activation!r}: must be 'tanh' or 'sigmoid'"
            )

    @property
    def outputs(self) -> int:
        """Size of y: the projection, or the hidden size without one."""
        return self.projection or self.hidden

    @property
    def input_blocks(self) -> int:
        return blocks_for(self.inputs, self.block)

    @property
    def hidden_blocks(self) -> int:
        return blocks_for(self.hidden, self.block)

    @property
    def output_blocks(self) -> int:
        return blocks_for(self.outputs, self.block)

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight tensor; circulant blocks are stored as their first column.

        Gate order: input, forget, candidate (g), output. Peephole order: input, forget, output.
        """
        hb, k = self.hidden_blocks, self.block
        shapes: dict[str, tuple[int, ...]] = {
            "input_weight": (4, hb, self.input_blocks, k),
            "recurrent_weight": (4, hb, self.output_blocks, k),
            "bias": (4, self.hidden),
        }
        if self.projection:
            shapes["projection_weight"] = (self.output_blocks, hb, k)
        if self.peepholes:
            shapes["peephole"] = (3, self.hidden)
        return shapes

    @property
    def parameters(self) -> int:
        """Stored numbers, padding included."""
        return sum(int(np.prod(shape)) for shape in self.weight_shapes.values())

    @property
    def dense_parameters(self) -> int:
        """Numbers of the same layer with dense matrices and no padding."""
        count = 4 * self.hidden * (self.inputs + self.outputs + 1) + self.projection * self.hidden
        return count + (3 * self.hidden if self.peepholes else 0)


@dataclass(frozen=True)
class Formats:
    """Fixed-point format of every named tensor; see docs/number-formats.md.

    Without a projection, `cell_output` and `output` are one tensor and have one format, and the
    formats of the projection are None.
    """

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

    def check(self, cell: LstmCell) -> None:
        """Raise DesignError where the formats do not fit together or do not fit the cell."""
        for f in fields(self):
            fmt = getattr(self, f.name)
            if fmt is not None and fmt.word > MAX_TENSOR_WORD:
                raise DesignError(
                    f"formats {f.name} word = {fmt.word}: must be 2 to {MAX_TENSOR_WORD} bits"
                )
        for name, needed in (
            ("projection_weight", bool(cell.projection)),
            ("cell_output_spectrum", bool(cell.projection)),
            ("peephole", cell.peepholes),
        ):
            if needed != (getattr(self, name) is not None):
                raise DesignError(
                    f"formats {name}: {'missing' if needed else 'not used by this cell, remove it'}"
                )
        if not cell.projection and self.cell_output != self.output:
            raise DesignError(
                f"formats cell_output {self.cell_output} and output {self.output}: must be equal "
                "without a projection"
            )
        pairs = [("recurrent_weight", "output_spectrum")]
        if cell.projection:
            pairs.append(("projection_weight", "cell_output_spectrum"))
        for weight, spectrum in pairs:
            frac = getattr(self, weight).frac + getattr(self, spectrum).frac
            if frac != self.accumulator_frac:
                raise DesignError(
                    f"formats {weight} and {spectrum}: their fraction bits add up to {frac}, must "
                    f"be {self.accumulator_frac} like input_weight and input_spectrum, since all "
                    "share the accumulators"
                )


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
    ifft_units (U): block rows drained and transformed a cycle; divides lanes, at most 4 E.
    element_width (E): blocks of k cells that the element-wise unit takes a cycle.
    samples_per_beat (S): samples in one AXI-Stream beat; a power of two.
    sample_bits: bits of one sample in tdata, 8, 16 or 32.
    streams: independent sequences that the core holds at a time, a power of two; with more than one,
    tid on the AXI-Streams names the stream of a frame.
    """

    lanes: int
    ifft_units: int = 1
    element_width: int = 1
    samples_per_beat: int = 8
    sample_bits: int = 16
    streams: int = 1

    def __post_init__(self) -> None:
        _whole("hardware", "lanes", self.lanes, 1, 65536)
        _power_of_two("hardware", "ifft_units", self.ifft_units)
        _power_of_two("hardware", "element_width", self.element_width)
        _power_of_two("hardware", "samples_per_beat", self.samples_per_beat)
        _power_of_two("hardware", "streams", self.streams)
        _whole("hardware", "streams", self.streams, 1, MAX_STREAMS)
        if isinstance(self.sample_bits, bool) or self.sample_bits not in SAMPLE_BITS:
            raise DesignError(f"hardware sample_bits = {self.sample_bits!r}: must be 8, 16 or 32")

    @property
    def frames_in_flight(self) -> int:
        """Frames between their first product and their last beat of y: pages of the output store."""
        return min(max(self.streams, 2), MAX_FRAMES_IN_FLIGHT)

    def check(self, cell: LstmCell, formats: Formats) -> None:
        """Raise DesignError where the parameters do not fit the cell or each other."""
        rows = 4 * cell.hidden_blocks
        if self.lanes > rows:
            raise DesignError(
                f"hardware lanes = {self.lanes}: must be at most {rows}, the block rows of the "
                f"four gates (4 x {cell.hidden_blocks})"
            )
        if self.lanes % self.ifft_units:
            raise DesignError(
                f"hardware ifft_units = {self.ifft_units}: must divide lanes = {self.lanes}"
            )
        if self.ifft_units > 4 * self.element_width:
            raise DesignError(
                f"hardware ifft_units = {self.ifft_units}: must be at most 4 x element_width = "
                f"{4 * self.element_width}, more could not be consumed"
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
        for name in ("input", "output"):
            word = getattr(formats, name).word
            if word > self.sample_bits:
                raise DesignError(
                    f"hardware sample_bits = {self.sample_bits}: must be at least the {word} bits "
                    f"of the {name} format"
                )


@dataclass(frozen=True)
class Design:
    """One core, complete: everything that models, hardware and reports derive from.

    weights: float arrays named and shaped by `LstmCell.weight_shapes`.
    Raises DesignError where anything is illegal or does not fit together.
    """

    cell: LstmCell
    hardware: Hardware
    formats: Formats
    activations: Activations
    weights: dict[str, np.ndarray] = field(repr=False, compare=False)
    name: str = "ernn"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z](_?[a-z0-9])*", self.name):
            raise DesignError(
                f"name = {self.name!r}: must be small letters, digits and single underscores, "
                "beginning with a letter, since it names the VHDL entity"
            )
        self.formats.check(self.cell)
        self.hardware.check(self.cell, self.formats)
        self._check_weights()
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

    # sizes of the datapath that follow from the specification

    @property
    def lane_products(self) -> int:
        """Multipliers of a lane: 2 for the real bins and 3 for each complex one."""
        return spectral_products(self.cell.block)

    @property
    def gate_columns(self) -> int:
        """Block columns of the gate matrices: x and then y."""
        return self.cell.input_blocks + self.cell.output_blocks

    @property
    def accumulator_word(self) -> int:
        """Bits of a lane's accumulator: no set of weights in these formats can overflow it."""
        f = self.formats
        terms = max(self.gate_columns, self.cell.hidden_blocks if self.cell.projection else 0)
        sums = 2 if self.cell.block > 2 else 0  # c + d and a + b: a bit more each, not both at once
        product = 1 << (f.weight_word - 1 + f.spectrum_word - 1 + (1 if sums else 0))
        return width_for(terms * product)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the specification and the weights, as hexadecimal digits."""
        state = hashlib.sha256(
            repr((self.cell, self.hardware, self.formats, self.activations)).encode()
        )
        for name in sorted(self.weights):
            state.update(name.encode())
            state.update(np.ascontiguousarray(self.weights[name], dtype="<f8").tobytes())
        return state.hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def with_hardware(self, **changes: int) -> Design:
        """The same layer on other hardware."""
        return replace(self, hardware=replace(self.hardware, **changes))

    def run(self, x, engine: str = "golden", **options):
        """Run x (frames, inputs), or a list of sequences, on an engine: `ernn_myhdl.run.run_design`."""
        from ernn_myhdl.run import run_design

        return run_design(self, x, engine, **options)

    def convert(self, folder, hdl: str = "vhdl", force: bool = False):
        """Write the core as VHDL or Verilog into a new folder: `ernn_myhdl.convert.convert`."""
        from ernn_myhdl.convert import convert

        return convert(self, folder, hdl=hdl, force=force)
