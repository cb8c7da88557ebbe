"""What blocks of size k save, and between which sizes a search goes (E-RNN, HPCA 2019, Phase I).

Operations of a frame are real multiplications and additions of the core: products of packed spectra with
three multiplications a complex bin, their accumulation, one FFT for each block of x, of the previous y and of
m, one inverse FFT for each block row. The lower bound is the smallest k with which the weights fit the block
RAM of the device; the upper one is where the saving saturates: the last k whose saving is at least GAIN times
that of k / 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ernn_myhdl.design.cells import BLOCK_SIZES, Cell
from ernn_myhdl.numerics import transform
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.synthesis.devices import Device

#: A step from k / 2 to k that saves less than this more is not worth a training.
GAIN = 1.25
BRAM_BITS = 36 * 1024


@dataclass(frozen=True)
class BlockCost:
    """block: k. weight_bits: of all matrices. operations: of a frame. saving: dense operations by these.

    fits: whether the weights fit the block RAM of the device.
    """

    block: int
    weight_bits: int
    operations: int
    saving: float
    fits: bool


@dataclass(frozen=True)
class Bounds:
    """costs: of every block size. lower: None where no size fits. upper: where the saving saturates."""

    costs: tuple[BlockCost, ...]
    lower: int | None
    upper: int

    @property
    def sizes(self) -> list[int]:
        """The block sizes to search, ascending; the lower bound alone where it is above the upper."""
        if self.lower is None:
            return []
        between = [c.block for c in self.costs if self.lower <= c.block <= self.upper and c.fits]
        return between or [self.lower]


def block_bounds(
    cells: Callable[[int], Sequence[Cell]], device: Device | None, word: int
) -> Bounds:
    """The bounds for cells(k), the layers with blocks of k; word: bits of a weight. Without a device all sizes fit."""
    costs = []
    for k in BLOCK_SIZES:
        layers = cells(k)
        operations = model_operations(layers)
        bits = weight_bits(layers, word)
        saving = dense_operations(layers) / operations
        fits = device is None or bits <= device_bits(device)
        costs.append(BlockCost(k, bits, operations, saving, fits))
    lower = next((c.block for c in costs if c.fits), None)
    upper = BLOCK_SIZES[0]
    for before, cost in zip(costs, costs[1:], strict=False):
        if cost.saving < GAIN * before.saving:
            break
        upper = cost.block
    return Bounds(tuple(costs), lower, upper)


def device_bits(device: Device) -> int:
    """Bits of the block RAM of a device."""
    return device.bram36 * BRAM_BITS


def weight_bits(cells: Sequence[Cell], word: int) -> int:
    """Bits of the stored blocks of all matrices."""
    return word * sum(k * count for cell in cells for k, count in cell.stored_blocks.items())


def dense_operations(cells: Sequence[Cell]) -> int:
    """Multiplications and additions of a frame with dense matrices."""
    return 2 * sum(rows * columns for cell in cells for _, rows, columns in _matrices(cell))


def model_operations(cells: Sequence[Cell]) -> int:
    """Multiplications and additions of a frame; see the module."""
    return sum(_cell_operations(cell) for cell in cells)


def _matrices(cell: Cell) -> list[tuple[int, int, int]]:
    """Block size, rows (of all gates) and columns of every matrix."""
    gates = len(cell.gates)
    found = [(cell.x_block, gates * cell.hidden, cell.row_inputs)]
    if cell.recurrent:
        found.append((cell.block_of("recurrent_weight"), gates * cell.hidden, cell.outputs))
    if cell.second_phase == "projection":
        found.append((cell.m_block, cell.projection, cell.hidden))
    return found


def _cell_operations(cell: Cell) -> int:
    total = sum(count * product_operations(k) for k, count in cell.stored_blocks.items())
    forward = [(cell.x_block, cell.input_blocks), (cell.y_block, cell.y_columns)]
    forward.append((cell.m_block if cell.second_phase else 1, cell.m_columns))
    inverse = [(k, count * blocks_for(cell.hidden, k)) for k, count in _rows(cell)]
    if cell.second_phase == "projection":
        inverse.append((cell.m_block, blocks_for(cell.projection, cell.m_block)))
    total += sum(count * transform_operations(k, False) for k, count in forward)
    return total + sum(count * transform_operations(k, True) for k, count in inverse)


def _rows(cell: Cell) -> list[tuple[int, int]]:
    """Block size and number of the sums of a cell that are transformed back, but for a projection."""
    rows = [(row.input is not None, row.recurrent is not None) for row in cell.rows]
    if cell.second_phase == "candidate":
        rows.append((True, True))
    if not cell.split:
        return [(cell.x_block, len(rows))]
    # sums over blocks of different sizes are transformed back on their own
    return [(cell.x_block, sum(x for x, _ in rows)), (cell.y_block, sum(y for _, y in rows))]


def product_operations(k: int) -> int:
    """Of the product of two packed spectra and its accumulation."""
    complex_bins = max(k // 2 - 1, 0)
    return transform.spectral_products(k) + 2 * complex_bins + k


@lru_cache(maxsize=32)
def transform_operations(k: int, inverse: bool) -> int:
    """Of an FFT of k points."""
    graph = transform.inverse_graph(k) if inverse else transform.forward_graph(k)
    total = 0
    for stage in graph:
        if isinstance(stage, transform.SumStage):
            total += sum(term.b is not None for term in stage.terms)
        else:  # a rotation: four products and two sums, by 45 degrees two and two
            total += sum(4 if t.equal else 6 for t in stage.twiddles)
    return total
