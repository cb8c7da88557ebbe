"""Cycles between the events of a frame, summed from the latencies of the blocks: numbers only, no netlist."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.structure import Structure
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl import beat_frames, broadcast, drain, drain_chain, fft, fifo, lane, rows
from ernn_myhdl.rtl.cells import cell_parts, elementwise
from ernn_myhdl.rtl.cells.units import unit_latencies
from ernn_myhdl.rtl.memory import READ_LATENCY
from ernn_myhdl.rtl.sequencer import sequencer


@dataclass(frozen=True)
class Latencies:
    """Cycles between the events of a frame, summed from the blocks' own latencies.

    block_to_issue: a block of x is cut -> an operation may use it.
    issue_to_head: the last operation of a pass is decided -> its first rows are at the drain's head.
    head_to_rows: drain's head -> rounded rows of the first phase. rows_to_cells: a group's last rows ->
    results of the first phase's element-wise unit. head_to_second: drain's head -> rounded rows of the
    second phase. rows_to_output: these -> y.
    forward_x, forward_m, forward_y: a block enters its forward transform -> its spectrum is written;
    usable a cycle later.
    """

    block_to_issue: int
    issue_to_head: int
    head_to_rows: int
    rows_to_cells: int
    head_to_second: int
    rows_to_output: int
    forward_x: int
    forward_m: int
    forward_y: int
    beat_to_output: int


def latencies(design: Structure) -> Latencies:
    """The latencies of `design`."""
    hardware = design.hardware
    return layer_latencies(design.cell, program_for(design).groups, hardware.cell_cycles)


@lru_cache(maxsize=64)
def layer_latencies(cell: Cell, column_groups: int, cell_cycles: int = 1) -> Latencies:
    """The latencies of a cell with so many column groups in its second phase; 0: it has none.

    cell_cycles: `Hardware.cell_cycles`.
    """
    forward_x, forward_m, forward_y = (
        fft.forward_latency(k) for k in (cell.x_block, cell.m_block, cell.y_block)
    )
    units = [elementwise.GATHER_LATENCY + READ_LATENCY + n for n in unit_latencies(cell)]
    spectra = rows.head_latency(column_groups)
    return Latencies(
        block_to_issue=beat_frames.FRAMING_LATENCY + forward_x + 1,
        issue_to_head=issue_to_broadcast() + lane.LATENCY + drain_chain.LATENCY,
        head_to_rows=spectra + rows.sums_latency(cell),
        rows_to_cells=units[0] + cell_parts.latency(cell_cycles),
        head_to_second=spectra + rows.output_latency(cell),
        rows_to_output=units[1] if len(units) > 1 else drain.MASK_LATENCY,
        forward_x=forward_x,
        forward_m=forward_m,
        forward_y=forward_y,
        beat_to_output=READ_LATENCY + fifo.FIFO_LATENCY,
    )


def issue_to_broadcast() -> int:
    """Cycles from the decision of the sequencer to the operands at the lanes' ports."""
    return (
        sequencer.ISSUE_LATENCY
        + READ_LATENCY
        + broadcast.SELECT_LATENCY
        + broadcast.BROADCAST_LATENCY
    )
