"""What MyHDL writes as Verilog, as a module that every tool for SystemVerilog starts from power-up.

A process with a list of signals is evaluated when one of them changes; where none ever does, its outputs
stay undefined in four-valued simulation. `always_comb` is evaluated at the start as well, and depends on
no list, whose order is that of a set in Python.
"""

from __future__ import annotations

import re

from ernn_myhdl.convert.verilog_widths import with_widths

#: First line of every file. Other warnings of `verilator --lint-only -Wall` are none.
LINT = (
    "// A block is the same in every core, which may not need all its outputs and bits, nor all its limits:\n"
    "/* verilator lint_off UNUSED */\n"
    "/* verilator lint_off UNSIGNED */\n"
)

_SENSITIVE = re.compile(r"^always @\((?!posedge |negedge ).*\) begin(?=: \w+$|$)", re.M)
_COMBINATIONAL = re.compile(r"^always_comb begin.*?^end$", re.M | re.S)
_START = re.compile(
    r"^(?P<declaration>(?:output )?reg (?:signed )?(?:\[[^]]+\] )?(?P<name>\w+)) = (?P<value>-?\w+);$",
    re.M,
)
_ARRAY_START = r"^initial begin: INITIALIZE_{upper}\n.*?^end\n"


def verilog_layout(text: str) -> str:
    """The text of one module."""
    text = re.sub(r"^`timescale.*\n", "", text, flags=re.M)
    text = _SENSITIVE.sub("always_comb begin", text)
    driven = {
        name
        for process in _COMBINATIONAL.findall(text)
        for name in re.findall(r"^ +(\w+)(?:\[[^=;]*\])? = ", process, re.M)
    }
    for name in driven:  # what a combinational process drives has no start of its own
        text = re.sub(_ARRAY_START.format(upper=name.upper()), "", text, flags=re.M | re.S)
    text = _starts(text, driven)
    return with_widths(_COMBINATIONAL.sub(lambda process: _once(process[0], text), text))


def _once(process: str, module: str) -> str:
    """A combinational process that assigns each of its outputs once, at its end.

    A default that is then overwritten would be seen by the other processes, and two processes that read
    each other's outputs could go on so for ever.
    """
    declared, ends = "", ""
    for name in dict.fromkeys(re.findall(r"^ +(\w+) = ", process, re.M)):
        kind = re.search(rf"^(?:output )?(reg (?:signed )?(?:\[[^]]+\] )?){name};$", module, re.M)
        if kind:
            process = re.sub(rf"\b{name}\b", f"next_{name}", process)
            declared += f"\n    {kind[1]}next_{name};"
            ends += f"    {name} = next_{name};\n"
    head, line, body = process.partition("\n")
    return f"{head}{declared}{line}{body.removesuffix('end')}{ends}end"


def _starts(text: str, driven: set[str]) -> str:
    """Initial values as statements instead of parts of declarations."""
    values = [(m["name"], m["value"]) for m in _START.finditer(text) if m["name"] not in driven]
    text = _START.sub(lambda m: f"{m['declaration']};", text)
    if not values:
        return text
    statements = "".join(f"    {name} = {value};\n" for name, value in values)
    first = re.search(r"^(?:assign|always|genvar|initial)", text, re.M)
    at = first.start() if first else text.index("endmodule")
    return f"{text[:at]}initial begin\n{statements}end\n\n{text[at:]}"
