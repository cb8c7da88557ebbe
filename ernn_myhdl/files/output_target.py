"""Where outputs may go, and what was there when the command began."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_list import foreign_files

#: Foreign files that a message names.
SHOWN = 3


@dataclass(frozen=True)
class Target(os.PathLike):
    """Where an output goes. found: what was there when it was checked, None for nothing."""

    path: Path
    found: tuple[int, ...] | None
    markers: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)


def check_folder(folder: str | Path, force: bool, marker: str | Sequence[str]) -> Target:
    """The folder and what is there; DesignError where it must not be written.

    marker: relative path of a file that every folder of this kind holds, or several, of which one is
    enough. Handed to `new_folder` in the place of the path, the target is replaced only if the same folder
    is still there.
    """
    markers = (marker,) if isinstance(marker, str) else tuple(marker)
    folder = Path(folder)
    if not folder.name:
        raise DesignError(f"output {str(folder)!r}: must name a folder; give one with -o")
    if not os.path.lexists(folder):
        return Target(folder, None, markers)
    if not force:
        raise DesignError(f"output {folder}: exists; choose another, or replace it with --force")
    if folder.is_symlink() or not folder.is_dir():
        raise DesignError(f"output {folder}: is not a folder; choose another name")
    found = identity(folder)
    check_replaceable(folder, folder, markers)
    return Target(folder, found, markers)


def check_replaceable(folder: Path, name: Path, markers: Sequence[str]) -> None:
    """DesignError unless all that the folder holds is ours. name: what it is called for the user."""
    if not any(folder.iterdir()):
        return
    with only_user(folder):
        pass
    if not any((folder / m).is_file() for m in markers):
        raise DesignError(
            f"output {name}: holds no {' or '.join(markers)}, so it was not made by this command and is not "
            "replaced; choose another folder, or delete it yourself"
        )
    foreign = foreign_files(folder, markers)
    if foreign:
        more = f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else ""
        raise DesignError(
            f"output {name}: is not replaced, since files in it were not written by this command or were changed "
            f"since: {', '.join(foreign[:SHOWN])}{more}; move them away, choose another folder, or delete it "
            "yourself"
        )


def check_file(
    file: str | Path, suffixes: tuple[str, ...] = (), force: bool | None = None
) -> Target:
    """The file and what is there; DesignError where it must not be written or has none of the suffixes.

    force: whether a file that exists is replaced; None, for callers from Python: it is. Nothing but a regular
    file ever is: no device, pipe or link.
    """
    file = Path(file)
    if suffixes and file.suffix.lower() not in suffixes:
        raise DesignError(
            f"output {file}: the name must end in {' or '.join(suffixes)}, which selects the format"
        )
    if not file.name or file.is_dir():
        raise DesignError(f"output {file}: is a folder; give the name of a file")
    try:
        status = file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Target(file, None)
    if not stat.S_ISREG(status.st_mode):
        raise DesignError(
            f"output {file}: is {_kind(status.st_mode)}, which is not replaced; give the name of a file"
        )
    if force is False:
        raise DesignError(f"output {file}: exists; choose another, or replace it with --force")
    return Target(file, identity(file))


@contextmanager
def only_user(folder: Path) -> Iterator[None]:
    """For work that goes on in a folder; DesignError where another process is at it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DesignError(
                f"output {folder}: another process is working in it; wait for it, or choose another folder"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_ISLNK: "a symbolic link", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device", stat.S_ISBLK: "a device",
    }  # fmt: skip
    return next((name for test, name in kinds.items() if test(mode)), "no regular file")


def identity(path: Path) -> tuple[int, ...]:
    """What tells whether something is still the same: of a file its size and time too."""
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        return status.st_dev, status.st_ino
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
