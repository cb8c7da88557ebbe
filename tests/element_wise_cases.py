"""Tests of the element-wise units."""

from __future__ import annotations

import itertools
from dataclasses import replace

from activation_cases import LINEAR, rectify_case
from block_bench import Values
from block_case import BlockCase, arrays, columns, flags, padded, pipeline

from ernn_myhdl.hdl.components import Leaf, ins, outs
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.numerics.formats import Format, round_shift, saturate
from ernn_myhdl.rtl import rounding
from ernn_myhdl.rtl.cells import cell_parts, elementwise
from ernn_myhdl.rtl.cells import gru as gru_cells
from ernn_myhdl.rtl.cells import lstm as lstm_cells


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
