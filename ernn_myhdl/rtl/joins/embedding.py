"""Embedding: the row of a memory whose number is a frame of one sample.

    operand -> control, address -> memory -> FIFO -> result

The number waits at the operand while its row is read, a beat a cycle; it is taken with the last one. The rows are at a power of
two of beats in the memory, so that an address is the number and the beat. A number below 0 is taken as 0, one beyond the last row as
that of the last row.
"""

from __future__ import annotations

import numpy as np
from myhdl import Signal, always, always_comb, block, intbv

from ernn_myhdl.design.graph import Embedding
from ernn_myhdl.design.hardware import Hardware, StreamShape
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.hdl.components import Contents, Leaf, Rom, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, pack_fields, unsigned
from ernn_myhdl.hdl.writable_memory import WritableMemory
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.rtl import delay, fifo
from ernn_myhdl.rtl.joins.beats import MOST_HELD, SLOTS, STAGES, beat_fields, extended
from ernn_myhdl.rtl.weights.distribution import memory_bus, written


@block
def read_row(
    clk,
    rst,
    valid,
    held,
    user,
    number,
    ready,
    go,
    ends,
    first,
    address,
    rows,
    bits,
    beats,
    beat_bits,
):
    """When a beat of a row is read, and where; see `read_leaf`."""
    beat = unsigned(bits_for(beats))
    limited = unsigned(bits)
    now = Signal(bool(0))
    last_beat, last_row = beats - 1, rows - 1

    @always_comb
    def decide():
        now.next = valid and held <= MOST_HELD and not rst

    @always_comb
    def tell():
        ready.next = held <= MOST_HELD and beat == last_beat and not rst
        go.next = now
        ends.next = beat == last_beat
        if beat == 0:
            first.next = user
        else:
            first.next = 0

    @always_comb
    def limit():
        if number[0] < 0:
            limited.next = 0
        elif number[0] > last_row:
            limited.next = last_row
        else:
            limited.next = number[0][bits:]

    @always(clk.posedge)
    def control():
        if rst:
            beat.next = 0
        elif now:
            if beat == last_beat:
                beat.next = 0
            else:
                beat.next = beat + 1

    place = intbv(0)[bits + beat_bits :]

    @always(clk.posedge)
    def locate():
        place[:] = limited
        place[:] = place << beat_bits
        address.next = place + beat

    return decide, tell, limit, control, locate


def row_bits(beats: int) -> int:
    """Bits of the number of a beat in an address, of rows of `beats`."""
    return (beats - 1).bit_length()


@made_once
def read_leaf(rows: int, beats: int, user_bits: int) -> Leaf:
    """Ports: valid, ready, user: of the operand; number: its first sample; held: words in the FIFO; go: a beat of a row is read;
    ends: it is the last of its row; first: tuser of it; address: a cycle later, of that beat in the memory."""
    bits, user = (rows - 1).bit_length(), Word(user_bits)
    return Leaf(
        f"read_row_{rows}x{beats}",
        read_row,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), held=Word(bits_for(SLOTS + 1)), user=user)
        | ins(number=Array(1, bits + 1))
        | outs(ready=Bit(), go=Bit(), ends=Bit(), first=user, address=Word(bits + row_bits(beats))),
        {"rows": rows, "bits": bits, "beats": beats, "beat_bits": row_bits(beats)},
    )


def table_memory(name: str, embedding: Embedding, samples: int) -> Rom:
    """The rows in beats of `samples`; zeros behind the elements of a row."""
    assert embedding.format is not None  # in a network all have one
    beats, word = blocks_for(embedding.elements, samples), embedding.format.word
    bits, slots = row_bits(beats), 1 << row_bits(beats)
    depth = (embedding.rows - 1) * slots + beats

    def words() -> list[tuple[int, ...]]:
        padded = np.zeros((embedding.rows, slots * samples), dtype=np.int64)
        padded[:, : embedding.elements] = embedding.words
        rows = padded.reshape(-1, samples)[:depth].tolist()
        return [tuple(pack_fields(row, word) for row in rows)]

    address = (embedding.rows - 1).bit_length() + bits
    return Rom(f"{name}_table", address, Array(samples, word), Contents(1, depth, words))


def embedding_netlist(
    name: str, embedding: Embedding, signals: Signals, shape: StreamShape, hardware: Hardware
) -> Netlist:
    """An Embedding as a netlist. Ports: s0_ and m_ with tvalid, tready and the fields of a beat; what writes the table, where
    it is loaded."""
    n = Netlist(f"{name}_core")
    clk, rst = n.input("clk", Bit()), n.input("rst", Bit())
    fields = beat_fields(shape)
    given = {field: n.input(f"s0_{field}", kind) for field, kind in fields.items()}
    size, bits, word = shape.samples_per_beat, shape.sample_bits, signals.formats[name].word
    beats = blocks_for(embedding.elements, size)
    held = n.net("held", Word(bits_for(SLOTS + 1)))
    user = Word(given["tuser"].type.bits)
    number = Array(1, embedding.index_format.word)
    control = n.add(
        "control", read_leaf(embedding.rows, beats, user.width), clk=clk, rst=rst, held=held,
        valid=n.input("s0_tvalid", Bit()), ready=n.output("s0_tready", Bit()),
        user=n.bundle("user", user, given["tuser"]),
        number=n.bundle("number", number, (given["tdata"], 0, number.width)),
    )  # fmt: skip
    memory, load = written(hardware, table_memory(name, embedding, size)), {}
    if isinstance(memory, WritableMemory):
        load = {port: n.input(port, kind) for port, kind in memory_bus(memory).types.items()}
    address = control["address"]
    if shape.weight_banks > 1:  # the number waits at the operand, with the bank of its frame
        bank = n.bundle("bank", Bit(), (given["tuser"], user.width - 1, 1))
        bank = delay.delayed(n, "late_bank", bank, 1)
        address = n.bundle("banked_address", Word(address.type.bits + 1), bank, address)
    row = n.add("table", memory, clk=clk, address=address, **load)["q"]
    sends = delay.delayed(n, "late_go", control["go"], STAGES)
    late = {
        "tlast": delay.carried(n, "late_last", control["ends"], STAGES),
        "tuser": delay.carried(n, "late_first", control["first"], STAGES),
    }
    if "tid" in given:
        late["tid"] = delay.carried(n, "late_stream", given["tid"], STAGES)
    n.probe(f"{name}.output", sends, row)
    beat = n.bundle(
        "beat", Word(sum(f.bits for f in fields.values())),
        *extended(row, size, word, bits), *[late[f] for f in fields if f != "tdata"],
    )  # fmt: skip
    head = n.add(
        "fifo", fifo.fifo_leaf(beat.type.bits, SLOTS), clk=clk, rst=rst,
        in_valid=sends, in_word=beat, out_valid=n.output("m_tvalid", Bit()),
        out_ready=n.input("m_tready", Bit()), count=held,
    )["out_word"]  # fmt: skip
    low = 0
    for field, kind in fields.items():
        n.wire(n.output(f"m_{field}", kind), (head, low, kind.bits))
        low += kind.bits
    return n
