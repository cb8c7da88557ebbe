"""The named tensors of docs/number-formats.md: order, shapes, formats, elements of the layer."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.cells import LstmCell
from ernn_myhdl.design import Design
from ernn_myhdl.formats import Format

#: Every named tensor in the order in which a frame makes them.
TENSORS = (
    "input",
    "input_spectrum",
    "accumulators",
    "gate_spectra",
    "gate_sums",
    "preactivations",
    "gates",
    "cell_state",
    "cell_tanh",
    "cell_output",
    "cell_output_spectrum",
    "projection_accumulators",
    "projection_spectra",
    "output",
    "output_spectrum",
)

#: The tensors whose saturated elements are counted.
SATURATING = (
    "input",
    "input_spectrum",
    "gate_spectra",
    "gate_sums",
    "preactivations",
    "cell_state",
    "cell_output",
    "cell_output_spectrum",
    "projection_spectra",
    "output",
    "output_spectrum",
)

_PROJECTION_ONLY = ("cell_output_spectrum", "projection_accumulators", "projection_spectra")
_SPECTRA = (
    "input_spectrum",
    "accumulators",
    "gate_spectra",
    "cell_output_spectrum",
    "projection_accumulators",
    "projection_spectra",
    "output_spectrum",
)


def tensor_names(cell: LstmCell) -> tuple[str, ...]:
    """The tensors that exist for `cell`, in order."""
    return tuple(n for n in TENSORS if cell.projection or n not in _PROJECTION_ONLY)


def saturating_names(cell: LstmCell) -> tuple[str, ...]:
    """The tensors of `cell` whose saturations are counted.

    Without a projection `output` is `cell_output` itself and is counted there only.
    """
    unused = () if cell.projection else (*_PROJECTION_ONLY, "output")
    return tuple(n for n in SATURATING if n not in unused)


def tensor_shapes(cell: LstmCell) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of `cell` for one frame."""
    k = cell.block
    inputs, hidden = (cell.input_blocks, k), (cell.hidden_blocks, k)
    gates, outputs = (4, *hidden), (cell.output_blocks, k)
    shapes = {
        "input": inputs,
        "input_spectrum": inputs,
        "accumulators": gates,
        "gate_spectra": gates,
        "gate_sums": gates,
        "preactivations": gates,
        "gates": gates,
        "cell_state": hidden,
        "cell_tanh": hidden,
        "cell_output": hidden,
        "cell_output_spectrum": hidden,
        "projection_accumulators": outputs,
        "projection_spectra": outputs,
        "output": outputs,
        "output_spectrum": outputs,
    }
    return {name: shapes[name] for name in tensor_names(cell)}


def tensor_formats(design: Design) -> dict[str, Format]:
    """Format of every tensor of `design`."""
    f = design.formats
    accumulator = Format(design.accumulator_word, f.accumulator_frac)
    formats = {
        "input": f.input,
        "input_spectrum": f.input_spectrum,
        "accumulators": accumulator,
        "gate_spectra": f.block_spectrum,
        "gate_sums": f.preactivation,
        "preactivations": f.preactivation,
        "gates": f.gate,
        "cell_state": f.cell_state,
        "cell_tanh": f.gate,
        "cell_output": f.cell_output,
        "cell_output_spectrum": f.cell_output_spectrum,
        "projection_accumulators": accumulator,
        "projection_spectra": f.block_spectrum,
        "output": f.output,
        "output_spectrum": f.output_spectrum,
    }
    return {name: formats[name] for name in tensor_names(design.cell)}


def layer_elements(cell: LstmCell, name: str) -> np.ndarray:
    """Boolean array in the shape of tensor `name`: True for elements that belong to the layer.

    False for the padding of signals; every word of a spectrum belongs to the layer.
    """
    shape = tensor_shapes(cell)[name]
    if name in _SPECTRA:
        return np.ones(shape, dtype=bool)
    sizes = {"input": cell.inputs, "output": cell.outputs}
    blocks, k = shape[-2:]
    inside = np.arange(blocks * k) < sizes.get(name, cell.hidden)
    return np.broadcast_to(inside.reshape(blocks, k), shape)
