"""What a design was made of: `source.safetensors` in its folder, which `ernn evaluate` compares with.

The file holds the dense weights of the source's layers, as tensors `layer_0.input_weight` and so on, or none
where the design has them exactly; its metadata hold what the source was. Hardware does not depend on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from ernn_myhdl.design.limits import check_model_file
from ernn_myhdl.design.tensor_file import read_safetensors
from ernn_myhdl.errors import DesignError

if TYPE_CHECKING:
    from ernn_myhdl.design.dense import DenseLayer

SOURCE_NAME = "source.safetensors"
#: Name of the metadata.
_PROPERTY = "ernn_source"
#: Version 1 tells no activation of a linear layer: what it says of one is the default of another cell.
_VERSION, _READ = 2, (1, 2)
_WHAT = "source model"
#: Fields of a layer that are not kept: matrices of groups are whole, and states are the design's own.
_NOT_KEPT = ("weights", "groups", "taps", "initial")
#: Those that files of all versions have; what a file does not tell of the others is the default.
_FIRST = ("name", "kind", "reset", "g_activation")

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Origin:
    """Of which file, or of which module, layers are: see `SourceModel`."""

    kind: str
    name: str
    digest: str = ""


@dataclass(frozen=True)
class SourceModel:
    """kind: "ONNX", "state dict" or "PyTorch module". name: of its file, or of the module's class. digest: SHA-256
    of the file; empty where there is none. weights_digest: of the design's weights (`weights_digest`) when it
    was made: other weights since are not of this source.
    layers: its layers, dense; None where the design's weights are the source's exactly.
    """

    kind: str
    name: str
    digest: str
    weights_digest: str
    layers: tuple[DenseLayer, ...] | None = field(default=None, repr=False)

    @property
    def exact(self) -> bool:
        """Whether the design has the source's matrices."""
        return self.layers is None

    def __str__(self) -> str:
        text = f"{self.name} ({self.kind}"
        return f"{text}, sha256 {self.digest[:12]})" if self.digest else f"{text})"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"kind": self.kind, "name": self.name, "sha256": self.digest, "exact": self.exact}


def weights_digest(weights: Sequence[Mapping[str, np.ndarray]]) -> str:
    """SHA-256 over the weights of all layers, as hexadecimal digits."""
    state = hashlib.sha256()
    for i, own in enumerate(weights):
        for name in sorted(own):
            state.update(f"{i}.{name}".encode())
            state.update(np.ascontiguousarray(own[name], dtype="<f8").tobytes())
    return state.hexdigest()


def file_digest(file: str | Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    state = hashlib.sha256()
    with Path(file).open("rb") as stream:
        while part := stream.read(1 << 20):
            state.update(part)
    return state.hexdigest()


def source_of(
    origin: Origin,
    layers: Sequence[DenseLayer],
    weights: Sequence[Mapping[str, np.ndarray]],
    exact: bool,
) -> SourceModel:
    """The source of a design. layers: of the source; weights: of the design's layers; exact: whether they are its."""
    return SourceModel(
        origin.kind,
        origin.name,
        origin.digest,
        weights_digest(weights),
        None if exact else tuple(layers),
    )


def write_source(source: SourceModel | None, folder: Path) -> None:
    """Write SOURCE_NAME into a design folder; nothing where the source is not known."""
    if source is None:
        return
    arrays: Arrays = {}
    layers: list[dict[str, object]] = []
    for i, layer in enumerate(source.layers or ()):
        arrays |= {
            f"layer_{i}.{name}": np.ascontiguousarray(array)
            for name, array in layer.weights.items()
        }
        layers.append({name: getattr(layer, name) for name in _options(layer)})
    told = {
        "version": _VERSION,
        "kind": source.kind,
        "name": source.name,
        "digest": source.digest,
        "weights_digest": source.weights_digest,
        "layers": None if source.exact else layers,
    }
    (folder / SOURCE_NAME).write_bytes(save(arrays, {_PROPERTY: json.dumps(told)}))


def read_source_model(folder: Path) -> SourceModel | None:
    """The source of a design folder, None where it is not known; DesignError where the file is damaged."""
    file = folder / SOURCE_NAME
    if not file.exists():
        return None
    check_model_file(file, _WHAT)
    found = read_safetensors(file, _WHAT)
    try:
        told = json.loads(found.metadata[_PROPERTY])
        if told["version"] not in _READ:
            raise ValueError(f"version {told['version']!r}, must be {_VERSION}")
        if told["version"] == 1:
            for options in told["layers"] or ():
                if options["kind"] == "linear":
                    options.pop("activation", None)
        texts = {n: told[n] for n in ("kind", "name", "digest", "weights_digest")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("its names must be texts")
        layers = None if told["layers"] is None else _layers(told["layers"], found.arrays)
        return SourceModel(**texts, layers=layers)
    except (DesignError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DesignError(
            f"{file}: is damaged ({' '.join(str(error).split())[:200]}); delete it, the source is not known then, or "
            "import the model again"
        ) from error


def _options(layer: DenseLayer | type[DenseLayer]) -> tuple[str, ...]:
    """Things that a layer has beside its weights."""
    return tuple(f.name for f in fields(layer) if f.name not in _NOT_KEPT)


def _layers(told: list[dict[str, Any]], arrays: Arrays) -> tuple[DenseLayer, ...]:
    from ernn_myhdl.design.dense import DenseLayer

    weights: list[Arrays] = [{} for _ in told]
    for name, array in arrays.items():
        prefix, _, tensor = name.partition(".")
        number = int(prefix.removeprefix("layer_"))
        if number < 0:
            raise ValueError(f"tensor {name}")
        weights[number][tensor] = array
    layers = []
    for options, own in zip(told, weights, strict=True):
        known = {n: options[n] for n in _options(DenseLayer) if n in options or n in _FIRST}
        layer = DenseLayer(weights=own, **known)
        cell = layer.cell(dict.fromkeys(("block", *layer.block_parameters.values()), 1))
        for name, shape in cell.weight_shapes.items():
            if own[name].shape != (shape[:-1] if len(shape) > 2 else shape):
                raise ValueError(f"tensor {name} of {layer.name}: shape {own[name].shape}")
        layers.append(layer)
    return tuple(layers)
