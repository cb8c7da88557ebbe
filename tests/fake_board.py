"""Stand-ins for a board: registers, Xilinx's AXI DMA with an echo behind it, and PYNQ's objects on top of that."""

from __future__ import annotations

import numpy as np

from ernn_myhdl import RnnCell, new_network
from ernn_myhdl.host.memory_map import AxiDma
from ernn_myhdl.host.registers import register
from ernn_myhdl.system.rtl.constant_words import constant_words


def design():
    return new_network([RnnCell(5, 6, block=2)], lanes=1, samples_per_beat=4, streams=2).layers[0]


class Words:
    """Registers of a system that answers with y = the first words of x, and errors that a test sets."""

    def __init__(self, system, words):
        self.system, self.words, self.writes = system, dict(words), []

    def read(self, offset):
        return self.words.get(offset, 0)

    def write(self, offset, value):
        self.writes.append((offset, value))


class FakeDma:
    """Xilinx's AXI DMA with an echo of 12 bytes behind it; what is written while it resets is lost."""

    def __init__(self, buffer, behaviour="fine", log=None):
        self.words, self.buffer, self.behaviour = {}, buffer, behaviour
        self.log = [] if log is None else log
        self.resets = self.resetting = 0

    def read(self, offset):
        self.resetting = max(0, self.resetting - 1)
        if not self.resetting and offset == 0:
            self.words[0] = self.words.get(0, 0) & ~AxiDma.RESET
        return self.words.get(offset, 0)

    def write(self, offset, value):
        if self.resetting:
            return
        self.words[offset] = value
        if offset == 0 and value & AxiDma.RESET:
            self.words = {0: AxiDma.RESET}
            self.log.append("reset")
            self.resets, self.resetting = (
                self.resets + 1,
                5 if self.behaviour != "dead" else 1 << 30,
            )
        if offset in (AxiDma.LENGTH, AxiDma.FROM_CORE + AxiDma.LENGTH):
            self.words[offset - AxiDma.LENGTH + AxiDma.STATUS] = 0  # no longer idle
        if offset == AxiDma.LENGTH:  # of x, which is last
            if (
                self.behaviour == "stuck"
                or not self.words.get(0, 0) & self.words.get(AxiDma.FROM_CORE, 0) & AxiDma.RUN
            ):
                return
            status = 0x40 if self.behaviour == "error" else AxiDma.IDLE
            self.words[AxiDma.STATUS] = status
            if self.behaviour == "no y":
                return
            self.words[AxiDma.FROM_CORE + AxiDma.STATUS] = status
            size = self.words[AxiDma.FROM_CORE + AxiDma.LENGTH]
            half = self.words[AxiDma.FROM_CORE + AxiDma.ADDRESS] - self.words[AxiDma.ADDRESS]
            self.buffer.put(half, self.buffer.bytes_at(0, size))


class Buffer(bytearray):
    def put(self, start, data):
        self[start : start + len(data)] = data

    def bytes_at(self, start, size):
        return bytes(self[start : start + size])


def words_of(core, bus_bits=64):
    return {register(name).address: value for name, value in constant_words(core, bus_bits).items()}


class PynqArray(np.ndarray):
    """An array of PYNQ's `allocate`, with what it is asked for."""

    def flush(self):
        pass

    invalidate = flush

    def freebuffer(self):
        self.log.append("free")


class PynqChannel:
    """A channel as `pynq.lib.dma` has it: it stops only when what it transfers ends, and refuses a transfer beside one that goes on."""

    def __init__(self, mmio, offset):
        self.mmio, self.offset = mmio, offset
        self.start()

    @property
    def idle(self):
        return bool(self.mmio.read(self.offset + AxiDma.STATUS) & AxiDma.IDLE)

    @property
    def transferred(self):
        return self.mmio.read(self.offset + AxiDma.LENGTH)

    def start(self):
        self.mmio.write(self.offset, AxiDma.RUN)
        self.first = True

    def stop(self):
        raise AssertionError("a channel that hangs never stops")

    def transfer(self, array):
        if not self.idle and not self.first:
            raise RuntimeError("DMA channel not idle")
        self.mmio.write(self.offset + AxiDma.ADDRESS, array.address)
        self.mmio.write(self.offset + AxiDma.LENGTH, array.size)
        self.first = False


class PynqBoard:
    """PYNQ's DMA and `allocate`. log: what was freed and reset, in turn."""

    def __init__(self, size=256):
        self.buffer, self.log = Buffer(size), []
        self.mmio = FakeDma(self.buffer, log=self.log)
        self.sendchannel, self.recvchannel = (
            PynqChannel(self.mmio, offset) for offset in (AxiDma.TO_CORE, AxiDma.FROM_CORE)
        )
        self._halves = 0

    def allocate(self, shape, dtype):
        address = len(self.buffer) // 2 * (self._halves % 2)
        self._halves += 1
        array = np.frombuffer(self.buffer, dtype)[address : address + shape[0]].view(PynqArray)
        array.address, array.log = address, self.log
        return array
