"""The whole that is placed: the core behind five pins with the ports that it needs, or a UART system at the pins of a board."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from ernn_myhdl.errors import ToolError
from ernn_myhdl.synthesis.board_file import BoardDescription

TOP, BOARD_TOP = "ernn_out_of_context", "ernn_board"
FILE, BOARD_FILE = f"{TOP}.sv", f"{BOARD_TOP}.sv"
#: Ports of the wrapper.
PINS = ("clk", "rst", "d", "load", "q")
#: An instance of the clock, in place of a pin.
OSCILLATOR = "wire clk;\n    ernn_oscillator oscillator (.clk(clk));\n    "
_PORT = re.compile(r"(input|output) (?:wire|reg) (?:\[(\d+):0\] )?(\w+)")


def ports_of(source: str, module: str) -> list[tuple[str, str, int]]:
    """(direction, name, bits) of each port of a converted Verilog module, in its order."""
    head = re.search(rf"^module {re.escape(module)} \((.*?)\);", source, re.M | re.S)
    found = _PORT.findall(head[1]) if head else []
    if not found:
        raise ToolError(f"{module}: no ports found in the converted Verilog")
    return [(way, name, int(msb or 0) + 1) for way, msb, name in found]


def wrapped(hdl: Path, manifest: dict, oscillator: bool = False) -> str:
    """Verilog of the wrapper around the core in a conversion's folder.

    oscillator: the clock comes from the module ernn_oscillator, not from a pin.
    """
    top = manifest["top"]
    file = next(c["file"] for c in manifest["components"] if c.get("entity", c["name"]) == top)
    used = {"input": 0, "output": 0}
    connections = []
    for way, name, bits in ports_of((hdl / file).read_text(), top):
        if name in ("clk", "rst"):
            continue
        net = "given" if way == "input" else "core_out"
        connections.append(f".{name}({net}[{used[way]} +: {bits}])")
        used[way] += bits
    template = (files("ernn_myhdl.synth") / "nextpnr" / "out_of_context.sv").read_text()
    return Template(template).substitute(
        inputs=used["input"],
        outputs=used["output"],
        module=top,
        ports=",\n        ".join(connections),
        clock_port="" if oscillator else "input wire clk,\n    ",
        clock=OSCILLATOR if oscillator else "",
    )


def on_board(board: BoardDescription, manifest: dict) -> str:
    """Verilog of a UART system at the pins of a board."""
    template = (files("ernn_myhdl.synth") / "nextpnr" / "board.sv").read_text()
    return Template(template).substitute(
        module=manifest["top"],
        high="".join(f",\n    output wire {name}" for name in board.high),
        assignments="\n".join(f"    assign {name} = 1'b1;" for name in board.high),
    )
