"""New weights for a core that loads them: a model or a design in the formats and the structure of an old one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.calibration.generate import random_calibration
from ernn_myhdl.calibration.saturation import saturated_tensors
from ernn_myhdl.corpus.inputs import check_input, first_frames, load_data
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.dense import DenseLayer, dense_layer
from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.embedding import Embedding, Table
from ernn_myhdl.design.graph import ArgMax, Graph
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.quantise import SaturatedWeights, saturated_weights
from ernn_myhdl.design.source_model import Origin, file_digest, source_of
from ernn_myhdl.design.storage import MARKS, load_design
from ernn_myhdl.design.time_joins import taken_lengths
from ernn_myhdl.errors import WARNING, DesignError
from ernn_myhdl.exchange.frames_out import FramesOut
from ernn_myhdl.exchange.hardware_argmax import with_hardware_argmax
from ernn_myhdl.exchange.projection import DENSE, LARGEST_CHANGE, source_outputs
from ernn_myhdl.exchange.source import SUFFIXES, Source, read_source
from ernn_myhdl.golden.network_models import float_model, integer_model
from ernn_myhdl.golden.output_loss import OutputLoss, output_loss

#: Frames on which the loss of outputs is seen, at most.
MOST_FRAMES = 4096
#: What a user can do about another structure.
_OTHER = "a core loads weights of its own structure only: change the model, or convert it as a core of its own"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class NewWeights:
    """design: the old structure, formats and hardware with the new weights. layers: those of the new model, dense.

    saturated: of each layer the tensors whose numbers its formats do not hold; an embedding's, if it has one, is the last. errors: relative
    Frobenius error of each matrix by its block-circulant form. projection: of the float outputs by that, None where nothing was
    changed. loss: of the outputs of the core against those of the new model in float. data: on which both were seen, frames: how many.
    """

    design: Design | Network
    layers: tuple[DenseLayer, ...]
    saturated: tuple[tuple[SaturatedWeights, ...], ...]
    errors: tuple[dict[str, float], ...]
    projection: OutputLoss | None
    loss: OutputLoss
    data: str
    frames: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Model:
    """The new model as the old structure takes it: its layers, what is around them, and weights that are a design's already."""

    layers: tuple[DenseLayer, ...]
    graph: Graph | None
    steps: tuple[HostStep, ...]
    origin: Origin
    weights: tuple[Arrays, ...] | None = None
    notes: tuple[str, ...] = ()


def new_weights(
    new: str | Path,
    old: Design | Network,
    data: Any = None,
    order: Sequence[str] | None = None,
    direction: str | None = None,
    activation: str | None = None,
    config: str | Path | None = None,
    host_functions: bool = False,
    all_frames: bool = False,
    max_frames: int | None = None,
) -> NewWeights:
    """The weights of `new`, a design folder or a model file, in the structure and the formats of `old`.

    data: a file, or sequences (frames, inputs), on which the outputs are compared; None: random ones. Other arguments: of model files, as in
    `ernn_myhdl.exchange.importing.import_model`. Raises DesignError for a model of another structure, which it names.
    """
    if _is_design(Path(new)):
        given = (order, direction, activation, config, max_frames)
        if any(each is not None for each in given) or host_functions or all_frames:
            raise DesignError(f"{new}: is a design; the options of model files are not for it")
        model = _of_design(Path(new), old)
    else:
        source = read_source(
            new, order, direction, False, activation, config, host_functions,
            FramesOut(all_frames, max_frames),
        )  # fmt: skip
        model = _of_source(source, Origin(source.kind, Path(new).name, file_digest(new)), old)
    return _in_old_formats(model, old, data)


