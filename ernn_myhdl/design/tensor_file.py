"""State dicts from .safetensors and .pt files: names and float arrays; no code of a file is run."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from ernn_myhdl.design.limits import MAX_FILE_BYTES, check_numbers
from ernn_myhdl.design.unknown_tensors import QUANTISED_FILE, Shapes, check_names
from ernn_myhdl.errors import DesignError, ToolError, short

#: Keys under which training codes store the state dict in a checkpoint.
CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model")
_FLOATS = {"F64", "F32", "F16"}
#: What the pickle of a quantised model's state dict holds; it is searched, not run.
PACKED = (b"_packed_params", b"_all_weight_values")
PICKLE_BYTES = 1 << 22


@dataclass(frozen=True)
class StateDict:
    """arrays: name -> array of any type; metadata: texts of the file.

    ordered: whether the order of the names is that of the modules in the source's code.
    """

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str] = field(default_factory=dict)
    ordered: bool = False


#: Of the metadata of a file: a description of what its tensors do not tell (`ernn_myhdl.exchange.description`).
PROPERTY = "ernn"


def read_safetensors(file: Path, what: str = "model") -> StateDict:
    """The tensors of a .safetensors file; what: it is read as."""
    try:
        with safe_open(file, framework="np") as archive:
            slices = {name: archive.get_slice(name) for name in archive.keys()}  # noqa: SIM118
            if what == "model":
                shapes = {name: part.get_shape() for name, part in slices.items()}
                described = PROPERTY in (archive.metadata() or {})
                # of a convolution the description tells what its tensors do not
                _check_names(
                    file, {n: s for n, s in shapes.items() if not (described and len(s) == 3)}
                )
            for name, part in slices.items():
                _check_type(file, name, part.get_dtype(), part.get_dtype() in _FLOATS, what)
            check_numbers(f"{what} {file}", (part.get_shape() for part in slices.values()))
            arrays = {name: archive.get_tensor(name) for name in slices}
            return StateDict(arrays, archive.metadata() or {})
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        if isinstance(error, DesignError):
            raise
        raise DesignError(
            f"{what} {file}: cannot be read ({short(error)}); it is truncated or no safetensors file: write or copy it anew, or give another"
        ) from error


def read_pt(file: Path) -> StateDict:
    """The tensors of a state dict that torch.save wrote, or of a checkpoint that holds one."""
    try:
        import torch
    except ImportError as error:
        raise ToolError(
            "PyTorch is missing, which reads .pt files; install it with "
            "`pip install 'ernn-myhdl[torch]'`, or save the state dict as .safetensors"
        ) from error
    _check_archive(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if _holds_packed(file):
            raise DesignError(f"model {file}: {QUANTISED_FILE}") from error
        raise DesignError(
            f"model {file}: is no file of torch.save, or holds more than tensors, and its code is not "
            "run; save the weights alone with torch.save(model.state_dict(), file)"
        ) from error
    except Exception as error:  # torch raises a dozen of types on broken files
        raise DesignError(
            f"model {file}: cannot be read ({short(error)}); it is truncated or no file of "
            "torch.save(model.state_dict(), file)"
        ) from error
    tensors = _state_dict(file, loaded, torch.is_tensor)
    _check_names(file, {name: tuple(tensor.shape) for name, tensor in tensors.items()})
    for name, tensor in tensors.items():
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
        floating = tensor.is_floating_point() and tensor.dtype.itemsize > 1
        _check_type(file, name, tensor.dtype, plain and floating)
    check_numbers(f"model {file}", (tensor.shape for tensor in tensors.values()))
    arrays = {name: tensor.detach().double().numpy() for name, tensor in tensors.items()}
    return StateDict(arrays, ordered=True)


def _check_names(file: Path, shapes: Shapes) -> None:
    """DesignError for tensors that are of no layer, before their types and sizes are looked at."""
    try:
        check_names(shapes)
    except DesignError as error:
        raise DesignError(f"model {file}: {error}") from error


def _holds_packed(file: Path) -> bool:
    """Whether a file of torch.save holds the packed weights of a quantised model."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.endswith("data.pkl")]
            with archive.open(names[0]) as stream:
                text = stream.read(PICKLE_BYTES)
                return any(mark in text for mark in PACKED)
    except (zipfile.BadZipFile, OSError, ValueError, IndexError, NotImplementedError):
        return False


def _check_type(file: Path, name: str, kind: object, floating: bool, what: str = "model") -> None:
    if not floating:
        hint = "save the model with floating point weights (model.float())"
        raise DesignError(
            f"{what} {file}: tensor {name!r} has type {kind}, must be float64, float32 or float16; "
            f"{hint if what == 'model' else 'convert it'}"
        )


def _check_archive(file: Path) -> None:
    """DesignError where a zip archive unpacks to more than MAX_FILE_BYTES."""
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # an older file of torch.save, or none: torch tells
    if size > MAX_FILE_BYTES:
        raise DesignError(f"model {file}: unpacks to {size} bytes, at most {MAX_FILE_BYTES} may be")


def _state_dict(file: Path, loaded: Any, is_tensor: Callable[[object], bool]) -> dict[str, Any]:
    """The dictionary of tensors in what a .pt file holds."""

    def tensors(value: object) -> bool:
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            return False
        return bool(value) and all(is_tensor(v) for v in value.values())

    if tensors(loaded):
        return dict(loaded)
    if isinstance(loaded, dict):
        found = [loaded[key] for key in CHECKPOINT_KEYS if tensors(loaded.get(key))]
        if len(found) == 1:
            return dict(found[0])
    if _holds_packed(file):
        raise DesignError(f"model {file}: {QUANTISED_FILE}")
    raise DesignError(
        f"model {file}: holds {type(loaded).__name__}, must be a state dict of tensors, or a checkpoint "
        f"with one under {', '.join(map(repr, CHECKPOINT_KEYS))}; save it with "
        "torch.save(model.state_dict(), file)"
    )
