"""What carries registers and packets to a core: the interface, and what can go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ernn_myhdl.errors import ToolError
from ernn_myhdl.host.registers import register


class BoardError(ToolError):
    """The board, or its simulation, is not what was expected or reported an error; the message has what it said."""


class BoardTimeout(BoardError):
    """An answer did not come in time."""


class Transport(Protocol):
    """A way to the registers and the two streams of a system.

    read, write: a register at an address in bytes; BoardError where the access is refused (SLVERR). exchange: sends
    packets of x and returns the packets of y, of which the sizes in bytes are given, one for each packet sent, 0 where it has no packet of y; they are
    all taken before it returns. timeout: in seconds, BoardTimeout after it.
    """

    def read(self, address: int) -> int:
        """The word of a register."""

    def write(self, address: int, value: int) -> None:
        """Write the word of a register."""

    def exchange(
        self, packets: Sequence[bytes], sizes: Sequence[int], timeout: float
    ) -> list[bytes]:
        """Packets of y for packets of x."""

    def load(self, words: Sequence[int], timeout: float) -> None:
        """Words of an image of weights."""

    def close(self) -> None:
        """Give back what was taken."""


class ClosedTransport:
    """What takes the place of a transport that was given back: `BoardError`."""

    def _refuse(self, *given: object) -> Any:
        raise BoardError("board: is closed; open another")

    read = write = exchange = load = _refuse

    def close(self) -> None:
        """Nothing: it is."""


class RegisterAccess(Protocol):
    """What writes registers."""

    def write(self, address: int, value: int) -> None:
        """Write the word of a register."""


def load_by_registers(board: RegisterAccess, words: Sequence[int]) -> None:
    """The words of an image of weights by writes of registers."""
    *first, last = words
    data, end = (register(name).address for name in ("WEIGHT_DATA", "WEIGHT_LAST"))
    for word in first:
        board.write(data, word)
    board.write(end, last)
