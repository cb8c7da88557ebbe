"""Tests of activations: those of linear layers, and piecewise linear functions."""

from __future__ import annotations

import numpy as np
from block_case import BlockCase, arrays, columns, corners, padded, pipeline

from ernn_myhdl.numerics.formats import Format, saturate
from ernn_myhdl.numerics.pwl import pwl_table
from ernn_myhdl.rtl import pwl
from ernn_myhdl.rtl.cells import activations as activation_cells
from ernn_myhdl.rtl.cells import elementwise
from ernn_myhdl.rtl.cells import rnn as rnn_cells


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
    pwl_case("tanh", Format(6, 5), Format(6, 5), 32),  # segments of two codes
    pwl_case("sigmoid", Format(6, 3), Format(8, 7), 16),  # of four
]
