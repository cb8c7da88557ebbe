"""The registers of the AXI system: AXI4-Lite slave, register file, sticky errors, counters, and the ports of weights and states."""

from __future__ import annotations

from dataclasses import dataclass

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Bit, Word
from ernn_myhdl.host.registers import WINDOW_BITS, register
from ernn_myhdl.system.rtl import bus, events, register_file, state_port, weight_port
from ernn_myhdl.system.rtl.constant_words import constant_words


@dataclass(frozen=True)
class SystemNets:
    """What the sides of a system share: its netlist, clock and resets, nets of triggers and of registers that keep their words, and those at
    the ports of the core."""

    n: Netlist
    design: CoreSpecification
    bus_bits: int
    clk: Net
    resets: dict[str, Net]
    control: dict[str, Net]
    kept: dict[str, Net]
    y: dict[str, Net]

    @property
    def shape(self) -> StreamShape:
        return self.design.stream_shape


@dataclass(frozen=True)
class Moves:
    """entered, left: a frame of x enters the core, a frame of y leaves it. due, done: one of x has a y; that has left."""

    entered: Net
    left: Net
    due: Net
    done: Net


def add_registers(
    s: SystemNets, moves: Moves, framed: dict[str, Net], x: dict[str, Net], y: dict[str, Net]
) -> None:
    """Add the slave, the registers, and all that they count; framed: what the framing tells; x, y: the beats of the bus."""
    n, clk, hard = s.n, s.clk, s.resets["hard"]
    seen_x = n.add("watch_x", events.watch_leaf(), **x)
    seen_y = n.add("watch_y", events.watch_leaf(), **y)
    inside = n.add(
        "frames_inside",
        events.inside_leaf(),
        clk=clk,
        rst=s.resets["core"],
        entered=moves.due,
        left=moves.done,
    )
    steps = {
        "FRAMES_IN": moves.entered, "FRAMES_OUT": moves.left, "PACKETS_OUT": seen_y["packet"],
        "BUSY_CYCLES": inside["busy"], "STALL_IN": seen_x["stalled"], "STALL_OUT": seen_y["stalled"],
    }  # fmt: skip
    words = {
        name: n.add(
            f"count_{name.lower()}", events.counter_leaf(), clk=clk, rst=hard,
            clear=s.control["clear_counters"], step=step,
        )["count"]
        for name, step in steps.items()
    }  # fmt: skip
    written, weights, no_state = _writes(s)
    refused = _reads_refused(s, written)
    happened = {
        "refused": refused,
        "packet": seen_y["packet"],
        "idle": inside["idle"],
        "states": no_state,
    }
    words |= _sticky(s, framed, happened, weights, written)
    padded = {name: _padded(s, name, net) for name, net in words.items()}
    irq = n.nets["irq"]
    status = n.bundle(
        "status_read", Word(32), inside["busy"], framed["started"], irq, n.zero("status_zeros", Word(13)),
        inside["inside_count"],
    )  # fmt: skip
    values = padded | _constants(s) | {"STATUS": status}
    nets = {register_file.word_name(register(name)): net for name, net in values.items()}
    n.add(
        "register_read", register_file.read_leaf(), address=n.nets["read_address"], word=n.nets["read_word"],
        known=n.nets["read_known"], **nets,
    )  # fmt: skip


