"""One energy model for all cores: operations and memory bits of a frame, times published energies.

Energies of M. Horowitz, "Computing's energy problem", ISSCC 2014, 45 nm at 0.9 V: integer addition of 32 bits
0.1 pJ (8 bits 0.03), multiplication of 32 x 32 bits 3.1 pJ (8 x 8 0.2), 64 bits from an SRAM of 8 KB 10 pJ, 64 bits
from DRAM 1,300 to 2,600 pJ, of which the smaller is taken. Additions grow with the bits and multiplications with the
bits of both operands, which meets the figures for 8 bits. An FPGA adds its wires and its clock, and so does a
board: the numbers compare architectures and are no watts.

All cores are counted alike: products, accumulations, transforms, element-wise operations, bits of
weights, bits of vectors. They differ in what they count.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ernn_myhdl.design.cells import Cell, GruCell, LstmCell
from ernn_myhdl.numerics.transform import SumStage, forward_graph, inverse_graph, spectral_products

SOURCE = "M. Horowitz, Computing's energy problem, ISSCC 2014 (45 nm)"
ADD_32, MULTIPLY_32 = 0.1, 3.1
SRAM_BIT, DRAM_BIT = 10 / 64, 1300 / 64
#: Bits of sums, of the vectors between the steps, and of a cell state.
SUM_BITS, VECTOR_BITS, STATE_BITS = 32, 16, 16
#: Index of a stored weight of ESE: zeros before it.
ESE_INDEX_BITS = 4


def add_energy(bits: int) -> float:
    """pJ of an integer addition."""
    return ADD_32 * bits / 32


def multiply_energy(first: int, second: int) -> float:
    """pJ of an integer multiplication."""
    return MULTIPLY_32 * first * second / (32 * 32)


@dataclass(frozen=True)
class FrameWork:
    """What a core does for one frame, numbers of operations and bits.

    products: of weights with spectra or vectors, each followed by an accumulation. transform_additions,
    transform_products: of all transforms. element_products, element_additions: of the cells.
    weight_bits: read for the frame, from on-chip memory unless off_chip. batch: frames that share one
    reading of the weights. vector_bits: spectra, vectors and states read and written.
    """

    word: int
    products: int
    transform_additions: int
    transform_products: int
    element_products: int
    element_additions: int
    weight_bits: int
    vector_bits: int
    off_chip: bool = False
    shares_weights: bool = False

    def energies(self, batch: int = 1) -> dict[str, float]:
        """nJ of a frame by part; batch: independent frames at work."""
        readers = batch if self.shares_weights else 1
        bit = (DRAM_BIT if self.off_chip else SRAM_BIT) / readers
        product = multiply_energy(self.word, VECTOR_BITS)
        parts = {
            "products": self.products * (product + add_energy(SUM_BITS)),
            "transforms": self.transform_additions * add_energy(VECTOR_BITS)
            + self.transform_products * product,
            "cells": self.element_products * product
            + self.element_additions * add_energy(VECTOR_BITS),
            "weights": self.weight_bits * bit,
            "vectors": self.vector_bits * SRAM_BIT,
        }
        return {name: value / 1000 for name, value in parts.items()}

    def energy(self, batch: int = 1) -> float:
        """nJ of a frame."""
        return sum(self.energies(batch).values())

    def as_json(self) -> dict:
        return asdict(self)


def _graph_operations(graph) -> tuple[int, int]:
    """Additions and multiplications of a transform."""
    additions = products = 0
    for stage in graph:
        if isinstance(stage, SumStage):
            additions += sum(term.b is not None for term in stage.terms)
        else:
            for twiddle in stage.twiddles:
                products += 2 if twiddle.equal else 4
                additions += 2
    return additions, products


def _element_work(cell: Cell) -> tuple[int, int]:
    """Products and additions of all cells: gates, activations (one product each), state, output."""
    if isinstance(cell, LstmCell):
        peepholes = 3 if cell.peepholes else 0
        return cell.hidden * (peepholes + 3 + 5), cell.hidden * (4 + peepholes + 1 + 5)
    if not isinstance(cell, GruCell):
        raise ValueError(f"{cell.kind}: only the work of LSTMs and GRUs is counted, as published")
    return cell.hidden * (2 + 3), cell.hidden * (3 + 2 + 3)


def circulant_work(cell: Cell, word: int, products_of_block: int) -> FrameWork:
    """A block-circulant layer; products_of_block: multiplications of a spectral block."""
    blocks = sum(cell.stored_blocks.values())
    columns = cell.input_blocks + cell.y_columns + cell.m_columns
    rows = len(cell.rows) * cell.hidden_blocks + cell.second_rows
    forward, inverse = (
        _graph_operations(forward_graph(cell.block)),
        _graph_operations(inverse_graph(cell.block)),
    )
    element_products, element_additions = _element_work(cell)
    vectors = (2 * columns + 2 * rows) * cell.block * VECTOR_BITS + 2 * cell.hidden * STATE_BITS
    return FrameWork(
        word,
        blocks * products_of_block,
        columns * forward[0] + rows * inverse[0],
        columns * forward[1] + rows * inverse[1],
        element_products,
        element_additions,
        blocks * cell.block * word,
        vectors,
    )


def complex_products(block: int) -> int:
    """Multiplications of a spectral block with four for each complex bin."""
    return min(block, 2) + 4 * max(block // 2 - 1, 0)


def our_work(cell: Cell, word: int) -> FrameWork:
    """This core: three multiplications for each complex bin."""
    return circulant_work(cell, word, spectral_products(cell.block))


def ese_work(cell: Cell, word: int, dense_weights: int, density: float) -> FrameWork:
    """ESE: sparse weights with indices from DRAM, read once for all frames of a batch (as recalled)."""
    nonzeros = round(dense_weights * density)
    element_products, element_additions = _element_work(cell)
    vectors = 2 * (cell.inputs + cell.outputs + 5 * cell.hidden) * VECTOR_BITS
    return FrameWork(
        word, nonzeros, 0, 0, element_products, element_additions,
        nonzeros * (word + ESE_INDEX_BITS), vectors, off_chip=True, shares_weights=True,
    )  # fmt: skip
