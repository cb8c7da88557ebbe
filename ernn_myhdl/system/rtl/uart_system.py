"""The UART system as a netlist: the AXI system behind a serial line, whole for an FPGA without a processor.

    rxd -> bytes -> messages -> queue of x -> s_axis
                        +-> queue of weights -> s_weights, where the core loads them
                        |                       AXI system with its core
                     request -> s_axi --------- registers
                        |
    txd <- bytes <- messages <- reply <- queue of y <- m_axis

Ports: clk; button, asynchronous, active high, a reset beside the one at the start of the device; rxd, txd, the line; led_heard, which
changes with every request; led_irq, the interrupt of the system.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.host.serial_protocol import LINK_REGISTERS, LINK_VERSION, MOST_BYTES
from ernn_myhdl.system.rtl import (
    events,
    link_bus,
    link_control,
    link_messages,
    link_queues,
    link_route,
    serial_line,
    skid,
    width,
)
from ernn_myhdl.system.rtl.axi_system import axi_system

#: Bits of the system's streams; the line is far slower.
BUS_BITS = 32
#: Ports of a stream into the system.
_STREAM = ("tdata", "tvalid", "tready", "tlast")


@block
def heard(clk, rst, found, led):
    """led changes with every message that is right."""
    lit = Signal(bool(0))

    @always_comb
    def outputs():
        led.next = lit

    @always(clk.posedge)
    def keep():
        if rst:
            lit.next = False
        elif found:
            lit.next = not lit

    return instances()


def heard_leaf() -> Leaf:
    """A lamp. Ports: found, led."""
    ports = ins(clk=Bit(), rst=Bit(), found=Bit()) | outs(led=Bit())
    return Leaf("uart_heard", heard, ports)


def uart_system(
    design: CoreSpecification, link: SerialLink, inner: Netlist | None = None
) -> Netlist:
    """The netlist around the AXI system of `design`. inner: in the place of the core, see `axi_system`.

    Raises DesignError for what the AXI system cannot carry.
    """
    return _System(design, link, inner).n


class _System:
    """The netlist while it is made."""

    def __init__(self, design: CoreSpecification, link: SerialLink, inner: Netlist | None) -> None:
        self.link = link
        n = self.n = Netlist(f"{design.name}_uart")
        self.clk = n.input("clk", Bit())
        reset = n.add(
            "start", serial_line.start_reset_leaf(), clk=self.clk, button=n.input("button", Bit())
        )
        self.rst, self.aresetn = reset["rst"], reset["aresetn"]
        self.flush = n.net("flush", Bit())
        self.queue_reset = n.add("queue_reset", events.either_leaf(), a=self.rst, b=self.flush)["q"]
        system = axi_system(design, BUS_BITS, inner)
        system.name = "axi"
        self.axi = {
            port: n.net(f"axi_{port}", spec.type)
            for port, spec in system.ports.items()
            if port not in ("aclk", "aresetn", "irq")
        }
        n.add(
            "axi", system, aclk=self.clk, aresetn=self.aresetn, irq=n.output("led_irq", Bit()), **self.axi
        )  # fmt: skip
        self._no_stream_of_states()
        message, broken = self._messages()
        y = self._y()
        self._replies(message, broken, self._bytes(message), y)

    def _no_stream_of_states(self) -> None:
        """States come by registers only."""
        for port in ("tdata", "tvalid", "tlast"):
            if net := self.axi.get(f"s_states_{port}"):
                self.n.wire(net, self.n.zero(f"no_states_{port}", net.type))

    def _crc(self, label: str) -> dict[str, Net]:
        """Nets of a CRC between a block's ports."""
        n = self.n
        crc, octet = n.net(f"{label}_crc", Word(32)), n.net(f"{label}_crc_byte", Word(8))
        after = n.add(f"{label}_check", link_messages.link_crc_leaf(), crc=crc, octet=octet)
        return {"crc": crc, "crc_byte": octet, "crc_after": after["following"]}

    def _messages(self) -> tuple[dict[str, Net], Net]:
        """Messages of the line; returns the ports of `link_receive`, and: a byte was broken."""
        n = self.n
        line = n.add(
            "line_in", serial_line.serial_receive_leaf(self.link.divider), clk=self.clk, rst=self.rst,
            rxd=n.input("rxd", Bit()),
        )  # fmt: skip
        message = n.add(
            "message_in", link_messages.link_receive_leaf(), clk=self.clk, rst=self.rst, **line, **self._crc("in")
        )  # fmt: skip
        n.add(
            "lamp", heard_leaf(), clk=self.clk, rst=self.rst, found=message["found"],
            led=n.output("led_heard", Bit()),
        )  # fmt: skip
        return message, line["broken"]

    def _bytes(self, message: dict[str, Net]) -> dict[str, Net]:
        """Bytes of x and of weights to their queues; returns the ports of `link_route`."""
        n = self.n
        loads = "s_weights_tdata" in self.axi
        route = n.add(
            "route", link_route.link_route_leaf(loads), command=message["command"], data_valid=message["data_valid"],
            data_last=message["data_last"], keep=n.net("bytes_keep", Bit()),
            **{
                f"{name}_{port}": n.net(f"{name}_{port}", kind)
                for name in ("x", "weight")
                for port, kind in (("fits", Bit()), ("room", Word(link_queues.ROOM_BITS)))
            },
        )  # fmt: skip
        self._queue("x", message, route, {p: self.axi[f"s_axis_{p}"] for p in _STREAM})
        n.wire(self.axi["s_axis_tkeep"], n.nets["x_gather_out_keep"])
        if loads:
            self._queue("weight", message, route, {p: self.axi[f"s_weights_{p}"] for p in _STREAM})
        else:
            for port in ("fits", "room"):
                net = n.nets[f"weight_{port}"]
                n.wire(net, n.zero(f"no_weight_{port}", net.type))
        return route

    def _queue(
        self, name: str, message: dict[str, Net], route: dict[str, Net], stream: dict[str, Net]
    ) -> None:
        """A queue of bytes of messages, and its bytes as words of a stream."""
        n = self.n
        word = n.bundle(
            f"{name}_put", Word(link_queues.QUEUE_WORD), message["data"], route[f"{name}_last"]
        )
        queue = n.add(
            f"{name}_queue", link_queues.sent_queue_leaf(), clk=self.clk, rst=self.queue_reset,
            in_valid=route[f"{name}_valid"], in_word=word, opens=message["opens"], keep=route[f"{name}_keep"],
            fits=n.nets[f"{name}_fits"], room=n.nets[f"{name}_room"], out_ready=n.net(f"{name}_taken", Bit()),
        )  # fmt: skip
        beat = n.add(
            f"{name}_gather", width.gather_leaf("uart_gather", 8, BUS_BITS // 8), clk=self.clk, rst=self.queue_reset,
            in_valid=queue["out_valid"], in_ready=n.nets[f"{name}_taken"],
            in_data=n.bundle(f"{name}_byte", Array(1, 8), (queue["out_word"], 0, 8)),
            in_keep=n.constant(f"{name}_byte_kept", Array(1, 1), -1),
            in_last=n.bundle(f"{name}_byte_last", Bit(), (queue["out_word"], 8, 1)),
            out_valid=stream["tvalid"], out_ready=stream["tready"], out_last=stream["tlast"],
        )  # fmt: skip
        n.wire(stream["tdata"], beat["out_data"])

    def _y(self) -> dict[str, Net]:
        """The bytes of y in their queue; returns its ports."""
        n, axi, parts = self.n, self.axi, BUS_BITS // 8
        cut = n.add(
            "y_split", width.split_leaf("uart_split", 8, parts), clk=self.clk, rst=self.queue_reset,
            in_valid=axi["m_axis_tvalid"], in_ready=axi["m_axis_tready"], in_last=axi["m_axis_tlast"],
            in_data=n.bundle("y_bytes", Array(parts, 8), axi["m_axis_tdata"]),
            in_keep=n.bundle("y_keeps", Array(parts, 1), axi["m_axis_tkeep"]),
            out_ready=n.net("y_ready", Bit()),
        )  # fmt: skip
        word = n.bundle("y_put", Word(link_queues.QUEUE_WORD), cut["out_data"], cut["out_last"])
        return n.add(
            "y_queue", link_queues.taken_queue_leaf(), clk=self.clk, rst=self.queue_reset,
            in_valid=cut["out_valid"], in_ready=n.nets["y_ready"], in_word=word, take=n.net("y_take", Bit()),
            rewind=n.net("y_rewind", Bit()), free=n.net("y_release", Bit()),
        )  # fmt: skip

    def _replies(
        self, message: dict[str, Net], broken: Net, sent: dict[str, Net], y: dict[str, Net]
    ) -> None:
        """What is done with requests, and the bytes of their replies."""
        n, common = self.n, {"clk": self.clk, "rst": self.rst}
        request = {p: message[p] for p in ("number", "command", "argument")}
        done = n.add(
            "execute", link_control.link_execute_leaf(), **common, **request, found=message["found"],
            length=message["length"], fits=sent["fits"], bus_done=n.net("bus_done", Bit()),
            refused=n.net("bus_refused", Bit()), empty=y["empty"],
            ends=n.bundle("y_ends", Bit(), (y["word"], 8, 1)), replied=n.net("replied", Bit()),
            keep=n.nets["bytes_keep"], flush=self.flush, rewind=n.nets["y_rewind"], free=n.nets["y_release"],
        )  # fmt: skip
        bus = self._bus(message["argument"], done)
        link_words = {
            "LINK_DROPPED": message["dropped"], "LINK_REPEATED": done["repeated"], "LINK_BROKEN": broken
        }  # fmt: skip
        never = n.zero("never_cleared", Bit())
        words = {
            name: n.add(
                f"count_{name.lower()}", events.counter_leaf(), **common, clear=never, step=step
            )["count"]
            for name, step in link_words.items()
        }
        constants = link_constants(self.link)
        words |= {
            name: n.constant(f"{name.lower()}_read", Word(32), v) for name, v in constants.items()
        }
        n.add(
            "link_registers", link_bus.link_registers_leaf(), address=bus["address"], word=n.nets["link_word"],
            known=n.nets["link_known"], **{r.name.lower(): words[r.name] for r in LINK_REGISTERS},
        )  # fmt: skip
        reply = n.add(
            "reply", link_control.link_reply_leaf(), **common, **request, found=message["found"],
            **{p: done[p] for p in ("reply", "status", "count", "kind")}, word=bus["word"], room=sent["room"],
            available=y["available"], y_word=y["word"], out_ready=n.net("reply_ready", Bit()),
            replied=n.nets["replied"],
        )  # fmt: skip
        n.add(
            "y_moves", events.either_leaf(), a=done["take"], b=reply["y_take"], q=n.nets["y_take"]
        )
        # what the queue of y gives comes late: a register of its own in front of the check sum
        octet = n.add(
            "reply_byte", skid.skid_leaf("uart_skid", 9), **common, in_valid=reply["out_valid"], in_ready=n.nets["reply_ready"],
            in_word=n.bundle("reply_put", Word(9), reply["out_byte"], reply["out_last"]), out_ready=n.net("byte_sent", Bit()),
        )  # fmt: skip
        line = n.add(
            "message_out", link_messages.link_send_leaf(), **common, in_valid=octet["out_valid"], in_ready=n.nets["byte_sent"],
            in_byte=n.bundle("reply_octet", Word(8), (octet["out_word"], 0, 8)),
            in_last=n.bundle("reply_last", Bit(), (octet["out_word"], 8, 1)), **self._crc("out"),
            out_ready=n.net("line_ready", Bit()),
        )  # fmt: skip
        n.add(
            "line_out", serial_line.serial_send_leaf(self.link.divider), **common, octet=line["out_byte"],
            valid=line["out_valid"], ready=n.nets["line_ready"], txd=n.output("txd", Bit()),
        )  # fmt: skip

    def _bus(self, argument: Net, done: dict[str, Net]) -> dict[str, Net]:
        """The master of the system's registers; returns its ports."""
        n, axi = self.n, self.axi
        leaf = link_bus.link_bus_leaf()
        nets = {
            p: axi[f"s_axi_{p}"] for p in leaf.ports if f"s_axi_{p}" in axi
        }  # fmt: skip
        bus = n.add(
            "bus", leaf, clk=self.clk, rst=self.rst, go=done["go"], writes=done["writes"], argument=argument,
            done=n.nets["bus_done"], refused=n.nets["bus_refused"], link_word=n.net("link_word", Word(32)),
            link_known=n.net("link_known", Bit()), **nets,
        )  # fmt: skip
        for channel in ("aw", "ar"):
            n.wire(axi[f"s_axi_{channel}addr"], bus["address"])
            n.wire(axi[f"s_axi_{channel}prot"], n.zero(f"{channel}_plain", Word(3)))
        n.wire(axi["s_axi_wstrb"], n.constant("all_bytes", Word(4), 15))
        for end in ("bready", "rready"):
            n.wire(axi[f"s_axi_{end}"], n.constant(f"{end}_always", Bit(), 1))
        return bus


def link_constants(link: SerialLink) -> dict[str, int]:
    """What the link's constant registers read, by name."""
    return {
        "LINK": LINK_VERSION | MOST_BYTES << 16,
        "LINK_CLOCK": link.clock_hz,
        "LINK_DIVIDER": link.divider,
    }
