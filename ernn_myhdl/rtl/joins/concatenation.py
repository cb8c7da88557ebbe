"""Concatenation: the frame of one operand after the other, their samples aligned, rounded, saturated and packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, array, bits_for, unsigned
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import delay, rounding
from ernn_myhdl.rtl.joins.beats import MOST_HELD, SLOTS, Control


@block
def enter_in_turn(
    clk, rst, valids, lasts, held, user, stream, readies, take, source, leaves, ends, first, of_stream, count,
    most, leaving, flushes,
):  # fmt: skip
    """The frames of the operands one after the other; see `turns_leaf`."""
    turn = unsigned(len(source))
    flushing, go, last, sends, finishes, room = (Signal(bool(0)) for _ in range(6))
    last_turn = count - 1

    @always_comb
    def look():
        room.next = held <= most and not rst

    @always_comb
    def decide():
        go.next = False
        last.next = False
        sends.next = False
        readies.next = 0
        if flushing and room:
            go.next = True
            sends.next = True
        # not within a condition: Yosys 0.70 would keep i in a latch
        for i in range(count):
            if turn == i and valids[i] and room and not flushing:
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
        return look, decide, finish_flushed, control, flush
    return look, decide, finish_frame, control


@block
def pack_beats(clk, rst, take, source, leaves, words, result, size, count, word, carries):
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
                result[i].next = carry[i]
                if leaves:
                    carry[i].next = 0
            for s in range(count):
                if source == s:
                    for i in range(size):
                        result[i].next = carry[i] | words[2 * s * size + i]
                        if leaves:
                            carry[i].next = words[2 * s * size + size + i]
                        else:
                            carry[i].next = carry[i] | words[2 * s * size + i]

    @always(clk.posedge)
    def choose():
        for s in range(count):
            if source == s:
                for i in range(size):
                    result[i].next = words[s * size + i]

    return pack if carries else choose


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


def pack_leaf(name: str, size: int, count: int, word: int, carries: bool) -> Leaf:
    beats = 2 if carries else 1
    ports = ins(
        clk=Bit(), source=Word(bits_for(count + 1)), words=Array(beats * count * size, word)
    )
    ports |= outs(result=Array(size, word)) | ins(rst=Bit(), take=Bit(), leaves=Bit())
    return Leaf(
        f"{name}_pack",
        pack_beats,
        ports,
        {"size": size, "count": count, "word": word, "carries": carries},
    )


def concatenation(
    n: Netlist, name: str, signals: Signals, shape: StreamShape, given: list[dict[str, Net]],
    formats: list[Format], control: Control,
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
        "pack", pack_leaf(name, size, count, fmt.word, layout.carries), clk=clk, rst=rst, words=words,
        take=turns["take"], source=turns["source"], leaves=turns["leaves"],
    )["result"]  # fmt: skip
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
