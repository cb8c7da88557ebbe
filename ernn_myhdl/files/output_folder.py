"""Outputs appear complete or not at all, and nothing of the user's is overwritten.

They are written beside their final place and renamed. What exists is replaced on request only, and only
what was there when the command began: anything that appears meanwhile stays, the command fails. Of a
folder that is replaced every file must be in its list with its digest (`ernn_myhdl.files.output_list`). At every
moment the old output is there or the new one.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_list import LIST_NAME, begin_list, is_abandoned, write_list
from ernn_myhdl.files.output_target import (
    Target,
    check_file,
    check_folder,
    check_replaceable,
    identity,
)
from ernn_myhdl.files.renames import exchange, rename_to_free, sync
from ernn_myhdl.processes.stopping import held

#: In the name of what is not complete yet, of what is replaced until it is deleted, and of what was found in
#: the place of that.
PARTIAL, REPLACED, FOUND = "partial", "replaced", "found"
#: What this process has written, in its order.
written: list[Path] = []


@contextmanager
def new_folder(
    folder: str | Path | Target,
    force: bool = False,
    marker: str | Sequence[str] = "",
    complete: bool = True,
) -> Iterator[Path]:
    """A temporary folder to write into; it becomes `folder` when the block ends without an error.

    folder: a path, which is checked now, or what `check_folder` returned. complete: the folder is given the
    list of its files; others may follow in one that is not.
    """
    target = folder if isinstance(folder, Target) else check_folder(folder, force, marker)
    path = target.path.absolute()
    made = _make_parents(path)
    partial = None
    try:
        with _full_disk_named(path):
            _remove_abandoned(path)
            with held():
                partial = _free(path, PARTIAL)
                partial.mkdir()
            begin_list(partial)
            yield partial
            _finish(partial, complete, target.found is not None)
        with held():
            _put(partial, target, lambda old: check_replaceable(old, target.path, target.markers))
    except BaseException:
        with held():
            if partial is not None:
                shutil.rmtree(partial, ignore_errors=True)
            _remove_empty(made)
        raise


@contextmanager
def new_file(file: str | Path | Target) -> Iterator[Path]:
    """A temporary path to write to; it becomes `file` when the block ends without an error.

    file: a path, which is checked now, or what `check_file` returned.
    """
    target = file if isinstance(file, Target) else check_file(file)
    path = target.path.absolute()
    made = _make_parents(path)
    partial = path.with_name(f".{path.stem}.{PARTIAL}-{os.getpid()}{path.suffix}")
    try:
        with _full_disk_named(path):
            partial.unlink(missing_ok=True)
            yield partial
            os.chmod(partial, _open_mode(partial))
            if target.found is not None:
                sync(partial)
        with held():
            _put(partial, target, lambda old: None)
    except BaseException:
        with held():
            partial.unlink(missing_ok=True)
            _remove_empty(made)
        raise


def put_folder(made: Path, target: Target) -> None:
    """Give a folder that is complete the place of a target, which `check_folder` returned."""
    path = target.path.absolute()
    with held():
        _put(made, target, lambda old: check_replaceable(old, path, target.markers))


def _put(partial: Path, target: Target, check: Callable[[Path], None]) -> None:
    """Give what is complete its name. check: raises where what was replaced must not be."""
    path = target.path.absolute()
    if target.found is None:
        try:
            rename_to_free(partial, path)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR):
                raise
            raise _appeared(target) from error
        written.append(target.path)
        return
    if not os.path.lexists(path):  # deleted meanwhile
        return _put(partial, Target(target.path, None), check)
    exchange(partial, path)
    try:  # what has been replaced is at the partial's place now
        if identity(partial) != target.found:
            raise _appeared(target)
        check(partial)
    except BaseException:
        try:
            exchange(partial, path)
        except (
            OSError
        ):  # it is gone again; what was found must not be deleted with the partial output
            partial.rename(_free(path, FOUND))
        raise
    written.append(target.path)
    sync(path.parent)
    if partial.is_dir():
        old = _free(path, REPLACED)
        partial.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    else:
        partial.unlink()


def _appeared(target: Target) -> DesignError:
    return DesignError(
        f"output {target}: was made by something else while this command ran, and stays as it is; choose "
        "another name"
    )


def _finish(folder: Path, complete: bool, durable: bool) -> None:
    """List the files, and give them the rights that the user's umask allows (safetensors writes 0600)."""
    for place, _, files in os.walk(folder):
        for name in files:
            file = Path(place, name)
            if not file.is_symlink():
                os.chmod(file, _open_mode(file))
    if complete:
        write_list(folder)
    else:
        (folder / LIST_NAME).unlink()
    if durable:  # else nothing is lost with it
        for place, _, files in os.walk(folder, topdown=False):
            for name in (*files, ""):
                sync(Path(place, name))


def _open_mode(file: Path) -> int:
    """Rights of a file as those of any new one."""
    return (stat.S_IMODE(file.stat().st_mode) | 0o666) & ~_umask()


def _umask() -> int:
    try:  # os.umask would change it for other threads for a moment
        with open("/proc/self/status") as status:
            return next(int(line.split()[1], 8) for line in status if line.startswith("Umask:"))
    except (OSError, StopIteration, ValueError):
        before = os.umask(0o077)
        os.umask(before)
        return before


@contextmanager
def _full_disk_named(path: Path) -> Iterator[None]:
    """OSError with ENOSPC where the disk is full, whatever the libraries make of it."""
    try:
        yield
    except Exception as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        text = str(error)  # of numpy and of safetensors
        if full or "No space left" in text or ("requested and" in text and "written" in text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def free_name(path: Path) -> Path:
    """`path`, or with a number where that exists."""
    free, number = path, 1
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _free(path: Path, word: str) -> Path:
    """A hidden name beside `path` that is free."""
    return free_name(path.with_name(f".{path.name}.{word}-{os.getpid()}"))


def _remove_abandoned(path: Path) -> None:
    """Delete what processes that were killed have left of this folder."""
    for partial in path.parent.glob(f".{_literal(path.name)}.{PARTIAL}-*"):
        if partial.is_dir() and not partial.is_symlink() and is_abandoned(partial):
            shutil.rmtree(partial, ignore_errors=True)


def _literal(name: str) -> str:
    """A name as a pattern that matches nothing else."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


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
