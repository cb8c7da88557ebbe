"""Models of PyTorch and ONNX as designs: `import_model`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ernn_myhdl.calibration.build import (
    EXTRA_STATE_BITS,
    MAX_STATE_WORD,
    build_design,
    build_network,
    check_words,
)
from ernn_myhdl.calibration.input_scales import choose_input_scaling, folded, input_notes
from ernn_myhdl.calibration.saturation import saturation_notes
from ernn_myhdl.corpus.inputs import check_input, first_frames, load_input
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.design import Design
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.design.input_scaling import InputScaling, scaled
from ernn_myhdl.design.limits import MAX_PARAMETERS
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.own_states import STATES_NAME, write_own_states
from ernn_myhdl.design.source_model import Origin, file_digest, source_of
from ernn_myhdl.design.storage import MARKS, write_design
from ernn_myhdl.design.time_joins import taken_lengths
from ernn_myhdl.errors import WARNING, DesignError
from ernn_myhdl.exchange.frames_out import FramesOut
from ernn_myhdl.exchange.hardware_argmax import with_hardware_argmax
from ernn_myhdl.exchange.normal_inputs import standard_normal
from ernn_myhdl.exchange.projection import (
    block_sizes,
    one_each,
    projection_loss,
    projection_notes,
)
from ernn_myhdl.exchange.reference import check_reference, load_reference
from ernn_myhdl.exchange.source import Source, read_source
from ernn_myhdl.files.output_folder import Target, new_folder
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.golden.output_loss import OutputLoss
from ernn_myhdl.whole_numbers import is_whole, whole

#: Most lanes of a layer where none are given.
DEFAULT_LANES = 16
#: The first note without a reference.
UNCHECKED = (
    "unchecked: the design was not compared with the model that the file is of; give inputs and outputs of it with "
    "--reference x.npz"
)
#: Frames of the calibration data on which saturations are looked for.
CHECKED_FRAMES = 4096


@dataclass(frozen=True)
class Imported:
    """design: a Design of one layer, a Network of several. layers: as the source has them, dense.

    errors: for each layer the relative Frobenius error of each matrix by its block-circulant form.
    notes: what the user should know; those that begin with "WARNING: " need action. loss: of the outputs of the
    float model with block-circulant matrices against those of the source, on the calibration data; None where
    no matrix was changed.
    """

    design: Design | Network
    layers: tuple[DenseLayer, ...]
    errors: tuple[dict[str, float], ...]
    notes: tuple[str, ...]
    loss: OutputLoss | None = None
    reference: OutputLoss | None = None

    def __repr__(self) -> str:
        return f"Imported({self.design!r}, {len(self.notes)} notes)"

    @property
    def checked(self) -> bool:
        """Whether the layers were compared with outputs of the source's own framework."""
        return self.reference is not None

    @property
    def initial_states(self) -> list[dict[str, np.ndarray] | None]:
        """The state of each layer before the first frame (`ernn_myhdl.golden.initial_state`), None for zero."""
        return [layer.initial or None for layer in self.layers]


def save_imported(imported: Imported, folder: str | Path | Target, force: bool = False) -> Path:
    """Write the design, and the initial states where there are any, into a new folder."""
    with new_folder(folder, force, MARKS) as partial:
        write_design(imported.design, partial)
        write_own_states([layer.initial for layer in imported.layers], partial)
    return Path(folder)


