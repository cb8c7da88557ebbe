"""Powers of two and offsets of the elements of x from calibration data, and elements that stay too coarse.

docs/number-formats.md, "Scaling of x", has the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.cells.ranges import MARGIN, SMALLEST_PEAK
from ernn_myhdl.design.input_scaling import InputScaling, scaled
from ernn_myhdl.errors import WARNING
from ernn_myhdl.numerics.circulant import expand, pack_spectrum
from ernn_myhdl.numerics.formats import Format, format_for

#: An element gets an offset where that makes its peak more than so many times smaller: zero is outside its span.
LEAST_OFFSET_GAIN = 2.0
#: Fraction bits of an offset, relative to the largest power of two in its element's half span.
OFFSET_BITS = 3
#: x is scaled where that divides the expected power of the rounding errors by this: errors of a half.
LEAST_GAIN = 4.0
#: Largest exponent that is chosen.
LARGEST_SHIFT = 40
#: Spans of elements of one block column that differ so much are warned of before a training.
UNEVEN = 16.0
#: Part of an element's standard deviation that its rounding to the input format may take.
LARGEST_ROUNDING = 0.1
#: Elements that a message names.
NAMED = 8


Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Group:
    """Elements of x that share a scale, one number for each group.

    peak: of x. energy: sum of the mean squares of x. weight: peak of the weight spectra. gain: mean over
    the rows of the sum of the squared weights.
    """

    peak: np.ndarray
    energy: np.ndarray
    weight: np.ndarray
    gain: np.ndarray
    block: int

    def error(self, shifts: np.ndarray) -> float:
        """Expected square of the error of a gate sum by rounding of x and of the matrix, in units of 2^-2w."""
        scale = np.ldexp(1.0, shifts)
        largest = _range(self.peak * scale)
        x = largest * largest * np.sum(self.gain / scale**2)
        widest = _range(self.weight / scale)
        w = widest * widest * np.sum(self.energy * scale**2)
        return float(x + w / self.block)


def _mean_square(x: np.ndarray) -> np.ndarray:
    """Of every element; infinite where it is larger than any float, for which no format is legal."""
    with np.errstate(over="ignore"):
        return np.mean(x**2, axis=0)


def _range(peaks: np.ndarray) -> float:
    """Power of two that holds all of them."""
    return float(2.0 ** np.ceil(np.log2(max(float(peaks.max()), 2.0**-100))))


def choose_input_scaling(
    cell: Cell, weights: Arrays, calibration: Sequence[np.ndarray], keep_matrix: bool = False
) -> InputScaling | None:
    """The scaling of x with which rounding costs least; None where it would not halve the error.

    weights: of the cell, for x as it is. calibration: sequences (frames, inputs). Elements of one block
    column of the matrix share a shift, so that `folded` keeps its blocks; offsets are each their own. keep_matrix:
    offsets only, for a matrix whose words are chosen.
    """
    x = np.concatenate([np.asarray(s, dtype=np.float64) for s in calibration])
    middle = _offsets(x)
    plain = _group(cell, weights, x)
    moved = _group(cell, weights, x - middle)
    shifts = np.zeros(len(moved.peak), dtype=np.int64) if keep_matrix else _balanced(moved)
    if moved.error(shifts) * LEAST_GAIN > plain.error(np.zeros_like(shifts)):
        return None
    each = np.repeat(shifts, cell.x_block)[: cell.inputs]
    return InputScaling(tuple(each.tolist()), tuple(middle.tolist()))


def shifts_of_spans(span: np.ndarray, block: int, by_column: bool = False) -> tuple[int, ...]:
    """Shifts that bring the spans of all elements of x to that of the largest, whatever the weights: for a
    matrix that is still to be trained. Empty where all spans are within a factor of LEAST_GAIN.

    span: (inputs,). block: elements of a block column, which share a shift where their spans are within that factor, or
    by_column.
    """
    used = span > 0
    if not np.isfinite(span).all() or not used.any():
        return ()
    if span.max() <= LEAST_GAIN * span[used].min():
        return ()
    columns = np.pad(span, (0, -len(span) % block)).reshape(-1, block)
    widest = columns.max(axis=1, keepdims=True)
    narrowest = np.where(columns > 0, columns, np.inf).min(axis=1, keepdims=True)
    shared = by_column | (widest <= LEAST_GAIN * narrowest)
    each = np.where(shared, widest, columns).reshape(-1)[: len(span)]
    shifts = np.round(np.log2(span.max() / np.where(each > 0, each, span.max())))
    if not shifts.any():
        return ()
    return tuple(np.minimum(shifts, LARGEST_SHIFT).astype(int).tolist())


def uneven_elements(x: np.ndarray, block: int) -> list[int]:
    """Elements of x (frames, inputs) whose span is below 1 / UNEVEN of another one of their block column."""
    span = np.ptp(np.asarray(x, dtype=np.float64), axis=0)
    columns = np.pad(span, (0, -len(span) % block)).reshape(-1, block).max(axis=1)
    largest = np.repeat(columns, block)[: len(span)]
    return np.flatnonzero((span > 0) & (span * UNEVEN < largest)).tolist()


def _offsets(x: np.ndarray) -> np.ndarray:
    """(inputs,) the middle of each element's span, in few bits; 0 where it is not far from zero."""
    low, high = x.min(axis=0), x.max(axis=0)
    half = (high - low) / 2
    far = (half > 0) & (np.maximum(-low, high) > LEAST_OFFSET_GAIN * half)
    step = np.ldexp(1.0, np.frexp(np.where(far, half, 1.0))[1] - 1 - OFFSET_BITS)
    return np.where(far, np.round((low + high) / 2 / step) * step, 0.0)


