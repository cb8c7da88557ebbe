"""Netlists as VHDL architectures and Verilog modules that only instantiate and wire."""

from __future__ import annotations

from ernn_myhdl.convert.layout import statement
from ernn_myhdl.convert.names import CORE
from ernn_myhdl.convert.verilog_layout import LINT
from ernn_myhdl.hdl.netlist import Instance, Net, Netlist, has_contents
from ernn_myhdl.hdl.types import Bit


def vhdl_type(kind) -> str:
    """std_logic or a vector of the type's bits."""
    return "std_logic" if isinstance(kind, Bit) else f"std_logic_vector({kind.bits - 1} downto 0)"


def _vhdl_slice(net: Net, low: int, bits: int) -> str:
    if isinstance(net.type, Bit) or bits == net.type.bits:
        return net.name
    if bits == 1:
        return f"{net.name}({low})"
    return f"{net.name}({low + bits - 1} downto {low})"


def _used(netlist: Netlist) -> set[Net]:
    used = {n for i in netlist.instances for n in i.nets.values()}
    for wire in netlist.wires:
        used |= {wire.target, *(s[0] for s in wire.slices)}
    return used


def _by_type(nets) -> dict[str, str]:
    """Names with commas by type."""
    names: dict[str, list[str]] = {}
    for net in nets:
        names.setdefault(vhdl_type(net.type), []).append(net.name)
    return {kind: ", ".join(found) for kind, found in names.items()}


def vhdl(netlist: Netlist, entity: str | None = None) -> str:
    """Entity and architecture of a netlist; entity: its name, if not the netlist's behind the core's."""
    entity = entity or f"{CORE}{netlist.name}"
    used = _used(netlist)
    ports = ";\n".join(
        f"        {n.name} : {n.direction} {vhdl_type(n.type)}"
        for n in netlist.nets.values()
        if n.direction
    )
    lines = [
        f"-- {entity}: instances and wires only",
        "library ieee;",
        "use ieee.std_logic_1164.all;",
        "",
        f"entity {entity} is",
        *(
            ["    generic (CONTENTS : natural := 0); -- of the first memory inside"]
            if netlist.base
            else []
        ),
        "    port (",
        ports,
        "    );",
        f"end entity {entity};",
        "",
        f"architecture structure of {entity} is",
    ]
    inner = [n for n in netlist.nets.values() if not n.direction and n in used]
    for net in inner:
        if net.zero:
            start = "'0'" if isinstance(net.type, Bit) else "(others => '0')"
            if net.value:
                start = "'1'" if isinstance(net.type, Bit) else f'{net.type.bits}x"{net.value:x}"'
            lines.append(f"    constant {net.name} : {vhdl_type(net.type)} := {start};")
    for kind, names in _by_type(n for n in inner if not n.zero).items():
        lines += statement(f"signal {names} : {kind};", 4)
    lines.append("begin")
    for wire in netlist.wires:
        parts = [_vhdl_slice(*s) for s in reversed(wire.slices)]
        target, right = wire.target.name, " & ".join(parts)
        if wire.target.type.bits == 1 and not isinstance(wire.target.type, Bit):
            target += "(0)"  # a vector of one bit takes a bit
        if wire.target.type.bits == 1 and len(wire.slices) == 1:
            source = wire.slices[0][0]
            if not isinstance(source.type, Bit) and source.type.bits == 1:
                right = f"{source.name}(0)"
        lines.append(f"    {target} <= {right};")
    for instance in netlist.instances:
        lines.append(f"    {_vhdl_instance(instance, netlist)}")
    lines += ["end architecture structure;", ""]
    return "\n".join(lines)


def _contents(instance: Instance, netlist: Netlist) -> str:
    """Value of an instance's CONTENTS."""
    return f"CONTENTS + {instance.contents}" if netlist.base else str(instance.contents)


def _vhdl_instance(instance: Instance, netlist: Netlist) -> str:
    generic = ""
    if has_contents(instance.component):
        generic = f" generic map (CONTENTS => {_contents(instance, netlist)})"
    ports = ", ".join(f"{port} => {net.name}" for port, net in instance.nets.items())
    label = f"{instance.label}_i"
    return f"{label}: entity work.{CORE}{instance.component.name}{generic} port map ({ports});"


def verilog_range(kind) -> str:
    """The range of a type with a space behind, nothing for a bit."""
    return "" if isinstance(kind, Bit) else f"[{kind.bits - 1}:0] "


def _verilog_slice(net: Net, low: int, bits: int) -> str:
    if isinstance(net.type, Bit) or bits == net.type.bits:
        return net.name
    return f"{net.name}[{low + bits - 1}:{low}]"


def verilog(netlist: Netlist, module: str | None = None) -> str:
    """Module of a netlist; module: its name, if not the netlist's behind the core's."""
    module = module or f"{CORE}{netlist.name}"
    used = _used(netlist)
    ports = [n for n in netlist.nets.values() if n.direction]
    lines = [f"// {module}: instances and wires only\n{LINT}module {module} ("]
    lines.append(
        ",\n".join(f"    {n.direction}put wire {verilog_range(n.type)}{n.name}" for n in ports)
    )
    lines.append(");")
    if netlist.base:
        lines.append("    parameter integer CONTENTS = 0; // of the first memory inside")
    for net in netlist.nets.values():
        if not net.direction and net in used:
            start = f" = {net.type.bits}'d{net.value}" if net.zero else ""
            lines.append(f"    wire {verilog_range(net.type)}{net.name}{start};")
    for wire in netlist.wires:
        parts = ", ".join(_verilog_slice(*s) for s in reversed(wire.slices))
        lines.append(f"    assign {wire.target.name} = {{{parts}}};")
    for instance in netlist.instances:
        component = instance.component
        parameter = ""
        if has_contents(component):
            parameter = f" #(.CONTENTS({_contents(instance, netlist)}))"
        nets = ", ".join(f".{port}({net.name})" for port, net in instance.nets.items())
        lines.append(f"    {CORE}{component.name}{parameter} {instance.label}_i ({nets});")
    lines += ["endmodule", ""]
    return "\n".join(lines)
