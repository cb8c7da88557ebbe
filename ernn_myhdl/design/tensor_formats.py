"""The numbers of a design: fixed-point formats of its tensors, segments of its activations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

from ernn_myhdl.design.cells.base import Cell
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.whole_numbers import power_of_two, whole

#: Largest word of a tensor: its limits are literals in the converted HDL, which are 32-bit integers.
MAX_TENSOR_WORD = 31


@dataclass(frozen=True, kw_only=True)
class Formats:
    """Fixed-point format of every named tensor; see docs/number-formats.md.

    Those that the cell does not have (`Cell.format_names`) are None.

    Parameters
    ----------
    input, input_spectrum, input_weight : Format
        Of x, of its transform, and of the spectra of the matrices of x.
    output, output_spectrum : Format, Format or None
        Of y and of its transform.
    recurrent_weight, projection_weight, peephole : Format or None
        Of spectra of the matrices of the previous y and of the projection, and of peepholes.
    block_spectrum, preactivation : Format
        Of rounded accumulators before the inverse transform, and of gate sums and biases.
    gate, cell_state : Format or None
        Of results of the activations; of c of an LSTM, h of a GRU.
    cell_output, cell_output_spectrum : Format or None
        Of what the first phase's element-wise unit gives, and of its transform: o tanh(c) of an LSTM, r . h' of a GRU
        with reset before. In an LSTM without a projection it is `output` too, with one format.

    Raises
    ------
    DesignError
        By `check` and by `Design`, where the formats do not fit the cell or each other.
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
    """Segments of the piecewise linear functions.

    Parameters
    ----------
    sigmoid_segments, tanh_segments : int
        Powers of two. More of them are more accurate, and larger tables.

    Raises
    ------
    DesignError
        Where a number is no power of two, or too large.
    """

    sigmoid_segments: int
    tanh_segments: int

    def __post_init__(self) -> None:
        for f in fields(self):
            power_of_two(f"activation {f.name}", getattr(self, f.name))
            whole(f"activation {f.name}", getattr(self, f.name), 2, 4096)

    @property
    def segments(self) -> dict[str, int]:
        """Segments of each function."""
        return {"sigmoid": self.sigmoid_segments, "tanh": self.tanh_segments}
