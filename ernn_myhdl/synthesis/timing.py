"""The longest paths between registers of mapped netlists.

Works on netlists as Yosys writes them (`write_json` after `synth_xilinx`); how a path is measured is in
`ernn_myhdl.synthesis.paths`. A module is reduced to its longest paths from and to its ports, bit by bit. A netlist of blocks is
then walked like a netlist of primitives, with the reduced blocks as cells. So the longest path of a
whole core is exact, also across the borders of blocks, and every block is looked at once.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from ernn_myhdl.errors import ToolError
from ernn_myhdl.synthesis.paths import (
    NONE,
    ORDERS,
    Arc,
    Fanout,
    Length,
    LogicPath,
    NetlistCell,
    NetlistModule,
    Pin,
)
from ernn_myhdl.synthesis.primitives import primitive


class _Walk:
    """Longest ways through one module of the JSON in one order."""

    def __init__(self, module: dict, cells: dict[str, NetlistCell], order: str) -> None:
        self.module, self.cells, self.key = module, cells, ORDERS[order]
        self.names = _net_names(module)
        #: Ways into a bit: (input bit, arc, crossed block).
        self.arcs: dict[int, list[tuple[int, Arc, str]]] = {}
        #: Longest way to each bit: from registers under None, from each input pin under the pin.
        self.arrival: dict[int, dict[Pin | None, LogicPath]] = {}

    def run(self) -> None:
        for name, model in self.cells.items():
            nets = self.module["cells"][name]["connections"]
            block = name if isinstance(model, NetlistModule) else ""
            for (port, i), path in model.launch.items():
                bit = nets[port][i]
                if isinstance(bit, int):
                    start = _join(block, path.start) if block else self.names[bit]
                    self.arrive(bit, None, path.length, start, path.through)
            for arc in model.arcs:
                before, after = (nets[port][i] for port, i in (arc.source, arc.target))
                if isinstance(before, int) and isinstance(after, int):
                    self.arcs.setdefault(after, []).append((before, arc, block))
        for port, spec in self.module["ports"].items():
            if spec["direction"] == "input":
                for i, bit in enumerate(spec["bits"]):
                    self.arrive(bit, (port, i), NONE, "", ())
        order = TopologicalSorter({t: [s for s, *_ in arcs] for t, arcs in self.arcs.items()})
        try:
            for bit in order.static_order():
                for before, arc, block in self.arcs.get(bit, ()):
                    for source, path in self.arrival.get(before, {}).items():
                        through = path.through
                        if block:
                            through += tuple(_join(block, t) for t in arc.through) or (block,)
                        self.arrive(bit, source, path.length.plus(arc.length), path.start, through)
        except CycleError as error:
            names = ", ".join(sorted({self.names[b] for b in error.args[1]})[:4])
            raise ToolError(f"timing: combinational loop through {names}") from error

    def arrive(self, bit: int, source: Pin | None, length: Length, start: str, through) -> None:
        ways = self.arrival.setdefault(bit, {})
        if source not in ways or self.key(length) > self.key(ways[source].length):
            ways[source] = LogicPath(length, start, "", through)

    def captured(self):
        """(source, path, cell) of every way that ends at a register."""
        for name, model in self.cells.items():
            nets = self.module["cells"][name]["connections"]
            for (port, i), path in model.capture.items():
                for source, way in self.arrival.get(nets[port][i], {}).items():
                    total = way.length.plus(path.length)
                    if isinstance(model, NetlistModule):
                        end = _join(name, path.end)
                        through = way.through + tuple(_join(name, t) for t in path.through)
                    else:
                        end, through = self.register(name), way.through
                    yield source, LogicPath(total, way.start, end, through), name

    def register(self, cell: str) -> str:
        """What a register drives, as its name."""
        values = self.module["cells"][cell]
        for port, bits in values["connections"].items():
            if values["port_directions"][port] == "output":
                for bit in bits:
                    if isinstance(bit, int):
                        return self.names[bit]
        return cell


def _net_names(module: dict) -> dict[int, str]:
    """A name of each net's bits, as written in the source where there is one."""
    found: dict[int, tuple[int, str]] = {}
    for name, values in module["netnames"].items():
        bits = values["bits"]
        for i, bit in enumerate(bits):
            candidate = (values.get("hide_name", 0), name if len(bits) == 1 else f"{name}[{i}]")
            if isinstance(bit, int) and (bit not in found or candidate < found[bit]):
                found[bit] = candidate
    return {bit: name for bit, (_, name) in found.items()}


