"""Checks of numbers, above all whole ones, that users give."""

from __future__ import annotations

from typing import TypeGuard

from ernn_myhdl.errors import DesignError


def is_whole(value: object) -> TypeGuard[int]:
    """Whether the value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether the value is a number, whole or not, infinite or NaN as well; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(
    what: str,
    value: object,
    least: int | None = None,
    most: int | None = None,
    *,
    unit: str = "",
) -> None:
    """DesignError unless the value is a whole number in these bounds.

    what: names it in the message, with what it belongs to. unit: of the bounds.
    """
    bounds = f"at least {least}" if most is None else f"{least} to {most}"
    if not is_whole(value):
        legal = "" if least is None else f", {bounds}{unit and f' {unit}'}"
        raise DesignError(f"{what} = {value!r}: must be a whole number{legal}")
    if (least is not None and value < least) or (most is not None and value > most):
        kind = "a whole number, " if most is None else ""
        raise DesignError(f"{what} = {value}: must be {kind}{bounds}{unit and f' {unit}'}")


def power_of_two(what: str, value: int, most: int = 1 << 20) -> None:
    """DesignError unless the value is a power of two, at most `most`."""
    whole(what, value, 1, most)
    if value & (value - 1):
        raise DesignError(f"{what} = {value}: must be a power of two")
