"""From the chunks that a simulation recorded to named tensors in the shapes of the models.

A probe records what one cycle computes: U block rows at the drain, E blocks, or a part of one, at the first element-wise
unit, `output_width` blocks behind the second phase. Block row R b + q is row q of block b, of R rows; see
`ernn_myhdl.program.program`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.graph import INPUT
from ernn_myhdl.errors import ToolError
from ernn_myhdl.golden.tensors import tensor_names, tensor_shapes
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.program.program import program_for

Chunks = list[tuple[int, list[int]]]

_DRAINED = (
    "accumulators", "gate_spectra", "gate_sums", "input_accumulators", "gate_input_spectra",
    "gate_input_sums", "gate_recurrent_sums",
)  # fmt: skip
_PER_ROW = ("preactivations", "gates")
_INPUT = ("input", "input_spectrum")
#: Recorded a block at a time by the instances of a unit, several at once by the core.
_OF_CELLS = ("cell_state", "cell_tanh")
_OF_FIRST_PHASE = ("cell_output", "cell_output_spectrum")


def assemble(
    design: CoreSpecification, recorded: dict[str, Chunks], frames: Callable[[str], int]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Tensors (frames, ...) int64 and the cycle of every block of them (frames, ..., blocks).

    recorded: `SimulationRecord.stages`. frames: those of a stage or signal by its name. Raises ToolError where there are too few records.
    """
    tensors: dict[str, np.ndarray] = {}
    cycles: dict[str, np.ndarray] = {}
    for layer, prefix in zip(design.layers, design.layer_prefixes, strict=True):
        for made, parts in zip(
            (tensors, cycles), _layer(layer, prefix, recorded, frames(prefix or INPUT)), strict=True
        ):
            made.update({prefix + name: part for name, part in parts.items()})
    for i in range(len(design.graph.joins) if design.graph else 0):
        stage = f"join_{i}.output"
        tensors[stage], cycles[stage] = _join(design, stage, recorded, frames(stage))
    return tensors, cycles


def _join(
    design: CoreSpecification, stage: str, recorded: dict[str, Chunks], frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """The result of a join, (frames, 1, elements), and the cycle of its last beat, (frames, 1)."""
    signals, size = design.signals, design.stream_shape.samples_per_beat
    assert signals is not None  # a row has no joins
    elements = signals.sizes[stage.partition(".")[0]]
    beats = blocks_for(elements, size)
    chunks = _chunks(recorded, stage, frames * beats)
    values = np.array([v for _, v in chunks], dtype=np.int64).reshape(frames, 1, beats * size)
    when = np.array([c for c, _ in chunks], dtype=np.int64).reshape(frames, beats)
    return np.ascontiguousarray(values[..., :elements]), when[:, -1:].copy()


def _chunks(recorded: dict[str, Chunks], stage: str, wanted: int) -> Chunks:
    """The first `wanted` records of a stage; ToolError where there are fewer."""
    chunks = recorded.get(stage, [])[:wanted]
    if len(chunks) < wanted:
        raise ToolError(
            f"simulation: stage {stage} has {len(chunks)} records, expected "
            f"{wanted}; this is a defect of the core, please report the design"
        )
    return chunks


def _layer(
    design: Design, prefix: str, recorded: dict[str, Chunks], frames: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The tensors of one layer, without its prefix."""
    program, cell, tile = program_for(design), design.cell, design.cell.tile
    width, cycles_each = design.hardware.cell_blocks, design.hardware.cell_cycles
    each = len(cell.rows)
    first = program.cell_groups, width
    second = program.output_groups, program.output_width
    late = cell.second_phase == "candidate"  # its last gate and its state are of the second unit
    shapes = tensor_shapes(cell)
    tensors, cycles = {}, {}

    def blocks(stage: str, records: int, elements: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Of one stage: (frames, blocks, k) and their cycles (frames, blocks); a record holds so many
        elements. A block in several records is there with the last one."""
        chunks = _chunks(recorded, prefix + stage, frames * records)
        values = np.array([v for _, v in chunks], dtype=np.int64)
        when = np.repeat([c for c, _ in chunks], max(elements // k, 1))
        when = when[max(k // elements, 1) - 1 :: max(k // elements, 1)]
        total = records * elements // k
        return values.reshape(frames, total, k), when.reshape(frames, total)

    def unit_blocks(stage: str, second_unit: bool, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Of what a unit computes."""
        if second_unit:
            return blocks(stage, second[0] * second[1], tile, k)
        return blocks(stage, first[0] * first[1] * cycles_each, tile // cycles_each, k)

    for name in tensor_names(cell):
        count, k = shapes[name][-2:]
        if name in _PER_ROW:
            parts = []
            for q in range(shapes[name][0]):
                parts.append(unit_blocks(f"{name}_{q}", late and q == each, k))
            tensors[name] = np.stack([v[:, :count] for v, _ in parts], axis=1)
            cycles[name] = np.stack([c[:, :count] for _, c in parts], axis=1)
            continue
        if name in _INPUT:
            values, when = blocks(name, count, k, k)
        elif name in _DRAINED:
            values, when = blocks(name, program.gate_chunks, design.hardware.ifft_units * tile, k)
            per_row = tile // k
            shape = frames, count // per_row, each, per_row
            values = values[:, : count * each].reshape(*shape, k).swapaxes(1, 2)
            values = values.reshape(frames, each, count, k)
            when = when[:, : count * each].reshape(shape).swapaxes(1, 2)
            when = when.reshape(frames, each, count)
        elif name in _OF_CELLS:
            values, when = unit_blocks(name, late, k)
        elif name in _OF_FIRST_PHASE:
            values, when = blocks(name, first[0], first[1] * tile, k)
        else:
            values, when = blocks(name, second[0], second[1] * tile, k)
        tensors[name] = np.ascontiguousarray(values[..., :count, :])
        cycles[name] = np.ascontiguousarray(when[..., :count])
    return tensors, cycles
