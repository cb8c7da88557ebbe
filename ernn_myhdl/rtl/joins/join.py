"""Joins of a graph: concatenation of frames, and addition, of streams whose frames come in one order.

    operands -> control -> align (concatenation) or add -> pack or round -> FIFO -> result

A beat that enters in one cycle is in the FIFO two cycles later, and at its head a cycle behind that; so a beat enters only if
the FIFO has room for it and for those on their way. An addition takes a beat of every operand at once. A concatenation
takes the frame of one operand after the other, at most a beat a cycle, and one cycle without a beat at the end of a
frame whose last samples do not leave with its last beat.

tuser and tid of a result are those of the first operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from myhdl import Signal, always, always_comb, block, intbv

from ernn_myhdl.design.graph import ADDITION, Join, Signals
from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.hdl.netlist import Leaf, Net, Netlist, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, array, bits_for, unsigned
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import delay, fifo, rounding
from ernn_myhdl.rtl.joins.beats import beat_fields, extended

#: Words of the FIFO behind a join.
SLOTS = 8
#: Cycles from a beat that enters to the FIFO.
STAGES = 2
#: Cycles from a beat that enters to the result at the head of the FIFO.
JOIN_LATENCY = STAGES + fifo.FIFO_LATENCY
#: A beat enters if the FIFO holds at most so many words.
MOST_HELD = SLOTS - 1 - STAGES


@block
def enter_together(rst, valids, held, readies, go, full, most):
    """go: a beat of every operand enters; full: a word of ones; most: words that the FIFO may hold then."""

    @always_comb
    def decide():
        go.next = False
        readies.next = 0
        if valids == full and held <= most and not rst:
            go.next = True
            readies.next = full

    return decide


@block
def enter_in_turn(
    clk, rst, valids, lasts, held, user, stream, readies, take, source, leaves, ends, first, of_stream, count,
    most, leaving, flushes,
):  # fmt: skip
    """The frames of the operands one after the other; see `turns_leaf`."""
    turn = unsigned(len(source))
    flushing, go, last, sends, finishes = (Signal(bool(0)) for _ in range(5))
    last_turn = count - 1

    @always_comb
    def decide():
        go.next = False
        last.next = False
        sends.next = False
        readies.next = 0
        if held <= most and not rst:
            if flushing:
                go.next = True
                sends.next = True
            else:
                for i in range(count):
                    if turn == i and valids[i]:
                        go.next = True
                        readies.next[i] = True
                        last.next = lasts[i]
                        sends.next = (not lasts[i]) or (leaving // 2**i) % 2 == 1

    @always_comb
    def finish_frame():
        finishes.next = last and turn == last_turn

    @always_comb
    def finish_flushed():
        finishes.next = flushing

    @always(clk.posedge)
    def control():
        if rst:
            turn.next = 0
            take.next = False
            leaves.next = False
            first.next = 0
        else:
            take.next = go
            leaves.next = sends
            ends.next = finishes
            if flushing:
                source.next = count
            else:
                source.next = turn
            if go:
                if turn == 0 and not flushing:
                    first.next = user
                    of_stream.next = stream
                elif leaves:
                    first.next = 0
                if last:
                    if turn == last_turn:
                        turn.next = 0
                    else:
                        turn.next = turn + 1
            elif leaves:
                first.next = 0

    @always(clk.posedge)
    def flush():
        if rst:
            flushing.next = False
        elif go:
            flushing.next = last and turn == last_turn

    if flushes:
        return decide, finish_flushed, control, flush
    return decide, finish_frame, control


@block
def pack_beats(clk, rst, take, source, leaves, words, packed, size, count, word, carries):
    """Beats without gaps: the samples of an operand stand in its two beats of `words` where they go on behind those before.

    carry: samples that wait for more. source: the operand, `count` for none.
    """
    carry = array(size, word)

    @always(clk.posedge)
    def pack():
        if rst:
            for i in range(size):
                carry[i].next = 0
        elif take:
            for i in range(size):
                packed[i].next = carry[i]
                if leaves:
                    carry[i].next = 0
            for s in range(count):
                if source == s:
                    for i in range(size):
                        packed[i].next = carry[i] | words[2 * s * size + i]
                        if leaves:
                            carry[i].next = words[2 * s * size + size + i]
                        else:
                            carry[i].next = carry[i] | words[2 * s * size + i]

    @always(clk.posedge)
    def choose():
        for s in range(count):
            if source == s:
                for i in range(size):
                    packed[i].next = words[s * size + i]

    return pack if carries else choose


@block
def add_samples(clk, operands, target, count, terms, word):
    """target: the sums of `terms` arrays one behind the other; exact."""
    total = intbv(0, min=-(1 << (word - 1)), max=1 << (word - 1))

    @always(clk.posedge)
    def add():
        for i in range(count):
            total[:] = operands[i]
            for t in range(1, terms):
                total[:] = total + operands[t * count + i]
            target[i].next = total

    return add


@made_once
def together_leaf(operands: int) -> Leaf:
    """When a beat of every operand enters. Ports: valids, readies: a bit each; held: words in the FIFO; go."""
    word = Word(operands)
    return Leaf(
        f"enter_together_{operands}",
        enter_together,
        ins(rst=Bit(), valids=word, held=Word(bits_for(SLOTS + 1))) | outs(readies=word, go=Bit()),
        {"full": (1 << operands) - 1, "most": MOST_HELD},
    )


@made_once
def turns_leaf(name: str, layout: Layout, user_bits: int, stream_bits: int) -> Leaf:
    """The turns of the operands of a concatenation.

    Ports: valids, lasts, readies: of the beats of the operands; held: words in the FIFO; user, stream: of the first operand's.
    A cycle later: take: a beat of operand `source` entered, or none where that is their number; leaves:
    a beat of the result leaves with it, the last one of a frame if `ends`, with tuser `first` and tid `of_stream`.
    """
    word = Word(len(layout.offsets))
    user, stream = Word(user_bits), Word(stream_bits)
    return Leaf(
        name,
        enter_in_turn,
        ins(clk=Bit(), rst=Bit(), valids=word, lasts=word, held=Word(bits_for(SLOTS + 1)))
        | ins(user=user, stream=stream)
        | outs(readies=word, take=Bit(), source=Word(bits_for(word.width + 1)))
        | outs(leaves=Bit(), ends=Bit(), first=user, of_stream=stream),
        {
            "count": word.width,
            "most": MOST_HELD,
            "leaving": sum(leaves << i for i, leaves in enumerate(layout.leaving)),
            "flushes": layout.flushes,
        },
    )


@dataclass(frozen=True)
class Layout:
    """Where the samples of the operands of a concatenation go.

    offsets: of each, the place of its first sample in a beat. leaving: of each, whether a beat of the result leaves
    with its last beat. flushes: whether a frame's last samples leave a cycle after its last beat.
    """

    offsets: tuple[int, ...]
    leaving: tuple[bool, ...]
    flushes: bool

    @property
    def carries(self) -> bool:
        """Whether samples ever wait for those of the next operand."""
        return any(self.offsets) or not all(self.leaving)


def layout_of(sizes: Sequence[int], beat: int) -> Layout:
    """The layout of operands of these sizes in beats of `beat` samples."""
    offsets, leaving, held, flushes = [], [], 0, False
    for place, size in enumerate(sizes):
        offsets.append(held)
        filled = held + (size - 1) % beat + 1  # with the last beat of the operand
        final = place == len(sizes) - 1
        leaving.append(final or filled >= beat)
        flushes = final and filled > beat
        held = filled % beat
    return Layout(tuple(offsets), tuple(leaving), flushes)


@dataclass(frozen=True)
class Operand:
    """The nets of a stream that is joined: ready is driven by the join."""

    valid: Net
    ready: Net
    fields: dict[str, Net]


def join_netlist(name: str, join: Join, signals: Signals, shape: StreamShape) -> Netlist:
    """A join as a netlist. Ports: s0_, s1_, ... and m_ with tvalid, tready and the fields of a beat."""
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
    held = n.net("held", Word(bits_for(SLOTS + 1)))
    build = _addition if join.kind == ADDITION else _concatenation
    made = build(n, name, signals, shape, given, formats, (valids, readies, held))
    fmt = signals.formats[name]
    size, bits = shape.samples_per_beat, shape.sample_bits
    n.probe(f"{name}.output", made["valid"], made["samples"])
    beat = n.bundle(
        "beat", Word(sum(f.bits for f in fields.values())),
        *extended(made["samples"], size, fmt.word, bits),
        *[made[field] for field in fields if field != "tdata"],
    )  # fmt: skip
    head = n.add(
        "fifo", fifo.fifo_leaf("join_fifo", beat.type.bits, SLOTS), clk=n.nets["clk"], rst=n.nets["rst"],
        in_valid=made["valid"], in_word=beat, out_valid=n.output("m_tvalid", Bit()),
        out_ready=n.input("m_tready", Bit()), count=held,
    )["out_word"]  # fmt: skip
    low = 0
    for field, kind in fields.items():
        n.wire(n.output(f"m_{field}", kind), (head, low, kind.bits))
        low += kind.bits
    return n


#: valids, readies and words held in the FIFO.
_Control = tuple[Net, Net, Net]


def _addition(
    n: Netlist, name: str, signals: Signals, shape: StreamShape, given: list[dict[str, Net]],
    formats: list[Format], control: _Control,
) -> dict[str, Net]:  # fmt: skip
    """The sums; fields of a beat with valid and samples."""
    valids, readies, held = control
    clk, rst, count = n.nets["clk"], n.nets["rst"], len(given)
    go = n.add("control", together_leaf(count), rst=rst, valids=valids, readies=readies, held=held)[
        "go"
    ]
    total, fmt, size = signals.sum_of(name), signals.formats[name], shape.samples_per_beat
    nothing = n.zero("nothing", Word(max(total.frac - min(f.frac for f in formats), 1)))
    parts: list[Net | tuple[Net, int, int]] = []
    for fields, own in zip(given, formats, strict=True):
        for i in range(size):
            low, shift = i * shape.sample_bits, total.frac - own.frac
            if shift:
                parts.append((nothing, 0, shift))
            parts.append((fields["tdata"], low, own.word))
            parts += [(fields["tdata"], low + own.word - 1, 1)] * (total.word - own.word - shift)
    operands = n.bundle("operands", Array(count * size, total.word), *parts)
    sums = n.add(
        "add", _add_leaf(name, size, count, total.word), clk=clk, operands=operands
    )["target"]  # fmt: skip
    samples = n.add(
        "round", rounding.leaf(size, total.word, fmt.word, total.frac - fmt.frac), clk=clk,
        source=sums,
    )["target"]  # fmt: skip
    first = {field: net for field, net in given[0].items() if field != "tdata"}
    late = {f: delay.delayed(n, f"late_{f}", net, STAGES) for f, net in first.items()}
    return late | {"valid": delay.delayed(n, "late_valid", go, STAGES), "samples": samples}


def _add_leaf(name: str, count: int, terms: int, word: int) -> Leaf:
    return Leaf(
        f"{name}_add",
        add_samples,
        ins(clk=Bit(), operands=Array(count * terms, word)) | outs(target=Array(count, word)),
        {"count": count, "terms": terms, "word": word},
    )


def _concatenation(
    n: Netlist, name: str, signals: Signals, shape: StreamShape, given: list[dict[str, Net]],
    formats: list[Format], control: _Control,
) -> dict[str, Net]:  # fmt: skip
    """The frames one after the other; fields of a beat with valid and samples."""
    valids, readies, held = control
    clk, rst, count = n.nets["clk"], n.nets["rst"], len(given)
    fmt, size = signals.formats[name], shape.samples_per_beat
    sizes = [signals.sizes[operand] for operand in signals.graph.operands[name]]
    layout = layout_of(sizes, size)
    user = Word(given[0]["tuser"].type.bits)
    stream = Word(bits_for(shape.streams))
    one = given[0].get("tid")
    turns = n.add(
        "control", turns_leaf(f"{name}_turns", layout, user.width, stream.width), clk=clk, rst=rst,
        valids=valids, readies=readies, held=held,
        lasts=n.bundle("lasts", Word(count), *[fields["tlast"] for fields in given]),
        user=n.bundle("user", user, given[0]["tuser"]),
        stream=n.zero("no_stream", stream) if one is None else n.bundle("stream", stream, one),
    )  # fmt: skip
    nothing = n.zero("nothing", Array(size, fmt.word))
    parts: list[Net | tuple[Net, int, int]] = []
    for i, (fields, own) in enumerate(zip(given, formats, strict=True)):
        aligned = _aligned(n, i, fields["tdata"], own, fmt, shape)
        offset = layout.offsets[i] * fmt.word
        if layout.carries and offset:
            parts.append((nothing, 0, offset))
        parts.append(aligned)
        if layout.carries:
            parts.append((nothing, 0, size * fmt.word - offset))
    beats = 2 if layout.carries else 1
    words = n.bundle("words", Array(beats * count * size, fmt.word), *parts)
    samples = n.add(
        "pack", _pack_leaf(name, size, count, fmt.word, layout.carries), clk=clk, rst=rst, words=words,
        take=turns["take"], source=turns["source"], leaves=turns["leaves"],
    )["packed"]  # fmt: skip
    made = {
        "valid": delay.delayed(n, "late_leaves", turns["leaves"], 1),
        "samples": samples,
        "tlast": delay.delayed(n, "late_ends", turns["ends"], 1),
        "tuser": delay.delayed(n, "late_first", turns["first"], 1),
    }
    made["tuser"] = n.bundle("tuser", given[0]["tuser"].type, made["tuser"])
    if one is not None:
        made["tid"] = delay.delayed(n, "late_stream", turns["of_stream"], 1)
    return made


def _aligned(
    n: Netlist, place: int, tdata: Net, own: Format, fmt: Format, shape: StreamShape
) -> Net:
    """The samples of an operand in the format of the result, a cycle later."""
    size, bits = shape.samples_per_beat, shape.sample_bits
    samples = n.bundle(
        f"samples_{place}",
        Array(size, own.word),
        *[(tdata, i * bits, own.word) for i in range(size)],
    )
    if own == fmt:
        return delay.delayed(n, f"aligned_{place}", samples, rounding.LATENCY)
    leaf = rounding.leaf(size, own.word, fmt.word, own.frac - fmt.frac)
    return n.add(f"round_{place}", leaf, clk=n.nets["clk"], source=samples)["target"]


def _pack_leaf(name: str, size: int, count: int, word: int, carries: bool) -> Leaf:
    beats = 2 if carries else 1
    ports = ins(
        clk=Bit(), source=Word(bits_for(count + 1)), words=Array(beats * count * size, word)
    )
    ports |= outs(packed=Array(size, word)) | ins(rst=Bit(), take=Bit(), leaves=Bit())
    return Leaf(
        f"{name}_pack",
        pack_beats,
        ports,
        {"size": size, "count": count, "word": word, "carries": carries},
    )
