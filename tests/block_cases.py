"""The table of single-block tests: a component, vectors with the corners, and a reference on integers.

The references use the primitives of `ernn_myhdl.numerics.formats`, `pwl` and `transform`, never the hardware.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from block_bench import Values, convert_block

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.numerics import transform
from ernn_myhdl.numerics.formats import Format, requantise, round_shift, saturate
from ernn_myhdl.numerics.pwl import pwl_table
from ernn_myhdl.rtl import broadcast, delay, drain, fft, lane, memory, pwl, rounding, rows
from ernn_myhdl.rtl.cells import activations as activation_cells
from ernn_myhdl.rtl.cells import cell_parts, elementwise
from ernn_myhdl.rtl.cells import gru as gru_cells
from ernn_myhdl.rtl.cells import lstm as lstm_cells
from ernn_myhdl.rtl.cells import rnn as rnn_cells


@dataclass(frozen=True)
class BlockCase:
    """vectors(rng): inputs of every cycle. expected(inputs): outputs of every cycle, None: any.

    constant: the outputs are always the same, so that they tell nothing of the latency.
    """

    name: str
    component: Callable[[], object]
    vectors: Callable[[np.random.Generator], list[Values]]
    expected: Callable[[list[Values]], list[Values]]
    constant: bool = False


def pipeline(latency: int, function: Callable[[Values], Values]):
    """Reference of a block whose outputs depend on the inputs `latency` cycles before only."""

    def expected(inputs: list[Values]) -> list[Values]:
        return [{}] * latency + [function(v) for v in inputs[: len(inputs) - latency]]

    return expected


def corners(word: int, shift: int = 0, target: int | None = None) -> list[int]:
    """Extremes, small numbers, half an LSB at a rounding by `shift`, the edges of saturation."""
    low, high = -(1 << (word - 1)), (1 << (word - 1)) - 1
    values = {low, low + 1, high - 1, high, -2, -1, 0, 1, 2}
    if shift > 0:
        half = 1 << (shift - 1)
        values |= {s * half + d for s in (-3, -1, 1, 3) for d in (-1, 0, 1)}
    if target is not None:
        fmt = Format(target, 0)
        for edge in (fmt.minimum, fmt.maximum):
            for near in (edge - 1, edge, edge + 1):
                at = near << shift if shift > 0 else near >> -shift
                half = (1 << shift) >> 1 if shift > 0 else 0
                values |= {at - half - 1, at - half, at - half + 1, at, at + half - 1, at + half}
    return sorted(v for v in values if low <= v <= high)


def arrays(rng, count: int, word: int, number: int, extra: list[int] | None = None) -> list:
    """`number` arrays: random, with every corner value at least once."""
    special = corners(word) if extra is None else extra
    low, high = -(1 << (word - 1)), 1 << (word - 1)
    drawn = rng.integers(low, high, (number, count))
    mask = rng.random((number, count)) < 0.4
    drawn[mask] = rng.choice(special, int(mask.sum()))
    flat = drawn.reshape(-1)
    flat[: len(special)] = special  # number * count is larger in every case
    assert len(flat) >= len(special)
    return flat.reshape(number, count).tolist()


def columns(**ports: list) -> list[Values]:
    """Vectors from one list a port."""
    return [dict(zip(ports, row, strict=True)) for row in zip(*ports.values(), strict=True)]


def flags(rng, number: int, probability: float = 0.5) -> list[int]:
    return (rng.random(number) < probability).astype(int).tolist()


def padded(inputs: list[Values], cycles: int) -> list[Values]:
    """The last inputs held for some more cycles, so that everything comes out."""
    return inputs + [inputs[-1]] * cycles


# rounding


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


# delays


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


# memories


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


# transforms


def through(graph, words: list[int]) -> list[int]:
    """A flow graph on integers, one word after the other."""
    for stage in graph:
        new = list(words)
        if isinstance(stage, transform.SumStage):
            for t in stage.terms:
                second = 0 if t.b is None else t.sign_b * words[t.b]
                new[t.out] = t.scale * (t.sign_a * words[t.a] + second)
        else:
            for t in stage.twiddles:
                sine = -t.sine if t.inverse else t.sine
                re = words[t.re] * t.cosine + words[t.im] * sine
                im = words[t.im] * t.cosine - words[t.re] * sine
                new[t.re] = round_shift(re, transform.TWIDDLE_FRAC)
                new[t.im] = round_shift(im, transform.TWIDDLE_FRAC)
        words = new
    return words


def _signals(rng, points: int, word: int, number: int) -> list[list[int]]:
    """Extreme blocks: constant, alternating, single elements, random signs; and random ones."""
    low, high = -(1 << (word - 1)), (1 << (word - 1)) - 1
    blocks = [[low] * points, [high] * points, [0] * points]
    blocks += [[low, high] * (points // 2) or [low], [high, low] * (points // 2) or [high]]
    blocks += [[low if i == j else 0 for i in range(points)] for j in {0, points // 2, points - 1}]
    blocks += rng.choice([low, high], (12, points)).tolist()
    return blocks + arrays(rng, points, word, number + 20)


def forward_case(points: int, source: Format, target: Format) -> BlockCase:
    frac = transform.working_frac(points, source.frac, target.frac)
    graph = transform.forward_graph(points)

    def spectrum(v: Values) -> Values:
        words = through(graph, [x << (frac - source.frac) for x in v["source"]])
        return {"target": [requantise(w, frac, target) for w in words]}

    def vectors(rng):
        blocks = padded([{"source": b} for b in _signals(rng, points, source.word, 30)],
                        fft.forward_latency(points))  # fmt: skip
        return [v | {"rst": 0} for v in blocks]

    return BlockCase(
        f"fft of {points}, {source} to {target}",
        lambda: fft.forward("fft", points, source, target),
        vectors,
        pipeline(fft.forward_latency(points), spectrum),
    )


def inverse_case(points: int, word: int) -> BlockCase:
    graph = transform.inverse_graph(points)

    def vectors(rng):
        blocks = _signals(rng, points, word, 30)
        return padded([{"source": b} for b in blocks], fft.inverse_latency(points))

    return BlockCase(
        f"ifft of {points}, {word} bits",
        lambda: fft.inverse_leaf(points, word),
        vectors,
        pipeline(fft.inverse_latency(points), lambda v: {"target": through(graph, v["source"])}),
    )


FORMATS = [
    (Format(12, 9), Format(14, 8)),
    (Format(8, 7), Format(8, 9)),
    (Format(6, 2), Format(9, 1)),
]
FORWARD = [
    forward_case(k, *FORMATS[n])
    for k, n in zip((1, 2, 4, 8, 16, 32), (0, 1, 2, 0, 1, 2), strict=True)
] + [forward_case(1, *FORMATS[1]), forward_case(4, *FORMATS[0]), forward_case(8, *FORMATS[1])]
INVERSE = [inverse_case(k, w) for k, w in ((2, 12), (4, 6), (8, 12), (16, 9), (32, 14))]


# lanes and their surroundings


def column_of(spectrum: list[int]) -> list[int]:
    """[DC, Nyquist, then a, a + b, b - a of every bin]."""
    column = spectrum[:2]
    for a, b in zip(spectrum[2::2], spectrum[3::2], strict=True):
        column += [a, a + b, b - a]
    return column


def complex_products(spectrum: list[int], weights: list[int]) -> list[int]:
    """Products of packed spectra by their definition."""
    products = [x * w for x, w in zip(spectrum[:2], weights[:2], strict=True)]
    for j in range(2, len(spectrum), 2):
        (a, b), (c, d) = spectrum[j : j + 2], weights[j : j + 2]
        products += [a * c - b * d, a * d + b * c]
    return products


def combined(sums: list[int]) -> list[int]:
    """Complex words from K1, K2, K3."""
    words = sums[:2]
    for k1, k2, k3 in zip(sums[2::3], sums[3::3], sums[4::3], strict=True):
        words += [k1 - k2, k1 + k3]
    return words


def lane_case(points: int, x_word: int, w_word: int, rows: int = 25) -> BlockCase:
    """Rows of columns with bubbles; the drain chain moves between."""
    products = transform.spectral_products(points)
    word = transform.width_for(8 << (x_word + w_word))

    def vectors(rng):
        spectra = arrays(
            rng, points, x_word, 180, [-(1 << x_word - 1), (1 << x_word - 1) - 1, 0, -1]
        )
        weights = arrays(
            rng, points, w_word, 180, [-(1 << w_word - 1), (1 << w_word - 1) - 1, 0, -1]
        )
        below = arrays(rng, products, word - 1, 400)  # their sums fit as well
        spoilt = column_of(spectra[-1])
        inputs, position = [], 0
        for _ in range(rows):
            length = int(rng.integers(1, 7))
            for i in range(length):
                while rng.random() < 0.3:
                    inputs.append(_lane_inputs(spectra[0], weights[0], 0, 0, 0, rng))
                inputs.append(
                    _lane_inputs(
                        spectra[position], weights[position], 1, i == 0, i == length - 1, rng
                    )
                )
                position += 1
        inputs = padded(inputs, 6)
        inputs[-6:] = [v | {"valid": 0, "first": 0, "last": 0} for v in inputs[-6:]]
        assert len(inputs) <= len(below)
        for tag, late in (("first", lane.FIRST_DELAY), ("last", lane.LAST_DELAY)):
            flags = [0] * late + [v[tag] for v in inputs]
            inputs = [v | {tag: flag} for v, flag in zip(inputs, flags, strict=False)]
        # a column that is not valid must not reach the sums: other operands than those before
        return [
            v | {"below": b} | ({} if v["valid"] else {"column": spoilt, "weights": weights[-1]})
            for v, b in zip(inputs, below, strict=False)
        ]

    def expected(inputs):
        spectra = {}  # cycle -> result of the row that ends there, by the definition
        moved = lane.LATENCY - lane.SHIFT_DELAY
        total = None
        for t, v in enumerate(inputs):
            if v["valid"]:
                now = complex_products(_spectrum_of(v["column"]), v["weights"])
                first = inputs[t + lane.FIRST_DELAY]["first"]
                total = now if first else [x + y for x, y in zip(total, now, strict=True)]
                # the tags of this column come later
                if inputs[t + lane.LAST_DELAY]["last"]:
                    spectra[t + lane.LATENCY] = total
        results, known = [], None
        for t in range(len(inputs)):
            if t in spectra:
                known = spectra[t]
            elif t > moved and inputs[t - moved - 1]["shift"]:
                known = combined(inputs[t - 1]["below"])
            results.append({"spectrum": known})
        return results

    return BlockCase(
        f"lane of {points}, {x_word} x {w_word}", lambda: lane.leaf(points, x_word, w_word, word),
        vectors, expected,
    )  # fmt: skip


def _lane_inputs(spectrum, weights, valid, first, last, rng) -> Values:
    return {
        "column": column_of(spectrum), "weights": weights, "valid": int(valid),
        "first": int(first), "last": int(last), "shift": int(rng.random() < 0.2),
    }  # fmt: skip


def _spectrum_of(column: list[int]) -> list[int]:
    words = column[:2]
    for a, s in zip(column[2::3], column[3::3], strict=True):
        words += [a, s - a]
    return words


LANES = [
    lane_case(*c) for c in ((1, 8, 6), (2, 12, 12), (4, 9, 7), (8, 16, 12), (16, 5, 4), (32, 6, 5))
]


def select_case(
    points: int, x: int, y: int, m: int, second_x: bool = False, blocks: tuple[int, ...] = ()
) -> BlockCase:
    """blocks: sizes of the blocks of x, y and m."""

    def mixed(words, block):
        """Bins of the tile that are real words of a smaller block: 0, -p, q."""
        column = column_of(words)
        for j in range(1, points // 2):
            if block < points and (block == 1 or 2 * j % block == 0):
                column[3 * j - 1 : 3 * j + 2] = [0, -words[2 * j], words[2 * j + 1]]
        return column

    sizes = dict(zip("xym", blocks or (points,) * 3, strict=True))

    def vectors(rng):
        number = 60
        more = {}
        if second_x:
            more = {
                "second_x": flags(rng, number),
                "second_column": arrays(rng, points, x, number),
            }
        return padded(
            columns(
                recurrent=flags(rng, number),
                second=flags(rng, number, 0.3),
                fresh=flags(rng, number, 0.3),
                x_column=arrays(rng, points, x, number),
                y_column=arrays(rng, points, y, number),
                m_column=arrays(rng, points, m, number),
                **more,
            ),
            broadcast.SELECT_LATENCY,
        )

    def chosen(v):
        if v["second"]:
            from_x = second_x and v["second_x"]
            if from_x:
                return {"column": mixed(v["second_column"], sizes["x"])}
            return {"column": mixed(v["m_column"], sizes["m"])}
        if v["recurrent"]:
            return {"column": mixed([0] * points if v["fresh"] else v["y_column"], sizes["y"])}
        return {"column": mixed(v["x_column"], sizes["x"])}

    def expected(inputs):
        """The choice comes a cycle before the columns."""
        names = ("recurrent", "second", "fresh", *(("second_x",) if second_x else ()))
        results = [
            chosen(now | {name: before[name] for name in names})
            for before, now in zip(inputs, inputs[1:], strict=False)
        ]
        return ([{}] * (broadcast.SELECT_LATENCY + 1) + results)[: len(inputs)]

    return BlockCase(
        f"column select of {points}, {x}, {y}, {m}"
        + (", second phase of x" if second_x else "")
        + (f", blocks {blocks}" if blocks else ""),
        lambda: broadcast.select_leaf(points, (x, y, m), second_x, blocks or None),
        vectors,
        expected,
    )


def broadcast_case(products: int, width: int) -> BlockCase:
    tags = ("valid", "first", "last", "shift")

    def vectors(rng):
        return columns(
            column=arrays(rng, products, width, 40),
            **{t: flags(rng, 40) for t in tags},
            address=rng.integers(0, 1 << 5, 40).tolist(),
        )

    delays = {"first": lane.FIRST_DELAY, "last": lane.LAST_DELAY, "shift": lane.SHIFT_DELAY}

    def expected(inputs):
        return [
            {
                f"{name}_copy": inputs[before][name]
                for name in inputs[t]
                if (before := t - broadcast.BROADCAST_LATENCY - delays.get(name, 0)) >= 0
            }
            for t in range(len(inputs))
        ]

    return BlockCase(
        f"broadcast {products} x {width}",
        lambda: broadcast.broadcast_leaf(products, width, 5),
        vectors,
        expected,
    )


def combine_case(points: int, word: int) -> BlockCase:
    """Sums half the word's range: by the bound of the accumulator no spectrum overflows."""

    def vectors(rng):
        number = 40
        sums = arrays(rng, transform.spectral_products(points), word - 1, number)
        return padded([{"sums": s} for s in sums], drain.COMBINE_LATENCY)

    return BlockCase(
        f"combine of {points}, {word} bits",
        lambda: drain.combine_leaf(points, word),
        vectors,
        pipeline(drain.COMBINE_LATENCY, lambda v: {"spectrum": combined(v["sums"])}),
    )


