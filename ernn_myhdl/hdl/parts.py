"""Blocks that are made of smaller ones whose nets meet by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ernn_myhdl.hdl.components import Port, Type
from ernn_myhdl.hdl.netlist import Component, Net, Netlist

NONE: Mapping[str, Type] = MappingProxyType({})


@dataclass(frozen=True)
class BlockPart:
    """A component of a larger block. names: of the nets at its ports, where they are not the ports' own."""

    label: str
    component: Component
    names: Mapping[str, str]


def part(label: str, component: Component, **names: str) -> BlockPart:
    """A part; names: of the nets at those of its ports that have others than their own."""
    return BlockPart(label, component, names)


def join(
    n: Netlist, parts: Iterable[BlockPart], given: Mapping[str, Net], prefix: str = ""
) -> dict[str, Net]:
    """Add the parts to a netlist, ports of one name on one net; returns all nets by name.

    given: nets that are there already. prefix: of the names of new nets and of the instances' labels.
    Raises ValueError for a net that is read and that nothing drives.
    """
    nets = dict(given)
    driven = set(given)
    read: set[str] = set()
    for each in parts:
        own = {}
        for port, spec in each.component.ports.items():
            name = each.names.get(port, port)
            if name not in nets:
                nets[name] = n.net(f"{prefix}{name}", spec.type)
            (driven if spec.direction == "out" else read).add(name)
            own[port] = nets[name]
        n.add(f"{prefix}{each.label}", each.component, **own)
    if read - driven:
        raise ValueError(f"{n.name}: nothing drives {', '.join(sorted(read - driven))}")
    return nets


def composed(
    name: str,
    parts: Iterable[BlockPart],
    ports: Mapping[str, Port],
    zeros: Mapping[str, Type] = NONE,
) -> Netlist:
    """A netlist of parts with the given ports; zeros: nets that are always zero."""
    n = Netlist(name)
    nets = {
        port: n.input(port, spec.type) if spec.direction == "in" else n.output(port, spec.type)
        for port, spec in ports.items()
    }
    nets |= {net: n.zero(net, kind) for net, kind in zeros.items()}
    join(n, parts, nets)
    return n
