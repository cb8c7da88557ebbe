"""The sequencer: steps through the program, one operation a cycle.

An operation is issued when what it needs is there: enough columns of its source, an idle drain if it
ends a row, a free output page if it starts a frame. Otherwise it waits, and everything already issued
goes on. The program memory is read one operation ahead.

Availability is counted in groups as the spectrum stores are written (x: 1 block; y: output_width;
m: E blocks) and reduced by a whole frame when its last reader is issued.
Latency: an operation's tags and addresses are valid one cycle after the decision.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.netlist import Leaf, ins, outs
from ernn_myhdl.program import FLAGS, Program
from ernn_myhdl.rtl.signals import Bit, Word, bits_for, unsigned

ISSUE_LATENCY = 1
#: Frames whose outputs may be under way or waiting: pages of the output store.
OUTPUT_PAGES = 2


@block
def sequencer(
    clk, rst, source, index, need, first, last, chunks, start, x_done, y_done, final, fetch,
    frame_start, frame_fresh, x_write, y_write, m_write, output_release, op_valid, op_recurrent,
    op_projected, op_index, op_first, op_last, op_fresh, op_address, x_page, y_page, x_write_page,
    y_write_page, x_write_index, y_write_index, m_write_index, x_release, shifting,
    length, x_groups, y_groups, m_groups,
):  # fmt: skip
    """See the module. source .. final: the fields of the program word fetched last."""
    counter = unsigned(bits_for(length))
    loaded = Signal(bool(0))
    issue = Signal(bool(0))
    enough = Signal(bool(0))
    m_done = Signal(bool(0))
    x_available = unsigned(bits_for(2 * x_groups + 1))
    y_available = unsigned(bits_for(2 * y_groups + 1))
    m_available = unsigned(bits_for(2 * m_groups + 1))
    x_index, y_index, m_index = (unsigned(bits_for(g)) for g in (x_groups, y_groups, m_groups))
    x_in, y_in, x_out, y_out = (Signal(bool(0)) for _ in range(4))
    busy = unsigned(len(chunks))
    outstanding = unsigned(2)
    fresh_0, fresh_1, fresh_now = (Signal(bool(0)) for _ in range(3))
    frame_in, frame_out = Signal(bool(0)), Signal(bool(0))
    fresh_head = Signal(bool(0))
    last_word = length - 1
    last_x, last_y, last_m = x_groups - 1, y_groups - 1, m_groups - 1

    @always_comb
    def compare():
        if source == 0:
            enough.next = need <= x_available
        elif source == 1:
            enough.next = need <= y_available
        else:
            enough.next = need <= m_available

    @always_comb
    def decide():
        issue.next = (
            loaded and enough and ((not last) or busy == 0) and ((not start) or outstanding != 2)
        )

    @always_comb
    def consume():
        m_done.next = issue and final and source == 2

    @always_comb
    def address():
        fetch.next = counter
        if issue:
            if counter == last_word:
                fetch.next = 0
            else:
                fetch.next = counter + 1

    @always_comb
    def head():
        fresh_head.next = fresh_now
        if start:
            fresh_head.next = fresh_0
            if frame_out:
                fresh_head.next = fresh_1

    @always_comb
    def tell():
        shifting.next = busy != 0
        x_write_index.next = x_index
        y_write_index.next = y_index
        m_write_index.next = m_index
        x_write_page.next = x_in
        y_write_page.next = y_in

    @always(clk.posedge)
    def operation():
        if rst:
            counter.next = 0
            loaded.next = False
            op_valid.next = False
            op_first.next = False
            op_last.next = False
            x_release.next = False
            busy.next = 0
            fresh_now.next = False
            x_out.next = False
            y_out.next = True
            frame_out.next = False
        else:
            loaded.next = True
            counter.next = fetch
            op_valid.next = issue
            op_first.next = issue and first
            op_last.next = issue and last
            x_release.next = issue and x_done
            if busy != 0:
                busy.next = busy - 1
            if issue:
                if last:
                    busy.next = chunks
                if start:
                    fresh_now.next = fresh_head
                    frame_out.next = not frame_out
                if x_done:
                    x_out.next = not x_out
                if y_done:
                    y_out.next = not y_out
        op_recurrent.next = source == 1
        op_projected.next = source == 2
        op_index.next = index
        op_fresh.next = fresh_head
        op_address.next = counter
        x_page.next = x_out
        y_page.next = y_out

    @always(clk.posedge)
    def frames():
        if rst:
            outstanding.next = 0
            frame_in.next = False
            fresh_0.next = False
            fresh_1.next = False
        else:
            if issue and start and not output_release:
                outstanding.next = outstanding + 1
            elif output_release and not (issue and start):
                outstanding.next = outstanding - 1
            if frame_start:
                frame_in.next = not frame_in
                if frame_in:
                    fresh_1.next = frame_fresh
                else:
                    fresh_0.next = frame_fresh

    @always(clk.posedge)
    def count_x():
        if rst:
            x_available.next = 0
            x_index.next = 0
            x_in.next = False
        else:
            if x_write and issue and x_done:
                x_available.next = x_available - last_x
            elif x_write:
                x_available.next = x_available + 1
            elif issue and x_done:
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
            y_available.next = y_groups
            y_index.next = 0
            y_in.next = False
        else:
            if y_write and issue and y_done:
                y_available.next = y_available - last_y
            elif y_write:
                y_available.next = y_available + 1
            elif issue and y_done:
                y_available.next = y_available - y_groups
            if y_write:
                if y_index == last_y:
                    y_index.next = 0
                    y_in.next = not y_in
                else:
                    y_index.next = y_index + 1

    @always(clk.posedge)
    def count_m():
        if rst:
            m_available.next = 0
            m_index.next = 0
        else:
            if m_write and m_done:
                m_available.next = m_available - last_m
            elif m_write:
                m_available.next = m_available + 1
            elif m_done:
                m_available.next = m_available - m_groups
            if m_write:
                if m_index == last_m:
                    m_index.next = 0
                else:
                    m_index.next = m_index + 1

    return instances()


def leaf(program: Program, x_groups: int) -> Leaf:
    """The sequencer of one program; x_groups: block columns of x."""
    widths = program.field_bits
    m_groups = program.cell_groups
    ports = ins(clk=Bit(), rst=Bit())
    for name, width in widths.items():
        ports |= ins(**{name: Bit() if name in FLAGS else Word(width)})
    ports |= outs(fetch=Word(program.address_bits))
    ports |= ins(
        frame_start=Bit(), frame_fresh=Bit(), x_write=Bit(), y_write=Bit(), m_write=Bit()
    ) | ins(output_release=Bit())
    ports |= outs(
        op_valid=Bit(),
        op_recurrent=Bit(),
        op_projected=Bit(),
        op_index=Word(widths["index"]),
        op_first=Bit(),
        op_last=Bit(),
        op_fresh=Bit(),
        op_address=Word(program.address_bits),
        x_page=Bit(),
        y_page=Bit(),
        x_write_page=Bit(),
        y_write_page=Bit(),
        x_write_index=Word(bits_for(x_groups)),
        y_write_index=Word(bits_for(program.output_groups)),
        m_write_index=Word(bits_for(m_groups)),
        x_release=Bit(),
        shifting=Bit(),
    )
    return Leaf(
        "sequencer",
        sequencer,
        ports,
        {
            "length": program.length,
            "x_groups": x_groups,
            "y_groups": program.output_groups,
            "m_groups": m_groups,
        },
    )