def import_model(
    file: str | Path,
    block: int | Sequence[int] | None = None,
    calibration=None,
    word: int = 12,
    state_word: int | None = None,
    lanes: int | Sequence[int] | None = None,
    streams: int = 1,
    order: Sequence[str] | None = None,
    direction: str | None = None,
    name: str = "ernn",
    input_block: int | Sequence[int] | None = None,
    projection_block: int | Sequence[int] | None = None,
    initial_states: bool | None = None,
    input_scales: bool = True,
    reference=None,
    activation: str | None = None,
    config: str | Path | None = None,
    host_functions: bool = False,
    hardware_argmax: bool = False,
    all_frames: bool = False,
    max_frames: int | None = None,
) -> Imported:
    """A model of PyTorch, ONNX or Keras as a design.

    Parameters
    ----------
    file : str or path
        .safetensors, .pt, .onnx, .keras or .h5.
    block : int or sequence of int, optional
        Size of the circulant blocks, one or one for each layer; None: that of an exported design, else the largest with
        which a layer's matrices are block-circulant already, else 1, dense.
    calibration : file, or sequence of ndarray, (frames, inputs) each, optional
        On which the formats are chosen; None: standard normal inputs.
    word, state_word : int
        As in `new_design`; state_word None: word + 4.
    lanes : int or sequence of int, optional
        One number, reduced for layers with fewer block rows, or one for each layer.
    streams : int
    order : sequence of str, optional
        Names of the modules of a state dict.
    direction : str, optional
        "forward" or "backward", the half of a bidirectional one to import.
    name : str
        Of the top entity.
    input_block, projection_block : int or sequence of int, optional
        Of the matrices of x and of projections; None: that of block.
    initial_states : bool, optional
        Of the hardware; None: where the model starts from states other than zero, or takes them as inputs.
    input_scales : bool
        Record a scaling of x in the design, that of an exported one or, where calibration data show a need, one that
        fits them.
    reference : file or dict of str to ndarray, optional
        Inputs and outputs of the model (`ernn_myhdl.exchange.reference`). None: the first note tells that nothing was
        compared.
    activation : str, optional
        "tanh" or "relu", of the nn.RNN of a state dict, which does not tell it.
    config : str or path, optional
        What `model.to_json()` gives, for a .weights.h5 file of Keras.
    host_functions : bool
        Last functions of the model that hardware could compute, sigmoid, tanh and relu, are left to the host, as softmax
        always is.
    hardware_argmax : bool
        An argmax at the model's end is in the core, whose y is the number of a class then, and not with the host.
    all_frames : bool
        Where the model's outputs are of the last frame, the core gives every frame and the host takes the last one.
    max_frames : int, optional
        Of a sequence, for a mean at the end over sequences of any length, which the core sums and the host divides.

    Returns
    -------
    Imported

    Raises
    ------
    DesignError
        For what no core computes, by name, and where the float outputs of the dense layers differ from the reference by
        more than 1e-4 of their span.
    """
    source = read_source(
        file, order, direction, reference is not None, activation, config, host_functions,
        FramesOut(all_frames, max_frames),
    )  # fmt: skip
    compared, told = None, UNCHECKED
    if reference is not None:
        outputs = stepped(source.steps, np.zeros((1, source.outputs)), frames=1).shape[-1]
        given = load_reference(reference, source.inputs, outputs, source.graph)
        compared = check_reference(source.layers, given, source.steps, source.graph, source.scaling)
        told = (
            f"checked: the layers, dense and not rounded, differ from {given.where} by at most {compared.relative:.2g} "
            f"of its span ({given.frames} frames)"
        )
    origin = Origin(source.kind, Path(file).name, file_digest(file))
    return import_source(
        source, origin, told, compared, block, calibration, word, state_word, lanes, streams, name, input_block,
        projection_block, initial_states, input_scales, hardware_argmax,
    )  # fmt: skip


