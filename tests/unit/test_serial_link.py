"""The serial link without a simulator: messages under damage, the transport against a board written here, speeds, boards, arguments."""

from __future__ import annotations

import os
import random
import termios
import zlib

import numpy as np
import pytest
from pages import ROOT

from ernn_myhdl import DesignError
from ernn_myhdl.host import serial_port
from ernn_myhdl.host.registers import register
from ernn_myhdl.host.serial_link import serial_link
from ernn_myhdl.host.serial_port import SerialPort, SerialTransport
from ernn_myhdl.host.serial_protocol import (
    COMMAND_CODES,
    ESCAPE,
    FLAG,
    LINK_REGISTERS,
    LINK_VERSION,
    MOST_BYTES,
    QUEUE_BYTES,
    REPLY,
    RESIDUE,
    STATUS_CODES,
    Message,
    MessageReader,
    link_register,
    message,
)
from ernn_myhdl.host.transport import BoardError, BoardTimeout
from ernn_myhdl.system.link_page import link_page
from ernn_myhdl.system.simulation.serial_board import Faults, FaultyCable

LINK = serial_link(25)


def test_messages_come_back_whatever_they_hold():
    draw = random.Random(1)
    reader, sent = MessageReader(), []
    stream = b""
    for _ in range(300):
        payload = bytes(
            draw.choice((FLAG, ESCAPE, 0x5E, draw.randrange(256)))
            for _ in range(draw.randrange(40))
        )
        sent.append(Message(draw.randrange(256), draw.randrange(128), payload))
        stream += message(sent[-1].sequence, sent[-1].command, payload)
        assert message(0, 0, payload)[1:-1].count(FLAG) == 0
    assert list(reader.messages(stream)) == sent and reader.dropped == 0
    assert zlib.crc32(b"a" + zlib.crc32(b"a").to_bytes(4, "little")) ^ 0xFFFFFFFF == RESIDUE


@pytest.mark.parametrize("kind", ["dropped", "doubled", "flipped"])
def test_no_damaged_message_is_taken_and_the_next_one_is(kind):
    draw, taken = random.Random(2), 0
    for number in range(400):
        payload = bytes(
            draw.choice((FLAG, ESCAPE, draw.randrange(256))) for _ in range(draw.randrange(30))
        )
        right, following = message(number % 256, 3, payload), message(1, 2, b"next")
        at = draw.randrange(len(right))
        if kind == "dropped":
            damaged = right[:at] + right[at + 1 :]
        elif kind == "doubled":
            damaged = right[:at] + right[at : at + 1] + right[at:]
        else:
            damaged = right[:at] + bytes([right[at] ^ 1 << draw.randrange(8)]) + right[at + 1 :]
        found = list(MessageReader().messages(damaged + following))
        # a border that is dropped or doubled damages nothing
        wanted = Message(number % 256, 3, payload)
        assert (
            found[-1:] == [Message(1, 2, b"next")]
            or (at == len(right) - 1 and kind == "flipped")
            or (kind == "dropped" and found[-1:] == [])
        )
        assert all(m in (wanted, Message(1, 2, b"next")) for m in found)
        taken += wanted in found
    assert taken < 100


class ReferenceBoard:
    """What the hardware does, in Python: registers that count their writes, and an echo of x, behind a cable."""

    def __init__(self, faults: Faults = Faults(), known: bool = True) -> None:
        self.to_board, self.from_board = FaultyCable(faults), FaultyCable(faults)
        self.reader, self.out = MessageReader(), b""
        self.last = self.reply = None
        self.known = known
        self.words = {link_register("LINK").address: LINK_VERSION | MOST_BYTES << 16}
        self.writes, self.x, self.y = [], bytearray(), bytearray()
        self.ends: list[int] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        for found in self.reader.messages(self.to_board.delivered(data)):
            self.out += self.from_board.delivered(self._answer(found))

    def _answer(self, found: Message) -> bytes:
        if (
            self.reply is not None
            and self.last == (found.sequence, found.command)
            and found.command != 1
        ):
            return self.reply
        status, made = "done", b""
        if found.command != 1 and (self.last is None or found.sequence != (self.last[0] + 1) % 256):
            return self._message(found, "sequence", b"")
        self.last = found.sequence, found.command
        address = int.from_bytes(found.payload[:2], "little")
        if found.command == 1:
            made = found.payload
        elif found.command == 2:
            made = self.words.get(address, 7).to_bytes(4, "little")
            status = "refused" if address == 0xFFC else "done"
        elif found.command == 3:
            self.writes.append((address, int.from_bytes(found.payload[2:], "little")))
        elif found.command in (4, 5):
            self.x += found.payload
            if found.command == 5:
                self.y += self.x
                self.x.clear()
                self.ends.append(len(self.y))
        else:
            made = bytes(self.y[: min(address, *self.ends[:1] or [0])])
            del self.y[: len(made)]
            self.ends = [e - len(made) for e in self.ends]
            if self.ends[:1] == [0]:
                status = "last"
                self.ends.pop(0)
        self.reply = self._message(found, status, made)
        return self.reply

    def _message(self, found: Message, status: str, made: bytes) -> bytes:
        payload = bytes([STATUS_CODES[status]]) + (QUEUE_BYTES - len(self.x)).to_bytes(2, "little")
        return message(
            found.sequence,
            found.command | REPLY,
            payload + len(self.y).to_bytes(2, "little") + made,
        )

    def read(self, seconds: float) -> bytes:
        made, self.out = self.out, b""
        return made

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def quick(monkeypatch):
    """No waiting for what an echo in the same process has answered or never will."""
    clock = iter(range(10**9))
    monkeypatch.setattr(serial_port.time, "monotonic", lambda: next(clock) * 0.01)


