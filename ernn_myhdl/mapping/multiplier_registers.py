"""Registers of operands and products, moved into the multipliers of ECP5.

Yosys maps a product to MULT18X18D and leaves all registers outside. The cell has its own: one at each
operand, one at the product (Lattice FPGA-TN-02205, "ECP5 sysDSP Usage Guide"). A register is moved where
it does the same inside: all bits of an operand come from flip-flops of one clock, enable and reset, which
start at and are reset to 0; every bit of a product that is used goes to one such flip-flop and nowhere
else. An operand's flip-flops stay where something else reads them too.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from ernn_myhdl.mapping.flat_netlist import Bit, FlatNetlist, change_file

MULTIPLIER, FLIP_FLOP = "MULT18X18D", "TRELLIS_FF"
OPERANDS = {"A": 18, "B": 18}
PRODUCT = 36
#: Attribute of a multiplier: the registers that were moved into it, A, B or P -> net.
MOVED = "ernn_register_"
#: A multiplier has this many clocks, enables and resets.
CONTROLS = 4


class Control(NamedTuple):
    """What a flip-flop does beside taking its input. enable, reset: None where there is none."""

    clock: Bit
    enable: Bit | None
    reset: Bit | None
    mode: str


def move_registers(module: dict) -> dict[str, int]:
    """Move what can be moved in a flat module of Yosys' JSON, in place.

    Returns the numbers of multipliers, of operands and products with a register inside, of multipliers
    with registers before and behind the product, and of the flip-flops that are gone.
    """
    netlist = FlatNetlist(module)
    names = _names(module)
    multipliers = [n for n, cell in module["cells"].items() if cell["type"] == MULTIPLIER]
    count = {"multipliers": len(multipliers), "operands": 0, "products": 0}
    count |= {"both_ends": 0, "flip_flops": 0}
    before = len(module["cells"])
    for name in multipliers:
        cell = _Multiplier(netlist, name, names)
        operands = sum(cell.move_operand(operand) for operand in OPERANDS)
        product = cell.move_product()
        count["operands"] += operands
        count["products"] += product
        count["both_ends"] += bool(operands and product)
    _remove_unread(netlist)
    count["flip_flops"] = before - len(module["cells"])
    return count


def _control(netlist: FlatNetlist, name: str) -> Control | None:
    """Of a flip-flop that could be in a multiplier; None for another cell."""
    cell = netlist.module["cells"][name]
    if cell["type"] != FLIP_FLOP:
        return None
    values = {k: str(v).strip() for k, v in cell["parameters"].items()}
    nets = {port: bits[0] for port, bits in cell["connections"].items() if bits}
    plain = (
        values.get("REGSET", "RESET") == "RESET"
        and values.get("CLKMUX", "CLK") == "CLK"
        and values.get("LSRMUX", "LSR") == "LSR"
        and values.get("CEMUX", "1") in ("1", "CE")
        and values.get("GSR", "DISABLED") == "DISABLED"
        and "M" not in nets
    )
    enable = nets.get("CE") if values.get("CEMUX", "1") == "CE" else None
    reset = nets.get("LSR")
    reset = None if reset == "0" else reset
    # which of both is the stronger in a multiplier is not documented
    if not plain or "CLK" not in nets or (enable is not None and reset is not None):
        return None
    mode = "ASYNC" if values.get("SRMODE") == "ASYNC" else "SYNC"
    return Control(nets["CLK"], enable, reset, mode if reset is not None else "")


def _names(module: dict) -> dict[int, str]:
    found: dict[int, str] = {}
    for name, values in module["netnames"].items():
        for bit in values["bits"]:
            if isinstance(bit, int) and (bit not in found or len(name) < len(found[bit])):
                found[bit] = name
    return found


class _Multiplier:
    """One multiplier and the controls that its registers use."""

    def __init__(self, netlist: FlatNetlist, name: str, names: dict[int, str]) -> None:
        self.netlist, self.name, self.names = netlist, name, names
        self.cell = netlist.module["cells"][name]
        self.used: dict[str, list[Bit]] = {"CLK": [], "CE": [], "RST": []}
        self.mode = ""

    def move_operand(self, operand: str) -> bool:
        """Take the flip-flops before an operand in; whether that was possible."""
        nets = self.cell["connections"]
        pins = [f"{operand}{i}" for i in range(OPERANDS[operand])]
        sources: dict[str, str] = {}
        for pin in pins:
            (bit,) = nets.get(pin) or ["0"]
            if isinstance(bit, int):
                driver = self.netlist.drivers.get(bit, ("", ""))
                if driver[1] != "Q":
                    return False
                sources[pin] = driver[0]
            elif bit == "1":  # a register would begin with 0
                return False
        if not self.take(set(sources.values()), f"INPUT{operand}", operand):
            return False
        for pin, source in sources.items():
            bit = nets[pin][0]
            self.netlist.readers[bit].remove((self.name, pin))
            nets[pin] = list(self.netlist.module["cells"][source]["connections"]["DI"])
            if isinstance(nets[pin][0], int):
                self.netlist.readers.setdefault(nets[pin][0], []).append((self.name, pin))
        return True

    def move_product(self) -> bool:
        """Take the flip-flops behind the product in; whether that was possible."""
        nets = self.cell["connections"]
        targets: dict[str, str] = {}
        for pin in (f"P{i}" for i in range(PRODUCT)):
            readers = self.netlist.readers.get(nets[pin][0], []) if nets.get(pin) else []
            if not readers:
                continue
            if len(readers) > 1 or readers[0][1] != "DI":
                return False
            targets[pin] = readers[0][0]
        if not self.take(set(targets.values()), "OUTPUT", "P"):
            return False
        for pin, target in targets.items():
            bits = self.netlist.module["cells"].pop(target)["connections"]
            for port, (bit, *_) in bits.items():
                if port != "Q" and isinstance(bit, int):
                    self.netlist.readers[bit].remove((target, port))
            nets[pin] = bits["Q"]
            self.netlist.drivers[bits["Q"][0]] = self.name, pin
        return True

    def take(self, flip_flops: set[str], register: str, pin: str) -> bool:
        """Give a register of the multiplier the control of these flip-flops, if they share one."""
        controls = {_control(self.netlist, name) for name in flip_flops if name}
        if "" in flip_flops or len(controls) != 1:
            return False
        (control,) = controls
        if control is None or (self.mode and control.mode and self.mode != control.mode):
            return False
        wanted = {"CLK": control.clock, "CE": control.enable, "RST": control.reset}
        constant = {"CLK": "0", "CE": "1", "RST": "0"}
        chosen = {k: constant[k] if bit is None else bit for k, bit in wanted.items()}
        full = [
            k
            for k, bit in chosen.items()
            if bit not in self.used[k] and len(self.used[k]) == CONTROLS
        ]
        if full:
            return False
        self.mode = self.mode or control.mode
        parameters = self.cell["parameters"]
        for kind, bit in chosen.items():
            if bit not in self.used[kind]:
                self.used[kind].append(bit)
                port = f"{kind}{len(self.used[kind]) - 1}"
                self.cell["connections"][port] = [bit]
                self.cell["port_directions"][port] = "input"
                if isinstance(bit, int):
                    self.netlist.readers.setdefault(bit, []).append((self.name, port))
            parameters[f"REG_{register}_{kind}"] = f"{kind}{self.used[kind].index(bit)}"
        if self.mode:
            parameters["RESETMODE"] = self.mode
        outputs = [
            self.netlist.module["cells"][name]["connections"]["Q"][0] for name in sorted(flip_flops)
        ]
        self.cell["attributes"][f"{MOVED}{pin}"] = min((self.names[b] for b in outputs), key=len)
        return True


def _remove_unread(netlist: FlatNetlist) -> None:
    """Delete the flip-flops that nothing reads any more."""
    cells = netlist.module["cells"]
    for name in [n for n, cell in cells.items() if cell["type"] == FLIP_FLOP]:
        (bit,) = cells[name]["connections"].get("Q") or [None]
        if isinstance(bit, int) and not netlist.readers.get(bit):
            del cells[name]


if __name__ == "__main__":
    sys.exit(change_file(sys.argv[1:], move_registers))
