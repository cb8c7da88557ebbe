"""The other end of a serial line for `block_bench`: bytes to rxd and from txd, bit by bit, and requests with their replies.

A test is a generator: `yield from line.ask(...)`; what it yields are the inputs of a cycle, and what it gets back the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator

from axi_bench import echo
from block_bench import Values
from weight_bench import weight_core

from ernn_myhdl import LinearCell, new_network
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.host.registers import register
from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.host.serial_protocol import (
    COMMAND_CODES,
    REPLY,
    STATUS_NAMES,
    Message,
    MessageReader,
    message,
)
from ernn_myhdl.system.rtl.uart_system import uart_system

#: Of the tests: as few cycles a bit as the receiver takes.
LINK = SerialLink(25_000_000, 4, 6_250_000)
#: Bit times without a reply after which there is none.
PATIENCE = 60


def echo_design():
    """Frames of eight bytes."""
    return new_network([LinearCell(4, 4, block=1)], lanes=1, samples_per_beat=4).layers[0]


def bench_netlist(loads: bool = True) -> Netlist:
    """The UART system with an echo in the place of the core; loads: and a stand-in of its port of weights."""
    design = echo_design()
    if loads:
        return uart_system(design.with_weights("loadable", 2), LINK, weight_core(design))
    return uart_system(design, LINK, echo(design))


class SerialEnd:
    """Bytes to and from the pins."""

    def __init__(self, divider: int = LINK.divider) -> None:
        self.divider = divider
        self.inputs: Values = {"button": 0, "rxd": 1}
        self.reader = MessageReader()
        self.found: list[Message] = []
        self._bits: list[int] = []
        self._timer = 0
        self.number = 0

    def cycle(self, **changes: int) -> Iterator[Values]:
        """One cycle, in which txd is watched."""
        self.inputs |= changes
        seen = yield dict(self.inputs)
        if self._timer:
            self._timer -= 1
        elif self._bits or not seen["txd"]:
            self._bits.append(seen["txd"])
            self._timer = self.divider - 1 + (self.divider // 2 if len(self._bits) == 1 else 0)
            if len(self._bits) == 10:
                assert self._bits[0] == 0 and self._bits[9] == 1, self._bits
                octet = sum(b << i for i, b in enumerate(self._bits[1:9]))
                self.found += self.reader.messages(bytes([octet]))
                self._bits, self._timer = [], 0
        return seen

    def wait(self, cycles: int) -> Iterator[Values]:
        for _ in range(cycles):
            yield from self.cycle()

    def send(self, data: bytes, stop: int = 1) -> Iterator[Values]:
        """Bytes, each with its start and stop bit."""
        for octet in data:
            for bit in [0, *(octet >> i & 1 for i in range(8)), stop]:
                self.inputs["rxd"] = bit
                yield from self.wait(self.divider)
        self.inputs["rxd"] = 1

    def reply(self) -> Iterator[Values]:
        """The next reply; None where none comes."""
        quiet = 0
        while not self.found and quiet < PATIENCE * self.divider:
            yield from self.cycle()
            quiet = 0 if self._bits else quiet + 1
        return self.found.pop(0) if self.found else None

    def ask(
        self, command: str, payload: bytes = b"", number: int | None = None
    ) -> Iterator[Values]:
        """(name of the status, room, available, data) of a request; number: of the sequence, None: the next."""
        if number is None:
            number = self.number = (self.number + 1) % 256
        yield from self.send(message(number, COMMAND_CODES[command], payload))
        found = yield from self.reply()
        assert found is not None, f"no reply to {command}"
        assert (found.sequence, found.command) == (number, COMMAND_CODES[command] | REPLY)
        return answered(found)

    def read(self, name: str | int) -> Iterator[Values]:
        """The word of a register."""
        address = register(name).address if isinstance(name, str) else name
        status, *_, data = yield from self.ask("read", address.to_bytes(2, "little"))
        assert status == "done", status
        return int.from_bytes(data, "little")

    def write(self, name: str | int, value: int) -> Iterator[Values]:
        """Write a register; returns the status."""
        address = register(name).address if isinstance(name, str) else name
        payload = address.to_bytes(2, "little") + value.to_bytes(4, "little")
        status, *_ = yield from self.ask("write", payload)
        return status


def answered(found: Message) -> tuple[str, int, int, bytes]:
    """Status, room, available and data of a reply."""
    payload = found.payload
    room, available = (int.from_bytes(payload[i : i + 2], "little") for i in (1, 3))
    return STATUS_NAMES[payload[0]], room, available, payload[5:]