def _writes(s: SystemNets) -> tuple[dict[str, Net], dict[str, Net], Net]:
    """AXI4-Lite writes; returns the words of the registers with what a write clears, what the port of weights tells, and: a state was dropped."""
    n = s.n
    outer = {f"s_axi_{p}": p for p in ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready")}
    leaf = bus.bus_write_leaf(WINDOW_BITS)
    n.input("s_axi_awprot", Word(3))
    given = {p: n.input(name, leaf.ports[p].type) for name, p in outer.items()}
    given |= {
        p: n.output(f"s_axi_{p}", leaf.ports[p].type)
        for p in ("awready", "wready", "bresp", "bvalid")
    }
    legal, room = n.net("write_legal", Bit()), n.net("weight_has_room", Bit())
    state_room, state_hold = n.net("state_has_room", Bit()), n.net("state_hold", Bit())
    weight_hold = n.net("weight_hold", Bit())
    hold = n.add("write_hold", events.either_leaf(), a=weight_hold, b=state_hold)["q"]
    write = n.add(
        "bus_write",
        leaf,
        clk=s.clk,
        rst=s.resets["hard"],
        legal=legal,
        hold=hold,
        **given,
    )
    used = {p: write[p] for p in ("valid", "address", "data")}
    pushes = used | {"waits": write["waits"], "legal": legal}
    weights = weight_port.add_weight_port(
        n, s.clk, s.resets, s.y, pushes | {"hold": weight_hold, "room": room}
    )
    no_state = state_port.add_state_port(
        n, s.clk, s.resets, s.y, pushes | {"hold": state_hold, "room": state_room},
        (s.shape.streams, len(s.design.layers)),
    )  # fmt: skip
    used |= {"strobe": write["strobe"], "room": room, "state_room": state_room}
    kept = {register_file.word_name(register(name)): net for name, net in s.kept.items()}
    made = n.add(
        "register_write", register_file.write_leaf(s.shape.streams, s.shape.initial_states), clk=s.clk, rst=s.resets["hard"],
        legal=legal, **used, **s.control, **kept,
    )  # fmt: skip
    refused = n.add("refused_write", events.refused_write_leaf(), valid=write["valid"], legal=legal)
    return made | {"refused": refused["q"]}, weights, no_state


def _reads_refused(s: SystemNets, written: dict[str, Net]) -> Net:
    """AXI4-Lite reads; returns: an access is refused."""
    n, leaf = s.n, bus.bus_read_leaf(WINDOW_BITS)
    n.input("s_axi_arprot", Word(3))
    given = {p: n.input(f"s_axi_{p}", leaf.ports[p].type) for p in ("araddr", "arvalid", "rready")}
    given |= {
        p: n.output(f"s_axi_{p}", leaf.ports[p].type)
        for p in ("arready", "rdata", "rresp", "rvalid")
    }
    read = n.add(
        "bus_read", leaf, clk=s.clk, rst=s.resets["hard"], word=n.net("read_word", Word(32)),
        known=n.net("read_known", Bit()), address=n.net("read_address", Word(WINDOW_BITS)), **given,
    )  # fmt: skip
    return n.add("any_refused", events.either_leaf(), a=read["refused"], b=written["refused"])["q"]


def _sticky(
    s: SystemNets,
    framed: dict[str, Net],
    happened: dict[str, Net],
    weights: dict[str, Net],
    written: dict[str, Net],
) -> dict[str, Net]:
    """ERRORS, IRQ_STATUS, the interrupt, and WEIGHTS. happened: an access is refused, a packet is delivered, the core is idle, a state was dropped."""
    n, common = s.n, {"clk": s.clk, "rst": s.resets["hard"]}
    core_error = s.y["frame_error"]
    bits = [framed["short"], framed["long"], framed["gap"], core_error, happened["refused"]]
    bits += [weights["refused"], happened["states"]]
    errors = n.add(
        "errors", events.sticky_leaf(len(bits)), sets=n.bundle("error_sets", Word(len(bits)), *bits),
        clears=written["errors_clears"], clear_all=s.control["clear_errors"], **common,
    )  # fmt: skip
    causes = [happened["packet"], errors["rises"], happened["idle"], weights["ended"]]
    pending = n.add(
        "causes", events.sticky_leaf(len(causes)), sets=n.bundle("cause_sets", Word(len(causes)), *causes),
        clears=written["irq_status_clears"], clear_all=n.zero("never", Bit()), **common,
    )  # fmt: skip
    n.add(
        "interrupt", events.interrupt_leaf(len(causes)), enabled=s.kept["IRQ_ENABLE"],
        pending=pending["held"], irq=n.output("irq", Bit()),
    )  # fmt: skip
    told = {
        "ERRORS": errors["held"],
        "IRQ_STATUS": pending["held"],
        "WEIGHTS": weights["status"],
    }
    return told | s.kept


def _padded(s: SystemNets, name: str, net: Net) -> Net:
    """The net as the lowest bits of a word of 32."""
    bits = net.type.bits
    if bits == 32:
        return net
    zeros = s.n.zero(f"{name.lower()}_zeros", Word(32 - bits))
    return s.n.bundle(f"{name.lower()}_read", Word(32), net, zeros)


def _constants(s: SystemNets) -> dict[str, Net]:
    """Registers that are the same in every read."""
    values = constant_words(s.design, s.bus_bits)
    return {
        name: s.n.constant(f"{name.lower()}_read", Word(32), value)
        for name, value in values.items()
    }