@pytest.mark.parametrize("seed", range(6))
def test_requests_are_done_once_over_a_faulty_cable(seed, quick):
    board = ReferenceBoard(Faults(0.004, 0.004, 0.004, seed))
    transport = SerialTransport(board, LINK, 100.0)
    draw = random.Random(seed)
    for number in range(30):
        transport.write(0x44, number)
        assert transport.read(0x100) == 7
    packets = [draw.randbytes(n) for n in (3, 700, 1, 64)]
    assert transport.exchange(packets, [len(p) for p in packets], 100.0) == packets
    assert board.writes == [(0x44, n) for n in range(30)]
    assert transport.repeated > 0 and sum(board.to_board.done.values()) > 5


def test_errors_of_the_line_are_named(quick):
    board = ReferenceBoard()
    transport = SerialTransport(board, LINK, 1.0)
    with pytest.raises(BoardError, match=r"read of 0xFFC was refused \(SLVERR\)"):
        transport.read(0xFFC)
    with pytest.raises(BoardError, match="packet of y is longer than its 2 bytes"):
        transport.exchange([b"abc"], [2], 1.0)
    board.last = (0, 0)
    with pytest.raises(BoardError, match="read is out of sequence: the board was reset"):
        transport.read(0)
    board.write = lambda data: None
    with pytest.raises(
        BoardTimeout, match=r"no answer to read in 1 s \(\d+ requests, 0 bytes heard"
    ):
        transport.read(0)
    other = ReferenceBoard()
    other.words = {link_register("LINK").address: 9}
    with pytest.raises(BoardError, match="messages of version 9, this driver knows 1"):
        SerialTransport(other, LINK, 1.0)
    transport.close()
    assert board.closed


def test_a_request_that_was_given_up_opens_the_link_anew(quick):
    board = ReferenceBoard()
    transport = SerialTransport(board, LINK, 1.0)
    takes, board.write = board.write, lambda data: None
    with pytest.raises(BoardTimeout):
        transport.write(0x44, 1)
    board.write = takes
    transport.write(0x44, 2)
    assert board.writes == [(0x44, 2)] and transport.read(0x100) == 7


def test_serial_port_is_raw_and_of_one_program():
    master, slave = os.openpty()
    try:
        port = SerialPort(os.ttyname(slave), 1_000_000)
        every = bytes(range(256))
        port.write(every)
        assert os.read(master, 1000) == every
        os.write(master, every)
        assert port.read(1.0) == every and port.read(0.0) == b""
        speeds = termios.tcgetattr(slave)[4:6]
        assert speeds == [termios.B1000000] * 2
        with pytest.raises(
            BoardError, match="is in use by another program|cannot be opened .*busy"
        ):
            SerialPort(os.ttyname(slave), 1_000_000)
        port.close()
        port.close()
        SerialPort(os.ttyname(slave), 1_000_000).close()
    finally:
        os.close(master)
        os.close(slave)


def test_serial_ports_that_are_none_are_named(tmp_path):
    with pytest.raises(BoardError, match="none: cannot be opened .*/dev/ttyUSB0"):
        SerialPort(tmp_path / "none", 1_000_000)
    (tmp_path / "file").touch()
    with pytest.raises(BoardError, match=r"file: is no serial device \(Inappropriate"):
        SerialPort(tmp_path / "file", 1_000_000)
    with pytest.raises(
        BoardError, match="no speed of 1234567 bit/s; convert with --baud of one of .* 1000000"
    ):
        SerialPort(tmp_path / "file", 1234567)


@pytest.mark.parametrize(
    ("clock", "baud", "divider"),
    [(25, None, 25), (100, None, 100), (25, 115200, 217), (12, 3_000_000, 4)],
)
def test_speeds_of_the_line(clock, baud, divider):
    link = serial_link(clock, baud)
    assert link.divider == divider and abs(link.real_baud / link.baud - 1) <= 0.02


@pytest.mark.parametrize(
    ("clock", "baud", "said"),
    [
        (25, 3_000_000, r"25 MHz / 8 is \+4.2 % off, must be within 2 %; take one near 3125000 or 2777778"),
        (25, 6_250_001, "baud = 6250001: must be a whole number from 24 to 6250000"),
        (25, 0, "baud = 0"),
        (25, 1e6, "baud = 1000000.0"),
        (0.5, None, "clock_mhz = 0.5: must be 1 to 1000"),
        (float("nan"), None, "clock_mhz = nan"),
    ],
)  # fmt: skip
def test_speeds_that_a_clock_does_not_give_are_named(clock, baud, said):
    with pytest.raises(DesignError, match=said):
        serial_link(clock, baud)


def test_page_of_the_protocol_is_that_of_the_table():
    assert (ROOT / "docs" / "serial-protocol.md").read_text() == link_page()
    addresses = [r.address for r in LINK_REGISTERS]
    assert addresses == [0xF00 + 4 * i for i in range(len(addresses))]
    assert (
        len(set(COMMAND_CODES.values())) == len(COMMAND_CODES)
        and register("CONTROL").address < 0xF00
    )


def test_a_cable_does_what_it_says():
    cable, data = FaultyCable(Faults(0.1, 0.1, 0.1, 3)), np.arange(5000) % 256
    made = cable.delivered(data.tolist())
    assert len(made) == 5000 + cable.done["doubled"] - cable.done["dropped"]
    assert all(400 < n < 600 for n in cable.done.values())
