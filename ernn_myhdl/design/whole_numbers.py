"""Checks of whole numbers."""

from __future__ import annotations

from ernn_myhdl.errors import DesignError


def whole(where: str, name: str, value: object, least: int, most: int = 1 << 20) -> None:
    """DesignError unless the value is a whole number in these bounds; where: what `name` belongs to."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise DesignError(f"{where} {name} = {value!r}: must be a whole number")
    if not least <= value <= most:
        raise DesignError(f"{where} {name} = {value}: must be {least} to {most}")


def power_of_two(where: str, name: str, value: int) -> None:
    """DesignError unless the value is a power of two."""
    whole(where, name, value, 1)
    if value & (value - 1):
        raise DesignError(f"{where} {name} = {value}: must be a power of two")
