"""The AXI system of this folder in a LiteX SoC: its registers on the bus, its packets as stream endpoints.

    system = ErnnSystem(soc.platform)
    system.add_to(soc, "ernn", origin=0x30000000)
    soc.comb += [dma_reader.source.connect(system.sink), system.source.connect(dma_writer.sink)]

The file is the same for all designs; what differs is read from manifest.json beside it. It needs LiteX and migen only.
"""

import json
from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.integration.soc import SoCRegion
from litex.soc.interconnect import stream
from litex.soc.interconnect.axi import AXILiteInterface
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel
from migen import ClockSignal, Instance, ResetSignal

#: Port of the system -> its channel and field in LiteX; tlast is the endpoint's own `last`.
STREAM_FIELDS = {"tdata": "data", "tkeep": "keep", "tlast": "last", "tvalid": "valid", "tready": "ready"}  # fmt: skip
CHANNELS = ("aw", "w", "b", "ar", "r")


class ErnnSystem(LiteXModule):
    """The system as a LiteX module.

    platform: gets its sources. folder: of `ernn convert --wrapper axi`, that of this file where none is given. clock_domain: of all ports;
    its reset is that of the system.

    bus: AXI-Lite of 32 bits, whose lowest address bits reach the registers. sink: packets of x, source: packets of y: endpoints with data and
    keep, whose last ends a packet. weights: of a system whose weights load, an endpoint with data for their image; else None. states:
    the same for states, of a system whose sequences start from some. ev: the interrupt as an event of the level. window: bytes of the registers. ValueError for a folder of
    another wrapper.
    """

    def __init__(self, platform, folder=None, clock_domain="sys"):
        self.folder = Path(folder) if folder else Path(__file__).resolve().parent
        self.manifest = json.loads((self.folder / "manifest.json").read_text())
        if self.manifest.get("wrapper") != "axi":
            raise ValueError(f"{self.folder}: is no folder of ernn convert --wrapper axi")
        ports = {p["name"]: p for p in self.manifest["ports"]}
        layout = [
            ("data", ports["s_axis_tdata"]["bits"]),
            ("keep", ports["s_axis_tkeep"]["bits"]),
        ]
        self.window = 1 << ports["s_axi_awaddr"]["bits"]
        self.bus = AXILiteInterface(data_width=32, address_width=32, clock_domain=clock_domain)
        self.sink, self.source = stream.Endpoint(layout), stream.Endpoint(layout)
        self.weights, self.states = (
            stream.Endpoint([("data", 32)]) if f"{name}_tdata" in ports else None
            for name in ("s_weights", "s_states")
        )
        self.ev = EventManager()
        self.ev.system = EventSourceLevel(description="The interrupt of the system.")
        self.ev.finalize()
        signals = {
            "aclk": ClockSignal(clock_domain),
            "aresetn": ~ResetSignal(clock_domain),
            "irq": self.ev.system.trigger,
        }
        connected = {
            f"{p['direction'][0]}_{name}": signals[name]
            if name in signals
            else self._signal(name, p["bits"])
            for name, p in ports.items()
        }
        self.specials += Instance(self.manifest["top"], **connected)
        self._add_sources(platform)

    def _signal(self, port, bits):
        """The signal of LiteX at a port of a bus."""
        prefix, _, field = port.rpartition("_")
        streams = {
            "s_axis": self.sink,
            "m_axis": self.source,
            "s_weights": self.weights,
            "s_states": self.states,
        }
        if prefix in streams:
            return getattr(streams[prefix], STREAM_FIELDS[field])
        channel = next(c for c in sorted(CHANNELS, key=len, reverse=True) if field.startswith(c))
        signal = getattr(getattr(self.bus, channel), field.removeprefix(channel))
        return signal[:bits] if field.endswith("addr") else signal

    def _add_sources(self, platform):
        for file in self.manifest["files"]:
            platform.add_source(str(self.folder / file))
        # memories read their contents from where the tool runs
        for component in self.manifest["components"]:
            for file in component.get("rom_files", ()):
                platform.add_source(str(self.folder / file), language="hex", copy=True)

    def add_to(self, soc, name="ernn", origin=None):
        """Put the registers on the bus of `soc` and the interrupt to its processor. origin: address; None: the next free one."""
        soc.add_module(name, self)
        region = SoCRegion(origin=origin, size=self.window, cached=False)
        soc.bus.add_slave(name=name, slave=self.bus, region=region)
        if soc.irq.enabled:
            soc.irq.add(name, use_loc_if_exists=True)
