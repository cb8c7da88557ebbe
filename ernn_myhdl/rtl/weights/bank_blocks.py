"""When weights may be written, and which of two banks a frame takes.

Frames are counted where they enter the core and where they leave it, by their tlast; where frames of y stand for sequences, those of sequences that have ended
(`idle_sequences`). Behind a frame_error the counts may be wrong, so that no image is taken until a reset. Which weights the memories hold outlives a reset.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, concat

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned

#: Bits of the count of the frames in a core.
COUNT_BITS = 24


@block
def idle_bank(
    clk, rst, s_valid, core_ready, s_last, m_valid, m_ready, m_last, error, claim, load, accepted, damaged,
    core_valid, s_ready, granted, denied, incomplete, running=None, ended=None, due=1,
):  # fmt: skip
    """One bank: it is granted where no frame is in the core, which then takes none until an image is accepted.

    Two cycles behind `claim`: behind it the core takes no frames, so whether it is idle can be looked for a cycle ahead.

    incomplete: some words of an image are written, but not all; load: one is. running, ended: see `idle_sequences`; due: frames
    of y of a sequence that has ended.
    """
    frames = unsigned(COUNT_BITS)
    inside, closed, begun, asked, asking, idle, idles = (Signal(bool(0)) for _ in range(7))
    enters, leaves = Signal(bool(0)), Signal(bool(0))

    @always_comb
    def gate():
        core_valid.next = s_valid and not closed
        s_ready.next = core_ready and not closed
        enters.next = s_valid and core_ready and not closed
        leaves.next = m_valid and m_ready and m_last

    @always_comb
    def look():
        idles.next = frames == 0 and not inside and not error

    @always_comb
    def look_between():
        idles.next = frames == 0 and not inside and not running and not error

    @always_comb
    def answer():
        granted.next = asking and idle
        denied.next = asking and not idle
        incomplete.next = closed and begun

    @always(clk.posedge)
    def count():
        if rst:
            frames.next = 0
            inside.next = False
        else:
            if enters:
                inside.next = not s_last
            if enters and s_last:
                if not leaves:
                    frames.next = frames + 1
            elif leaves and frames != 0:
                frames.next = frames - 1

    @always(clk.posedge)
    def count_ended():
        if rst:
            frames.next = 0
            inside.next = False
        else:
            if enters:
                inside.next = not s_last
            if ended:
                if leaves and frames != 0:
                    frames.next = frames + (due - 1)
                else:
                    frames.next = frames + due
            elif leaves and frames != 0:
                frames.next = frames - 1

    @always(clk.posedge)
    def close():
        asked.next = claim and not rst
        asking.next = asked and not rst
        idle.next = idles
        if accepted:
            closed.next = False
            begun.next = False
        elif load:
            begun.next = True
        elif rst or damaged or (asking and not idle):
            closed.next = begun
        elif claim:
            closed.next = True

    if running is None:
        return gate, look, answer, count, close
    return gate, look_between, answer, count_ended, close


@block
def sequence_banks(
    clk,
    rst,
    valid,
    ready,
    last,
    first,
    closes,
    stream,
    fresh_bank,
    shadow,
    bank,
    starts,
    used,
    streams,
):
    """Two banks: that of the frame to which the beat at s_axis belongs, for each stream that of its sequence.

    A sequence starts with `first`, or where its stream has none; it is over where another starts on its stream, behind its last
    frame (`closes` on the frame's first beat) and in a reset. starts: one does, on the bank fresh_bank. used: one that is
    not over has the bank `shadow`.
    """
    # one for each value of the index: see `ernn_myhdl.rtl.sequencer.groups`
    places = 1 << len(stream)
    opened = [Signal(bool(0)) for _ in range(places)]
    banks = [Signal(bool(0)) for _ in range(places)]
    inside, ending, begins, chosen, final = (Signal(bool(0)) for _ in range(5))

    @always_comb
    def look():
        begins.next = first or not opened[stream]

    @always_comb
    def choose():
        if begins:
            chosen.next = fresh_bank
        else:
            chosen.next = banks[stream]

    @always_comb
    def end():
        if inside:
            final.next = ending
        else:
            final.next = closes

    @always_comb
    def tell():
        bank.next = chosen
        starts.next = begins and valid and ready

    @always_comb
    def users():
        used.next = False
        for s in range(streams):
            if opened[s] and banks[s] == shadow:
                used.next = True

    @always(clk.posedge)
    def keep():
        if rst:
            inside.next = False
            for s in range(streams):
                opened[s].next = False
        elif valid and ready:
            inside.next = not last
            ending.next = final
            banks[stream].next = chosen
            opened[stream].next = not (last and final)

    return look, choose, end, tell, users, keep


@block
def bank_switch(
    clk, rst, valid, ready, last, starts, bank, m_valid, m_ready, m_last, error, used, claim, accepted,
    fresh_bank, shadow, pending, granted, denied,
):  # fmt: skip
    """Two banks: which one new sequences have, and whether the other, `shadow`, may be written.

    accepted: its image is complete, so that the next sequence takes it (`pending` until then). Granted, two cycles behind `claim`, where no
    sequence has it and no frame in the core: of those that have, `old` counts the frames up to the last one. No sequence takes it behind
    `claim`, so that can be looked for a cycle ahead.
    """
    current, waits, asked, asking, idle = (Signal(bool(0)) for _ in range(5))
    enters, leaves, takes = (Signal(bool(0)) for _ in range(3))
    frames, old = unsigned(COUNT_BITS), unsigned(COUNT_BITS)

    @always_comb
    def look():
        enters.next = valid and ready and last
        leaves.next = m_valid and m_ready and m_last
        takes.next = starts and waits

    @always_comb
    def tell():
        fresh_bank.next = current != waits
        shadow.next = not current
        pending.next = waits

    @always_comb
    def answer():
        granted.next = asking and idle
        denied.next = asking and not idle

    @always(clk.posedge)
    def switch():
        asked.next = claim and not rst
        asking.next = asked and not rst
        idle.next = old == 0 and not used and not error
        if takes and not rst:
            current.next = not current
            waits.next = False
        elif claim:
            waits.next = False
        elif accepted:
            waits.next = True

    @always(clk.posedge)
    def count():
        if rst:
            frames.next = 0
            old.next = 0
        else:
            if enters and not leaves:
                frames.next = frames + 1
            elif leaves and not enters and frames != 0:
                frames.next = frames - 1
            if takes:
                if leaves and frames != 0:
                    old.next = frames - 1
                else:
                    old.next = frames
            elif enters and bank != current:
                if leaves:
                    old.next = frames
                else:
                    old.next = frames + 1
            elif leaves and old != 0:
                old.next = old - 1

    return look, tell, answer, switch, count


@block
def image_status(
    clk,
    rst,
    starts,
    accepted,
    damaged,
    other,
    occupied,
    loading,
    pending,
    incomplete,
    status,
    banks,
):
    """weights_status: what became of the last image, from its first word on, and what is under way."""
    done, bad, foreign, busy, works = (Signal(bool(0)) for _ in range(5))
    never = Signal(bool(0))

    @always_comb
    def look():
        works.next = loading or accepted or damaged

    @always_comb
    def of_one():
        status.next = concat(incomplete, never, bad, foreign, busy, pending, done, works)

    @always_comb
    def of_two():
        status.next = concat(incomplete, busy, bad, foreign, never, pending, done, works)

    @always(clk.posedge)
    def keep():
        if starts:
            done.next = False
            bad.next = False
            foreign.next = False
            busy.next = False
        if accepted:
            done.next = True
        if other:
            foreign.next = True
        if occupied:
            busy.next = True
        if damaged or (rst and loading):
            bad.next = True

    return look, keep, of_one if banks == 1 else of_two


def bits(*names: str) -> dict[str, Bit]:
    return dict.fromkeys(names, Bit())


@made_once
def idle_leaf(due: int | None = None) -> Leaf:
    """Ports: s_ and m_: the streams of x and y; core_valid, core_ready: that of x behind the gate; others: see `idle_bank`.

    due: frames of y of a sequence, where they stand for sequences; None: each frame of x has one.
    """
    streams = bits("s_valid", "core_ready", "s_last", "m_valid", "m_ready", "m_last", "error")
    return Leaf(
        "idle_bank",
        idle_bank,
        ins(**bits("clk", "rst"), **streams, **bits("claim", "load", "accepted", "damaged"))
        | outs(**bits("core_valid", "s_ready", "granted", "denied", "incomplete"))
        | ins(**bits(*(("running", "ended") if due else ()))),
        {"due": due} if due else {},
    )


@made_once
def sequences_leaf(streams: int) -> Leaf:
    """Ports: see `sequence_banks`."""
    given = bits("clk", "rst", "valid", "ready", "last", "first", "closes", "fresh_bank", "shadow")
    return Leaf(
        "sequence_banks",
        sequence_banks,
        ins(**given, stream=Word(bits_for(streams))) | outs(**bits("bank", "starts", "used")),
        {"streams": streams},
    )


@made_once
def switch_leaf() -> Leaf:
    """Ports: see `bank_switch`."""
    given = bits("clk", "rst", "valid", "ready", "last", "starts", "bank", "m_valid", "m_ready")
    more = bits("m_last", "error", "used", "claim", "accepted")
    made = bits("fresh_bank", "shadow", "pending", "granted", "denied")
    return Leaf("bank_switch", bank_switch, ins(**given, **more) | outs(**made))


@made_once
def status_leaf(banks: int) -> Leaf:
    """Ports: see `image_status`."""
    given = bits("clk", "rst", "starts", "accepted", "damaged", "other", "occupied", "loading")
    return Leaf(
        f"image_status_{banks}",
        image_status,
        ins(**given, **bits("pending", "incomplete")) | outs(status=Word(8)),
        {"banks": banks},
    )
