"""ArgMax: the number of a frame's largest element, the first of equal ones.

    operand -> control -> tree of comparisons -> best of the frame -> FIFO -> result

A beat enters at most a cycle; log2 of its samples stages of comparisons find the largest of them, one more keeps the best of the
frame. One beat a frame leaves.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, intbv

from ernn_myhdl.design.graph import ArgMax
from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.rtl import delay, fifo
from ernn_myhdl.rtl.joins.beats import beat_fields, extended

#: Words that the FIFO behind may hold when a beat enters.
MOST_HELD = 6


def stages_of(shape_samples: int) -> int:
    """Cycles from a beat that enters to the FIFO: the comparisons of its samples, and that of the frame."""
    return bits_for(shape_samples) + 1 if shape_samples > 1 else 1


def slots_of(shape_samples: int) -> int:
    """Words of the FIFO: what it may hold, and what is on its way."""
    return MOST_HELD + 1 + stages_of(shape_samples)


@block
def enter_alone(clk, rst, valid, held, user, ready, go, ends, first, beats):
    """When a beat enters; see `enter_leaf`."""
    beat = unsigned(bits_for(beats))
    kept = unsigned(len(user))
    now = Signal(bool(0))
    last_beat = beats - 1

    @always_comb
    def decide():
        now.next = valid and held <= MOST_HELD and not rst

    @always_comb
    def tell():
        ready.next = held <= MOST_HELD and not rst
        go.next = now
        ends.next = beat == last_beat
        if beat == 0:
            first.next = user
        else:
            first.next = kept

    @always(clk.posedge)
    def control():
        if rst:
            beat.next = 0
        elif now:
            if beat == 0:
                kept.next = user
            if beat == last_beat:
                beat.next = 0
            else:
                beat.next = beat + 1

    return decide, tell, control


@block
def whole_samples(samples, last, target, count, kept, least):
    """target is samples; in the last beat of a frame `least` from `kept` on."""

    @always_comb
    def mask():
        for i in range(count):
            if last and i >= kept:
                target[i].next = least
            else:
                target[i].next = samples[i]

    return mask


@block
def larger_of_pairs(clk, values, places, larger, place, count):
    """The larger of two neighbours, the first of equal ones, and its place."""

    @always(clk.posedge)
    def compare():
        for i in range(count):
            if values[2 * i + 1] > values[2 * i]:
                larger[i].next = values[2 * i + 1]
                place[i].next = places[2 * i + 1]
            else:
                larger[i].next = values[2 * i]
                place[i].next = places[2 * i]

    return compare


@block
def best_of_frame(clk, rst, valid, last, value, place, sends, index, size, word):
    """The number of the largest element of a frame; see `best_leaf`."""
    best = Signal(intbv(0, min=-(1 << (word - 1)), max=1 << (word - 1)))
    number = unsigned(len(index))
    base = unsigned(len(index))
    begun, better = (Signal(bool(0)) for _ in range(2))
    here = unsigned(len(index))

    @always_comb
    def look():
        better.next = value[0] > best or not begun

    @always_comb
    def add():
        here.next = base + place

    @always(clk.posedge)
    def keep():
        if rst:
            begun.next = False
            base.next = 0
            sends.next = False
        else:
            sends.next = valid and last
            if valid:
                begun.next = not last
                if better:
                    best.next = value[0]
                    number.next = here
                if last:
                    base.next = 0
                else:
                    base.next = base + size

    @always(clk.posedge)
    def result():
        if better:
            index.next = here
        else:
            index.next = number

    return look, add, keep, result


@made_once
def enter_leaf(beats: int, user_bits: int, slots: int) -> Leaf:
    """Ports: valid, ready, user: of the operand; held: words in the FIFO; go: a beat enters; ends: it is the last of its frame;
    first: tuser of its frame."""
    user = Word(user_bits)
    return Leaf(
        f"enter_alone_{beats}",
        enter_alone,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), held=Word(bits_for(slots + 1)), user=user)
        | outs(ready=Bit(), go=Bit(), ends=Bit(), first=user),
        {"beats": beats},
    )


@made_once
def mask_leaf(count: int, word: int, kept: int) -> Leaf:
    samples = Array(count, word)
    return Leaf(
        f"whole_samples_{count}x{word}_{kept}",
        whole_samples,
        ins(samples=samples, last=Bit()) | outs(target=samples),
        {"count": count, "kept": kept, "least": -(1 << word - 1)},
    )


@made_once
def pairs_leaf(count: int, word: int, place: int) -> Leaf:
    """The larger of each of `count` pairs of `word` bits, and its place of `place` bits."""
    return Leaf(
        f"larger_of_{count}_pairs_{word}_{place}",
        larger_of_pairs,
        ins(clk=Bit(), values=Array(2 * count, word), places=Array(2 * count, place))
        | outs(larger=Array(count, word), place=Array(count, place)),
        {"count": count},
    )


@made_once
def best_leaf(size: int, word: int, place: int, index: int) -> Leaf:
    """Ports: valid, last: of a beat; value, place: of its largest sample, each of one element; sends: a cycle later the
    `index` of the largest of the frame is there."""
    return Leaf(
        f"best_of_frame_{size}_{word}_{index}",
        best_of_frame,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), last=Bit(), value=Array(1, word), place=Word(place))
        | outs(sends=Bit(), index=Word(index)),
        {"size": size, "word": word},
    )


def argmax_netlist(name: str, join: ArgMax, signals: Signals, shape: StreamShape) -> Netlist:
    """An ArgMax as a netlist. Ports: s0_ and m_ with tvalid, tready and the fields of a beat."""
    n = Netlist(f"{name}_core")
    clk, rst = n.input("clk", Bit()), n.input("rst", Bit())
    fields = beat_fields(shape)
    given = {field: n.input(f"s0_{field}", kind) for field, kind in fields.items()}
    size, bits, word = (
        shape.samples_per_beat,
        shape.sample_bits,
        signals.formats[join.inputs[0]].word,
    )
    beats, stages, slots = blocks_for(join.size, size), stages_of(size), slots_of(size)
    held = n.net("held", Word(bits_for(slots + 1)))
    user = Word(given["tuser"].type.bits)
    control = n.add(
        "control", enter_leaf(beats, user.width, slots), clk=clk, rst=rst, held=held,
        valid=n.input("s0_tvalid", Bit()), ready=n.output("s0_tready", Bit()),
        user=n.bundle("user", user, given["tuser"]),
    )  # fmt: skip
    samples = n.bundle(
        "samples", Array(size, word), *[(given["tdata"], i * bits, word) for i in range(size)]
    )
    values = n.add(
        "mask", mask_leaf(size, word, join.size - (beats - 1) * size), samples=samples, last=control["ends"]
    )["target"]  # fmt: skip
    place = bits_for(size)
    places: Net = n.constant("places", Array(size, place + 1), list(range(size)))
    count = size // 2
    while count:
        made = n.add(
            f"compare_{count}", pairs_leaf(count, word, place + 1), clk=clk, values=values, places=places
        )  # fmt: skip
        values, places, count = made["larger"], made["place"], count // 2
    best = n.add(
        "best", best_leaf(size, word, place, join.index_bits), clk=clk, rst=rst,
        valid=delay.delayed(n, "late_go", control["go"], stages - 1),
        last=delay.delayed(n, "late_last", control["ends"], stages - 1), value=values,
        place=n.bundle("place", Word(place), (places, 0, place)),
    )  # fmt: skip
    nothing = n.zero("nothing", Word(max(size * (join.index_bits + 1) - join.index_bits, 1)))
    result = n.bundle("result", Array(size, join.index_bits + 1), best["index"], nothing)
    n.probe(f"{name}.output", best["sends"], result)
    late = {
        "tlast": best["sends"],
        "tuser": delay.delayed(n, "late_first", control["first"], stages),
    }
    if "tid" in given:
        late["tid"] = delay.delayed(n, "late_stream", given["tid"], stages)
    beat = n.bundle(
        "beat", Word(sum(f.bits for f in fields.values())),
        *extended(result, size, join.index_bits + 1, bits), *[late[f] for f in fields if f != "tdata"],
    )  # fmt: skip
    head = n.add(
        "fifo", fifo.fifo_leaf(beat.type.bits, slots), clk=clk, rst=rst,
        in_valid=best["sends"], in_word=beat, out_valid=n.output("m_tvalid", Bit()),
        out_ready=n.input("m_tready", Bit()), count=held,
    )["out_word"]  # fmt: skip
    low = 0
    for field, kind in fields.items():
        n.wire(n.output(f"m_{field}", kind), (head, low, kind.bits))
        low += kind.bits
    return n