def join_case(points: int, word: int) -> BlockCase:
    def vectors(rng):
        low, high = (arrays(rng, points, word - 1, 40) for _ in range(2))
        return padded(columns(enable=flags(rng, 40), low=low, high=high), drain.JOIN_LATENCY)

    def joined(v):
        added = [a + b for a, b in zip(v["low"], v["high"], strict=True)]
        return {"low_out": added if v["enable"] else v["low"], "high_out": v["high"]}

    def expected(inputs):
        """enable comes a cycle before the words."""
        words = [v | {"enable": e["enable"]} for e, v in zip(inputs, inputs[1:], strict=False)]
        return [{}] * (drain.JOIN_LATENCY + 1) + [joined(v) for v in words][: len(inputs) - 2]

    return BlockCase(
        f"join of {points}, {word} bits",
        lambda: drain.join_leaf(points, word),
        vectors,
        expected,
    )


def _control_expected(inputs):
    """The tags of a pass stay while its chunks move up."""
    results, projected, tag, moved = [], 0, 0, 0
    for v in inputs:
        if v["loaded"]:
            projected, tag = v["pass_second"], v["pass_tag"]
        present = v["loaded"] or moved
        results.append(
            {
                "gate_valid": int(present and not projected),
                "output_valid": int(present and projected),
                "tag": tag,
            }
        )
        moved = v["shifting"]
        if v["rst"]:
            projected = tag = moved = 0
    return results


