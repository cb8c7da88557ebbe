"""From the chunks that a simulation recorded to named tensors in the shapes of the models.

A probe records what one cycle computes: U block rows at the drain, E blocks at the element-wise
unit. Block row 4 b + q is gate q of block b; see `ernn_myhdl.program`.
"""

from __future__ import annotations

import numpy as np

from ernn_myhdl.cells import GATES
from ernn_myhdl.design import Design
from ernn_myhdl.errors import ToolError
from ernn_myhdl.program import program_for
from golden.tensors import tensor_names, tensor_shapes

Chunks = list[tuple[int, list[int]]]

_DRAINED = ("accumulators", "gate_spectra", "gate_sums")
_PER_GATE = ("preactivations", "gates")
_INPUT = ("input", "input_spectrum")
_CELLS = ("cell_state", "cell_tanh", "cell_output", "cell_output_spectrum")


def assemble(
    design: Design, recorded: dict[str, Chunks], frames: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Tensors (frames, ...) int64 and the cycle of every block of them (frames, ..., blocks).

    recorded: `Recording.stages`. Raises ToolError where there are too few records.
    """
    program, cell, k = program_for(design), design.cell, design.cell.block
    width = design.hardware.element_width
    shapes = tensor_shapes(cell)
    tensors, cycles = {}, {}

    def blocks(stage: str, records: int, per_record: int) -> tuple[np.ndarray, np.ndarray]:
        """Of one stage: (frames, blocks, k) and their cycles (frames, blocks)."""
        chunks = recorded.get(stage, [])[: frames * records]
        if len(chunks) < frames * records:
            raise ToolError(
                f"simulation: stage {stage} has {len(chunks)} records, expected "
                f"{frames * records}; this is a defect of the core, please report the design"
            )
        values = np.array([v for _, v in chunks], dtype=np.int64)
        when = np.repeat([c for c, _ in chunks], per_record)
        return values.reshape(frames, -1, k), when.reshape(frames, -1)

    for name in tensor_names(cell):
        count = shapes[name][-2]
        if name in _PER_GATE:
            parts = [
                blocks(f"{name}_{q}", program.cell_groups * width, 1) for q in range(len(GATES))
            ]
            tensors[name] = np.stack([v[:, :count] for v, _ in parts], axis=1)
            cycles[name] = np.stack([c[:, :count] for _, c in parts], axis=1)
            continue
        if name in _INPUT:
            values, when = blocks(name, count, 1)
        elif name in _DRAINED:
            values, when = blocks(name, program.gate_chunks, design.hardware.ifft_units)
        elif name in ("cell_state", "cell_tanh"):
            values, when = blocks(name, program.cell_groups * width, 1)
        elif name in _CELLS:
            values, when = blocks(name, program.cell_groups, width)
        else:
            values, when = blocks(name, program.output_groups, program.output_width)
        if name in _DRAINED:
            rows = count * len(GATES)
            values = values[:, :rows].reshape(frames, count, len(GATES), k).swapaxes(1, 2)
            when = when[:, :rows].reshape(frames, count, len(GATES)).swapaxes(1, 2)
        tensors[name] = np.ascontiguousarray(values[..., :count, :])
        cycles[name] = np.ascontiguousarray(when[..., :count])
    return tensors, cycles
