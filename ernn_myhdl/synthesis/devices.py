"""FPGA devices and what they contain; the data are in devices.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ernn_myhdl.errors import DesignError

TABLE = "ernn_myhdl/synthesis/devices.csv"

#: Yosys family: site of a global clock buffer, where an out-of-context clock is assumed to start.
CLOCK_SOURCES = {"xc7": "BUFGCTRL_X0Y0", "xcu": "BUFGCE_X0Y0", "xcup": "BUFGCE_X0Y0"}


@dataclass(frozen=True)
class Device:
    """One FPGA.

    name: as users write it. part: with package and speed grade, for Vivado. family: for Yosys,
    "xc7" (7 series), "xcu" (UltraScale), "xcup" (UltraScale+). lut, ff, dsp, bram36: how many LUTs
    with six inputs, flip-flops, DSP48 slices and block RAMs of 36 kbit. source: the data sheet.
    """

    name: str
    part: str
    family: str
    lut: int
    ff: int
    dsp: int
    bram36: int
    source: str

    @property
    def clock_source(self) -> str:
        """Site of the buffer that drives the clock of a core synthesised by itself."""
        return CLOCK_SOURCES[self.family]


@lru_cache(maxsize=1)
def devices() -> dict[str, Device]:
    """All known devices by name."""
    text = (files("ernn_myhdl.synthesis") / "devices.csv").read_text(encoding="utf-8")
    numbers = {f.name for f in fields(Device) if f.type == "int"}
    rows = csv.DictReader(text.splitlines())
    table = {}
    for row in rows:
        values: dict[str, Any] = {k: int(v) if k in numbers else v for k, v in row.items()}
        device = Device(**values)
        if device.family not in CLOCK_SOURCES:
            raise DesignError(
                f"{TABLE}: family = {device.family!r} of {device.name}: must be one of "
                f"{', '.join(CLOCK_SOURCES)}"
            )
        table[device.name] = device
    return table


def device_named(name: str) -> Device:
    """The device called `name`, in any case; DesignError for an unknown one."""
    known = devices()
    if not isinstance(name, str) or name.lower() not in known:
        raise DesignError(
            f"device = {name!r}: must be one of {', '.join(known)}; to add one, append a row to "
            f"{TABLE}"
        )
    return known[name.lower()]
