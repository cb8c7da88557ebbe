"""Cells of a flat netlist by the blocks and signals of the design.

Yosys flattens the hierarchy; what remains of it are cells of type $scopeinfo, one an instance, and the
names of nets and cells, which begin with the instances that they were in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ernn_myhdl.mapping.multiplier_registers import MOVED
from ernn_myhdl.mapping.yosys_program import plain_name

#: Name of the core in the wrapper, and what is said of cells outside it.
CORE, WRAPPER = "core", "wrapper"
#: What Yosys appends to the name of a net for the cells at it.
_APPENDED = re.compile(
    r"_(?:TRELLIS_FF|LUT4|MULT18X18D?|CCU2C?|PFUMX|L6MUX21|DP16KD|(?:TRELLIS_)?DPR16X4|FD1P3\w\w|WIDEFN9|MULT9X9)_.*$"
)


@dataclass(frozen=True)
class Place:
    """Where a pin is. block: instances from the core down, "core" for its own wires, "wrapper" outside.
    module: of which the block is an instance. signal: net of the register, in the names of the Verilog."""

    block: str
    module: str
    signal: str

    def __str__(self) -> str:
        return f"{self.block}.{self.signal}" if self.signal else self.block


@dataclass
class Names:
    """Names in one flat module of the JSON of Yosys."""

    module: dict
    prefix: str
    scopes: dict[str, str] = field(init=False)
    nets: dict[int, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.scopes = {
            name: plain_name(cell["attributes"].get("module", ""))
            for name, cell in self.module["cells"].items()
            if cell["type"] == "$scopeinfo" and cell["parameters"].get("TYPE") == "module"
        }
        found: dict[int, list[tuple[int, str]]] = {}
        for name, values in self.module["netnames"].items():
            bits = values["bits"]
            made = values.get("hide_name", 0) + (_APPENDED.search(name) is not None)
            for i, bit in enumerate(bits):
                if isinstance(bit, int):
                    whole = name if len(bits) == 1 else f"{name}[{i}]"
                    found.setdefault(bit, []).append((made, whole))
        self.nets = {bit: [name for _, name in sorted(names)] for bit, names in found.items()}

    def place(self, cell: str, pin: str = "") -> Place:
        """The block of a cell, and the signal of its register, or at its pin."""
        scope = self.scope(cell)
        name = self._signal(cell, pin, scope)
        if scope and not name.startswith(f"{scope}."):  # a net that another block names
            scope = self.scope(name)
        block, module = self.block(f"{scope}." if scope else "")
        return Place(block, module, name.removeprefix(f"{scope}.") if scope else name)

    def scope(self, cell: str) -> str:
        """The innermost instance that a cell is in, "" outside all."""
        name = cell
        while "." in name:
            name = name.rpartition(".")[0]
            if name in self.scopes:
                return name
        return ""

    def block(self, cell: str) -> tuple[str, str]:
        """(block, module) of a cell."""
        scope = self.scope(cell)
        if not scope:
            return WRAPPER, WRAPPER
        inside = scope.split(".")[1:]
        path = ".".join(part.removesuffix("_i") for part in inside)
        return path or CORE, self.scopes[scope].removeprefix(self.prefix)

    def _signal(self, cell: str, pin: str, scope: str) -> str:
        values = self.module["cells"].get(cell)
        if values is None:
            return _APPENDED.sub("", re.sub(r"\$\w.*$", "", cell))
        if pin and (moved := values["attributes"].get(f"{MOVED}{pin[0]}")):
            return moved
        ways = values["port_directions"]
        outputs = [p for p in values["connections"] if ways[p] == "output"]
        for port in [pin] if ways.get(pin) == "output" else outputs:
            for bit in values["connections"].get(port, ()):
                if names := self.nets.get(bit):
                    own = [n for n in names if n.startswith(f"{scope}.")]
                    return _APPENDED.sub("", (own or names)[0])
        return _APPENDED.sub("", cell)
