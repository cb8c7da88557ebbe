"""One leaf of the netlist as an entity: MyHDL conversion behind ports of std_logic_vector.

MyHDL refuses lists of Signals as ports of what it converts, so the leaf is wrapped: every port is one
vector, cut into the elements of its array inside the entity.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from pathlib import Path

import myhdl._block
import myhdl._extractHierarchy
import myhdl._simulator
from myhdl import (
    Signal,
    ToVerilogWarning,
    ToVHDLWarning,
    always_comb,
    block,
    instances,
    intbv,
)

from ernn_myhdl.convert.kept_registers import kept_registers
from ernn_myhdl.convert.layout import vhdl_layout
from ernn_myhdl.convert.names import CORE, named
from ernn_myhdl.convert.verilog_layout import LINT, verilog_layout
from ernn_myhdl.errors import ToolError
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.inspection import brief_inspection
from ernn_myhdl.hdl.types import Array
from ernn_myhdl.hdl.written_block import written_block

#: Warnings of the converters that say nothing about the result: a port of the wrapped block that
#: the block does not need for these parameters.
HARMLESS = (
    "Port is not used",
    "Signal is driven but not read",
    "Signal is not driven",
    "Port is not read",
)


@block
def unpack_array(bus, elements, count, width):
    """Cuts the bus into `count` elements of `width` bits, the first in the lowest bits."""

    @always_comb
    def cut():
        for i in range(count):
            elements[i].next = bus[(i + 1) * width : i * width].signed()

    bus.read = True
    for element in elements:
        element.driven = "wire"
    return cut


@block
def pack_array(elements, bus, count, width):
    """Joins `count` elements of `width` bits to the bus, the first in the lowest bits."""

    @always_comb
    def join():
        for i in range(count):
            bus.next[(i + 1) * width : i * width] = elements[i]

    bus.driven = "wire"
    for element in elements:
        element.read = True
    return join


# MyHDL makes of the processes above what no Verilog tool takes: slices with variable bounds.
unpack_array.vhdl_code = """\
cut_$elements: for i in 0 to $count - 1 generate \
$elements(i) <= signed($bus($width * i + $width - 1 downto $width * i)); end generate;"""
unpack_array.verilog_code = """\
genvar cut_$elements;
generate
    for (cut_$elements = 0; cut_$elements < $count; cut_$elements = cut_$elements + 1)
        assign $elements[cut_$elements] = $bus[$width * cut_$elements +: $width];
endgenerate"""
pack_array.vhdl_code = """\
join_$elements: for i in 0 to $count - 1 generate \
$bus($width * i + $width - 1 downto $width * i) <= std_logic_vector($elements(i)); end generate;"""
pack_array.verilog_code = """\
genvar join_$elements;
generate
    for (join_$elements = 0; join_$elements < $count; join_$elements = join_$elements + 1)
        assign $bus[$width * join_$elements +: $width] = $elements[join_$elements];
endgenerate"""


def _wrapper(leaf: Leaf):
    """A MyHDL block whose arguments are the leaf's ports, one vector each.

    MyHDL takes the names of ports from the signature and those of arrays from local variables.
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
    return written_block("wrapper", leaf.ports, lines, scope)


def _vector(port):
    if isinstance(port.type, Array):
        return Signal(intbv(0)[port.type.bits :])
    return port.type.signals()


#: MyHDL's language -> suffix of a file.
SUFFIXES = {"VHDL": "vhd", "Verilog": "sv"}
#: MyHDL's package, without its suffix.
SUPPORT = "pck_myhdl_011"


def convert_leaf(leaf: Leaf, folder: Path, hdl: str, prefix: str = "") -> str:
    """Write the entity of `leaf` into `folder`, and for VHDL its package; returns the file's name.

    hdl: MyHDL's name of the language. prefix: of the names of entities, packages and files. A warning of
    MyHDL that may mean wrong hardware is an error.
    """
    return write_texts(leaf, leaf_texts(leaf, hdl), folder, hdl, prefix)


