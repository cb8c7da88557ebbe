"""The map of the registers as a page: docs/register-map.md, and a file of every converted system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from ernn_myhdl.host.registers import ADDRESSES, DIGEST_WORDS, REGISTERS, Field, Register
from ernn_myhdl.system.rtl import state_port
from ernn_myhdl.system.rtl.weight_port import MOST_WAIT

#: Access -> how the page says it.
ACCESS = {
    "constant": "read, constant", "read": "read", "write": "read and write", "clear": "read, write 1 to clear",
    "trigger": "write 1 to trigger", "push": "write",
}  # fmt: skip

#: Registers that have digits of one thing, and what that is.
_DIGITS = {
    "DIGEST": "The design's digest, SHA-256, its first digits first",
    "STRUCTURE": "The digest of the structure, SHA-256, its first digits first; 0 where weights are fixed",
}  # fmt: skip


def register_page(title: str, values: Mapping[str, int] | None = None) -> str:
    """The page in Markdown. values: what constant registers read, of one design."""
    lines = [
        f"# {title}",
        "",
        "Written from the table in [`ernn_myhdl/host/registers.py`](../ernn_myhdl/host/registers.py), of which the register file, "
        "the C header and the drivers are made too. None of it has been on a board."
        if values is None
        else "Written by `ernn convert --wrapper` from the table that the register file, the C header and the drivers are made "
        "of too.",
        "",
        "Each register has 32 bits. A write has to have all four bytes. A refused access is answered with SLVERR, changes nothing and "
        "sets ERRORS.refused; that is a write to what can only be read, of a value beyond a field's limits, of some bytes only, of a word of weights "
        f"for which there has been no room for {MOST_WAIT} cycles, of a state for {state_port.MOST_WAIT}, or that the core does not take, and any "
        f"access of an address that is not in the table, up to 0x{_last():03X} and beyond it. Bits that are of no field are not looked at, and read as zero.",
        "",
        "| address | name | access | bits | field | after aresetn | meaning |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += register_rows(REGISTERS, values or {})
    return "\n".join(lines) + "\n"


def _last() -> int:
    return max(ADDRESSES)


def register_rows(registers: Iterable[Register], values: Mapping[str, int]) -> Iterable[str]:
    """Lines of the table of registers. values: what constant ones read, empty of no design."""
    for digits, group in groupby(registers, key=_digits_of):
        for register in list(group):
            if digits and not values and register.name != f"{digits}_0":
                continue
            yield from _register_rows(register, values, digits)


def _digits_of(register: Register) -> str:
    """What of which a register has some digits; nothing for others."""
    return next((name for name in _DIGITS if register.name.startswith(f"{name}_")), "")


def _register_rows(register: Register, values: Mapping[str, int], digits: str) -> Iterable[str]:
    address, name, text = f"0x{register.address:03X}", register.name, register.text
    if digits and not values:
        last = register.address + 4 * (DIGEST_WORDS - 1)
        address, name = f"{address} to 0x{last:03X}", f"{name} to {digits}_{DIGEST_WORDS - 1}"
        text = _DIGITS[digits]
    yield f"| {address} | {name} | {ACCESS[register.access]} |  |  |  | {text} |"
    for field in register.fields:
        yield f"| | | | {_bits(field)} | {field.name} | {_start(register, field, values)} | {_meaning(register, field)} |"


def _bits(field: Field) -> str:
    return str(field.low) if field.bits == 1 else f"{field.low + field.bits - 1}:{field.low}"


def _start(register: Register, field: Field, values: Mapping[str, int]) -> str:
    if register.access == "constant":
        if register.name not in values:
            return "of the design"
        value = field.of(values[register.name])
        return (
            f"0x{value:08X}"
            if field.bits == 32 and register.name.startswith(("ID", *_DIGITS))
            else str(value)
        )
    return "–" if register.access in ("trigger", "push") else str(field.reset)


def _meaning(register: Register, field: Field) -> str:
    text = field.text if field.text != register.text else ""
    if register.access != "write":
        return text
    most = "the core's streams" if field.streams else str(field.most or (1 << field.bits) - 1)
    return f"{text}; {field.least} to {most}" if field.bits > 1 else text
