"""Boards with a Zynq-7000: device, memory and settings of the processor, one file each in `zynq_boards/`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import tomlkit

from ernn_myhdl.errors import DesignError
from ernn_myhdl.synthesis.devices import Device, device_named

FOLDER = "ernn_myhdl/synthesis/zynq_boards"
_SETTING = re.compile(r"PCW_[A-Z0-9_]+")
#: What the block design sets itself.
TAKEN = (
    "PCW_FPGA0_PERIPHERAL_FREQMHZ", "PCW_EN_CLK0_PORT", "PCW_EN_RST0_PORT", "PCW_USE_M_AXI_GP0", "PCW_USE_S_AXI_HP0",
    "PCW_S_AXI_HP0_DATA_WIDTH", "PCW_USE_FABRIC_INTERRUPT", "PCW_IRQ_F2P_INTR",
)  # fmt: skip


@dataclass(frozen=True)
class ZynqBoard:
    """A board. name: as users write it. device: with its part for Vivado. memory_mbyte: of DDR, from address 0.

    processor: settings of the processing system other than Vivado's defaults, PCW_... each. source: where they are from.
    """

    name: str
    title: str
    device: Device
    memory_mbyte: int
    processor: dict[str, str]
    source: str


def zynq_board_of(name: str, text: str) -> ZynqBoard:
    """The board of a file's text; DesignError naming what is wrong in it."""
    where = f"{FOLDER}/{name}.toml"
    try:
        data = tomlkit.parse(text).unwrap()
        device = replace(device_named(data["device"]), part=data["part"])
        board = ZynqBoard(
            name, data["title"], device, data["memory_mbyte"], dict(data["processor"]), data["source"]
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise DesignError(f"{where}: {error}: see pynq-z2.toml for what a board has") from error
    size = board.memory_mbyte
    if not isinstance(size, int) or size not in (128, 256, 512, 1024):
        raise DesignError(f"{where}: memory_mbyte = {size!r}: must be 128, 256, 512 or 1024")
    if not device.part.startswith("xc7z"):
        raise DesignError(
            f"{where}: part = {device.part!r}: must be a Zynq-7000, such as xc7z020clg400-1"
        )
    for key, value in board.processor.items():
        if not _SETTING.fullmatch(key) or key in TAKEN or not isinstance(value, str):
            raise DesignError(
                f"{where}: processor {key} = {value!r}: must be a text of a setting PCW_..., and none that the block design "
                f"sets: {', '.join(TAKEN)}"
            )
    return board


@lru_cache(maxsize=1)
def zynq_boards() -> dict[str, ZynqBoard]:
    """All boards by name."""
    folder = files("ernn_myhdl.synthesis") / "zynq_boards"
    names = sorted(f.name.removesuffix(".toml") for f in folder.iterdir())
    return {n: zynq_board_of(n, (folder / f"{n}.toml").read_text(encoding="utf-8")) for n in names}
