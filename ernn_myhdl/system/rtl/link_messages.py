"""Messages of the serial link (`ernn_myhdl.host.serial_protocol`) from bytes of the line, and back."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, concat, instances, intbv

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned
from ernn_myhdl.host.serial_protocol import (
    ESCAPE,
    FLAG,
    FLIP,
    POLYNOMIAL,
    RESIDUE,
)

LENGTH_BITS, ARGUMENT_BITS, CRC_BITS = 16, 48, 32


@block
def link_crc(crc, octet, following, high, low):
    """The CRC register behind one more byte; high, low: halves of the polynomial."""

    @always_comb
    def step():
        kept = intbv(0)[32:]
        odd = intbv(0)[1:]
        kept[:] = crc
        kept[8:] = crc[8:] ^ octet
        for i in range(8):  # noqa: B007
            odd[:] = kept[0]
            kept[:] = kept >> 1
            if odd == 1:
                kept[32:16] = kept[32:16] ^ high
                kept[16:] = kept[16:] ^ low
        following.next = kept

    return step


@block
def link_receive(
    clk, rst, octet, valid, broken, crc, crc_byte, crc_after, number, command, length, argument, found, opens, dropped,
    data_valid, data, data_last, flag, escape, flip, residue_high, residue_low,
):  # fmt: skip
    """See `link_receive_leaf`."""
    kept = unsigned(CRC_BITS)
    index, payload_end = unsigned(LENGTH_BITS + 1), unsigned(LENGTH_BITS + 1)
    message_end = unsigned(LENGTH_BITS + 1)
    escaped, spoiled, plain, right = (Signal(bool(0)) for _ in range(4))
    kept_command, kept_length = unsigned(8), unsigned(LENGTH_BITS)
    kept_argument = unsigned(ARGUMENT_BITS)
    shown = unsigned(8)

    @always_comb
    def unescape():
        plain.next = valid and octet != flag and (escaped or octet != escape)
        if escaped:
            shown.next = octet ^ flip
        else:
            shown.next = octet

    @always_comb
    def ends():
        payload_end.next = kept_length + 4

    @always_comb
    def whole():
        message_end.next = payload_end + 4

    @always_comb
    def judge():
        right.next = (
            index == message_end
            and not escaped
            and not spoiled
            and kept[32:16] == residue_high
            and kept[16:] == residue_low
        )

    @always_comb
    def outputs():
        crc.next = kept
        crc_byte.next = shown
        command.next = kept_command
        length.next = kept_length
        argument.next = kept_argument
        opens.next = plain and index == 0
        data.next = shown
        data_valid.next = plain and index >= 4 and index < payload_end
        data_last.next = index + 1 == payload_end

    @always(clk.posedge)
    def control():
        found.next = False
        dropped.next = False
        if rst:
            index.next = 0
            escaped.next = False
            spoiled.next = True
        elif broken:
            spoiled.next = True
        elif valid and octet == flag:
            found.next = right
            dropped.next = not right and index != 0
            index.next = 0
            escaped.next = False
            spoiled.next = False
        elif valid and not escaped and octet == escape:
            escaped.next = True
        elif valid:
            escaped.next = False
            if index != 131071:  # a message without an end
                index.next = index + 1

    @always(clk.posedge)
    def check():
        if valid and octet == flag:
            kept.next[32:16] = 65535
            kept.next[16:] = 65535
        elif plain:
            kept.next = crc_after

    @always(clk.posedge)
    def header():
        if plain:
            if index == 0:
                number.next = shown
            elif index == 1:
                kept_command.next = shown
            elif index == 2:
                kept_length.next = concat(kept_length[16:8], shown)
            elif index == 3:
                kept_length.next = concat(shown, kept_length[8:])
            elif index < payload_end and index < 10:
                kept_argument.next = concat(shown, kept_argument[48:8])

    return instances()


@block
def link_send(
    clk, rst, in_valid, in_ready, in_byte, in_last, crc, crc_byte, crc_after, out_valid, out_ready, out_byte, flag,
    escape, flip,
):  # fmt: skip
    """See `link_send_leaf`."""
    # 0: nothing; 1: the first flag; 2: bytes; 3: the CRC; 4: the last flag
    state, part = unsigned(3), unsigned(2)
    kept, inverted = unsigned(CRC_BITS), unsigned(CRC_BITS)
    escaping, special, taken, speaks = (Signal(bool(0)) for _ in range(4))
    shown = unsigned(8)

    @always_comb
    def invert():
        inverted.next = ~kept

    @always_comb
    def choose():
        if state == 3:
            shown.next = inverted[8:]
        else:
            shown.next = in_byte

    @always_comb
    def look():
        if shown == flag:
            special.next = True
        else:
            special.next = shown == escape
        speaks.next = state == 1 or state == 3 or state == 4 or (state == 2 and in_valid)

    @always_comb
    def move():
        taken.next = speaks and out_ready and not (special and not escaping)

    @always_comb
    def outputs():
        crc.next = kept
        crc_byte.next = in_byte
        out_valid.next = speaks
        in_ready.next = state == 2 and taken
        if state == 1 or state == 4:
            out_byte.next = flag
        elif escaping:
            out_byte.next = shown ^ flip
        elif special:
            out_byte.next = escape
        else:
            out_byte.next = shown

    @always(clk.posedge)
    def control():
        if rst:
            state.next = 0
            part.next = 0
            escaping.next = False
        elif state == 0:
            if in_valid:
                state.next = 1
        elif state == 1 or state == 4:
            if out_ready:
                escaping.next = False
                part.next = 0
                if state == 1:
                    state.next = 2
                else:
                    state.next = 0
        elif speaks and out_ready:
            escaping.next = special and not escaping
            if taken:
                if state == 2:
                    if in_last:
                        state.next = 3
                elif part == 3:
                    state.next = 4
                else:
                    part.next = part + 1

    @always(clk.posedge)
    def check():
        if state == 0:
            kept.next[32:16] = 65535
            kept.next[16:] = 65535
        elif taken and state == 2:
            kept.next = crc_after
        elif taken and state == 3:
            kept.next = concat(intbv(0)[8:], kept[32:8])

    return instances()


def link_crc_leaf() -> Leaf:
    """The CRC. Ports: crc, octet, following; the register starts with ones."""
    ports = ins(crc=Word(CRC_BITS), octet=Word(8)) | outs(following=Word(CRC_BITS))
    halves = {"high": POLYNOMIAL >> 16, "low": POLYNOMIAL & 0xFFFF}
    return Leaf("uart_link_crc", link_crc, ports, halves)


def link_receive_leaf() -> Leaf:
    """Messages of bytes.

    Ports: octet, valid, broken: of the line; crc, crc_byte, crc_after: to and from the CRC; found: a message has ended and is right,
    for a cycle, in which number, command, length and argument (the first bytes of its payload, the first in the lowest bits, where it
    has 6, else in the highest of them) are those of it, until the next one begins with opens; dropped: one has ended that is not;
    data_valid, data, data_last: bytes of a payload, of a message that may turn out wrong; command is its own there.
    """
    ports = ins(clk=Bit(), rst=Bit(), octet=Word(8), valid=Bit(), broken=Bit())
    ports |= outs(crc=Word(CRC_BITS), crc_byte=Word(8)) | ins(crc_after=Word(CRC_BITS))
    ports |= outs(number=Word(8), command=Word(8), length=Word(LENGTH_BITS))
    ports |= outs(argument=Word(ARGUMENT_BITS), found=Bit(), opens=Bit(), dropped=Bit())
    ports |= outs(data_valid=Bit(), data=Word(8), data_last=Bit())
    numbers = {"flag": FLAG, "escape": ESCAPE, "flip": FLIP}
    numbers |= {"residue_high": RESIDUE >> 16, "residue_low": RESIDUE & 0xFFFF}
    return Leaf("uart_link_receive", link_receive, ports, numbers)


def link_send_leaf() -> Leaf:
    """Bytes of messages.

    Ports: in_valid, in_ready, in_byte, in_last: header and payload; crc, crc_byte, crc_after: to and from the CRC; out_valid, out_ready,
    out_byte: to the line.
    """
    ports = ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_byte=Word(8), in_last=Bit())
    ports |= outs(in_ready=Bit(), crc=Word(CRC_BITS), crc_byte=Word(8))
    ports |= ins(crc_after=Word(CRC_BITS), out_ready=Bit())
    ports |= outs(out_valid=Bit(), out_byte=Word(8))
    return Leaf("uart_link_send", link_send, ports, {"flag": FLAG, "escape": ESCAPE, "flip": FLIP})
