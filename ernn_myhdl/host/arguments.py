"""Checks of what is given to the host's functions: `DesignError` with what is legal, in the place of errors of Python."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import is_number

#: What each way to a board can do.
TRANSPORT = ("read", "write", "exchange")


def path_of(value: object, what: str) -> Path:
    """A path that is given as such or as text."""
    if isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str):
        return Path(value)
    raise DesignError(f"{what} = {reprlib.repr(value)}: must be a path, text or pathlib.Path")


def list_of(values: object, what: str, legal: str) -> list[Any]:
    """Things that can be gone through; texts, bytes and dictionaries are no such things."""
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping, type)):
        if not isinstance(values, np.ndarray) or values.ndim:
            return list(values)
    raise DesignError(f"{what} = {reprlib.repr(values)}: must be {legal}")


def array_of(values: object, what: str) -> np.ndarray:
    """An array of what is given; rows of different lengths are none."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DesignError(
            f"{what} = {reprlib.repr(values)}: is no array ({error}); its rows must have one length"
        ) from error


def seconds_of(value: object, what: str) -> float:
    """A time."""
    if not is_number(value) or not value > 0:
        raise DesignError(f"{what} = {reprlib.repr(value)}: must be a number above 0, seconds")
    return value


def flag_of(value: object, what: str) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise DesignError(f"{what} = {reprlib.repr(value)}: must be True or False")
    return bool(value)


def check_functions(value: object, names: Iterable[str], what: str, legal: str) -> None:
    """DesignError unless it has these functions; a class has none."""
    missing = [name for name in names if not callable(getattr(value, name, None))]
    if missing or isinstance(value, type):
        told = f"has no {', '.join(missing)}" if missing else "is a class"
        raise DesignError(f"{what} = {reprlib.repr(value)}: {told}; must be {legal}")


def check_transport(value: object) -> None:
    """DesignError unless it has the functions of a transport."""
    legal = "one of simulated_board, uio_transport, pynq_transport or SerialTransport"
    check_functions(value, TRANSPORT, "transport", legal)


def check_kind(value: object, kind: type | tuple[type, ...], what: str, legal: str) -> None:
    """DesignError unless the value is of a class."""
    if not isinstance(value, kind):
        raise DesignError(f"{what} = {reprlib.repr(value)}: must be {legal}")
