"""The first cells of carry chains of Nexus, whose carry inputs nextpnr wants open.

Yosys begins a chain with a CCU2 that makes its carry of one of its own inputs; what comes in at CIN does not matter. Since its
mapping by ABC9 puts a constant zero there (YosysHQ/yosys issues 4081 and 5639), and nextpnr-nexus takes a driven CIN for the middle of
a chain, the constant is taken away.
"""

from __future__ import annotations

import sys

from ernn_myhdl.errors import ToolError
from ernn_myhdl.mapping.flat_netlist import change_file

CARRY, ZERO = "CCU2", "VLO"
#: The tables of a cell that begins a chain: COUT is A1, whatever CIN is.
FIRST = {"INIT0": "0xFFFF", "INIT1": "0x00AA", "INJECT": "NO"}


def open_carry_inputs(module: dict) -> int:
    """Leave the constant carry inputs of chains open, in a module of Yosys' JSON; returns how many.

    ToolError for one of a cell whose carry depends on it.
    """
    cells = module["cells"]
    low = {
        bit for cell in cells.values() if cell["type"] == ZERO for bit in cell["connections"]["Z"]
    }
    opened = 0
    for name, cell in cells.items():
        given = cell["connections"].get("CIN", [])
        if cell["type"] != CARRY or not given or given[0] not in {"0", *low}:
            continue
        if any(cell["parameters"].get(key) != value for key, value in FIRST.items()):
            raise ToolError(f"{name}: a constant carry input of a cell whose sum depends on it")
        del cell["connections"]["CIN"]
        cell["port_directions"].pop("CIN", None)
        opened += 1
    return opened


if __name__ == "__main__":
    sys.exit(change_file(sys.argv[1:], open_carry_inputs))
