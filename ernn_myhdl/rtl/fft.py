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

from collections.abc import Callable

from myhdl import always, always_comb, block, intbv

from ernn_myhdl import transform
from ernn_myhdl.formats import Format
from ernn_myhdl.netlist import Leaf, Netlist, ins, outs
from ernn_myhdl.rtl import rounding
from ernn_myhdl.rtl.signals import Array, Bit, array
from ernn_myhdl.written_block import written_block

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


def rotation_stage(stage: transform.TwiddleStage, points: int, width: int) -> Callable:
    """The block (clk, source, target) of one stage of rotations, width: bits of a word.

    A rotation takes four products, by 45 degrees two of the sum and the difference; in that case the
    sums are registered in place of the products' sums. Other words pass in as many cycles.
    """
    frac = transform.TWIDDLE_FRAC
    product = width + 1 + frac + 2
    diagonal = [t for t in stage.twiddles if t.equal]
    other = [t for t in stage.twiddles if not t.equal]
    rotated = {w for t in stage.twiddles for w in (t.re, t.im)}
    kept = [w for w in range(points) if w not in rotated]
    arrays, statements = [], []

    def array_of(name: str, count: int, bits: int) -> None:
        if count:
            arrays.append(f"{name} = array({count}, {bits})")

    def rounded(word: int, source: str) -> list[str]:
        return [
            f"word[:] = {source}",
            f"word[:] = word + {1 << (frac - 1)}",
            f"target[{word}].next = word >> {frac}",
        ]

    array_of("side", 2 * len(diagonal), width + 1)
    array_of("scaled", 2 * len(diagonal), product)
    for i, t in enumerate(diagonal):
        signs = "-+" if t.inverse else "+-"
        re, im = 2 * i, 2 * i + 1
        statements += [
            f"side[{re}].next = source[{t.re}] {signs[0]} source[{t.im}]",
            f"side[{im}].next = source[{t.im}] {signs[1]} source[{t.re}]",
            f"scaled[{re}].next = side[{re}] * {t.cosine}",
            f"scaled[{im}].next = side[{im}] * {t.cosine}",
            *rounded(t.re, f"scaled[{re}]"),
            *rounded(t.im, f"scaled[{im}]"),
        ]
    array_of("product", 4 * len(other), product - 1)
    array_of("total", 2 * len(other), product)
    for i, t in enumerate(other):
        signs = "-+" if t.inverse else "+-"
        re, im = 2 * i, 2 * i + 1
        statements += [
            f"product[{4 * i}].next = source[{t.re}] * {t.cosine}",
            f"product[{4 * i + 1}].next = source[{t.re}] * {t.sine}",
            f"product[{4 * i + 2}].next = source[{t.im}] * {t.cosine}",
            f"product[{4 * i + 3}].next = source[{t.im}] * {t.sine}",
            f"total[{re}].next = product[{4 * i}] {signs[0]} product[{4 * i + 3}]",
            f"total[{im}].next = product[{4 * i + 2}] {signs[1]} product[{4 * i + 1}]",
            *rounded(t.re, f"total[{re}]"),
            *rounded(t.im, f"total[{im}]"),
        ]
    array_of("held", len(kept), width)
    array_of("passed", len(kept), width)
    statements += [f"held[{i}].next = source[{w}]" for i, w in enumerate(kept)]
    if kept:
        statements += [f"for i in range({len(kept)}):", "    passed[i].next = held[i]"]
    statements += [f"target[{w}].next = passed[{i}]" for i, w in enumerate(kept)]
    return _stage_block("rotation_stage", arrays, _word(product + 1), statements)


def _word(bits: int) -> str:
    return f"word = intbv(0, min={-(1 << (bits - 1))}, max={1 << (bits - 1)})"


def _stage_block(name: str, arrays: list[str], word: str, statements: list[str]) -> Callable:
    """A block of one clocked process."""
    if any("word[:]" in s for s in statements):
        statements = [word, *statements]
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
