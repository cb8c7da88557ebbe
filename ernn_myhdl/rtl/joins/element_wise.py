"""A function of single elements: every sample of a beat through the function of a linear layer.

    operand -> control -> function -> mask -> FIFO -> result

The functions are those of the element-wise unit of linear layers (`ernn_myhdl.rtl.cells.linear`), with its cycles:

    relu, hard_tanh    limited(saturate(round(x)))
    leaky_relu         saturate(round(x, or slope x where x < 0))
    hard_sigmoid       limited(saturate(round(slope x + 1/2)))
    tanh, sigmoid      table(x)

Samples behind the last one of a frame become zero. A beat enters at most a cycle, and only if the FIFO has room for it and for
those on their way.
"""

from __future__ import annotations

from dataclasses import replace

from myhdl import always_comb, block

from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import delay, pwl, rounding
from ernn_myhdl.rtl.cells import activations
from ernn_myhdl.rtl.cells.elementwise import mask_leaf
from ernn_myhdl.rtl.cells.linear import ACTIVATION_CYCLES
from ernn_myhdl.rtl.joins.addition import together_leaf
from ernn_myhdl.rtl.joins.beats import MOST_HELD, Control


def stages_of(join: ElementWise) -> int:
    """Cycles from a beat that enters to the FIFO."""
    return ACTIVATION_CYCLES[join.activation]


def slots_of(join: ElementWise) -> int:
    """Words of the FIFO: what it may hold when a beat enters, and what is on its way."""
    return MOST_HELD + 1 + stages_of(join)


@block
def samples_of_beat(last, mask, all_of_them, those_of_last):
    """mask: a bit for each sample of a beat that is an element of its frame."""

    @always_comb
    def choose():
        if last:
            mask.next = those_of_last
        else:
            mask.next = all_of_them

    return choose


@made_once
def samples_leaf(count: int, kept: int) -> Leaf:
    """Of beats of `count` samples, of which the last of a frame has `kept`. Ports: last: a beat is that; mask."""
    return Leaf(
        f"samples_of_beat_{count}_{kept}",
        samples_of_beat,
        ins(last=Bit()) | outs(mask=Word(count)),
        {"all_of_them": (1 << count) - 1, "those_of_last": (1 << kept) - 1},
    )


def element_wise(
    n: Netlist, name: str, join: ElementWise, signals: Signals, shape: StreamShape, given: dict[str, Net],
    control: Control,
) -> dict[str, Net]:  # fmt: skip
    """The function of an operand; fields of a beat with valid and samples."""
    valids, readies, held = control
    clk, rst = n.nets["clk"], n.nets["rst"]
    source, count, bits = signals.formats[join.inputs[0]], shape.samples_per_beat, shape.sample_bits
    go = n.add("control", together_leaf(1), rst=rst, valids=valids, readies=readies, held=held)[
        "go"
    ]
    samples = n.bundle(
        "samples", Array(count, source.word), *[(given["tdata"], i * bits, source.word) for i in range(count)]
    )  # fmt: skip
    kept = signals.sizes[name] % count or count
    mask = n.add("elements", samples_leaf(count, kept), last=given["tlast"])["mask"]
    made = {"samples": _Function(n, name, join, source, count).of(samples, mask)}
    stages = stages_of(join)
    for field, net in given.items():
        if field != "tdata":
            made[field] = delay.delayed(n, f"late_{field}", net, stages)
    return made | {"valid": delay.delayed(n, "late_valid", go, stages)}


class _Function:
    """The stages of a function of `count` samples in a format, in the netlist of a join."""

    def __init__(
        self, n: Netlist, name: str, join: ElementWise, source: Format, count: int
    ) -> None:
        assert join.format is not None  # of a network all have one
        self.n, self.name, self.join, self.count = n, name, join, count
        self.source, self.target, self.clk = source, join.format, n.nets["clk"]

    def of(self, samples: Net, mask: Net) -> Net:
        """The samples of the result; mask comes with those of the operand."""
        table = self.join.table(self.source)
        if table is not None:
            leaf = pwl.leaf(f"{self.name}_pwl", self.count, table)
            y = self.n.add("function", leaf, clk=self.clk, source=samples)["target"]
            return self._masked(mask_leaf(self.count, self.target.word), y, mask, pwl.LATENCY)
        if self.join.activation == "leaky_relu":
            return self._leaky(samples, mask)
        return self._limited(samples, mask)

    def _own(self, leaf: Leaf) -> Leaf:
        """A leaf by the name of the join: one of a layer, or of another join, may differ from it."""
        return replace(leaf, name=f"{self.name}_{leaf.name}")

    def _leaky(self, samples: Net, mask: Net) -> Net:
        slope = self.join.constant
        assert slope is not None
        leaf = self._own(
            activations.leaky_leaf(self.count, self.source.word, slope.raw, slope.frac)
        )
        late = delay.carried(self.n, "late_mask", mask, activations.PRODUCT_LATENCY - 1)
        made = self.n.add("function", leaf, clk=self.clk, source=samples, mask=late)["target"]
        return self._rounded(made, self.source.frac + slope.frac)

    def _limited(self, samples: Net, mask: Net) -> Net:
        clip, frac, at = self.join.clip(self.target), self.source.frac, rounding.LATENCY
        assert clip is not None
        if self.join.constant is not None:
            slope = self.join.constant.finer(1 - frac)
            frac += slope.frac
            leaf = self._own(
                activations.scale_leaf(self.count, self.source.word, slope.raw, frac - 1)
            )
            samples = self.n.add("scale", leaf, clk=self.clk, source=samples)["target"]
            at += activations.PRODUCT_LATENCY
        rounded = self._rounded(samples, frac)
        leaf = activations.clip_leaf(self.count, self.target.word, *clip.within(self.target))
        return self._masked(leaf, rounded, mask, at)

    def _rounded(self, samples: Net, frac: int) -> Net:
        leaf = rounding.leaf(
            self.count, samples.type.width, self.target.word, frac - self.target.frac
        )
        return self.n.add("round", leaf, clk=self.clk, source=samples)["target"]

    def _masked(self, leaf: Leaf, samples: Net, mask: Net, at: int) -> Net:
        """Samples that are there `at` cycles after those of the operand, behind a leaf with a mask."""
        late = delay.carried(self.n, "late_mask", mask, at)
        return self.n.add("mask", self._own(leaf), clk=self.clk, source=samples, mask=late)[
            "target"
        ]
