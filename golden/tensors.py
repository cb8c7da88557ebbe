"""The named tensors of docs/number-formats.md: order, shapes, formats, elements of the layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ernn_myhdl.design.cells import Cell, LstmCell
from ernn_myhdl.design.design import CoreStructure, Structure
from ernn_myhdl.numerics.formats import Format

#: In place of a field of `Formats`.
ACCUMULATOR = "accumulator"
HIDDEN, INPUTS, OUTPUTS = "hidden", "inputs", "outputs"


@dataclass(frozen=True)
class Tensor:
    """A named tensor of one frame.

    format: field of `Formats`, or ACCUMULATOR. size: HIDDEN, INPUTS or OUTPUTS, the elements of the
    layer along its blocks. rows: leading axis, 0 for none. spectrum: every word of a block counts.
    saturates: its saturated elements are counted. masked: its padding is made zero. block: size of its
    blocks, an attribute of the cell.
    """

    name: str
    format: str
    size: str = HIDDEN
    rows: int = 0
    spectrum: bool = False
    saturates: bool = True
    masked: bool = False
    block: str = "tile"


def _signal(
    name: str, size: str, block: str, saturates: bool = True, masked: bool = False
) -> tuple[Tensor, Tensor]:
    """A signal and its spectrum, with formats of the same names; block: of the spectrum."""
    spectrum = f"{name}_spectrum"
    return (
        Tensor(name, name, size, saturates=saturates, masked=masked),
        Tensor(spectrum, spectrum, size, spectrum=True, block=block),
    )


def _products(
    prefix: str, spectra: str, size: str, block: str, rows: int = 0
) -> tuple[Tensor, Tensor]:
    """Accumulators of a matrix phase and the spectra that they are rounded to."""
    accumulators = Tensor(
        f"{prefix}accumulators",
        ACCUMULATOR,
        size,
        rows,
        spectrum=True,
        saturates=False,
        block=block,
    )
    return accumulators, replace(
        accumulators, name=spectra, format="block_spectrum", saturates=True
    )


def _sums(cell: Cell, phase: str, block: str, rows: int = 0) -> tuple[Tensor, ...]:
    """From the products of a phase to its sums, which are those of x plus the others in a split cell.

    phase: "gate" or "candidate". block: of the products that are not with x.
    """
    prefix = "" if phase == "gate" else f"{phase}_"
    sums = Tensor(f"{phase}_sums", "preactivation", rows=rows)
    products = _products(prefix, f"{phase}_spectra", HIDDEN, block, rows)
    if not cell.split:
        return *products, sums
    return (
        *_products(f"{prefix}input_", f"{phase}_input_spectra", HIDDEN, "x_block", rows),
        Tensor(f"{phase}_input_sums", "preactivation", rows=rows),
        *products,
        Tensor(f"{phase}_recurrent_sums", "preactivation", rows=rows),
        sums,
    )


def _preactivations(cell: Cell) -> tuple[Tensor, ...]:
    """Pre-activations of the rows of the first phase and of the candidate of a second one, and the gates of a cell that has them."""
    rows = len(cell.rows) + (cell.second_phase == "candidate")
    preactivations = Tensor("preactivations", "preactivation", rows=rows)
    if "gate" not in cell.format_names:
        return (preactivations,)
    return preactivations, Tensor("gates", "gate", rows=len(cell.gates), saturates=False)


def _behind_the_sums(cell: Cell) -> tuple[Tensor, ...]:
    """The tensors behind `gate_sums`, as they follow from what the cell has; y is the cell state, rounded, where there is one.

    The padding of what begins the way to y is made zero.
    """
    tensors: tuple[Tensor, ...] = _preactivations(cell)
    if cell.second_phase == "candidate":
        second = *_signal("cell_output", HIDDEN, "m_block"), *_sums(cell, "candidate", "m_block")
        tensors = *second, *tensors
    state = cell.keeps_cell_state
    if state:
        tensors = *tensors, Tensor("cell_state", "cell_state", masked=True)
    output, spectrum = _signal("output", OUTPUTS, "y_block", masked=not state)
    return (*tensors, output, spectrum) if cell.recurrent else (*tensors, output)


def _lstm(cell: Cell) -> tuple[Tensor, ...]:
    tensors = (
        *_preactivations(cell),
        Tensor("cell_state", "cell_state"),
        Tensor("cell_tanh", "gate", saturates=False),
    )
    if not cell.projection:
        # the output is the cell output itself, and counted there
        cell_output = Tensor("cell_output", "cell_output", masked=True)
        output, spectrum = _signal("output", OUTPUTS, "y_block", saturates=False, masked=True)
        return *tensors, cell_output, output, spectrum
    return (
        *tensors,
        *_signal("cell_output", HIDDEN, "m_block", masked=True),
        *_products("projection_", "projection_spectra", OUTPUTS, "m_block"),
        *_signal("output", OUTPUTS, "y_block", masked=True),
    )


#: Those of cells with others, by the class of the cell.
BEHIND_THE_SUMS: dict[type[Cell], Callable[[Cell], tuple[Tensor, ...]]] = {LstmCell: _lstm}


@lru_cache(maxsize=64)
def tensors_of(cell: Cell) -> dict[str, Tensor]:
    """Every named tensor of `cell` in the order in which a frame makes them."""
    x, spectrum = _signal("input", INPUTS, "x_block")
    tensors = (
        replace(x, block="x_block"),
        spectrum,
        *_sums(cell, "gate", "y_block", len(cell.rows)),
        *BEHIND_THE_SUMS.get(type(cell), _behind_the_sums)(cell),
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


def tensor_shape(cell: Cell, name: str) -> tuple[int, ...]:
    """Shape of a tensor of `cell` for one frame; all but those of x fill whole tiles."""
    tensor = tensors_of(cell)[name]
    blocks, tile = {
        HIDDEN: (cell.hidden_blocks, cell.tile),
        INPUTS: (cell.input_blocks, cell.x_block),
        OUTPUTS: (cell.output_blocks, cell.tile),
    }[tensor.size]
    k = getattr(cell, tensor.block)
    return *((tensor.rows,) if tensor.rows else ()), blocks * tile // k, k


def tensor_shapes(cell: Cell) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of `cell` for one frame."""
    return {name: tensor_shape(cell, name) for name in tensors_of(cell)}


