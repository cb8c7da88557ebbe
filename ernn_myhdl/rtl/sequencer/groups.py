"""Groups of spectra that are there: counted as the stores are written, taken off when a frame has read them.

x is counted by single blocks, m by groups of `element_width` blocks, y by groups of `output_width` and
separately for each stream. The last reader of a frame takes off all groups of that frame at once. A group is counted in the
cycle before it is written, for it can be read in the cycle behind that: what is there in the next cycle is what decides in it.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, like, unsigned


@block
def count_groups(clk, rst, coming, taken, available, index, page, groups, pages):
    """Counts the groups of a source that are there in the next cycle, and where the next one is written.

    coming: a group is written in the next cycle. taken: the last reader of a frame is issued. index, page: of the group that
    is written next.
    """
    held = unsigned(len(available))
    place, into = unsigned(len(index)), unsigned(len(page))
    last_group, last_page = groups - 1, pages - 1

    @always_comb
    def tell():
        available.next = held

    @always(clk.posedge)
    def tell_place():
        index.next = place
        page.next = into

    @always(clk.posedge)
    def count():
        if rst:
            held.next = 0
            place.next = 0
            into.next = 0
        else:
            if coming and taken:
                held.next = held - last_group
            elif coming:
                held.next = held + 1
            elif taken:
                held.next = held - groups
            if coming:
                if place == last_group:
                    place.next = 0
                    if into == last_page:
                        into.next = 0
                    else:
                        into.next = into + 1
                else:
                    place.next = place + 1

    return tell, tell_place, count


@block
def count_outputs(
    clk, rst, coming, coming_stream, begins, head_stream, taken, now_stream, gate_start, gate_y_done,
    y_available, y_next, y_stays, y_follows, head_latest, index, groups, streams, of_head, early,
):  # fmt: skip
    """Counts the groups of y that are there in the next cycle, for each stream.

    coming, coming_stream: a group of y is written in the next cycle. begins, head_stream: a frame of the stream begins. taken:
    the last reader of y of the frame that was begun last, of now_stream, is issued; gate_y_done: the operation that may be issued is
    that. gate_start: it is the first of a frame, which reads no y, so that what it is asked for is told of the next one. y_available,
    y_next: groups for the operation and for the one behind it, which reads y behind the first of a frame only where `early`. y_stays,
    y_follows: all are there for the frame that begins next (of_head) or for that of the operation; the latter for if the
    operation is issued. head_latest: the page that the frame of head_stream reads. index: of the group written next.
    """
    # one for each value of the index: GHDL 2.0 writes a word of no bits for an array of one element
    places = 1 << len(head_stream)
    held = [unsigned(len(y_available)) for _ in range(places)]
    whole, latest = ([Signal(bool(0)) for _ in range(places)] for _ in range(2))
    place, for_head, for_now = unsigned(len(index)), like(y_available), like(y_available)
    last_group = groups - 1

    @always_comb
    def look():
        for_head.next = held[head_stream]
        for_now.next = held[now_stream]
        head_latest.next = latest[head_stream]

    @always_comb
    def tell():
        y_available.next = for_now
        y_next.next = for_now

    @always_comb
    def tell_early():
        y_available.next = for_now
        if gate_start:
            y_next.next = for_head
        else:
            y_next.next = for_now

    # the operation behind the last reader of a frame may be the first of the next one
    @always_comb
    def complete_for_head():
        y_stays.next = whole[head_stream]
        y_follows.next = whole[head_stream] and not (gate_y_done and now_stream == head_stream)

    # behind the last reader comes one that reads no y
    @always_comb
    def complete_for_operation():
        if gate_start:
            y_stays.next = whole[head_stream]
            y_follows.next = whole[head_stream]
        else:
            y_stays.next = whole[now_stream]
            y_follows.next = whole[now_stream]

    @always(clk.posedge)
    def tell_place():
        index.next = place

    @always(clk.posedge)
    def count():
        if rst:
            for s in range(streams):
                held[s].next = groups
                whole[s].next = True
                latest[s].next = True
            place.next = 0
        else:
            for s in range(streams):
                if begins and (head_stream == s):
                    latest[s].next = not latest[s]
                if taken and (now_stream == s):
                    whole[s].next = False
                    if coming and (coming_stream == s):
                        held[s].next = held[s] - last_group
                    else:
                        held[s].next = held[s] - groups
                else:
                    if coming and (coming_stream == s):
                        held[s].next = held[s] + 1
                        if place == last_group:
                            whole[s].next = True
            if coming:
                if place == last_group:
                    place.next = 0
                else:
                    place.next = place + 1

    complete = complete_for_head if of_head else complete_for_operation
    return look, tell_early if early else tell, tell_place, count, complete


@made_once
def groups_leaf(name: str, groups: int, pages: int) -> Leaf:
    """Counts the groups of a source; a frame has `groups`, its store `pages` pages.

    Ports: coming; taken: the last reader of a frame is issued; available; index, page: of the next group.
    """
    return Leaf(
        name,
        count_groups,
        ins(clk=Bit(), rst=Bit(), coming=Bit(), taken=Bit())
        | outs(
            available=Word(bits_for(pages * groups + 1)),
            index=Word(bits_for(groups)),
            page=Word(bits_for(pages)),
        ),
        {"groups": groups, "pages": pages},
    )


@made_once
def outputs_leaf(groups: int, streams: int, of_head: bool, early: bool) -> Leaf:
    """Counts the groups of y of each stream; ports and parameters: see `count_outputs`."""
    stream, count = Word(bits_for(streams)), Word(bits_for(2 * groups + 1))
    return Leaf(
        "y_groups",
        count_outputs,
        ins(clk=Bit(), rst=Bit(), coming=Bit(), begins=Bit(), taken=Bit())
        | ins(gate_start=Bit(), gate_y_done=Bit())
        | ins(coming_stream=stream, head_stream=stream, now_stream=stream)
        | outs(y_available=count, y_next=count, index=Word(bits_for(groups)))
        | outs(y_stays=Bit(), y_follows=Bit(), head_latest=Bit()),
        {"groups": groups, "streams": streams, "of_head": of_head, "early": early},
    )
