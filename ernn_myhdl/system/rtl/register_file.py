"""The registers as hardware, made of their description (`ernn_myhdl.host.registers`)."""

from __future__ import annotations

from collections.abc import Iterator

from myhdl import Signal, always, always_comb, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word
from ernn_myhdl.hdl.written_block import written_block
from ernn_myhdl.host.registers import REGISTERS, WINDOW_BITS, Register

_SCOPE = {
    "Signal": Signal, "always": always, "always_comb": always_comb, "instances": instances
}  # fmt: skip


def span(register: Register) -> int:
    """Bits up to the highest that a register uses."""
    return max(f.low + f.bits for f in register.fields)


def word_name(register: Register) -> str:
    """Net of what a register holds: for reads, and where it is written for what follows it."""
    return f"{register.name.lower()}_word"


def clear_name(register: Register) -> str:
    """Net of the bits that a write clears."""
    return f"{register.name.lower()}_clears"


READABLE = tuple(r for r in REGISTERS if r.access not in ("trigger", "push"))
KEPT = tuple(r for r in REGISTERS if r.access == "write")
CLEARED = tuple(r for r in REGISTERS if r.access == "clear")
TRIGGERS = tuple(f.name for r in REGISTERS if r.access == "trigger" for f in r.fields)


def read_leaf() -> Leaf:
    """The word of a register. Ports: address, 32 bits of each register that can be read, word, known."""
    names = [word_name(r) for r in READABLE]
    lines = ["@always_comb", "def look():", "    known.next = True"]
    for number, register in enumerate(REGISTERS):
        name = word_name(register)
        lines.append(f"    {'elif' if number else 'if'} address == {register.address}:")
        lines.append(f"        word.next = {name if name in names else 0}")
    lines += ["    else:", "        word.next = 0", "        known.next = False", "return look"]
    arguments = ["address", "word", "known", *names]
    ports = ins(address=Word(WINDOW_BITS), **dict.fromkeys(names, Word(32)))
    ports |= outs(word=Word(32), known=Bit())
    return Leaf(
        "axi_register_read", written_block("register_read", arguments, lines, _SCOPE), ports
    )


def _limits(register: Register, streams: int, states: bool) -> Iterator[str]:
    """Conditions under which a word may be written."""
    for field in register.fields:
        most = streams if field.streams else field.most
        none = field.states and not states
        value = f"data[{field.low + field.bits}:{field.low}]"
        if field.least:
            yield f"{value} >= {field.least}"
        if most or none:
            yield f"{value} <= {0 if none else most}"


def write_leaf(streams: int, states: bool) -> Leaf:
    """What is written. streams: of the core; states: it loads initial states.

    Ports: valid, address, data, strobe: a write of four bytes; room, state_room: a word of weights, of a state has a place; legal: it may be done; the words of
    registers that are kept, the bits that are cleared, and the triggers, each for one cycle.
    """
    told = {word_name(r): Word(span(r)) for r in KEPT}
    told |= {clear_name(r): Word(span(r)) for r in CLEARED}
    lines = ["fine = Signal(bool(0))", "@always_comb", "def judge():", "    fine.next = False"]
    lines += ["    if strobe == 15:"]
    writable = [r for r in REGISTERS if r.access in ("write", "clear", "trigger")]
    pushed = [r for r in REGISTERS if r.access == "push"]
    for number, register in enumerate([*writable, *pushed]):
        lines.append(f"        {'elif' if number else 'if'} address == {register.address}:")
        limits = " and ".join(_limits(register, streams, states))
        if register in pushed:
            limits = "state_room" if register.name.startswith("STATE_") else "room"
        lines.append(f"            fine.next = {limits or True}")
    lines += ["@always_comb", "def tell():", "    legal.next = fine"]
    lines += ["@always(clk.posedge)", "def keep():"]
    lines += [f"    {name}.next = False" for name in TRIGGERS]
    lines += [f"    {clear_name(r)}.next = 0" for r in CLEARED]
    lines += ["    if rst:"]
    lines += [f"        {word_name(r)}.next = {r.reset}" for r in KEPT]
    lines += ["    elif valid and fine:"]
    for register in writable:
        lines.append(f"        if address == {register.address}:")
        if register.access == "trigger":
            lines += [f"            {f.name}.next = data[{f.low}]" for f in register.fields]
        else:
            name = word_name(register) if register.access == "write" else clear_name(register)
            lines.append(f"            {name}.next = data[{span(register)}:0]")
    lines.append("return instances()")
    ports = ins(
        clk=Bit(),
        rst=Bit(),
        valid=Bit(),
        address=Word(WINDOW_BITS),
        data=Word(32),
        strobe=Word(4),
        room=Bit(),
        state_room=Bit(),
    )
    ports |= outs(legal=Bit(), **dict.fromkeys(TRIGGERS, Bit()), **told)
    return Leaf("axi_register_write", written_block("register_write", ports, lines, _SCOPE), ports)
