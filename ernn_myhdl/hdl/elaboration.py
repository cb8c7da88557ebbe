"""A netlist as Signals and processes of MyHDL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from myhdl import Signal, always, intbv
from myhdl import instance as process
from myhdl._simulator import _signals

from ernn_myhdl.hdl.components import External, Rom, Type
from ernn_myhdl.hdl.idle_processes import Tasks
from ernn_myhdl.hdl.inspection import brief_elaboration
from ernn_myhdl.hdl.netlist import Net, Netlist, Wire, has_contents
from ernn_myhdl.hdl.quick_signals import quicken
from ernn_myhdl.hdl.types import AnySignal, Array, Bit, Signals, Word


def _fields(net_type: Type, signals: Signals) -> list[tuple[AnySignal, int]]:
    if isinstance(net_type, Array):
        return [(s, net_type.width) for s in signals]
    return [(signals, net_type.bits)]


def _inner_signals(net: Net) -> Signals:
    """Signals of a net that is no port; those of a constant have its value."""
    if not net.value:
        return net.type.signals()
    if isinstance(net.type, Bit):
        return Signal(bool(net.value))
    if isinstance(net.type, Word):
        return Signal(intbv(net.value)[net.type.width :])
    width = net.type.width
    low, high = -(1 << (width - 1)), 1 << (width - 1)
    fields = [(net.value >> (i * width)) & ((1 << width) - 1) for i in range(net.type.count)]
    return [Signal(intbv((f ^ high) - high, min=low, max=high)) for f in fields]


def _wire_process(wire: Wire, signals: dict[Net, Signals]) -> Any:
    """A process that moves bits between signals; only simulated, never converted."""
    sources = []
    for net, low, bits in wire.slices:
        base = 0
        for signal, width in _fields(net.type, signals[net]):
            start, stop = max(low, base), min(low + bits, base + width)
            if start < stop:
                sources.append((signal, start - base, (1 << (stop - start)) - 1, stop - start))
            base += width
    targets = _fields(wire.target.type, signals[wire.target])
    is_array = isinstance(wire.target.type, Array)
    is_bit = isinstance(wire.target.type, Bit)

    def update() -> None:
        word, position = 0, 0
        for signal, low, mask, bits in sources:
            word |= ((int(signal.val) >> low) & mask) << position
            position += bits
        if is_bit:
            targets[0][0].next = bool(word)
        elif not is_array:
            targets[0][0].next = word
        else:
            for signal, width in targets:
                value = word & ((1 << width) - 1)
                signal.next = value - ((value >> (width - 1)) << width)
                word >>= width

    if any(net.value for net, *_ in wire.slices):

        def repeat() -> Iterator[list[AnySignal]]:
            while True:  # a constant never changes, so its bits must be moved at the start
                update()
                yield [s for s, *_ in sources]

        return process(repeat)

    def move() -> None:
        update()

    return always(*[s for s, *_ in sources])(move)


@dataclass
class Elaboration:
    """A netlist as MyHDL processes.

    processes: for `myhdl.Simulation`. signals: by hierarchical net name, such as
    "element_wise_0.gate_sums". probes: (stage, valid Signal, flat list of data Signals).
    """

    processes: list[Any]
    signals: dict[str, Signals]
    types: dict[str, Type]
    probes: list[tuple[str, AnySignal, list[AnySignal]]]


def elaborate(netlist: Netlist, ports: Mapping[str, Signals]) -> Elaboration:
    """Instantiate `netlist` in MyHDL on the given Signals of its ports."""
    result, tasks = Elaboration([], {}, {}, []), Tasks()
    with brief_elaboration():
        before = len(_signals)
        try:
            _elaborate(netlist, ports, "", 0, result, tasks)
        finally:
            made = _signals[before:]
            _forget(made, ports)
    for signal in made:
        quicken(signal)
    result.processes = tasks.processes()
    return result


def _forget(made: list[AnySignal], ports: Mapping[str, Signals]) -> None:
    """Take Signals that were made, and those of the ports, from MyHDL's list of all Signals.

    MyHDL never takes one from there, and resets all of them whenever a simulation ends: in a process that simulates
    many cores each run would take longer than the one before, and no core would leave the memory. Those stay
    that have a process of their own, for which MyHDL looks there.
    """
    gone = set(map(id, made))
    for port in ports.values():
        gone |= set(map(id, port)) if isinstance(port, list) else {id(port)}
    _signals[:] = [s for s in _signals if id(s) not in gone or hasattr(s, "_waiter")]


def _elaborate(
    netlist: Netlist,
    ports: Mapping[str, Signals],
    path: str,
    base: int,
    result: Elaboration,
    tasks: Tasks,
) -> None:
    signals: dict[Net, Signals] = {}
    for net in netlist.nets.values():
        signals[net] = ports[net.name] if net.direction else _inner_signals(net)
        result.signals[path + net.name] = signals[net]
        result.types[path + net.name] = net.type
    for instance in netlist.instances:
        component = instance.component
        bound = {port: signals[net] for port, net in instance.nets.items()}
        contents = base + instance.contents if has_contents(component) else 0
        if isinstance(component, Netlist):
            _elaborate(component, bound, f"{path}{instance.label}.", contents, result, tasks)
        elif isinstance(component, Rom):
            tasks.add(component.process(contents, **bound))
        elif isinstance(component, External):
            raise ValueError(
                f"{path}{instance.label}: a memory outside the design is not simulated"
            )
        else:
            tasks.add(component.block(**bound, **component.parameters))
    for wire in netlist.wires:
        tasks.add(_wire_process(wire, signals))
    for probe in netlist.probes:
        data: list[AnySignal] = []
        for net in probe.data:
            data.extend(s for s, _ in _fields(net.type, signals[net]))
        result.probes.append((probe.stage, signals[probe.valid], data))
