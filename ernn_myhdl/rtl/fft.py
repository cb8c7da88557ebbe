"""The packed real FFT and its inverse as pipelines.

One register after each stage of sums of `ernn_myhdl.numerics.transform`, three for a stage of rotations
(partial products; products; their rounded sum). The constants of a rotation are written in canonical signed
digits, and its products are sums of shifted words. The widths are those that the largest possible
input needs, so nothing overflows inside.

Forward: aligns the samples to the working fraction, transforms, rounds and saturates to the
spectrum's format. Inverse: transforms a block spectrum; the result is k times the signal.
Latency: `forward_latency(k)` and `inverse_latency(k)` cycles, one block a cycle; no reset.
Resources: adders and registers, no multipliers.
"""

from __future__ import annotations

from collections.abc import Callable

from myhdl import always, always_comb, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array, Bit, array
from ernn_myhdl.hdl.written_block import written_block
from ernn_myhdl.numerics import transform
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import rounding, stages

SUMS_LATENCY = stages.latency(stages.SUMS)
ROTATION_LATENCY = stages.latency(stages.ROTATION)


@block
def align(source, target, count, width, shift):
    """target = source << shift, wires only."""
    limit = 1 << (width - 1)

    word = intbv(0, min=-limit, max=limit)

    @always_comb
    def move():
        for i in range(count):
            word[:] = source[i]
            target[i].next = word << shift

    return move


def sum_stage(stage: transform.SumStage, width: int) -> Callable:
    """The block (clk, source, target) of one stage of sums: one process, a statement a term.

    width: bits of a word of target. A term is source[a] + source[b], source[a] - source[b] or
    factor * source[a] with a factor of 1, -1, 2 or -2.
    """
    statements = []
    for t in stage.terms:
        if t.b is not None:
            sign = "+" if t.sign_b > 0 else "-"
            statements.append(f"target[{t.out}].next = source[{t.a}] {sign} source[{t.b}]")
            continue
        statements.append(f"word[:] = source[{t.a}]")
        if t.sign_a > 0:
            statements.append(f"target[{t.out}].next = word << {t.scale - 1}")
        else:
            statements += [f"word[:] = word << {t.scale - 1}", f"target[{t.out}].next = -word"]
    return _stage_block("sum_stage", [], _word(width), statements)


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


def digit_sum(digits: list[int], start: int) -> str:
    """start + word * sum(digits), written as shifts and additions.

    A number is never the left operand: GHDL 2.0 synthesises number - word as word - number.
    """
    text = ""
    for digit in sorted(digits, reverse=True):  # positive ones first
        shifted = f"(word << {abs(digit).bit_length() - 1})"
        if text:
            text += f" {'+' if digit > 0 else '-'} {shifted}"
        else:
            text = shifted if digit > 0 else f"-{shifted}"
    if start or not text:
        text += f" + {start}" if text else str(start)
    return text


def rotation_stage(stage: transform.TwiddleStage, points: int, width: int) -> Callable:
    """The block (clk, source, target) of one stage of rotations, width: bits of a word.

    First cycle: the products with the constants, each as two sums over half the digits; half an LSB is
    in one of those that make a result. Second cycle: the products. Third cycle: the sum of the two that
    make a result. Words that are not rotated pass in as many cycles.
    """
    frac = transform.TWIDDLE_FRAC
    bits = width + frac + 3
    half = 1 << (frac - 1)
    statements: list[str] = []
    products: list[str] = []
    results: list[str] = []
    parts = 0

    def product(constant: int, start: int) -> str:
        """The product of word by a constant, from its two sums."""
        nonlocal parts
        digits = signed_digits(constant)
        middle = len(digits) // 2
        names = [f"part[{parts}]", f"part[{parts + 1}]"]
        made = f"product[{parts // 2}]"
        products.append(f"{made}.next = {names[0]} + {names[1]}")
        parts += 2
        for name, some, begin in zip(
            names, (digits[:middle], digits[middle:]), (start, 0), strict=True
        ):
            statements.append(f"{name}.next = {digit_sum(some, begin)}")
        return made

    for t in stage.twiddles:
        # by 45 degrees two products make both results, and only one may have the half of each
        re_start = half if t.inverse or not t.equal else 0
        im_start = half if not t.inverse or not t.equal else 0
        statements.append(f"word[:] = source[{t.re}]")
        re_cosine = product(t.cosine, re_start)
        re_sine = re_cosine if t.equal else product(t.sine, 0)
        statements.append(f"word[:] = source[{t.im}]")
        im_cosine = product(t.cosine, im_start)
        im_sine = im_cosine if t.equal else product(t.sine, 0)
        re_sign, im_sign = ("-", "+") if t.inverse else ("+", "-")
        for out, own, other, sign in (
            (t.re, re_cosine, im_sine, re_sign),
            (t.im, im_cosine, re_sine, im_sign),
        ):
            results += [
                f"word[:] = {own} {sign} {other}",
                f"target[{out}].next = word >> {frac}",
            ]
    statements += products + results
    rotated = {w for t in stage.twiddles for w in (t.re, t.im)}
    kept = [w for w in range(points) if w not in rotated]
    arrays = [f"part = array({parts}, {bits})", f"product = array({parts // 2}, {bits})"]
    if kept:
        arrays += [f"{name} = array({len(kept)}, {width})" for name in ("held", "passed")]
    statements += [f"held[{i}].next = source[{w}]" for i, w in enumerate(kept)]
    statements += [f"passed[{i}].next = held[{i}]" for i in range(len(kept))]
    statements += [f"target[{w}].next = passed[{i}]" for i, w in enumerate(kept)]
    return _stage_block("rotation_stage", arrays, _word(bits), statements)


def _word(bits: int) -> str:
    return f"word = intbv(0, min={-(1 << (bits - 1))}, max={1 << (bits - 1)})"


def _stage_block(name: str, arrays: list[str], word: str, statements: list[str]) -> Callable:
    """A block of one clocked process."""
    if any("word[:]" in s for s in statements):
        arrays = [*arrays, word]  # made once: MyHDL counts the digits of its limits each time
    lines = [*arrays, "@always(clk.posedge)", "def stage():"]
    lines += [f"    {statement}" for statement in statements]
    scope = {"always": always, "array": array, "intbv": intbv}
    return written_block(name, ("clk", "source", "target"), [*lines, "return stage"], scope)


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
            part = sum_stage(stage, wide)
        else:
            part = rotation_stage(stage, points, width)
        parts.append(part(clk, before, after))
    return parts


def _graph_latency(graph) -> int:
    return sum(
        SUMS_LATENCY if isinstance(s, transform.SumStage) else ROTATION_LATENCY for s in graph
    )


def forward_latency(points: int) -> int:
    """Cycles from samples to rounded spectrum."""
    return _graph_latency(transform.forward_graph(points)) + rounding.LATENCY


def inverse_latency(points: int) -> int:
    """Cycles from block spectrum to unrounded signal."""
    return _graph_latency(transform.inverse_graph(points))


def _widths(graph, points: int, word: int) -> tuple[int, ...]:
    """Word before the first and after each stage; a word never shrinks, copies pass unchanged."""
    widths: list[int] = []
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


@made_once
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


@made_once
def inverse_leaf(points: int, word: int) -> Leaf | None:
    """Inverse transform of `word`-bit spectra without rounding; None for one point."""
    graph = transform.inverse_graph(points)
    return _pipeline_leaf(points, True, _widths(graph, points, word)) if graph else None
