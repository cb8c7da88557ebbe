"""Whose the bytes of a message are: those of x or those of weights, each with a queue of its own."""

from __future__ import annotations

from myhdl import Signal, always_comb, block, concat, instances

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word
from ernn_myhdl.system.rtl.link_control import LOAD, LOAD_LAST, SEND, SEND_LAST
from ernn_myhdl.system.rtl.link_queues import ROOM_BITS


@block
def link_route(
    command, data_valid, data_last, x_valid, x_last, weight_valid, weight_last, x_fits, weight_fits, fits, keep, x_keep,
    weight_keep, x_room, weight_room, room, takes,
):  # fmt: skip
    """See `link_route_leaf`."""
    loads, sends, fitting, able = (Signal(bool(0)) for _ in range(4))

    @always_comb
    def look():
        if command == LOAD:
            loads.next = True
        else:
            loads.next = command == LOAD_LAST
        if command == SEND:
            sends.next = True
        else:
            sends.next = command == SEND_LAST

    @always_comb
    def choose():
        able.next = takes == 1
        if loads:
            fitting.next = weight_fits
            room.next = weight_room
        else:
            fitting.next = x_fits
            room.next = x_room

    @always_comb
    def outputs():
        x_valid.next = data_valid and sends
        x_last.next = data_last and command == SEND_LAST
        weight_valid.next = data_valid and loads
        weight_last.next = data_last and command == LOAD_LAST
        x_keep.next = keep and not loads
        weight_keep.next = keep and loads
        fits.next = concat(able, fitting)

    return instances()


def link_route_leaf(takes: bool) -> Leaf:
    """Bytes to one of two queues. takes: the core loads weights.

    Ports: command, data_valid, data_last, keep: of a message; x_*, weight_*: the same for each queue, whether the message fits into it, and its
    room; fits: of the one that is meant, and above it whether weights load; room: of the one that is meant.
    """
    bits = ("data_valid", "data_last", "x_fits", "weight_fits", "keep")
    told = ("x_valid", "x_last", "weight_valid", "weight_last", "x_keep", "weight_keep")
    ports = ins(command=Word(8), **dict.fromkeys(bits, Bit()))
    ports |= ins(x_room=Word(ROOM_BITS), weight_room=Word(ROOM_BITS))
    ports |= outs(**dict.fromkeys(told, Bit()), fits=Word(2), room=Word(ROOM_BITS))
    name = "uart_link_route_weights" if takes else "uart_link_route"
    return Leaf(name, link_route, ports, {"takes": int(takes)})
