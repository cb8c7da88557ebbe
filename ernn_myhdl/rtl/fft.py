"""The packed real FFT and its inverse as pipelines.

One register after each stage of sums of `ernn_myhdl.transform`, two for a stage of rotations
(partial products; their rounded sum). The constants of a rotation are written in canonical signed
digits, and its products are sums of shifted words. The widths are those that the largest possible
input needs, so nothing overflows inside.

Forward: aligns the samples to the working fraction, transforms, rounds and saturates to the
spectrum's format. Inverse: transforms a block spectrum; the result is k times the signal.
Latency: `forward_latency(k)` and `inverse_latency(k)` cycles, one block a cycle; no reset.
Resources: adders and registers, no multipliers.
"""

from __future__ import annotations

from myhdl import always, always_comb, block, intbv

from ernn_myhdl import transform
from ernn_myhdl.formats import Format
from ernn_myhdl.netlist import Leaf, Netlist, ins, outs
from ernn_myhdl.rtl import rounding
from ernn_myhdl.rtl.signals import Array, Bit, array, signed

ROTATION_LATENCY = 2


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


@block
def add(clk, source, target, a, b, out):
    """target[out] = source[a] + source[b]"""

    @always(clk.posedge)
    def term():
        target[out].next = source[a] + source[b]

    return term


@block
def subtract(clk, source, target, a, b, out):
    """target[out] = source[a] - source[b]"""

    @always(clk.posedge)
    def term():
        target[out].next = source[a] - source[b]

    return term


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
def hold(clk, source, target, word):
    """target[word] = source[word] after ROTATION_LATENCY cycles."""
    first = signed(len(source[word]))

    @always(clk.posedge)
    def keep():
        first.next = source[word]
        target[word].next = first

    return keep


def signed_digits(constant: int) -> list[int]:
    """Canonical signed digits of a constant as powers of two with their signs, the lowest first.

    Their sum is the constant; no two neighbouring digits are used, so they are the fewest.
    """
    digits, power = [], 1
    while constant:
        if constant & 1:
            digit = 2 - (constant & 3)  # 1 or -1, so that the next digit is zero
            digits.append(digit * power)
            constant -= digit
        constant >>= 1
        power <<= 1
    return digits


@block
def digit_sum(clk, source, word, target, digits, start):
    """target = start + source[word] * sum(digits): shifts and additions, no multiplier."""
    bits = max((abs(d) for d in digits), default=1).bit_length()
    plus_digits = sum(d for d in digits if d > 0)
    minus_digits = -sum(d for d in digits if d < 0)
    limit = 1 << (len(target) - 1)

    @always(clk.posedge)
    def add_digits():
        plus = intbv(plus_digits)[bits:]
        minus = intbv(minus_digits)[bits:]
        total = intbv(0, min=-limit, max=limit)
        term = intbv(0, min=-limit, max=limit)
        total[:] = start
        for i in range(bits):
            term[:] = source[word]
            term[:] = term << i
            if plus[i]:
                total[:] = total + term
            if minus[i]:
                total[:] = total - term
        target.next = total

    return add_digits


@block
def constant_product(clk, source, word, low, high, constant, start):
    """low + high = start + source[word] * constant, each the sum over half the digits."""
    digits = signed_digits(constant)
    half = len(digits) // 2
    return (
        digit_sum(clk, source, word, low, digits[:half], start),
        digit_sum(clk, source, word, high, digits[half:], 0),
    )


@block
def rotate(clk, source, target, re, im, cosine, sine, inverse, width):
    """Rotation by (cosine, sine), inverse or not, rounded half up.

    First cycle: the products with constants, each as two sums. Second cycle: the sum of the four
    that make a result; half an LSB is in one of them.
    """
    word = width + transform.TWIDDLE_FRAC + 3
    limit = 1 << (word - 1)
    drop = transform.TWIDDLE_FRAC
    half = 1 << (drop - 1)
    equal = cosine == sine  # then two products make both results, and only one may have the half
    re_c_0, re_c_1, im_c_0, im_c_1 = (signed(word) for _ in range(4))
    re_start, im_start = half * (inverse or not equal), half * (not inverse or not equal)
    parts = [
        constant_product(clk, source, re, re_c_0, re_c_1, cosine, re_start),
        constant_product(clk, source, im, im_c_0, im_c_1, cosine, im_start),
    ]
    if equal:
        re_s_0, re_s_1, im_s_0, im_s_1 = re_c_0, re_c_1, im_c_0, im_c_1
    else:
        re_s_0, re_s_1, im_s_0, im_s_1 = (signed(word) for _ in range(4))
        parts += [
            constant_product(clk, source, re, re_s_0, re_s_1, sine, 0),
            constant_product(clk, source, im, im_s_0, im_s_1, sine, 0),
        ]

    @always(clk.posedge)
    def forward():
        total = intbv(0, min=-limit, max=limit)
        total[:] = re_c_0 + re_c_1
        total[:] = total + im_s_0
        total[:] = total + im_s_1
        target[re].next = total >> drop
        total[:] = im_c_0 + im_c_1
        total[:] = total - re_s_0
        total[:] = total - re_s_1
        target[im].next = total >> drop

    @always(clk.posedge)
    def backward():
        total = intbv(0, min=-limit, max=limit)
        total[:] = re_c_0 + re_c_1
        total[:] = total - im_s_0
        total[:] = total - im_s_1
        target[re].next = total >> drop
        total[:] = im_c_0 + im_c_1
        total[:] = total + re_s_0
        total[:] = total + re_s_1
        target[im].next = total >> drop

    return parts, backward if inverse else forward


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
            for t in stage.terms:
                if t.b is None:
                    factor = t.sign_a * t.scale
                    parts.append(scale(clk, before, after, t.a, t.out, factor, wide))
                elif t.sign_b > 0:
                    parts.append(add(clk, before, after, t.a, t.b, t.out))
                else:
                    parts.append(subtract(clk, before, after, t.a, t.b, t.out))
            continue
        rotated = set()
        for t in stage.twiddles:
            rotated |= {t.re, t.im}
            parts.append(rotate(clk, before, after, t.re, t.im, t.cosine, t.sine, t.inverse, width))
        parts += [hold(clk, before, after, w) for w in range(points) if w not in rotated]
    return parts


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
