"""A SoC of LiteX with the AXI system of a folder in it; the bus and the streams are at its pins.

python litex_soc.py FOLDER NAME ORIGIN OUTPUT: writes OUTPUT/soc.v, sources.txt and the files that LiteX copies.
"""

import importlib.util
import shutil
import sys
from pathlib import Path

from litex.build.generic_platform import Pins, Subsignal
from litex.build.sim.platform import SimPlatform
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import wishbone
from migen.genlib.io import CRG


def soc(folder, name, origin):
    """The platform and the SoC."""
    spec = importlib.util.spec_from_file_location("system", Path(folder) / f"{name}_litex.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    platform = SimPlatform("SIM", [("sys_clk", 0, Pins(1)), ("sys_rst", 0, Pins(1))])
    made = SoCMini(platform, clk_freq=int(1e6))
    made.crg = CRG(platform.request("sys_clk"), platform.request("sys_rst"))
    system = module.ErnnSystem(platform)
    system.add_to(made, "ernn", origin=origin)
    bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
    made.bus.add_master(name="test", master=bus)
    platform.add_extension(bus.get_ios("bus"))
    made.comb += bus.connect_to_pads(platform.request("bus"), mode="slave")
    for stream, end, inwards in (("x", system.sink, True), ("y", system.source, False)):
        fields = {f: len(getattr(end, f)) for f in ("valid", "ready", "last", "data", "keep")}
        platform.add_extension([(stream, 0, *(Subsignal(f, Pins(n)) for f, n in fields.items()))])
        pads = platform.request(stream)
        for field in fields:
            ours, pad = getattr(end, field), getattr(pads, field)
            made.comb += ours.eq(pad) if inwards != (field == "ready") else pad.eq(ours)
    return platform, made


if __name__ == "__main__":
    folder, name, origin, output = sys.argv[1:]
    platform, made = soc(folder, name, int(origin, 16))
    made.finalize()
    platform.get_verilog(made, name="soc", regular_comb=False).write(str(Path(output) / "soc.v"))
    copied = [s[0] for s in platform.sources if s[3:]]
    for file in copied:
        shutil.copy(file, output)
    used = [s[0] for s in platform.sources if not s[3:]]
    (Path(output) / "sources.txt").write_text("\n".join(used) + "\n")
