"""The FIFOs of the AXI4-Stream ports: a beat's fields go in as one word and come out as they were."""

from __future__ import annotations

from dataclasses import dataclass

from ernn_myhdl.hdl.components import Type
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.core.wiring import Wiring


@dataclass(frozen=True)
class Head:
    """The beat at the head of the FIFO of an input.

    valid: there is one; ready: net for what takes it. samples, last, stream: of the beat; user: of a port
    that has tuser its bits, lowest first.
    """

    valid: Net
    ready: Net
    samples: Net
    last: Net
    user: list[Net]
    stream: Net


def received(
    w: Wiring, port: str, label: str, word: int, user: Type | None, fifo_name: str
) -> Head:
    """The FIFO behind an input port.

    port: of the core, such as s_axis. label: what the nets' names begin with. word: bits of a sample that are
    used. user: type of tuser, where the port has it.
    """
    n, hw = w.n, w.hw
    tdata = Word(hw.samples_per_beat * hw.sample_bits)
    valid, ready = w.input(f"{port}_tvalid", Bit()), w.output(f"{port}_tready", Bit())
    fields = [w.input(f"{port}_tdata", tdata), w.input(f"{port}_tlast", Bit())]
    if user is not None:
        fields.append(w.input(f"{port}_tuser", user))
    if hw.streams > 1:
        fields.append(w.input(f"{port}_tid", w.stream))
    beat = n.bundle(f"{label}_beat", Word(sum(f.type.bits for f in fields)), *fields)
    pop = n.net(f"{label}_pop", Bit())
    head = n.add(
        fifo_name, fifo.fifo_leaf(beat.type.width), clk=w.clk, rst=w.rst,
        in_valid=valid, in_ready=ready, in_word=beat, out_ready=pop,
    )  # fmt: skip
    out = head["out_word"]
    if hw.streams > 1:
        place = (out, beat.type.width - w.stream.width, w.stream.width)
        tid = n.bundle(f"{label}_head_tid", w.stream, place)
    else:
        tid = n.zero(f"{label}_head_stream", w.stream)
    bits = range(0 if user is None else user.bits)
    return Head(
        head["out_valid"],
        pop,
        n.bundle(
            f"{label}_samples",
            Array(hw.samples_per_beat, word),
            *[(out, i * hw.sample_bits, word) for i in range(hw.samples_per_beat)],
        ),
        n.bundle(f"{label}_head_last", Bit(), (out, tdata.width, 1)),
        [n.bundle(f"{label}_head_user_{i}", Bit(), (out, tdata.width + 1 + i, 1)) for i in bits],
        tid,
    )


def sent(w: Wiring, valid: Net, samples: Net, fields: dict[str, Net], held: Net) -> None:
    """The FIFO in front of m_axis. fields: of a beat, by their names; held: words in the FIFO."""
    n, tdata = w.n, samples.type
    word_bits = tdata.bits + sum(net.type.bits for net in fields.values())
    beat = n.bundle("m_beat", Word(word_bits), samples, *fields.values())
    head = n.add(
        "output_fifo", fifo.fifo_leaf(word_bits), clk=w.clk, rst=w.rst,
        in_valid=valid, in_word=beat, out_ready=n.input("m_axis_tready", Bit()),
        out_valid=n.output("m_axis_tvalid", Bit()), count=held,
    )["out_word"]  # fmt: skip
    n.wire(n.output("m_axis_tdata", tdata), (head, 0, tdata.bits))
    low = tdata.bits
    for name, net in fields.items():
        n.wire(n.output(f"m_axis_{name}", net.type), (head, low, net.type.bits))
        low += net.type.bits
