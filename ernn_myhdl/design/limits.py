"""Limits of what is read from files of others, checked before memory is taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ernn_myhdl.errors import DesignError, short

#: Numbers of all layers of a core together.
MAX_PARAMETERS = 1 << 26
#: Numbers of all tensors of a model together.
MAX_NUMBERS = MAX_PARAMETERS
MAX_FILE_BYTES = 16 * MAX_NUMBERS


def check_numbers(where: object, shapes: Iterable[Iterable[int]]) -> None:
    """DesignError where tensors of these shapes hold more than MAX_NUMBERS together, or a negative size."""
    total = 0
    for shape in shapes:
        sizes = [int(n) for n in shape]
        if any(n < 0 for n in sizes):
            raise DesignError(f"{where}: holds a tensor of shape {tuple(sizes)}")
        total += math.prod(sizes)
    if total > MAX_NUMBERS:
        raise DesignError(
            f"{where}: its tensors hold {total} numbers, must be at most {MAX_NUMBERS}; larger layers "
            "fit no device"
        )


def check_model_file(file: Path, what: str = "model") -> None:
    """DesignError unless `file` is a file that can be a model, or what else it is read as."""
    if not file.is_file():
        fault = "is a folder" if file.is_dir() else "does not exist"
        held = what if what.endswith("s") else f"a {what}"
        raise DesignError(f"{what} {file}: {fault}; give a file with {held}")
    size = file.stat().st_size
    if not size:
        raise DesignError(f"{what} {file}: is empty; write or copy it again")
    if size > MAX_FILE_BYTES:
        raise DesignError(f"{what} {file}: has {size} bytes, must be at most {MAX_FILE_BYTES}")


@contextmanager
def damage(where: object) -> Iterator[None]:
    """Turns what damaged data cause in Python into a DesignError about `where`."""
    try:
        yield
    except DesignError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise DesignError(f"{where}: is damaged ({short(error)}); export it again") from error
