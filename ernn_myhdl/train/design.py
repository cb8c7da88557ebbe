"""Trained models as designs, and as files that `ernn import` takes.

The weights of the design are the vectors that were trained: with quantisation its stored words are those
that the model computed with.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.design import Design
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.source_model import Origin
from ernn_myhdl.errors import WARNING, DesignError, DesignWarning
from ernn_myhdl.exchange.description import PROPERTY, write_description
from ernn_myhdl.exchange.export_state_dict import untold
from ernn_myhdl.exchange.importing import design_of_layers, with_source
from ernn_myhdl.files.output_folder import check_file, new_file
from ernn_myhdl.train.branching import Branching, Owner
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.train.matrices import CONVOLUTION, LINEAR, Matrix, find_matrices
from ernn_myhdl.train.training_result import Trained
from ernn_myhdl.train.trial import Checked, module_options

#: Role of a matrix -> its tensor in a cell.
TENSORS = {
    "input": "input_weight",
    "recurrent": "recurrent_weight",
    "projection": "projection_weight",
    LINEAR: "input_weight",
    CONVOLUTION: "input_weight",
}
DEFAULT_WORD = 12
#: Keywords of `compressed_design`.
DESIGN_OPTIONS = {
    "word",
    "state_word",
    "lanes",
    "streams",
    "name",
    "initial_states",
    "input_scales",
}

Arrays = dict[str, np.ndarray]


def compressed_design(
    compressed: Trained, calibration, order: Sequence[str] | None = None, **options
) -> Design | Network:
    """A trained model as a design: one layer gives a `Design`, several a `Network`.

    calibration: sequences (frames, inputs) on which the formats are chosen. order: names of the modules,
    None: that in which forward calls them. options: word (None: that of the quantisation, else 12), state_word,
    lanes, streams and name, as in `import_model`. DesignError where the float reference of the design gives
    anything but the modules on the first batch of the data (`ernn_myhdl.train.trial`). What the model does behind the
    last module, such as a mean over frames, is not part of the design: `report["host"]`. Where the calibration data
    show a need, a scaling of x is chosen, which is the host's too; elements of x that stay too coarse, and tensors of
    which more than one element in a thousand saturates on the calibration data, are warned of (`warnings`). The
    design keeps the model as it was trained as its source.
    """
    if unknown := sorted(options.keys() - DESIGN_OPTIONS):
        raise DesignError(
            f"{unknown[0]}: is no argument of design; these are calibration, order, {', '.join(sorted(DESIGN_OPTIONS))}"
        )
    checked = _checked(compressed, order)
    layers = list(checked.layers)
    per_layer = _matrices_by_layer(
        compressed.model, compressed.blocks, checked.owners, compressed.shifts
    )
    if options.get("word") is None:
        quantisation = compressed.quantisation
        options["word"] = DEFAULT_WORD if quantisation is None else quantisation.word
    scaling = _scaling(per_layer)
    if scaling is not None:
        first = layers[0].weights
        matrix, _ = scaling.fold(first["input_weight"], first["bias"])
        layers[0] = replace(layers[0], weights=first | {"input_weight": matrix})
    imported = design_of_layers(
        layers,
        [_sizes(layer, found) for layer, found in zip(layers, per_layer, strict=True)],
        calibration,
        trained=[_vectors(compressed, found) for found in per_layer],
        scaling=scaling,
        keep_matrix=compressed.quantisation is not None,
        graph=checked.graph,
        **options,
    )
    origin = Origin("PyTorch module as trained", type(compressed.model).__name__)
    imported = replace(imported, design=imported.design.with_host_steps(checked.steps))
    design = with_source(imported, origin, checked.layers).design
    checked.compare_design(design)
    for note in imported.notes:
        if note.startswith(WARNING):
            warnings.warn(note.removeprefix(WARNING), DesignWarning, stacklevel=3)
    return design


def check_matrices(
    model: nn.Module, blocks: Mapping[str, int], checked: Checked | Branching
) -> None:
    """DesignError where a layer has no matrices of its own. blocks: sizes by parameter."""
    own = _matrices_by_layer(model, blocks, checked.owners)
    for layer, found in zip(checked.layers, own, strict=True):
        _sizes(layer, found)


@checked_call
def save_model(compressed: Trained, file: str | Path, order: Sequence[str] | None = None) -> None:
    """Write the state dict with the names of the model, dense, as .safetensors for `ernn import`.

    Its metadata tell block sizes, order and options of the modules, and the scaling of x for which its matrix is
    block-circulant, where there is one: the tensors are those of the model, for x as it is.
    """
    target = check_file(file, (".safetensors",))
    checked = _checked(compressed, order)
    layers = checked.layers
    per_layer = _matrices_by_layer(
        compressed.model, compressed.blocks, checked.owners, compressed.shifts
    )
    sizes = [_sizes(layer, found) for layer, found in zip(layers, per_layer, strict=True)]
    names, tables = checked.names, checked.tables
    state = {
        n: t.detach()
        .cpu()
        .clone(memory_format=torch.contiguous_format)  # a head may share its table
        for n, t in compressed.model.state_dict().items()
        if n.rpartition(".")[0] in {*names, *tables}
    }
    options: dict[str, dict[str, Any]] = {**module_options(compressed.model)}
    for (name, _), layer in zip(checked.owners, layers, strict=True):
        if not layer.recurrent and (told := untold(layer)):
            options[name] = options.get(name, {}) | told
    text = write_description(
        sizes,
        checked.module_names,
        {n: options.get(n, {}) for n in names},
        scaling=_scaling(per_layer),
        graph=checked.graph,
        tables=[f"{name}.weight" for name in tables],
    )
    with new_file(target) as partial:
        save_file(state, partial, {PROPERTY: text})


def _checked(compressed: Trained, order: Sequence[str] | None) -> Checked | Branching:
    """The layers of the trained model, which agrees with the model."""
    if not isinstance(compressed, Trained):
        raise DesignError(
            f"compressed: is {type(compressed).__name__}, must be what compress or fit returned"
        )
    if compressed.trial is None:
        raise DesignError(
            "compressed: has no trial, without which it cannot be compared with its model; take what "
            "compress or fit returned"
        )
    return compressed.trial.run(order)


def _matrices_by_layer(
    model: nn.Module,
    blocks: Mapping[str, int],
    owners: Sequence[Owner],
    shifts: Mapping[str, tuple[int, ...]] | None = None,
) -> list[list[Matrix]]:
    """The matrices of each layer, with their block sizes."""
    matrices = find_matrices(model, dict(blocks), shifts)
    return [
        [m for m in matrices if (m.name.rpartition(".")[0], _layer(m)) == owner] for owner in owners
    ]


def _scaling(per_layer: Sequence[Sequence[Matrix]]) -> InputScaling | None:
    """The scaling of x that the matrix of x of the first layer was trained for."""
    return next((InputScaling(m.shifts) for m in per_layer[0] if m.shifts), None)


def _layer(matrix: Matrix) -> int:
    """The layer of a stacked module that the name of the parameter tells."""
    number = re.fullmatch(r".*_l(\d+)", matrix.name)
    return int(number[1]) if number else 0


def _sizes(layer: DenseLayer, matrices: Sequence[Matrix]) -> dict[str, int]:
    """Block sizes of a layer (`Cell.block_sizes`)."""
    blocks = {TENSORS[m.role]: m.block for m in matrices}
    parameters = layer.block_parameters
    if blocks.keys() != parameters.keys():
        raise DesignError(
            f"{layer}: shares a matrix with another layer; a core cannot: make two of it"
        )
    sizes = {parameter: blocks[tensor] for tensor, parameter in parameters.items()}
    return {n: k for n, k in sizes.items() if n == "block" or k != sizes["block"]}


def _vectors(compressed: Trained, matrices: Sequence[Matrix]) -> Arrays:
    """The trained vectors of the matrices of a layer, as weights of a cell."""
    weights = {}
    for matrix in matrices:
        vectors = compressed.vectors.get(matrix.name)
        if vectors is None:
            continue
        if not torch.equal(matrix.dense(vectors), matrix.parameter.detach()):
            raise DesignError(
                f"matrix {matrix.name}: was changed after the training; make the design of the model as it "
                "was trained"
            )
        array = vectors.cpu().numpy().astype(np.float32)
        weights[TENSORS[matrix.role]] = array[0] if matrix.role == "projection" else array
    return weights
