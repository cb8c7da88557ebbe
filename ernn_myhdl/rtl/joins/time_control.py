"""What joins over time let in, and what they give for it: the frames of sequences, and the copies of a frame."""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, concat

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl.joins.beats import SLOTS

#: Ports that tell of the beat that entered a cycle before, behind `take`.
TOLD = ("take", "leaves", "ends", "opens", "closes")


@block
def enter_sequence(
    clk, rst, valid, tlast, first, closing, stream, held, legal, over, ready, begins, anew, take, leaves, ends,
    opens, closes, fresh, place, of_stream, error, most,
):  # fmt: skip
    """The beats of sequences, of which the last frame gives a result; see `sequence_leaf`."""
    # one for each value of the index: see `ernn_myhdl.rtl.sequencer.groups`
    begun = [Signal(bool(0)) for _ in range(1 << len(stream))]
    index = unsigned(len(place) - len(stream))
    room, go, starts, now_fresh, now_leaves = (Signal(bool(0)) for _ in range(5))
    kept_fresh, kept_leaves, wrong = (Signal(bool(0)) for _ in range(3))
    numbers = 1 << len(stream)

    @always_comb
    def look():
        room.next = held <= most and not rst
        starts.next = index == 0

    @always_comb
    def decide():
        go.next = valid and room
        ready.next = room
        begins.next = valid and room and starts
        anew.next = first or not begun[stream]
        error.next = wrong

    @always_comb
    def judge():
        if starts:
            now_fresh.next = anew or over
            now_leaves.next = closing and legal
        else:
            now_fresh.next = kept_fresh
            now_leaves.next = kept_leaves

    @always(clk.posedge)
    def control():
        if rst:
            index.next = 0
            take.next = False
            leaves.next = False
            wrong.next = False
            for s in range(numbers):
                begun[s].next = False
        else:
            take.next = go
            leaves.next = go and now_leaves
            if go:
                if tlast:
                    index.next = 0
                else:
                    index.next = index + 1
                if starts:
                    begun[stream].next = not closing
                    if (first and begun[stream]) or (closing and not legal):
                        wrong.next = True

    @always(clk.posedge)
    def tell():
        if go:
            kept_fresh.next = now_fresh
            kept_leaves.next = now_leaves
            ends.next = tlast
            opens.next = starts
            closes.next = starts
            fresh.next = now_fresh
            place.next = concat(stream, index)
            of_stream.next = stream

    return look, decide, judge, control, tell


@block
def count_frames(clk, rst, begins, anew, stream, legal, over, least, most_frames):
    """Whether the frame that begins may be the last of its sequence (`legal`), or is one too many (`over`)."""
    counts = [unsigned(bits_for(most_frames + 1)) for _ in range(1 << len(stream))]
    before, count = unsigned(bits_for(most_frames + 1)), unsigned(bits_for(most_frames + 2))
    numbers = 1 << len(stream)

    @always_comb
    def look():
        before.next = counts[stream]

    @always_comb
    def add():
        count.next = before + 1
        if anew:
            count.next = 1

    @always_comb
    def judge():
        legal.next = count >= least and count <= most_frames
        over.next = count > most_frames

    @always(clk.posedge)
    def keep():
        if rst:
            for s in range(numbers):
                counts[s].next = 0
        elif begins and count <= most_frames:
            counts[stream].next = count

    return look, add, judge, keep


@block
def keep_loaded(clk, begins, anew, first, from_state, stream, take, opens, loaded):
    """Whether the sequence of the beat that entered a cycle before started from a loaded state."""
    # one for each value of the index
    states = [Signal(bool(0)) for _ in range(1 << len(stream))]
    now, later = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def look():
        if anew:
            now.next = first and from_state
        else:
            now.next = states[stream]

    @always(clk.posedge)
    def keep():
        if begins:
            states[stream].next = now
            later.next = now

    @always_comb
    def tell():
        loaded.next = take and opens and later

    return look, keep, tell


