"""The protocol of the serial link as a page: docs/serial-protocol.md."""

from __future__ import annotations

from collections.abc import Iterator

from ernn_myhdl.host.serial_protocol import (
    COMMANDS,
    CRC_BYTES,
    ESCAPE,
    FLAG,
    FLIP,
    HEADER_BYTES,
    LINK_REGISTERS,
    LINK_VERSION,
    MOST_BYTES,
    POLYNOMIAL,
    QUEUE_BYTES,
    REPLY,
    RESERVED,
    STATUSES,
    message,
)
from ernn_myhdl.system.register_page import register_rows

_TEXT = f"""\
# Serial protocol

Version {LINK_VERSION}. Written from the table in [`ernn_myhdl/host/serial_protocol.py`](../ernn_myhdl/host/serial_protocol.py), of which the hardware and the
host's transport are made too. None of it has been on a board; [uart-system.md](uart-system.md) tells what was verified.

The line has 8 data bits, no parity and one stop bit (8N1), and no handshake lines. The host asks, the board answers; one request is on its way at a time.

## Messages

| bytes | what |
|---|---|
| 1 | flag, 0x{FLAG:02X} |
| 1 | sequence number |
| 1 | command; of a reply with 0x{REPLY:02X} added |
| 2 | length of the payload |
| length | payload |
| {CRC_BYTES} | CRC-32 of the {HEADER_BYTES} + length bytes before it |
| 1 | flag, 0x{FLAG:02X} |

Numbers are little-endian. Between the flags a byte 0x{FLAG:02X} or 0x{ESCAPE:02X} is sent as 0x{ESCAPE:02X} and the byte exclusive-or 0x{FLIP:02X}, as in RFC 1662, so a flag is always a border, and a
receiver that has lost its place finds it with the next flag. Length and CRC are of the bytes before that. The CRC is that of Ethernet, zlib and PNG: polynomial
0x04C11DB7 (reflected 0x{POLYNOMIAL:08X}), bits of a byte from the lowest, register and result inverted.

A message whose length or CRC is wrong, or with a byte without a stop bit in it, is dropped without an answer. Empty ones (two flags) are nothing.

For example, the request with sequence number 1 that reads the register at 0x000:

    {message(1, 2, bytes(2)).hex(" ")}

## Each request once

A request has the sequence number that follows that of the one before, modulo 256. The host repeats it, byte for byte, until its reply has come. The
board remembers the sequence number and the command of the last request that it did, and what it answered: to a repeat it answers that again and does nothing. Bytes
of y stay in their queue until the next request shows that the reply with them was heard. A request with any other sequence number is answered with
`sequence` and not done. So no request is done twice, and none is left out unseen.

`hello` opens the link with any sequence number; until then, and after a reset of the board, all other requests are answered with `sequence`.

## Commands

| code | command | payload of the request | data of the reply | what it does |
|---|---|---|---|---|
"""

_REPLIES = f"""
Codes {RESERVED}.

The payload of a reply:

| bytes | what |
|---|---|
| 1 | status |
| 2 | room: free bytes in the queue of x; behind `load` and `load_last` in that of weights |
| 2 | available: bytes in the queue of y, behind those in this reply |
| the rest | data, where the status is `done` or `last` |

The queues have {QUEUE_BYTES} bytes each, a data payload {MOST_BYTES} at most. Nothing is overrun: what has no room is refused as a whole, and y waits in the core when its queue is full. `send`
is done whether or not y has been taken, so a host that looks at room and available cannot lock itself out. `load` goes on while frames wait, and frames while an image waits: they share
nothing but the line. Whether the core took an image is told by the registers `WEIGHTS`, `ERRORS` and `IRQ_STATUS`, not by the reply, which tells of the queue.

## Statuses

| code | status | meaning |
|---|---|---|
"""

_REGISTERS = """
## Registers of the link

Beside those of the [register map](register-map.md), which `read` and `write` reach at their addresses. Any other address, and writes to these, are refused.

| address | name | access | bits | field | after reset | meaning |
|---|---|---|---|---|---|---|
"""


def link_page() -> str:
    """The page in Markdown."""
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield _TEXT
    for c in COMMANDS:
        least = 4 if c.name.startswith("load") else 1
        size = f"{c.size} bytes: " if c.size is not None else f"{least} to {MOST_BYTES}: "
        yield f"| {c.code} | `{c.name}` | {size}{c.request} | {c.reply} | {c.text} |\n"
    yield _REPLIES
    for s in STATUSES:
        yield f"| {s.code} | `{s.name}` | {s.text} |\n"
    yield _REGISTERS
    for line in register_rows(LINK_REGISTERS, {}):
        yield f"{line}\n"