def import_source(
    source: Source,
    origin: Origin,
    told: str,
    compared: OutputLoss | None,
    block: int | Sequence[int] | None = None,
    calibration=None,
    word: int = 12,
    state_word: int | None = None,
    lanes: int | Sequence[int] | None = None,
    streams: int = 1,
    name: str = "ernn",
    input_block: int | Sequence[int] | None = None,
    projection_block: int | Sequence[int] | None = None,
    initial_states: bool | None = None,
    input_scales: bool = True,
    hardware_argmax: bool = False,
) -> Imported:
    """The layers of a source as a design. told: the first note; compared: the loss against outputs of the source.

    Other arguments: `import_model`.
    """
    if hardware_argmax:
        source = with_hardware_argmax(source)
    own = {"input_block": input_block, "projection_block": projection_block}
    sizes, notes = block_sizes(block, own, source)
    if initial_states is None and source.given_states:
        initial_states = True
    options = (calibration, word, state_word, lanes, streams, name)
    layers, exact, scaling = list(source.layers), None, source.scaling
    if scaling is not None and not (input_scales or scaling.scales):
        scaling = None
    if scaling is not None and any(scaling.shifts):
        first = layers[0].weights
        matrix, bias = scaling.fold(first["input_weight"], first["bias"])
        layers[0] = replace(layers[0], weights=first | {"input_weight": matrix})
        exact = [{"bias": bias}, *({} for _ in layers[1:])]
    imported = design_of_layers(
        layers, sizes, *options, trained=exact, initial_states=initial_states,
        input_scales=input_scales, scaling=scaling, graph=source.graph,
    )  # fmt: skip
    imported = replace(imported, design=imported.design.with_host_steps(source.steps))
    all_notes = (told, *source.notes, *notes, *imported.notes)
    imported = replace(imported, notes=all_notes, reference=compared)
    return with_source(imported, origin, source.layers)


def with_source(imported: Imported, origin: Origin, layers: Sequence[DenseLayer]) -> Imported:
    """The import with these layers as the source of its design."""
    weights = [design.weights for design in imported.design.layers]
    source = source_of(origin, layers, weights, imported.loss is None)
    return replace(imported, design=replace(imported.design, source=source), layers=tuple(layers))


def design_of_layers(
    layers: Sequence[DenseLayer],
    sizes: Sequence[Mapping[str, int]],
    calibration=None,
    word: int = 12,
    state_word: int | None = None,
    lanes: int | Sequence[int] | None = None,
    streams: int = 1,
    name: str = "ernn",
    trained: Sequence[dict[str, np.ndarray]] | None = None,
    initial_states: bool | None = None,
    input_scales: bool = True,
    scaling: InputScaling | None = None,
    keep_matrix: bool = False,
    graph: Graph | None = None,
) -> Imported:
    """Layers one after the other, or of a graph, as a design; sizes: `Cell.block_sizes` of each.

    trained: for each layer, weights of the cell that stand in the place of the nearest ones. scaling: of x,
    for which the layers are made already. With `input_scales` one is chosen (behind it) on the calibration data, if
    they show a need; keep_matrix: offsets only. Other arguments: `import_model`.
    """
    if state_word is None:  # a word that is no number is refused as the first
        state_word = MAX_STATE_WORD
        if is_whole(word):
            state_word = min(word + EXTRA_STATE_BITS, MAX_STATE_WORD)
    check_words(word, state_word)
    cells = [layer.cell(each) for layer, each in zip(layers, sizes, strict=True)]
    _check_size(cells)
    weights = [layer.circulant(cell) for layer, cell in zip(layers, cells, strict=True)]
    for own, given in zip(weights, trained or [], strict=trained is not None):
        own |= given
    errors = [layer.errors(cell) for layer, cell in zip(layers, cells, strict=True)]
    if initial_states is None:
        initial_states = any(layer.initial for layer in layers)
    inputs, data = cells[0].inputs, "the calibration data"
    if graph is not None:
        inputs = graph.input_size([cell.inputs for cell in cells])
    if graph is not None and (graph.input_divides or graph.first_taker != "layer_0"):
        input_scales = False  # which would have to be folded into every taker of x
    if scaling is not None and scaling.scales:
        input_scales = False  # x is normalised already
    embedding = None if graph is None else graph.embedding
    if calibration is None:
        data = "standard normal inputs" if embedding is None else "numbers drawn at random"
        sequences = standard_normal(inputs, graph)
    elif isinstance(calibration, str | Path):
        sequences = load_input(calibration, inputs, embedding is not None)
    else:
        sequences = check_input(calibration, inputs, "calibration", embedding is not None)
    loss = None
    if any(any(found.values()) for found in errors):
        loss = projection_loss(layers, cells, weights, scaled(scaling, sequences), graph)
    notes = projection_notes(layers, errors, loss, data)
    notes += _state_notes(layers, initial_states)
    if calibration is None:
        notes.append(f"formats chosen on {data}; choose them on real ones with --calibration")
    if input_scales and calibration is not None:
        found = choose_input_scaling(cells[0], weights[0], scaled(scaling, sequences), keep_matrix)
        if found is not None:
            weights[0] = folded(cells[0], weights[0], found)
            scaling = found if scaling is None else scaling.then(found)
    states = [layer.initial or None if initial_states else None for layer in layers]
    each = _lanes(lanes, cells)
    design: Design | Network
    if len(cells) == 1 and graph is None:
        design = build_design(
            cells[0], weights[0], sequences, word, state_word, each[0], name, scaling,
            streams=streams, initial_states=initial_states, initial=states[0],
        )  # fmt: skip
    else:
        design = build_network(
            cells, weights, sequences, word, state_word, each, streams=streams,
            initial_states=initial_states, name=name, input_scaling=scaling, initial=states, graph=graph,
        )  # fmt: skip
    if any(states):
        design = design.with_initial(states)
    if scaling is not None:
        notes.append(f"the host gives the core x {scaling}; `ernn info` has the formula")
    if calibration is not None:
        notes += input_notes(design, sequences)
    notes += _saturations(design, sequences, states)
    return Imported(design, tuple(layers), tuple(errors), tuple(notes), loss)


