"""The named tensors of docs/number-formats.md: order, shapes, formats, elements of the layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ernn_myhdl.cells import Cell
from ernn_myhdl.design import CoreSpecification, Design
from ernn_myhdl.formats import Format

#: In place of a field of `Formats`.
ACCUMULATOR = "accumulator"
HIDDEN, INPUTS, OUTPUTS = "hidden", "inputs", "outputs"


@dataclass(frozen=True)
class Tensor:
    """A named tensor of one frame.

    format: field of `Formats`, or ACCUMULATOR. size: HIDDEN, INPUTS or OUTPUTS, the elements of the
    layer along its blocks. rows: leading axis, 0 for none. spectrum: every word of a block counts.
    saturates: its saturated elements are counted. masked: its padding is made zero.
    """

    name: str
    format: str
    size: str = HIDDEN
    rows: int = 0
    spectrum: bool = False
    saturates: bool = True
    masked: bool = False


def _signal(name: str, size: str, **options) -> tuple[Tensor, Tensor]:
    """A signal and its spectrum, with formats of the same names."""
    spectrum = f"{name}_spectrum"
    return Tensor(name, name, size, **options), Tensor(spectrum, spectrum, size, spectrum=True)


def _products(prefix: str, spectra: str, size: str, rows: int = 0) -> tuple[Tensor, Tensor]:
    """Accumulators of a matrix phase and the spectra that they are rounded to."""
    return (
        Tensor(f"{prefix}accumulators", ACCUMULATOR, size, rows, spectrum=True, saturates=False),
        Tensor(spectra, "block_spectrum", size, rows, spectrum=True),
    )


def _preactivations(cell: Cell, rows: int) -> tuple[Tensor, ...]:
    preactivations = Tensor("preactivations", "preactivation", rows=rows)
    if not cell.recurrent:
        return (preactivations,)
    return preactivations, Tensor("gates", "gate", rows=len(cell.gates), saturates=False)


def _lstm(cell: Cell) -> tuple[Tensor, ...]:
    tensors = (
        *_preactivations(cell, 4),
        Tensor("cell_state", "cell_state"),
        Tensor("cell_tanh", "gate", saturates=False),
    )
    if not cell.projection:
        # the output is the cell output itself, and counted there
        cell_output = Tensor("cell_output", "cell_output", masked=True)
        output, spectrum = _signal("output", OUTPUTS, saturates=False, masked=True)
        return *tensors, cell_output, output, spectrum
    return (
        *tensors,
        *_signal("cell_output", HIDDEN, masked=True),
        *_products("projection_", "projection_spectra", OUTPUTS),
        *_signal("output", OUTPUTS, masked=True),
    )


def _gru(cell: Cell) -> tuple[Tensor, ...]:
    second: tuple[Tensor, ...] = ()
    if cell.second_phase:
        second = (
            *_signal("cell_output", HIDDEN),
            *_products("candidate_", "candidate_spectra", HIDDEN),
            Tensor("candidate_sums", "preactivation"),
        )
    return (
        *second,
        *_preactivations(cell, 3 if cell.second_phase else 4),
        Tensor("cell_state", "cell_state", masked=True),
        *_signal("output", OUTPUTS),
    )


def _linear(cell: Cell) -> tuple[Tensor, ...]:
    return *_preactivations(cell, 1), Tensor("output", "output", OUTPUTS, masked=True)


_BEHIND_THE_SUMS = {"lstm": _lstm, "gru": _gru, "linear": _linear}


@lru_cache(maxsize=64)
def tensors_of(cell: Cell) -> dict[str, Tensor]:
    """Every named tensor of `cell` in the order in which a frame makes them."""
    rows = len(cell.rows)
    tensors = (
        *_signal("input", INPUTS),
        *_products("", "gate_spectra", HIDDEN, rows),
        Tensor("gate_sums", "preactivation", rows=rows),
        *_BEHIND_THE_SUMS[cell.kind](cell),
    )
    return {t.name: t for t in tensors}


def tensor_names(cell: Cell) -> tuple[str, ...]:
    """The tensors that exist for `cell`, in order."""
    return tuple(tensors_of(cell))


def saturating_names(cell: Cell) -> tuple[str, ...]:
    """The tensors of `cell` whose saturations are counted.

    In an LSTM without a projection `output` is `cell_output` itself and is counted there only.
    """
    return tuple(name for name, t in tensors_of(cell).items() if t.saturates)


def counter(cell: Cell, name: str) -> str:
    """The tensor under which saturated elements of `name` are counted."""
    return name if tensors_of(cell)[name].saturates else "cell_output"


def masked_names(cell: Cell) -> tuple[str, ...]:
    """The tensors of `cell` whose padding is made zero."""
    return tuple(name for name, t in tensors_of(cell).items() if t.masked)


def tensor_shapes(cell: Cell) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of `cell` for one frame."""
    blocks = {HIDDEN: cell.hidden_blocks, INPUTS: cell.input_blocks, OUTPUTS: cell.output_blocks}
    return {
        name: (*((t.rows,) if t.rows else ()), blocks[t.size], cell.block)
        for name, t in tensors_of(cell).items()
    }


def tensor_formats(design: Design) -> dict[str, Format]:
    """Format of every tensor of `design`."""
    f = design.formats
    accumulator = Format(design.accumulator_word, f.accumulator_frac)
    return {
        name: accumulator if t.format == ACCUMULATOR else getattr(f, t.format)
        for name, t in tensors_of(design.cell).items()
    }


def layer_elements(cell: Cell, name: str) -> np.ndarray:
    """Boolean array in the shape of tensor `name`: True for elements that belong to the layer.

    False for the padding of signals; every word of a spectrum belongs to the layer.
    """
    tensor, shape = tensors_of(cell)[name], tensor_shapes(cell)[name]
    if tensor.spectrum:
        return np.ones(shape, dtype=bool)
    blocks, k = shape[-2:]
    inside = np.arange(blocks * k) < getattr(cell, tensor.size)
    return np.broadcast_to(inside.reshape(blocks, k), shape)


@dataclass(frozen=True)
class Stage:
    """A named tensor of a core. layer: the design that it belongs to; tensor: its name there."""

    layer: Design
    tensor: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape for one frame."""
        return tensor_shapes(self.layer.cell)[self.tensor]

    @property
    def format(self) -> Format:
        return tensor_formats(self.layer)[self.tensor]

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the first axis of a tensor (rows, blocks, k): gates, or rows of the first phase."""
        cell = self.layer.cell
        if self.tensor in ("gates", "preactivations") and self.shape[0] == len(cell.gates):
            return cell.gates
        return tuple(row.name for row in cell.rows)

    @property
    def elements(self) -> np.ndarray:
        """True for elements that belong to the layer (`layer_elements`)."""
        return layer_elements(self.layer.cell, self.tensor)


def stages_of(core: CoreSpecification) -> dict[str, Stage]:
    """Every named tensor of the layers of a core, in order, with the layers' prefixes."""
    return {
        prefix + name: Stage(design, name)
        for prefix, design in zip(core.layer_prefixes, core.layers, strict=True)
        for name in tensor_names(design.cell)
    }
