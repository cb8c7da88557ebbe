"""Verilator's own run-time library as objects, compiled once and not anew for every core.

It took a quarter to a half of the time in which a small core is compiled. The first build with given
versions and flags keeps what its make has made, with a checksum of each file; where one does not fit, make compiles
them again. Folders are written beside their place and renamed, as builds are.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ernn_myhdl.files.cache_folder import cache_folder

#: What a core needs that asks for the words of its memories; others need no more.
OBJECTS = ("verilated.o", "verilated_dpi.o", "verilated_threads.o")
RECORD = "objects.json"


def _folder(versions_and_flags: Sequence[str]) -> Path:
    key = hashlib.sha256("\0".join(versions_and_flags).encode()).hexdigest()[:32]
    return cache_folder() / "verilator_runtime" / key


def _checksums(folder: Path) -> dict[str, str]:
    return {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in OBJECTS}


def kept_objects(versions_and_flags: Sequence[str], work: Path) -> list[Path]:
    """Copies of the kept objects in `work`; none where they are not kept or not whole."""
    place = work / "runtime"
    try:
        shutil.copytree(_folder(versions_and_flags), place)
        if json.loads((place / RECORD).read_text()) == _checksums(place):
            return [place / name for name in OBJECTS]
    except (OSError, ValueError):
        pass
    return []


def keep_objects(versions_and_flags: Sequence[str], made: Path) -> None:
    """Keep the objects that make has left in `made`, if they are all there and can be kept."""
    folder = _folder(versions_and_flags)
    with suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as beside:
            ready = Path(beside) / "ready"
            ready.mkdir()
            for name in OBJECTS:
                shutil.copy(made / name, ready / name)
            (ready / RECORD).write_text(json.dumps(_checksums(ready)))
            if folder.exists():  # it was not whole
                folder.rename(Path(beside) / "damaged")
            ready.rename(folder)


def without_runtime(objects: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Variables of make so that it compiles no run-time library, and what the linker gets in its place."""
    return (["VM_GLOBAL_FAST="], [shlex.quote(str(o)) for o in objects]) if objects else ([], [])
