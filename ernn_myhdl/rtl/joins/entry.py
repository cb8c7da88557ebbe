"""x of a graph, where it goes to more than one layer: frames of wrong length are repaired before it divides.

What a layer does with its own x (`ernn_myhdl.rtl.beat_frames`) is done here to beats, so that all branches get the same
frames: one that ends early is completed with zeros, what one has too much is dropped up to its tlast, a beat with
tuser or of another stream inside a frame ends it. Each raises `error`, which stays until reset. The first frame of a
stream after a reset gets tuser. Samples behind the frame's last one become zero.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.joins.beats import Slice, beat_fields, extended, word_of


@block
def whole_frames(
    clk, rst, beat_valid, beat_ready, tlast, user, stream, valid, ready, empty, last, first, frame_stream,
    error, beats, streams, from_state=None, loaded=None, closing=None, closes=None,
):  # fmt: skip
    """Counts the beats of a frame; see `frames_leaf` for the ports."""
    index = unsigned(bits_for(beats))
    filling, discarding, wrong = (Signal(bool(0)) for _ in range(3))
    offered, dropped, cut, moved, ends, restart, starts = (Signal(bool(0)) for _ in range(7))
    # one for each value of the index: see `ernn_myhdl.rtl.sequencer.groups`
    warm = [Signal(bool(0)) for _ in range(1 << len(stream))]
    current = unsigned(len(stream))
    last_beat = beats - 1

    @always_comb
    def look():
        restart.next = user or stream != current
        starts.next = index == 0
        ends.next = index == last_beat

    @always_comb
    def decide():
        offered.next = False
        dropped.next = False
        cut.next = False
        if filling:
            offered.next = True
        elif discarding:
            dropped.next = beat_valid and not restart
        elif beat_valid:
            cut.next = restart and not starts
            offered.next = starts or not restart

    @always_comb
    def tell():
        valid.next = offered
        moved.next = offered and ready
        beat_ready.next = dropped or (offered and ready and not filling)
        empty.next = filling
        last.next = ends
        error.next = wrong

    @always_comb
    def tell_frame():
        first.next = starts and (user or not warm[stream])
        if starts:
            frame_stream.next = stream
        else:
            frame_stream.next = current

    @always_comb
    def tell_state():
        loaded.next = starts and user and from_state

    @always_comb
    def tell_end():
        closes.next = starts and closing

    @always(clk.posedge)
    def control():
        if rst:
            index.next = 0
            filling.next = False
            discarding.next = False
            wrong.next = False
            for s in range(streams):
                warm[s].next = False
        else:
            if cut:
                wrong.next = True
                filling.next = True
            if discarding and beat_valid and (restart or tlast):
                discarding.next = False
            if moved:
                if starts:
                    current.next = stream
                    warm[stream].next = True
                if ends:
                    index.next = 0
                else:
                    index.next = index + 1
                if filling:
                    if ends:
                        filling.next = False
                elif ends:
                    if not tlast:
                        wrong.next = True
                        discarding.next = True
                elif tlast:
                    wrong.next = True
                    filling.next = True

    processes = [look, decide, tell, tell_frame, control]
    processes += [] if loaded is None else [tell_state]
    return processes if closes is None else [*processes, tell_end]


@block
def mask_samples(samples, empty, last, target, count, kept):
    """target is samples; zero if `empty`, in the last beat from `kept` on."""

    @always_comb
    def mask():
        for i in range(count):
            if empty or (last and i >= kept):
                target[i].next = 0
            else:
                target[i].next = samples[i]

    return mask


def frames_leaf(
    beats: int, streams: int, initial_states: bool, sequence_ends: bool = False
) -> Leaf:
    """Frames of `beats` beats from those at the head of a FIFO.

    Ports: beat_valid, beat_ready, tlast, user, stream: the beat there; valid, ready: the one that leaves, with last,
    first (tuser), frame_stream, empty: its samples are zeros. error. With initial states from_state: the beat's
    second bit of tuser, loaded: of the one that leaves; with ends of sequences closing and closes: its highest bit.
    """
    tid = Word(bits_for(streams))
    bits = ("clk", "rst", "beat_valid", "tlast", "user", "ready")
    told = ("beat_ready", "valid", "empty", "last", "first", "error")
    ports = ins(**dict.fromkeys(bits, Bit())) | outs(**dict.fromkeys(told, Bit()))
    ports |= ins(stream=tid) | outs(frame_stream=tid)
    if initial_states:
        ports |= ins(from_state=Bit()) | outs(loaded=Bit())
    if sequence_ends:
        ports |= ins(closing=Bit()) | outs(closes=Bit())
    return Leaf("whole_frames", whole_frames, ports, {"beats": beats, "streams": streams})


def mask_leaf(count: int, word: int, kept: int) -> Leaf:
    """Beats of `count` samples of `word` bits, of which the last of a frame has `kept`."""
    samples = Array(count, word)
    return Leaf(
        "mask_samples",
        mask_samples,
        ins(samples=samples, empty=Bit(), last=Bit()) | outs(target=samples),
        {"count": count, "kept": kept},
    )


def entry(shape: StreamShape, size: int, word: int) -> Netlist:
    """x of `size` elements of `word` bits: FIFO and repair. Ports: s_ and m_ with the fields of a beat; error."""
    n = Netlist("graph_entry")
    clk, rst = n.input("clk", Bit()), n.input("rst", Bit())
    fields = beat_fields(shape)
    beat = n.bundle(
        "beat", Word(sum(f.bits for f in fields.values())),
        *[n.input(f"s_{name}", kind) for name, kind in fields.items()],
    )  # fmt: skip
    pop = n.net("pop", Bit())
    head = n.add(
        "fifo", fifo.fifo_leaf(beat.type.bits), clk=clk, rst=rst, in_word=beat,
        in_valid=n.input("s_tvalid", Bit()), in_ready=n.output("s_tready", Bit()), out_ready=pop,
    )  # fmt: skip
    places, low = {}, 0
    for name, kind in fields.items():
        places[name] = (head["out_word"], low, kind.bits)
        low += kind.bits
    count, bits = shape.samples_per_beat, shape.sample_bits
    samples = n.bundle(
        "samples", Array(count, word), *[(head["out_word"], i * bits, word) for i in range(count)]
    )
    tid = Word(bits_for(shape.streams))
    stream = n.bundle("stream", tid, places["tid"]) if "tid" in places else n.zero("stream", tid)
    user = places["tuser"]
    beats = -(-size // count)
    given = {"user": n.bundle("user", Bit(), (user[0], user[1], 1))}
    if shape.initial_states:
        given["from_state"] = n.bundle("from_state", Bit(), (user[0], user[1] + 1, 1))
    if shape.sequence_ends:
        given["closing"] = n.bundle("closing", Bit(), (user[0], user[1] + shape.end_bit, 1))
    leaf = frames_leaf(beats, shape.streams, shape.initial_states, shape.sequence_ends)
    made = n.add(
        "frames", leaf, clk=clk, rst=rst,
        beat_valid=head["out_valid"], beat_ready=pop, stream=stream,
        tlast=n.bundle("tlast", Bit(), places["tlast"]), valid=n.output("m_tvalid", Bit()),
        ready=n.input("m_tready", Bit()), last=n.output("m_tlast", Bit()),
        error=n.output("error", Bit()), **given,
    )  # fmt: skip
    masked = n.add(
        "mask", mask_leaf(count, word, size - (beats - 1) * count), samples=samples,
        empty=made["empty"], last=n.nets["m_tlast"],
    )["target"]  # fmt: skip
    n.wire(n.output("m_tdata", fields["tdata"]), *extended(masked, count, word, bits))
    told: list[Net | Slice] = [*word_of(made, "first", "loaded", "closes")]
    if shape.weight_banks > 1:  # of the frame's first beat; no other is looked at
        told.append((user[0], user[1] + shape.user_bits - 1, 1))
    n.wire(n.output("m_tuser", fields["tuser"]), *told)
    if "tid" in fields:
        n.wire(n.output("m_tid", fields["tid"]), made["frame_stream"])
    return n
