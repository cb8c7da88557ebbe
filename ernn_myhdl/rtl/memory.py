"""Memories: a dual-port RAM, and a store that is written and read in groups of different size.

RAM: one write and one read port, both synchronous, read latency 1 cycle. A read of the word that is
written in the same cycle returns the old word. Contents start at zero and are not cleared by a
reset; whoever reads must know that the word was written.

Store: a RAM of items (spectra of one block column, or single samples). A write takes `write_items`
at a time, in order; a read takes `read_items` at a time. Both are powers of two. Where a read is
wider, several RAMs are written in turn and read together; where it is narrower, one RAM is read and
a part is selected. Read latency 1 cycle in both cases.
"""

from __future__ import annotations

from myhdl import always, always_comb, block

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl import stages
from ernn_myhdl.rtl.delay import delayed

READ_LATENCY = stages.latency(stages.READ)


@block
def ram(clk, write, write_address, data, read_address, q, depth, width):
    """A dual-port RAM of `depth` words of `width` bits."""
    memory = [unsigned(width) for _ in range(depth)]

    @always(clk.posedge)
    def access():
        if write:
            memory[write_address].next = data
        q.next = memory[read_address]

    return access


@block
def part_select(word, part, target, count, parts):
    """target is part number `part` of the word: `count` of its elements."""

    @always_comb
    def select():
        for i in range(count):
            target[i].next = word[i]
        for p in range(1, parts):
            if part == p:
                for i in range(count):
                    target[i].next = word[p * count + i]

    return select


@block
def bank_write(write, index, enable, bank, mask):
    """enable is write where the low bits of index name this bank."""

    @always_comb
    def decide():
        enable.next = False
        if (index & mask) == bank:
            enable.next = write

    return decide


@made_once
def ram_leaf(address_bits: int, width: int) -> Leaf:
    """A RAM of 2**address_bits words."""
    address = Word(address_bits)
    return Leaf(
        f"ram_{1 << address_bits}x{width}",
        ram,
        ins(clk=Bit(), write=Bit(), write_address=address, data=Word(width), read_address=address)
        | outs(q=Word(width)),
        {"depth": 1 << address_bits, "width": width},
    )


@made_once
def part_leaf(parts: int, kind: Array) -> Leaf:
    """Selects one of `parts` arrays."""
    return Leaf(
        f"part_{parts}_of_{kind.count}x{kind.width}",
        part_select,
        ins(word=Array(parts * kind.count, kind.width), part=Word(bits_for(parts)))
        | outs(target=kind),
        {"count": kind.count, "parts": parts},
    )


@made_once
def bank_leaf(index_bits: int, banks: int, bank: int) -> Leaf:
    """Write enable of one bank."""
    return Leaf(
        f"bank_{bank}_of_{banks}_{index_bits}",
        bank_write,
        ins(write=Bit(), index=Word(index_bits)) | outs(enable=Bit()),
        {"bank": bank, "mask": banks - 1},
    )


def store_bits(items: int, group: int) -> int:
    """Bits of the index of a group of `group` items out of `items`."""
    return bits_for(-(-items // group))


@made_once
def store(
    name: str, items: int, item: Array, write_items: int, read_items: int, pages: int
) -> Netlist:
    """A store of `pages` pages of `items` items.

    Ports: clk, rst, write, write_page, write_index (in groups of write_items), data; read_page,
    read_index (in groups of read_items); q, one cycle after the read index. With one page the page
    ports are ignored.
    """
    n = Netlist(name)
    clk, rst = n.input("clk", Bit()), n.input("rst", Bit())
    page_bits = bits_for(pages)
    write, write_page = n.input("write", Bit()), n.input("write_page", Word(page_bits))
    read_page = n.input("read_page", Word(page_bits))
    write_bits, read_bits = store_bits(items, write_items), store_bits(items, read_items)
    write_index = n.input("write_index", Word(write_bits))
    read_index = n.input("read_index", Word(read_bits))
    data = n.input("data", Array(write_items * item.count, item.width))
    q = n.output("q", Array(read_items * item.count, item.width))
    width = data.type.bits
    word = n.bundle("word", Word(width), data)

    large, small = max(write_items, read_items), min(write_items, read_items)
    ratio = large // small
    steps = ratio.bit_length() - 1
    row_bits = store_bits(items, large)

    def address(label: str, index: Net, skipped: int, page: Net) -> Net:
        available = index.type.width - skipped
        parts: list = []
        if available > 0:
            parts.append((index, skipped, min(available, row_bits)))
        have = sum(p[2] for p in parts)
        if have < row_bits:
            parts.append(n.zero(f"{label}_padding", Word(row_bits - have)))
        if pages > 1:
            parts.append(page)
        return n.bundle(label, Word(row_bits + (page_bits if pages > 1 else 0)), *parts)

    if read_items >= write_items:
        where = address("write_row", write_index, steps, write_page)
        row = address("read_row", read_index, 0, read_page)
        words = []
        for bank in range(ratio):
            enable = write
            if ratio > 1:
                enable = n.add(
                    f"enable_{bank}",
                    bank_leaf(write_bits, ratio, bank),
                    write=write,
                    index=write_index,
                )["enable"]
            words.append(
                n.add(
                    f"ram_{bank}",
                    ram_leaf(where.type.width, width),
                    clk=clk,
                    write=enable,
                    write_address=where,
                    data=word,
                    read_address=row,
                )["q"]
            )
        n.wire(q, *words)
        return n

    where = address("write_row", write_index, 0, write_page)
    row = address("read_row", read_index, steps, read_page)
    got = n.add(
        "ram_0",
        ram_leaf(where.type.width, width),
        clk=clk,
        write=write,
        write_address=where,
        data=word,
        read_address=row,
    )["q"]
    wide = n.bundle("wide", data.type, got)

    slices: list = [(read_index, 0, min(steps, read_bits))]
    if read_bits < steps:
        slices.append(n.zero("part_padding", Word(steps - read_bits)))
    part = delayed(n, "part_delay", n.bundle("part", Word(steps), *slices), 1)
    n.add("select", part_leaf(ratio, q.type), word=wide, part=part, target=q)
    return n
