"""Boards: device, oscillator and pins, one file each in `boards/`, and their constraints for nextpnr (LPF) and Vivado (XDC)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import tomlkit

from ernn_myhdl.errors import DesignError
from ernn_myhdl.synthesis.devices import OPEN_FAMILIES, Device, device_named
from ernn_myhdl.synthesis.zynq_board import FOLDER as ZYNQ_FOLDER
from ernn_myhdl.synthesis.zynq_board import zynq_boards

#: Ports of the UART system, each of which a board has a pin for.
PORTS = ("clk", "button", "rxd", "txd", "led_heard", "led_irq")
PULLS = {"none": "NONE", "up": "UP", "down": "DOWN"}
FOLDER = "ernn_myhdl/synthesis/boards"


@dataclass(frozen=True)
class Pin:
    """site: of the package. standard: of the signal's levels. pull: "none", "up", "down". drive: mA of an output, 0 where that is left."""

    site: str
    standard: str
    pull: str = ""
    drive: int = 0


@dataclass(frozen=True)
class BoardDescription:
    """A board.

    name: as users write it. device: on it, with its part for Vivado. clock_mhz: its oscillator. pins: of the ports of the UART system. high:
    pins that have to be high. source: where the pins are from.
    """

    name: str
    title: str
    device: Device
    clock_mhz: float
    pins: dict[str, Pin]
    high: dict[str, Pin]
    source: str

    @property
    def tool(self) -> str:
        """The tool that makes its bitstream."""
        return "nextpnr" if self.device.family in OPEN_FAMILIES else "vivado"


def board_of(name: str, text: str) -> BoardDescription:
    """The board of a file's text; DesignError naming what is wrong in it."""
    where = f"{FOLDER}/{name}.toml"
    try:
        data = tomlkit.parse(text).unwrap()
        device = device_named(data["device"])
        if data.get("part"):
            device = replace(device, part=data["part"])
        pins, high = (
            {port: Pin(**values) for port, values in data.get(group, {}).items()}
            for group in ("pins", "high")
        )
        board = BoardDescription(
            name, data["title"], device, float(data["clock_mhz"]), pins, high, data["source"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DesignError(f"{where}: {error}: see ulx3s-85f.toml for what a board has") from error
    if set(pins) != set(PORTS):
        raise DesignError(f"{where}: pins of {', '.join(pins)}: must be of {', '.join(PORTS)}")
    for port, pin in (pins | high).items():
        if pin.pull not in ("", *PULLS):
            raise DesignError(
                f"{where}: {port}: pull = {pin.pull!r}: must be one of {', '.join(PULLS)}"
            )
    if high and board.tool != "nextpnr":
        raise DesignError(f"{where}: high: only for boards that nextpnr places and routes")
    return board


@lru_cache(maxsize=1)
def boards() -> dict[str, BoardDescription]:
    """All boards by name."""
    folder = files("ernn_myhdl.synthesis") / "boards"
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(".toml"))
    return {
        n.removesuffix(".toml"): board_of(
            n.removesuffix(".toml"), (folder / n).read_text(encoding="utf-8")
        )
        for n in names
    }


def board_named(name: str) -> BoardDescription:
    """The board called `name`, in any case; DesignError for an unknown one."""
    known = boards()
    wanted = name.lower() if isinstance(name, str) else ""
    if wanted not in known:
        raise DesignError(
            f"board = {name!r}: must be one of {', '.join([*known, *zynq_boards()])}; to add one, add a file to {FOLDER} or {ZYNQ_FOLDER}"
        )
    return known[wanted]


def lpf(board: BoardDescription) -> str:
    """Constraints for nextpnr."""

    def lines() -> Iterator[str]:
        yield f"# {board.title}; pins from {board.source}"
        for port, pin in (board.pins | board.high).items():
            options = [f"IO_TYPE={pin.standard}"]
            options += [f"PULLMODE={PULLS[pin.pull]}"] if pin.pull else []
            options += [f"DRIVE={pin.drive}"] if pin.drive else []
            yield f'LOCATE COMP "{port}" SITE "{pin.site}";'
            yield f'IOBUF PORT "{port}" {" ".join(options)};'
        yield f'FREQUENCY PORT "clk" {board.clock_mhz:g} MHZ;'

    return "\n".join(lines()) + "\n"


def xdc(board: BoardDescription) -> str:
    """Constraints for Vivado."""

    def lines() -> Iterator[str]:
        yield f"# {board.title}; pins from {board.source}"
        for port, pin in board.pins.items():
            yield f"set_property PACKAGE_PIN {pin.site} [get_ports {port}]"
            yield f"set_property IOSTANDARD {pin.standard} [get_ports {port}]"
            if pin.pull in ("up", "down"):
                yield f"set_property PULL{PULLS[pin.pull]} true [get_ports {port}]"
        yield f"create_clock -name clk -period {1000 / board.clock_mhz:.3f} [get_ports clk]"
        yield "# lines that belong to no clock: two registers take them in, and people look at the lamps"
        yield "set_false_path -from [get_ports {rxd button}]"
        yield "set_false_path -to [get_ports {txd led_heard led_irq}]"

    return "\n".join(lines()) + "\n"
