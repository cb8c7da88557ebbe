"""Addition: a beat of every operand enters at once; samples are aligned, added exactly, rounded and saturated."""

from __future__ import annotations

from myhdl import always, always_comb, block, intbv

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import delay, rounding
from ernn_myhdl.rtl.joins.beats import MOST_HELD, SLOTS, STAGES, Control


@block
def enter_together(rst, valids, held, readies, go, full, most):
    """go: a beat of every operand enters; full: a word of ones; most: words that the FIFO may hold then."""

    @always_comb
    def decide():
        go.next = False
        readies.next = 0
        if valids == full and held <= most and not rst:
            go.next = True
            readies.next = full

    return decide


@block
def add_samples(clk, operands, target, count, terms, word):
    """target: the sums of `terms` arrays one behind the other; exact."""
    total = intbv(0, min=-(1 << (word - 1)), max=1 << (word - 1))

    @always(clk.posedge)
    def add():
        for i in range(count):
            total[:] = operands[i]
            for t in range(1, terms):
                total[:] = total + operands[t * count + i]
            target[i].next = total

    return add


@made_once
def together_leaf(operands: int) -> Leaf:
    """When a beat of every operand enters. Ports: valids, readies: a bit each; held: words in the FIFO; go."""
    word = Word(operands)
    return Leaf(
        f"enter_together_{operands}",
        enter_together,
        ins(rst=Bit(), valids=word, held=Word(bits_for(SLOTS + 1))) | outs(readies=word, go=Bit()),
        {"full": (1 << operands) - 1, "most": MOST_HELD},
    )


def add_leaf(name: str, count: int, terms: int, word: int) -> Leaf:
    return Leaf(
        f"{name}_add",
        add_samples,
        ins(clk=Bit(), operands=Array(count * terms, word)) | outs(target=Array(count, word)),
        {"count": count, "terms": terms, "word": word},
    )


def addition(
    n: Netlist, name: str, signals: Signals, shape: StreamShape, given: list[dict[str, Net]],
    formats: list[Format], control: Control,
) -> dict[str, Net]:  # fmt: skip
    """The sums; fields of a beat with valid and samples."""
    valids, readies, held = control
    clk, rst, count = n.nets["clk"], n.nets["rst"], len(given)
    go = n.add("control", together_leaf(count), rst=rst, valids=valids, readies=readies, held=held)[
        "go"
    ]
    total, fmt, size = signals.sum_of(name), signals.formats[name], shape.samples_per_beat
    nothing = n.zero("nothing", Word(max(total.frac - min(f.frac for f in formats), 1)))
    parts: list[Net | tuple[Net, int, int]] = []
    for fields, own in zip(given, formats, strict=True):
        for i in range(size):
            low, shift = i * shape.sample_bits, total.frac - own.frac
            if shift:
                parts.append((nothing, 0, shift))
            parts.append((fields["tdata"], low, own.word))
            parts += [(fields["tdata"], low + own.word - 1, 1)] * (total.word - own.word - shift)
    operands = n.bundle("operands", Array(count * size, total.word), *parts)
    sums = n.add(
        "add", add_leaf(name, size, count, total.word), clk=clk, operands=operands
    )["target"]  # fmt: skip
    samples = n.add(
        "round", rounding.leaf(size, total.word, fmt.word, total.frac - fmt.frac), clk=clk,
        source=sums,
    )["target"]  # fmt: skip
    first = {field: net for field, net in given[0].items() if field != "tdata"}
    late = {f: delay.delayed(n, f"late_{f}", net, STAGES) for f, net in first.items()}
    return late | {"valid": delay.delayed(n, "late_valid", go, STAGES), "samples": samples}
