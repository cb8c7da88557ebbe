"""How long the paths between registers are, and how the multipliers are registered.

Works on mapped netlists as Yosys writes them (`write_json` after `synth_xilinx`). No delays are
known without placement, so a path is measured by what it passes:

    levels   LUTs, inverters that stay, and LUTs read as memory
    carry    CARRY4 cells; a chain is entered at DI, S or CYINIT and left at O or CO
    mux      MUXF7 and MUXF8, which sit beside the LUTs and need no wire of the fabric
    dsp      DSP48 stages without a register behind them: the multiplier, or only the adder

A module is reduced to its longest paths from and to its ports, bit by bit. A netlist of blocks is
then walked like a netlist of primitives, with the reduced blocks as cells. So the longest path of a
whole core is exact, also across the borders of blocks, and every block is looked at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from ernn_myhdl.errors import ToolError
from ernn_myhdl.synthesis import resources


class Length(NamedTuple):
    """What a path passes."""

    levels: int = 0
    carry: int = 0
    mux: int = 0
    dsp: int = 0

    def plus(self, other: Length) -> Length:
        return Length(*(a + b for a, b in zip(self, other, strict=True)))


NONE = Length()
LUT, CARRY, MUX, DSP = Length(levels=1), Length(carry=1), Length(mux=1), Length(dsp=1)

#: Orders in which paths are compared. Both are kept when lengths are added to both sides, so the
#: longest path is made of longest parts.
ORDERS = {
    "levels": lambda n: (n.levels, n.carry, n.dsp, n.mux),
    "carry": lambda n: (n.carry, n.levels, n.dsp, n.mux),
}

#: A bit of a port.
Pin = tuple[str, int]


@dataclass(frozen=True)
class Path:
    """Between two registers, or ports: what it passes, the nets of the registers at its ends, and
    the blocks that it crosses without a register."""

    length: Length
    start: str = ""
    end: str = ""
    through: tuple[str, ...] = ()


class Arc(NamedTuple):
    """A combinational way through a cell."""

    source: Pin
    target: Pin
    length: Length
    through: tuple[str, ...] = ()


@dataclass
class Cell:
    """What the walk needs of a primitive, or of a module reduced to its ports.

    launch: output pins that a register drives, with the way behind it. capture: input pins that end
    at a register, with the way before it. arcs: ways from inputs to outputs. loads: pins of
    primitives on each input pin, 0 for those on which only a clock depends.
    """

    launch: dict[Pin, Path] = field(default_factory=dict)
    capture: dict[Pin, Path] = field(default_factory=dict)
    arcs: list[Arc] = field(default_factory=list)
    loads: dict[Pin, int] = field(default_factory=dict)


@dataclass
class Fanout:
    """The net of a register with the most pins."""

    pins: int = 0
    net: str = ""


@dataclass
class Module(Cell):
    """A module reduced to its ports, and what is inside.

    worst: its longest path from register to register. fanout: of the nets that registers inside
    drive. driven: pins inside on the nets of output pins.
    """

    worst: Path | None = None
    fanout: Fanout = field(default_factory=Fanout)
    driven: dict[Pin, int] = field(default_factory=dict)


#: Cells that a path ends and begins at, whole.
REGISTERED = (resources.FLIP_FLOP, resources.RAM_18, resources.RAM_36)
CLOCKS = re.compile(r"C|CLK|WCLK|CLKARDCLK|CLKBWRCLK|RDCLK|WRCLK|RDRCLK|REGCLK\w*")

#: Pipeline register before each operand of a DSP48.
DSP_OPERANDS = {"A": "AREG", "B": "BREG", "C": "CREG", "D": "DREG"}
DSP_CONTROL = {"OPMODE": "OPMODEREG", "ALUMODE": "ALUMODEREG", "CARRYIN": "CARRYINREG",
               "INMODE": "INMODEREG", "CARRYINSEL": "CARRYINSELREG"}  # fmt: skip


def parameter(cell: dict, name: str) -> int:
    """A parameter of a cell in the JSON, where it is a number or a string of binary digits."""
    value = cell.get("parameters", {}).get(name, 0)
    return value if isinstance(value, int) else int(value, 2)


def _pins(cell: dict, direction: str) -> list[Pin]:
    ways = cell["port_directions"]
    return [
        (port, i)
        for port, bits in cell["connections"].items()
        if ways[port] == direction
        for i in range(len(bits))
    ]


def primitive(cell: dict) -> Cell:
    """The model of a primitive of the JSON; ToolError for an unknown type."""
    kind = cell["type"]
    inputs = [p for p in _pins(cell, "input") if not CLOCKS.fullmatch(p[0])]
    outputs = _pins(cell, "output")
    model = Cell(loads=dict.fromkeys(inputs, 1))
    if resources.LOGIC_LUT.fullmatch(kind):
        model.arcs = [Arc(i, o, LUT) for i in inputs for o in outputs]
    elif resources.WIDE.fullmatch(kind):
        model.arcs = [Arc(i, o, MUX) for i in inputs for o in outputs]
    elif kind in ("CARRY4", "CARRY8"):
        model.arcs = [
            Arc(i, o, CARRY)
            for i in inputs
            for o in outputs
            if i[0] in ("CI", "CI_TOP", "CYINIT")
            or i[1] < o[1]
            or (i[1] == o[1] and _same_bit(i, o))
        ]
    elif any(p.fullmatch(kind) for p in REGISTERED):
        model.capture = dict.fromkeys(inputs, Path(NONE))
        model.launch = dict.fromkeys(outputs, Path(NONE))
    elif kind in resources.MEMORY_LUTS:
        model.capture = dict.fromkeys(inputs, Path(NONE))
        model.launch = dict.fromkeys(outputs, Path(NONE))
        model.arcs = [Arc(i, o, LUT) for i in inputs for o in outputs if _addresses(i[0], o[0])]
    elif kind in ("DSP48E1", "DSP48E2"):
        _dsp(cell, model, inputs, outputs)
    elif kind not in resources.FREE:
        raise ToolError(f"timing: no model of a {kind}")
    return model


def _same_bit(source: Pin, target: Pin) -> bool:
    """DI of a bit of CARRY4 goes to its carry only, S to its sum as well."""
    return source[0] == "S" or target[0] == "CO"


def _addresses(pin: str, output: str) -> bool:
    """Is this pin of a memory in LUTs the address of that output?"""
    if output in ("DOA", "DOB", "DOC", "DOD"):  # RAM32M, RAM64M
        return pin == f"ADDR{output[2]}"
    if output == "DPO":
        return pin.startswith("DPRA")
    return re.fullmatch(r"A\d*", pin) is not None


def _dsp(cell: dict, model: Cell, inputs: list[Pin], outputs: list[Pin]) -> None:
    """A DSP48 by its pipeline registers: operands, product (M), result (P)."""
    product, result = parameter(cell, "MREG"), parameter(cell, "PREG")
    for pin in inputs:
        own = DSP_OPERANDS.get(pin[0]) or DSP_CONTROL.get(pin[0])
        if own is None or parameter(cell, own):
            model.capture[pin] = Path(NONE)  # a register of its own, or an enable or reset
        elif result or (product and pin[0] in ("A", "B", "D")):
            model.capture[pin] = Path(DSP)
        else:
            model.arcs += [Arc(pin, o, DSP) for o in outputs]
    model.launch = dict.fromkeys(outputs, Path(NONE if result else DSP))


class _Walk:
    """Longest ways through one module of the JSON in one order."""

    def __init__(self, module: dict, cells: dict[str, Cell], order: str) -> None:
        self.module, self.cells, self.key = module, cells, ORDERS[order]
        self.names = _net_names(module)
        #: Ways into a bit: (input bit, arc, crossed block).
        self.arcs: dict[int, list[tuple[int, Arc, str]]] = {}
        #: Longest way to each bit: from registers under None, from each input pin under the pin.
        self.arrival: dict[int, dict[Pin | None, Path]] = {}

    def run(self) -> None:
        for name, model in self.cells.items():
            nets = self.module["cells"][name]["connections"]
            block = name if isinstance(model, Module) else ""
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
            ways[source] = Path(length, start, "", through)

    def captured(self):
        """(source, path) of every way that ends at a register."""
        for name, model in self.cells.items():
            nets = self.module["cells"][name]["connections"]
            for (port, i), path in model.capture.items():
                for source, way in self.arrival.get(nets[port][i], {}).items():
                    total = way.length.plus(path.length)
                    if isinstance(model, Module):
                        end = _join(name, path.end)
                        through = way.through + tuple(_join(name, t) for t in path.through)
                    else:
                        end, through = self.register(name), way.through
                    yield source, Path(total, way.start, end, through)

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


def _count_pins(walk: _Walk, reduced: Module) -> None:
    """Pins on the nets that registers drive, and on those of the ports."""
    pins: dict[int, int] = {}
    registered: set[int] = set()
    for name, model in walk.cells.items():
        nets = walk.module["cells"][name]["connections"]
        for (port, i), number in model.loads.items():
            pins[nets[port][i]] = pins.get(nets[port][i], 0) + number
        driven = model.driven if isinstance(model, Module) else {}
        for (port, i), path in model.launch.items():
            bit = nets[port][i]
            if isinstance(bit, int) and not (path.length.levels or path.length.carry):
                registered.add(bit)
                pins[bit] = pins.get(bit, 0) + driven.get((port, i), 0)
        if isinstance(model, Module) and model.fanout.pins > reduced.fanout.pins:
            reduced.fanout = Fanout(model.fanout.pins, _join(name, model.fanout.net))
    for bit in registered:
        if pins.get(bit, 0) > reduced.fanout.pins:
            reduced.fanout = Fanout(pins[bit], walk.names[bit])
    for port, spec in walk.module["ports"].items():
        count = reduced.loads if spec["direction"] == "input" else reduced.driven
        for i, bit in enumerate(spec["bits"]):
            count[port, i] = pins.get(bit, 0) if isinstance(bit, int) else 0


def reduce_module(module: dict, known: dict[str, Module], order: str = "levels") -> Module:
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
    reduced = Module()

    def longest(path: Path) -> None:
        if reduced.worst is None or walk.key(path.length) > walk.key(reduced.worst.length):
            reduced.worst = path

    for name, model in cells.items():
        if isinstance(model, Module) and model.worst is not None:
            worst = model.worst
            through = tuple(_join(name, t) for t in worst.through)
            longest(Path(worst.length, _join(name, worst.start), _join(name, worst.end), through))
    for source, path in walk.captured():
        if source is None:
            longest(path)
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


#: Pipeline registers of a DSP48 that a multiplier must use: both operands and the product.
DSP_REGISTERS = ("AREG", "BREG", "MREG")


def dsp_registers(module: dict) -> dict[str, int]:
    """How many multipliers the cells of a module are, and how many use each pipeline register."""
    found = dict.fromkeys(("dsp", *DSP_REGISTERS, "PREG"), 0)
    for cell in module["cells"].values():
        if cell["type"].startswith("DSP48"):
            for name in found:
                found[name] += name == "dsp" or parameter(cell, name) > 0
    return found


def _path(path: Path | None) -> dict | None:
    if path is None:
        return None
    return {**path.length._asdict(), "start": path.start, "end": path.end,
            "through": list(path.through)}  # fmt: skip


def timing_evidence(modules: dict[str, dict], instances: dict[str, int], top: str) -> dict:
    """What a core's netlist tells of its speed.

    modules: of the JSON by name, each behind those that it instantiates. instances: of each.
    Returns
        longest: by order of comparison ("levels", "carry") the longest path of the core between
            two registers; a path is {levels, carry, mux, dsp, start, end, through}
        ports: the longest path from an input port to a register or output port ("in") and from a
            register to an output port ("out"), by levels
        fanout: {pins, net} of the net of a register with the most pins, clock excepted
        multipliers: {dsp, AREG, BREG, MREG, PREG}: DSP48s and those that use each register
        blocks: for each module the longest path inside, by levels, and its fanout
    """
    longest, reduced = {}, {}
    for order in ORDERS:
        known: dict[str, Module] = {}
        for name, module in modules.items():
            known[name] = reduce_module(module, known, order)
        longest[order] = _path(known[top].worst)
        if order == "levels":
            reduced = known
    whole, key = reduced[top], ORDERS["levels"]

    def most(paths) -> dict | None:
        return _path(max(paths, key=lambda p: key(p.length), default=None))

    entering = [*whole.capture.values(), *(Path(a.length, "", "", a.through) for a in whole.arcs)]
    multipliers: dict[str, int] = {}
    for name, module in modules.items():
        for register, number in dsp_registers(module).items():
            multipliers[register] = multipliers.get(register, 0) + number * instances[name]
    return {
        "longest": longest,
        "ports": {"in": most(entering), "out": most(whole.launch.values())},
        "fanout": {"pins": whole.fanout.pins, "net": whole.fanout.net},
        "multipliers": multipliers,
        "blocks": [
            {"name": n, "longest": _path(m.worst), "fanout": m.fanout.pins}
            for n, m in reduced.items()
        ],
    }


def _text(path: dict | None) -> str:
    if path is None:
        return "none"
    parts = [f"{path['levels']} LUT", f"{path['carry']} CARRY4"]
    parts += [f"{path[n]} {label}" for n, label in (("mux", "MUXF"), ("dsp", "DSP48")) if path[n]]
    way = f"{path['start']} -> {path['end']}"
    if path["through"]:
        way += f" through {', '.join(path['through'])}"
    return f"{', '.join(parts)}: {way}"


def format_timing(timing: dict) -> str:
    """`timing_evidence` for a terminal."""
    m = timing["multipliers"]
    registers = ", ".join(f"{m[name]} with {name}" for name in (*DSP_REGISTERS, "PREG"))
    return "\n".join(
        [
            f"most LUTs in a path      {_text(timing['longest']['levels'])}",
            f"longest carry in a path  {_text(timing['longest']['carry'])}",
            f"from an input port       {_text(timing['ports']['in'])}",
            f"to an output port        {_text(timing['ports']['out'])}",
            f"largest fan-out          {timing['fanout']['pins']} pins on {timing['fanout']['net']}",
            f"DSP48                    {m['dsp']}: {registers}",
        ]
    )
