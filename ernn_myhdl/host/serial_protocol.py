"""The messages of the serial link, once: the hardware, the host's transport and the page of the protocol are made of this.

A message is the bytes

    FLAG  sequence  command  length (2)  payload (length)  CRC-32 (4)  FLAG

numbers little-endian. Between the flags a byte FLAG or ESCAPE is sent as ESCAPE and the byte with bit 5 flipped, so a flag is nothing
but the border of a message, and a receiver that has lost its place finds it again with the next one. The CRC is that of Ethernet
and zlib, over all bytes before it, unescaped. The board answers each request with one reply: the same sequence and command, the
latter with its highest bit set.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ernn_myhdl.host.registers import Field, Register

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
#: Set in the command of a reply.
REPLY = 0x80
#: Bytes before the payload, and behind it.
HEADER_BYTES, CRC_BYTES = 4, 4
#: What a reply's payload begins with: status, room, available.
REPLY_BYTES = 5
#: Version of the messages and of what they do: what was possible stays so while it is the same.
LINK_VERSION = 1
#: Bytes of a data payload at most, and of each of the board's queues: of x, of y, of weights where they load.
MOST_BYTES, QUEUE_BYTES = 1024, 2048
#: The CRC's polynomial with the lowest power in the highest bit, and what a register that starts with ones holds behind a message
#: whose CRC is right.
POLYNOMIAL, RESIDUE = 0xEDB88320, 0xDEBB20E3


@dataclass(frozen=True)
class Command:
    """A command: its name and code, bytes of a request's payload (None: up to MOST_BYTES), and what is in both payloads."""

    name: str
    code: int
    size: int | None
    request: str
    reply: str
    text: str


@dataclass(frozen=True)
class Status:
    """How a request ended."""

    name: str
    code: int
    text: str


COMMANDS = (
    Command("hello", 1, 4, "four bytes of the host's choice", "the same bytes",
            "opens the link: the next request has to have the following sequence"),
    Command("read", 2, 2, "address of a register (2)", "its word (4)", "reads a register of the map, or of the link"),
    Command("write", 3, 6, "address (2), word (4)", "–", "writes a register; with CONTROL.soft_reset the queues of x and y are emptied too"),
    Command("send", 4, None, "bytes of a packet of x", "–", "puts them into the queue of x"),
    Command("send_last", 5, None, "the last bytes of a packet of x", "–", "as send; the packet ends with them"),
    Command("receive", 6, 2, "bytes wanted at most (2), 0 to 1024", "bytes of a packet of y",
            "takes bytes from the queue of y, not beyond the end of a packet"),
    Command("load", 16, None, "bytes of an image of weights, a multiple of 4", "–",
            "puts them into the queue of weights; of a core whose weights are fixed `unknown`"),
    Command("load_last", 17, None, "the last bytes of an image of weights, a multiple of 4", "–", "as load; the image ends with them"),
)  # fmt: skip
#: Codes that are left for commands to come; a board answers what it does not know with `unknown`.
RESERVED = "7 to 15 and 18 to 127 are left for others; the board answers `unknown`"

STATUSES = (
    Status("done", 0, "done"),
    Status("last", 1, "done, and the data are the last ones of a packet of y"),
    Status("refused", 2, "the register refused the access (SLVERR)"),
    Status("room", 3, "the queue has no room for all of it; nothing was put there"),
    Status("length", 4, "a payload of another length than the command has"),
    Status("unknown", 5, "a command that this board does not know"),
    Status(
        "sequence",
        6,
        "neither the following sequence nor a repeat of the last request; nothing was done",
    ),
)
COMMAND_CODES = {c.name: c.code for c in COMMANDS}
STATUS_CODES = {s.name: s.code for s in STATUSES}
STATUS_NAMES = {s.code: s.name for s in STATUSES}

#: Registers of the link itself, read by `read` at these addresses; all writes to them are refused.
LINK_PAGE = 0xF00
LINK_REGISTERS: tuple[Register, ...] = (
    Register("LINK", LINK_PAGE, "constant", "The messages", (
        Field("version", 0, 8, "version of the messages"),
        Field("most", 16, 16, "bytes of a data payload at most"),
    )),
    Register("LINK_CLOCK", LINK_PAGE + 4, "constant", "Clock of the board in Hz", (
        Field("hertz", 0, 32, "Clock of the board in Hz"),
    )),
    Register("LINK_DIVIDER", LINK_PAGE + 8, "constant", "Cycles of the clock for a bit on the line", (
        Field("cycles", 0, 32, "Cycles of the clock for a bit on the line"),
    )),
    Register("LINK_DROPPED", LINK_PAGE + 12, "read", "Messages with a wrong CRC or length, modulo 2^32", (
        Field("count", 0, 32, "Messages with a wrong CRC or length, modulo 2^32"),
    )),
    Register("LINK_REPEATED", LINK_PAGE + 16, "read", "Requests that were answered again and not done again, modulo 2^32", (
        Field("count", 0, 32, "Requests that were answered again and not done again, modulo 2^32"),
    )),
    Register("LINK_BROKEN", LINK_PAGE + 20, "read", "Bytes without a stop bit, modulo 2^32", (
        Field("count", 0, 32, "Bytes without a stop bit, modulo 2^32"),
    )),
)  # fmt: skip


def link_register(name: str) -> Register:
    """The register of the link of that name; KeyError where there is none."""
    for each in LINK_REGISTERS:
        if each.name == name:
            return each
    raise KeyError(f"no register {name}")


def message(sequence: int, command: int, payload: bytes) -> bytes:
    """The bytes of a message, with its flags."""
    body = bytes((sequence & 0xFF, command)) + len(payload).to_bytes(2, "little") + payload
    body += zlib.crc32(body).to_bytes(CRC_BYTES, "little")
    for special in (ESCAPE, FLAG):
        body = body.replace(bytes((special,)), bytes((ESCAPE, special ^ FLIP)))
    return bytes((FLAG,)) + body + bytes((FLAG,))


@dataclass(frozen=True)
class Message:
    """What a message says."""

    sequence: int
    command: int
    payload: bytes


class MessageReader:
    """Messages of the bytes of a line; what is damaged is counted in `dropped` and left out."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._escaped = False
        self.dropped = 0

    def messages(self, data: bytes) -> Iterator[Message]:
        """The messages that end in these bytes."""
        for byte in data:
            if byte == FLAG:
                found = self._ended()
                self._body.clear()
                self._escaped = False
                if found is not None:
                    yield found
            elif byte == ESCAPE and not self._escaped:
                self._escaped = True
            else:
                self._body.append(byte ^ FLIP if self._escaped else byte)
                self._escaped = False

    def _ended(self) -> Message | None:
        body = bytes(self._body)
        if not body and not self._escaped:
            return None
        size = len(body) - HEADER_BYTES - CRC_BYTES
        right = size >= 0 and not self._escaped and int.from_bytes(body[2:4], "little") == size
        if not right or zlib.crc32(body[:-CRC_BYTES]).to_bytes(4, "little") != body[-CRC_BYTES:]:
            self.dropped += 1
            return None
        return Message(body[0], body[1], body[HEADER_BYTES:-CRC_BYTES])
