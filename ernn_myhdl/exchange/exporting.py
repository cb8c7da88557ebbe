"""Designs written as models of PyTorch and ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ernn_myhdl.design.dense import dense_layer
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.export_onnx import write_onnx
from ernn_myhdl.exchange.export_state_dict import write_state_dict
from ernn_myhdl.files.output_folder import Target, check_file, new_file

WRITERS = {".safetensors": write_state_dict, ".onnx": write_onnx}


def check_export(file: str | Path, force: bool = False) -> Target:
    """The file and what is there; DesignError where it must not be written."""
    return check_file(file, tuple(WRITERS), force)


def export_model(
    design: CoreSpecification, file: str | Path | Target, force: bool = False
) -> list[str]:
    """Write a design's or network's float weights as dense .safetensors or .onnx; notes for the user.

    The weights are those for x itself: a scaling of x is taken out of them, and kept in the metadata.
    """
    target = file if isinstance(file, Target) else check_export(file, force)
    if design.graph is not None:
        raise DesignError(
            "export: the network is a graph of layers, which neither a state dict nor the ONNX that is written here can "
            "say; export each layer as a design of its own"
        )
    layers = [dense_layer(one, f"layer_{i}") for i, one in enumerate(design.layers)]
    scaling = design.host_scaling
    blocks = [one.cell.block_sizes for one in design.layers]
    with new_file(target) as partial:
        notes = WRITERS[target.path.suffix.lower()](
            partial, layers, blocks, scaling, design.host_steps
        )
    if scaling is not None:
        notes.append(
            "the weights are those for x as it is: the scaling of x, which the host does for the design, is "
            "taken out of them, and kept in the file's metadata for `ernn import`"
        )
    exact = all(
        np.array_equal(array, array.astype(np.float32))
        for one in design.layers
        for name, array in one.weights.items()
        if one.input_scaling is None or name != "bias"  # that of x itself is as short as the matrix
    )
    return notes if exact else [*notes, "weights of float64 were rounded to float32"]
