"""The packed real FFT and its inverse as pipelines.

One register after each stage of sums of `ernn_myhdl.numerics.transform`, three for a stage of rotations
(parts of the products; sums of parts; their rounded sum). The constants of a rotation are written in canonical signed
digits, and its products are sums of shifted words. The widths are those that the largest possible
input needs, so nothing overflows inside.

Forward: aligns the samples to the working fraction, transforms, rounds and saturates to the
spectrum's format. Inverse: transforms a block spectrum; the result is k times the signal.
Latency: `forward_latency(k)` and `inverse_latency(k)` cycles, one block a cycle; no reset.
Resources: adders and registers, no multipliers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from myhdl import always, always_comb, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array, Bit, array
from ernn_myhdl.hdl.written_block import written_block
from ernn_myhdl.numerics import transform
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import rounding, stages

#: Half an LSB of a rotated word.
HALF = 1 << (transform.TWIDDLE_FRAC - 1)
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


@dataclass(frozen=True)
class _Halves:
    """A constant as two sums of its signed digits, of which the high one has no bits below `shift`."""

    low: list[int]
    high: list[int]
    shift: int

    @staticmethod
    def of(*constants: int) -> list[_Halves]:
        """Those of several constants, with one shift."""
        cut = []
        for constant in constants:
            digits = signed_digits(constant)
            middle = len(digits) // 2
            cut.append((digits[:middle], digits[middle:]))
        shift = min((abs(high[0]).bit_length() - 1 for _, high in cut if high), default=0)
        shift = min(shift, transform.TWIDDLE_FRAC)
        return [_Halves(low, [d >> shift for d in high], shift) for low, high in cut]


class _Rotations:
    """The statements of a stage of rotations, and the registers that they need.

    The products of a result are not made one by one: their low digits and their high ones are added apart, and what the high
    ones do not reach is not added to them. By 45 degrees the two words are added first, since both have the same constant.
    """

    def __init__(self, bounds: Sequence[int]) -> None:
        #: Largest magnitude of each word in front of the stage.
        self.bounds = bounds
        self.first: list[str] = []
        self.second: list[str] = []
        self.third: list[str] = []
        #: Largest magnitude of each word of the arrays of registers, in each array, and the words in each.
        self.magnitudes: dict[str, int] = {}
        self.reached: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        #: Largest magnitude of the variable.
        self.largest = 0

    def add(self, t: transform.Twiddle) -> None:
        """A rotation."""
        sign = -1 if t.inverse else 1
        if t.equal:
            self._equal(t.cosine, t.re, t.re, t.im, sign)
            self._equal(t.cosine, t.im, t.im, t.re, -sign)
        else:
            self._products(t, t.re, t.re, t.im, sign)
            self._products(t, t.im, t.im, t.re, -sign)

    def registers(self) -> dict[str, tuple[int, int]]:
        """Words and bits of each array."""
        return {n: (c, transform.width_for(self.reached[n])) for n, c in self.counts.items()}

    def _new(self, registers: str, reached: int) -> str:
        """A new word of an array of registers."""
        place = self.counts.get(registers, 0)
        self.counts[registers] = place + 1
        self.reached[registers] = max(self.reached.get(registers, 0), reached)
        name = f"{registers}[{place}]"
        self.magnitudes[name] = reached
        return name

    def _equal(self, constant: int, out: int, own: int, other: int, sign: int) -> None:
        """target[out] = constant * (own +- other)"""
        (halves,) = _Halves.of(constant)
        reached = self.bounds[own] + self.bounds[other]
        turned = self._new("turned", reached)
        mark = "+" if sign > 0 else "-"
        self.first.append(f"{turned}.next = source[{own}] {mark} source[{other}]")
        low, high = self._parts(self.second, turned, reached, halves, HALF, ("low_sum", "high_sum"))
        self._result(out, low, high, reached * constant, halves.shift)

    def _products(self, t: transform.Twiddle, out: int, own: int, other: int, sign: int) -> None:
        """target[out] = cosine * own +- sine * other"""
        cosine, sine = _Halves.of(t.cosine, t.sine)
        arrays = "low", "high"
        words = [f"source[{own}]", f"source[{other}]"]
        bounds = [self.bounds[own], self.bounds[other]]
        kept = self._parts(self.first, words[0], bounds[0], cosine, HALF, arrays)
        turned = self._parts(self.first, words[1], bounds[1], sine, 0, arrays)
        mark = "+" if sign > 0 else "-"
        sums = []
        for half, a, b in zip(arrays, kept, turned, strict=True):
            name = self._new(f"{half}_sum", self.magnitudes[a] + self.magnitudes[b])
            self.second.append(f"{name}.next = {a} {mark} {b}")
            sums.append(name)
        reached = bounds[0] * t.cosine + bounds[1] * t.sine
        self._result(out, sums[0], sums[1], reached, cosine.shift)

    def _parts(
        self,
        statements: list[str],
        word: str,
        bound: int,
        halves: _Halves,
        half: int,
        arrays: tuple[str, str],
    ) -> list[str]:
        """Registers of the products of a word with both halves of a constant; half: added to the low one."""
        statements.append(f"word[:] = {word}")
        names = []
        both = (halves.low, halves.high)
        for registers, digits, start in zip(arrays, both, (half, 0), strict=True):
            name = self._new(registers, bound * abs(sum(digits)) + start)
            # also what is summed up before the last digit
            self.largest = max(self.largest, bound * sum(map(abs, digits)) + start)
            statements.append(f"{name}.next = {digit_sum(digits, start)}")
            names.append(name)
        return names

    def _result(self, out: int, low: str, high: str, reached: int, shift: int) -> None:
        """target[out] = (high * 2**shift + low) >> TWIDDLE_FRAC"""
        rest = transform.TWIDDLE_FRAC - shift
        self.largest = max(self.largest, ((reached + HALF) >> shift) + 1)
        self.third += [
            f"word[:] = {low} >> {shift}",
            f"word[:] = word + {high}",
            f"target[{out}].next = word" + (f" >> {rest}" if rest else ""),
        ]


def rotation_registers(
    stage: transform.TwiddleStage, bounds: Sequence[int]
) -> dict[str, tuple[int, int]]:
    """Words and bits of each array of registers within a stage of rotations, by its name; bounds: as of `rotation_stage`."""
    return _rotations(stage, bounds).registers()


def _rotations(stage: transform.TwiddleStage, bounds: Sequence[int]) -> _Rotations:
    rotations = _Rotations(bounds)
    for t in stage.twiddles:
        rotations.add(t)
    return rotations


def rotation_stage(
    stage: transform.TwiddleStage, points: int, width: int, bounds: Sequence[int]
) -> Callable:
    """The block (clk, source, target) of one stage of rotations; see `_Rotations`.

    width: bits of a word. bounds: largest magnitudes of the words in front of it. First cycle: the products with the constants as
    two sums over half the digits, half an LSB in one of them; of equal constants the sum of the words. Second cycle: the sums of the
    parts of both products; of equal constants the parts. Third cycle: the sum of both. Words that are not rotated pass in as many cycles.
    """
    rotations = _rotations(stage, bounds)
    statements = [*rotations.first, *rotations.second, *rotations.third]
    rotated = {w for t in stage.twiddles for w in (t.re, t.im)}
    kept = [w for w in range(points) if w not in rotated]
    arrays = [
        f"{name} = array({count}, {bits})" for name, (count, bits) in rotations.registers().items()
    ]
    if kept:
        arrays += [f"{name} = array({len(kept)}, {width})" for name in ("held", "passed")]
    statements += [f"held[{i}].next = source[{w}]" for i, w in enumerate(kept)]
    statements += [f"passed[{i}].next = held[{i}]" for i in range(len(kept))]
    statements += [f"target[{w}].next = passed[{i}]" for i, w in enumerate(kept)]
    word = _word(transform.width_for(rotations.largest))
    return _stage_block("rotation_stage", arrays, word, statements)


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
    bounds = transform.stage_bounds(graph, points, 1 << (widths[0] - 1))
    parts = []
    for stage, before, after, width, wide, reached in zip(
        graph, words[:-1], words[1:], widths[:-1], widths[1:], bounds[:-1], strict=True
    ):
        if isinstance(stage, transform.SumStage):
            part = sum_stage(stage, wide)
        else:
            part = rotation_stage(stage, points, width, reached)
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
