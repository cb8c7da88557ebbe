"""The simulated board behind a serial line: the whole UART system in Verilator, its pins bit by bit, behind a pseudo-terminal.

A program opens the terminal as it would a board's device.
"""

from __future__ import annotations

import ctypes
import os
import pty
import random
import select
import termios
import threading
import tty
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.host.transport import BoardError
from ernn_myhdl.system.rtl.serial_line import RESET_CYCLES
from ernn_myhdl.system.rtl.uart_system import BUS_BITS
from ernn_myhdl.system.simulation.build import built_board

#: Cycles between two looks at the terminal, and for which the clock goes on when nothing moves on the line.
STEP_CYCLES, QUIET_CYCLES = 1000, 200_000
ROOM = 65536
#: The line of the simulated board: eight cycles a bit, so that little is simulated between two bytes.
SIMULATED_LINK = SerialLink(8_000_000, 8, 1_000_000)


@dataclass(frozen=True)
class Faults:
    """Of a cable: the probability that a byte is dropped, doubled, or has a flipped bit; in both directions."""

    dropped: float = 0.0
    doubled: float = 0.0
    flipped: float = 0.0
    seed: int = 1


class FaultyCable:
    """Bytes as a cable with faults delivers them; counts of what it did are in `done`."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._random = random.Random(faults.seed)
        self.done = {"dropped": 0, "doubled": 0, "flipped": 0}

    def delivered(self, data: Iterable[int]) -> bytes:
        """The bytes behind the cable."""
        f, made = self.faults, bytearray()
        for byte in data:
            draw = self._random.random()
            if draw < f.dropped:
                self.done["dropped"] += 1
            elif draw < f.dropped + f.doubled:
                self.done["doubled"] += 1
                made += bytes((byte, byte))
            elif draw < f.dropped + f.doubled + f.flipped:
                self.done["flipped"] += 1
                made.append(byte ^ 1 << self._random.randrange(8))
            else:
                made.append(byte)
        return bytes(made)


class SerialModel:
    """The model of a UART system in this process: bytes in, bytes out. library: as `built_serial_board` makes it."""

    def __init__(self, library: Path, link: SerialLink) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.ernn_uart_open.restype = ctypes.c_void_p
        for name in ("ernn_uart_cycles", "ernn_uart_run", "ernn_uart_broken"):
            getattr(self._library, name).restype = ctypes.c_uint64
        self._model: ctypes.c_void_p | None = ctypes.c_void_p(
            self._library.ernn_uart_open(link.divider)
        )
        self._out = ctypes.create_string_buffer(ROOM)

    @property
    def _handle(self) -> ctypes.c_void_p:
        if self._model is None:
            raise BoardError("simulated board: is closed; open another")
        return self._model

    @property
    def cycles(self) -> int:
        """Cycles since the device has started."""
        return int(self._library.ernn_uart_cycles(self._handle))

    @property
    def broken(self) -> int:
        """Bytes that came from the board without a stop bit."""
        return int(self._library.ernn_uart_broken(self._handle))

    def press(self, pressed: bool) -> None:
        """The button."""
        self._library.ernn_uart_press(self._handle, int(pressed))

    def run(self, data: bytes, cycles: int) -> tuple[int, bytes]:
        """Some cycles; returns how many of the bytes have been begun, and what has come."""
        got = ctypes.c_uint64()
        sent = self._library.ernn_uart_run(
            self._handle, data, ctypes.c_uint64(len(data)), self._out, ctypes.c_uint64(ROOM), ctypes.byref(got),
            ctypes.c_uint64(cycles),
        )  # fmt: skip
        return int(sent), self._out.raw[: got.value]

    def close(self) -> None:
        """Free the model."""
        if self._model is not None:
            self._library.ernn_uart_close(self._model)
            self._model = None


def serial_model(design: CoreSpecification, link: SerialLink = SIMULATED_LINK) -> SerialModel:
    """The model of the UART system of `design`, built or from the cache; ToolError where Verilator is missing."""
    return SerialModel(built_board(design, BUS_BITS, link), link)


class SerialBoard:
    """A model behind a pseudo-terminal, whose name is `device`; `serve` moves the bytes until `stop`, or a thread as a context.

    to_board, from_board: cables with faults.
    """

    def __init__(self, model: SerialModel, faults: Faults = Faults()) -> None:
        self.model = model
        self.to_board = FaultyCable(faults)
        self.from_board = FaultyCable(
            Faults(faults.dropped, faults.doubled, faults.flipped, ~faults.seed)
        )
        # both ends stay open here, so that programs may come and go
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        os.set_blocking(self._master, False)
        self.device = os.ttyname(self._slave)
        self._wake = os.pipe()
        self._files: tuple[int, ...] = (self._master, self._slave, *self._wake)
        self._stopped = False
        self._thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self) -> None:
        """Move bytes between the terminal and the pins until `stop`."""
        waiting, coming, quiet = b"", b"", 0
        self.model.run(b"", RESET_CYCLES + 1)
        while not self._stopped:
            idle = not waiting and not coming and quiet >= QUIET_CYCLES
            sinks = [self._master] if coming else []
            ready = select.select([self._master, self._wake[0]], sinks, [], None if idle else 0)
            if self._master in ready[0] and len(waiting) < ROOM:
                waiting += self.to_board.delivered(os.read(self._master, 4096))
                quiet = 0
            if coming and self._master in ready[1]:
                coming = coming[os.write(self._master, coming) :]
            if idle:
                continue
            sent, made = self.model.run(waiting, STEP_CYCLES)
            waiting = waiting[sent:]
            coming += self.from_board.delivered(made)
            quiet = 0 if sent or made else quiet + STEP_CYCLES

    def stop(self) -> None:
        """End `serve`, which another thread runs."""
        self._stopped = True
        os.write(self._wake[1], b"\0")

    def __enter__(self) -> SerialBoard:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Give the terminal back and free the model."""
        files, self._files = self._files, ()
        for file in files:  # once: their numbers may be those of others behind it
            os.close(file)
        self.model.close()
