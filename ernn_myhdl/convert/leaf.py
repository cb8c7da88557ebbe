"""One leaf of the netlist as an entity: MyHDL conversion behind ports of std_logic_vector.

MyHDL refuses lists of Signals as ports of what it converts, so the leaf is wrapped: every port is one
vector, cut into the elements of its array inside the entity.
"""

from __future__ import annotations

import linecache
import re
import warnings
from pathlib import Path

from myhdl import (
    ConcatSignal,
    Signal,
    ToVerilogWarning,
    ToVHDLWarning,
    always_comb,
    block,
    instances,
    intbv,
)

from ernn_myhdl.errors import ToolError
from ernn_myhdl.netlist import Leaf
from ernn_myhdl.rtl.signals import Array, unsigned

#: Warnings of the converters that say nothing about the result: a port of the wrapped block that
#: the block does not need for these parameters.
HARMLESS = (
    "Port is not used",
    "Signal is driven but not read",
    "Signal is not driven",
    "Port is not read",
)


@block
def unpack_element(bus, elements, position, high, low):
    """elements[position] is a slice of the bus."""

    @always_comb
    def assign():
        elements[position].next = bus[high:low].signed()

    return assign


@block
def read_element(elements, position, part, width):
    """part is an element without its sign."""

    @always_comb
    def assign():
        part.next = elements[position][width:]

    return assign


@block
def pack_one(bus, part):
    """bus of a single element."""

    @always_comb
    def assign():
        bus.next = part

    return assign


@block
def pack_elements(bus, parts):
    """bus is the concatenation of the parts, the first in the lowest bits."""
    joined = ConcatSignal(*reversed(parts))

    @always_comb
    def assign():
        bus.next = joined

    return assign


@block
def unpack_array(bus, elements, count, width):
    """Cuts the bus into elements."""
    return [unpack_element(bus, elements, i, (i + 1) * width, i * width) for i in range(count)]


@block
def pack_array(elements, bus, count, width):
    """Joins the elements to the bus."""
    parts = [unsigned(width) for _ in range(count)]
    read = [read_element(elements, i, parts[i], width) for i in range(count)]
    joined = pack_elements(bus, parts) if count > 1 else pack_one(bus, parts[0])
    return read, joined


def _wrapper(leaf: Leaf):
    """A MyHDL block whose arguments are the leaf's ports, one vector each.

    MyHDL takes the names of ports from the signature and those of arrays from local variables, and it
    asks for the source, so the block is written out as text.
    """
    scope: dict = {
        "unpack_array": unpack_array,
        "pack_array": pack_array,
        "instances": instances,
        "leaf_block": leaf.block,
        "parameters": leaf.parameters,
    }
    lines, connections = [], []
    for name, port in leaf.ports.items():
        inner = name
        if isinstance(port.type, Array):
            inner = f"{name}_elements"
            count, width = port.type.count, port.type.width
            scope[f"make_{name}"] = port.type.signals
            lines.append(f"{inner} = make_{name}()")
            if port.direction == "in":
                lines.append(f"cut_{name} = unpack_array({name}, {inner}, {count}, {width})")
            else:
                lines.append(f"join_{name} = pack_array({inner}, {name}, {count}, {width})")
        connections.append(f"{name}={inner}")
    lines.append(f"core = leaf_block({', '.join(connections)}, **parameters)")
    lines.append("return instances()")
    text = f"def wrapper({', '.join(leaf.ports)}):\n" + "".join(f"    {line}\n" for line in lines)
    file = f"<wrapper of {leaf.name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), scope)
    return block(scope["wrapper"])


def _vector(port):
    if isinstance(port.type, Array):
        return Signal(intbv(0)[port.type.bits :])
    return port.type.signals()


def convert_leaf(leaf: Leaf, folder: Path, hdl: str) -> str:
    """Write the entity of `leaf` into `folder`; returns the file's name.

    A warning of MyHDL that may mean wrong hardware is an error.
    """
    arguments = {name: _vector(port) for name, port in leaf.ports.items()}
    instance = _wrapper(leaf)(**arguments)
    options = {"path": str(folder), "name": leaf.name, "no_myhdl_header": True}
    options["initial_values"] = True
    if hdl == "VHDL":
        options |= {"std_logic_ports": True}
    else:
        options |= {"testbench": False}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        instance.convert(hdl=hdl, **options)
    for warning in caught:
        text = str(warning.message)
        if issubclass(warning.category, (ToVHDLWarning, ToVerilogWarning)) and not any(
            text.startswith(h) for h in HARMLESS
        ):
            raise ToolError(f"MyHDL conversion of {leaf.name} to {hdl}: {text}")
    name = f"{leaf.name}.{'vhd' if hdl == 'VHDL' else 'v'}"
    path = folder / name
    path.write_text(_tidy(path.read_text(), leaf, hdl))
    return name


def _tidy(text: str, leaf: Leaf, hdl: str) -> str:
    """A heading that says what the entity is, and no runs of blank lines."""
    mark = "--" if hdl == "VHDL" else "//"
    first = (leaf.block.func.__doc__ if hasattr(leaf.block, "func") else None) or ""
    purpose = " ".join(first.split("\n\n")[0].split())
    values = ", ".join(
        f"{k} = {v}" for k, v in leaf.parameters.items() if isinstance(v, (int, tuple, bool))
    )
    heading = f"{mark} {leaf.name}: {purpose}\n{mark} parameters: {values or 'none'}\n"
    return heading + re.sub(r"\n{3,}", "\n\n", text).lstrip("\n")
