"""Netlists of several cores that may stand side by side in one."""

from __future__ import annotations

from dataclasses import replace

from ernn_myhdl.hdl.components import External
from ernn_myhdl.hdl.netlist import Instance, Netlist, Probe


def told_apart(netlists: list[Netlist], names: list[str]) -> list[Netlist]:
    """Copies of several netlists that may stand side by side in one.

    Different components of one name, and all netlists, get the name of theirs in front; so do the stages of
    the probes, with a dot between.
    """
    shared: dict[str, object] = {}
    clash: set[str] = set()
    for netlist in netlists:
        for name, (component, _) in netlist.components().items():
            if shared.setdefault(name, component) != component:
                clash.add(name)
    return [
        _renamed(netlist, name, clash, {}) for netlist, name in zip(netlists, names, strict=True)
    ]


def _renamed(
    netlist: Netlist, prefix: str, clash: set[str], made: dict[Netlist, Netlist]
) -> Netlist:
    if netlist in made:
        return made[netlist]
    copy = made[netlist] = Netlist(f"{prefix}_{netlist.name}", netlist.base)
    copy.nets, copy.wires = dict(netlist.nets), list(netlist.wires)
    copy.probes = [Probe(f"{prefix}.{p.stage}", p.valid, p.data) for p in netlist.probes]
    for instance in netlist.instances:
        component = instance.component
        if isinstance(component, Netlist):
            component = _renamed(component, prefix, clash, made)
        elif component.name in clash:
            name = f"{prefix}_{component.name}"
            if isinstance(component, External):
                component = External(replace(component.rom, name=name))
            else:
                component = replace(component, name=name)
        copy.instances.append(Instance(instance.label, component, instance.nets, instance.contents))
    return copy