DRAIN_CONTROL = BlockCase(
    "drain control",
    lambda: drain.control_leaf(4),
    lambda rng: columns(
        rst=flags(rng, 200, 0.05),
        loaded=flags(rng, 200, 0.2),
        shifting=flags(rng, 200),
        pass_second=flags(rng, 200),
        pass_tag=rng.integers(0, 16, 200).tolist(),
    ),
    _control_expected,
)


SORT_PARTS = BlockCase(
    "sort parts",
    rows.sort_leaf,
    lambda rng: columns(valid=flags(rng, 20), part=flags(rng, 20)),
    lambda inputs: [
        {"whole": v["valid"] & (1 - v["part"]), "partial": v["valid"] & v["part"]} for v in inputs
    ],
)


def count_case(chunks: int) -> BlockCase:
    def expected(inputs):
        results, count = [], 0
        for v in inputs:
            results.append({"index": count})
            count = 0 if v["rst"] else (count + v["valid"]) % chunks
        return results

    return BlockCase(
        f"count of {chunks} chunks",
        lambda: rows.count_leaf(chunks),
        lambda rng: columns(rst=flags(rng, 60, 0.1), valid=flags(rng, 60)),
        expected,
        constant=chunks == 1,
    )


def mask_rows_case(points: int, width: int, groups: int, outputs: int) -> BlockCase:
    count = points * width

    def expected(inputs):
        results: list[Values] = [{}]
        group = 0
        for v in inputs[:-1]:
            kept = max(0, min(count, outputs - group * count))
            results.append({"masked": v["rows"][:kept] + [0] * (count - kept)})
            if v["rst"]:
                group = 0
            elif v["valid"]:
                group = (group + 1) % groups
        return results

    return BlockCase(
        f"mask rows of {width} x {points}, {groups} groups, {outputs} outputs",
        lambda: drain.mask_leaf(count, 6, groups, outputs),
        lambda rng: columns(
            rst=flags(rng, 60, 0.05), valid=flags(rng, 60, 0.7), rows=arrays(rng, count, 6, 60)
        ),
        expected,
    )


