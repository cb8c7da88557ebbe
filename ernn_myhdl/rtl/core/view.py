"""What a conversion or a simulation asks of a core, made once and handed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.hdl.components import Port, Rom
from ernn_myhdl.hdl.netlist import Component, Netlist
from ernn_myhdl.hdl.observation import observed
from ernn_myhdl.hdl.stream_port import LOADER, SINK, SOURCE, WEIGHTS, StreamPort, stream_ports
from ernn_myhdl.rtl.core.top import core


class CoreView:
    """A core's netlist and what follows from it.

    netlist: of the whole core. probes: (stage, port of its valid net, ports of its data); nets: name of an
    inner net -> port: both of an observed core (`observed_core`), else none.
    """

    def __init__(
        self,
        netlist: Netlist,
        probes: Iterable[tuple[str, str, list[str]]] = (),
        nets: Mapping[str, str] | None = None,
    ) -> None:
        self.netlist = netlist
        self.probes = list(probes)
        self.nets = dict(nets or {})

    @property
    def name(self) -> str:
        """Name of the top."""
        return self.netlist.name

    @property
    def ports(self) -> dict[str, Port]:
        return self.netlist.ports

    @cached_property
    def streams(self) -> dict[str, StreamPort]:
        """The AXI4-Streams by name."""
        return stream_ports(self.ports)

    @property
    def source(self) -> StreamPort:
        """The stream of x."""
        return self.streams[SOURCE]

    @property
    def sink(self) -> StreamPort:
        """The stream of y."""
        return self.streams[SINK]

    @property
    def loader(self) -> StreamPort | None:
        """The stream of initial states, of a core that loads them."""
        return self.streams.get(LOADER)

    @property
    def weights(self) -> StreamPort | None:
        """The stream of images of weights, of a core that loads them."""
        return self.streams.get(WEIGHTS)

    @cached_property
    def components(self) -> dict[str, tuple[Component, int]]:
        """Every distinct component with its number of instances, leaves first; without the top."""
        return self.netlist.components()

    @cached_property
    def memories(self) -> list[Rom]:
        """The memories with contents, by name."""
        found = [c for c, _ in self.components.values() if isinstance(c, Rom)]
        return sorted(found, key=lambda rom: rom.name)


def core_view(design: CoreSpecification) -> CoreView:
    """The view of the core of `design`."""
    return CoreView(core(design))


def observed_core(design: CoreSpecification, nets: Iterable[str]) -> CoreView:
    """The view of the core with all its probes, and those of `nets` that it has, at its ports."""
    seen = observed(core(design), nets)
    return CoreView(seen.netlist, seen.probes, seen.nets)
