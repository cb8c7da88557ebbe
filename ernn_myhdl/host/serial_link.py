"""The speed of a serial line: a clock, and its cycles for a bit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ernn_myhdl.errors import DesignError
from ernn_myhdl.whole_numbers import is_number, is_whole

#: Bits a second where none are given.
BAUD = 1_000_000
#: Cycles of a bit: at least as many as a start bit needs to be seen in its middle.
LEAST_DIVIDER, MOST_DIVIDER = 4, 1 << 20
#: Difference of two ends of a line that 8N1 bears, of which each may use half: the stop bit is the tenth.
TOLERANCE = 0.02
LEAST_CLOCK, MOST_CLOCK = 1_000_000, 1_000_000_000


@dataclass(frozen=True)
class SerialLink:
    """clock_hz: of the board. divider: its cycles for a bit. baud: bits a second that were asked for."""

    clock_hz: int
    divider: int
    baud: int

    @property
    def real_baud(self) -> float:
        """Bits a second on the line."""
        return self.clock_hz / self.divider

    def record(self) -> dict[str, int]:
        """As `system.json` holds it."""
        return {"clock_hz": self.clock_hz, "divider": self.divider, "baud": self.baud}


def serial_link(clock_mhz: float, baud: int | None = None) -> SerialLink:
    """The line of a board with that clock. DesignError for a clock or a baud rate that is out of range or that the clock does not give."""
    legal = is_number(clock_mhz)
    hertz = round(clock_mhz * 1e6) if legal and math.isfinite(clock_mhz) else 0
    if not LEAST_CLOCK <= hertz <= MOST_CLOCK:
        raise DesignError(
            f"clock_mhz = {clock_mhz!r}: must be 1 to 1000, the oscillator of the board"
        )
    baud = BAUD if baud is None else baud
    most, least = hertz // LEAST_DIVIDER, -(-hertz // MOST_DIVIDER)
    if not is_whole(baud) or not least <= baud <= most:
        raise DesignError(
            f"baud = {baud!r}: must be a whole number from {least} to {most} (a bit is {LEAST_DIVIDER} to {MOST_DIVIDER} "
            f"cycles of {clock_mhz:g} MHz)"
        )
    divider = round(hertz / baud)
    off = hertz / divider / baud - 1
    if abs(off) > TOLERANCE:
        near = [hertz / d for d in (divider, divider + 1)]
        raise DesignError(
            f"baud = {baud}: {clock_mhz:g} MHz / {divider} is {100 * off:+.1f} % off, must be within {100 * TOLERANCE:g} %; take "
            f"one near {near[0]:.0f} or {near[1]:.0f}, or a lower one"
        )
    return SerialLink(hertz, divider, baud)


def link_of(record: object, where: str) -> SerialLink:
    """The link of a `record`; DesignError naming `where`."""
    names = ("clock_hz", "divider", "baud")
    named = isinstance(record, dict) and set(record) == set(names)
    given = [record[n] for n in names] if isinstance(record, dict) and named else []
    if not given or not all(is_whole(n) and n > 0 for n in given):
        raise DesignError(
            f"{where}: serial = {record!r}: must have {', '.join(names)}; convert the design again"
        )
    return SerialLink(*given)
