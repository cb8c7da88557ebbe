"""The AXI system as a netlist: the core between two AXI4-Streams of packets, and its registers.

    s_axis -> register slice -> width -> bytes kept -> packets to frames -> core
                                                             |               |
                                                   last of its packet -> flags to packets -> width -> register slice -> m_axis
    s_axi  -> AXI4-Lite slave -> registers <- errors, counters

Ports: aclk; aresetn, synchronous and active low; s_axi_* (AXI4-Lite of 32 bits); s_axis_* and m_axis_* (tdata,
tkeep, tlast); irq, high while an enabled cause is pending; of a core that loads weights s_weights_*, and of one that loads initial states
s_states_* (tdata of 32 bits, tlast), images and states as the registers take them too. All of the clock aclk.
"""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.host.registers import register
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.streams.traffic import beats_of_frame
from ernn_myhdl.system.rtl import bus, flags, packets, register_file, skid, width
from ernn_myhdl.system.rtl.register_side import Moves, SystemNets, add_registers

BUS_WIDTHS = (32, 64, 128, 256, 512)


def check_bus(bus_bits: int) -> None:
    """DesignError for streams of another width than there is."""
    if isinstance(bus_bits, bool) or bus_bits not in BUS_WIDTHS:
        legal = ", ".join(map(str, BUS_WIDTHS))
        raise DesignError(f"bus width = {bus_bits!r}: must be one of {legal}")


def default_bus(design: CoreSpecification) -> int:
    """Bits of the streams where none are given: those of the core's beats, at least 32."""
    return max(BUS_WIDTHS[0], design.stream_shape.data_bits)


def axi_system(design: CoreSpecification, bus_bits: int, inner: Netlist | None = None) -> Netlist:
    """The netlist around the core of `design`; its streams have `bus_bits` bits.

    inner: in the place of the core, with the ports of one; None: the core. Raises DesignError for what `check_bus` refuses.
    """
    check_bus(bus_bits)
    return _System(design, bus_bits, core(design) if inner is None else inner).n


