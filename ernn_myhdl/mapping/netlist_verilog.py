"""A flat netlist of Yosys' JSON as structural Verilog, and the models of its cells, for simulation."""

from __future__ import annotations

import re
from pathlib import Path

_BINARY = re.compile(r"[01xz]+")
_NO_HARDWARE = "$scopeinfo"
#: Cells of which a file of Yosys has the ports only, and synth/nextpnr/ a model.
OURS = ("DP16KD",)
_EMPTY = re.compile(
    rf"^(?:\(\* *blackbox *\*\) *)?module ({'|'.join(OURS)})\b.*?^endmodule *$", re.M | re.S
)


def netlist_verilog(module: dict, name: str) -> str:
    """Verilog of a flat module: one wire a bit, one instance a cell, with its parameters."""
    ports = module["ports"]
    heads = ", ".join(
        f"{port['direction']} wire {_range(port['bits'])}\\{n} " for n, port in ports.items()
    )
    lines = [f"module \\{name} ({heads});"]
    used = {
        bit
        for bits in [
            *(port["bits"] for port in ports.values()),
            *(b for cell in module["cells"].values() for b in cell["connections"].values()),
        ]
        for bit in bits
        if isinstance(bit, int)
    }
    # not bits of one word: Icarus takes time by their square
    lines += [f"    wire n{bit};" for bit in sorted(used)]
    for port_name, port in ports.items():
        joined = _joined(port["bits"])
        ends = (joined, f"\\{port_name} ")
        if port["direction"] == "output":
            ends = ends[::-1]
        lines.append(f"    assign {ends[0]} = {ends[1]};")
    for number, cell in enumerate(module["cells"].values()):
        if cell["type"] == _NO_HARDWARE:
            continue
        given = ", ".join(f".{k}({_value(v)})" for k, v in cell["parameters"].items())
        pins = ", ".join(f".{p}({_joined(bits)})" for p, bits in cell["connections"].items())
        lines.append(f"    {cell['type']} {f'#({given}) ' if given else ''}c{number} ({pins});")
    return "\n".join([*lines, "endmodule", ""])


def _range(bits: list) -> str:
    return f"[{len(bits) - 1}:0] " if len(bits) > 1 else ""


def _joined(bits: list) -> str:
    names = [f"n{b}" if isinstance(b, int) else f"1'b{b}" for b in reversed(bits)]
    return names[0] if len(names) == 1 else "{" + ", ".join(names) + "}"


def _value(value: str | int) -> str:
    """A parameter: digits are a number; text of digits only has a space behind it in the JSON."""
    if isinstance(value, int):
        return str(value)
    if _BINARY.fullmatch(value):
        return f"{len(value)}'b{value}"
    return '"' + (value[:-1] if _BINARY.fullmatch(value.rstrip(" ")) else value) + '"'


def cell_models(file: Path, known: set[str] | None = None) -> str:
    """Yosys' models of cells in one text, without what Icarus 11 cannot read.

    That is `$error` in a generate block, which stands for parameters that a netlist of Yosys has not; and without the
    empty modules of OURS. known: files that are in it already.
    """
    known = set() if known is None else known
    if file.name in known:
        return ""
    known.add(file.name)
    lines = []
    for line in file.read_text().splitlines():
        included = re.match(r'\s*`include "([^"]+)"', line)
        if included:
            lines.append(cell_models(file.parent / included[1], known))
        elif "$error(" not in line:
            lines.append(line)
    return _EMPTY.sub("", "\n".join(lines) + "\n")
