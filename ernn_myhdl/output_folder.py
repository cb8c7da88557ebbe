"""Outputs appear complete or not at all: written beside their final place, then renamed.

A folder that exists is replaced only on request, and only if it holds the file by which the
command that made it is recognised, so that `--force` cannot delete something else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ernn_myhdl.errors import DesignError

#: In the name of what is not complete yet.
PARTIAL = "partial"


def check_folder(folder: str | Path, force: bool, marker: str | Sequence[str]) -> Path:
    """The folder as a path; DesignError where it must not be written.

    marker: relative path of a file that every folder of this kind holds, or several, of which one is
    enough.
    """
    markers = (marker,) if isinstance(marker, str) else marker
    folder = Path(folder)
    if not folder.name:
        raise DesignError(f"output {str(folder)!r}: must name a folder; give one with -o")
    if not (folder.exists() or folder.is_symlink()):
        return folder
    if not force:
        raise DesignError(f"output {folder}: exists; choose another, or replace it with --force")
    if folder.is_symlink() or not folder.is_dir():
        raise DesignError(f"output {folder}: is not a folder; choose another name")
    if any(folder.iterdir()) and not any((folder / m).is_file() for m in markers):
        raise DesignError(
            f"output {folder}: holds no {' or '.join(markers)}, so it was not made by this command and is not "
            "replaced; choose another folder, or delete it yourself"
        )
    return folder


def check_file(file: str | Path, suffixes: tuple[str, ...] = ()) -> Path:
    """The file as a path; DesignError where it cannot be one or has none of the suffixes."""
    file = Path(file)
    if suffixes and file.suffix.lower() not in suffixes:
        raise DesignError(
            f"output {file}: the name must end in {' or '.join(suffixes)}, which selects the format"
        )
    if file.is_dir():
        raise DesignError(f"output {file}: is a folder; give the name of a file")
    return file


@contextmanager
def new_folder(
    folder: str | Path, force: bool = False, marker: str | Sequence[str] = ""
) -> Iterator[Path]:
    """A temporary folder to write into; it becomes `folder` when the block ends without an error."""
    folder = check_folder(folder, force, marker).absolute()
    made = _make_parents(folder)
    partial = _beside(folder, PARTIAL)
    try:
        partial.mkdir()
        yield partial
        if folder.exists():
            old = _beside(folder, "old")
            folder.rename(old)
            partial.rename(folder)
            shutil.rmtree(old)
        else:
            partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        _remove_empty(made)
        raise


@contextmanager
def new_file(file: str | Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `file` when the block ends without an error."""
    file = check_file(file).absolute()
    made = _make_parents(file)
    partial = file.with_name(f".{file.stem}.{PARTIAL}-{os.getpid()}{file.suffix}")
    try:
        yield partial
        os.replace(partial, file)
    except BaseException:
        partial.unlink(missing_ok=True)
        _remove_empty(made)
        raise


def _beside(path: Path, word: str) -> Path:
    return path.with_name(f".{path.name}.{word}-{os.getpid()}")


def _make_parents(path: Path) -> list[Path]:
    """Makes the missing parents of `path`; returns them, innermost first."""
    missing = [p for p in path.parents if not p.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise DesignError(f"output {path}: {error.filename} is a file, not a folder") from error
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
