"""How the core is instantiated, in VHDL or Verilog: a signal for each port of the top, and the instance."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from ernn_myhdl.convert.structure import verilog_range, vhdl_type
from ernn_myhdl.hdl.components import Port
from ernn_myhdl.hdl.types import Bit


def port_records(ports: Mapping[str, Port]) -> list[dict[str, Any]]:
    """The ports as the manifest holds them: name, direction, and the bits of a vector, null of a single wire."""
    return [
        {
            "name": name,
            "direction": port.direction,
            "bits": None if isinstance(port.type, Bit) else port.type.bits,
        }
        for name, port in ports.items()
    ]


def instance_text(top: str, ports: Mapping[str, Port], suffix: str) -> str:
    """The template of an instance of `top`. suffix: "vhd" or "sv"."""
    vhdl = suffix == "vhd"
    size = max(map(len, ports))

    def signal(name: str, port: Port) -> str:
        if vhdl:
            return f"    signal {name:{size}} : {vhdl_type(port.type)};"
        return f"    wire {verilog_range(port.type)}{name};"

    def connection(name: str, port: Port) -> str:
        return f"{name:{size}} => {name}" if vhdl else f".{name}({name})"

    text = (files("ernn_myhdl.convert.templates") / f"instance.{suffix}").read_text(
        encoding="utf-8"
    )
    lists = {
        "SIGNALS": "\n".join(signal(*item) for item in ports.items()),
        "CONNECTIONS": ",\n".join(f"            {connection(*item)}" for item in ports.items()),
        "CORE_TOP": top,
    }
    for place, value in lists.items():
        text = text.replace(place, value)
    return text
