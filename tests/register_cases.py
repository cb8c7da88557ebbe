"""Tests of rounding, delays and memories."""

from __future__ import annotations

from block_bench import Values
from block_case import BlockCase, arrays, columns, corners, flags, padded, pipeline

from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array, Bit
from ernn_myhdl.numerics.formats import Format, requantise
from ernn_myhdl.rtl import delay, memory, rounding


def rounding_case(count: int, source: int, target: int, shift: int) -> BlockCase:
    fmt = Format(target, 0)

    def vectors(rng):
        special = corners(source, shift, target)
        number = 60 // count + len(special)
        return padded([{"source": v} for v in arrays(rng, count, source, number, special)], 4)

    return BlockCase(
        f"round {count} x {source} to {target} by {shift}",
        lambda: rounding.leaf(count, source, target, shift),
        vectors,
        pipeline(
            rounding.LATENCY, lambda v: {"target": [requantise(x, shift, fmt) for x in v["source"]]}
        ),
        constant=shift >= source,
    )


ROUNDING = [
    rounding_case(*c)
    for c in [
        (3, 12, 8, 3), (2, 12, 8, 0), (2, 12, 12, 0), (4, 10, 12, -3), (2, 6, 12, -5), (1, 9, 4, 1),
        (2, 40, 16, 18), (2, 16, 4, 12), (1, 62, 20, 41), (2, 12, 12, 1), (2, 7, 7, 7),
        (2, 7, 5, 8), (2, 8, 5, 20), (1, 8, 8, 4), (1, 6, 6, 9), (2, 8, 6, 2),
    ]
]  # fmt: skip


def _delayed(cycles: int, clear: bool, zero):
    def expected(inputs):
        results = []
        for t in range(len(inputs)):
            if t < cycles:
                results.append({} if not clear else {"target": None})
                continue
            reset = clear and any(inputs[i]["rst"] for i in range(t - cycles, t))
            results.append({"target": zero if reset else inputs[t - cycles]["source"]})
        return results

    return expected


def delay_bit_case(cycles: int) -> BlockCase:
    return BlockCase(
        f"delay bit {cycles}",
        lambda: delay.bit_leaf(cycles),
        lambda rng: columns(rst=flags(rng, 80, 0.1), source=flags(rng, 80, 0.6)),
        _delayed(cycles, True, 0),
    )


def delay_word_case(width: int, cycles: int) -> BlockCase:
    return BlockCase(
        f"delay word {width} {cycles}",
        lambda: delay.data_leaf(width, cycles),
        lambda rng: columns(source=rng.integers(0, 1 << width, 60).tolist()),
        _delayed(cycles, False, None),
    )


def delay_array_case(count: int, width: int, cycles: int) -> BlockCase:
    """An array through `delayed`, which makes one word of it."""

    def component():
        n = Netlist(f"delayed_{count}x{width}_{cycles}")
        n.input("clk", Bit())
        n.input("rst", Bit())
        source = n.input("source", Array(count, width))
        late = delay.delayed(n, "late", source, cycles)
        n.wire(n.output("target", source.type), late)
        return n

    return BlockCase(
        f"delay array {count} x {width} {cycles}",
        component,
        lambda rng: [{"rst": 0, "source": v} for v in arrays(rng, count, width, 30)],
        _delayed(cycles, False, None),
    )


DELAYS = [
    *(delay_bit_case(c) for c in (1, 2, 3, 7)),
    *(delay_word_case(*c) for c in ((5, 1), (1, 2), (9, 4))),
    *(delay_array_case(*c) for c in ((3, 6, 1), (1, 2, 2), (4, 5, 3))),
]


def ram_case(bits: int, width: int) -> BlockCase:
    def vectors(rng):
        return columns(
            write=flags(rng, 200, 0.5),
            write_address=rng.integers(0, 1 << bits, 200).tolist(),
            data=[int(v) for v in rng.integers(0, 1 << width, 200)],
            read_address=rng.integers(0, 1 << bits, 200).tolist(),
        )

    def expected(inputs):
        words = [0] * (1 << bits)
        results: list[Values] = [{}]
        for v in inputs[:-1]:
            results.append({"q": words[v["read_address"]]})  # the old word
            if v["write"]:
                words[v["write_address"]] = v["data"]
        return results

    return BlockCase(
        f"ram {1 << bits} x {width}", lambda: memory.ram_leaf(bits, width), vectors, expected
    )


def store_case(items: int, count: int, write_items: int, read_items: int, pages: int) -> BlockCase:
    width = 5
    writes, reads = -(-items // write_items), -(-items // read_items)
    bits = [memory.store_bits(items, group) for group in (write_items, read_items)]

    def vectors(rng):
        number = 150
        return columns(
            rst=flags(rng, number, 0.0),
            write=flags(rng, number, 0.7),
            write_page=flags(rng, number),
            read_page=flags(rng, number),
            write_index=rng.integers(0, writes, number).tolist(),
            read_index=rng.integers(0, reads, number).tolist(),
            data=arrays(rng, write_items * count, width, number),
        )

    def expected(inputs):
        total = max(writes * write_items, reads * read_items)
        held = [[[0] * count for _ in range(total)] for _ in range(2)]
        results: list[Values] = [{}]
        for v in inputs[:-1]:
            page = held[v["read_page"] if pages > 1 else 0]
            first = v["read_index"] * read_items
            results.append({"q": sum(page[first : first + read_items], [])})
            if v["write"]:
                page = held[v["write_page"] if pages > 1 else 0]
                for i in range(write_items):
                    item = v["data"][i * count : (i + 1) * count]
                    page[v["write_index"] * write_items + i] = item
        return results

    assert all(b >= 1 for b in bits)
    return BlockCase(
        f"store of {items} x {count}, written by {write_items}, read by {read_items}, {pages} pages",
        lambda: memory.store("store", items, Array(count, width), write_items, read_items, pages),
        vectors,
        expected,
    )


MEMORIES = [
    ram_case(1, 4),
    ram_case(4, 40),
    store_case(5, 2, 1, 1, 2),
    store_case(8, 2, 1, 4, 2),
    store_case(7, 1, 2, 8, 2),
    store_case(8, 2, 4, 1, 2),
    store_case(3, 1, 4, 1, 1),
    store_case(1, 3, 1, 1, 1),
    store_case(6, 2, 2, 2, 1),
]
