"""Keras files: configuration and weights, read with limits through h5py, without Keras or TensorFlow.

    .keras         a zip of config.json and model.weights.h5 (Keras 3)
    .h5, .hdf5     one file with the configuration in the attribute model_config (Keras 2 and 3)
    .weights.h5    weights alone (Keras 3); the configuration is what `model.to_json()` gives, in a file of its own

Nothing in a file is run: layers are known by their class names, and those with code of their own are refused.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.design.limits import MAX_FILE_BYTES, MAX_NUMBERS, check_model_file, damage
from ernn_myhdl.errors import DesignError, ToolError, short

SUFFIXES = (".keras", ".h5", ".hdf5")
#: Bytes of a configuration; one of 64 layers has about 100 thousand.
LONGEST_CONFIG = 1 << 24
#: Groups and datasets of a file.
MOST_OBJECTS = 10_000
_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"

Config = Mapping[str, Any]


def h5py_package() -> Any:
    """The package h5py; ToolError where it is missing."""
    try:
        import h5py
    except ImportError as error:
        raise ToolError(
            "the package h5py is missing, which reads Keras files; install it with "
            "`pip install 'ernn-myhdl[keras]'`"
        ) from error
    return h5py


@dataclass
class Weights:
    """The arrays of a file by the path of their group: `layers/lstm/cell/vars` or `lstm` -> arrays in order.

    names: path of a layer -> its name, in files of Keras 3. legacy: the layout of .h5 files. version: of the Keras that wrote
    the file, such as "3.8.0"; empty where the file does not tell.
    """

    arrays: dict[str, list[np.ndarray]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    legacy: bool = False
    numbers: int = 0
    version: str = ""

    def add(self, path: str, dataset: Any, h5py: Any) -> None:
        """The array of a dataset behind those of its group; DesignError where it is too large or no array."""
        if not isinstance(dataset, h5py.Dataset):
            raise DesignError(f"weights {path!r}: hold something that is no array")
        if dataset.is_virtual or dataset.external:
            raise DesignError(f"weights {path!r}: lie in another file, which is not read")
        self.numbers += math.prod(dataset.shape or (1,))
        if self.numbers > MAX_NUMBERS:
            raise DesignError(
                f"weights {path!r}: holds with those before it more than {MAX_NUMBERS} numbers"
            )
        if dataset.dtype.kind not in "fiu":
            raise DesignError(f"weights {path!r}: type {dataset.dtype}, must be floating point")
        self.arrays.setdefault(path, []).append(np.asarray(dataset[()]))


def read_keras_file(file: Path, config: str | Path | None) -> tuple[Config, Weights]:
    """The configuration of a model and its weights. config: file of the configuration, where the weights have none.

    Raises DesignError naming the file and what is wrong.
    """
    h5py = h5py_package()
    opened: Path | io.BytesIO
    with damage(f"model {file}"):
        version = ""
        if file.suffix.lower() == ".keras":
            text, version, opened = _zip_parts(file)
        else:
            text, opened = "", file
        weights, inside = _weights(file, h5py, opened)
        weights.version = version or weights.version
    text = text or inside
    if config is not None:
        if text:
            raise DesignError(f"model {file}: has its configuration in it; leave --config out")
        text = _config_text(Path(config))
    if not text:
        raise DesignError(
            f"model {file}: holds weights and no configuration; save the whole model with model.save('model.keras'), "
            "or give what model.to_json() returns in a file with --config"
        )
    found = _parsed(f"model {file}", text)
    told = found.get("keras_version")  # in what model.to_json() of Keras 2 gives
    weights.version = weights.version or (told if isinstance(told, str) else "")
    return found, weights


def _config_text(file: Path) -> str:
    check_model_file(file, "configuration")
    if file.stat().st_size > LONGEST_CONFIG:
        raise DesignError(f"configuration {file}: has more than {LONGEST_CONFIG} bytes")
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DesignError(f"configuration {file}: cannot be read ({short(error)})") from error


def _parsed(where: str, text: str) -> Config:
    try:
        config = json.loads(text)
        if isinstance(config, str):
            config = json.loads(config)  # written as a text by json.dump(model.to_json())
    except (ValueError, RecursionError) as error:
        raise DesignError(f"{where}: its configuration cannot be read ({short(error)})") from error
    if not isinstance(config, dict):
        raise DesignError(f"{where}: its configuration is no table")
    return config


def _zip_parts(file: Path) -> tuple[str, str, io.BytesIO]:
    """config.json of a .keras file, the version of its Keras where it tells one, and model.weights.h5."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            for name in (_CONFIG, _WEIGHTS):
                if names.count(name) != 1:
                    raise DesignError(
                        f"model {file}: holds {'no' if name not in names else 'several'} {name}; it is no whole "
                        ".keras file: save it again with model.save"
                    )
            text = _part(archive, _CONFIG, LONGEST_CONFIG, file)
            weights = _part(archive, _WEIGHTS, MAX_FILE_BYTES, file)
            told = b"{}"
            if names.count(_METADATA) == 1:
                told = _part(archive, _METADATA, LONGEST_CONFIG, file)
        version = _parsed(f"model {file}", told.decode("utf-8")).get("keras_version")
        return (
            text.decode("utf-8"),
            version if isinstance(version, str) else "",
            io.BytesIO(weights),
        )
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError, ImportError) as error:  # fmt: skip
        raise DesignError(
            f"model {file}: cannot be read ({short(error)}); it is no .keras file"
        ) from error
    except Exception as error:  # of the compression, zlib.error and lzma.LZMAError
        if isinstance(error, DesignError) or "error" not in type(error).__name__.lower():
            raise
        raise DesignError(
            f"model {file}: cannot be read ({short(error)}); it is damaged"
        ) from error


