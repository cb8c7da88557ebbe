"""Windows over the frames of a signal: a frame memory, and its frames one behind the other as one frame.

    operand -> frames (writes the memory) -> taps (reads it) -> mask -> pack -> FIFO -> result

The memory holds, for every stream, the frames that the next window needs, the newest, and one that is being written
meanwhile. It is not cleared: frames before a sequence's first are masked. A window is read at a beat a cycle, the oldest frame
first; where a frame is no whole number of beats, samples wait for those of the next, as in a concatenation.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.design.joins import Window
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl import delay
from ernn_myhdl.rtl.joins.beats import MOST_HELD, SLOTS, Control
from ernn_myhdl.rtl.joins.concatenation import pack_leaf
from ernn_myhdl.rtl.joins.window_ends import ends_leaf
from ernn_myhdl.rtl.joins.window_frames import frames_leaf
from ernn_myhdl.rtl.joins.window_layout import WindowLayout, window_layout
from ernn_myhdl.rtl.memory import ram_leaf


@block
def window_taps(
    clk, rst, offer, newest, history, head, stream, held, begins, read_address, take, source, leaves, ends, zero, first,
    of_stream, idle, beats, kernel, dilation, region, period, leaving, flushes,
):  # fmt: skip
    """Reads the frames of windows; see `taps_leaf`."""
    tap = unsigned(bits_for(kernel))
    beat = unsigned(bits_for(beats))
    turn = unsigned(bits_for(period))
    base = unsigned(len(newest))
    distance = unsigned(len(history))
    depth = unsigned(len(history))
    user = unsigned(len(head))
    frame_stream = unsigned(len(stream))
    busy, flushing, go, sends, finishes, whole, ends_all, waits, starts = (
        Signal(bool(0)) for _ in range(9)
    )
    reach = (kernel - 1) * dilation
    last_tap, last_beat, last_turn = kernel - 1, beats - 1, period - 1
    back, forward = reach * beats, dilation * beats
    wraps, around = region - forward, (region - back) % region

    @always_comb
    def look():
        whole.next = beat == last_beat
        ends_all.next = tap == last_tap
        go.next = (busy or flushing) and held <= MOST_HELD and not rst

    @always_comb
    def wait():
        waits.next = False
        # not within a condition: Yosys 0.70 would keep i in a latch
        for i in range(period):
            if turn == i and whole and not ends_all and not flushing:
                waits.next = (leaving // 2**i) % 2 == 0

    @always_comb
    def decide():
        sends.next = go and not waits
        if flushes:
            finishes.next = go and flushing
        else:
            finishes.next = go and whole and ends_all

    @always_comb
    def begin():
        starts.next = offer and not rst and (finishes or not (busy or flushing))

    @always_comb
    def tell():
        begins.next = starts
        read_address.next = base + beat
        take.next = go
        leaves.next = sends
        ends.next = finishes
        zero.next = distance > depth
        first.next = user
        of_stream.next = frame_stream
        idle.next = not (busy or flushing)
        if flushing:
            source.next = period
        else:
            source.next = turn

    @always(clk.posedge)
    def control():
        if rst:
            busy.next = False
            flushing.next = False
        else:
            if go:
                flushing.next = False
                if sends:
                    user.next = 0
                if busy:
                    if not whole:
                        beat.next = beat + 1
                    elif ends_all:
                        busy.next = False
                        flushing.next = flushes
                    else:
                        beat.next = 0
                        tap.next = tap + 1
                        distance.next = distance - dilation
                        if turn == last_turn:
                            turn.next = 0
                        else:
                            turn.next = turn + 1
                        if base >= wraps:
                            base.next = base - wraps
                        else:
                            base.next = base + forward
            if starts:
                busy.next = True
                beat.next = 0
                tap.next = 0
                turn.next = 0
                distance.next = reach
                depth.next = history
                user.next = head
                frame_stream.next = stream
                if newest >= back:
                    base.next = newest - back
                else:
                    base.next = newest + around

    return look, wait, decide, begin, tell, control


@block
def mask_word(word, zero, target):
    """target is word, or zero."""

    @always_comb
    def mask():
        if zero:
            target.next = 0
        else:
            target.next = word

    return mask


def taps_leaf(name: str, layout: WindowLayout, user_bits: int, streams: int) -> Leaf:
    """The taps of a window, beat by beat.

    Ports: offer, newest, history, head, stream, begins: those of `frames_leaf`. held: words in the FIFO behind. In the cycle of
    a read: read_address; take: there is one, or the cycle of a flush; source: place of the tap in its period, their number for a
    flush; leaves, ends: a beat leaves, the last of the window; zero: the tap is before the sequence; first, of_stream: tuser and tid;
    idle: no window is being read.
    """
    window, tid, user = layout.window, Word(bits_for(streams)), Word(user_bits)
    address, known = Word(bits_for(layout.region)), Word(bits_for(window.reach + 1))
    period = len(layout.offsets)
    return Leaf(
        f"{name}_taps",
        window_taps,
        ins(clk=Bit(), rst=Bit(), offer=Bit(), newest=address, history=known, head=user, stream=tid)
        | ins(held=Word(bits_for(SLOTS + 1)))
        | outs(begins=Bit(), read_address=address, take=Bit(), source=Word(bits_for(period + 1)))
        | outs(leaves=Bit(), ends=Bit(), zero=Bit(), first=user, of_stream=tid, idle=Bit()),
        {
            "beats": layout.beats,
            "kernel": window.kernel,
            "dilation": window.dilation if window.kernel > 1 else 1,
            "region": layout.region,
            "period": period,
            "leaving": sum(leaves << i for i, leaves in enumerate(layout.leaving)),
            "flushes": layout.flushes,
        },
    )


@made_once
def mask_leaf(width: int) -> Leaf:
    word = Word(width)
    return Leaf(f"mask_word_{width}", mask_word, ins(word=word, zero=Bit()) | outs(target=word), {})


def _of_newest(shape: StreamShape) -> int:
    """The bits of tuser that a window has of its newest frame, as a mask."""
    bank = 1 << shape.user_bits - 1 if shape.weight_banks > 1 else 0
    return bank | (1 << shape.end_bit if shape.sequence_ends else 0)


def window_netlist(
    n: Netlist, name: str, window: Window, signals: Signals, shape: StreamShape, given: dict[str, Net],
    control: Control, last: int | None = None,
) -> dict[str, Net]:  # fmt: skip
    """The windows of an operand; fields of a beat with valid and samples. last: as in `join_netlist`."""
    valids, readies, held = control
    clk, rst = n.nets["clk"], n.nets["rst"]
    size, bits, word = shape.samples_per_beat, shape.sample_bits, signals.formats[name].word
    layout = window_layout(window, size)
    user, tid = Word(given["tuser"].type.bits), Word(bits_for(shape.streams))
    one = given.get("tid")
    stream = n.zero("no_stream", tid) if one is None else n.bundle("stream", tid, one)
    begins, idle = n.net("begins", Bit()), n.net("idle", Bit())
    frames = n.add(
        "frames", frames_leaf(name, layout, user.width, shape.streams, _of_newest(shape)), clk=clk, rst=rst,
        valid=n.bundle("valid", Bit(), (valids, 0, 1)), user=n.bundle("user", user, given["tuser"]),
        stream=stream, begins=begins, idle=idle,
    )  # fmt: skip
    n.wire(readies, frames["ready"])
    head = frames["first"]
    if last is not None:
        head = n.add(
            "ends", ends_leaf(name, user.width, shape.streams, last), clk=clk, rst=rst, begins=begins,
            head=head, stream=frames["of_stream"],
        )["marked"]  # fmt: skip
    taps = n.add(
        "taps", taps_leaf(name, layout, user.width, shape.streams), clk=clk, rst=rst, held=held,
        offer=frames["offer"], newest=frames["newest"], history=frames["history"], head=head,
        stream=frames["of_stream"], begins=begins, idle=idle,
    )  # fmt: skip
    several = shape.streams > 1
    address = Word(bits_for(layout.region) + several * tid.width)
    words = n.add(
        "memory", ram_leaf(address.width, size * word), clk=clk, write=frames["write"],
        write_address=n.bundle("write_to", address, frames["write_address"], *[stream] * several),
        read_address=n.bundle("read_from", address, taps["read_address"], *[taps["of_stream"]] * several),
        data=n.bundle("data", Word(size * word), *[(given["tdata"], i * bits, word) for i in range(size)]),
    )["q"]  # fmt: skip
    masked = n.add(
        "mask", mask_leaf(size * word), word=words,
        zero=delay.delayed(n, "late_zero", taps["zero"], 1),
    )["target"]  # fmt: skip
    nothing = n.zero("nothing", Array(size, word))
    parts: list[Net | tuple[Net, int, int]] = []
    for offset in layout.offsets:
        if layout.carries and offset:
            parts.append((nothing, 0, offset * word))
        parts.append(masked)
        if layout.carries:
            parts.append((nothing, 0, (size - offset) * word))
    count = len(layout.offsets)
    beats = 2 if layout.carries else 1
    late = {f: delay.delayed(n, f"late_{f}", taps[f], 1) for f in ("take", "source", "leaves")}
    samples = n.add(
        "pack", pack_leaf(name, size, count, word, layout.carries), clk=clk, rst=rst,
        words=n.bundle("words", Array(beats * count * size, word), *parts), **late,
    )["result"]  # fmt: skip
    made = {
        "valid": delay.delayed(n, "later_leaves", late["leaves"], 1),
        "samples": samples,
        "tlast": delay.delayed(n, "late_ends", taps["ends"], 2),
        "tuser": delay.delayed(n, "late_first", taps["first"], 2),
    }
    made["tuser"] = n.bundle("tuser", given["tuser"].type, made["tuser"])
    if one is not None:
        made["tid"] = delay.delayed(n, "late_stream", taps["of_stream"], 2)
    return made