DRAIN = [
    *(select_case(*c) for c in ((1, 8, 8, 8), (2, 6, 9, 4), (8, 12, 10, 14), (32, 5, 7, 6))),
    *(select_case(*c, second_x=True) for c in ((1, 8, 8, 8), (8, 12, 10, 14))),
    select_case(8, 6, 9, 7, blocks=(8, 4, 1)),
    select_case(4, 6, 5, 7, blocks=(1, 4, 2)),
    select_case(16, 9, 8, 8, second_x=True, blocks=(2, 16, 16)),
    SORT_PARTS,
    *(count_case(n) for n in (1, 3, 4)),
    broadcast_case(5, 9),
    *(combine_case(*c) for c in ((1, 9), (2, 20), (4, 30), (32, 40))),
    join_case(4, 30),
    DRAIN_CONTROL,
    *(mask_rows_case(*c) for c in ((4, 2, 3, 19), (2, 1, 1, 1), (1, 4, 2, 8))),
]


# element-wise unit


def gather_case(points: int, units: int, width: int, chunks: int) -> BlockCase:
    """Random chunks with gaps and a reset; a frame has `chunks` of them."""
    slots, word = 4 * width // units, 5
    groups = -(-chunks // slots)
    size = units * points

    def vectors(rng):
        number = 12 * chunks + 40
        return columns(
            rst=flags(rng, number, 0.02),
            chunk_valid=flags(rng, number, 0.7),
            chunk=arrays(rng, size, word, number),
            chunk_tag=rng.integers(0, 8, number).tolist(),
        )

    def expected(inputs):
        results: list[Values] = [{}]
        rows: list = [None] * (slots * size)
        position = 0
        for v in inputs[:-1]:
            result = {"valid": 0}
            if v["chunk_valid"]:
                start = position % slots * size
                rows[start : start + size] = v["chunk"]
            if v["rst"]:
                position = 0
            elif v["chunk_valid"]:
                group = position // slots
                position += 1
                if position == chunks or position % slots == 0:
                    result = {"valid": 1, "index": group, "tag": v["chunk_tag"]}
                    # what an incomplete group does not reach is of no meaning
                    if position % slots == 0:
                        result["rows"] = list(rows)
                position %= chunks
            results.append(result)
        return results

    return BlockCase(
        f"gather {units} x {points} into {width} blocks, {chunks} chunks",
        lambda: elementwise.gather_leaf(points, word, units, 4 * width, chunks, groups, 3),
        vectors,
        expected,
    )


#: `rows[slot * size + i]` was narrowed to the bits of slot by MyHDL: with 32 rows a chunk the VHDL
#: stopped with a bound check.
WIDE_GATHER = gather_case(8, 4, 2, 5)


def parts_case(count: int, cycles: int) -> BlockCase:
    """Blocks as close as they may be, and later; what moves up behind the last part is of no meaning."""
    size, word, number = count // cycles, 6, 90

    def vectors(rng):
        load, wait = [], 0
        for ready in flags(rng, number, 0.5):
            load.append(int(ready and not wait))
            wait = cycles - 1 if load[-1] else max(wait - 1, 0)
        return columns(load=load, source=arrays(rng, count, word, number))

    def expected(inputs):
        results: list[Values] = [{} for _ in range(number + cycles)]
        for t, v in enumerate(inputs):
            for p in range(cycles if v["load"] else 0):
                results[t + 1 + p] = {"target": v["source"][p * size : (p + 1) * size]}
        return results[:number]

    return BlockCase(
        f"block_parts {count} in {cycles}",
        lambda: cell_parts.parts_leaf(count, word, cycles),
        vectors,
        expected,
    )


def places_case(groups: int, cycles: int) -> BlockCase:
    """Blocks as close as they may be, and later, and a reset between their parts."""
    number = 120

    def vectors(rng):
        valid, wait = [], 0
        for ready in flags(rng, number, 0.4):
            valid.append(int(ready and not wait))
            wait = cycles - 1 if valid[-1] else max(wait - 1, 0)
        return columns(
            rst=[int(t in (0, 60)) for t in range(number)],
            valid=valid,
            index=rng.integers(0, groups, number).tolist(),
            tag=rng.integers(0, 8, number).tolist(),
        )

    def expected(inputs):
        results: list[Values] = [{}]
        left = place = 0
        tag = None
        for v in inputs[:-1]:
            left, place = max(left - 1, 0), place + 1
            tag = v["tag"] if v["valid"] else tag
            if v["rst"]:
                left = 0
            elif v["valid"]:
                left, place = cycles, v["index"] * cycles
            results.append(
                {"active": int(left > 0)} | ({"place": place, "held": tag} if left else {})
            )
        return results

    return BlockCase(
        f"part_places of {groups} blocks in {cycles}",
        lambda: cell_parts.places_leaf(groups, 3, cycles),
        vectors,
        expected,
    )


def elementwise_case(
    name: str, block, count: int, inputs: dict, outputs: dict, parameters: dict, latency: int,
    function, bits: tuple[str, ...] = (), extra: dict | None = None, number: int = 80,
) -> BlockCase:  # fmt: skip
    """inputs, outputs: widths of array ports. extra: corner values of a port."""
    extra = extra or {}

    def component() -> Leaf:
        ports = ins(clk=Bit(), **{b: Bit() for b in bits})
        ports |= ins(**{p: Array(count, w) for p, w in inputs.items()})
        ports |= outs(**{p: Array(count, w) for p, w in outputs.items()})
        return Leaf(block.__name__ if hasattr(block, "__name__") else name.split()[0],
                    block, ports, {"count": count} | parameters)  # fmt: skip

    def vectors(rng):
        drawn = {p: arrays(rng, count, w, number, extra.get(p)) for p, w in inputs.items()}
        # every pair of extremes
        ends = [(-(1 << (w - 1)), (1 << (w - 1)) - 1, 0, -1) for w in inputs.values()]
        for i, row in enumerate(itertools.islice(itertools.product(*ends), number)):
            for p, value in zip(inputs, row, strict=True):
                drawn[p][number - 1 - i] = [value] * count
        return padded(columns(**{b: flags(rng, number) for b in bits}, **drawn), latency)

    return BlockCase(name, component, vectors, pipeline(latency, function))


def _each(function, *ports):
    return lambda v: [function(*row) for row in zip(*(v[p] for p in ports), strict=True)]


def peephole_case(state: int, peephole: int, shift: int) -> BlockCase:
    """The total comes BIAS_LATENCY after the operands."""
    word, target = 10, Format(9, 0)
    later = elementwise.BIAS_LATENCY
    each = _each(
        lambda t, p, c: saturate(t + round_shift(p * c, shift), target),
        "total", "peephole", "state",
    )  # fmt: skip
    latency = elementwise.PEEPHOLE_LATENCY

    def expected(inputs):
        results = []
        for operands, total in zip(inputs, inputs[later:], strict=False):
            seen = [0] * 3 if operands["fresh"] else operands["state"]
            results.append({"target": each(operands | {"state": seen, "total": total["total"]})})
        return ([{}] * latency + results)[: len(inputs)]

    case = elementwise_case(
        f"add_peephole {state} x {peephole} by {shift}", elementwise.add_peephole, 3,
        {"total": word, "peephole": peephole, "state": state}, {"target": target.word},
        {"state_word": state, "peephole_word": peephole, "total_word": word,
         "target_word": target.word, "shift": shift},
        latency, None, ("fresh",), number=160,
    )  # fmt: skip
    return replace(case, expected=expected)


def update_case(gate: int, state: int, forget_shift: int, enter_shift: int) -> BlockCase:
    total = max(gate + state + forget_shift, 2 * gate + enter_shift) + 1
    each = _each(
        lambda f, c, i, g: (f * c << forget_shift) + (i * g << enter_shift),
        "forget", "state", "enter", "candidate",
    )  # fmt: skip

    def exact(v):
        return {"total": each(v | {"state": [0] * 2} if v["fresh"] else v)}

    return elementwise_case(
        f"update_state {gate} {state} by {forget_shift} {enter_shift}", lstm_cells.update_state, 2,
        {"forget": gate, "state": state, "enter": gate, "candidate": gate}, {"total": total},
        {"gate_word": gate, "state_word": state, "forget_shift": forget_shift,
         "enter_shift": enter_shift, "total_word": total},
        lstm_cells.STATE_LATENCY - rounding.LATENCY, exact, ("fresh",), number=300,
    )  # fmt: skip


def multiply_output_case(count: int, word: int) -> BlockCase:
    component = Leaf(
        "multiply_output", lstm_cells.multiply_output,
        ins(clk=Bit(), gate=Array(count, word), squashed=Array(count, word), mask=Word(count))
        | outs(product=Array(count, 2 * word)), {"count": count, "gate_word": word},
    )  # fmt: skip

    def masked(v):
        pairs = zip(v["gate"], v["squashed"], strict=True)
        return {"product": [a * b if v["mask"] >> i & 1 else 0 for i, (a, b) in enumerate(pairs)]}

    return BlockCase(
        f"multiply_output {count} x {word}", lambda: component,
        lambda rng: columns(
            gate=arrays(rng, count, word, 50), squashed=arrays(rng, count, word, 50),
            mask=rng.integers(0, 1 << count, 50).tolist(),
        ),
        pipeline(lstm_cells.OUTPUT_LATENCY - rounding.LATENCY, masked),
    )  # fmt: skip


def multiply_state_case(gate: int, state: int) -> BlockCase:
    """The kept state comes with the product."""
    each = _each(lambda r, h: r * h, "gate", "state")

    def exact(v):
        seen = [0] * 3 if v["fresh"] else v["state"]
        return {"product": each(v | {"state": seen}), "kept": seen}

    return elementwise_case(
        f"multiply_state {gate} x {state}", gru_cells.multiply_state, 3,
        {"gate": gate, "state": state}, {"product": gate + state, "kept": state},
        {"gate_word": gate, "state_word": state}, gru_cells.RESET_LATENCY, exact, ("fresh",),
    )  # fmt: skip


def blend_case(gate: int, state: int, state_shift: int, candidate_shift: int, frac: int):
    """A mask word beside the arrays."""
    count = 3
    difference = max(state + state_shift, gate + candidate_shift) + 1
    word = max(gate + difference, gate + frac) + 1
    component = Leaf(
        "blend", gru_cells.blend,
        ins(clk=Bit(), fresh=Bit(), gate=Array(count, gate), state=Array(count, state),
            candidate=Array(count, gate), mask=Word(count))
        | outs(total=Array(count, word)),
        {"count": count, "gate_word": gate, "difference_word": difference, "total_word": word,
         "state_shift": state_shift, "candidate_shift": candidate_shift, "product_frac": frac},
    )  # fmt: skip
    number = 200

    def vectors(rng):
        drawn = {"gate": gate, "state": state, "candidate": gate}
        drawn = {p: arrays(rng, count, w, number) for p, w in drawn.items()}
        least, most = (lambda w: -(1 << (w - 1))), (lambda w: (1 << (w - 1)) - 1)
        for i, (g, h, n) in enumerate(itertools.product((least, most), repeat=3)):
            for p, end, w in (("gate", g, gate), ("state", h, state), ("candidate", n, gate)):
                drawn[p][i] = [end(w)] * count
        mask = rng.integers(0, 1 << count, number)
        mask[:8] = (1 << count) - 1
        return columns(fresh=flags(rng, number, 0.2), mask=mask.tolist(), **drawn)

    def exact(v):
        total = []
        for i, (z, h, n) in enumerate(zip(v["gate"], v["state"], v["candidate"], strict=True)):
            apart = ((0 if v["fresh"] else h) << state_shift) - (n << candidate_shift)
            total.append((n << frac) + z * apart if v["mask"] >> i & 1 else 0)
        return {"total": total}

    return BlockCase(
        f"blend {gate}, {state} by {state_shift}, {candidate_shift}, {frac}", lambda: component,
        vectors, pipeline(gru_cells.BLEND_LATENCY - rounding.LATENCY, exact),
    )  # fmt: skip


def mask_block_case(count: int, word: int) -> BlockCase:
    component = Leaf(
        "mask_block", elementwise.mask_block,
        ins(clk=Bit(), source=Array(count, word), mask=Word(count))
        | outs(target=Array(count, word)), {"count": count},
    )  # fmt: skip

    def masked(v):
        return {"target": [x if v["mask"] >> i & 1 else 0 for i, x in enumerate(v["source"])]}

    return BlockCase(
        f"mask_block {count} x {word}", lambda: component,
        lambda rng: columns(
            source=arrays(rng, count, word, 40), mask=rng.integers(0, 1 << count, 40).tolist()
        ),
        pipeline(elementwise.MASK_LATENCY, masked),
    )  # fmt: skip


def rectify_case(count: int, word: int) -> BlockCase:
    component = rnn_cells.rectify_leaf(count, word)

    def rectified(v):
        return {
            "target": [max(x, 0) if v["mask"] >> i & 1 else 0 for i, x in enumerate(v["source"])]
        }

    return BlockCase(
        f"rectify {count} x {word}", lambda: component,
        lambda rng: columns(
            source=arrays(rng, count, word, 40), mask=rng.integers(0, 1 << count, 40).tolist()
        ),
        pipeline(elementwise.MASK_LATENCY, rectified),
    )  # fmt: skip


def masked_vectors(count: int, word: int, special: tuple[int, ...] = ()):
    """Corners of the word, special words and their neighbours, and random ones; masks."""
    fmt = Format(word, 0)
    inside = sorted({saturate(v + d, fmt) for v in special for d in (-1, 0, 1)})

    def vectors(rng):
        source = arrays(rng, count, word, 40, [*corners(word), *inside])
        return columns(source=source, mask=rng.integers(0, 1 << count, len(source)).tolist())

    return vectors


def clip_case(count: int, word: int, low: int, high: int) -> BlockCase:
    def clipped(v):
        return {
            "target": [
                min(max(x, low), high) if v["mask"] >> i & 1 else 0
                for i, x in enumerate(v["source"])
            ]
        }

    return BlockCase(
        f"clip_mask {count} x {word}, {low} to {high}",
        lambda: activation_cells.clip_leaf(count, word, low, high),
        masked_vectors(count, word, (low, high)),
        pipeline(activation_cells.CLIP_LATENCY, clipped),
    )


def leaky_case(count: int, word: int, factor: int, shift: int) -> BlockCase:
    """The mask comes a cycle later than source, which `expected` sees as that of the vector before."""

    def leaky(vectors):
        masks = [v["mask"] for v in vectors]
        late = [*masks[1:], masks[-1]]
        made = [
            [(x * factor if x < 0 else x << shift) if m >> i & 1 else 0 for i, x in enumerate(v["source"])]
            for v, m in zip(vectors, late, strict=True)
        ]  # fmt: skip
        return pipeline(activation_cells.PRODUCT_LATENCY, lambda v: {"target": v["target"]})(
            [{"target": t} for t in made]
        )

    return BlockCase(
        f"leaky_relu {count} x {word} by {factor} / {1 << shift}",
        lambda: activation_cells.leaky_leaf(count, word, factor, shift),
        masked_vectors(count, word),
        leaky,
    )


def scale_case(count: int, word: int, factor: int, half: int) -> BlockCase:
    def scaled(v):
        return {"target": [x * factor + (1 << half) for x in v["source"]]}

    return BlockCase(
        f"scale {count} x {word} by {factor}, half {half}",
        lambda: activation_cells.scale_leaf(count, word, factor, half),
        lambda rng: columns(source=arrays(rng, count, word, 40, corners(word))),
        pipeline(activation_cells.PRODUCT_LATENCY, scaled),
    )


LINEAR = [
    clip_case(3, 8, 0, 127),
    clip_case(2, 12, 0, 1434),
    clip_case(1, 16, -20480, 20479),
    leaky_case(2, 16, 41943, 22),
    leaky_case(1, 9, 1, 2),
    leaky_case(1, 12, 63 * 1024 + 1, 16),
    scale_case(2, 16, 43691, 28),
    scale_case(1, 20, 52429, 33),
    scale_case(1, 6, 1, 0),
]

ELEMENTWISE = [
    *LINEAR,
    rectify_case(1, 2),
    rectify_case(8, 13),
    gather_case(1, 1, 1, 4),
    gather_case(2, 4, 1, 3),
    gather_case(2, 2, 2, 6),
    gather_case(4, 1, 2, 12),
    WIDE_GATHER,
    *(parts_case(*c) for c in ((2, 2), (8, 2), (8, 8))),
    *(places_case(*c) for c in ((1, 2), (5, 4))),
    elementwise_case(
        "add_bias", elementwise.add_bias, 4, {"row": 12, "bias": 12}, {"total": 13}, {},
        elementwise.BIAS_LATENCY,
        lambda v: {"total": [a + b for a, b in zip(v["row"], v["bias"], strict=True)]},
    ),
    *(peephole_case(*c) for c in ((12, 10, 9), (8, 6, 0), (8, 6, -3), (6, 5, 13), (12, 10, 1))),
    *(update_case(*c) for c in ((8, 12, 0, 3), (12, 10, 2, 0), (6, 6, 0, 0))),
    multiply_output_case(5, 8),
    multiply_output_case(1, 8),
    *(multiply_state_case(*c) for c in ((12, 16), (5, 9))),
    *(blend_case(*c) for c in ((12, 16, 0, 4, 15), (8, 6, 3, 0, 7), (16, 20, 0, 4, 19))),
    mask_block_case(5, 8),
    mask_block_case(1, 16),
]  # fmt: skip


# activations


def pwl_case(function: str, source: Format, output: Format, segments: int) -> BlockCase:
    table = pwl_table(function, source, output, segments)
    width = 1 << table.offset_bits

    def vectors(rng):
        edges = {
            e + d
            for s in rng.choice(table.segments, min(table.segments, 12), replace=False)
            for e in [int(s) * width - table.clamp]
            for d in (-1, 0, 1)
        }
        edges |= {s * table.clamp + d for s in (-1, 1) for d in (-2, -1, 0, 1)}
        edges |= set(corners(source.word))
        inside = sorted(saturate(e, source) for e in edges)
        return padded([{"source": v} for v in arrays(rng, 3, source.word, 60, inside)], pwl.LATENCY)

    def evaluated(v):
        return {"target": table.evaluate(np.array(v["source"])).tolist()}

    return BlockCase(
        f"{function}, {source} to {output}, {segments} segments",
        lambda: pwl.leaf(f"pwl_{function}", 3, table),
        vectors,
        pipeline(pwl.LATENCY, evaluated),
    )


PWL = [
    pwl_case("sigmoid", Format(16, 11), Format(12, 10), 32),
    pwl_case("tanh", Format(16, 11), Format(12, 10), 64),
    pwl_case("tanh", Format(8, 6), Format(8, 7), 4),  # saturates; the clamp is the whole range
    pwl_case("sigmoid", Format(10, 2), Format(6, 9), 2),
    pwl_case("tanh", Format(20, 12), Format(16, 14), 128),
]

CASES = [
    *ROUNDING, *DELAYS, *MEMORIES, *FORWARD, *INVERSE, *LANES, *DRAIN, *ELEMENTWISE, *PWL,
]  # fmt: skip


def _convert(name: str, folder: str, hdl: str) -> None:
    case = next(c for c in CASES if c.name == name)
    convert_block(case.component(), Path(folder), hdl)


def convert_case(case: BlockCase, folder: Path, hdl: str) -> None:
    """Convert a block of the table into `folder`.

    What MyHDL converts depends on all that was elaborated before in the process, so a clean one is
    forked each time from a server that has only imported the modules.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["block_cases"])
    process = context.Process(target=_convert, args=(case.name, str(folder), hdl))
    # the server starts with the first process; as in a conversion, strings have the same hash each time
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        process.start()
    finally:
        del os.environ["PYTHONHASHSEED"]
        if before is not None:
            os.environ["PYTHONHASHSEED"] = before
    process.join()
    assert process.exitcode == 0, f"conversion of {case.name} failed"
