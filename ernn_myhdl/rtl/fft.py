"""The packed real FFT and its inverse as pipelines.

One register after each stage of sums of `ernn_myhdl.transform`, three for a stage of rotations
(products; sum; rounding). The widths are those that the largest possible input needs, so nothing
overflows inside.

Forward: aligns the samples to the working fraction, transforms, rounds and saturates to the
spectrum's format. Inverse: transforms a block spectrum; the result is k times the signal.
Latency: `forward_latency(k)` and `inverse_latency(k)` cycles, one block a cycle; no reset.
Resources: `transform.multiplications` multipliers by constants.
"""

from __future__ import annotations

from myhdl import always, always_comb, block, instances, intbv

from ernn_myhdl import transform
from ernn_myhdl.formats import Format
from ernn_myhdl.netlist import Leaf, Netlist, ins, outs
from ernn_myhdl.rtl import rounding
from ernn_myhdl.rtl.signals import Array, Bit, array, signed

ROTATION_LATENCY = 3


@block
def align(source, target, count, width, shift):
    """target = source << shift, wires only."""
    limit = 1 << (width - 1)

    @always_comb
    def move():
        word = intbv(0, min=-limit, max=limit)
        for i in range(count):
            word[:] = source[i]
            target[i].next = word << shift

    return move


# The indices of a process must be constants: VHDL takes a process that assigns an element by a loop's
# variable for a driver of the whole array.


@block
def butterfly(clk, source, target, a, b, sum_out, difference_out):
    """target[sum_out] = source[a] + source[b] and target[difference_out] = source[a] - source[b]"""

    @always(clk.posedge)
    def terms():
        target[sum_out].next = source[a] + source[b]
        target[difference_out].next = source[a] - source[b]

    return terms


@block
def scale(clk, source, target, a, out, factor, width):
    """target[out] = factor * source[a], factor one of 1, -1, 2, -2."""
    limit = 1 << (width - 1)
    shift = abs(factor) - 1

    @always(clk.posedge)
    def positive():
        word = intbv(0, min=-limit, max=limit)
        word[:] = source[a]
        target[out].next = word << shift

    @always(clk.posedge)
    def negative():
        word = intbv(0, min=-limit, max=limit)
        word[:] = source[a]
        word[:] = word << shift
        target[out].next = -word

    return positive if factor > 0 else negative


@block
def hold(clk, source, target, a, b, width):
    """target[a] = source[a] and target[b] = source[b] after ROTATION_LATENCY cycles."""
    first, second = array(2, width), array(2, width)

    @always(clk.posedge)
    def keep():
        first[0].next = source[a]
        first[1].next = source[b]
        for i in range(2):
            second[i].next = first[i]
        target[a].next = second[0]
        target[b].next = second[1]

    return keep


@block
def rotate(clk, source, target, re, im, cosine, sine, width):
    """Rotation by (cosine, sine); four products."""
    product = width + transform.TWIDDLE_FRAC + 2
    total_word = product + 1
    limit = 1 << (total_word - 1)
    half = 1 << (transform.TWIDDLE_FRAC - 1)
    drop = transform.TWIDDLE_FRAC
    re_c, re_s, im_c, im_s = (signed(product) for _ in range(4))
    re_sum, im_sum = signed(total_word), signed(total_word)

    @always(clk.posedge)
    def multiply():
        re_c.next = source[re] * cosine
        re_s.next = source[re] * sine
        im_c.next = source[im] * cosine
        im_s.next = source[im] * sine
        re_sum.next = re_c + im_s
        im_sum.next = im_c - re_s

    @always(clk.posedge)
    def rounded():
        word = intbv(0, min=-limit, max=limit)
        word[:] = re_sum
        word[:] = word + half
        target[re].next = word >> drop
        word[:] = im_sum
        word[:] = word + half
        target[im].next = word >> drop

    return instances()


@block
def rotate_diagonal(clk, source, target, re, im, cosine, inverse, width):
    """Rotation by 45 degrees; two products of the sum and the difference.

    Their sums are registered in place of the products' sums, so the latency is the same.
    """
    product = width + 1 + transform.TWIDDLE_FRAC + 2
    limit = 1 << product
    half = 1 << (transform.TWIDDLE_FRAC - 1)
    drop = transform.TWIDDLE_FRAC
    re_sum, im_sum = signed(width + 1), signed(width + 1)
    re_product, im_product = signed(product), signed(product)

    @always(clk.posedge)
    def add_forward():
        re_sum.next = source[re] + source[im]
        im_sum.next = source[im] - source[re]

    @always(clk.posedge)
    def add_inverse():
        re_sum.next = source[re] - source[im]
        im_sum.next = source[im] + source[re]

    @always(clk.posedge)
    def multiply():
        re_product.next = re_sum * cosine
        im_product.next = im_sum * cosine

    @always(clk.posedge)
    def rounded():
        word = intbv(0, min=-limit, max=limit)
        word[:] = re_product
        word[:] = word + half
        target[re].next = word >> drop
        word[:] = im_product
        word[:] = word + half
        target[im].next = word >> drop

    if inverse:
        return add_inverse, multiply, rounded
    return add_forward, multiply, rounded


