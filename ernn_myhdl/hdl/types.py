"""Types of ports and nets, and the MyHDL signals that carry them.

In MyHDL an array is a list of signed Signals, which simulates fast; in VHDL and Verilog every
type but a bit is one vector, element 0 in the lowest bits. Every type is `count` words of `width` bits;
a bit and a word are one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, SupportsInt, TypeAlias

from myhdl import Signal, intbv

#: A MyHDL Signal of a bool or an intbv; MyHDL has no types.
AnySignal: TypeAlias = Any
#: What carries a net: a Signal, or a list of them for an array.
Signals: TypeAlias = Any


@dataclass(frozen=True)
class Bit:
    """One bit: std_logic."""

    @property
    def count(self) -> int:
        return 1

    @property
    def width(self) -> int:
        return 1

    @property
    def bits(self) -> int:
        return 1

    def signals(self) -> Signals:
        return Signal(bool(0))


@dataclass(frozen=True)
class Word:
    """An unsigned word of `width` bits."""

    width: int

    @property
    def count(self) -> int:
        return 1

    @property
    def bits(self) -> int:
        return self.width

    def signals(self) -> Signals:
        return unsigned(self.width)


@dataclass(frozen=True)
class Array:
    """`count` signed words of `width` bits."""

    count: int
    width: int

    @property
    def bits(self) -> int:
        return self.count * self.width

    def signals(self) -> Signals:
        return [signed(self.width) for _ in range(self.count)]


@lru_cache(maxsize=1 << 10)
def _zero(width: int, signed: bool) -> intbv:
    """What Signals of this type hold at first; each copies it."""
    return intbv(0, min=-(1 << (width - 1)), max=1 << (width - 1)) if signed else intbv(0)[width:]


def signed(width: int) -> AnySignal:
    """A signed Signal of `width` bits."""
    return Signal(_zero(width, True))


def unsigned(width: int) -> AnySignal:
    """An unsigned Signal of `width` bits."""
    return Signal(_zero(width, False))


def like(signal: AnySignal) -> AnySignal:
    """A Signal of the type of a bit or an unsigned word."""
    return Signal(bool(0)) if isinstance(signal.val, bool) else unsigned(len(signal))


def array(count: int, width: int) -> list[AnySignal]:
    """`count` signed Signals of `width` bits."""
    return [signed(width) for _ in range(count)]


def bits_for(values: int) -> int:
    """Bits of an unsigned word that tells `values` values apart; at least 1."""
    return max(1, (values - 1).bit_length())


def pack_fields(values: Iterable[SupportsInt], width: int) -> int:
    """Signed integers as one raw word, the first in the lowest bits."""
    word = 0
    for position, value in enumerate(values):
        word |= (int(value) & ((1 << width) - 1)) << (position * width)
    return word