def _part(archive: zipfile.ZipFile, name: str, most: int, file: Path) -> bytes:
    """A file of the archive, unpacked up to a limit whatever its header says."""
    with archive.open(name) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise DesignError(f"model {file}: its {name} has more than {most} bytes")
    return data


@contextmanager
def _opened(file: Path, h5py: Any, opened: Path | io.BytesIO) -> Iterator[Any]:
    try:
        stored = h5py.File(opened, "r")
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise DesignError(
            f"model {file}: cannot be read ({short(error)}); it is damaged or no HDF5 file"
        ) from error
    with stored:
        yield stored


def _weights(file: Path, h5py: Any, opened: Path | io.BytesIO) -> tuple[Weights, str]:
    """The weights, and the configuration where the file has one in it, else an empty text."""
    with _opened(file, h5py, opened) as stored:
        try:
            if "model_weights" in stored or "model_config" in stored.attrs:
                return _legacy(stored, h5py)
            weights = Weights()
            _walk(stored, "", weights, h5py, [0])
            return weights, ""
        except (OSError, RuntimeError, KeyError) as error:  # of h5py, on damaged files
            raise DesignError(f"model {file}: is damaged ({short(error)})") from error


def _member(group: Any, name: str, h5py: Any) -> Any:
    """A member of a group; DesignError where it is a link to elsewhere."""
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise DesignError(f"weights {name!r}: is a link, which is not followed")
    return group[name]


def _walk(group: Any, path: str, weights: Weights, h5py: Any, count: list[int]) -> None:
    """All `vars` of a file of Keras 3, in the order of their numbers."""
    names = list(group)
    count[0] += len(names) + 1
    if count[0] > MOST_OBJECTS or path.count("/") > 64:
        raise DesignError(f"its weights have more than {MOST_OBJECTS} parts")
    if path.rpartition("/")[2] == "vars":
        told = group.attrs.get("name")
        if isinstance(told, str):
            weights.names[path.rpartition("/")[0]] = told
        weights.arrays.setdefault(path, [])
        for name in sorted(names, key=lambda n: (len(n), n)):
            weights.add(path, _member(group, name, h5py), h5py)
        return
    for name in names:
        member = _member(group, name, h5py)
        if isinstance(member, h5py.Group):
            _walk(member, f"{path}/{name}" if path else name, weights, h5py, count)


def _legacy(stored: Any, h5py: Any) -> tuple[Weights, str]:
    """Weights and configuration of an .h5 file, or the weights of one without a configuration."""
    text = stored.attrs.get("model_config", "")
    text = text.decode("utf-8") if isinstance(text, bytes) else str(text)
    if len(text) > LONGEST_CONFIG:
        raise DesignError(f"its configuration has more than {LONGEST_CONFIG} bytes")
    weights = Weights(legacy=True, version=_text(stored.attrs.get("keras_version", "")))
    group = _member(stored, "model_weights", h5py) if "model_weights" in stored else stored
    if len(group) > MOST_OBJECTS:
        raise DesignError(f"its weights have more than {MOST_OBJECTS} parts")
    for layer in group:
        member = _member(group, layer, h5py)
        tensors = [_text(n) for n in _list(member.attrs, "weight_names")]
        if len(tensors) > MOST_OBJECTS:
            raise DesignError(f"layer {layer!r} has {len(tensors)} tensors")
        weights.arrays.setdefault(layer, [])
        for tensor in tensors:
            found = member
            for part in tensor.split("/"):
                found = _member(found, part, h5py)
            weights.add(layer, found, h5py)
    return weights, text


def _list(attributes: Any, name: str) -> list[Any]:
    """An attribute that is a list, in parts name0, name1, ... where it is long."""
    if name in attributes:
        return list(attributes[name])
    parts: list[Any] = []
    while f"{name}{(n := len(parts))}" in attributes and n < MOST_OBJECTS:
        parts.append(attributes[f"{name}{n}"])
    return [tensor for part in parts for tensor in part]


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
