"""Tests of the drain and of the rows behind it."""

from __future__ import annotations

from block_bench import Values
from block_case import BlockCase, arrays, columns, flags, padded, pipeline
from lane_cases import broadcast_case, combined, select_case

from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array, Bit
from ernn_myhdl.numerics import transform
from ernn_myhdl.rtl import drain, drain_chain, rows


def chain(lanes: int, count: int, word: int) -> Netlist:
    """The registers of so many lanes one below the other."""
    n = Netlist(f"drain_chain_of_{lanes}")
    sums = Array(count, word)
    clk, last, shift = (n.input(name, Bit()) for name in ("clk", "last", "shift"))
    turn, own = last, [n.input(f"lane_{i}", sums) for i in range(lanes)]
    sizes = drain_chain.shares(lanes)
    drains = [n.output("head", sums), *(n.net(f"drain_{r}", sums) for r in range(1, len(sizes)))]
    drains.append(n.input("beyond", sums))
    for r, size in enumerate(sizes):
        given, own = own[:size], own[size:]
        made = n.add(
            f"chain_{r}", drain_chain.chain_leaf(count, word, size), clk=clk, last=last, shift=shift,
            turn=turn, **{f"sums_{i}": net for i, net in enumerate(given)}, below=drains[r + 1],
            drain=drains[r],
        )  # fmt: skip
        turn = made.get("turn_below", turn)
    n.wire(n.output("turn_after", Bit()), turn)
    return n


def chain_case(lanes: int, count: int, word: int) -> BlockCase:
    """Passes of which some or all rows leave, and what comes from below behind them; the accumulators change in every cycle."""
    passes, registers = 24, len(drain_chain.shares(lanes))

    def vectors(rng):
        last, shift = [], []
        for _ in range(passes):
            chunks = int(rng.integers(1, lanes + 4))
            wait = chunks + int(rng.integers(0, 4))
            last += [1] + [0] * (wait - 1)
            shift += [int(0 < t < chunks) for t in range(wait)]
        number = len(last) + 4
        words = {f"lane_{i}": arrays(rng, count, word, number) for i in range(lanes)}
        words["beyond"] = arrays(rng, count, word, number)
        return columns(last=last + [0] * 4, shift=shift + [0] * 4, **words)

    def expected(inputs):
        results: list[Values] = [{"turn_after": 0} for _ in inputs]
        starts = [t for t, v in enumerate(inputs) if v["last"]]
        for begin, end in zip(starts, [*starts[1:], len(inputs)], strict=True):
            loaded, chunk = begin + 1, 0
            while chunk == 0 or inputs[begin + chunk]["shift"]:
                at = loaded + drain_chain.LATENCY + chunk
                if chunk < lanes:
                    results[at]["head"] = inputs[loaded][f"lane_{chunk}"]
                else:
                    results[at]["head"] = inputs[at - registers]["beyond"]
                chunk += 1
            after = begin + lanes - registers
            if after < end or after == begin:
                results[after]["turn_after"] = 1
        return results

    return BlockCase(
        f"drain chain of {lanes} lanes, {count} x {word}",
        lambda: chain(lanes, count, word),
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
    *(
        chain_case(*c)
        for c in ((1, 3, 9), (2, 2, 8), (3, 5, 12), (4, 2, 7), (5, 1, 10), (8, 2, 16))
    ),
    *(combine_case(*c) for c in ((1, 9), (2, 20), (4, 30), (32, 40))),
    join_case(4, 30),
    DRAIN_CONTROL,
    *(mask_rows_case(*c) for c in ((4, 2, 3, 19), (2, 1, 1, 1), (1, 4, 2, 8))),
]
