"""MyHDL's Verilog with its loops unrolled and its arrays as single signals, for a compiled model.

Verilator keeps an array of Verilog as an array in memory and copies each element that a clock edge
changes twice; a lane made of such arrays runs seven times slower than one made of signals. It also
sees through a concatenation of elements, but not through assignments to its parts.
"""

from __future__ import annotations

import re

_FOR = re.compile(
    r"^( *)for ?\((\w+)=(\d+); \2<([\d ()+*-]+); \2=\2\+1\) begin\n(.*?)^\1end\n", re.M | re.S
)
_ARRAY = re.compile(r"^(reg|wire) (signed )?(\[\d+:0\] )?(\w+) \[0:(\d+)-1\];\n", re.M)
_GENERATE = re.compile(
    r"^genvar (?P<g>(?P<kind>cut|join)_\w+);\ngenerate\n    for \((?P=g) = 0; (?P=g) < (?P<count>\d+);"
    r"[^\n]*\n        assign (?P<target>\w+)\[[^\n]*\] = (?P<source>\w+)\[[^\n]*;\nendgenerate\n",
    re.M,
)
_INITIAL = r"^initial begin: INITIALIZE_{upper}\n.*?^end\n"


def unrolled(text: str) -> str:
    """The same module; arrays with an index that is not constant stay as they are."""
    widths = {m[4]: int((m[3] or "[0:0] ")[1:-4]) + 1 for m in _ARRAY.finditer(text)}

    def generate(match: re.Match) -> str:
        source, target, count = match["source"], match["target"], int(match["count"])
        if match["kind"] == "join":
            parts = ", ".join(f"{source}[{i}]" for i in reversed(range(count)))
            return f"assign {target} = {{{parts}}};\n"
        width = widths[target]
        return "".join(
            f"assign {target}[{i}] = {source}[{i * width + width - 1}:{i * width}];\n"
            for i in range(count)
        )

    text = _GENERATE.sub(generate, text)
    text = _loops(text)
    text = re.sub(r"(?<=\[)[ ()\d+*-]+(?=\])", _constant, text)
    for array in list(_ARRAY.finditer(text)):
        text = _scalars(text, array)
    return text


def _loops(text: str) -> str:
    """All loops over constants written out, the outer ones first."""

    def write_out(match: re.Match) -> str:
        _, name, first, end, body = match.groups()
        use = re.compile(rf"\b{name}\b")
        return "".join(use.sub(str(i), body) for i in range(int(first), _value(end)))

    while (longer := _FOR.sub(write_out, text)) != text:
        text = longer
    return text


def _value(expression: str) -> int:
    """Value of an expression of digits, parentheses and + - *."""
    return int(eval(expression, {"__builtins__": {}}))


def _constant(match: re.Match) -> str:
    """An index of constants as one number."""
    return str(_value(match[0]))


def _scalars(text: str, array: re.Match) -> str:
    """One array as signals, where all its indices are constants."""
    kind, sign, bits, name, depth = array.groups()
    uses = re.findall(rf"\b{name}\b(\[\d+\])?", text.replace(array[0], ""))
    if not all(uses):
        return text
    initial = re.compile(_INITIAL.format(upper=name.upper()), re.M | re.S)
    start = ""
    if found := initial.search(text):
        values = set(re.findall(rf"\b{name}\[\d+\] = (-?\d+);", found[0]))
        if len(values) != 1:
            return text
        start = f" = {values.pop()}"
        text = initial.sub("", text)
    names = [f"{name}_e{i}" for i in range(int(depth))]
    declarations = "".join(f"{kind} {sign or ''}{bits or ''}{n}{start};\n" for n in names)
    text = text.replace(array[0], declarations)
    return re.sub(rf"\b{name}\[(\d+)\]", rf"{name}_e\1", text)
