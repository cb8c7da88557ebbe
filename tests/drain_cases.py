"""Tests of the drain and of the rows behind it."""

from __future__ import annotations

from block_bench import Values
from block_case import BlockCase, arrays, columns, flags, padded, pipeline
from lane_cases import broadcast_case, combined, select_case

from ernn_myhdl.numerics import transform
from ernn_myhdl.rtl import drain, rows


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
