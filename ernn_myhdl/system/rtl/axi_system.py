"""The AXI system as a netlist: the core between two AXI4-Streams of packets, and its registers.

    s_axis -> register slice -> width -> bytes kept -> packets to frames -> core
                                                             |               |
                                                   last of its packet -> flags to packets -> width -> register slice -> m_axis
    s_axi  -> AXI4-Lite slave -> registers <- errors, counters

Ports: aclk; aresetn, synchronous and active low; s_axi_* (AXI4-Lite of 32 bits); s_axis_* and m_axis_* (tdata,
tkeep, tlast); irq, high while an enabled cause is pending; of a core that loads weights s_weights_* (tdata of 32 bits, tlast), images as
the registers take them too. All of the clock aclk.
"""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for
from ernn_myhdl.host.registers import WINDOW_BITS, register
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.rtl.fifo import stream_fifo
from ernn_myhdl.streams.traffic import beats_of_frame
from ernn_myhdl.system.rtl import (
    bus,
    events,
    packets,
    register_file,
    skid,
    weight_port,
    width,
)
from ernn_myhdl.system.rtl.constant_words import constant_words

BUS_WIDTHS = (32, 64, 128, 256, 512)
#: Frames that a layer may hold up to its m_axis, beside those in flight: two at its input, one for each beat of two FIFOs.
FRAMES_OF_A_LAYER = 2 + 2 * 4


def check_system(design: CoreSpecification, bus_bits: int) -> None:
    """DesignError for what the AXI system cannot carry."""
    if isinstance(bus_bits, bool) or bus_bits not in BUS_WIDTHS:
        legal = ", ".join(map(str, BUS_WIDTHS))
        raise DesignError(f"bus width = {bus_bits!r}: must be one of {legal}")
    if design.stream_shape.initial_states:
        raise DesignError(
            "hardware initial_states = true: the AXI system has no stream that brings states; convert with "
            "--wrapper none, or make the design without initial_states"
        )
    if design.stream_shape.sequence_ends:
        raise DesignError(
            "hardware sequence_ends = true: the AXI system does not tell the last frame of a sequence; convert with --wrapper "
            "none, or take the last frame, maximum or mean on the host"
        )


def default_bus(design: CoreSpecification) -> int:
    """Bits of the streams where none are given: those of the core's beats, at least 32."""
    return max(BUS_WIDTHS[0], design.stream_shape.data_bits)


def flag_depth(design: CoreSpecification) -> int:
    """Frames whose flags are kept: a power of two, no fewer than the core holds."""
    held = sum(FRAMES_OF_A_LAYER + layer.hardware.frames_in_flight for layer in design.layers)
    return 1 << (held - 1).bit_length()


