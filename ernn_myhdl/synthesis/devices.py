"""FPGA devices and what they contain; the data are in devices.csv."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ernn_myhdl.errors import DesignError

TABLE = "ernn_myhdl/synthesis/devices.csv"

#: Family of Xilinx: site of a global clock buffer, where an out-of-context clock is assumed to start.
CLOCK_SOURCES = {"xc7": "BUFGCTRL_X0Y0", "xcu": "BUFGCE_X0Y0", "xcup": "BUFGCE_X0Y0"}
#: Families that open tools place and route (`ernn_myhdl.synthesis.place_and_route.families`).
OPEN_FAMILIES = ("ecp5", "nexus")


@dataclass(frozen=True)
class Device:
    """One FPGA.

    name: as users write it. part: of Xilinx with package and speed grade, for Vivado. family: "xc7" (7 series), "xcu" (UltraScale), "xcup" (UltraScale+), "ecp5", "nexus". lut, ff,
    multiplier, block_ram: how many LUTs of `lut_inputs` inputs, flip-flops, multipliers of
    `multiplier_bits` (a DSP48 slice, a MULT18X18D), and block RAMs of `block_ram_kbit`. source: the
    data sheet. package: where the part does not name it. speeds: the speed grades of a part that does not name one, with spaces, the slowest
    first. speed: the one chosen, "" where the part names it.
    """

    name: str
    part: str
    family: str
    lut: int
    ff: int
    multiplier: int
    block_ram: int
    source: str
    lut_inputs: int = 6
    multiplier_bits: str = "25x18"
    block_ram_kbit: int = 36
    package: str = ""
    speeds: str = ""
    speed: str = ""

    @property
    def clock_source(self) -> str:
        """Site of the buffer that drives the clock of a core synthesised by itself; of Xilinx only."""
        return CLOCK_SOURCES[self.family]

    @property
    def limited(self) -> tuple[str, ...]:
        """What a design may run out of, by the names that its reports have for this family."""
        if self.family in CLOCK_SOURCES:
            return "lut", "ff", "dsp", "bram36"
        return "lut", "ff", "multiplier", "block_ram"

    @property
    def dsp(self) -> int:
        """DSP48 slices, as reports on Xilinx call the multipliers."""
        return self.multiplier

    @property
    def bram36(self) -> int:
        """Block RAMs of 36 kbit; two of 18 kbit make one."""
        return self.block_ram * self.block_ram_kbit // 36

    def record(self) -> dict:
        """What reports hold, with the names of Xilinx too."""
        return {**asdict(self), "dsp": self.dsp, "bram36": self.bram36}

    @property
    def title(self) -> str:
        """The name with the speed grade where it has one: lfe5u-85f-8."""
        return f"{self.name}-{self.speed}" if self.speed else self.name


@lru_cache(maxsize=1)
def devices() -> dict[str, Device]:
    """All known devices by name, those with speed grades in their slowest."""
    text = (files("ernn_myhdl.synthesis") / "devices.csv").read_text(encoding="utf-8")
    numbers = {f.name for f in fields(Device) if f.type == "int"}
    rows = csv.DictReader(text.splitlines())
    table = {}
    for row in rows:
        values: dict[str, Any] = {k: int(v) if k in numbers else v for k, v in row.items()}
        device = Device(**values, speed=values["speeds"].partition(" ")[0])
        if device.family not in (*CLOCK_SOURCES, *OPEN_FAMILIES):
            raise DesignError(
                f"{TABLE}: family = {device.family!r} of {device.name}: must be one of "
                f"{', '.join((*CLOCK_SOURCES, *OPEN_FAMILIES))}"
            )
        table[device.name] = device
    return table


def device_named(name: str) -> Device:
    """The device called `name`, in any case, with a speed grade behind a hyphen where it has several.

    Without one the slowest is meant. DesignError for an unknown device or speed grade.
    """
    known = devices()
    wanted = name.lower() if isinstance(name, str) else ""
    if wanted in known:
        return known[wanted]
    base, _, speed = wanted.rpartition("-")
    if base in known and known[base].speeds:
        if speed in known[base].speeds.split():
            return replace(known[base], speed=speed)
        grades = ", ".join(known[base].speeds.split())
        raise DesignError(
            f"device = {name!r}: speed grade {speed!r} of {base}: must be one of {grades}"
        )
    raise DesignError(
        f"device = {name!r}: must be one of {', '.join(known)}; to add one, append a row to {TABLE}"
    )


def require_family(device: Device, legal: tuple[str, ...], what: str) -> None:
    """DesignError unless the device is of a family that `what` works for."""
    if device.family in legal:
        return
    names = ", ".join(d.name for d in devices().values() if d.family in legal)
    raise DesignError(f"device = {device.title!r}: {what} is for devices such as {names} only")
