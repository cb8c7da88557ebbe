"""Framing of y: reads the output store beat by beat as its groups arrive.

`output_pages` counts the groups of each page of the store, `output_beats` reads the beats of the page that
is next. A frame's tag says of which stream it is and how its sequence starts.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.parts import composed, part
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl.fifo import DEPTH
from ernn_myhdl.rtl.sequencer.tags import flags


@block
def output_pages(
    clk, rst, write, write_tag, leaves, write_index, write_page, read_page, have, tag, groups, pages
):
    """The pages of the output store: where the next group goes, which page is read.

    write, write_tag: a group of a frame is written. leaves: the last beat of read_page is read. have, tag: the
    groups of read_page, and its frame's tag.
    """
    written = [unsigned(len(have)) for _ in range(pages)]
    tags = [unsigned(len(write_tag)) for _ in range(pages)]
    group = unsigned(len(write_index))
    page_in, page_out = unsigned(len(write_page)), unsigned(len(read_page))
    last_group, last_page = groups - 1, pages - 1

    @always_comb
    def tell():
        write_index.next = group
        write_page.next = page_in
        read_page.next = page_out
        have.next = written[page_out]
        tag.next = tags[page_out]

    @always(clk.posedge)
    def keep():
        if rst:
            for p in range(pages):
                written[p].next = 0
            group.next = 0
            page_in.next = 0
            page_out.next = 0
        else:
            if write:
                written[page_in].next = written[page_in] + 1
                tags[page_in].next = write_tag
                if group == last_group:
                    group.next = 0
                    if page_in == last_page:
                        page_in.next = 0
                    else:
                        page_in.next = page_in + 1
                else:
                    group.next = group + 1
            if leaves:
                written[page_out].next = 0
                if page_out == last_page:
                    page_out.next = 0
                else:
                    page_out.next = page_out + 1

    return tell, keep


@block
def output_beats(
    clk, rst, have, tag, held, leaves, read_index, beat_valid, beat_last, beat_user, beat_stream,
    page_free, groups, beats, numerator, denominator, slots, tag_flags, beat_loaded=None, beat_closes=None,
    beat_bank=None,
):  # fmt: skip
    """Reads the beats of a page, each as soon as the groups it needs are there.

    held: words in the FIFO behind, of `slots`. A beat is valid a cycle after it is read. numerator groups
    make denominator beats. leaves: the last beat of the page is read; page_free: it was.
    """
    beat, following = unsigned(len(read_index)), unsigned(len(read_index) + 1)
    issue, ends = Signal(bool(0)), Signal(bool(0))
    before_last = max(beats - 2, 0)
    steps = denominator.bit_length() - 1
    # of the beat that is next: the groups that it needs beside one, whether it is the last
    needed, final = unsigned(len(have)), Signal(bool(0))
    first_need, one_beat = groups - 1 if beats == 1 else numerator - 1, beats == 1
    last_need = groups - 1

    @always(clk.posedge)
    def need_many():
        if rst or ends:
            needed.next = first_need
        elif issue:
            if beat == before_last:
                needed.next = last_need
            else:
                needed.next = needed + numerator

    @always(clk.posedge)
    def need_part():
        if rst or ends:
            needed.next = 0
        elif issue:
            needed.next = following >> steps

    @always(clk.posedge)
    def number():
        if rst or ends:
            final.next = one_beat
        elif issue:
            final.next = beat == before_last

    @always_comb
    def follow():
        following.next = beat + 1

    @always_comb
    def decide():
        issue.next = (needed < have) and (held <= slots - 2)

    @always_comb
    def look():
        ends.next = issue and final

    @always_comb
    def tell():
        leaves.next = ends
        read_index.next = beat

    @always(clk.posedge)
    def control():
        if rst:
            beat.next = 0
            beat_valid.next = False
            beat_last.next = False
            beat_user.next = False
            page_free.next = False
        else:
            beat_valid.next = issue
            page_free.next = ends
            if issue:
                beat_last.next = final
                beat_user.next = tag[0] and beat == 0
                beat_stream.next = tag >> tag_flags
                if ends:
                    beat.next = 0
                else:
                    beat.next = beat + 1

    @always(clk.posedge)
    def from_state():
        if issue:
            beat_loaded.next = tag[1] and beat == 0

    bank_bit = tag_flags - 2
    end_bit = bank_bit if beat_bank is None else bank_bit - 1

    @always(clk.posedge)
    def ending():
        if issue:
            beat_closes.next = tag[end_bit] and beat == 0

    @always(clk.posedge)
    def banked():
        if issue:
            beat_bank.next = tag[bank_bit]

    need = [follow, need_part] if denominator > 1 else [need_many]
    processes = [*need, number, decide, look, tell, control]
    processes += [] if beat_loaded is None else [from_state]
    processes += [] if beat_closes is None else [ending]
    return processes if beat_bank is None else [*processes, banked]


@made_once
def output_frames(
    groups: int,
    group_samples: int,
    samples_per_beat: int,
    outputs: int,
    pages: int = 2,
    streams: int = 1,
    initial_states: bool = False,
    sequence_ends: bool = False,
    weight_banks: int = 1,
) -> Netlist:
    """Pointers of the output store for frames of `groups` groups and as many beats as y needs.

    Ports: write with write_tag (of the frame; see `ernn_myhdl.rtl.sequencer.tags`): a group of y; held:
    words in the FIFO behind; write_index, write_page, read_index, read_page: of the store;
    beat_valid with beat_last, beat_user, beat_stream: what is read; page_free: a frame has left.
    With initial states beat_loaded: first of a sequence that started from a loaded state; with ends of sequences beat_closes:
    first of the last frame of a sequence; with two banks of weights beat_bank: of the beat's frame.
    """
    tag_flags = flags(initial_states, sequence_ends, weight_banks)
    beats = -(-outputs // samples_per_beat)
    small = min(group_samples, samples_per_beat)
    page, have = Word(bits_for(pages)), Word(bits_for(groups + 1))
    tag, stream = Word(tag_flags + bits_for(streams)), Word(bits_for(streams))
    loaded = outs(beat_loaded=Bit()) if initial_states else {}
    loaded |= outs(beat_closes=Bit()) if sequence_ends else {}
    loaded |= outs(beat_bank=Bit()) if weight_banks > 1 else {}
    written = Leaf(
        "output_pages",
        output_pages,
        ins(clk=Bit(), rst=Bit(), write=Bit(), leaves=Bit(), write_tag=tag)
        | outs(tag=tag, write_index=Word(bits_for(groups)), have=have)
        | outs(write_page=page, read_page=page),
        {"groups": groups, "pages": pages},
    )
    read = Leaf(
        "output_beats",
        output_beats,
        ins(clk=Bit(), rst=Bit(), have=have, tag=tag, held=Word(bits_for(DEPTH + 1)))
        | outs(leaves=Bit(), page_free=Bit(), beat_valid=Bit(), beat_last=Bit(), beat_user=Bit())
        | outs(read_index=Word(bits_for(beats)), beat_stream=stream)
        | loaded,
        {
            "groups": groups,
            "beats": beats,
            "numerator": samples_per_beat // small,
            "denominator": group_samples // small,
            "slots": DEPTH,
            "tag_flags": tag_flags,
        },
    )
    ports = ins(clk=Bit(), rst=Bit(), write=Bit(), write_tag=tag, held=Word(bits_for(DEPTH + 1)))
    ports |= outs(write_index=Word(bits_for(groups)), write_page=page)
    ports |= outs(read_index=Word(bits_for(beats)), read_page=page, beat_valid=Bit())
    ports |= outs(beat_last=Bit(), beat_user=Bit(), beat_stream=stream, page_free=Bit()) | loaded
    return composed("output_frames", [part("pages", written), part("beats", read)], ports)
