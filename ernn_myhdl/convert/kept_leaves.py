"""Converted leaves that are kept, since MyHDL takes most of the time of a conversion.

The key of a leaf holds all that its text follows from: its block, ports and parameters, the language, the
sources of this package and of MyHDL, and the version of Python. The name of the core is not among them: it
is put into the text afterwards. A file has a checksum in front; one that does not fit counts as none.
Files are written beside their place and renamed, so processes that keep the same do not disturb each
other. Where nothing can be kept or read, the leaf is converted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path

import myhdl

from ernn_myhdl.files.cache_folder import cache_folder
from ernn_myhdl.files.package_digest import package_digest
from ernn_myhdl.hdl.components import Leaf

PACKAGE = __name__.partition(".")[0]
#: Seconds until leaves of other versions of the package, which nobody used meanwhile, are removed.
UNUSED_SECONDS = 14 * 24 * 3600
CHECKSUM = hashlib.sha256().digest_size


class _Unknown(Exception):
    """Something of which it is not known what it follows from."""


def leaf_key(leaf: Leaf, hdl: str) -> str | None:
    """Name of the leaf's file; None where the leaf is not kept.

    That is where its block or a parameter is none of this package's, or where texts may differ from one
    process to the next, since strings are hashed at random.
    """
    if not _repeatable():
        return None
    try:
        parts = [
            hdl,
            leaf.name,
            f"kept {leaf.kept}",
            _block(leaf.block),
            *(f"{name} {p.direction} {_value(p.type)}" for name, p in leaf.ports.items()),
            "parameters",
            *(f"{name} {_value(value)}" for name, value in leaf.parameters.items()),
            package_digest(),
            _python(),
            _myhdl_digest(),
        ]
    except _Unknown:
        return None
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _repeatable() -> bool:
    """Whether strings have the same hash in every process, as in those that convert."""
    return not sys.flags.hash_randomization


def _python() -> str:
    return f"{sys.implementation.name} {sys.version}"


@lru_cache
def _myhdl_digest() -> str:
    """SHA-256 over the sources of MyHDL, which may be a copy that was changed."""
    digest = hashlib.sha256(myhdl.__version__.encode())
    for file in sorted(Path(myhdl.__file__).parent.rglob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _block(block) -> str:
    """Where this package defines the block."""
    function = getattr(block, "func", None)
    module, name = getattr(function, "__module__", ""), getattr(function, "__name__", "")
    inside = str(module).partition(".")[0] == PACKAGE
    if not inside or getattr(sys.modules.get(module), name, None) is not block:
        raise _Unknown  # made by a function: its text would have to be known
    return f"{module}.{name}"


def _value(value) -> str:
    """The value with its type and all parts."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, (bool, int, str)):
        return f"{kind} {value!r}"
    if isinstance(value, tuple):
        return f"{kind} ({', '.join(map(_value, value))})"
    if is_dataclass(value) and kind.partition(".")[0] == PACKAGE:
        return f"{kind} ({', '.join(f'{f.name}={_value(getattr(value, f.name))}' for f in fields(value))})"
    raise _Unknown


def _folder() -> Path:
    """Leaves of these sources."""
    return cache_folder() / "leaves" / package_digest()[:32]


def kept_texts(key: str | None) -> dict[str, str] | None:
    """The texts kept under the key, or None."""
    if key is None:
        return None
    try:
        data = (_folder() / key).read_bytes()
        checksum, packed = data[:CHECKSUM], data[CHECKSUM:]
        if hashlib.sha256(key.encode() + packed).digest() != checksum:
            return None
        return json.loads(zlib.decompress(packed))
    except (OSError, ValueError, zlib.error):
        return None


def keep_texts(key: str | None, texts: Mapping[str, str]) -> None:
    """Keep the texts of a leaf, if that can be."""
    if key is None:
        return
    packed = zlib.compress(json.dumps(texts).encode(), 1)
    folder = _folder()
    beside = folder / f".{key}-{os.getpid()}"
    with suppress(OSError):
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _remove_unused(folder)
        try:
            beside.write_bytes(hashlib.sha256(key.encode() + packed).digest() + packed)
            beside.replace(folder / key)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise


def _remove_unused(folder: Path) -> None:
    """Remove the leaves of other sources that nobody added to for long."""
    for other in folder.parent.iterdir():
        if other != folder and time.time() - other.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
