"""Arrays of .npy and .npz files of others: what a file claims is checked before memory is taken for it."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ernn_myhdl.errors import DesignError, one_line, short

#: Numbers of all arrays of a file together, 512 MiB as float64; and arrays of an .npz file.
MAX_NUMBERS, MAX_ARRAYS = 1 << 26, 100_000
SUFFIX = ".npy"

_NPY, _ZIP = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
#: First bytes of files that are given in place of arrays, and what they are.
_OTHERS = (
    (b"\x80", "a pickle, whose code is not run"),
    (b"\x89HDF", "HDF5: read it with h5py"),
    (b"MATLAB 5.0", "of MATLAB: read it with scipy.io.loadmat"),
    (b"PAR1", "Parquet: read it with pandas.read_parquet"),
    (b"\x1f\x8b", "compressed: unpack it"),
    (b"RIFF", "a sound: compute its features"),
)

#: Called with name, shape and type of an array before it is read; raises DesignError where it is wrong.
Check = Callable[[str, tuple[int, ...], np.dtype], None]


class NoArrayFile(ValueError):
    """A file is no .npy or .npz file, or is damaged; the message says why."""


def read_arrays(
    file: Path, check: Check | None = None, limit: int = MAX_NUMBERS
) -> np.ndarray | dict[str, np.ndarray]:
    """The array of an .npy file; name -> array of an .npz file, in its order.

    Python objects are not read. limit: numbers of all arrays together. Raises NoArrayFile, and OSError where
    the file cannot be opened.
    """
    if not file.is_file():
        raise NoArrayFile("it is no ordinary file" if file.exists() else "it does not exist")
    with file.open("rb") as stream, _damage():
        start = stream.read(16)
        stream.seek(0)
        if start.startswith(_NPY):
            size = file.stat().st_size
            return _array(stream, size, "", check, _Limit(limit))
        if start.startswith(_ZIP):
            with zipfile.ZipFile(stream) as archive:
                return dict(_members(archive, check, _Limit(limit)))
        raise NoArrayFile(_what_it_is(file, start))


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (NoArrayFile, DesignError, PermissionError):
        raise
    except Exception as error:  # numpy and zipfile raise a dozen of types on broken files
        raise NoArrayFile(short(error)) from error


class _Limit:
    """Counts the numbers of a file's arrays."""

    def __init__(self, limit: int) -> None:
        self.limit, self.taken = limit, 0

    def take(self, what: str, count: int) -> None:
        """NoArrayFile where so many more are too many."""
        self.taken += count
        if self.taken > self.limit:
            raise NoArrayFile(
                f"{what}holds {self.taken} numbers, all arrays of a file may hold {self.limit}: cut it into "
                "several files"
            )


def _members(
    archive: zipfile.ZipFile, check: Check | None, limit: _Limit
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and array of every member."""
    members = archive.infolist()
    if len(members) > MAX_ARRAYS:
        raise NoArrayFile(f"it holds {len(members)} arrays, at most {MAX_ARRAYS} may be")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise NoArrayFile("it holds two arrays of one name")
    for member in members:
        name, what = member.filename.removesuffix(SUFFIX), f"{member.filename!r} "
        if member.flag_bits & 1:
            raise NoArrayFile(f"{what}is encrypted")
        with archive.open(member) as stream:
            if not member.filename.endswith(SUFFIX) or stream.read(6) != _NPY:
                raise NoArrayFile(f"{what}is no array, all members must be .npy files")
        with archive.open(member) as stream:
            yield name, _array(stream, member.file_size, what, check, limit)


def _array(
    stream: IO[bytes], size: int, what: str, check: Check | None, limit: _Limit
) -> np.ndarray:
    """The array in a stream of `size` bytes; what: before a message."""
    shape, dtype = _header(stream, what)
    count = math.prod(shape)
    if dtype.hasobject:
        raise NoArrayFile(f"{what}holds Python objects, for which a pickle would be run")
    missing = count * dtype.itemsize - (size - stream.tell())
    if missing > 0:
        raise NoArrayFile(
            f"{what}is truncated: shape {shape} of {dtype} needs {missing} bytes more"
        )
    limit.take(what, max(count, count * dtype.itemsize // 8))
    if check is not None:
        check(what.strip().strip("'").removesuffix(SUFFIX), shape, dtype)
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def _header(stream: IO[bytes], what: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type in the header of an .npy file."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise NoArrayFile(f"{what}has version {version} of the format, must be (1, 0) or (2, 0)")
    try:
        shape, _, dtype = _HEADERS[version](stream)
    except (MemoryError, RecursionError) as error:  # the header is parsed as Python
        raise NoArrayFile(f"{what}has a damaged header") from error
    if any(isinstance(n, bool) or n < 0 for n in shape):
        raise NoArrayFile(f"{what}has shape {shape}")
    return shape, dtype


def _what_it_is(file: Path, start: bytes) -> str:
    """What a file that is neither .npy nor .npz is."""
    if not start:
        return "it is empty"
    for first, kind in _OTHERS:
        if start.startswith(first):
            return f"it is {kind}"
    with file.open("rb") as stream:
        text = stream.read(4096)
    if b"\0" in text:
        return "it begins with neither what .npy nor what .npz files begin with"
    line = one_line(text.decode("utf-8", "replace").split("\n")[0])[:60]
    if any(s in line for s in ",;\t ") and any(chr(c).isdigit() for c in text[:400]):
        separator = next((s for s in ",;\t" if s in line), None)
        option = "" if separator is None else f", delimiter={separator!r}"
        return (
            f"it is text such as CSV, beginning {line!r}: numpy.save('x.npy', numpy.loadtxt("
            f"{file.name!r}{option})) makes an array of numbers of it"
        )
    return f"it is text, beginning {line!r}"


def save_arrays(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz file of arrays by name."""
    named: dict[str, Any] = dict(arrays)  # numpy has keywords that are no arrays
    np.savez(file, **named)
