"""Structure: components, nets and instances.

One description of the structure serves both the simulation in MyHDL, where it is walked to make
Signals and blocks, and the conversion, where each distinct leaf becomes an entity and each netlist
an architecture that instantiates others (MyHDL itself would flatten everything into one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, SupportsInt, TypeAlias, overload

from myhdl import always, intbv

from ernn_myhdl.hdl.types import AnySignal, Array, Bit, Signals, Word

Type = Bit | Word | Array
#: Bits of the number of a memory at the ports of an External.
CONTENTS_BITS = 16
#: Of a function that makes a component: the same arguments give the same component, which nobody changes.
made_once = lru_cache(maxsize=1 << 12)


@dataclass(frozen=True)
class Port:
    """Direction ("in" or "out") and type of a port."""

    direction: str
    type: Type


def ins(**types: Type) -> dict[str, Port]:
    """Input ports by name."""
    return {name: Port("in", t) for name, t in types.items()}


def outs(**types: Type) -> dict[str, Port]:
    """Output ports by name."""
    return {name: Port("out", t) for name, t in types.items()}


@dataclass(frozen=True)
class Leaf:
    """A MyHDL block with its parameters.

    name: the entity's name; two leaves of one name must be equal.
    block: the MyHDL block; called with the ports and then the parameters as keyword arguments.
    kept: synthesis must leave its registers where others hold the same.
    """

    name: str
    block: Callable[..., Any]
    ports: dict[str, Port]
    parameters: dict[str, Any] = field(default_factory=dict)
    kept: bool = False


class Contents(Sequence[tuple[int, ...]]):
    """Contents of several memories of one shape: one tuple of raw words a memory.

    They are made when they are first looked at: who only counts memories never waits for them.
    """

    def __init__(
        self, memories: int, depth: int, make: Callable[[], Sequence[tuple[int, ...]]]
    ) -> None:
        self.memories, self.depth, self._make = memories, depth, make

    @cached_property
    def _words(self) -> tuple[tuple[int, ...], ...]:
        words = tuple(self._make())
        if len(words) != self.memories or any(len(w) != self.depth for w in words):
            raise ValueError(f"contents are not {self.memories} memories of {self.depth} words")
        return words

    def __len__(self) -> int:
        return self.memories

    @overload
    def __getitem__(self, index: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[int, ...], ...]: ...
    def __getitem__(self, index: int | slice) -> tuple[int, ...] | tuple[tuple[int, ...], ...]:
        return self._words[index]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Sequence) and len(self) == len(other) and self._words == tuple(other)
        )

    __hash__ = None  # type: ignore[assignment]  # how Python says: not hashable


@dataclass(frozen=True)
class Rom:
    """A read-only memory with a registered output, one entity for all instances.

    contents: one tuple of raw words (non-negative integers of the port's bits) an instance; the
    instance's index selects its own. Ports: clk, address, q. Latency 1 cycle.
    """

    name: str
    address_bits: int
    type: Word | Array
    contents: Contents

    def __post_init__(self) -> None:
        # GHDL 2.0 crashes when it synthesises a memory of one word
        if self.contents.depth < 2:
            given = self.contents
            padded = Contents(len(given), 2, lambda: [(*words, 0) for words in given])
            object.__setattr__(self, "contents", padded)

    @property
    def depth(self) -> int:
        return self.contents.depth

    @cached_property
    def ports(self) -> dict[str, Port]:
        return ins(clk=Bit(), address=Word(self.address_bits)) | outs(q=self.type)

    def process(self, index: int, **nets: Any) -> Any:
        """The MyHDL process of the instance that holds contents number `index`; nets: its Signals by port."""
        return _rom_process(self, index, **nets)


@dataclass(frozen=True)
class External:
    """A memory whose words come from outside the design, in the place of a Rom.

    Ports: clk, base and contents (their sum is the number of the memory), address, q.
    """

    rom: Rom

    @property
    def name(self) -> str:
        return self.rom.name

    @property
    def ports(self) -> dict[str, Port]:
        number = Word(CONTENTS_BITS)
        return ins(clk=Bit(), base=number, contents=number) | {
            name: port for name, port in self.rom.ports.items() if name != "clk"
        }


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


def has_contents(component: Component) -> bool:
    """Whether an instance of the component tells which contents its memories hold."""
    return isinstance(component, Rom) or (isinstance(component, Netlist) and component.base)


def _depth(component: Component) -> int:
    if not isinstance(component, Netlist):
        return 0
    return 1 + max((_depth(i.component) for i in component.instances), default=0)


def _rom_process(rom: Rom, index: int, clk: AnySignal, address: AnySignal, q: Signals) -> Any:
    contents = rom.contents[index]
    depth = len(contents)
    if isinstance(rom.type, Array):
        width, fields = rom.type.width, list(q)
        mask, sign = (1 << width) - 1, 1 << (width - 1)
        table = [
            [(((word >> (width * i)) & mask) ^ sign) - sign for i in range(len(fields))]
            for word in contents
        ]

        shown = None  # the word at q; a lane that waits reads the same one in every cycle

        def read() -> None:
            nonlocal shown
            word = int(address)
            if word != shown and word < depth:
                for signal, value in zip(fields, table[word], strict=True):
                    signal.next = value
                shown = word
    else:

        def read() -> None:
            if address < depth:
                q.next = contents[int(address)]

    return always(clk.posedge)(read)


def pack_fields(values: Iterable[SupportsInt], width: int) -> int:
    """Signed integers as one raw word, the first in the lowest bits."""
    word = 0
    for position, value in enumerate(values):
        word |= (int(value) & ((1 << width) - 1)) << (position * width)
    return word


def read_value(signal: AnySignal) -> int:
    """Present value of a Signal as an int."""
    value = signal.val
    return int(value) if isinstance(value, (intbv, bool)) else value
