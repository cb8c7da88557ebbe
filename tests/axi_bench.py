"""A master for the ports of the AXI system, cycle by cycle, for `block_bench`: registers, packets of x and of y.

A test is a generator: `yield from bus.write(...)`, and so on; what it yields are the inputs of a cycle, and what it gets back
the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from block_bench import Values

from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Bit, Word
from ernn_myhdl.host.registers import register
from ernn_myhdl.rtl.fifo import fifo_leaf
from ernn_myhdl.system.rtl.axi_system import axi_system

#: Cycles after which nothing has happened for too long.
PATIENCE = 4000


def echo(design) -> Netlist:
    """In the place of a core: y is x, four beats later at most."""
    data = Word(design.stream_shape.data_bits)
    n = Netlist("echo")
    clk, rst = n.input("clk", Bit()), n.input("rst", Bit())
    sent = [
        n.input("s_axis_tdata", data),
        n.input("s_axis_tlast", Bit()),
        n.input("s_axis_tuser", Bit()),
    ]
    beat = n.bundle("beat", Word(data.width + 2), *sent)
    word = n.add(
        "echo_fifo", fifo_leaf(data.width + 2), clk=clk, rst=rst, in_word=beat,
        in_valid=n.input("s_axis_tvalid", Bit()), in_ready=n.output("s_axis_tready", Bit()),
        out_valid=n.output("m_axis_tvalid", Bit()), out_ready=n.input("m_axis_tready", Bit()),
    )["out_word"]  # fmt: skip
    n.wire(n.output("m_axis_tdata", data), (word, 0, data.width))
    n.wire(n.output("m_axis_tlast", Bit()), (word, data.width, 1))
    n.wire(n.output("m_axis_tuser", Bit()), (word, data.width + 1, 1))
    n.wire(n.output("frame_error", Bit()), n.zero("no_error", Bit()))
    return n


def bench_netlist(
    design, bus_bits: int, echoes: bool = False, core: Netlist | None = None
) -> Netlist:
    """The system with its clock named as `block_bench` takes it; echoes: with an echo in the place of the core. core: in its place."""
    inner = axi_system(design, bus_bits, echo(design) if echoes else core)
    n = Netlist("bench_of_axi")
    nets: dict[str, Net] = {"aclk": n.input("clk", Bit())}
    for name, port in inner.ports.items():
        if name != "aclk":
            make = n.input if port.direction == "in" else n.output
            nets[name] = make(name, port.type)
    n.add("axi", inner, **nets)
    return n


class BusMaster:
    """Inputs of the ports, and what moves on them."""

    def __init__(
        self,
        bus_bits: int,
        idle: float = 0.0,
        stall: float = 0.0,
        seed: int = 1,
        weights: bool = False,
        states: bool = False,
    ) -> None:
        self.bytes = bus_bits // 8
        self.idle, self.stall = idle, stall
        self.random = np.random.default_rng(seed)
        names = [
            "aresetn",
            "s_axis_tdata",
            "s_axis_tkeep",
            "s_axis_tlast",
            "s_axis_tvalid",
            "m_axis_tready",
        ]
        names += [
            f"s_axi_{p}"
            for p in ["awprot", "awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready"]
        ]
        names += [f"s_axi_{p}" for p in ["arprot", "araddr", "arvalid", "rready"]]
        if weights:
            names += [f"s_weights_{p}" for p in ("tdata", "tvalid", "tlast")]
        if states:
            names += [f"s_states_{p}" for p in ("tdata", "tvalid", "tlast")]
        self.inputs: Values = dict.fromkeys(names, 0)
        self.inputs["aresetn"] = 1
        self.irqs: list[int] = []
        #: Whether a beat that waits must stay; a soft reset takes it away.
        self.checks_stay = True
        self._shown: tuple | None = None
        self._packet = bytearray()
        self.packets: list[bytes] = []
        self.source: list[tuple[int, int, int]] = []
        #: Words of images at the stream of weights, of a system that has it.
        self.image: list[tuple[int, int]] = []
        #: Words of states at the stream of states.
        self.states: list[tuple[int, int]] = []

    def cycle(self, **changes) -> Iterator[Values]:
        """One cycle, in which the streams go on."""
        self.inputs |= changes
        if not self.inputs["s_axis_tvalid"] and self.source and self.random.random() >= self.idle:
            data, keep, last = self.source[0]
            self.inputs |= {
                "s_axis_tvalid": 1,
                "s_axis_tdata": data,
                "s_axis_tkeep": keep,
                "s_axis_tlast": last,
            }
        for name, words in self._word_streams():
            if words and not self.inputs[f"{name}_tvalid"]:
                word, last = words[0]
                self.inputs |= {f"{name}_tvalid": 1, f"{name}_tdata": word, f"{name}_tlast": last}
        self.inputs["m_axis_tready"] = int(self.random.random() >= self.stall)
        seen = yield dict(self.inputs)
        self._watch(seen)
        return seen

    def _word_streams(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """Streams of words of 32 bits with what waits at them."""
        return [("s_weights", self.image), ("s_states", self.states)]

    def _watch(self, seen: Values) -> None:
        self.irqs.append(seen["irq"])
        if not self.inputs["aresetn"]:
            self.inputs["s_axis_tvalid"], self._shown = 0, None
            return
        if self.inputs["s_axis_tvalid"] and seen["s_axis_tready"]:
            self.source.pop(0)
            self.inputs["s_axis_tvalid"] = 0
        for name, words in self._word_streams():
            if words and self.inputs[f"{name}_tvalid"] and seen[f"{name}_tready"]:
                words.pop(0)
                self.inputs[f"{name}_tvalid"] = 0
        beat = tuple(seen[f"m_axis_{f}"] for f in ("tdata", "tkeep", "tlast"))
        if self._shown is not None and self.checks_stay:
            assert seen["m_axis_tvalid"] and beat == self._shown, "a beat that waited has changed"
        self._shown = beat if seen["m_axis_tvalid"] and not self.inputs["m_axis_tready"] else None
        if seen["m_axis_tvalid"] and self.inputs["m_axis_tready"]:
            data, keep, last = beat
            kept = keep.bit_length()
            assert keep == (1 << kept) - 1 and kept and (last or kept == self.bytes), hex(keep)
            self._packet += data.to_bytes(self.bytes, "little")[:kept]
            if last:
                self.packets.append(bytes(self._packet))
                self._packet.clear()

    def reset(self, cycles: int = 1) -> Iterator[Values]:
        """aresetn is low for some cycles; all that is under way is lost."""
        self.source.clear()
        self._packet.clear()
        self.packets.clear()
        self.inputs["s_axis_tvalid"] = 0
        for _ in range(cycles):
            yield from self.cycle(aresetn=0)
        self.inputs["aresetn"] = 1

    def write(self, name: str, value: int, strobe: int = 15) -> Iterator[Values]:
        """Write a register by its name; returns BRESP."""
        address = register(name).address if isinstance(name, str) else name
        ends = {"s_axi_awvalid": "s_axi_awready", "s_axi_wvalid": "s_axi_wready"}
        self.inputs |= {"s_axi_awaddr": address, "s_axi_wdata": value, "s_axi_wstrb": strobe}
        self.inputs |= dict.fromkeys(ends, 1) | {"s_axi_bready": 1}
        for _ in range(PATIENCE):
            seen = yield from self.cycle()
            for valid, ready in ends.items():
                if seen[ready]:
                    self.inputs[valid] = 0
            if seen["s_axi_bvalid"]:
                self.inputs["s_axi_bready"] = 0
                return seen["s_axi_bresp"]
        raise AssertionError(f"no answer to a write of {name}")

    def read(self, name: str | int) -> Iterator[Values]:
        """Read a register by its name; returns its word and RRESP."""
        address = register(name).address if isinstance(name, str) else name
        self.inputs |= {"s_axi_araddr": address, "s_axi_arvalid": 1, "s_axi_rready": 1}
        for _ in range(PATIENCE):
            seen = yield from self.cycle()
            if seen["s_axi_arready"]:
                self.inputs["s_axi_arvalid"] = 0
            if seen["s_axi_rvalid"]:
                self.inputs["s_axi_rready"] = 0
                return seen["s_axi_rdata"], seen["s_axi_rresp"]
        raise AssertionError(f"no answer to a read of {name}")

    def load(self, words: Sequence[int]) -> Iterator[Values]:
        """An image of weights by registers; returns the largest number of cycles that a write took, and the answers."""
        longest, answers = 0, set()
        for i, word in enumerate(words):
            before = len(self.irqs)
            last = i + 1 == len(words)
            answers.add((yield from self.write("WEIGHT_LAST" if last else "WEIGHT_DATA", word)))
            longest = max(longest, len(self.irqs) - before)
        return longest, answers

    def stream_image(self, words: Sequence[int]) -> None:
        """An image of weights to be offered at the stream from now on."""
        self.image += [(word, int(i + 1 == len(words))) for i, word in enumerate(words)]

    def send(self, packets: Sequence[bytes]) -> None:
        """Packets of x to be offered from now on."""
        for packet in packets:
            for at in range(0, len(packet), self.bytes):
                part = packet[at : at + self.bytes]
                last = at + self.bytes >= len(packet)
                self.source.append(
                    (int.from_bytes(part, "little"), (1 << len(part)) - 1, int(last))
                )

    def receive(self, count: int) -> Iterator[Values]:
        """Wait for packets of y; returns all that have come."""
        for _ in range(PATIENCE):
            if len(self.packets) >= count:
                found, self.packets = self.packets, []
                return found
            yield from self.cycle()
        raise AssertionError(
            f"{len(self.packets)} of {count} packets came; {len(self.source)} beats wait"
        )

    def wait(self, cycles: int) -> Iterator[Values]:
        for _ in range(cycles):
            yield from self.cycle()
