"""Functions of two signals in front of a sum, folded into the tables of ECP5's carry chains.

Yosys maps a sum to CCU2C, two bits each, and uses two of the four inputs of each table: a choice in front of the sum, such as
zero where an accumulation begins, takes a LUT4 for every bit. It fits into a third input. A bit of a chain has two tables
(Lattice FPGA-TN-02200, "ECP5 Family Data Sheet", slices in mode ripple; Yosys' model of CCU2C): of INIT with A, B, C and D,
whether the carry passes, and of its four lowest bits with A and B, what the carry is where it does not pass. LUTs that nothing
else reads are folded in where, for all values of the inputs, both tables say the same as before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import permutations, product
from typing import NamedTuple

from ernn_myhdl.mapping.flat_netlist import Bit, FlatNetlist, change_file

CARRY, LUT = "CCU2C", "LUT4"
PINS = "ABCD"


class Operand(NamedTuple):
    """A bit of a sum as a function of nets. lut: the cell that would be folded; None for the net itself."""

    nets: tuple[Bit, ...]
    table: tuple[int, ...]
    lut: str | None


def fold_operands(module: dict) -> dict[str, int]:
    """Fold what can be folded in a flat module of Yosys' JSON, in place.

    Returns the numbers of bits of carry chains, of those that took functions in, and of the LUTs that are gone.
    """
    netlist = FlatNetlist(module)
    count = {"carry_bits": 0, "folded": 0, "luts": 0}
    for name in [n for n, cell in module["cells"].items() if cell["type"] == CARRY]:
        for half in "01":
            count["carry_bits"] += 1
            folded = _fold(netlist, name, half)
            count["folded"] += bool(folded)
            count["luts"] += folded
    return count


def _fold(netlist: FlatNetlist, name: str, half: str) -> int:
    """Fold the functions in front of one bit of a chain; returns how many LUTs are gone."""
    cell = netlist.module["cells"][name]
    nets = {pin: (cell["connections"].get(pin + half) or ["0"])[0] for pin in PINS}
    init = int(str(cell["parameters"][f"INIT{half}"]), 2)
    free = nets["C"] in ("0", "1") and nets["D"] == "1"
    if not free or cell["parameters"].get(f"INJECT1_{half}") != "NO" or "x" in nets.values():
        return 0
    # the two tables as functions of the operands
    above = 8 + 4 * int(nets["C"])
    passes = [init >> (above + i) & 1 for i in range(4)]
    carries = [init >> i & 1 for i in range(4)]
    first, second = (_functions(netlist, name, pin + half, nets[pin]) for pin in "AB")
    for a, b in product(first, second):
        luts = {operand.lut for operand in (a, b)} - {None}
        if not luts:
            continue
        inputs = list(dict.fromkeys(net for net in (*a.nets, *b.nets) if isinstance(net, int)))
        for order in permutations(inputs) if len(inputs) <= 3 else ():
            table = _table(a, b, order, passes, carries)
            if table is None:
                continue
            for i, pin in enumerate("ABC"):
                netlist.connect(name, pin + half, order[i] if i < len(order) else "0")
            cell["parameters"][f"INIT{half}"] = f"{table:016b}"
            for lut in sorted(filter(None, luts)):
                netlist.remove(lut)
            return len(luts)
    return 0


def _functions(netlist: FlatNetlist, reader: str, pin: str, net: Bit) -> Iterator[Operand]:
    """An operand as the function of a LUT that only this pin reads, if there is one, and as a net."""
    if not isinstance(net, int):
        yield Operand((net,), (0, 1), None)
        return
    name = netlist.drivers.get(net, ("", ""))[0]
    cell = netlist.module["cells"].get(name)
    if cell and cell["type"] == LUT and netlist.readers[net] == [(reader, pin)]:
        bits = [(cell["connections"].get(p) or ["0"])[0] for p in PINS]
        init = int(str(cell["parameters"]["INIT"]), 2)
        nets = tuple(dict.fromkeys(bit for bit in bits if isinstance(bit, int)))
        if len(nets) <= 3 and all(bit in ("0", "1") for bit in bits if isinstance(bit, str)):
            table = tuple(
                init >> _address(bits, dict(zip(nets, values, strict=True))) & 1
                for values in product((0, 1), repeat=len(nets))
            )
            yield Operand(nets, table, name)
    yield Operand((net,), (0, 1), None)


def _address(bits: list[Bit], values: dict[int, int]) -> int:
    return sum(
        (values[bit] if isinstance(bit, int) else int(bit)) << i for i, bit in enumerate(bits)
    )


def _value(operand: Operand, values: dict[int, int]) -> int:
    address = 0
    for net in operand.nets:
        address = 2 * address + (values[net] if isinstance(net, int) else int(net))
    return operand.table[address]


def _table(
    a: Operand, b: Operand, order: tuple[int, ...], passes: list[int], carries: list[int]
) -> int | None:
    """INIT with the nets of `order` at A, B and C and 1 at D; None where the lower table would need more than A and B."""
    upper, lower = [0] * 8, [0] * 4
    fixed = [False] * 4
    for address in range(8):
        values = {net: address >> i & 1 for i, net in enumerate(order)}
        operands = _value(a, values) + 2 * _value(b, values)
        upper[address] = passes[operands]
        if not passes[operands]:  # elsewhere the lower table does not matter
            if fixed[address & 3] and lower[address & 3] != carries[operands]:
                return None
            lower[address & 3], fixed[address & 3] = carries[operands], True
    # the lower table twice, as Yosys has it: whether the device reads C there does not matter then
    return sum(bit << i for i, bit in enumerate([*lower, *lower, *upper]))


if __name__ == "__main__":
    sys.exit(change_file(sys.argv[1:], fold_operands))
