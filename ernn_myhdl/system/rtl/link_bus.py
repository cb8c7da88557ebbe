"""Accesses of registers by messages of the serial link, those of the link itself among them."""

from __future__ import annotations

from collections.abc import Mapping

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned
from ernn_myhdl.hdl.written_block import written_block
from ernn_myhdl.host.registers import WINDOW_BITS
from ernn_myhdl.host.serial_protocol import LINK_PAGE, LINK_REGISTERS
from ernn_myhdl.system.rtl.link_messages import ARGUMENT_BITS

PAGE = LINK_PAGE >> 8


@block
def link_bus(
    clk, rst, go, writes, argument, done, refused, word, address, link_word, link_known, awvalid, awready, wdata, wvalid,
    wready, bvalid, bresp, arvalid, arready, rvalid, rdata, rresp,
):  # fmt: skip
    """See `link_bus_leaf`."""
    # 0: nothing; 1: a register of the link; 2: a write; 3: a read
    state = unsigned(2)
    place, kept_word = unsigned(16), unsigned(32)
    own, outside, aw, w, ar = (Signal(bool(0)) for _ in range(5))

    @always_comb
    def choose():
        if writes:
            place.next = argument[16:]
        else:
            place.next = argument[48:32]

    @always_comb
    def look():
        own.next = place[12:8] == PAGE
        outside.next = place[16:12] != 0

    @always_comb
    def outputs():
        address.next = place[12:]
        wdata.next = argument[48:16]
        word.next = kept_word
        awvalid.next = aw
        wvalid.next = w
        arvalid.next = ar

    @always(clk.posedge)
    def control():
        done.next = False
        if rst:
            state.next = 0
            aw.next = False
            w.next = False
            ar.next = False
            refused.next = False
        elif state == 0:
            if go:
                if own or outside:
                    state.next = 1
                elif writes:
                    state.next = 2
                    aw.next = True
                    w.next = True
                else:
                    state.next = 3
                    ar.next = True
        elif state == 1:
            state.next = 0
            done.next = True
            refused.next = outside or writes or not link_known
        else:
            if awready:
                aw.next = False
            if wready:
                w.next = False
            if arready:
                ar.next = False
            if (state == 2 and bvalid) or (state == 3 and rvalid):
                state.next = 0
                done.next = True
                if state == 2:
                    refused.next = bresp != 0
                else:
                    refused.next = rresp != 0

    @always(clk.posedge)
    def keep():
        if state == 1:
            kept_word.next = link_word
        elif state == 3 and rvalid:
            kept_word.next = rdata

    return instances()


def link_registers_leaf() -> Leaf:
    """The registers of the link. Ports: address, a word for each, word, known."""
    names = [r.name.lower() for r in LINK_REGISTERS]
    lines = ["@always_comb", "def look():", "    known.next = True"]
    for number, each in enumerate(LINK_REGISTERS):
        lines.append(f"    {'elif' if number else 'if'} address == {each.address}:")
        lines.append(f"        word.next = {each.name.lower()}")
    lines += ["    else:", "        word.next = 0", "        known.next = False", "return look"]
    ports = ins(address=Word(WINDOW_BITS), **dict.fromkeys(names, Word(32)))
    ports |= outs(word=Word(32), known=Bit())
    scope: Mapping[str, object] = {"always_comb": always_comb}
    return Leaf("uart_link_registers", written_block("link_registers", ports, lines, scope), ports)


def link_bus_leaf() -> Leaf:
    """Accesses of registers, as an AXI4-Lite master of the system, and of those of the link.

    Ports: go: begin, for a cycle; writes; argument: of the message; done: for a cycle, with refused; word: that was read, until the next
    access; link_word, link_known: of the link's register at the address; the channels of AXI4-Lite, whose bready and rready are always
    high, wstrb all ones, and whose two addresses are the one port.
    """
    told = ("done", "refused", "awvalid", "wvalid", "arvalid")
    given = ("go", "writes", "link_known", "awready", "wready", "bvalid", "arready", "rvalid")
    ports = ins(clk=Bit(), rst=Bit(), **dict.fromkeys(given, Bit()), argument=Word(ARGUMENT_BITS))
    ports |= ins(link_word=Word(32), bresp=Word(2), rdata=Word(32), rresp=Word(2))
    ports |= outs(**dict.fromkeys(told, Bit()), word=Word(32), address=Word(WINDOW_BITS))
    ports |= outs(wdata=Word(32))
    return Leaf("uart_link_bus", link_bus, ports)
