"""Block-circulant forms of a source's matrices: which block sizes are taken, and what they cost.

A dense source stays dense unless its matrices are block-circulant already or a block size is given: the
nearest block-circulant matrices of a model that was not trained for them give other outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.graph import Graph, Join, row
from ernn_myhdl.errors import WARNING, DesignError
from ernn_myhdl.exchange.source import Source
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.joins import joined_values, walked
from ernn_myhdl.golden.output_loss import OutputLoss, output_loss

#: Relative Frobenius error of a matrix from which its projection is warned of.
LARGEST_CHANGE = 0.03
#: Block size of matrices that stay as they are.
DENSE = 1

Arrays = dict[str, np.ndarray]


def block_sizes(
    block: int | Sequence[int] | None,
    own: Mapping[str, int | Sequence[int] | None],
    source: Source,
) -> tuple[list[dict[str, int]], list[str]]:
    """Block sizes of each layer (`Cell.block_sizes`), and notes on those that nobody gave.

    block: one size, or one for each layer; None: those of the file, else those that the matrices have.
    own: the sizes of single matrices, likewise.
    """
    count, notes = len(source.layers), []
    if block is None and source.blocks:
        sizes = [dict(each) for each in source.blocks]
    elif block is None:
        sizes = [layer.structure() or {"block": DENSE} for layer in source.layers]
        notes = _found(source.layers, sizes)
    else:
        sizes = [{"block": k} for k in one_each("--block", block, count)]
    for name, given in own.items():
        if given is None:
            continue
        option = "--" + name.replace("_", "-")
        if not any(name in layer.block_parameters.values() for layer in source.layers):
            raise DesignError(f"{option} {given}: no layer has such a matrix; leave it out")
        for each, k in zip(sizes, one_each(option, given, count), strict=True):
            each[name] = k
    return sizes, notes


def _found(layers: Sequence[DenseLayer], sizes: Sequence[Mapping[str, int]]) -> list[str]:
    """Notes on sizes that were found in the matrices."""
    notes = [
        f"{layer.name} is block-circulant already, imported as such: {options_of(each)}"
        for layer, each in zip(layers, sizes, strict=True)
        if each != {"block": DENSE}
    ]
    dense = [
        layer.name for layer, each in zip(layers, sizes, strict=True) if each == {"block": DENSE}
    ]
    if dense:
        notes.append(
            f"dense matrices are kept (block 1): {', '.join(dense)}; --block K makes them block-circulant, "
            "which a model has to be trained for"
        )
    return notes


def options_of(sizes: Mapping[str, int]) -> str:
    """Block sizes as options of `ernn import`, those that are as --block left out."""
    return " ".join(
        f"--{name.replace('_', '-')} {k}"
        for name, k in sizes.items()
        if name == "block" or k != sizes["block"]
    )


def one_each(what: str, given: int | Sequence[int], count: int) -> list[int]:
    """One number for each layer, of one number or of one for each."""
    values = [given] * count if isinstance(given, int) else list(given)
    if len(values) == 1:
        values *= count
    if len(values) != count:
        raise DesignError(
            f"{what}: {len(values)} numbers for {count} layers; give one, or one for each"
        )
    return values


def source_outputs(
    layers: Sequence[DenseLayer],
    x: Sequence[np.ndarray],
    initial: Sequence[State | None],
    graph: Graph | None = None,
) -> list[np.ndarray]:
    """Outputs (frames, outputs) of the source for sequences x (frames, inputs), in float64.

    initial: for each layer the state before all sequences, None for zero. graph: how the signals go; None: from each
    layer to the next.
    """
    sizes = [dict.fromkeys(("block", *each.block_parameters.values()), DENSE) for each in layers]
    cells = [layer.cell(each) for layer, each in zip(layers, sizes, strict=True)]
    weights = [layer.circulant(cell) for layer, cell in zip(layers, cells, strict=True)]
    return _outputs(cells, weights, x, initial, "dense", graph)


def projection_loss(
    layers: Sequence[DenseLayer],
    cells: Sequence[Cell],
    weights: Sequence[Arrays],
    x: Sequence[np.ndarray],
    graph: Graph | None = None,
) -> OutputLoss:
    """Outputs of cells with block-circulant weights against those of their dense source, both float64.

    x: sequences (frames, inputs). Both start from the initial states of the layers. graph: as in `source_outputs`.
    """
    states = [layer.initial or None for layer in layers]
    given = _outputs(cells, weights, x, states, "circulant", graph)
    return output_loss(source_outputs(layers, x, states, graph), given)


def _outputs(cells, weights, x, initial, structure: str, graph: Graph | None) -> list[np.ndarray]:
    def layer(i: int, x: list[np.ndarray]) -> list[np.ndarray]:
        model = FloatModel(cells[i], weights[i], structure)
        return model.run(x, initial=[initial[i]] * len(x))

    def join(name: str, how: Join, operands: list[list[np.ndarray]]) -> list[np.ndarray]:
        return [joined_values(how, each) for each in zip(*operands, strict=True)]

    return walked(graph or row(len(cells)), list(x), layer, join)


def projection_notes(
    layers: Sequence[DenseLayer],
    errors: Sequence[Mapping[str, float]],
    loss: OutputLoss | None,
    data: str,
) -> list[str]:
    """What the user should know about matrices that were changed. data: on which the loss was seen."""
    if loss is None:
        return []
    largest = max(max(found.values()) for found in errors)
    what = "matrices were replaced by their nearest block-circulant ones"
    outputs = f"the outputs of the float model on {data} differ from the source's: {loss}"
    if largest > LARGEST_CHANGE:
        notes = [
            f"{WARNING}{what}, which changed them by up to {100 * largest:.3g} %; {outputs}; retrain the model "
            "with such matrices, or import it with --block 1, which keeps them"
        ]
    else:
        notes = [f"{what}, which changed them by up to {100 * largest:.3g} %; {outputs}"]
    for layer, found in zip(layers, errors, strict=True):
        structure = layer.structure() if any(found.values()) else {}
        if structure:
            notes.append(f"{layer.name} is block-circulant already, with {options_of(structure)}")
    return notes
