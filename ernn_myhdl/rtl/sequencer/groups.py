"""Groups of spectra that are there: counted as the stores are written, taken off when a frame has read them.

x is counted by single blocks, m by groups of `element_width` blocks, y by groups of `output_width` and
separately for each stream. The last reader of a frame takes off all groups of that frame at once.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned


@block
def count_groups(clk, rst, write, taken, available, index, page, groups, pages):
    """Counts the groups of a source that are there, and where the next one is written.

    write: a group is written. taken: the last reader of a frame is issued. index, page: of the group that
    is written next.
    """
    held = unsigned(len(available))
    place, into = unsigned(len(index)), unsigned(len(page))
    last_group, last_page = groups - 1, pages - 1

    @always_comb
    def tell():
        available.next = held
        index.next = place
        page.next = into

    @always(clk.posedge)
    def count():
        if rst:
            held.next = 0
            place.next = 0
            into.next = 0
        else:
            if write and taken:
                held.next = held - last_group
            elif write:
                held.next = held + 1
            elif taken:
                held.next = held - groups
            if write:
                if place == last_group:
                    place.next = 0
                    if into == last_page:
                        into.next = 0
                    else:
                        into.next = into + 1
                else:
                    place.next = place + 1

    return tell, count


@block
def count_outputs(
    clk, rst, write, write_stream, begins, head_stream, taken, now_stream, available, complete,
    head_latest, index, groups, streams, of_head,
):  # fmt: skip
    """Counts the groups of y that are there, for each stream.

    write, write_stream: a group of y is written. begins, head_stream: a frame of the stream begins. taken:
    the last reader of y of the frame that was begun last, of now_stream, is issued; available: groups for
    that frame. complete: all are there for the frame that begins next (of_head) or for the one begun
    last. head_latest: the page that the frame of head_stream reads. index: of the group written next.
    """
    # one for each value of the index: GHDL 2.0 writes a word of no bits for an array of one element
    places = 1 << len(head_stream)
    held = [unsigned(len(available)) for _ in range(places)]
    whole, latest = ([Signal(bool(0)) for _ in range(places)] for _ in range(2))
    place = unsigned(len(index))
    last_group = groups - 1

    @always_comb
    def look():
        available.next = held[now_stream]
        head_latest.next = latest[head_stream]
        index.next = place

    @always_comb
    def complete_for_head():
        complete.next = whole[head_stream]

    @always_comb
    def complete_for_now():
        complete.next = whole[now_stream]

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
                    if write and (write_stream == s):
                        held[s].next = held[s] - last_group
                    else:
                        held[s].next = held[s] - groups
                else:
                    if write and (write_stream == s):
                        held[s].next = held[s] + 1
                        if place == last_group:
                            whole[s].next = True
            if write:
                if place == last_group:
                    place.next = 0
                else:
                    place.next = place + 1

    return look, count, complete_for_head if of_head else complete_for_now


@made_once
def groups_leaf(name: str, groups: int, pages: int) -> Leaf:
    """Counts the groups of a source; a frame has `groups`, its store `pages` pages.

    Ports: write; taken: the last reader of a frame is issued; available; index, page: of the next group.
    """
    return Leaf(
        name,
        count_groups,
        ins(clk=Bit(), rst=Bit(), write=Bit(), taken=Bit())
        | outs(
            available=Word(bits_for(pages * groups + 1)),
            index=Word(bits_for(groups)),
            page=Word(bits_for(pages)),
        ),
        {"groups": groups, "pages": pages},
    )


@made_once
def outputs_leaf(groups: int, streams: int, of_head: bool) -> Leaf:
    """Counts the groups of y of each stream; ports: see `count_outputs`."""
    stream = Word(bits_for(streams))
    return Leaf(
        "y_groups",
        count_outputs,
        ins(clk=Bit(), rst=Bit(), write=Bit(), begins=Bit(), taken=Bit())
        | ins(write_stream=stream, head_stream=stream, now_stream=stream)
        | outs(
            complete=Bit(),
            head_latest=Bit(),
            available=Word(bits_for(2 * groups + 1)),
            index=Word(bits_for(groups)),
        ),
        {"groups": groups, "streams": streams, "of_head": of_head},
    )