class _System:
    """The netlist while it is made, with what several of its sides need."""

    def __init__(self, design: CoreSpecification, bus_bits: int, inner: Netlist) -> None:
        self.design, self.bus_bits = design, bus_bits
        self.shape = design.stream_shape
        self.core_bits = self.shape.data_bits
        n = self.n = Netlist(f"{design.name}_axi")
        self.clk = n.input("aclk", Bit())
        aresetn = n.input("aresetn", Bit())
        control = {name: n.net(name, Bit()) for name in register_file.TRIGGERS}
        kept = {
            r.name: n.net(register_file.word_name(r), Word(register_file.span(r)))
            for r in register_file.KEPT
        }
        self.resets = n.add(
            "resets",
            bus.resets_leaf(),
            clk=self.clk,
            aresetn=aresetn,
            forget=control["soft_reset"],
        )
        self.y = self._core(inner)
        self.nets = SystemNets(n, design, bus_bits, self.clk, self.resets, control, kept, self.y)
        framed, seen_in = self._input_side()
        merged, seen_out = self._output_side()
        moves = Moves(framed["entered"], merged["left"], framed["due"], merged["done"])
        add_registers(self.nets, moves, framed, seen_in, seen_out)

    # the way of x

    def _core(self, inner: Netlist) -> dict[str, Net]:
        """The core, whose entity is NAME_core; returns the nets at its ports."""
        n = self.n
        inner.name = "core"
        nets = {
            port: n.net(f"core_{port}", spec.type)
            for port, spec in inner.ports.items()
            if port not in ("clk", "rst")
        }
        n.add("core", inner, clk=self.clk, rst=self.resets["core"], **nets)
        return nets

    def _slice(self, label: str, data: Net, keep: Net, last: Net) -> Net:
        word = Word(data.type.bits + keep.type.bits + 1)
        return self.n.bundle(f"{label}_beat", word, data, keep, last)

    def _converted(
        self, label: str, given: int, wanted: int, nets: dict[str, Net], reset: Net
    ) -> dict[str, Net]:
        """Words of `given` bits to those of `wanted` bits; nets: valid, data, keep, last, and ready of the wanted ones."""
        n, narrow = self.n, min(given, wanted)
        parts = max(given, wanted) // narrow
        many, one = Array(parts, narrow), Array(1, narrow)
        keeps = Array(parts, narrow // 8), Array(1, narrow // 8)
        splits = given >= wanted
        leaf = width.split_leaf if splits else width.gather_leaf
        made = n.add(
            f"{label}_width",
            leaf(f"axi_{label}_width", narrow, parts),
            clk=self.clk, rst=reset, in_valid=nets["valid"], in_last=nets["last"], out_ready=nets["ready"],
            in_data=n.bundle(f"{label}_words", many if splits else one, nets["data"]),
            in_keep=n.bundle(f"{label}_word_keeps", keeps[not splits], nets["keep"]),
        )  # fmt: skip
        return made

    def _input_side(self) -> tuple[dict[str, Net], dict[str, Net]]:
        """x from the bus to the core; returns what the framing tells, and the beats of the bus."""
        n, clk = self.n, self.clk
        data, keep = (
            n.input("s_axis_tdata", Word(self.bus_bits)),
            n.input("s_axis_tkeep", Word(self.bus_bits // 8)),
        )
        last, valid = n.input("s_axis_tlast", Bit()), n.input("s_axis_tvalid", Bit())
        ready = n.output("s_axis_tready", Bit())
        beat = self._slice("bus_x", data, keep, last)
        head = n.add(
            "entry", skid.skid_leaf("axi_skid", beat.type.bits), clk=clk, rst=self.resets["boundary"],
            in_valid=valid, in_ready=ready, in_word=beat, out_ready=n.net("entry_ready", Bit()),
        )  # fmt: skip
        bits, word = self.bus_bits, head["out_word"]
        split = self._converted("x", bits, self.core_bits, {
            "valid": head["out_valid"], "ready": n.net("x_ready", Bit()),
            "data": n.bundle("x_bus_data", Word(bits), (word, 0, bits)),
            "keep": n.bundle("x_bus_keep", Word(bits // 8), (word, bits, bits // 8)),
            "last": n.bundle("x_bus_last", Bit(), (word, bits + bits // 8, 1)),
        }, self.resets["core"])  # fmt: skip
        n.wire(n.nets["entry_ready"], split["in_ready"])
        return self._framing(split), {"valid": valid, "ready": ready, "last": last}

    def _framing(self, x: dict[str, Net]) -> dict[str, Net]:
        """Beats of packets to frames of the core."""
        n, design, shape = self.n, self.design, self.shape
        beats = beats_of_frame(design.inputs, shape.samples_per_beat)
        sample_bytes, size = shape.sample_bits // 8, self.core_bits // 8
        used = (design.inputs - (beats - 1) * shape.samples_per_beat) * sample_bytes
        kept_words, control = self.nets.kept, self.nets.control
        single, whole = n.net("packet_single", Bit()), n.net("packet_whole", Bit())
        n.add(
            "packet_kind", mode_leaf(), clk=self.clk, mode=kept_words["PACKET"], single=single, whole=whole
        )  # fmt: skip
        fill, last = n.net("frame_fill", Bit()), n.net("core_s_last", Bit())
        kept = n.add(
            "kept_bytes", packets.kept_bytes_leaf(size, used), fill=fill, last=last,
            data=n.bundle("x_bytes", Array(size, 8), x["out_data"]),
            keep=n.bundle("x_keeps", Array(size, 1), x["out_keep"]),
        )  # fmt: skip
        beat, flag_ready = (
            flags.entering_beat(self.nets, last, kept["kept"]),
            n.net("flag_ready", Bit()),
        )
        framed = n.add(
            "packet_beats", packets.packet_beats_leaf(beats), clk=self.clk, rst=self.resets["core"],
            in_valid=x["out_valid"], in_ready=n.nets["x_ready"], in_last=x["out_last"], complete=kept["complete"],
            single=single, out_valid=beat["valid"], out_ready=beat["ready"], last=last, fill=fill, flag_ready=flag_ready,
        )  # fmt: skip
        streams = register("STREAMS").fields[0].bits
        sequences = n.add(
            "packet_sequences",
            packets.packet_sequences_leaf(shape.streams, register("SEQUENCE").fields[0].bits, streams),
            clk=self.clk, rst=self.resets["core"], entered=framed["entered"], first=framed["first"],
            opens=framed["opens"], whole=whole, frames=kept_words["SEQUENCE"], streams=kept_words["STREAMS"],
            start=control["start"], finish=control["finish"], user=beat["starts"],
            **({"stream": beat["stream"]} if shape.streams > 1 else {}),
        )  # fmt: skip
        return framed | {"due": flags.add_flags(self.nets, framed, sequences, whole, flag_ready)}

    # the way of y

    def _output_side(self) -> tuple[dict[str, Net], dict[str, Net]]:
        """y from the core to the bus; returns what the merger tells, and the beats of the bus."""
        n, bits, size = self.n, self.bus_bits, self.core_bits // 8
        merged = n.add(
            "packet_merge", packets.packet_merge_leaf(), in_valid=self.y["m_axis_tvalid"],
            in_ready=self.y["m_axis_tready"], in_last=self.y["m_axis_tlast"], told=flags.told(self.nets),
            flag_valid=n.nets["flags_out_valid"], flag_ready=n.nets["flag_taken"],
            flag=n.bundle("flag_of_y", Bit(), n.nets["flags_out_word"]), out_ready=n.net("y_ready", Bit()),
        )  # fmt: skip
        words = self._converted("y", self.core_bits, bits, {
            "valid": merged["out_valid"], "last": merged["out_last"], "ready": n.net("exit_ready", Bit()),
            "data": self.y["m_axis_tdata"], "keep": n.constant("y_keep", Word(size), (1 << size) - 1),
        }, self.resets["core"])  # fmt: skip
        n.wire(n.nets["y_ready"], words["in_ready"])
        beat = self._slice("bus_y", words["out_data"], words["out_keep"], words["out_last"])
        valid, ready = n.output("m_axis_tvalid", Bit()), n.input("m_axis_tready", Bit())
        sent = n.add(
            "exit", skid.skid_leaf("axi_skid", beat.type.bits), clk=self.clk, rst=self.resets["boundary"],
            in_valid=words["out_valid"], in_ready=n.nets["exit_ready"], in_word=beat, out_valid=valid, out_ready=ready,
        )["out_word"]  # fmt: skip
        n.wire(n.output("m_axis_tdata", Word(bits)), (sent, 0, bits))
        n.wire(n.output("m_axis_tkeep", Word(bits // 8)), (sent, bits, bits // 8))
        last = n.wire(n.output("m_axis_tlast", Bit()), (sent, bits + bits // 8, 1))
        return merged, {"valid": valid, "ready": ready, "last": last}


def mode_leaf() -> Leaf:
    """What PACKET.mode means to the framing."""
    ports = ins(clk=Bit(), mode=Word(2)) | outs(single=Bit(), whole=Bit())
    return Leaf("axi_packet_kind", packets.packet_kind, ports)