def _group(cell: Cell, weights: Arrays, x: np.ndarray) -> _Group:
    """The groups that can share a scale: block columns of the matrix of x."""
    k, count = cell.x_block, cell.input_blocks
    surplus = count * k - cell.inputs

    def by_column(values: np.ndarray) -> np.ndarray:
        return np.pad(values, (0, surplus)).reshape(count, k)

    whole = cell.whole_matrix("input_weight", weights["input_weight"])
    vectors = whole.astype(np.float64)  # (gates, p, q, k)
    return _Group(
        by_column(np.abs(x).max(axis=0)).max(axis=1),
        by_column(_mean_square(x)).sum(axis=1),
        np.abs(pack_spectrum(vectors)).max(axis=(0, 1, 3)),
        np.mean(np.sum(vectors**2, axis=3), axis=(0, 1)),
        k,
    )


def _balanced(group: _Group) -> np.ndarray:
    """Shifts that divide the range between x and matrix: both lose as much where a group adds little.

    They are rounded from the group on that adds most to the sums. The one with the largest peak keeps its scale;
    a group of zeros has none to choose, one without weights only does not widen the format.
    """
    used = (group.peak > 0) & (group.weight > 0)
    if not used.any():
        return np.zeros(len(used), dtype=np.int64)
    peak, weight = (np.where(used, values, 1.0) for values in (group.peak, group.weight))
    wanted = (np.log2(weight) - np.log2(peak)) / 2
    most = int(np.argmax(np.where(used, group.peak * group.weight, -1.0)))
    shifts = np.round(wanted - wanted[most])
    shifts -= shifts[np.argmax(np.where(used, group.peak, -1.0))]
    reach = np.log2(_range(np.where(used, group.peak * np.ldexp(1.0, shifts.astype(int)), 0.0)))
    idle = np.minimum(reach - np.ceil(np.log2(np.maximum(group.peak, 2.0**-100))), 0.0)
    shifts = np.where(used, shifts, np.where(group.weight > 0, 0.0, idle))
    return np.clip(shifts, -LARGEST_SHIFT, LARGEST_SHIFT).astype(np.int64)


def folded(cell: Cell, weights: Arrays, scaling: InputScaling) -> Arrays:
    """Weights of a cell for x as those for scaled x; the shifts are equal within each block column."""
    vectors, bias = cell.whole_matrix("input_weight", weights["input_weight"]), weights["bias"]
    if scaling.offsets:
        dense = expand(vectors)[..., : cell.hidden, : cell.inputs]
        _, bias = scaling.fold(dense, bias)
    factors = scaling.factors[:: cell.x_block]
    vectors = (vectors / factors[:, None]).astype(vectors.dtype)
    return weights | {"input_weight": cell.stored_matrix("input_weight", vectors), "bias": bias}


def scaled_format(
    scaling: InputScaling | None, calibration: Sequence[np.ndarray], word: int
) -> dict[str, Format]:
    """Override of the input format for scaled calibration data: some room above the largest magnitude, since every
    element comes near it; none without a scaling.
    """
    if scaling is None:
        return {}
    peak = max(float(np.abs(s).max(initial=0)) for s in calibration)
    return {"input": format_for(max(peak * MARGIN, SMALLEST_PEAK), word)}


def coarse_elements(
    sequences: Sequence[np.ndarray], fmt: Format, scaling: InputScaling | None = None
) -> np.ndarray:
    """Numbers of the elements of x of which the input format `fmt` keeps too little.

    Of these rounding takes more than LARGEST_ROUNDING of the standard deviation: it is below about 3 LSBs,
    and the values are no multiples of an LSB, as those of a flag are.
    """
    values = np.concatenate(scaled(scaling, [np.asarray(s, np.float64) for s in sequences]))
    words = values / fmt.lsb
    lost = np.sqrt(np.mean((words - np.floor(words + 0.5)) ** 2, axis=0))
    return np.flatnonzero(lost > LARGEST_ROUNDING * words.std(axis=0) * (1 + 1e-9))


def input_notes(core, sequences: Sequence[np.ndarray]) -> list[str]:
    """A warning where elements of x of a design or network are too coarse; none where all are fine."""
    fmt, cell = core.input_format, core.layers[0].cell
    coarse = coarse_elements(sequences, fmt, core.host_scaling).tolist()
    values = np.concatenate(scaled(core.host_scaling, sequences))
    found = [i for i in coarse if np.ptp(values[:, i]) > 0]
    if not found:
        return []
    spread = values.std(axis=0) / fmt.lsb
    names = ", ".join(f"x[{i}] {spread[i]:.2g}" for i in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    blocks = f"import with --input-block 1, since {cell.x_block} elements share a scale, "
    advice = f"{blocks if cell.x_block > 1 else ''}subtract the mean and scale them in the data"
    if core.host_scaling is None:
        advice += ", or import with --calibration of such data, which scales them"
    return [
        f"{WARNING}the input format {fmt} keeps little of {names}{more} (standard deviation in LSBs of "
        f"{fmt.lsb:g}): their rounding takes more than {100 * LARGEST_ROUNDING:.0f} % of it; {advice}, or "
        "take a longer --word"
    ]
