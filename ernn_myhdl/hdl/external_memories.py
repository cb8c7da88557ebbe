"""A netlist whose memories get their words from outside the design."""

from __future__ import annotations

from ernn_myhdl.hdl.components import CONTENTS_BITS, External, Rom
from ernn_myhdl.hdl.netlist import Instance, Netlist, has_contents
from ernn_myhdl.hdl.types import Word


def with_external_memories(netlist: Netlist) -> Netlist:
    """A copy of `netlist` with an External for every Rom.

    What was the base of the contents of an inner netlist is its port `base`, so that its instances
    do not differ in anything but the nets.
    """
    return _with_external(netlist, {})


def _with_external(netlist: Netlist, made: dict[Netlist, Netlist]) -> Netlist:
    if netlist in made:
        return made[netlist]
    copy = made[netlist] = Netlist(netlist.name)
    copy.nets, copy.wires = dict(netlist.nets), list(netlist.wires)
    number = Word(CONTENTS_BITS)
    base = copy.input("base", number) if netlist.base else copy.zero("base", number)
    for instance in netlist.instances:
        component, nets = instance.component, dict(instance.nets)
        if has_contents(component):
            contents = copy.constant(f"{instance.label}_number", number, instance.contents)
            if isinstance(component, Rom):
                nets |= {"base": base, "contents": contents}
            elif netlist.base:
                raise ValueError(f"{netlist.name}.{instance.label}: a base within a base")
            else:
                nets["base"] = contents
        if isinstance(component, Rom):
            component = External(component)
        elif isinstance(component, Netlist):
            component = _with_external(component, made)
        copy.instances.append(Instance(instance.label, component, nets))
    return copy