def new_weights_of_module(
    module: Any,
    example: Any,
    old: Design | Network,
    data: Any = None,
    host_functions: bool = False,
    all_frames: bool = False,
    max_frames: int | None = None,
) -> NewWeights:
    """As `new_weights`, of a PyTorch module, which `ernn_myhdl.exchange.torch_module.import_module` would take with these arguments."""
    from ernn_myhdl.exchange.torch_module import module_source

    frames_out = FramesOut(all_frames, max_frames)
    source, origin, *_ = module_source(module, example, host_functions, frames_out)
    return _in_old_formats(_of_source(source, origin, old), old, data)


def _is_design(place: Path) -> bool:
    if place.is_dir() or place.name in MARKS:
        return True
    if place.suffix.lower() not in SUFFIXES:
        raise DesignError(
            f"{place}: is no design folder, and no model file ({', '.join(SUFFIXES)}); give one of them"
        )
    return False


def _ends_with_argmax(graph: Graph) -> bool:
    return any(isinstance(j, ArgMax) and f"join_{i}" == graph.output for i, j in enumerate(graph.joins))  # fmt: skip


def _of_source(source: Source, origin: Origin, old: CoreSpecification) -> _Model:
    """Layers of a model, whose structure has to be that of the core."""
    if old.graph is not None and _ends_with_argmax(old.graph):
        source = with_hardware_argmax(source)
    check_structure(source.layers, source.graph, source.steps, old, origin.name)
    own, theirs = (s if s is not None and s.scales else None for s in (source.scaling, old.host_scaling))  # fmt: skip
    if own != theirs:
        raise DesignError(_other_scaling(origin.name, own, theirs))
    return _Model(source.layers, source.graph, source.steps, origin, None, source.notes)


def _of_design(folder: Path, old: CoreSpecification) -> _Model:
    """A design; one of dense matrices may be projected onto the blocks of the old one, another one has to have its blocks."""
    new = load_design(folder)
    layers = tuple(
        dense_layer(layer, "layer" if len(new.layers) == 1 else f"layer {i}")
        for i, layer in enumerate(new.layers)
    )
    check_structure(layers, new.graph, new.host_steps, old, str(folder))
    if new.host_scaling != old.host_scaling:
        raise DesignError(_other_scaling(str(folder), new.host_scaling, old.host_scaling))
    pairs = [(a.cell, b.cell) for a, b in zip(new.layers, old.layers, strict=True)]
    for i, (a, b) in enumerate(pairs):
        if _blocks(a) != _blocks(b) and set(_blocks(a).values()) != {DENSE}:
            raise DesignError(
                f"{folder}: layer {i}: blocks of {a.block_text}, the core has {b.block_text}: {_OTHER}"
            )
    same = all(_blocks(a) == _blocks(b) for a, b in pairs)
    weights = tuple(dict(layer.weights) for layer in new.layers) if same else None
    origin = Origin("design", folder.name, new.digest)
    return _Model(layers, new.graph, new.host_steps, origin, weights)


def _other_scaling(where: str, own: InputScaling | None, theirs: InputScaling | None) -> str:
    return (
        f"{where}: host scaling of x is {own or 'none'}, the core's is {theirs or 'none'}: {_OTHER}"
    )


def _blocks(cell: Cell) -> dict[str, int]:
    """Block size of each matrix."""
    return {name: cell.block_of(name) for name in cell.weight_shapes if name.endswith("_weight")}


