"""Designs written as models of PyTorch and ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ernn_myhdl.design.dense import DenseLayer, dense_layer
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import INPUT, number_of
from ernn_myhdl.design.host_steps import PER_FRAME
from ernn_myhdl.design.joins import Window
from ernn_myhdl.design.time_joins import TimeJoin
from ernn_myhdl.errors import WARNING, DesignError
from ernn_myhdl.exchange.export_onnx import Part, holds_state, write_onnx
from ernn_myhdl.exchange.export_state_dict import write_state_dict
from ernn_myhdl.files.output_folder import Target, check_file, new_file

WRITERS = {".safetensors": write_state_dict, ".onnx": write_onnx}


def check_export(file: str | Path, force: bool = False) -> Target:
    """The file and what is there; DesignError where it must not be written."""
    return check_file(file, tuple(WRITERS), force)


def export_model(
    design: CoreSpecification, file: str | Path | Target, force: bool = False
) -> list[str]:
    """Write a design's or network's float weights as a dense model.

    The weights are those for x itself: a scaling of x is taken out of them, and kept in the metadata.

    Parameters
    ----------
    design : Design or Network
    file : str or path
        Ends in .safetensors or .onnx.
    force : bool
        Replace an existing file.

    Returns
    -------
    list of str
        Notes for the user.

    Raises
    ------
    DesignError
        Where the file exists, has another ending, or cannot say what the design does.
    """
    target = file if isinstance(file, Target) else check_export(file, force)
    chain = None if design.graph is None else _chain(design)
    if chain is not None and target.path.suffix.lower() != ".onnx":
        raise DesignError(
            "export: the network has joins over time, functions or windows between its layers, which a state dict cannot say; write an "
            ".onnx file"
        )
    if chain is not None and any(step.kind == PER_FRAME for step in design.host_steps):
        raise DesignError(
            "export: the host divides a sum by the frames of the sequence, which the ONNX that is written here cannot say; "
            "export it without that step"
        )
    if design.graph is not None and chain is None:
        raise DesignError(
            "export: the network is a graph of layers, which neither a state dict nor the ONNX that is written here can "
            "say; export each layer as a design of its own"
        )
    layers = [
        replace(dense_layer(one, f"layer_{i}"), initial=dict(one.initial or {}))
        for i, one in enumerate(design.layers)
    ]
    scaling = design.host_scaling
    blocks = [one.cell.block_sizes for one in design.layers]
    with new_file(target) as partial:
        more = {} if chain is None else {"chain": chain}
        notes = WRITERS[target.path.suffix.lower()](
            partial, layers, blocks, scaling, design.host_steps, **more
        )
    notes += _state_notes(layers, target.path.suffix.lower() == ".onnx")
    if scaling is not None and not scaling.scales:
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


def _state_notes(layers: Sequence[DenseLayer], onnx: bool) -> list[str]:
    """What becomes of the states that the design's sequences start from."""
    lost = [n for n in layers if n.initial and not (onnx and holds_state(n))]
    if not lost:
        return []
    return [
        f"{WARNING}the initial states of {', '.join(n.name for n in lost)} are not part of the file, whose layers start from zero: "
        "give them where the model is called" + ("" if onnx else ", or write an .onnx file")
    ]


def _chain(design: CoreSpecification) -> list[Part] | None:
    """The layers, by their numbers, and the joins of a graph that is a row of them: joins over time, functions, and windows, each before
    a linear layer; None for any other."""
    graph, chain = design.graph, list[Part]()
    assert graph is not None
    before = INPUT
    for name in graph.order:
        join = graph.join_of(name)
        if graph.operands[name] != (before,):
            return None
        if not isinstance(join, TimeJoin | ElementWise | Window | None):
            return None
        windowed = bool(chain) and isinstance(chain[-1], Window)
        if windowed and (join is not None or design.layers[number_of(name)].cell.recurrent):
            return None
        chain.append(number_of(name) if join is None else join)
        before = name
    return None if isinstance(chain[-1], Window) else chain
