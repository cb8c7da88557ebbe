"""Registers and packets by memory map: Linux's UIO with an AXI DMA, and PYNQ's own objects.

Both were tried with stand-ins for their hardware only, never on a board.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ernn_myhdl.host.arguments import path_of
from ernn_myhdl.host.transport import BoardError, BoardTimeout, load_by_registers
from ernn_myhdl.whole_numbers import whole


class Words(Protocol):
    """Memory of words of 32 bits at addresses in bytes, such as PYNQ's MMIO."""

    def read(self, offset: int) -> int:
        """The word at an address."""

    def write(self, offset: int, value: int) -> None:
        """Write the word at an address."""


class MappedWords:
    """A device's window, such as /dev/uio0, mapped to memory."""

    def __init__(self, device: str | Path, size: int, offset: int = 0) -> None:
        device = path_of(device, "device")
        try:
            file = os.open(device, os.O_RDWR | os.O_SYNC)
        except OSError as error:
            raise BoardError(
                f"{device}: cannot be opened ({error.strerror}); check the device tree and the rights of the file"
            ) from error
        try:
            self._map = mmap.mmap(file, size, offset=offset)
        except (OSError, ValueError) as error:
            raise BoardError(
                f"{device}: cannot be mapped ({error}); its window has to have {size} bytes"
            ) from error
        finally:
            os.close(file)
        # one access of 32 bits for each word, as registers need it
        self._words = memoryview(self._map).cast("I")

    def read(self, offset: int) -> int:
        """The word at an address."""
        return self._words[offset // 4]

    def write(self, offset: int, value: int) -> None:
        """Write the word at an address."""
        self._words[offset // 4] = value

    def bytes_at(self, start: int, size: int) -> bytes:
        """A copy of some bytes."""
        return bytes(self._map[start : start + size])

    def put(self, start: int, data: bytes) -> None:
        """Write some bytes."""
        self._map[start : start + len(data)] = data

    def close(self) -> None:
        """Give the window back."""
        self._words.release()
        self._map.close()


class AxiDma:
    """Xilinx's AXI DMA in its direct register mode, without scatter and gather: one packet at a time each way.

    registers: its window. buffer: memory that it reaches, with `put` and `bytes_at`. physical: the buffer's address
    for the DMA. size: of the buffer; its first half is x, its second y. Where an exchange does not end the DMA is reset: nothing but that ends a transfer.
    """

    CONTROL, STATUS, ADDRESS, LENGTH = 0x00, 0x04, 0x18, 0x28
    TO_CORE, FROM_CORE = 0x00, 0x30
    RUN, RESET, IDLE, ERRORS = 1, 4, 2, 0x70
    #: Looks at a reset until it has to be over, which takes some cycles of the bus.
    RESET_LOOKS = 1000

    def __init__(self, registers: Words, buffer: Any, physical: int, size: int) -> None:
        self.registers, self.buffer = registers, buffer
        self.physical, self.half = physical, size // 2
        self._reset()

    def _reset(self) -> None:
        reset_dma(self.registers)
        for channel in (self.TO_CORE, self.FROM_CORE):
            self.registers.write(channel + self.CONTROL, self.RUN)

    def exchange(self, packet: bytes, size: int, deadline: float) -> bytes:
        """One packet of x, one of y; none where size is 0."""
        if max(len(packet), size) > self.half:
            raise BoardError(
                f"packet of {len(packet)} bytes, {size} back: the buffer of the DMA has {self.half} for each; give it a "
                "larger one, or send shorter sequences"
            )
        try:
            return self._exchange(packet, size, deadline)
        except BaseException:
            self._reset()
            raise

    def _exchange(self, packet: bytes, size: int, deadline: float) -> bytes:
        self.buffer.put(0, packet)
        write = self.registers.write
        if size:
            write(self.FROM_CORE + self.ADDRESS, self.physical + self.half)
            write(self.FROM_CORE + self.LENGTH, size)
        write(self.TO_CORE + self.ADDRESS, self.physical)
        write(self.TO_CORE + self.LENGTH, len(packet))
        wait_for_dma(self.registers, self.TO_CORE, "x", deadline)
        if not size:
            return b""
        wait_for_dma(self.registers, self.FROM_CORE, "y", deadline)
        received = self.registers.read(self.FROM_CORE + self.LENGTH)
        return bytes(self.buffer.bytes_at(self.half, received))


def reset_dma(registers: Words) -> None:
    """Reset both channels of an AXI DMA, which ends what they transfer, and wait for its end; they do not run behind it."""
    registers.write(AxiDma.CONTROL, AxiDma.RESET)
    for _ in range(AxiDma.RESET_LOOKS):  # what is written meanwhile is lost
        if not registers.read(AxiDma.CONTROL) & AxiDma.RESET:
            return
    raise BoardTimeout(
        "DMA: its reset does not end; check its address, and that its clock and that of the streams run"
    )


def wait_for_dma(registers: Words, channel: int, name: str, deadline: float) -> None:
    """Wait until a channel of an AXI DMA has transferred its packet; BoardError, BoardTimeout where it does not."""
    while True:
        status = registers.read(channel + AxiDma.STATUS)
        if status & AxiDma.ERRORS:
            raise BoardError(f"DMA of {name}: status 0x{status:08X} tells an error; it was reset")
        if status & AxiDma.IDLE:
            return
        if time.monotonic() > deadline:
            raise BoardTimeout(
                f"DMA of {name}: no end of the packet in time, status 0x{status:08X}; it was reset"
            )


class MemoryMap:
    """Registers by `Words`, packets by what exchanges one (`AxiDma`, `PynqDma`)."""

    def __init__(
        self, registers: Words, dma: Any, close: Callable[[], None] = lambda: None
    ) -> None:
        self._registers, self._dma, self._close = registers, dma, close

    def read(self, address: int) -> int:
        """The word of a register."""
        return int(self._registers.read(address)) & 0xFFFFFFFF

    def write(self, address: int, value: int) -> None:
        """Write the word of a register."""
        self._registers.write(address, value)

    def exchange(
        self, packets: Sequence[bytes], sizes: Sequence[int], timeout: float
    ) -> list[bytes]:
        """Packets of y for packets of x, one after the other."""
        deadline = time.monotonic() + timeout
        return [self._dma.exchange(p, n, deadline) for p, n in zip(packets, sizes, strict=True)]

    def load(self, words: Sequence[int], timeout: float) -> None:
        """Words of an image of weights."""
        load_by_registers(self, words)

    def close(self) -> None:
        """Give the windows back."""
        self._close()


class PynqDma:
    """PYNQ's DMA of an overlay, with buffers of its `allocate`; both only by their methods.

    dma: has sendchannel and recvchannel with start(), transfer(buffer) and transferred, and mmio with its registers. allocate: (shape, dtype) -> an array
    of memory that the DMA reaches, with flush, invalidate and freebuffer. Where an exchange does not end the DMA is reset by its registers, since PYNQ's
    stop() waits for the end of the transfer; then only the buffers are given back.
    """

    def __init__(self, dma: Any, allocate: Callable[..., Any]) -> None:
        self._dma, self._allocate = dma, allocate
        self._reset()

    def _reset(self) -> None:
        reset_dma(self._dma.mmio)
        for channel in (self._dma.sendchannel, self._dma.recvchannel):
            channel.start()

    def exchange(self, packet: bytes, size: int, deadline: float) -> bytes:
        """One packet of x, one of y; none where size is 0."""
        x, y = self._allocate((len(packet),), np.uint8), self._allocate((max(size, 1),), np.uint8)
        try:
            return self._exchange(packet, size, deadline, x, y)
        except BaseException:
            self._reset()
            raise
        finally:
            x.freebuffer()
            y.freebuffer()

    def _exchange(self, packet: bytes, size: int, deadline: float, x: Any, y: Any) -> bytes:
        x[:] = np.frombuffer(packet, np.uint8)
        x.flush()
        if size:
            self._dma.recvchannel.transfer(y)
        self._dma.sendchannel.transfer(x)
        wait_for_dma(self._dma.mmio, AxiDma.TO_CORE, "x", deadline)
        if not size:
            return b""
        wait_for_dma(self._dma.mmio, AxiDma.FROM_CORE, "y", deadline)
        y.invalidate()
        return bytes(np.asarray(y)[: int(self._dma.recvchannel.transferred)].tobytes())


def uio_transport(
    registers: str | Path, dma: str | Path, buffer: str | Path, physical: int, size: int
) -> MemoryMap:
    """Registers and AXI DMA by two UIO devices, and a buffer such as u-dma-buf's, at a physical address."""
    whole("physical", physical, 0)
    whole("size", size, 1)
    core, window, memory = (
        MappedWords(registers, 4096),
        MappedWords(dma, 4096),
        MappedWords(buffer, size),
    )

    def close() -> None:
        for each in (core, window, memory):
            each.close()

    return MemoryMap(core, AxiDma(window, memory, physical, size), close)


def pynq_transport(mmio: Words, dma: Any, allocate: Callable[..., Any]) -> MemoryMap:
    """PYNQ's `MMIO` of the registers, DMA of the overlay, and `allocate`."""
    return MemoryMap(mmio, PynqDma(dma, allocate))


def buffer_of(device: Path) -> tuple[int, int]:
    """Physical address and size of a buffer of u-dma-buf, as its folder under /sys/class tells them."""
    device = path_of(device, "buffer")
    folder = Path("/sys/class/u-dma-buf") / device.name
    try:
        return int((folder / "phys_addr").read_text(), 0), int((folder / "size").read_text(), 0)
    except (OSError, ValueError) as error:
        raise BoardError(
            f"{device}: {folder} does not tell its address ({error}); load u-dma-buf"
        ) from error