def _join(*names: str) -> str:
    return ".".join(n for n in names if n)


def _count_pins(walk: _Walk, reduced: NetlistModule) -> None:
    """Pins on the nets that registers drive, and on those of the ports."""
    pins: dict[int, int] = {}
    registered: set[int] = set()
    for name, model in walk.cells.items():
        nets = walk.module["cells"][name]["connections"]
        for (port, i), number in model.loads.items():
            pins[nets[port][i]] = pins.get(nets[port][i], 0) + number
        driven = model.driven if isinstance(model, NetlistModule) else {}
        for (port, i), path in model.launch.items():
            bit = nets[port][i]
            if isinstance(bit, int) and not (path.length.levels or path.length.carry):
                registered.add(bit)
                pins[bit] = pins.get(bit, 0) + driven.get((port, i), 0)
        if isinstance(model, NetlistModule) and model.fanout.pins > reduced.fanout.pins:
            reduced.fanout = Fanout(model.fanout.pins, _join(name, model.fanout.net))
    for bit in registered:
        if pins.get(bit, 0) > reduced.fanout.pins:
            reduced.fanout = Fanout(pins[bit], walk.names[bit])
    for port, spec in walk.module["ports"].items():
        count = reduced.loads if spec["direction"] == "input" else reduced.driven
        for i, bit in enumerate(spec["bits"]):
            count[port, i] = pins.get(bit, 0) if isinstance(bit, int) else 0


def reduce_module(
    module: dict, known: dict[str, NetlistModule], order: str = "levels"
) -> NetlistModule:
    """Reduce a module of the JSON to its ports; `known` are the modules that it instantiates.

    order: which of two paths is the longer, see ORDERS. Raises ToolError for unknown cells and for
    combinational loops.
    """
    cells = {
        name: known[cell["type"]] if cell["type"] in known else primitive(cell)
        for name, cell in module["cells"].items()
    }
    walk = _Walk(module, cells, order)
    walk.run()
    reduced = NetlistModule()

    def longest(path: LogicPath, cell: str) -> None:
        if reduced.worst is None or walk.key(path.length) > walk.key(reduced.worst.length):
            reduced.worst = path
        block = module["cells"][cell]["type"] if isinstance(cells[cell], NetlistModule) else ""
        if block not in reduced.ends or walk.key(path.length) > walk.key(
            reduced.ends[block].length
        ):
            reduced.ends[block] = path

    for name, model in cells.items():
        if isinstance(model, NetlistModule) and model.worst is not None:
            worst = model.worst
            through = tuple(_join(name, t) for t in worst.through)
            start, end = _join(name, worst.start), _join(name, worst.end)
            longest(LogicPath(worst.length, start, end, through), name)
    for source, path, cell in walk.captured():
        if source is None:
            longest(path, cell)
        else:
            before = reduced.capture.get(source)
            if before is None or walk.key(path.length) > walk.key(before.length):
                reduced.capture[source] = path
    for port, spec in module["ports"].items():
        if spec["direction"] == "output":
            for i, bit in enumerate(spec["bits"]):
                for source, path in walk.arrival.get(bit, {}).items():
                    if source is None:
                        reduced.launch[port, i] = path
                    else:
                        reduced.arcs.append(Arc(source, (port, i), path.length, path.through))
    _count_pins(walk, reduced)
    return reduced
