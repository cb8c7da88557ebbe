"""The delays of a placed and routed netlist, as nextpnr writes them (`--sdf`), and its longest paths.

nextpnr itself reports one path for a clock. From the delays every path can be told: an endpoint is a pin
with a set-up time, the longest way to it is found over the graph of pins. Delays are those of the slow
corner (the third number), which nextpnr goes by as well; clocks have no skew there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from ernn_myhdl.errors import ToolError

#: (cell, pin)
Pin = tuple[str, str]

_NAME = r"((?:\\.|[^\s\\()])+)"
_DELAY = r"\((?:[\d.-]*):(?:[\d.-]*):([\d.-]+)\)"
_WIRE = re.compile(rf"\(INTERCONNECT {_NAME} {_NAME} {_DELAY} {_DELAY}\)")
_CELL = re.compile(r"\(CELLTYPE \"(.*)\"\)")
_INSTANCE = re.compile(rf"\(INSTANCE {_NAME}\)")
_WAY = re.compile(rf"\(IOPATH (?:\((?:pos|neg)edge (\S+)\)|(\S+)) (\S+) {_DELAY} {_DELAY}\)")
_CHECK = re.compile(
    rf"\(SETUPHOLD \((?:pos|neg)edge (\S+)\) \((?:pos|neg)edge (\S+)\) {_DELAY} {_DELAY}\)"
)


@dataclass
class Delays:
    """Delays in ns. wires: sink -> (driver, delay). ways: output pin of a cell -> its inputs, with delays.

    launches: output pin -> delay from the clock. setups: input pin -> set-up time. kinds: type of
    each cell. clocks: cell -> delay of the wire of its clock.
    """

    wires: dict[Pin, tuple[Pin, float]] = field(default_factory=dict)
    ways: dict[Pin, list[tuple[Pin, float]]] = field(default_factory=dict)
    launches: dict[Pin, float] = field(default_factory=dict)
    setups: dict[Pin, float] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TimedPath:
    """From register to register. pins: from the output that launches it to the input with the set-up
    time; times: ns at which each is reached, from the earliest that the clock reaches a register, without the set-up time; skew: minus how
    much later than that it reaches the last one; ns: of the whole, with both."""

    pins: tuple[Pin, ...]
    times: tuple[float, ...]
    setup: float
    skew: float = 0.0

    @property
    def ns(self) -> float:
        return self.times[-1] + self.setup + self.skew


def read_delays(file: Path) -> Delays:
    """Read an SDF file of nextpnr; ToolError for one without a delay."""
    delays, clocks = Delays(), set()
    kind = cell = ""
    ways: list[tuple[str, str, str, float]] = []
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if match := _WIRE.search(line):
                driver, sink = _pin(match[1]), _pin(match[2])
                delays.wires[sink] = driver, max(float(match[3]), float(match[4])) / 1000
            elif match := _WAY.search(line):
                slowest = max(float(match[4]), float(match[5])) / 1000
                ways.append((cell, match[1] or match[2], match[3], slowest))
            elif match := _CHECK.search(line):
                pin, setup = (cell, match[1]), float(match[3]) / 1000
                delays.setups[pin] = max(setup, delays.setups.get(pin, 0.0))
                clocks.add((cell, match[2]))
            elif match := _INSTANCE.search(line):
                cell = _plain(match[1])
                delays.kinds[cell] = kind
            elif match := _CELL.search(line):
                kind = match[1]
    for owner, source, target, slowest in ways:
        output = (owner, target)
        if (owner, source) in clocks or source in ("CLK", "WCK"):
            delays.launches[output] = max(slowest, delays.launches.get(output, 0.0))
        else:
            delays.ways.setdefault(output, []).append(((owner, source), slowest))
    for owner, clock in clocks:
        if (owner, clock) in delays.wires:
            delays.clocks[owner] = delays.wires[owner, clock][1]
    if not delays.wires:
        raise ToolError(f"{file}: no delays in it")
    return delays


def _plain(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)


def _pin(name: str) -> Pin:
    cell, _, pin = name.rpartition("/")
    return _plain(cell), _plain(pin)


def longest_paths(delays: Delays) -> list[TimedPath]:
    """The longest path to each input with a set-up time that a register reaches, the longest first."""
    arrival: dict[Pin, tuple[float, Pin | None]] = {}
    before = {pin: [(p, d) for p, d in found] for pin, found in delays.ways.items()}
    for sink, wire in delays.wires.items():
        before[sink] = [wire]
    first = min(delays.clocks.values(), default=0.0)
    late = {cell: delay - first for cell, delay in delays.clocks.items()}
    for pin, delay in delays.launches.items():
        arrival[pin] = delay + late.get(pin[0], 0.0), None
    try:
        order = list(
            TopologicalSorter({p: [b for b, _ in w] for p, w in before.items()}).static_order()
        )
    except CycleError as error:
        cells = ", ".join(sorted({cell for cell, _ in error.args[1]})[:4])
        raise ToolError(f"timing: combinational loop through {cells}") from error
    for pin in order:
        reached = [
            (arrival[source][0] + delay, source)
            for source, delay in before.get(pin, ())
            if source in arrival
        ]
        # a multiplier of Nexus has ways to one output from its registers and past them
        if reached and (pin not in arrival or max(reached)[0] > arrival[pin][0]):
            arrival[pin] = max(reached)
    paths = []
    for pin, setup in delays.setups.items():
        if pin in arrival:
            way = list(_back(arrival, pin))[::-1]
            times = tuple(arrival[p][0] for p in way)
            paths.append(TimedPath(tuple(way), times, setup, -late.get(pin[0], 0.0)))
    return sorted(paths, key=lambda p: (-p.ns, p.pins))


def _back(arrival: dict[Pin, tuple[float, Pin | None]], pin: Pin | None) -> Iterator[Pin]:
    while pin is not None:
        yield pin
        pin = arrival[pin][1]