@block
def transform_pipeline(clk, source, target, points, inverse, widths):
    """The flow graph of `points` points; widths[i] is the word before stage i."""
    graph = transform.inverse_graph(points) if inverse else transform.forward_graph(points)
    words = [source] + [array(points, w) for w in widths[1:-1]] + [target]
    parts = []
    for stage, before, after, width, wide in zip(
        graph, words[:-1], words[1:], widths[:-1], widths[1:], strict=True
    ):
        if isinstance(stage, transform.SumStage):
            for total, difference in _butterflies(stage):
                a, b = difference.a, difference.b
                parts.append(butterfly(clk, before, after, a, b, total.out, difference.out))
            for t in stage.terms:
                if t.b is None:
                    factor = t.sign_a * t.scale
                    parts.append(scale(clk, before, after, t.a, t.out, factor, wide))
            continue
        rotated = set()
        for t in stage.twiddles:
            rotated |= {t.re, t.im}
            if t.equal:
                parts.append(
                    rotate_diagonal(clk, before, after, t.re, t.im, t.cosine, t.inverse, width)
                )
            else:
                sine = -t.sine if t.inverse else t.sine
                parts.append(rotate(clk, before, after, t.re, t.im, t.cosine, sine, width))
        kept = [w for w in range(points) if w not in rotated]
        parts += [
            hold(clk, before, after, a, b, width)
            for a, b in zip(kept[::2], kept[1::2], strict=True)
        ]
    return parts


def _butterflies(stage: transform.SumStage) -> list[tuple[transform.Term, transform.Term]]:
    """The sums and the differences of a stage, those of the same two words together."""
    pairs: dict[frozenset, list] = {}
    for t in stage.terms:
        if t.b is not None:
            pair = pairs.setdefault(frozenset((t.a, t.b)), [None, None])
            pair[t.sign_b < 0] = t
    return [tuple(pair) for pair in pairs.values()]


def _graph_latency(graph) -> int:
    return sum(1 if isinstance(s, transform.SumStage) else ROTATION_LATENCY for s in graph)


def forward_latency(points: int) -> int:
    """Cycles from samples to rounded spectrum."""
    return _graph_latency(transform.forward_graph(points)) + rounding.LATENCY


def inverse_latency(points: int) -> int:
    """Cycles from block spectrum to unrounded signal."""
    return _graph_latency(transform.inverse_graph(points))


def _widths(graph, points: int, word: int) -> tuple[int, ...]:
    """Word before the first and after each stage; a word never shrinks, copies pass unchanged."""
    widths = []
    for bounds in transform.stage_bounds(graph, points, 1 << (word - 1)):
        widths.append(max([transform.width_for(max(bounds)), *widths[-1:]]))
    widths[0] = word
    return tuple(widths)


def inverse_word(points: int, word: int) -> int:
    """Bits of the inverse transform's result."""
    return _widths(transform.inverse_graph(points), points, word)[-1]


def _pipeline_leaf(points: int, inverse: bool, widths: tuple[int, ...]) -> Leaf:
    kind = "ifft" if inverse else "fft"
    return Leaf(
        f"{kind}_{points}_points_{widths[0]}_bits",
        transform_pipeline,
        ins(clk=Bit(), source=Array(points, widths[0])) | outs(target=Array(points, widths[-1])),
        {"points": points, "inverse": inverse, "widths": widths},
    )


def forward(name: str, points: int, source: Format, target: Format) -> Netlist:
    """Real FFT with rounding; ports clk, rst, source, target."""
    n = Netlist(name)
    clk = n.input("clk", Bit())
    n.input("rst", Bit())
    samples = n.input("source", Array(points, source.word))
    spectrum = n.output("target", Array(points, target.word))
    frac = transform.working_frac(points, source.frac, target.frac)
    shift = frac - source.frac
    words = samples
    if shift:
        word = source.word + shift
        words = n.add(
            "align",
            Leaf(
                f"align_{points}x{source.word}_by_{shift}",
                align,
                ins(source=samples.type) | outs(target=Array(points, word)),
                {"count": points, "width": word, "shift": shift},
            ),
            source=samples,
        )["target"]
    graph = transform.forward_graph(points)
    if graph:
        widths = _widths(graph, points, words.type.width)
        words = n.add("pipeline", _pipeline_leaf(points, False, widths), clk=clk, source=words)[
            "target"
        ]
    n.add(
        "round",
        rounding.leaf(points, words.type.width, target.word, frac - target.frac),
        clk=clk,
        source=words,
        target=spectrum,
    )
    return n


def inverse_leaf(points: int, word: int) -> Leaf | None:
    """Inverse transform of `word`-bit spectra without rounding; None for one point."""
    graph = transform.inverse_graph(points)
    return _pipeline_leaf(points, True, _widths(graph, points, word)) if graph else None
