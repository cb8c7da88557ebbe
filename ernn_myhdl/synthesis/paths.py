"""Lengths of paths between registers, and cells and modules as the ways through them.

No delays are known without placement, so a path is measured by what it passes:

    levels   LUTs, inverters that stay, and LUTs read as memory
    carry    CARRY4 cells; a chain is entered at DI, S or CYINIT and left at O or CO
    mux      MUXF7 and MUXF8, which sit beside the LUTs and need no wire of the fabric
    dsp      DSP48 stages without a register behind them: the multiplier, or only the adder
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Length(NamedTuple):
    """What a path passes."""

    levels: int = 0
    carry: int = 0
    mux: int = 0
    dsp: int = 0

    def plus(self, other: Length) -> Length:
        return Length(*(a + b for a, b in zip(self, other, strict=True)))


NONE = Length()
LUT, CARRY, MUX, DSP = Length(levels=1), Length(carry=1), Length(mux=1), Length(dsp=1)
#: Orders in which paths are compared. Both are kept when lengths are added to both sides, so the
#: longest path is made of longest parts.
ORDERS = {
    "levels": lambda n: (n.levels, n.carry, n.dsp, n.mux),
    "carry": lambda n: (n.carry, n.levels, n.dsp, n.mux),
}
#: A bit of a port.
Pin = tuple[str, int]


@dataclass(frozen=True)
class LogicPath:
    """Between two registers, or ports: what it passes, the nets of the registers at its ends, and
    the blocks that it crosses without a register."""

    length: Length
    start: str = ""
    end: str = ""
    through: tuple[str, ...] = ()


class Arc(NamedTuple):
    """A combinational way through a cell."""

    source: Pin
    target: Pin
    length: Length
    through: tuple[str, ...] = ()


@dataclass
class NetlistCell:
    """What the walk needs of a primitive, or of a module reduced to its ports.

    launch: output pins that a register drives, with the way behind it. capture: input pins that end
    at a register, with the way before it. arcs: ways from inputs to outputs. loads: pins of
    primitives on each input pin, 0 for those on which only a clock depends.
    """

    launch: dict[Pin, LogicPath] = field(default_factory=dict)
    capture: dict[Pin, LogicPath] = field(default_factory=dict)
    arcs: list[Arc] = field(default_factory=list)
    loads: dict[Pin, int] = field(default_factory=dict)


@dataclass
class Fanout:
    """The net of a register with the most pins."""

    pins: int = 0
    net: str = ""


@dataclass
class NetlistModule(NetlistCell):
    """A module reduced to its ports, and what is inside.

    worst: its longest path from register to register. ends: the longest one that ends in each kind of block inside, by the
    block's name; in registers of the module itself under "". fanout: of the nets that registers inside
    drive. driven: pins inside on the nets of output pins.
    """

    worst: LogicPath | None = None
    ends: dict[str, LogicPath] = field(default_factory=dict)
    fanout: Fanout = field(default_factory=Fanout)
    driven: dict[Pin, int] = field(default_factory=dict)
