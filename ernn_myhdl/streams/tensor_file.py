"""Tensors of states in files of either format: .safetensors, or .npz with the same names, which numpy alone writes and reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ernn_myhdl.design.limits import check_model_file
from ernn_myhdl.design.tensor_file import read_safetensors
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.array_file import NoArrayFile, read_arrays, save_arrays

#: By which the format of a file that is written is chosen; one that is read tells its own.
STATE_SUFFIXES = (".safetensors", ".npz")
_ZIP = b"PK"


def write_tensors(arrays: Mapping[str, np.ndarray], file: Path) -> None:
    """Write tensors by name in the format of the suffix."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    if file.suffix.lower() == ".npz":
        save_arrays(file, whole)
    else:
        save_file(whole, file)


def read_tensors(file: Path, what: str) -> dict[str, np.ndarray]:
    """The tensors of a file; what: it is read as. DesignError where it is of neither format, or holds other than floating point."""
    check_model_file(file, what)
    with file.open("rb") as stream:
        start = stream.read(len(_ZIP))
    if start != _ZIP:
        return dict(read_safetensors(file, what).arrays)
    try:
        arrays = read_arrays(file)
    except (OSError, NoArrayFile) as error:
        raise DesignError(f"{what} {file}: is no .npz of numbers ({error})") from error
    assert isinstance(arrays, dict)  # of a zip archive
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            raise DesignError(
                f"{what} {file}: tensor {name!r} has type {array.dtype}, must be float64, float32 or float16; convert it"
            )
    return arrays
