"""The sequencer: steps through the program, one operation a cycle.

Two counters: one for the passes of a frame's first phase (gates), one for those of the second phase (a
projection, or the candidate of a GRU), which may belong to an earlier frame. A pass, once begun, is not
interrupted. An operation is issued when what it needs is there: enough columns of its source, an idle
drain if it ends a row, a free output page if it starts a frame. Otherwise it waits, and everything already
issued goes on. Between passes,

* a second phase whose m is complete goes first;
* else a gate pass, if no earlier frame is owed its second phase, or if all of its x and y are there, so
  that it cannot keep the lanes waiting for that second phase (which y may depend on); in a split cell, a
  pass of x needs its x and one of y its y;
* else a second phase whose first columns are there.

Each program memory is read one operation ahead. Frames are numbered by arrival, and everything but the
choice above happens in that order. A frame's tag (stream, page of y that it writes, first of a
sequence, and whether that starts from a loaded state) travels with its operations.

Availability is counted in groups as the spectrum stores are written (x: 1 block; y: output_width;
m: E blocks) and reduced by a whole frame when its last reader is issued; y separately for each stream.
The second phase's columns of x need no count: the first phase of the frame has read them all. A page of x
is given back with the last operation of either phase that reads it.
Latency: an operation's tags and addresses are valid one cycle after the decision.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, concat

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.netlist import Leaf, ins, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, like, unsigned
from ernn_myhdl.program.program import FLAGS, program_for

ISSUE_LATENCY = 1
#: Fields of a program word that the passes of the second phase use, and those of one that reads x.
SECOND_FIELDS = ("index", "need", "first", "last", "chunks", "final")
SECOND_X_FIELDS = ("source", "x_done")
#: Of a split cell, in both phases.
PART = "part"


@block
def sequencer(
    clk, rst,
    gate_source, gate_index, gate_need, gate_first, gate_last, gate_chunks, gate_start,
    gate_x_done, gate_y_done, gate_final, gate_fetch,
    second_index, second_need, second_first, second_last, second_chunks,
    second_final, second_fetch,
    frame_start, frame_fresh, frame_stream, x_write, y_write, y_write_stream, m_write,
    output_release, op_valid, op_recurrent, op_second, op_index, op_first, op_last, op_tag,
    op_address, x_page, y_page, m_page, x_write_page, m_write_page, x_write_index, y_write_index,
    m_write_index, x_release, shifting,
    gate_length, base, length, x_groups, y_groups, m_groups, streams, pages,
    second_source=None, second_x_done=None, op_second_x=None, second_x_page=None,
    gate_part=None, second_part=None, op_part=None,
):  # fmt: skip
    """See the module. gate_, second_: the fields of the program words fetched last.

    The ports that default to None are those of a second phase that reads x, and of a split cell.
    """
    reads_x = second_source is not None
    numbered = len(op_tag) > len(frame_fresh) + 1 + len(frame_stream)
    gate_counter, second_counter = unsigned(len(gate_fetch)), unsigned(len(gate_fetch))
    loaded = Signal(bool(0))
    in_gates, in_second = Signal(bool(0)), Signal(bool(0))
    issue_gate, issue_second, urgent, admitted = (Signal(bool(0)) for _ in range(4))
    gate_ready, second_ready, gate_begins, second_done = (Signal(bool(0)) for _ in range(4))
    y_consumed = Signal(bool(0))
    stream_bits = len(frame_stream)
    x_available = unsigned(bits_for(2 * x_groups + 1))
    m_available = unsigned(bits_for(pages * m_groups + 1))
    # one for each value of the index: GHDL 2.0 writes a word of no bits for an array of one element
    places = 1 << stream_bits
    y_available = [unsigned(bits_for(2 * y_groups + 1)) for _ in range(places)]
    y_complete, y_latest = ([Signal(bool(0)) for _ in range(places)] for _ in range(2))
    y_now = unsigned(len(y_available[0]))
    x_index, y_index, m_index = (unsigned(bits_for(g)) for g in (x_groups, y_groups, m_groups))
    x_in, x_out, x_second = (Signal(bool(0)) for _ in range(3))
    x_freed = Signal(bool(0))
    busy = unsigned(len(gate_chunks))
    outstanding, pending = unsigned(bits_for(pages + 1)), unsigned(bits_for(pages + 1))
    page_bits = bits_for(pages)
    m_in, slot_in, slot_out = (unsigned(page_bits) for _ in range(3))
    slots = [unsigned(len(op_tag)) for _ in range(pages)]
    waiting = unsigned(2)
    head_fresh, second_fresh = like(frame_fresh), like(frame_fresh)
    head_stream, second_stream = unsigned(stream_bits), unsigned(stream_bits)
    head_page, head_other = Signal(bool(0)), Signal(bool(0))
    now_stream, now_page = unsigned(stream_bits), Signal(bool(0))
    head_tag, now_tag = unsigned(len(op_tag)), unsigned(len(op_tag))
    last_gate, last_word = gate_length - 1, length - 1
    last_x, last_y, last_m, last_page = x_groups - 1, y_groups - 1, m_groups - 1, pages - 1

    @always_comb
    def pick_y():
        y_now.next = y_available[now_stream]

    @always_comb
    def gate_can():
        gate_ready.next = False
        if loaded and ((not gate_last) or busy == 0) and ((not gate_start) or outstanding != pages):
            if gate_source == 0:
                gate_ready.next = gate_need <= x_available
            else:
                gate_ready.next = gate_need <= y_now

    @always_comb
    def second_can():
        second_ready.next = (
            pending != 0 and second_need <= m_available and ((not second_last) or busy == 0)
        )

    @always_comb
    def rank():
        urgent.next = pending != 0 and m_available >= m_groups
        admitted.next = (
            (not gate_start)
            or pending == 0
            or (x_available >= x_groups and y_complete[head_stream])
        )

    @always_comb
    def rank_parts():
        urgent.next = pending != 0 and m_available >= m_groups
        if gate_source == 0:
            admitted.next = (not gate_start) or pending == 0 or x_available >= x_groups
        else:
            admitted.next = pending == 0 or y_complete[now_stream]

    @always(clk.posedge)
    def part_of_gates():
        op_part.next = gate_part and not issue_second

    @always(clk.posedge)
    def part_of_both():
        op_part.next = gate_part
        if issue_second:
            op_part.next = second_part

    @always_comb
    def decide():
        issue_gate.next = False
        issue_second.next = False
        if in_gates:
            issue_gate.next = gate_ready
        elif in_second or urgent:
            issue_second.next = second_ready
        elif gate_ready and admitted:
            issue_gate.next = True
        else:
            issue_second.next = second_ready

    @always_comb
    def consequences():
        gate_begins.next = issue_gate and gate_start
        second_done.next = issue_second and second_final
        y_consumed.next = issue_gate and gate_y_done

    @always_comb
    def addresses():
        gate_fetch.next = gate_counter
        if issue_gate:
            if gate_counter == last_gate:
                gate_fetch.next = 0
            else:
                gate_fetch.next = gate_counter + 1
        second_fetch.next = second_counter
        if issue_second:
            if second_counter == last_word:
                second_fetch.next = base
            else:
                second_fetch.next = second_counter + 1

    @always_comb
    def tell():
        shifting.next = busy != 0
        x_write_index.next = x_index
        y_write_index.next = y_index
        m_write_index.next = m_index
        x_write_page.next = x_in
        m_write_page.next = m_in

    @always_comb
    def page_of_head():
        head_page.next = y_latest[head_stream]
        head_other.next = not y_latest[head_stream]

    @always_comb
    def tag_of_head():
        head_tag.next = concat(head_stream, head_other, head_fresh)

    @always_comb
    def numbered_tag_of_head():
        head_tag.next = concat(slot_in, head_stream, head_other, head_fresh)

    @always_comb
    def freed_by_first():
        x_freed.next = issue_gate and gate_x_done

    @always_comb
    def freed_by_second():
        x_freed.next = issue_second and second_x_done

    @always(clk.posedge)
    def second_x():
        if rst:
            x_second.next = False
        elif x_freed:
            x_second.next = not x_second
        op_second_x.next = issue_second and second_source == 0
        second_x_page.next = x_second

    @always(clk.posedge)
    def operation():
        if rst:
            gate_counter.next = 0
            second_counter.next = base
            loaded.next = False
            in_gates.next = False
            in_second.next = False
            op_valid.next = False
            op_first.next = False
            op_last.next = False
            x_release.next = False
            busy.next = 0
            x_out.next = False
        else:
            loaded.next = True
            gate_counter.next = gate_fetch
            second_counter.next = second_fetch
            op_valid.next = issue_gate or issue_second
            op_first.next = (issue_gate and gate_first) or (issue_second and second_first)
            op_last.next = (issue_gate and gate_last) or (issue_second and second_last)
            x_release.next = x_freed
            if busy != 0:
                busy.next = busy - 1
            if issue_gate:
                in_gates.next = not gate_last
                if gate_last:
                    busy.next = gate_chunks
                if gate_x_done:
                    x_out.next = not x_out
            if issue_second:
                in_second.next = not second_last
                if second_last:
                    busy.next = second_chunks
        op_recurrent.next = gate_source != 0
        op_second.next = issue_second
        op_index.next = gate_index
        op_tag.next = now_tag
        if gate_begins:  # it may be the frame's only operation
            op_tag.next = head_tag
        op_address.next = gate_counter
        if issue_second:
            op_index.next = second_index
            op_tag.next = slots[slot_out]
            op_address.next = second_counter
        x_page.next = x_out
        y_page.next = concat(now_stream, now_page)
        m_page.next = slot_out

    @always(clk.posedge)
    def arrivals():
        if rst:
            waiting.next = 0
        elif frame_start and not gate_begins:
            waiting.next = waiting + 1
        elif gate_begins and not frame_start:
            waiting.next = waiting - 1
        if gate_begins:
            head_fresh.next = second_fresh
            head_stream.next = second_stream
        if frame_start:
            second_fresh.next = frame_fresh
            second_stream.next = frame_stream
            if waiting == 0 or (waiting == 1 and gate_begins):
                head_fresh.next = frame_fresh
                head_stream.next = frame_stream

    @always(clk.posedge)
    def begin():
        if gate_begins:
            now_stream.next = head_stream
            now_page.next = head_page
            now_tag.next = head_tag
            slots[slot_in].next = head_tag

    @always(clk.posedge)
    def frames():
        if rst:
            outstanding.next = 0
            pending.next = 0
            slot_in.next = 0
            slot_out.next = 0
        else:
            if gate_begins and not output_release:
                outstanding.next = outstanding + 1
            elif output_release and not gate_begins:
                outstanding.next = outstanding - 1
            if issue_gate and gate_final and not second_done:
                pending.next = pending + 1
            elif second_done and not (issue_gate and gate_final):
                pending.next = pending - 1
            if gate_begins:
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
    def count_x():
        if rst:
            x_available.next = 0
            x_index.next = 0
            x_in.next = False
        else:
            if x_write and issue_gate and gate_x_done:
                x_available.next = x_available - last_x
            elif x_write:
                x_available.next = x_available + 1
            elif issue_gate and gate_x_done:
                x_available.next = x_available - x_groups
            if x_write:
                if x_index == last_x:
                    x_index.next = 0
                    x_in.next = not x_in
                else:
                    x_index.next = x_index + 1

    @always(clk.posedge)
    def count_y():
        if rst:
            for s in range(streams):
                y_available[s].next = y_groups
                y_complete[s].next = True
                y_latest[s].next = True
            y_index.next = 0
        else:
            for s in range(streams):
                if gate_begins and (head_stream == s):
                    y_latest[s].next = not y_latest[s]
                if y_consumed and (now_stream == s):
                    y_complete[s].next = False
                    if y_write and (y_write_stream == s):
                        y_available[s].next = y_available[s] - last_y
                    else:
                        y_available[s].next = y_available[s] - y_groups
                else:
                    if y_write and (y_write_stream == s):
                        y_available[s].next = y_available[s] + 1
                        if y_index == last_y:
                            y_complete[s].next = True
            if y_write:
                if y_index == last_y:
                    y_index.next = 0
                else:
                    y_index.next = y_index + 1

    @always(clk.posedge)
    def count_m():
        if rst:
            m_available.next = 0
            m_index.next = 0
            m_in.next = 0
        else:
            if m_write and second_done:
                m_available.next = m_available - last_m
            elif m_write:
                m_available.next = m_available + 1
            elif second_done:
                m_available.next = m_available - m_groups
            if m_write:
                if m_index == last_m:
                    m_index.next = 0
                    if m_in == last_page:
                        m_in.next = 0
                    else:
                        m_in.next = m_in + 1
                else:
                    m_index.next = m_index + 1

    processes = [
        pick_y, gate_can, second_can, decide, consequences, addresses, tell, page_of_head,
        operation, arrivals, begin, frames, count_x, count_y, count_m,
        numbered_tag_of_head if numbered else tag_of_head,
    ]  # fmt: skip
    processes += [freed_by_second, second_x] if reads_x else [freed_by_first]
    if gate_part is None:
        return [*processes, rank]
    return [*processes, rank_parts, part_of_both if reads_x else part_of_gates]


def flags(initial_states: bool) -> int:
    """Bits of a tag below the stream: first frame of a sequence; with initial states, whether the
    sequence starts from a loaded one; page of y that is written."""
    return 3 if initial_states else 2


def tag_bits(design: Structure) -> int:
    """Bits of a frame's tag: `flags`, stream (at least one bit), and in a cell that keeps values for its
    second phase the page of m, lowest first."""
    bits = flags(design.hardware.initial_states) + bits_for(design.hardware.streams)
    keeps = design.cell.second_phase == "candidate"
    return bits + (bits_for(design.hardware.frames_in_flight) if keeps else 0)


def leaf(design: Structure) -> Leaf:
    """The sequencer of `design`.

    Ports: gate_* and second_*, the fields of the two program words, and the addresses of the next
    ones; frame_start with frame_fresh, frame_stream: a frame begins to arrive, first of a sequence (and,
    with initial states, from a loaded one); x_write, y_write with
    y_write_stream, m_write: a group of spectra is written; output_release: the last beat of a frame
    is read; op_*: the operation; x_page, y_page, m_page: pages that it reads; *_write_page,
    *_write_index: where the next group goes; x_release: the last reader of a frame of x is issued;
    op_second_x, second_x_page: the second phase reads x, and its page; op_part: of a split cell, the pass
    is of x and its rows are added to those of the next;
    shifting: the drain chain moves.
    """
    program, pages = program_for(design), design.hardware.frames_in_flight
    x_groups, m_groups = design.cell.input_blocks, program.cell_groups
    widths = program.field_bits
    stream = Word(bits_for(design.hardware.streams))
    address, page = Word(program.address_bits), Word(bits_for(pages))
    ports = ins(clk=Bit(), rst=Bit())
    for name, width in widths.items():
        ports |= ins(**{f"gate_{name}": Bit() if name in FLAGS else Word(width)})
    reads_x, split = design.cell.second_reads_x, design.cell.split
    more = (SECOND_X_FIELDS if reads_x else ()) + ((PART,) if reads_x and split else ())
    for name in SECOND_FIELDS + more:
        ports |= ins(**{f"second_{name}": Bit() if name in FLAGS else Word(widths[name])})
    ports |= outs(gate_fetch=address, second_fetch=address)
    ports |= ins(
        frame_start=Bit(),
        frame_fresh=Word(2) if design.hardware.initial_states else Bit(),
        frame_stream=stream,
        x_write=Bit(),
        y_write=Bit(),
        y_write_stream=stream,
        m_write=Bit(),
        output_release=Bit(),
    )
    ports |= outs(
        op_valid=Bit(),
        op_recurrent=Bit(),
        op_second=Bit(),
        op_index=Word(widths["index"]),
        op_first=Bit(),
        op_last=Bit(),
        op_tag=Word(tag_bits(design)),
        op_address=address,
        x_page=Bit(),
        y_page=Word(stream.width + 1),
        m_page=page,
        x_write_page=Bit(),
        m_write_page=page,
        x_write_index=Word(bits_for(x_groups)),
        y_write_index=Word(bits_for(program.output_groups)),
        m_write_index=Word(bits_for(m_groups)),
        x_release=Bit(),
        shifting=Bit(),
    )
    if reads_x:
        ports |= outs(op_second_x=Bit(), second_x_page=Bit())
    if split:
        ports |= outs(op_part=Bit())
    return Leaf(
        "sequencer",
        sequencer,
        ports,
        {
            "gate_length": program.gate_length,
            "base": program.gate_length if program.second_passes else 0,
            "length": program.length,
            "x_groups": x_groups,
            "y_groups": program.output_groups,
            "m_groups": m_groups,
            "streams": design.hardware.streams,
            "pages": pages,
        },
    )
