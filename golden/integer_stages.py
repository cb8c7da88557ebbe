"""What the frames of the integer model are made of: constants, transforms, counted rounding points."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ernn_myhdl.design.design import Design
from ernn_myhdl.design.quantise import quantised_weights
from ernn_myhdl.design.tables import tables
from ernn_myhdl.golden.matrix_transform import EXACT, MatrixTransform
from ernn_myhdl.golden.sequences import check_raw
from ernn_myhdl.golden.spectral_matrix import SpectralMatrix
from ernn_myhdl.golden.tensors import (
    counter,
    layer_elements,
    masked_names,
    saturating_names,
    tensor_formats,
    tensor_shapes,
)
from ernn_myhdl.numerics.formats import MAX_WORD, Format, quantise, round_shift, saturate
from ernn_myhdl.numerics.pwl import PwlTable
from ernn_myhdl.numerics.transform import forward_graph, inverse_graph, working_frac

Tensors = dict[str, np.ndarray]
_least, _largest = np.minimum.reduce, np.maximum.reduce

#: Inputs of an activation up to this word have a look-up table in place of the evaluation.
LOOK_UP_BITS = 18


@lru_cache(maxsize=16)  # of up to 2 MiB
def _function(table: PwlTable) -> Callable[[np.ndarray], np.ndarray]:
    """The table's function on int64 arrays; from a look-up table over all codes if it is small."""
    fmt = table.input
    if fmt.word > LOOK_UP_BITS:
        return table.evaluate
    codes = np.arange(1 << fmt.word, dtype=np.int64)
    values = table.evaluate(np.where(codes > fmt.maximum, codes - len(codes), codes))
    return lambda raw: values[raw]  # a negative index counts from the end: two's complement


def _forward(points: int, source: Format, target: Format) -> MatrixTransform:
    """Forward transform from one format to another, before saturation."""
    inside = working_frac(points, source.frac, target.frac)
    limit = 1 << (source.word - 1)
    graph = forward_graph(points)
    return MatrixTransform(graph, points, limit, inside - source.frac, inside - target.frac)


class IntegerStages:
    """The constants of one design. Tensors are named as in docs/number-formats.md.

    constants: raw biases and peepholes (n, H, k). frac: tensor -> fraction bits. functions: the
    activations. forward: spectrum -> its transform. masks: tensor -> 0 for padding.
    """

    def __init__(self, design: Design) -> None:
        cell = design.cell
        self.design = design
        self.shapes, self.formats = tensor_shapes(cell), tensor_formats(design)
        self.limits = {n: (fmt.minimum, fmt.maximum) for n, fmt in self.formats.items()}
        self.frac = {name: fmt.frac for name, fmt in self.formats.items()}
        self.constants = quantised_weights(design)
        self.functions = {name: _function(t) for name, t in tables(design).items()}
        self.forward = {
            f"{name}_spectrum": _forward(
                self.shapes[f"{name}_spectrum"][-1],
                self.formats[name],
                self.formats[f"{name}_spectrum"],
            )
            for name in ("input", "output", "cell_output")
            if f"{name}_spectrum" in self.formats
        }
        word = design.formats.block_spectrum.word
        self.inverse = {
            k: MatrixTransform(inverse_graph(k), k, 1 << (word - 1))
            for k in {shape[-1] for shape in self.shapes.values()}
        }
        self.counted = {n: layer_elements(cell, n) for n in saturating_names(cell)}
        self.masks = {n: layer_elements(cell, n) for n in masked_names(cell)}

    def matrix(self, name: str, gates: slice | int | list[int] = slice(None)) -> SpectralMatrix:
        """Some gates of a matrix."""
        exact = 1 << (self.design.accumulator_word - 1) <= EXACT
        whole = self.design.cell.whole_matrix(name, self.constants[name])
        return SpectralMatrix(whole[gates], exact)


class Rounding:
    """The rounding points of a batch of `size` sequences; arrays are (n, ...), the first n of them.

    counts: tensor -> saturated elements of each sequence. places: the sequences that the n are, where they are
    not the first ones.
    """

    def __init__(self, stages: IntegerStages, size: int) -> None:
        self.stages = stages
        self.places: slice | np.ndarray | None = None
        self.counts = {n: np.zeros(size, dtype=np.int64) for n in stages.counted}

    def forward(self, name: str, x: np.ndarray) -> np.ndarray:
        """Spectrum `name` of the signal x (n, ...), cut into the blocks of the spectrum."""
        x = x.reshape(len(x), *self.stages.shapes[name])
        return self.saturated(name, self.stages.forward[name].apply(x))

    def inverse(self, name: str, x: np.ndarray) -> np.ndarray:
        """Signal `name` of the spectrum x (n, ..., k)."""
        k = x.shape[-1]
        signal = self.stages.inverse[k].apply(x).reshape(len(x), *self.stages.shapes[name])
        frac = self.stages.frac["gate_spectra"] + k.bit_length() - 1
        return self.rounded(name, signal, frac)

    def added(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The sum of two accumulators."""
        total: np.ndarray = x + y
        return total

    def spectra(self, name: str, accumulators: np.ndarray) -> np.ndarray:
        """Accumulators rounded to spectra `name`."""
        return self.rounded(name, accumulators, self.stages.frac["accumulators"])

    def total(self, name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The sum of two signals of tensor `name`, saturated to it."""
        return self.saturated(name, x + y)

    def rounded(self, name: str, raw: np.ndarray, frac: int) -> np.ndarray:
        """raw with `frac` fraction bits, rounded half up and saturated to tensor `name`."""
        return self.saturated(name, round_shift(raw, frac - self.stages.frac[name]))

    def saturated(self, name: str, raw: np.ndarray, rows: slice | int | None = None) -> np.ndarray:
        """raw saturated to tensor `name`, or to some rows of its leading axis."""
        low, high = self.stages.limits[name]
        # `raw.min()` takes twice as long for one frame
        if _least(raw, axis=None) >= low and _largest(raw, axis=None) <= high:
            return raw
        result: np.ndarray = np.clip(raw, low, high)
        self.count(name, result != raw, rows)
        return result

    def quantised(self, name: str, values: np.ndarray, slot: int, what: str) -> np.ndarray:
        """Values (floating point) or raw words (...) of one sequence in the format of tensor `name`.

        what: names them in a DesignError.
        """
        fmt = self.stages.formats[name]
        if values.dtype.kind != "f":
            check_raw(values, fmt, what)
            return values
        wide = quantise(values, Format(MAX_WORD, fmt.frac))
        raw = saturate(wide, fmt)
        counted_as = counter(self.stages.design.cell, name)
        self.counts[counted_as][slot] += np.count_nonzero(raw != wide)
        return raw

    def count(self, name: str, changed: np.ndarray, rows: slice | int | None = None) -> None:
        """Count the elements of tensor `name` (or of some rows) that saturation changed."""
        counted = self.stages.counted[name]
        changed = changed & (counted if rows is None else counted[rows])
        places = slice(len(changed)) if self.places is None else self.places
        self.counts[name][places] += changed.reshape(len(changed), -1).sum(axis=1)
