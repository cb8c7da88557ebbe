"""Who drives and who reads the bits of a flat module of Yosys' JSON, for what changes its cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: A net of Yosys' JSON by its number, or a constant.
Bit = int | str


@dataclass
class FlatNetlist:
    """A module with its cells' drivers (bit -> cell, port) and readers (bit -> cells, ports); a port of the module reads too."""

    module: dict
    drivers: dict[int, tuple[str, str]] = field(default_factory=dict)
    readers: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, cell in self.module["cells"].items():
            for port, bits in cell["connections"].items():
                for bit in bits:
                    if not isinstance(bit, int):
                        continue
                    if cell["port_directions"][port] == "output":
                        self.drivers[bit] = name, port
                    else:
                        self.readers.setdefault(bit, []).append((name, port))
        for name, port in self.module["ports"].items():
            if port["direction"] != "input":
                for bit in port["bits"]:
                    if isinstance(bit, int):
                        self.readers.setdefault(bit, []).append(("", name))

    def connect(self, name: str, port: str, bit: Bit) -> None:
        """Let an input of a cell read another bit."""
        nets = self.module["cells"][name]["connections"]
        (before,) = nets.get(port) or ["0"]
        if isinstance(before, int):
            self.readers[before].remove((name, port))
        nets[port] = [bit]
        if isinstance(bit, int):
            self.readers.setdefault(bit, []).append((name, port))

    def remove(self, name: str) -> None:
        """Take a cell away, which then reads and drives nothing."""
        cell = self.module["cells"].pop(name)
        for port, bits in cell["connections"].items():
            for bit in bits:
                if not isinstance(bit, int):
                    continue
                if cell["port_directions"][port] == "output":
                    self.drivers.pop(bit, None)
                else:
                    self.readers[bit].remove((name, port))


def change_file(arguments: list[str], change: Callable[[dict], Any]) -> int:
    """The program `IN.json OUT.json`: change the modules of a netlist that are no black boxes; prints what was counted in each."""
    source, target = map(Path, arguments)
    netlist = json.loads(source.read_text())
    for module in netlist["modules"].values():
        if not int(str(module["attributes"].get("blackbox", "0")), 2):
            print(json.dumps(change(module)))
    target.write_text(json.dumps(netlist))
    return 0