@block
def repeat_frames(
    clk, rst, valid, stream, held, ready, begins, anew, take, leaves, ends, opens, closes, fresh, place,
    of_stream, beats, copies, most,
):  # fmt: skip
    """Every frame `copies` times; see `repeat_leaf`."""
    index, copy = unsigned(len(place)), unsigned(bits_for(copies))
    room, go, again, finishes = (Signal(bool(0)) for _ in range(4))
    last_beat, last_copy = beats - 1, copies - 1

    @always_comb
    def look():
        room.next = held <= most and not rst
        finishes.next = index == last_beat

    @always_comb
    def decide():
        go.next = room and (valid or again)
        ready.next = room and not again
        begins.next = room and valid and not again and index == 0
        anew.next = True

    @always(clk.posedge)
    def control():
        if rst:
            index.next = 0
            copy.next = 0
            again.next = False
            take.next = False
            leaves.next = False
        else:
            take.next = go
            leaves.next = go
            if go:
                if finishes:
                    index.next = 0
                    if copy == last_copy:
                        copy.next = 0
                        again.next = False
                    else:
                        copy.next = copy + 1
                        again.next = True
                else:
                    index.next = index + 1

    @always(clk.posedge)
    def tell():
        if go:
            ends.next = finishes
            opens.next = index == 0 and copy == 0
            closes.next = index == 0 and copy == last_copy
            fresh.next = not again
            place.next = index
            if not again:
                of_stream.next = stream

    return look, decide, control, tell


@made_once
def sequence_leaf(streams: int, beats: int, stages: int) -> Leaf:
    """Beats of sequences, of which the last frame's leave.

    Ports: valid, ready, tlast, first, closing, stream: of the beat that is offered, first and closing the bits of tuser; held:
    words in the FIFO behind. begins: a frame enters with it, anew: the first of a sequence; legal, over: of the count of its frames.
    A cycle later: take: a beat entered; leaves: the result leaves with it; ends: last of its frame; opens and closes: first of it;
    fresh: of the first frame of a sequence; place: in the memories; of_stream. error: a sequence began before the end
    of the one before, or ended with another number of frames than it may have; until reset. stages: cycles until the FIFO.
    """
    tid = Word(bits_for(streams))
    bits = ("clk", "rst", "valid", "tlast", "first", "closing", "legal", "over")
    told = ("ready", "begins", "anew", *TOLD, "fresh", "error")
    return Leaf(
        f"enter_sequence_{beats}_{stages}",
        enter_sequence,
        ins(**dict.fromkeys(bits, Bit()))
        | ins(stream=tid, held=Word(bits_for(SLOTS + 1)))
        | outs(**dict.fromkeys(told, Bit()))
        | outs(place=Word(tid.width + bits_for(beats)), of_stream=tid),
        {"most": SLOTS - 1 - stages},
    )


@made_once
def count_leaf(streams: int, least: int, most: int) -> Leaf:
    """The frames of every sequence, which may end with `least` to `most` of them."""
    bits = ("clk", "rst", "begins", "anew")
    return Leaf(
        f"count_frames_{least}_{most}",
        count_frames,
        ins(**dict.fromkeys(bits, Bit()))
        | ins(stream=Word(bits_for(streams)))
        | outs(legal=Bit(), over=Bit()),
        {"least": least, "most_frames": most},
    )


@made_once
def loaded_leaf(streams: int) -> Leaf:
    """Which sequences started from a loaded state."""
    bits = ("clk", "begins", "anew", "first", "from_state", "take", "opens")
    return Leaf(
        "keep_loaded",
        keep_loaded,
        ins(**dict.fromkeys(bits, Bit()))
        | ins(stream=Word(bits_for(streams)))
        | outs(loaded=Bit()),
    )


@made_once
def repeat_leaf(streams: int, beats: int, copies: int, stages: int) -> Leaf:
    """Frames, each of which leaves `copies` times; the next enters behind that.

    Ports as those of `sequence_leaf`; fresh: the beat is of the first copy, opens: it is the first of that, closes: the
    first of the last copy.
    """
    tid = Word(bits_for(streams))
    told = ("ready", "begins", "anew", *TOLD, "fresh")
    return Leaf(
        f"repeat_frames_{beats}_{copies}",
        repeat_frames,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), stream=tid, held=Word(bits_for(SLOTS + 1)))
        | outs(**dict.fromkeys(told, Bit()))
        | outs(place=Word(bits_for(beats)), of_stream=tid),
        {"beats": beats, "copies": copies, "most": SLOTS - 1 - stages},
    )
