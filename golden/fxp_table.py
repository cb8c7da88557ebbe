"""A piecewise linear table evaluated with fxpmath."""

from __future__ import annotations

from fxpmath import Fxp

from ernn_myhdl.golden.fxp_arithmetic import moved, number, requantised, saturated
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.pwl import PwlTable
from ernn_myhdl.numerics.transform import width_for


class FxpTable:
    """y = base[n] + slope[n] * d, rounded half up and saturated; see `ernn_myhdl.numerics.pwl`.

    The fraction bits of the constants follow from the table's shifts: the exact result has
    `output.frac + shift`, of which the slope leaves `input.frac` to the offset d and the base
    leaves out `base_shift`.
    """

    def __init__(self, table: PwlTable) -> None:
        self.table = table
        frac = table.output.frac + table.shift
        self._clamped = Format(table.clamp.bit_length(), table.input.frac)
        self._left = number(table.clamp, Format(self._clamped.word + 1, self._clamped.frac))
        self._base = self._constants(table.base, frac - table.base_shift)
        self._slope = self._constants(table.slope, frac - table.input.frac)

    @staticmethod
    def _constants(raw: tuple[int, ...], frac: int) -> Fxp:
        return number(raw, Format(width_for(max(abs(v) for v in raw)), frac))

    def evaluate(self, x: Fxp) -> Fxp:
        """The function of x (any shape) in the table's input format, in its output format."""
        clamped, _ = saturated(x, self._clamped)
        position = clamped + self._left  # 0 .. 2 clamp - 1
        # the upper bits of its word are the segment, the lower ones the offset
        segment = position.val >> self.table.offset_bits
        offset = moved(position, position.val & ((1 << self.table.offset_bits) - 1))
        base, slope = (moved(c, c.val[segment]) for c in (self._base, self._slope))
        return requantised(slope * offset + base, self.table.output)[0]
