"""What a core's netlist tells of its speed, as JSON and as text."""

from __future__ import annotations

from ernn_myhdl.synthesis.paths import ORDERS, Length, LogicPath, NetlistModule
from ernn_myhdl.synthesis.primitives import DSP_REGISTERS, dsp_registers
from ernn_myhdl.synthesis.timing import reduce_module


def _record(path: LogicPath) -> dict:
    return {**path.length._asdict(), "start": path.start, "end": path.end,
            "through": list(path.through)}  # fmt: skip


def _path(path: LogicPath | None) -> dict | None:
    return None if path is None else _record(path)


def _longest_ends(core: NetlistModule, top: str, order: str) -> list[dict]:
    """The longest path into each kind of block of the core, the longest first."""
    key = ORDERS[order]
    found = [{"block": block or top, **_record(path)} for block, path in core.ends.items()]
    return sorted(
        found,
        key=lambda p: (*key(Length(*(p[n] for n in Length._fields))), p["block"]),
        reverse=True,
    )


def timing_evidence(modules: dict[str, dict], instances: dict[str, int], top: str) -> dict:
    """What a core's netlist tells of its speed.

    modules: of the JSON by name, each behind those that it instantiates. instances: of each.
    Returns
        longest: by order of comparison ("levels", "carry") the longest path of the core between
            two registers; a path is {levels, carry, mux, dsp, start, end, through}
        ends: by order the longest path that ends in each kind of block of which the core is made, the longest first,
            with the block's name under "block"
        ports: the longest path from an input port to a register or output port ("in") and from a
            register to an output port ("out"), by levels
        fanout: {pins, net} of the net of a register with the most pins, clock excepted
        multipliers: {dsp, AREG, BREG, MREG, PREG}: DSP48s and those that use each register
        blocks: for each module the longest path inside, by levels, and its fanout
    """
    longest, ends, reduced = {}, {}, {}
    for order in ORDERS:
        known: dict[str, NetlistModule] = {}
        for name, module in modules.items():
            known[name] = reduce_module(module, known, order)
        longest[order] = _path(known[top].worst)
        ends[order] = _longest_ends(known[top], top, order)
        if order == "levels":
            reduced = known
    whole, key = reduced[top], ORDERS["levels"]

    def most(paths) -> dict | None:
        return _path(max(paths, key=lambda p: key(p.length), default=None))

    entering = [
        *whole.capture.values(),
        *(LogicPath(a.length, "", "", a.through) for a in whole.arcs),
    ]
    multipliers: dict[str, int] = {}
    for name, module in modules.items():
        for register, number in dsp_registers(module).items():
            multipliers[register] = multipliers.get(register, 0) + number * instances[name]
    return {
        "longest": longest,
        "ends": ends,
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


#: Blocks whose longest paths are printed.
PRINTED = 5


def _ends(timing: dict, order: str) -> list[str]:
    """A line for each block in which one of the longest paths ends."""
    return [f"  into {path['block']}: {_text(path)}" for path in timing["ends"][order][:PRINTED]]


def format_timing(timing: dict) -> str:
    """`timing_evidence` for a terminal."""
    m = timing["multipliers"]
    registers = ", ".join(f"{m[name]} with {name}" for name in (*DSP_REGISTERS, "PREG"))
    return "\n".join(
        [
            f"most LUTs in a path      {_text(timing['longest']['levels'])}",
            *_ends(timing, "levels"),
            f"longest carry in a path  {_text(timing['longest']['carry'])}",
            *_ends(timing, "carry"),
            f"from an input port       {_text(timing['ports']['in'])}",
            f"to an output port        {_text(timing['ports']['out'])}",
            f"largest fan-out          {timing['fanout']['pins']} pins on {timing['fanout']['net']}",
            f"DSP48                    {m['dsp']}: {registers}",
        ]
    )
