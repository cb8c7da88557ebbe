"""A netlist whose probes, and nets of choice, can be seen at its ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from ernn_myhdl.hdl.netlist import Instance, Net, Netlist


@dataclass(frozen=True)
class Observed:
    """A netlist whose probes and some nets can be seen at its ports.

    netlist: a copy of the original with more outputs. probes: (stage, port of its valid net, ports of
    its data) in the order of `Elaboration.probes`. nets: name of a net -> port.
    """

    netlist: Netlist
    probes: list[tuple[str, str, list[str]]]
    nets: dict[str, str]


def observed(netlist: Netlist, nets: Iterable[str] = ()) -> Observed:
    """A copy of `netlist` with outputs for all probes below it and for those of `nets` that it has.

    nets: names of its own nets, or `label.name` for those of an inner netlist. Nets of inner netlists are
    brought up through all levels; nothing else changes.
    """
    inner: dict[str, list[str]] = {}
    nets = list(dict.fromkeys(nets))
    for name in nets:
        label, dot, rest = name.rpartition(".")
        if dot:
            inner.setdefault(label, []).append(rest)
    copy, probes, tap = _observed(netlist, {}, inner)
    seen = {}
    instances = {i.label: i for i in copy.instances}
    for name in nets:
        label, dot, rest = name.rpartition(".")
        if dot and label in instances:
            component = instances[label].component
            ports = component.nets if isinstance(component, Netlist) else {}
            port = f"tap_{rest}" if f"tap_{rest}" in ports else rest
            if port in ports and ports[port].direction:
                seen[name] = tap(instances[label].nets[port])
        elif name in netlist.nets:  # a port of the netlist itself needs no other
            seen[name] = name if netlist.nets[name].direction else tap(netlist.nets[name])
    return Observed(copy, probes, seen)


#: A copy with its probes (stage, port of the valid net, ports of the data), and what gives a net a port.
_Tapped: TypeAlias = tuple[Netlist, list[tuple[str, str, list[str]]], Callable[[Net], str]]


def _observed(
    netlist: Netlist, made: dict[Netlist, _Tapped], taps: dict[str, list[str]]
) -> _Tapped:
    """(copy, probes with the copy's ports, function that gives a net a port).

    taps: by label of an instance, nets inside that get a port of it.
    """
    if netlist in made:
        return made[netlist]
    copy = Netlist(netlist.name, netlist.base)
    copy.nets, copy.wires = dict(netlist.nets), list(netlist.wires)
    probes: list[tuple[str, str, list[str]]] = []

    def tap(net: Net) -> str:
        if net.direction == "out":
            return net.name
        name = f"tap_{net.name}"
        if name not in copy.nets:
            copy.wire(copy.output(name, net.type), net)
        return name

    for instance in netlist.instances:
        component, nets = instance.component, dict(instance.nets)
        if isinstance(component, Netlist):
            original = component
            component, inner, tap_inside = _observed(original, made, {})
            for name in taps.get(instance.label, ()):
                net = original.nets.get(name)
                if net is not None and not net.direction:
                    port = tap_inside(net)
                    nets[port] = copy.output(f"{instance.label}_{port}", net.type)
            for stage, valid, data in inner:
                ports = []
                for port in (valid, *data):
                    if port not in nets:
                        name = f"{instance.label}_{port}"
                        nets[port] = copy.output(name, component.nets[port].type)
                    ports.append(tap(nets[port]))
                probes.append((stage, ports[0], ports[1:]))
        copy.instances.append(Instance(instance.label, component, nets, instance.contents))
    probes += [(p.stage, tap(p.valid), [tap(n) for n in p.data]) for p in netlist.probes]
    made[netlist] = copy, probes, tap
    return made[netlist]
