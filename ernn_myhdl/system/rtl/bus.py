"""AXI4-Lite slave: writes and reads of one register at a time, and the resets."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned

#: RRESP and BRESP of what is done and of what is refused.
OKAY, SLVERR = 0, 2


@block
def bus_write(
    clk, rst, awaddr, awvalid, awready, wdata, wstrb, wvalid, wready, bresp, bvalid, bready, valid, address,
    data, strobe, legal, hold, waits, okay, slverr,
):  # fmt: skip
    """Address and data in any order; waits: both are there; valid: they are used in this cycle; legal: whether they may be.

    hold: they are not to be used yet.
    """
    have_address, have_data, answer, used = (Signal(bool(0)) for _ in range(4))
    kept_address, kept_data = unsigned(len(awaddr)), unsigned(len(wdata))
    kept_strobe, response = unsigned(len(wstrb)), unsigned(2)

    @always_comb
    def look():
        used.next = have_address and have_data and not hold and (bready or not answer)

    @always_comb
    def outputs():
        waits.next = have_address and have_data
        awready.next = not have_address
        wready.next = not have_data
        bvalid.next = answer
        bresp.next = response
        valid.next = used
        address.next = kept_address
        data.next = kept_data
        strobe.next = kept_strobe

    @always(clk.posedge)
    def control():
        if rst:
            have_address.next = False
            have_data.next = False
            answer.next = False
        else:
            if used:
                have_address.next = False
                have_data.next = False
                answer.next = True
            else:
                if awvalid and not have_address:
                    have_address.next = True
                if wvalid and not have_data:
                    have_data.next = True
                if bready:
                    answer.next = False

    @always(clk.posedge)
    def keep():
        if awvalid and not have_address:
            kept_address.next = awaddr
        if wvalid and not have_data:
            kept_data.next = wdata
            kept_strobe.next = wstrb
        if used:
            if legal:
                response.next = okay
            else:
                response.next = slverr

    return instances()


@block
def bus_read(
    clk, rst, araddr, arvalid, arready, rdata, rresp, rvalid, rready, address, word, known, refused, okay,
    slverr,
):  # fmt: skip
    """address: of the register to be read; word: what it holds in the same cycle; known: there is such a register."""
    have_address, answer, used = (Signal(bool(0)) for _ in range(3))
    kept_address = unsigned(len(araddr))
    response, kept_word = unsigned(2), unsigned(len(rdata))

    @always_comb
    def look():
        used.next = have_address and (rready or not answer)

    @always_comb
    def outputs():
        arready.next = not have_address
        rvalid.next = answer
        rresp.next = response
        rdata.next = kept_word
        address.next = kept_address
        refused.next = used and not known

    @always(clk.posedge)
    def control():
        if rst:
            have_address.next = False
            answer.next = False
        else:
            if used:
                have_address.next = False
                answer.next = True
            else:
                if arvalid and not have_address:
                    have_address.next = True
                if rready:
                    answer.next = False

    @always(clk.posedge)
    def keep():
        if arvalid and not have_address:
            kept_address.next = araddr
        if used:
            kept_word.next = word
            if known:
                response.next = okay
            else:
                response.next = slverr

    return instances()


@block
def resets(clk, aresetn, forget, hard, boundary, core):
    """The resets of the parts, all active high, of aresetn and of a soft reset, `forget`.

    hard: of registers, aresetn alone; core: of the core and the packets, a register; boundary: of what takes and offers beats on the
    bus, a cycle longer, so that nothing from before the reset follows it and nothing is taken that would be lost.
    """
    kept = Signal(bool(1))

    @always_comb
    def tell():
        hard.next = not aresetn
        boundary.next = kept or not aresetn
        core.next = kept

    @always(clk.posedge)
    def keep():
        kept.next = forget or not aresetn

    return instances()


def bus_write_leaf(address_bits: int) -> Leaf:
    """Writes."""
    read = ("clk", "rst", "awvalid", "wvalid", "bready", "legal", "hold")
    told = ("awready", "wready", "bvalid", "valid", "waits")
    ports = ins(**dict.fromkeys(read, Bit())) | outs(**dict.fromkeys(told, Bit()))
    ports |= ins(awaddr=Word(address_bits), wdata=Word(32), wstrb=Word(4))
    ports |= outs(bresp=Word(2), address=Word(address_bits), data=Word(32), strobe=Word(4))
    return Leaf("axi_bus_write", bus_write, ports, {"okay": OKAY, "slverr": SLVERR})


def bus_read_leaf(address_bits: int) -> Leaf:
    """Reads."""
    ports = ins(**dict.fromkeys(("clk", "rst", "arvalid", "rready", "known"), Bit()))
    ports |= outs(**dict.fromkeys(("arready", "rvalid", "refused"), Bit()))
    ports |= ins(araddr=Word(address_bits), word=Word(32))
    ports |= outs(rdata=Word(32), rresp=Word(2), address=Word(address_bits))
    return Leaf("axi_bus_read", bus_read, ports, {"okay": OKAY, "slverr": SLVERR})


def resets_leaf() -> Leaf:
    """The resets."""
    told = ("hard", "boundary", "core")
    ports = ins(clk=Bit(), aresetn=Bit(), forget=Bit()) | outs(**dict.fromkeys(told, Bit()))
    return Leaf("axi_resets", resets, ports)
