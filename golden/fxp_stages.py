"""What the frames of a fxpmath model are made of: constants, products, rounding points, words moved."""

from __future__ import annotations

import numpy as np
from fxpmath import Fxp
from fxpmath import functions as fxp

from ernn_myhdl.design.design import Design
from ernn_myhdl.design.quantise import quantised_weights
from ernn_myhdl.design.tables import tables
from ernn_myhdl.golden.fxp_arithmetic import exact, moved, number, quantised, requantised, saturated
from ernn_myhdl.golden.fxp_table import FxpTable
from ernn_myhdl.golden.fxp_transform import forward_transform, inverse_transform
from ernn_myhdl.golden.sequences import check_raw
from ernn_myhdl.golden.tensors import (
    counter,
    layer_elements,
    masked_names,
    saturating_names,
    tensor_formats,
    tensor_shapes,
)
from ernn_myhdl.numerics.formats import Format


class FxpStages:
    """The stages of one design. Tensors are named as in docs/number-formats.md.

    weights: constants by name; rows of a first axis are taken with `rows`. tables: the activations.
    saturations: tensor -> saturated elements since the last `clear`.
    """

    def __init__(self, design: Design) -> None:
        self.cell = cell = design.cell
        self.formats, self.shapes = tensor_formats(design), tensor_shapes(cell)
        self.weights = {
            name: number(cell.whole_matrix(name, raw), _constant_format(design, name))
            for name, raw in quantised_weights(design).items()
        }
        self.tables = {name: FxpTable(t) for name, t in tables(design).items()}
        self._counted = {n: layer_elements(cell, n) for n in saturating_names(cell)}
        self._masks = {n: layer_elements(cell, n) for n in masked_names(cell)}
        self.saturations: dict[str, int] = {}
        self.clear()

    def clear(self) -> None:
        """No saturations."""
        self.saturations = dict.fromkeys(self._counted, 0)

    # products with matrices

    def products(self, weights: Fxp, spectrum: Fxp) -> Fxp:
        """Sum over the block columns of weight spectrum times signal spectrum; exact.

        weights (..., q, k) with spectrum (q, k) or more blocks: (..., k). In a complex bin the weight
        c + i d times the signal a + i b is (a c - b d) + i (a d + b c).
        """
        k = spectrum.val.shape[-1]
        spectrum = chosen(spectrum, slice(weights.val.shape[-2]))
        straight = self._column_sum(weights * spectrum)  # DC, Nyquist, a c, b d, ...
        raw = straight.val.copy()
        if k > 2:
            swap = [word ^ 1 if word > 1 else word for word in range(k)]
            swapped = moved(spectrum, spectrum.val[:, swap])
            crossed = self._column_sum(weights * swapped)  # ..., b c, a d
            ac, bd = _part(straight, 2), _part(straight, 3)
            bc, ad = _part(crossed, 2), _part(crossed, 3)
            raw[..., 2::2] = (ac - bd).val
            raw[..., 3::2] = (ad + bc).val
        return number(raw, self.formats["accumulators"])

    def _column_sum(self, products: Fxp) -> Fxp:
        """Sum over the last axis but one, in the accumulator format."""
        total = number(0, self.formats["accumulators"])
        fxp.sum(products, axis=-2, out=total)
        return exact(total)

    def added(self, x: Fxp, y: Fxp) -> Fxp:
        """The sum of two accumulators."""
        return number((x + y).val, self.formats["accumulators"])

    # rounding points, each with its count of saturated elements; row: of the tensor's leading axis

    def rounded(self, name: str, x: Fxp) -> Fxp:
        """x rounded and saturated to tensor `name`."""
        return self._count(name, *requantised(x, self.formats[name]))

    def saturated(self, name: str, x: Fxp, row: int) -> Fxp:
        """x, which has the fraction of tensor `name`, saturated to one row of it."""
        return self._count(name, *saturated(x, self.formats[name]), row)

    def forward(self, name: str, x: Fxp) -> Fxp:
        """Spectrum `name` of the signal x, cut into the blocks of the spectrum."""
        x = moved(x, x.val.reshape(self.shapes[name]))
        return self._count(name, *forward_transform(x, self.formats[name]))

    def inverse(self, name: str, x: Fxp) -> Fxp:
        """Signal `name` of the spectrum x."""
        signal, overflow = inverse_transform(x, self.formats[name])
        shape = self.shapes[name]
        return self._count(name, moved(signal, signal.val.reshape(shape)), overflow.reshape(shape))

    def spectra(self, name: str, accumulators: Fxp) -> Fxp:
        """Accumulators rounded to spectra `name`."""
        return self.rounded(name, accumulators)

    def total(self, name: str, x: Fxp, y: Fxp) -> Fxp:
        """The sum of two signals of tensor `name`, saturated to it."""
        return self._count(name, *saturated(x + y, self.formats[name]))

    def given(self, name: str, values: np.ndarray, what: str) -> Fxp:
        """Values (floating point) or raw words (elements,) as tensor `name`, zero-padded.

        what: names them in a DesignError.
        """
        fmt, shape = self.formats[name], self.shapes[name]
        padded = np.pad(values, (0, shape[0] * shape[1] - len(values))).reshape(shape)
        if padded.dtype.kind == "f":
            return self._count(counter(self.cell, name), *quantised(padded, fmt))
        check_raw(values, fmt, what)
        return number(padded, fmt)

    def _count(self, name: str, x: Fxp, overflow: np.ndarray, row: int | None = None) -> Fxp:
        counted = self._counted[name] if row is None else self._counted[name][row]
        self.saturations[name] += int(np.count_nonzero(overflow & counted))
        return x

    # movement of words

    def zero(self, name: str) -> Fxp:
        """Tensor `name` filled with zeros."""
        return number(np.zeros(self.shapes[name], dtype=np.int64), self.formats[name])

    def masked(self, name: str, x: Fxp) -> Fxp:
        """x with the padding of tensor `name` made zero."""
        return number(np.where(self._masks[name], x.val, 0), self.formats[name])

    def stacked(self, name: str, rows: list[Fxp]) -> Fxp:
        """Tensor `name` of its rows."""
        return number(np.stack([row.val for row in rows]), self.formats[name])

    def placed(self, name: str, x: Fxp, rows: list[int]) -> Fxp:
        """Tensor `name` with x (len(rows), ...) in these rows and zeros in the others."""
        raw = np.zeros(self.shapes[name], dtype=np.int64)
        raw[rows] = x.val
        return number(raw, self.formats[name])


def rows(x: Fxp) -> list[Fxp]:
    """Each element of the leading axis."""
    return [moved(x, part) for part in x.val]


def chosen(x: Fxp, index: list[int] | slice) -> Fxp:
    """Some elements of the leading axis."""
    return moved(x, x.val[index])


def _part(x: Fxp, first: int) -> Fxp:
    return moved(x, x.val[..., first::2])


def _constant_format(design: Design, name: str) -> Format:
    formats = design.formats.given
    fmt: Format = getattr(formats, "preactivation" if name.endswith("bias") else name)
    return fmt