def write_texts(leaf: Leaf, texts: dict[str, str], folder: Path, hdl: str, prefix: str) -> str:
    """Write what `leaf_texts` made; as `convert_leaf`."""
    suffix = SUFFIXES[hdl]
    for name, text in texts.items():
        file = f"{prefix}{name}.{suffix}"
        (folder / file).write_text(named(text, prefix, file))
    return f"{prefix}{leaf.name}.{suffix}"


def _forget_conversions() -> None:
    """Let MyHDL forget the blocks that were elaborated and converted, since it numbers them and the numbers are in names."""
    for decorated in myhdl._simulator._blocks:
        decorated.calls = 0
    myhdl._block._name_set.clear()
    myhdl._block._inst_name_set.clear()
    myhdl._simulator._signals.clear()
    myhdl._extractHierarchy._memInfoMap.clear()
    for texts in myhdl._extractHierarchy._userCodeMap.values():
        texts.clear()


def leaf_texts(leaf: Leaf, hdl: str, scratch: Path | None = None) -> dict[str, str]:
    """The texts of a leaf's entity and of the package that it uses, by name, for a core of any name.

    The same whatever was converted before. Only for a process that simulates nothing in MyHDL. scratch: a folder for the files that
    MyHDL writes, which stay there; no other process uses it meanwhile.
    """
    if scratch is None:
        with tempfile.TemporaryDirectory() as own:
            return leaf_texts(leaf, hdl, Path(own))
    _forget_conversions()
    _convert(leaf, scratch, hdl)
    text = (scratch / f"{CORE}{leaf.name}.{'vhd' if hdl == 'VHDL' else 'v'}").read_text()
    if hdl != "VHDL":
        return {leaf.name: _tidy(text, leaf, hdl)}
    package = (scratch / f"{SUPPORT}.vhd").read_text()
    return {
        name: re.sub(rf"\b{SUPPORT}\b", f"{CORE}{SUPPORT}", t)
        for name, t in ((SUPPORT, package), (leaf.name, _tidy(text, leaf, hdl)))
    }


def _convert(leaf: Leaf, folder: Path, hdl: str) -> None:
    """MyHDL's own text of a leaf, in a file of `folder`."""
    arguments = {name: _vector(port) for name, port in leaf.ports.items()}
    with brief_inspection():
        instance = _wrapper(leaf)(**arguments)
    options = {"path": str(folder), "name": f"{CORE}{leaf.name}", "no_myhdl_header": True}
    options["initial_values"] = True
    if hdl == "VHDL":
        options |= {"std_logic_ports": True}
    else:
        options |= {"testbench": False}
    with warnings.catch_warnings(record=True) as caught, brief_inspection():
        warnings.simplefilter("always")
        instance.convert(hdl=hdl, **options)
    for warning in caught:
        text = str(warning.message)
        if issubclass(warning.category, (ToVHDLWarning, ToVerilogWarning)) and not any(
            text.startswith(h) for h in HARMLESS
        ):
            raise ToolError(f"MyHDL conversion of {leaf.name} to {hdl}: {text}")


def _tidy(text: str, leaf: Leaf, hdl: str) -> str:
    """A heading that says what the entity is, and a shorter layout."""
    mark = "--" if hdl == "VHDL" else "//"
    first = (leaf.block.func.__doc__ if hasattr(leaf.block, "func") else None) or ""
    purpose = " ".join(first.split("\n\n")[0].split())
    values = ", ".join(
        f"{k} = {v}" for k, v in leaf.parameters.items() if isinstance(v, (int, tuple, bool))
    )
    heading = f"{mark} {CORE}{leaf.name}: {purpose}\n{mark} parameters: {values or 'none'}\n"
    if hdl == "VHDL":
        arrays = [name for name, port in leaf.ports.items() if isinstance(port.type, Array)]
        text = vhdl_layout(text, arrays)
    else:
        heading, text = heading + LINT, verilog_layout(text)
    if leaf.kept:
        text = kept_registers(text, hdl)
    text = re.sub(r"(end generate;\n)\n*(?=(cut|join)_)", r"\1", text)
    text = re.sub(r"(end generate;|endgenerate)\n(?!\n|cut_|join_|genvar)", r"\1\n\n", text)
    return heading + re.sub(r"\n{3,}", "\n\n", text).lstrip("\n")
