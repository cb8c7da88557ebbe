"""Layout of an entity that MyHDL wrote: the same statements on fewer lines.

MyHDL writes a line for each signal and port, a type for each array and three lines for each loop. In
a core of some eighty entities most of the text would be that.
"""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict

from ernn_myhdl.errors import ToolError

WIDTH = 100


def statement(text: str, indent: int = 0) -> list[str]:
    """Lines of at most WIDTH characters of one statement."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


#: A list of what a process without a clock reads; its order is that of a set in Python.
_LIST = re.compile(r"process \((?!clk\))[^()]*(?:\([^()]*\)[^()]*)*\) is")


def vhdl_layout(text: str, array_ports: list[str]) -> str:
    """The text of one entity; array_ports are cut into elements by generate statements."""
    text = text.replace("use std.textio.all;\n\n", "")
    text = _LIST.sub("process (all) is", text)
    for port in array_ports:
        text = _without_copy(text, port)
    head, begin, body = text.partition("\nbegin\n")
    top, architecture, declarations = re.split(r"(architecture \w+ of \w+ is\n)", head)
    body, tables = _tables(body)
    text = (
        _ports(_uses(top))
        + architecture
        + _declarations(declarations)
        + tables
        + begin
        + _loops(body)
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _uses(text: str) -> str:
    """One clause of all packages that an entity uses."""
    clauses = re.compile(r"^use [\w.]+;\n(?:use [\w.]+;\n)+", re.MULTILINE)

    def join(match: re.Match) -> str:
        packages = re.findall(r"use ([\w.]+);", match[0])
        return "\n".join(statement(f"use {', '.join(packages)};")) + "\n"

    return clauses.sub(join, text)


def _without_copy(text: str, port: str) -> str:
    """Without the signal by which MyHDL converts the port's type; the generate statements do that."""
    copy = f"{port}_num"
    removed = rf"signal {copy}: .*\n|{copy} <= unsigned\({port}\);\n|{port} <= .*\({copy}\);\n"
    text, count = re.subn(rf"^(?:{removed})", "", text, flags=re.MULTILINE)
    text, used = re.subn(rf"\b{copy}\(", f"{port}(", text)
    if (count, used) != (2, 1) or copy in text:
        raise ToolError(f"MyHDL conversion: unknown form of the port {port}")
    return text


def _ports(text: str) -> str:
    """Neighbouring ports of one direction and type share a line."""
    groups: list[tuple[str, list[str]]] = []

    def collect(match: re.Match) -> str:
        for name, kind in re.findall(r"(\w+): ((?:in|out) [^;\n]+)", match[1]):
            if not groups or groups[-1][0] != kind:
                groups.append((kind, []))
            groups[-1][1].append(name)
        lines = []
        for i, (kind, names) in enumerate(groups):
            end = ";" if i + 1 < len(groups) else ""
            lines += statement(f"{', '.join(names)}: {kind}{end}", 8)
        return "    port (\n" + "\n".join(lines) + "\n    );\n"

    return re.sub(r"    port \(\n(.*?)\n    \);\n", collect, text, flags=re.DOTALL)


_TYPE = re.compile(r"type (?P<type>\w+) is array\(0 to (?P<depth>\d+)-1\) of (?P<element>.+);")
_SIGNAL = re.compile(r"signal (?P<name>\w+): (?P<type>.+?)(?P<start> := .+)?;")


def _declarations(text: str) -> str:
    """Signals of one type and initial value share a statement, arrays of one shape a type."""
    shared: dict[str, str] = {}
    types: list[str] = []
    signals: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in text.splitlines():
        if match := _TYPE.fullmatch(line):
            element = match["element"].replace(" (", "(")
            bits = re.fullmatch(r"(\w+)\((\d+) downto 0\)", element)
            kind = f"{bits[1]}_{int(bits[2]) + 1}" if bits else element
            shared[match["type"]] = f"array_{match['depth']}_{kind}"
            types.append(
                f"type array_{match['depth']}_{kind} is array (0 to {int(match['depth']) - 1}) of "
                f"{element};"
            )
        elif match := _SIGNAL.fullmatch(line):
            kind = shared.get(match["type"], match["type"].replace(" (", "("))
            signals[kind, match["start"] or ""].append(match["name"])
        elif line:
            raise ToolError(f"MyHDL conversion: unknown declaration: {line}")
    lines = list(dict.fromkeys(types))
    for (kind, start), names in signals.items():
        lines += statement(f"signal {', '.join(names)}: {kind}{start};")
    return "\n" + "".join(f"{line}\n" for line in lines)


_CASE = re.compile(
    r"case to_integer\((?P<index>[^\n]+)\) is\n"
    r"(?P<choices>(?: *when \d+ => [^\n]+ <= \"[01]+\";\n)+)"
    r" *when others => (?P<target>[^\n]+) <= \"(?P<last>[01]+)\";\n *end case;"
)


def _tables(text: str) -> tuple[str, str]:
    """Case statements over constants become constant arrays; returns text and declarations.

    MyHDL writes a case for an element of a tuple of integers; the tables here are of signed words.
    """
    lines: list[str] = []

    def name_table(match: re.Match) -> str:
        words = re.findall(r"when (\d+) => .* <= (\"[01]+\");", match["choices"])
        if [int(i) for i, _ in words] != list(range(len(words))):
            return match[0]
        values = [*(word for _, word in words), f'"{match["last"]}"']
        name = f"table_{len(lines)}"
        size, width = len(values) - 1, len(match["last"]) - 1
        lines.append(
            "\n".join(
                [
                    f"type {name}_t is array (0 to {size}) of signed({width} downto 0);",
                    *statement(f"constant {name}: {name}_t := ({', '.join(values)});"),
                ]
            )
        )
        return f"{match['target']} <= {name}(to_integer({match['index']}));"

    text = _CASE.sub(name_table, text)
    return text, "".join(f"{line}\n" for line in lines)


def _loops(text: str) -> str:
    """A loop of one short statement is one line."""

    def join(match: re.Match) -> str:
        line = f"{match['head']} {match['statement']} end loop;"
        return line if len(line) <= WIDTH else match[0]

    return re.sub(
        r"(?P<head> *for [^\n]+ loop)\n *(?P<statement>[^\n;]+;)\n *end loop;", join, text
    )