def _saturations(
    design: Design | Network, sequences: list[np.ndarray], states: Sequence[State | None]
) -> list[str]:
    """Warnings of tensors that saturate on the calibration data."""
    x = first_frames(sequences, CHECKED_FRAMES)
    if (
        design.graph is not None and design.graph.over_time
    ):  # which takes whole sequences, some of these lengths only
        x = [s for s in sequences[: len(x)] if taken_lengths(design.graph, [len(s)]) == [len(s)]]
    if not x:
        return []
    state = states[0] if isinstance(design, Design) else list(states)
    initial = None if all(s is None for s in states) else [state] * len(x)
    runs = integer_model(design).run(x, initial=initial)
    counts = {name: sum(run.saturations[name] for run in runs) for name in runs[0].saturations}
    return saturation_notes(design, counts, sum(run.frames for run in runs))


def _lanes(lanes: int | Sequence[int] | None, cells: Sequence[Cell]) -> list[int]:
    """Lanes of each layer; one number for all is reduced to the block rows of smaller layers, and to a divisor of those of a group."""
    rows = [len(cell.rows) * cell.hidden_blocks for cell in cells]
    given = one_each("--lanes", DEFAULT_LANES if lanes is None else lanes, len(cells))
    for number in given:
        whole("lanes", number, 1)
    if lanes is None or (len(set(given)) == 1 and given[0] <= max(rows)):
        return [cell.lanes_up_to(n) for n, cell in zip(given, cells, strict=True)]
    return given


def _check_size(cells: Sequence[Cell]) -> None:
    total = sum(cell.parameters for cell in cells)
    if total > MAX_PARAMETERS:
        raise DesignError(
            f"the layers have {total} parameters, must be at most {MAX_PARAMETERS}; --block K, with which they "
            "become block-circulant, stores a K-th of them"
        )


def _state_notes(layers: Sequence[DenseLayer], initial_states: bool) -> list[str]:
    if not any(layer.initial for layer in layers):
        return []
    use = (
        "every run, session and host starts its sequences from them where it is given no others; a core is sent them on s_state"
        if initial_states
        else "the core starts every sequence from zero, since --no-initial-states was given"
    )
    told = f"the model starts from initial states, which are in {STATES_NAME}; {use}"
    return [told if initial_states else f"{WARNING}{told}"]