def tensor_formats(design: Structure) -> dict[str, Format]:
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
    tensor, shape = tensors_of(cell)[name], tensor_shape(cell, name)
    if tensor.spectrum:
        return np.ones(shape, dtype=bool)
    blocks, k = shape[-2:]
    inside = np.arange(blocks * k) < getattr(cell, tensor.size)
    return np.broadcast_to(inside.reshape(blocks, k), shape)


@dataclass(frozen=True)
class Stage:
    """A named tensor of a core. layer: what it belongs to; tensor: its name there."""

    layer: Structure
    tensor: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape for one frame."""
        return tensor_shape(self.layer.cell, self.tensor)

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


@dataclass(frozen=True)
class JoinStage:
    """The result of a join of a graph. size: its elements."""

    size: int
    format: Format
    tensor: str = "output"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape for one frame."""
        return 1, self.size

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the first axis: it has no rows."""
        return ()

    @property
    def elements(self) -> np.ndarray:
        """All of them belong to the signal."""
        return np.ones(self.shape, dtype=bool)


def stages_of(core: CoreStructure) -> dict[str, Stage | JoinStage]:
    """Every named tensor of the layers of a core, in order, with the layers' prefixes, and the result of every join."""
    found: dict[str, Stage | JoinStage] = {
        prefix + name: Stage(design, name)
        for prefix, design in zip(core.layer_prefixes, core.layers, strict=True)
        for name in tensor_names(design.cell)
    }
    if core.graph is not None and core.signals is not None:
        for i, _ in enumerate(core.graph.joins):
            name = f"join_{i}"
            size, fmt = core.signals.sizes[name], core.signals.formats[name]
            found[f"{name}.output"] = JoinStage(size, fmt)
    return found