def check_structure(
    layers: Sequence[DenseLayer],
    graph: Graph | None,
    steps: Sequence[HostStep],
    old: CoreSpecification,
    where: str,
) -> None:
    """DesignError naming the first thing in which layers and what is around them are not those of `old`."""
    if len(layers) != len(old.layers):
        raise DesignError(f"{where}: {len(layers)} layers, the core has {len(old.layers)}: {_OTHER}")  # fmt: skip
    for i, (layer, own) in enumerate(zip(layers, old.layers, strict=True)):
        cell = own.cell
        here = f"{where}: layer {i} ({layer.kind} {layer.inputs} -> {layer.outputs})"
        if layer.kind != cell.kind:
            raise DesignError(f"{here}: cell {layer.kind}, the core has {cell.kind}: {_OTHER}")
        sizes = {"inputs": layer.inputs, "hidden": layer.hidden, "outputs": layer.outputs}
        for name, size in sizes.items():
            if size != getattr(cell, name):
                raise DesignError(f"{here}: {name} {size}, the core has {getattr(cell, name)}: {_OTHER}")  # fmt: skip
        given = layer.cell(cell.block_sizes)
        blocks = {"block", *cell.block_names.values()}
        for each in fields(given):
            ours, theirs = getattr(given, each.name), getattr(cell, each.name)
            if each.name not in blocks and ours != theirs:
                raise DesignError(f"{here}: {each.name} {ours}, the core has {theirs}: {_OTHER}")
    if _plain(graph) != _plain(old.graph):
        raise DesignError(
            f"{where}: signals go as {_graph_text(graph)}, those of the core as {_graph_text(old.graph)}: {_OTHER}"
        )
    if tuple(steps) != old.host_steps:
        told = [", ".join(map(str, each)) or "none" for each in (steps, old.host_steps)]
        raise DesignError(
            f"{where}: steps of the host behind y are {told[0]}, those of the core {told[1]}: {_OTHER}"
        )


def _plain(graph: Graph | None) -> Graph | None:
    """A graph without what the weights and formats decide: formats of joins, and the numbers of an embedding."""
    if graph is None or graph.is_row:
        return None
    joins = tuple(
        replace(j, table=Table(np.zeros(j.table.values.shape))) if isinstance(j, Embedding) else j
        for j in graph.joins
    )
    return replace(graph, joins=joins).without_formats()


def _graph_text(graph: Graph | None) -> str:
    if graph is None or graph.is_row:
        return "a row"
    joins = ", ".join(f"{j.kind} of {', '.join(j.inputs)}" for j in graph.joins)
    return f"layers of {', '.join(graph.sources)}; {joins or 'no joins'}; y is {graph.output}"


def _in_old_formats(model: _Model, old: Design | Network, data: Any) -> NewWeights:
    made, errors = _float_weights(model, old)
    design = _with_weights(old, made, _new_graph(model.graph, old))
    states: list[Any] = [None] * len(made)
    sequences, told = _sequences(design, data)
    wanted = source_outputs(model.layers, sequences, states, design.graph)
    projected, notes = None, list(model.notes)
    if any(any(found.values()) for found in errors):
        projected = output_loss(wanted, float_model(design).run(sequences))
        notes.append(_projected_text(errors, projected, told))
    if any(layer.initial for layer in model.layers):
        notes.append(
            f"{WARNING}the model starts from initial states, which are no weights; the outputs here are from zero states"
        )
    runs = integer_model(design).run(sequences)
    loss = output_loss(wanted, [run.outputs for run in runs])
    counts = {name: sum(run.saturations[name] for run in runs) for name in runs[0].saturations}
    for name, (count, elements) in saturated_tensors(
        design, counts, sum(run.frames for run in runs)
    ).items():
        notes.append(
            f"{WARNING}{100 * count / elements:.3g} % of {name} saturate on {told} ({count} of {elements} elements): the core's formats "
            "were chosen for other weights; the loss tells what it costs"
        )
    source = source_of(model.origin, model.layers, made, projected is None)
    saturated = [tuple(saturated_weights(layer)) for layer in design.layers]
    if (embedding := _saturated_table(design.graph)) is not None:
        saturated.append((embedding,))
    return NewWeights(
        replace(design, source=source), tuple(model.layers), tuple(saturated), tuple(errors), projected, loss, told,
        sum(map(len, sequences)), tuple(notes),
    )  # fmt: skip


