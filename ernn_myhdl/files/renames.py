"""Renames that never overwrite: to a name that is free, and of two that change places.

Linux does both in one step (renameat2). Where the kernel or the file system does not, a name that must be
free is first made by an empty file or folder, and of two that change places the one is set aside.
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import lru_cache
from pathlib import Path

_AT_FDCWD = -100
_NO_REPLACE, _EXCHANGE = 1, 2
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY)


def rename_to_free(source: Path, target: Path) -> None:
    """Rename; FileExistsError where there is anything at `target`, which then stays as it is."""
    if _renameat2(source, target, _NO_REPLACE):
        return
    if source.is_dir():
        target.mkdir()
        try:
            source.rename(target)  # replaces an empty folder only
        except OSError:
            target.rmdir()
            raise
    else:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(source, target)


def exchange(one: Path, other: Path) -> None:
    """Let two files or two folders change their names."""
    if _renameat2(one, other, _EXCHANGE):
        return
    aside = other.with_name(f".{other.name}.aside-{os.getpid()}")
    other.rename(aside)
    try:
        one.rename(other)
    except BaseException:
        aside.rename(other)
        raise
    aside.rename(one)


@lru_cache
def _function():
    """renameat2 of the C library, None where it has none."""
    try:
        return ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return None


def _renameat2(source: Path, target: Path, flags: int) -> bool:
    """Whether it was done; False where it is not supported. Raises OSError where it fails."""
    function = _function()
    if function is None:
        return False
    names = os.fsencode(source), os.fsencode(target)
    if not function(_AT_FDCWD, names[0], _AT_FDCWD, names[1], flags):
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(source), None, str(target))


def sync(path: Path) -> None:
    """Let the disk hold a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS):  # a file system without
            raise
    finally:
        os.close(handle)
