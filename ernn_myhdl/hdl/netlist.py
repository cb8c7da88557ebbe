"""Structure: components, nets and instances.

One description of the structure serves both the simulation in MyHDL, where it is walked to make
Signals and blocks (`ernn_myhdl.hdl.elaboration`), and the conversion, where each distinct leaf becomes an entity and
each netlist an architecture that instantiates others (MyHDL itself would flatten everything into one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ernn_myhdl.hdl.components import External, Leaf, Port, Rom, Type
from ernn_myhdl.hdl.types import Array, pack_fields


@dataclass(eq=False)
class Net:
    """A named net of one type; a port of the netlist, or internal, or a constant.

    zero: a constant, whose bits are those of the non-negative `value`; without more a zero.
    """

    name: str
    type: Type
    direction: str | None = None
    zero: bool = False
    value: int = 0


@dataclass
class Instance:
    """A component with its nets by port name.

    contents: which contents a Rom holds; in a netlist with `base`, counted from its instance's own.
    """

    label: str
    component: Component
    nets: dict[str, Net]
    contents: int = 0


@dataclass
class Wire:
    """The bits of `target` are those of the slices (net, low bit, bits), lowest first."""

    target: Net
    slices: list[tuple[Net, int, int]]


@dataclass
class Probe:
    """A stage to record: `data` is sampled in each cycle in which `valid` is high."""

    stage: str
    valid: Net
    data: list[Net]


class Netlist:
    """A component made of others.

    base: the memories inside hold the contents `base` + their own `contents`, where `base` is the
    `contents` of this netlist's instance. So netlists that differ in contents only are one component.
    """

    def __init__(self, name: str, base: bool = False) -> None:
        self.name = name
        self.base = base
        self.nets: dict[str, Net] = {}
        self.instances: list[Instance] = []
        self.wires: list[Wire] = []
        self.probes: list[Probe] = []
        self._ports: tuple[int, dict[str, Port]] = 0, {}

    @property
    def ports(self) -> dict[str, Port]:
        if self._ports[0] != len(self.nets):  # nets are added, never removed
            ports = {n.name: Port(n.direction, n.type) for n in self.nets.values() if n.direction}
            self._ports = len(self.nets), ports
        return self._ports[1]

    def _new(self, net: Net) -> Net:
        if net.name in self.nets:
            raise ValueError(f"{self.name}: net {net.name} exists")
        self.nets[net.name] = net
        return net

    def net(self, name: str, kind: Type) -> Net:
        """A new internal net."""
        return self._new(Net(name, kind))

    def input(self, name: str, kind: Type) -> Net:
        """A new input port."""
        return self._new(Net(name, kind, "in"))

    def output(self, name: str, kind: Type) -> Net:
        """A new output port."""
        return self._new(Net(name, kind, "out"))

    def zero(self, name: str, kind: Type) -> Net:
        """A new net that is always zero."""
        return self._new(Net(name, kind, zero=True))

    def constant(self, name: str, kind: Type, value: int | Sequence[int]) -> Net:
        """A new net that always has the value: of an array one signed word for each element.

        Raises ValueError for a value that the type does not have.
        """
        words: list[int]
        if isinstance(kind, Array):
            words = list(value) if isinstance(value, Sequence) else [value] * kind.count
            low, high = -(1 << (kind.width - 1)), (1 << (kind.width - 1)) - 1
            legal = len(words) == kind.count
        else:
            legal = not isinstance(value, Sequence)
            words = list(value) if isinstance(value, Sequence) else [value]
            low, high = 0, (1 << kind.bits) - 1
        if not legal or not all(isinstance(w, int) and low <= w <= high for w in words):
            raise ValueError(f"{self.name}.{name}: {kind} has no value {value!r}")
        raw = pack_fields(words, kind.width) if isinstance(kind, Array) else int(words[0])
        return self._new(Net(name, kind, zero=True, value=raw))

    def add(
        self, label: str, component: Component, contents: int = 0, /, **nets: Net
    ) -> dict[str, Net]:
        """Instantiate `component`; output ports without a net get one named `label_port`.

        Returns the nets of the output ports by port name.
        """
        ports = component.ports
        outputs = {}
        for port, spec in ports.items():
            net = nets.get(port)
            if net is None:
                if spec.direction == "in":
                    raise ValueError(f"{self.name}.{label}: input {port} is not connected")
                net = nets[port] = self.net(f"{label}_{port}", spec.type)
            elif net.type is not spec.type and net.type != spec.type:
                raise ValueError(
                    f"{self.name}.{label}.{port}: {spec.type} on net {net.name} of {net.type}"
                )
            if spec.direction == "out":
                outputs[port] = net
        if len(nets) != len(ports):
            raise ValueError(f"{self.name}.{label}: no ports {sorted(set(nets) - set(ports))}")
        self.instances.append(Instance(label, component, nets, contents))
        return outputs

    def wire(self, target: Net, *sources: Net | tuple[Net, int, int]) -> Net:
        """Drive `target` with the bits of `sources` (nets or slices), lowest bits first."""
        slices = [s if isinstance(s, tuple) else (s, 0, s.type.bits) for s in sources]
        if sum(s[2] for s in slices) != target.type.bits:
            raise ValueError(
                f"{self.name}.{target.name}: {target.type.bits} bits driven by "
                f"{sum(s[2] for s in slices)}"
            )
        self.wires.append(Wire(target, slices))
        return target

    def bundle(self, name: str, kind: Type, *sources: Net | tuple[Net, int, int]) -> Net:
        """A new net driven by `sources`, lowest bits first."""
        return self.wire(self.net(name, kind), *sources)

    def probe(self, stage: str, valid: Net, *data: Net) -> None:
        """Name a stage for traces and comparisons."""
        self.probes.append(Probe(stage, valid, list(data)))

    def components(self) -> dict[str, tuple[Component, int]]:
        """Every distinct component below this one with its number of instances, leaves first."""
        found: dict[str, Component] = {}
        instances: dict[str, int] = {}

        def visit(netlist: Netlist, times: int) -> None:
            for instance in netlist.instances:
                component = instance.component
                known = found.setdefault(component.name, component)
                if known is not component and known != component:
                    raise ValueError(f"two different components named {component.name}")
                instances[component.name] = instances.get(component.name, 0) + times
                if isinstance(component, Netlist):
                    visit(component, times)

        visit(self, 1)
        order = sorted(found, key=lambda name: (_depth(found[name]), name))
        return {name: (found[name], instances[name]) for name in order}


#: What an instance is of.
Component: TypeAlias = Leaf | Rom | External | Netlist


def has_contents(component: Component) -> bool:
    """Whether an instance of the component tells which contents its memories hold."""
    return isinstance(component, Rom) or (isinstance(component, Netlist) and component.base)


def _depth(component: Component) -> int:
    if not isinstance(component, Netlist):
        return 0
    return 1 + max((_depth(i.component) for i in component.instances), default=0)
