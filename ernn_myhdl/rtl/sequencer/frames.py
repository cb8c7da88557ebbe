"""The frames of the sequencer: those that arrive, their tags, and how many are under way.

Frames are numbered by arrival. At most two wait for their first operation, since the store of x has two
pages; `frames_in_flight` are between that and the last beat of their y. With one stream nothing holds a frame's stream, which is zero: of a
register that keeps zero or takes zero, synthesis does not find that it never is anything else.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, concat

from ernn_myhdl.hdl.components import Leaf, Type, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, like, unsigned


@block
def arriving_frames(clk, rst, start, fresh, begins, head_fresh, stream=None, head_stream=None):
    """The frames that arrive, in a queue of two until their first operation.

    start: a frame begins to arrive; fresh: it is the first of a sequence (with initial states
    two bits, the other: of one from a loaded state); stream: of several, its. begins: the head's first operation is issued.
    """
    waiting = unsigned(2)
    next_fresh, next_stream = like(fresh), unsigned(1 if stream is None else len(stream))

    @always(clk.posedge)
    def arrivals():
        if rst:
            waiting.next = 0
        elif start and not begins:
            waiting.next = waiting + 1
        elif begins and not start:
            waiting.next = waiting - 1
        if begins:
            head_fresh.next = next_fresh
        if start:
            next_fresh.next = fresh
            if waiting == 0 or (waiting == 1 and begins):
                head_fresh.next = fresh

    @always(clk.posedge)
    def streams():
        if begins:
            head_stream.next = next_stream
        if start:
            next_stream.next = stream
            if waiting == 0 or (waiting == 1 and begins):
                head_stream.next = stream

    return arrivals if stream is None else (arrivals, streams)


@block
def frame_tags(
    clk, rst, begins, second_done, issue_second, head_fresh, head_stream, head_latest, now_stream,
    op_tag, y_page, m_page, pages, streams,
):  # fmt: skip
    """Tags and pages of the frame that an operation belongs to, one cycle after its decision.

    begins: the frame at the head begins, with the page of y that is not head_latest to write. now_stream: of
    the frame begun last. Operations of the second phase (issue_second) are of the frame begun longest ago,
    until second_done. Inside, the tag of a core with one stream has none.
    """
    several, low = streams > 1, len(head_fresh) + 1
    width = len(op_tag) - (0 if several else len(head_stream))
    slots = [unsigned(width) for _ in range(pages)]
    slot_in, slot_out = (unsigned(len(m_page)) for _ in range(2))
    head_tag, now_tag, chosen = (unsigned(width) for _ in range(3))
    stream, page, other = unsigned(len(head_stream)), Signal(bool(0)), Signal(bool(0))
    last_page = pages - 1
    numbered = len(op_tag) > low + len(head_stream)

    @always_comb
    def tell():
        other.next = not head_latest

    @always_comb
    def tag_of_head():
        head_tag.next = concat(head_stream, other, head_fresh)

    @always_comb
    def numbered_tag_of_head():
        head_tag.next = concat(slot_in, head_stream, other, head_fresh)

    @always_comb
    def short_tag_of_head():
        head_tag.next = concat(other, head_fresh)

    @always_comb
    def short_numbered_tag_of_head():
        head_tag.next = concat(slot_in, other, head_fresh)

    @always_comb
    def tell_stream():
        now_stream.next = stream
        op_tag.next = chosen

    @always_comb
    def tell_none():
        now_stream.next = head_stream
        op_tag.next = concat(head_stream, chosen)

    @always_comb
    def tell_none_and_number():
        now_stream.next = head_stream
        op_tag.next = concat(chosen[width:low], head_stream, chosen[low:])

    @always(clk.posedge)
    def begin():
        if begins:
            page.next = head_latest
            now_tag.next = head_tag
            slots[slot_in].next = head_tag

    @always(clk.posedge)
    def begin_stream():
        if begins:
            stream.next = head_stream

    @always(clk.posedge)
    def turn():
        if rst:
            slot_in.next = 0
            slot_out.next = 0
        else:
            if begins:
                if slot_in == last_page:
                    slot_in.next = 0
                else:
                    slot_in.next = slot_in + 1
            if second_done:
                if slot_out == last_page:
                    slot_out.next = 0
                else:
                    slot_out.next = slot_out + 1

    @always(clk.posedge)
    def operation():
        chosen.next = now_tag
        if begins:  # it may be the frame's only operation
            chosen.next = head_tag
        if issue_second:
            chosen.next = slots[slot_out]
        y_page.next = concat(now_stream, page)
        m_page.next = slot_out

    always_there = tell, begin, turn, operation
    if several:
        tag = numbered_tag_of_head if numbered else tag_of_head
        return *always_there, tag, begin_stream, tell_stream
    if numbered:
        return *always_there, short_numbered_tag_of_head, tell_none_and_number
    return *always_there, short_tag_of_head, tell_none


@block
def frames_under_way(
    clk, rst, begins, released, gates_done, second_done, gate_start, gate_final, second_final,
    room_stays, room_follows, owed_stays, owed_gate, owed_second, pages,
):  # fmt: skip
    """Whether, in the next cycle, another frame may begin, and a frame's second phase is not done, but its first one is.

    released: the last beat of a frame is read. room_follows: for if the operation of the first phase that may be issued is, of
    gate_start; owed_gate, owed_second: for if that of the first, of the second phase is, of gate_final, second_final; room_stays,
    owed_stays: for if none is.
    """
    outstanding, pending = unsigned(bits_for(pages + 1)), unsigned(bits_for(pages + 1))
    full, waiting = Signal(bool(0)), Signal(bool(0))
    last = pages - 1

    @always_comb
    def tell_room():
        room_stays.next = released or not full
        if gate_start:
            room_follows.next = released or outstanding != last
        else:
            room_follows.next = released or not full

    @always_comb
    def tell_owed():
        owed_stays.next = waiting
        owed_gate.next = waiting or gate_final
        if second_final:
            owed_second.next = pending != 1
        else:
            owed_second.next = waiting

    @always(clk.posedge)
    def count():
        if rst:
            outstanding.next = 0
            pending.next = 0
            full.next = False
            waiting.next = False
        else:
            if begins and not released:
                outstanding.next = outstanding + 1
                full.next = outstanding == last
            elif released and not begins:
                outstanding.next = outstanding - 1
                full.next = False
            if gates_done and not second_done:
                pending.next = pending + 1
                waiting.next = True
            elif second_done and not gates_done:
                pending.next = pending - 1
                waiting.next = pending != 1

    return tell_room, tell_owed, count


@made_once
def arriving_leaf(fresh: Type, streams: int) -> Leaf:
    """Queue of the frames that arrive; fresh: type of what tells how a sequence starts."""
    ports = ins(clk=Bit(), rst=Bit(), start=Bit(), begins=Bit(), fresh=fresh)
    ports |= outs(head_fresh=fresh)
    if streams > 1:
        stream = Word(bits_for(streams))
        ports |= ins(stream=stream) | outs(head_stream=stream)
    return Leaf("arriving_frames", arriving_frames, ports)


@made_once
def tags_leaf(fresh: Type, streams: int, tag: int, pages: int) -> Leaf:
    """Tags of the operations; tag: its bits, pages: frames in flight."""
    stream = Word(bits_for(streams))
    return Leaf(
        "frame_tags",
        frame_tags,
        ins(clk=Bit(), rst=Bit(), begins=Bit(), second_done=Bit(), issue_second=Bit())
        | ins(head_latest=Bit(), head_fresh=fresh, head_stream=stream)
        | outs(
            now_stream=stream,
            m_page=Word(bits_for(pages)),
            op_tag=Word(tag),
            y_page=Word(stream.width + 1),
        ),
        {"pages": pages, "streams": streams},
    )


@made_once
def under_way_leaf(pages: int) -> Leaf:
    """Counts the frames under way, of which there are at most `pages`."""
    return Leaf(
        "frames_under_way",
        frames_under_way,
        ins(clk=Bit(), rst=Bit(), begins=Bit(), released=Bit(), gates_done=Bit(), second_done=Bit())
        | ins(gate_start=Bit(), gate_final=Bit(), second_final=Bit())
        | outs(room_stays=Bit(), room_follows=Bit())
        | outs(owed_stays=Bit(), owed_gate=Bit(), owed_second=Bit()),
        {"pages": pages},
    )
