"""The serial line, 8N1: bits to bytes and back, and the reset of a board that has none."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, concat, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned

#: Cycles of a bit at least: a start bit is looked at in its middle, behind two registers.
LEAST_DIVIDER = 4
DATA_BITS = 8
#: Cycles for which the reset lasts behind the start of the device, and behind the button.
RESET_CYCLES = 255


@block
def serial_receive(clk, rst, rxd, octet, valid, broken, divider, half):
    """See `serial_receive_leaf`."""
    early, line = Signal(bool(1)), Signal(bool(1))
    active, waiting = Signal(bool(0)), Signal(bool(1))
    timer, position, bits = unsigned(bits_for(divider)), unsigned(4), unsigned(DATA_BITS)

    @always_comb
    def outputs():
        octet.next = bits

    @always(clk.posedge)
    def synchronise():
        early.next = rxd
        line.next = early

    @always(clk.posedge)
    def receive():
        valid.next = False
        broken.next = False
        if rst:
            active.next = False
            waiting.next = True
            timer.next = 0
            position.next = 0
        elif not active:
            if waiting:
                waiting.next = not line
            elif not line:
                active.next = True
                timer.next = half
                position.next = 0
        elif timer != 0:
            timer.next = timer - 1
        else:
            timer.next = divider - 1
            position.next = position + 1
            if position == 0:
                # a start bit that is gone in its middle was none
                active.next = not line
            elif position == 9:
                active.next = False
                valid.next = line
                broken.next = not line
                waiting.next = not line

    @always(clk.posedge)
    def shift():
        if active and timer == 0 and position != 9:
            bits.next = concat(line, bits[8:1])

    return instances()


@block
def serial_send(clk, rst, octet, valid, ready, txd, divider):
    """See `serial_send_leaf`."""
    busy, line = Signal(bool(0)), Signal(bool(1))
    timer, position, bits = unsigned(bits_for(divider)), unsigned(4), unsigned(DATA_BITS + 1)

    @always_comb
    def outputs():
        ready.next = not busy and not rst
        txd.next = line

    @always(clk.posedge)
    def send():
        if rst:
            busy.next = False
            line.next = True
            timer.next = 0
            position.next = 0
        elif not busy:
            line.next = True
            if valid:
                busy.next = True
                line.next = False
                timer.next = divider - 1
                position.next = 0
        elif timer != 0:
            timer.next = timer - 1
        else:
            timer.next = divider - 1
            line.next = bits[0]
            position.next = position + 1
            if position == 9:
                busy.next = False
                line.next = True

    @always(clk.posedge)
    def shift():
        if not busy:
            bits.next = concat(True, octet)
        elif timer == 0:
            bits.next = concat(True, bits[9:1])

    return instances()


@block
def start_reset(clk, button, rst, aresetn, last):
    """rst, aresetn: from the start of the device and while the button is pressed, and some cycles longer."""
    early, pressed = Signal(bool(0)), Signal(bool(0))
    count = unsigned(bits_for(last + 1))

    @always_comb
    def outputs():
        rst.next = count != last
        aresetn.next = count == last

    @always(clk.posedge)
    def keep():
        early.next = button
        pressed.next = early
        if pressed:
            count.next = 0
        elif count != last:
            count.next = count + 1

    return instances()


def serial_receive_leaf(divider: int) -> Leaf:
    """Bytes of the line. divider: cycles of a bit.

    Ports: rxd, the line, asynchronous; octet, valid: one that has come, for a cycle; broken: one came without a stop
    bit, for a cycle; the next start is looked for when the line has been high again.
    """
    ports = ins(clk=Bit(), rst=Bit(), rxd=Bit())
    ports |= outs(octet=Word(DATA_BITS), valid=Bit(), broken=Bit())
    # two registers and the edge itself lie before the first cycle of `active`
    half = max(0, divider // 2 - 2)
    return Leaf("uart_receive", serial_receive, ports, {"divider": divider, "half": half})


def serial_send_leaf(divider: int) -> Leaf:
    """Bytes to the line. Ports: octet, valid, ready; txd, the line, a register."""
    ports = ins(clk=Bit(), rst=Bit(), octet=Word(DATA_BITS), valid=Bit())
    ports |= outs(ready=Bit(), txd=Bit())
    return Leaf("uart_send", serial_send, ports, {"divider": divider})


def start_reset_leaf() -> Leaf:
    """The reset. Ports: button, asynchronous, active high; rst, aresetn."""
    ports = ins(clk=Bit(), button=Bit()) | outs(rst=Bit(), aresetn=Bit())
    return Leaf("uart_start_reset", start_reset, ports, {"last": RESET_CYCLES})