def _projected_text(errors: Sequence[dict[str, float]], loss: OutputLoss, data: str) -> str:
    """What the projection onto the core's blocks costs."""
    largest = max(max(found.values()) for found in errors)
    text = (
        f"matrices were replaced by their nearest block-circulant ones, as the core has them, which changed them by up to {100 * largest:.3g} %; "
        f"the outputs of the float model on {data} differ from the source's: {loss}"
    )
    if largest > LARGEST_CHANGE:
        return f"{WARNING}{text}; train the model with such matrices"
    return text


def _float_weights(
    model: _Model, old: CoreSpecification
) -> tuple[list[Arrays], list[dict[str, float]]]:
    """Weights of each cell for what the core gets of x, and the errors of their matrices by their blocks."""
    layers, cells = list(model.layers), [own.cell for own in old.layers]
    errors = [layer.errors(cell) for layer, cell in zip(layers, cells, strict=True)]
    if model.weights is not None:
        return [dict(each) for each in model.weights], [dict.fromkeys(e, 0.0) for e in errors]
    first: Arrays = {}
    if old.host_scaling is not None:
        own = layers[0].weights
        matrix, bias = old.host_scaling.fold(own["input_weight"], own["bias"])
        layers[0], first = replace(layers[0], weights=own | {"input_weight": matrix}), {"bias": bias}  # fmt: skip
    made = [layer.circulant(cell) for layer, cell in zip(layers, cells, strict=True)]
    made[0] |= first
    return made, errors


def _new_graph(graph: Graph | None, old: CoreSpecification) -> Graph | None:
    """The old graph with the numbers of the new embeddings."""
    if graph is None or old.graph is None:
        return old.graph
    joins = [
        replace(theirs, table=ours.table)
        if isinstance(theirs, Embedding) and isinstance(ours, Embedding)
        else theirs
        for ours, theirs in zip(graph.joins, old.graph.joins, strict=True)
    ]
    return replace(old.graph, joins=tuple(joins))


def _with_weights(
    old: Design | Network, weights: Sequence[Arrays], graph: Graph | None
) -> Design | Network:
    layers = [
        replace(layer, weights=own, source=None)
        for layer, own in zip(old.layers, weights, strict=True)
    ]
    if isinstance(old, Design):
        return layers[0]
    return replace(old, layers=tuple(layers), graph=graph, source=None)


def _saturated_table(graph: Graph | None) -> SaturatedWeights | None:
    embedding = None if graph is None else graph.embedding
    if embedding is None or not embedding.saturated.any():
        return None
    assert embedding.format is not None  # in a network all have one
    out = embedding.table.values[embedding.saturated]
    return SaturatedWeights(
        "embedding", len(out), embedding.saturated.size, float(out[np.argmax(np.abs(out))]), *embedding.format.range
    )  # fmt: skip


def _sequences(design: CoreSpecification, data: Any) -> tuple[list[np.ndarray], str]:
    """Sequences of values of x, and what they are: those of a user, or seeded random ones that the format of x holds."""
    graph, inputs, numbers = design.graph, design.inputs, design.takes_numbers
    if data is None:
        x = random_calibration(inputs, 0, graph if numbers else None)
        least, most = design.input_format.range
        if not numbers:
            x = [np.clip(s, least, most) for s in x]
        if design.host_scaling is not None:
            scaling = design.host_scaling
            x = [s / scaling.factors + np.array(scaling.offsets or 0.0) for s in x]
        frames = taken_lengths(graph, [len(x[0])])[0]
        return [np.resize(s, (frames, inputs)) for s in x], "random frames"
    if isinstance(data, str | Path):
        told, sequences = str(data), load_data(data, inputs, numbers=numbers).sequences
    else:
        told, sequences = "the data", check_input(data, inputs, "data", numbers)
    kept = first_frames(sequences, MOST_FRAMES)
    if graph is not None and graph.over_time:
        kept = [s for s in sequences[: len(kept)] if taken_lengths(graph, [len(s)]) == [len(s)]]
        if not kept:
            raise DesignError(f"data {told}: no sequence has a length that the network takes")
    return kept, told
