"""The pages of loaded states, and whether a frame starts from zero.

A frame of s_state waits until the page of its stream is free, a sequence that starts from a loaded state
until that page is full. The page is free again when the cells of that sequence's first frame have read it.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.rtl import stages

#: Cycles from a page being full, or free, until a frame may begin to use it.
PAGE_LATENCY = stages.latency(stages.PAGE)


@block
def state_pages(
    clk, rst, head_stream, begins, free, done, done_stream, user, from_state, stream, held,
    frame_start, frame_loaded, frame_stream, cells_valid, cells_loaded, cells_index, cells_stream,
    last_group, streams,
):  # fmt: skip
    """A page for each stream: taken, then full, then in use; see `pages_leaf`."""
    places = 1 << len(stream)  # see `ernn_myhdl.rtl.sequencer.groups`
    taken, full = ([Signal(bool(0)) for _ in range(places)] for _ in range(2))
    wanted, claim, release = (Signal(bool(0)) for _ in range(3))

    @always_comb
    def look():
        free.next = not taken[head_stream]

    @always_comb
    def want():
        wanted.next = full[stream]

    @always_comb
    def hold():
        held.next = user and from_state and ((not wanted) or (claim and frame_stream == stream))

    @always_comb
    def events():
        claim.next = frame_start and frame_loaded
        release.next = cells_valid and cells_loaded and cells_index == last_group

    @always(clk.posedge)
    def keep():
        if rst:
            for s in range(streams):
                taken[s].next = False
                full[s].next = False
        else:
            for s in range(streams):
                if begins and head_stream == s:
                    taken[s].next = True
                elif release and cells_stream == s:
                    taken[s].next = False
                if done and done_stream == s:
                    full[s].next = True
                elif claim and frame_stream == s:
                    full[s].next = False

    return instances()


@block
def not_loaded(first, loaded, fresh):
    """fresh = first of a sequence, and not from a loaded state."""

    @always_comb
    def clear():
        fresh.next = first and not loaded

    return clear


@made_once
def pages_leaf(streams: int, groups: int) -> Leaf:
    """The pages of loaded states.

    Ports: head_stream with free: the next frame of s_state may begin; begins: it does; done,
    done_stream: its last word is stored; user, from_state, stream with held: the beat at the head of
    s_axis would start a sequence whose state is not there; frame_start, frame_loaded, frame_stream: such
    a sequence has started; cells_valid, cells_loaded, cells_index, cells_stream: a group of cells is read.
    """
    tid = Word(bits_for(streams))
    return Leaf(
        "state_pages",
        state_pages,
        ins(
            clk=Bit(), rst=Bit(), head_stream=tid, begins=Bit(), done=Bit(), done_stream=tid,
            user=Bit(), from_state=Bit(), stream=tid, frame_start=Bit(), frame_loaded=Bit(),
            frame_stream=tid, cells_valid=Bit(), cells_loaded=Bit(),
            cells_index=Word(bits_for(groups)), cells_stream=tid,
        )
        | outs(free=Bit(), held=Bit()),
        {"last_group": groups - 1, "streams": streams},
    )  # fmt: skip


@made_once
def not_loaded_leaf() -> Leaf:
    """Whether a frame starts from zero."""
    return Leaf("not_loaded", not_loaded, ins(first=Bit(), loaded=Bit()) | outs(fresh=Bit()))
