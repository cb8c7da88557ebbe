"""What the board does with a message, each request once, and its reply."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances, modbv

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, unsigned
from ernn_myhdl.host.registers import register
from ernn_myhdl.host.serial_protocol import (
    COMMAND_CODES,
    MOST_BYTES,
    REPLY,
    REPLY_BYTES,
    STATUS_CODES,
)
from ernn_myhdl.system.rtl.link_messages import ARGUMENT_BITS, LENGTH_BITS
from ernn_myhdl.system.rtl.link_queues import QUEUE_WORD, ROOM_BITS

COUNT_BITS = 11
HELLO, READ, WRITE, SEND, SEND_LAST, RECEIVE, LOAD, LOAD_LAST = (
    COMMAND_CODES[name]
    for name in ("hello", "read", "write", "send", "send_last", "receive", "load", "load_last")
)
DONE, LAST, REFUSED, ROOM, LENGTH, UNKNOWN, SEQUENCE = (
    STATUS_CODES[name]
    for name in ("done", "last", "refused", "room", "length", "unknown", "sequence")
)
CONTROL = register("CONTROL").address
#: Of a write's argument: its address, then its word.
SOFT_RESET_BIT = 16 + register("CONTROL").field("soft_reset").low
#: Where a reply's data come from.
NOTHING, WORD, BYTES = 0, 1, 2
#: Cycles for which the queues are held empty behind a soft reset, more than the core's reset takes.
FLUSH_CYCLES = 15


#: The states of `link_execute`: it waits; on the bus; the queues are emptied; bytes of y are counted (the word of the queue is
#: waited for, then looked at); the reply is sent.
WAITS, ON_BUS, FLUSHES, FETCHES, COUNTS, REPLIES = range(6)


@block
def link_execute(
    clk, rst, found, number, command, length, argument, fits, bus_done, refused, empty, ends, replied, go, writes, keep,
    flush, take, rewind, free, reply, repeated, status, count, kind,
):  # fmt: skip
    """See `link_execute_leaf`."""
    state = unsigned(3)
    # of the last request that was done
    expected = Signal(modbv(0)[8:])
    last, last_command = unsigned(8), unsigned(8)
    kept_status, kept_kind, kept_count = unsigned(3), unsigned(2), unsigned(COUNT_BITS)
    opened, strange, again, follows = (Signal(bool(0)) for _ in range(4))
    limit, cycles, outcome = unsigned(COUNT_BITS), unsigned(4), unsigned(3)
    written, counted, begins, known = (Signal(bool(0)) for _ in range(4))
    greets, accesses, puts, fetches, sized, loads, sends = (Signal(bool(0)) for _ in range(7))

    @always_comb
    def look():
        again.next = opened and number == last and command == last_command
        follows.next = opened and number == expected
        counted.next = empty or kept_count == limit

    @always_comb
    def measure():
        sized.next = length != 0 and length <= MOST_BYTES
        if command == LOAD:
            loads.next = fits[1]
        else:
            loads.next = fits[1] and command == LOAD_LAST
        if command == SEND:
            sends.next = True
        else:
            sends.next = command == SEND_LAST

    @always_comb
    def judge():
        begins.next = command == HELLO or follows
        greets.next = command == HELLO and length == 4
        accesses.next = (command == READ and length == 2) or (command == WRITE and length == 6)
        puts.next = sized and (sends or (loads and length[2:] == 0))
        fetches.next = command == RECEIVE and length == 2 and argument[48:32] <= MOST_BYTES
        known.next = (command >= HELLO and command <= RECEIVE) or loads

    @always_comb
    def first_outcome():
        if greets or accesses or fetches or (puts and fits[0]):
            outcome.next = DONE
        elif puts:
            outcome.next = ROOM
        elif not known:
            outcome.next = UNKNOWN
        else:
            outcome.next = LENGTH

    @always_comb
    def outputs():
        writes.next = written
        flush.next = state == FLUSHES
        take.next = state == COUNTS and not counted
        if strange:
            status.next = SEQUENCE
            count.next = 0
            kind.next = NOTHING
        else:
            status.next = kept_status
            count.next = kept_count
            kind.next = kept_kind

    @always(clk.posedge)
    def control():
        go.next = False
        keep.next = False
        rewind.next = False
        free.next = False
        reply.next = False
        repeated.next = False
        if rst:
            state.next = WAITS
            opened.next = False
            strange.next = False
        elif state == WAITS:
            if found:
                strange.next = not begins and not again
                written.next = command == WRITE
                cycles.next = FLUSH_CYCLES
                free.next = begins
                keep.next = begins and puts and fits[0]
                rewind.next = again and not begins
                repeated.next = again and not begins
                if begins:
                    last.next = number
                    expected.next = number + 1
                    last_command.next = command
                    opened.next = opened or greets
                if begins and accesses:
                    go.next = True
                    state.next = ON_BUS
                elif begins and fetches:
                    state.next = FETCHES
                else:
                    reply.next = True
                    state.next = REPLIES
        elif state == ON_BUS:
            if bus_done:
                if (
                    not refused
                    and written
                    and argument[16:] == CONTROL
                    and argument[SOFT_RESET_BIT]
                ):
                    state.next = FLUSHES
                else:
                    state.next = REPLIES
                    reply.next = True
        elif state == FLUSHES:
            if cycles == 0:
                state.next = REPLIES
                reply.next = True
            else:
                cycles.next = cycles - 1
        elif state == FETCHES:
            state.next = COUNTS
        elif state == COUNTS:
            if counted or ends:
                state.next = REPLIES
                rewind.next = True
                reply.next = True
            else:
                state.next = FETCHES
        elif replied:
            state.next = WAITS

    @always(clk.posedge)
    def record():
        if rst:
            kept_count.next = 0
        elif state == WAITS:
            if found and begins:
                limit.next = argument[43:32]
                kept_status.next = outcome
                kept_kind.next = NOTHING
                kept_count.next = 0
                if greets:
                    kept_kind.next = WORD
                    kept_count.next = 4
                elif fetches:
                    kept_kind.next = BYTES
        elif state == ON_BUS:
            if bus_done and refused:
                kept_status.next = REFUSED
            elif bus_done and not written:
                kept_kind.next = WORD
                kept_count.next = 4
        elif state == COUNTS and not counted:
            kept_count.next = kept_count + 1
            if ends:
                kept_status.next = LAST

    return instances()


@block
def link_reply(
    clk, rst, found, reply, number, command, status, count, kind, word, argument, room, available, y_word, y_take,
    out_valid, out_ready, out_byte, out_last, replied,
):  # fmt: skip
    """See `link_reply_leaf`."""
    busy, last, moved, works, ends = (Signal(bool(0)) for _ in range(5))
    index, stop, size = unsigned(COUNT_BITS), unsigned(COUNT_BITS), unsigned(COUNT_BITS)
    pause = unsigned(2)
    kept_number, kept_command, kept_status = unsigned(8), unsigned(8), unsigned(3)
    kept_word, kept_room, kept_available = unsigned(32), unsigned(16), unsigned(16)
    octet = unsigned(8)
    bytes_of_y = Signal(bool(0))

    @always_comb
    def look():
        last.next = index == stop
        moved.next = busy and pause == 0 and out_ready

    @always_comb
    def outputs():
        out_valid.next = busy and pause == 0
        out_last.next = last
        y_take.next = moved and bytes_of_y and index >= 9
        replied.next = ends

    @always_comb
    def choose():
        if index == 0:
            out_byte.next = kept_number
        elif index == 1:
            out_byte.next = kept_command | REPLY
        elif index == 2:
            out_byte.next = size[8:]
        elif index == 3:
            out_byte.next = size[COUNT_BITS:8]
        elif index == 4:
            out_byte.next = kept_status
        elif index == 5:
            out_byte.next = kept_room[8:]
        elif index == 6:
            out_byte.next = kept_room[16:8]
        elif index == 7:
            out_byte.next = kept_available[8:]
        elif index == 8:
            out_byte.next = kept_available[16:8]
        elif bytes_of_y:
            out_byte.next = octet
        else:
            out_byte.next = kept_word[8:]

    @always(clk.posedge)
    def control():
        ends.next = False
        if rst:
            busy.next = False
            works.next = False
            pause.next = 0
        elif not busy:
            if ends:
                works.next = False
            elif found:
                works.next = True
            busy.next = reply
            pause.next = 3
        elif pause != 0:
            pause.next = pause - 1
        elif out_ready:
            # the queue of y needs two cycles for the next byte, and its register one
            pause.next = 3
            if last:
                busy.next = False
                ends.next = True

    @always(clk.posedge)
    def keep():
        octet.next = y_word[8:]
        if not works:
            # another message may come before the reply of this one begins
            kept_number.next = number
            kept_command.next = command
        if not busy:
            index.next = 0
            kept_status.next = status
            # the queue's pointer is behind the bytes of this reply
            kept_available.next = available
            bytes_of_y.next = kind == BYTES
            size.next = count + REPLY_BYTES
            stop.next = count + 8
            if kept_command == HELLO:
                kept_word.next = argument[48:16]
            else:
                kept_word.next = word
        elif moved:
            index.next = index + 1
            if index >= 9:
                kept_word.next = kept_word >> 8
        if busy and index == 0 and pause == 3:
            # what this request has put there counts
            kept_room.next = room

    return instances()


def link_execute_leaf() -> Leaf:
    """Each request once.

    Ports: found, number, command, length, argument: a message; fits: its bytes have found room (lowest bit), weights load (highest);
    bus_done, refused: of an access
    that go began, which writes or reads; empty, ends: of the queue of y, and whether its word ends a packet; replied: the reply is
    out; keep: its bytes count; flush: the queues are emptied; take, rewind, free: of the queue of y; reply: send one now, with
    status, count of data and their kind; repeated: it is one of a request that was done before.
    """
    given = ("found", "bus_done", "refused", "empty", "ends", "replied")
    told = (
        "go", "writes", "keep", "flush", "take", "rewind", "free", "reply", "repeated",
    )  # fmt: skip
    ports = ins(clk=Bit(), rst=Bit(), **dict.fromkeys(given, Bit()))
    ports |= ins(number=Word(8), command=Word(8), length=Word(LENGTH_BITS))
    ports |= ins(argument=Word(ARGUMENT_BITS), fits=Word(2)) | outs(**dict.fromkeys(told, Bit()))
    ports |= outs(status=Word(3), count=Word(COUNT_BITS), kind=Word(2))
    return Leaf("uart_link_execute", link_execute, ports)


def link_reply_leaf() -> Leaf:
    """The bytes of a reply.

    Ports: found: a message with number (its sequence number) and command, of which the next reply is; reply: now, with status, count and kind of its data, word, argument (what hello gives back), room, available; y_word,
    y_take: of the queue of y; out_valid, out_ready, out_byte, out_last: to `link_send`; replied: all have been taken.
    """
    ports = ins(clk=Bit(), rst=Bit(), found=Bit(), reply=Bit())
    ports |= ins(number=Word(8), command=Word(8))
    ports |= ins(status=Word(3), count=Word(COUNT_BITS), kind=Word(2), word=Word(32))
    ports |= ins(argument=Word(ARGUMENT_BITS), room=Word(ROOM_BITS), available=Word(ROOM_BITS))
    ports |= ins(y_word=Word(QUEUE_WORD), out_ready=Bit())
    ports |= outs(y_take=Bit(), out_valid=Bit(), out_byte=Word(8), out_last=Bit(), replied=Bit())
    return Leaf("uart_link_reply", link_reply, ports)
