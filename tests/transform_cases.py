"""Tests of the transforms."""

from __future__ import annotations

from block_bench import Values
from block_case import BlockCase, arrays, padded, pipeline

from ernn_myhdl.numerics import transform
from ernn_myhdl.numerics.formats import Format, requantise, round_shift
from ernn_myhdl.rtl import fft


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
