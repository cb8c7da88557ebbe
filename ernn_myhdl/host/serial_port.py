"""A serial device of POSIX: raw bytes by termios, and the transport of the driver over it. The standard library is all that it needs.

Each request is repeated until its reply has come, and the board does it once (`serial_protocol`).
"""

from __future__ import annotations

import fcntl
import os
import select
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.host.serial_protocol import (
    COMMAND_CODES,
    LINK_VERSION,
    REPLY,
    REPLY_BYTES,
    STATUS_NAMES,
    STATUSES,
    MessageReader,
    link_register,
    message,
)
from ernn_myhdl.host.transport import BoardError, BoardTimeout

#: Bytes of x or y in a message: more would be lost with one wrong bit, fewer would leave the line waiting for replies.
CHUNK = 256
LEAST_CHUNK, RIGHT_IN_A_ROW = 16, 8
#: Seconds for the ways of a request and its reply beside those on the line, and at most between two requests.
DELAY, LONGEST_WAIT = 0.1, 1.0
#: From as many bytes of y on they are taken before more x is sent.
MUCH = 512


class Line(Protocol):
    """Bytes to and from a board."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def read(self, seconds: float) -> bytes:
        """What has come, at least a byte, or nothing within that time."""

    def close(self) -> None:
        """Give the line back."""


class SerialPort:
    """A serial device, such as /dev/ttyUSB0 or a pseudo-terminal: 8N1, no flow control, for one program at a time.

    Raises BoardError for a device that cannot be opened, or a speed that the system does not have.
    """

    def __init__(self, device: str | Path, baud: int) -> None:
        self.device = str(device)
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            known = sorted(
                int(n[1:]) for n in dir(termios) if n[0] == "B" and n[1:].isdigit() and int(n[1:])
            )
            raise BoardError(
                f"{device}: this system has no speed of {baud} bit/s; convert with --baud of one of {', '.join(map(str, known))}"
            )
        try:
            self._file = os.open(self.device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            raise BoardError(
                f"{device}: cannot be opened ({getattr(error, 'strerror', error)}); name the board's serial device, such as /dev/ttyUSB0, and check its rights "
                "(group dialout)"
            ) from error
        try:
            # TIOCEXCL, below, does not hold root back
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            settings = termios.tcgetattr(self._file)
            # iflag, oflag, cflag, lflag, ispeed, ospeed: nothing is translated, echoed or waited for
            settings[:6] = [0, 0, termios.CS8 | termios.CREAD | termios.CLOCAL, 0, speed, speed]
            settings[6][termios.VMIN], settings[6][termios.VTIME] = 0, 0
            termios.tcsetattr(self._file, termios.TCSANOW, settings)
            fcntl.ioctl(self._file, termios.TIOCEXCL)
            termios.tcflush(self._file, termios.TCIOFLUSH)
        except BlockingIOError as error:
            os.close(self._file)
            raise BoardError(f"{device}: is in use by another program; end it first") from error
        except (OSError, termios.error) as error:
            os.close(self._file)
            # termios.error is no OSError: it has a number and a text
            raise BoardError(f"{device}: is no serial device ({error.args[-1]})") from error

    def write(self, data: bytes) -> None:
        """Send bytes; BoardError where the device takes none for long."""
        while data:
            try:
                data = data[os.write(self._file, data) :]
            except BlockingIOError:
                if not select.select([], [self._file], [], LONGEST_WAIT)[1]:
                    raise BoardError(f"{self.device}: takes no bytes") from None
            except OSError as error:
                raise BoardError(f"{self.device}: is gone ({error.strerror})") from error

    def read(self, seconds: float) -> bytes:
        """What has come, at least a byte, or nothing within that time."""
        if not select.select([self._file], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            data = os.read(self._file, 4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise BoardError(f"{self.device}: is gone ({error.strerror})") from error
        if not data:
            raise BoardError(f"{self.device}: is gone (end of file)")
        return data

    def close(self) -> None:
        """Give the device back."""
        if self._file >= 0:
            with suppress(OSError, termios.error):
                fcntl.ioctl(self._file, termios.TIOCNXCL)
            os.close(self._file)
            self._file = -1


class SerialTransport:
    """Registers and packets over a serial line.

    link: its speed. timeout: seconds in which a request must have been answered, and until a packet of y moves on. Raises BoardTimeout
    where nothing answers, BoardError where it does not speak this version.

    repeated: requests sent again.
    """

    def __init__(self, line: Line, link: SerialLink, timeout: float) -> None:
        self._line, self._link, self._timeout = line, link, timeout
        self._reader = MessageReader()
        self._number = os.urandom(1)[0]
        self._room = self._available = self.repeated = 0
        #: What a request takes beside its bytes on the line; bytes of x or y in a message now, and how many were right in a row.
        self._usual, self._chunk, self._right = 0.0, CHUNK, 0
        self._opened = False
        self._hello()
        link_word = self.read(link_register("LINK").address)
        version = link_register("LINK").field("version").of(link_word)
        if version != LINK_VERSION:
            raise BoardError(
                f"serial line: messages of version {version}, this driver knows {LINK_VERSION}; use the driver of the core"
            )

    @property
    def damaged(self) -> int:
        """Replies that were not right."""
        return self._reader.dropped

    def _hello(self) -> None:
        """Agree on the sequence numbers."""
        # the flag ends what another program may have left half sent
        self._line.write(message(0, 0, b"")[:1])
        nonce = os.urandom(4)
        self._opened = True
        try:
            right = self._ask("hello", nonce)[1] == nonce
        except BoardTimeout:
            self._opened = False
            raise
        if not right:
            raise BoardError("serial line: what answers is no board of this protocol")

    def _seconds(self, count: int) -> float:
        """Time of some bytes on the line, all of them escaped."""
        return 20 * count / self._link.real_baud

    def _ask(self, command: str, payload: bytes, replies: int = 4) -> tuple[str, bytes]:
        """Status and data of a request, which is repeated until its reply has come. replies: bytes of data in it at most."""
        if (
            not self._opened
        ):  # a request before this one was given up, and the board may have done it or not
            self._hello()
        self._number = (self._number + 1) % 256
        code = COMMAND_CODES[command]
        request = message(self._number, code, payload)
        wait = self._seconds(len(request) + replies + 32) + DELAY + 2 * self._usual
        start, heard, tries = time.monotonic(), 0, 0
        deadline = start + self._timeout
        while time.monotonic() < deadline or not tries:
            self._line.write(request)
            self.repeated += tries > 0
            tries += 1
            until = min(time.monotonic() + wait, deadline)
            while (left := until - time.monotonic()) > 0:
                data = self._line.read(left)
                heard += len(data)
                if found := self._reply(data, code):
                    self._learn(tries, time.monotonic() - start)
                    return self._answered(command, found)
            wait = min(2 * wait, max(wait, LONGEST_WAIT))
        self._opened = False
        raise BoardTimeout(
            f"serial line: no answer to {command} in {self._timeout:g} s ({tries} requests, {heard} bytes heard, "
            f"{self.damaged} messages damaged); check the cable, the bitstream and the speed of {self._link.real_baud:.0f} bit/s"
        )

    def _reply(self, data: bytes, code: int) -> bytes | None:
        """The payload of the reply to the present request, if it has ended in these bytes."""
        made = None
        for found in self._reader.messages(data):
            if (found.sequence, found.command) == (self._number, code | REPLY):
                made = found.payload if len(found.payload) >= REPLY_BYTES else made
            elif found.command & REPLY:
                # of a request that was repeated although its reply was on its way
                self._usual = min(2 * self._usual + DELAY / 2, LONGEST_WAIT / 2)
        return made

    def _learn(self, tries: int, seconds: float) -> None:
        """Shorter messages where many are damaged; longer waits where the board takes its time."""
        if tries > 1:
            self._chunk, self._right = max(LEAST_CHUNK, self._chunk // 2), 0
            return
        self._usual += (seconds - self._usual) / 8
        self._right += 1
        if self._right == RIGHT_IN_A_ROW:
            self._chunk, self._right = min(CHUNK, 2 * self._chunk), 0

    def _answered(self, command: str, payload: bytes) -> tuple[str, bytes]:
        status = STATUS_NAMES.get(payload[0], f"status {payload[0]}")
        self._room = int.from_bytes(payload[1:3], "little")
        self._available = int.from_bytes(payload[3:5], "little")
        if status == "sequence":
            raise BoardError(
                f"serial line: {command} is out of sequence: the board was reset, or another program has opened the link; open it again"
            )
        if status in ("length", "unknown"):
            text = next(s.text for s in STATUSES if s.name == status)
            raise BoardError(f"serial line: {command} was not done: {text}")
        return status, payload[REPLY_BYTES:]

    def read(self, address: int) -> int:
        """The word of a register."""
        status, data = self._ask("read", address.to_bytes(2, "little"))
        self._check(status, "read", address)
        return int.from_bytes(data, "little")

    def write(self, address: int, value: int) -> None:
        """Write the word of a register."""
        payload = address.to_bytes(2, "little") + value.to_bytes(4, "little")
        self._check(self._ask("write", payload)[0], "write", address)

    def _check(self, status: str, kind: str, address: int) -> None:
        if status != "done":
            raise BoardError(
                f"board: the {kind} of 0x{address:03X} was refused (SLVERR); see the map of the registers"
            )

    def exchange(
        self, packets: Sequence[bytes], sizes: Sequence[int], timeout: float
    ) -> list[bytes]:
        """Packets of y for packets of x; the board's queues hold some of both, so the core works while the line is busy."""
        made: list[bytes] = []
        taken = bytearray()
        wanted = list(sizes)
        sizes = [size for size in wanted if size]
        number = at = 0
        moved = time.monotonic()
        while number < len(packets) or len(made) < len(sizes):
            rest = len(packets[number]) - at if number < len(packets) else 0
            count = min(rest, self._chunk, self._room)
            if count and not (self._available >= MUCH and len(made) < len(sizes)):
                last = count == rest
                data = packets[number][at : at + count]
                status, _ = self._ask("send_last" if last else "send", data)
                if status != "room":
                    moved = time.monotonic()
                    at = 0 if last else at + count
                    number += last
            elif not sizes:
                self.read(link_register("LINK").address)  # which tells the room
            elif len(made) == len(sizes):
                raise BoardError(
                    f"board: {len(made)} packets of y have come, and the queue of x is full; call reset()"
                )
            else:
                status, data = self._ask("receive", self._chunk.to_bytes(2, "little"), self._chunk)
                taken += data
                if len(taken) > sizes[len(made)]:
                    raise BoardError(
                        f"board: a packet of y is longer than its {sizes[len(made)]} bytes; call reset()"
                    )
                if data:
                    moved = time.monotonic()
                if status == "last":
                    made.append(bytes(taken))
                    taken.clear()
            if time.monotonic() - moved > timeout:
                raise BoardTimeout(
                    f"serial line: nothing moved in {timeout:g} s of an exchange: {number} of {len(packets)} packets sent, "
                    f"{len(made)} of {len(sizes)} received"
                )
        packets_of_y = iter(made)
        return [next(packets_of_y) if size else b"" for size in wanted]

    def load(self, words: Sequence[int], timeout: float) -> None:
        """Words of an image of weights; BoardTimeout where the core takes none for so many seconds."""
        data = b"".join(word.to_bytes(4, "little") for word in words)
        at, moved = 0, time.monotonic()
        while at < len(data):
            count = min(len(data) - at, self._chunk // 4 * 4)
            last = at + count == len(data)
            status, _ = self._ask("load_last" if last else "load", data[at : at + count])
            if status != "room":
                at, moved = at + count, time.monotonic()
            elif time.monotonic() - moved > timeout:
                raise BoardTimeout(
                    f"serial line: the core took no weights in {timeout:g} s, {at} of {len(data)} bytes of the image are sent"
                )

    def close(self) -> None:
        """Give the line back."""
        self._line.close()
