"""The simulated board as a transport of the host's driver."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.host.transport import BoardError, BoardTimeout, load_by_registers
from ernn_myhdl.streams.traffic import Traffic
from ernn_myhdl.system.rtl.axi_system import default_bus
from ernn_myhdl.system.simulation.build import built_board

#: Cycles without a transfer after which the simulation gives up, and without an answer of a register.
QUIET_CYCLES, ACCESS_CYCLES = 200_000, 1000
SLVERR = 2
TIMEOUT, CHANGED, TOO_LONG = 1, 2, 3


class SimulatedBoard:
    """A model of the whole AXI system in this process.

    traffic: gaps in x and stalls of y of every exchange. The timeout of an exchange counts cycles in which nothing moves, not
    seconds. Raises ToolError where Verilator is missing.
    """

    def __init__(self, library: Path, traffic: Traffic = Traffic()) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.ernn_axi_open.restype = ctypes.c_void_p
        for name in ("ernn_axi_cycles", "ernn_axi_image_left"):
            getattr(self._library, name).restype = ctypes.c_uint64
        self._model: ctypes.c_void_p | None = ctypes.c_void_p(self._library.ernn_axi_open())
        self.traffic = traffic
        self.quiet_cycles = QUIET_CYCLES
        self._seed = traffic.seed * 2 + 1

    @property
    def _handle(self) -> ctypes.c_void_p:
        if self._model is None:
            raise BoardError("simulated board: is closed; open another")
        return self._model

    @property
    def cycles(self) -> int:
        """Cycles since the model was made."""
        return int(self._library.ernn_axi_cycles(self._handle))

    @property
    def irq(self) -> bool:
        """The interrupt."""
        return bool(self._library.ernn_axi_irq(self._handle))

    def reset(self, cycles: int = 1) -> None:
        """aresetn is low for some cycles."""
        self._library.ernn_axi_reset(self._handle, cycles)

    def _access(self, write: bool, address: int, value: int) -> int:
        word = ctypes.c_uint32(value)
        response = self._library.ernn_axi_access(
            self._handle, int(write), address, ctypes.byref(word), ctypes.c_uint64(ACCESS_CYCLES)
        )
        kind = "write" if write else "read"
        if response == SLVERR:
            raise BoardError(
                f"board: the {kind} of 0x{address:03X} was refused (SLVERR); see the map of the registers"
            )
        if response:
            raise BoardTimeout(
                f"board: no answer to the {kind} of 0x{address:03X} in {ACCESS_CYCLES} cycles"
            )
        return word.value

    def read(self, address: int) -> int:
        """The word of a register."""
        return self._access(False, address, 0)

    def write(self, address: int, value: int) -> None:
        """Write the word of a register."""
        self._access(True, address, value)

    def exchange(
        self, packets: Sequence[bytes], sizes: Sequence[int], timeout: float
    ) -> list[bytes]:
        """Packets of y for packets of x."""
        wanted = list(sizes)
        sizes = [size for size in wanted if size]
        sent, taken = len(packets), len(sizes)
        x_sizes = (ctypes.c_uint64 * max(sent, 1))(*map(len, packets))
        y_sizes = (ctypes.c_uint64 * max(taken, 1))(*sizes)
        y = ctypes.create_string_buffer(max(sum(sizes), 1))
        result = self._library.ernn_axi_exchange(
            self._handle, b"".join(packets), x_sizes, ctypes.c_uint64(sent), y, y_sizes, ctypes.c_uint64(taken),
            ctypes.c_uint64(self.quiet_cycles), ctypes.c_double(self.traffic.idle), ctypes.c_double(self.traffic.stall),
            ctypes.c_uint64(self._seed),
        )  # fmt: skip
        self._seed = 0  # the generator goes on
        if result == TIMEOUT:
            raise BoardTimeout(
                f"board: nothing moved in {self.quiet_cycles} cycles of an exchange of {sent} packets"
            )
        if result == CHANGED:
            raise ToolError(
                "simulated board: a beat of y changed while it waited; this is a defect, please report the design"
            )
        if result == TOO_LONG:
            raise BoardError(
                f"board: a packet of y is longer than its {max(sizes, default=0)} bytes; call reset()"
            )
        made, at, lengths = [], 0, iter(y_sizes)
        for size in wanted:
            made.append(y.raw[at : at + next(lengths)] if size else b"")
            at += size
        return made

    def load(self, words: Sequence[int], timeout: float) -> None:
        """Words of an image of weights."""
        load_by_registers(self, words)

    def stream_image(self, words: Sequence[int]) -> None:
        """Offer an image of weights at the system's stream of weights, beside all that is done from now on.

        DesignError where the weights are fixed. A reset forgets it.
        """
        given = (ctypes.c_uint32 * max(len(words), 1))(*words)
        if not self._library.ernn_axi_image(self._handle, given, ctypes.c_uint64(len(words))):
            raise DesignError("simulated board: the weights of this core are fixed")

    @property
    def image_left(self) -> int:
        """Words of that image that have not been taken."""
        return int(self._library.ernn_axi_image_left(self._handle))

    def close(self) -> None:
        """Free the model."""
        if self._model is not None:
            self._library.ernn_axi_close(self._model)
            self._model = None


def simulated_board(
    design: CoreSpecification, bus_bits: int | None = None, traffic: Traffic = Traffic()
) -> SimulatedBoard:
    """The simulated board of `design`, built or from the cache; bus_bits: of its streams, None: those of the core's beats."""
    return SimulatedBoard(
        built_board(design, default_bus(design) if bus_bits is None else bus_bits), traffic
    )
