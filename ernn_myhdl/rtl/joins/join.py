"""Joins of a graph: concatenation of frames, addition and product, of streams whose frames come in one order.

    operands -> control -> align (concatenation) or add -> pack or round -> FIFO -> result

A beat that enters in one cycle is in the FIFO two cycles later, and at its head a cycle behind that; so a beat enters only if
the FIFO has room for it and for those on their way. An addition and a product (`ernn_myhdl.rtl.joins.product`) take a beat of every operand at once. A concatenation
takes the frame of one operand after the other, at most a beat a cycle, and one cycle without a beat at the end of a
frame whose last samples do not leave with its last beat. A window (`ernn_myhdl.rtl.joins.window`) takes one operand, and so does
a function of single elements (`ernn_myhdl.rtl.joins.element_wise`), whose pipeline is longer.

tuser and tid of a result are those of the first operand.
"""

from __future__ import annotations

from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import ADDITION, PRODUCT, ArgMax, Embedding, Join, Window
from ernn_myhdl.design.hardware import Hardware, StreamShape
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.joins.addition import addition
from ernn_myhdl.rtl.joins.argmax import argmax_netlist
from ernn_myhdl.rtl.joins.beats import SLOTS, beat_fields, extended
from ernn_myhdl.rtl.joins.concatenation import concatenation
from ernn_myhdl.rtl.joins.element_wise import element_wise, slots_of
from ernn_myhdl.rtl.joins.embedding import embedding_netlist
from ernn_myhdl.rtl.joins.product import PRODUCT_SLOTS, product
from ernn_myhdl.rtl.joins.window import window_netlist


def join_netlist(
    name: str, join: Join, signals: Signals, shape: StreamShape, hardware: Hardware, last: int | None = None
) -> Netlist:  # fmt: skip
    """A join as a netlist. Ports: s0_, s1_, ... and m_ with tvalid, tready and the fields of a beat.

    hardware: of the layers. last: of a window the number of the last one of a sequence, where that does not tell its end itself
    (`Graph.last_window`).
    """
    if isinstance(join, ArgMax):
        return argmax_netlist(name, join, signals, shape)
    if isinstance(join, Embedding):
        return embedding_netlist(name, join, signals, shape, hardware)
    n = Netlist(f"{name}_core")
    n.input("clk", Bit())
    n.input("rst", Bit())
    fields = beat_fields(shape)
    count = len(join.inputs)
    given = [
        {field: n.input(f"s{i}_{field}", kind) for field, kind in fields.items()}
        for i in range(count)
    ]
    valids = n.bundle(
        "valids", Word(count), *[n.input(f"s{i}_tvalid", Bit()) for i in range(count)]
    )
    readies = n.net("readies", Word(count))
    for i in range(count):
        n.wire(n.output(f"s{i}_tready", Bit()), (readies, i, 1))
    formats = [signals.formats[operand] for operand in join.inputs]
    slots = PRODUCT_SLOTS if join.kind == PRODUCT else SLOTS
    if isinstance(join, ElementWise):
        slots = slots_of(join)
    held = n.net("held", Word(bits_for(slots + 1)))
    control = valids, readies, held
    if isinstance(join, ElementWise):
        made = element_wise(n, name, join, signals, shape, given[0], control)
    elif isinstance(join, Window):
        made = window_netlist(n, name, join, signals, shape, given[0], control, last)
    else:
        build = {ADDITION: addition, PRODUCT: product}.get(join.kind, concatenation)
        made = build(n, name, signals, shape, given, formats, control)
    fmt = signals.formats[name]
    size, bits = shape.samples_per_beat, shape.sample_bits
    n.probe(f"{name}.output", made["valid"], made["samples"])
    beat = n.bundle(
        "beat", Word(sum(f.bits for f in fields.values())),
        *extended(made["samples"], size, fmt.word, bits),
        *[made[field] for field in fields if field != "tdata"],
    )  # fmt: skip
    head = n.add(
        "fifo", fifo.fifo_leaf(beat.type.bits, slots), clk=n.nets["clk"], rst=n.nets["rst"],
        in_valid=made["valid"], in_word=beat, out_valid=n.output("m_tvalid", Bit()),
        out_ready=n.input("m_tready", Bit()), count=held,
    )["out_word"]  # fmt: skip
    low = 0
    for field, kind in fields.items():
        n.wire(n.output(f"m_{field}", kind), (head, low, kind.bits))
        low += kind.bits
    return n