def axi_system(design: CoreSpecification, bus_bits: int, inner: Netlist | None = None) -> Netlist:
    """The netlist around the core of `design`; its streams have `bus_bits` bits.

    inner: in the place of the core, with the ports of one; None: the core. Raises DesignError for a width that is none, and for a core with initial states.
    """
    check_system(design, bus_bits)
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
        self.control = {name: n.net(name, Bit()) for name in register_file.TRIGGERS}
        self.kept = {
            r.name: n.net(register_file.word_name(r), Word(register_file.span(r)))
            for r in register_file.KEPT
        }
        self.resets = n.add(
            "resets",
            bus.resets_leaf(),
            clk=self.clk,
            aresetn=aresetn,
            forget=self.control["soft_reset"],
        )
        self.y = self._core(inner)
        entered, frames, seen_in, flags = self._input_side()
        left, seen_out = self._output_side(flags)
        self._registers(entered, left, frames, seen_in, seen_out)

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

    def _input_side(self) -> tuple[Net, dict[str, Net], dict[str, Net], dict[str, Net]]:
        """x from the bus to the core; returns: a frame enters; what the framing tells; the beats of the bus; the flags."""
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
        framed = self._framing(split)
        return (
            framed["entered"],
            framed,
            {"valid": valid, "ready": ready, "last": last},
            self._flags(framed),
        )

    def _framing(self, x: dict[str, Net]) -> dict[str, Net]:
        """Beats of packets to frames of the core."""
        n, design, shape = self.n, self.design, self.shape
        beats = beats_of_frame(design.inputs, shape.samples_per_beat)
        sample_bytes, size = shape.sample_bits // 8, self.core_bits // 8
        used = (design.inputs - (beats - 1) * shape.samples_per_beat) * sample_bytes
        mode = self.kept["PACKET"]
        single, whole = n.net("packet_single", Bit()), n.net("packet_whole", Bit())
        n.add("packet_kind", mode_leaf(), mode=mode, single=single, whole=whole)
        fill, last = n.net("frame_fill", Bit()), n.net("core_s_last", Bit())
        kept = n.add(
            "kept_bytes", packets.kept_bytes_leaf(size, used), fill=fill, last=last,
            data=n.bundle("x_bytes", Array(size, 8), x["out_data"]),
            keep=n.bundle("x_keeps", Array(size, 1), x["out_keep"]),
        )  # fmt: skip
        framed = n.add(
            "packet_beats", packets.packet_beats_leaf(beats), clk=self.clk, rst=self.resets["core"],
            in_valid=x["out_valid"], in_ready=n.nets["x_ready"], in_last=x["out_last"], complete=kept["complete"],
            single=single, out_valid=self.y["s_axis_tvalid"], out_ready=self.y["s_axis_tready"], last=last,
            fill=fill, flag_ready=n.net("flag_ready", Bit()),
        )  # fmt: skip
        n.wire(self.y["s_axis_tdata"], kept["kept"])
        n.wire(self.y["s_axis_tlast"], last)
        streams = register("STREAMS").fields[0].bits
        sequences = n.add(
            "packet_sequences",
            packets.packet_sequences_leaf(shape.streams, register("SEQUENCE").fields[0].bits, streams),
            clk=self.clk, rst=self.resets["core"], entered=framed["entered"], first=framed["first"],
            opens=framed["opens"], whole=whole, frames=self.kept["SEQUENCE"], streams=self.kept["STREAMS"],
            start=self.control["start"], user=self.y["s_axis_tuser"],
        )  # fmt: skip
        if shape.streams > 1:
            n.wire(self.y["s_axis_tid"], sequences["stream"])
        return framed

    def _flags(self, framed: dict[str, Net]) -> dict[str, Net]:
        """The flags of the frames in the core."""
        depth = flag_depth(self.design)
        ports = ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(1), out_ready=Bit())
        ports |= outs(
            in_ready=Bit(), out_valid=Bit(), out_word=Word(1), count=Word(bits_for(depth + 1))
        )
        n = self.n
        return n.add(
            "flags", Leaf("axi_flags", stream_fifo, ports, {"depth": depth}), clk=self.clk, rst=self.resets["core"],
            in_valid=framed["flag_valid"], in_ready=n.nets["flag_ready"], out_ready=n.net("flag_taken", Bit()),
            in_word=n.bundle("flag_word", Word(1), framed["flag"]),
        )  # fmt: skip

    # the way of y

    def _output_side(self, flags: dict[str, Net]) -> tuple[Net, dict[str, Net]]:
        """y from the core to the bus; returns: a frame leaves; the beats of the bus."""
        n, bits, size = self.n, self.bus_bits, self.core_bits // 8
        merged = n.add(
            "packet_merge", packets.packet_merge_leaf(), in_valid=self.y["m_axis_tvalid"],
            in_ready=self.y["m_axis_tready"], in_last=self.y["m_axis_tlast"], flag_valid=flags["out_valid"],
            flag_ready=n.nets["flag_taken"], flag=n.bundle("flag_of_y", Bit(), flags["out_word"]),
            out_ready=n.net("y_ready", Bit()),
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
        return merged["left"], {"valid": valid, "ready": ready, "last": last}

    # registers

    def _registers(
        self, entered: Net, left: Net, framed: dict[str, Net], x: dict[str, Net], y: dict[str, Net]
    ) -> None:
        n, clk, hard = self.n, self.clk, self.resets["hard"]
        seen_x = n.add("watch_x", events.watch_leaf(), **x)
        seen_y = n.add("watch_y", events.watch_leaf(), **y)
        inside = n.add(
            "frames_inside",
            events.inside_leaf(),
            clk=clk,
            rst=self.resets["core"],
            entered=entered,
            left=left,
        )
        steps = {
            "FRAMES_IN": entered, "FRAMES_OUT": left, "PACKETS_OUT": seen_y["packet"],
            "BUSY_CYCLES": inside["busy"], "STALL_IN": seen_x["stalled"], "STALL_OUT": seen_y["stalled"],
        }  # fmt: skip
        words = {
            name: n.add(
                f"count_{name.lower()}", events.counter_leaf(), clk=clk, rst=hard,
                clear=self.control["clear_counters"], step=step,
            )["count"]
            for name, step in steps.items()
        }  # fmt: skip
        written, weights = self._writes()
        refused = self._reads_refused(written)
        happened = {"refused": refused, "packet": seen_y["packet"], "idle": inside["idle"]}
        words |= self._sticky(framed, happened, weights, written)
        padded = {name: self._padded(name, net) for name, net in words.items()}
        irq = n.nets["irq"]
        status = n.bundle(
            "status_read", Word(32), inside["busy"], framed["started"], irq, n.zero("status_zeros", Word(13)),
            inside["inside_count"],
        )  # fmt: skip
        values = padded | self._constants() | {"STATUS": status}
        nets = {register_file.word_name(register(name)): net for name, net in values.items()}
        n.add(
            "register_read", register_file.read_leaf(), address=n.nets["read_address"], word=n.nets["read_word"],
            known=n.nets["read_known"], **nets,
        )  # fmt: skip

    def _writes(self) -> tuple[dict[str, Net], dict[str, Net]]:
        """AXI4-Lite writes; returns the words of the registers with what a write clears, and what the port of weights tells."""
        n = self.n
        outer = {
            f"s_axi_{p}": p for p in ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready")
        }
        leaf = bus.bus_write_leaf(WINDOW_BITS)
        n.input("s_axi_awprot", Word(3))
        given = {p: n.input(name, leaf.ports[p].type) for name, p in outer.items()}
        given |= {
            p: n.output(f"s_axi_{p}", leaf.ports[p].type)
            for p in ("awready", "wready", "bresp", "bvalid")
        }
        legal, room = n.net("write_legal", Bit()), n.net("weight_has_room", Bit())
        hold = n.net("write_hold", Bit())
        write = n.add(
            "bus_write",
            leaf,
            clk=self.clk,
            rst=self.resets["hard"],
            legal=legal,
            hold=hold,
            **given,
        )
        used = {p: write[p] for p in ("valid", "address", "data")}
        pushes = used | {"waits": write["waits"], "legal": legal, "hold": hold, "room": room}
        weights = weight_port.add_weight_port(n, self.clk, self.resets, self.y, pushes)
        used |= {"strobe": write["strobe"], "room": room}
        kept = {register_file.word_name(register(name)): net for name, net in self.kept.items()}
        made = n.add(
            "register_write", register_file.write_leaf(self.shape.streams), clk=self.clk, rst=self.resets["hard"],
            legal=legal, **used, **self.control, **kept,
        )  # fmt: skip
        refused = n.add(
            "refused_write", events.refused_write_leaf(), valid=write["valid"], legal=legal
        )
        return made | {"refused": refused["q"]}, weights

    def _reads_refused(self, written: dict[str, Net]) -> Net:
        """AXI4-Lite reads; returns: an access is refused."""
        n, leaf = self.n, bus.bus_read_leaf(WINDOW_BITS)
        n.input("s_axi_arprot", Word(3))
        given = {
            p: n.input(f"s_axi_{p}", leaf.ports[p].type) for p in ("araddr", "arvalid", "rready")
        }
        given |= {
            p: n.output(f"s_axi_{p}", leaf.ports[p].type)
            for p in ("arready", "rdata", "rresp", "rvalid")
        }
        read = n.add(
            "bus_read", leaf, clk=self.clk, rst=self.resets["hard"], word=n.net("read_word", Word(32)),
            known=n.net("read_known", Bit()), address=n.net("read_address", Word(WINDOW_BITS)), **given,
        )  # fmt: skip
        return n.add("any_refused", events.either_leaf(), a=read["refused"], b=written["refused"])[
            "q"
        ]

    def _sticky(
        self,
        framed: dict[str, Net],
        happened: dict[str, Net],
        weights: dict[str, Net],
        written: dict[str, Net],
    ) -> dict[str, Net]:
        """ERRORS, IRQ_STATUS, the interrupt, and WEIGHTS. happened: an access is refused, a packet is delivered, the core is idle."""
        n, common = self.n, {"clk": self.clk, "rst": self.resets["hard"]}
        core_error = self.y["frame_error"]
        bits = [framed["short"], framed["long"], framed["gap"], core_error, happened["refused"]]
        bits.append(weights["refused"])
        errors = n.add(
            "errors", events.sticky_leaf(len(bits)), sets=n.bundle("error_sets", Word(len(bits)), *bits),
            clears=written["errors_clears"], clear_all=self.control["clear_errors"], **common,
        )  # fmt: skip
        causes = [happened["packet"], errors["rises"], happened["idle"], weights["ended"]]
        pending = n.add(
            "causes", events.sticky_leaf(len(causes)), sets=n.bundle("cause_sets", Word(len(causes)), *causes),
            clears=written["irq_status_clears"], clear_all=n.zero("never", Bit()), **common,
        )  # fmt: skip
        n.add(
            "interrupt", events.interrupt_leaf(len(causes)), enabled=self.kept["IRQ_ENABLE"],
            pending=pending["held"], irq=n.output("irq", Bit()),
        )  # fmt: skip
        told = {
            "ERRORS": errors["held"],
            "IRQ_STATUS": pending["held"],
            "WEIGHTS": weights["status"],
        }
        return told | self.kept

    def _padded(self, name: str, net: Net) -> Net:
        """The net as the lowest bits of a word of 32."""
        bits = net.type.bits
        if bits == 32:
            return net
        zeros = self.n.zero(f"{name.lower()}_zeros", Word(32 - bits))
        return self.n.bundle(f"{name.lower()}_read", Word(32), net, zeros)

    def _constants(self) -> dict[str, Net]:
        """Registers that are the same in every read."""
        values = constant_words(self.design, self.bus_bits)
        return {
            name: self.n.constant(f"{name.lower()}_read", Word(32), value)
            for name, value in values.items()
        }


def mode_leaf() -> Leaf:
    """What PACKET.mode means to the framing."""
    ports = ins(mode=Word(2)) | outs(single=Bit(), whole=Bit())
    return Leaf("axi_packet_kind", packets.packet_kind, ports)
