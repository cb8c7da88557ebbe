"""The element-wise units: what all cells share.

A unit takes the rounded rows of one matrix phase, block by block, and makes of them what its cell needs
(`Unit`); its blocks of k cells work side by side, each an instance of one netlist with a fixed latency
and no reset, one block a cycle. The units of each cell are in a file of its name beside this one.
`gather` collects drained rows until all rows of a unit's blocks are there.
"""

from __future__ import annotations

from dataclasses import dataclass

from myhdl import always, always_comb, block, intbv

from ernn_myhdl.design.structure import Arithmetic
from ernn_myhdl.design.tables import tables
from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, array, bits_for, unsigned
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import pwl, rounding, stages
from ernn_myhdl.rtl.delay import carried, delayed

GATHER_LATENCY = stages.latency(stages.GATHER)
BIAS_LATENCY = stages.latency(stages.BIAS)
MASK_LATENCY = stages.latency(stages.MASK)
PEEPHOLE_LATENCY = stages.latency(stages.ADDED_PRODUCT)


@dataclass(frozen=True)
class Kept:
    """An array that a unit of the first phase keeps for that of the second: its port in both, the bits of
    an element, and the cycles from the operands until it is there."""

    port: str
    word: int
    latency: int


@dataclass(frozen=True)
class Unit:
    """The element-wise unit of one phase of one cell.

    block: the netlist of a block of k cells. Ports: clk, rst, valid (marks the stages for traces); row_0
    .. row_{rows - 1}; the fields of `parameters`; state and fresh where it reads the state; new_state
    where it writes it; those of `kept`; result.
    cells: of the block, fewer than k where the unit takes a block in several cycles (`cell_parts`).
    rows: of a block. parameters: (port, weight tensor, row of it), the mask's tensor being "mask".
    latency: cycles from the operands to result, y or m. state_latency: to new_state; None where it does
    not write it. reads_state: whether it reads the state. multipliers: for each cell.
    kept: written by the unit of the first phase, read by that of the second.
    """

    block: Netlist
    rows: int
    parameters: tuple[tuple[str, str, int], ...]
    latency: int
    state_latency: int | None
    reads_state: bool
    multipliers: int
    kept: tuple[Kept, ...] = ()

    @property
    def cells(self) -> int:
        """Cells side by side in a block."""
        return self.block.ports["result"].type.count


class Builder:
    """Adds the steps that cells have in common to the netlist of a block, or of the part of one that is computed in one of
    `cycles` cycles."""

    def __init__(self, design: Arithmetic, name: str, rows: int, cycles: int = 1) -> None:
        self.design, self.formats = design, design.formats.given
        self.k = design.cell.tile // cycles
        # both units of a cell may have it, each for its own number of cells
        self._bias = "add_bias" if cycles == 1 else f"add_bias_{self.k}"
        self.word = self.formats.preactivation.word
        self.n = Netlist(name)
        self.clk = self.n.input("clk", Bit())
        self.n.input("rst", Bit())
        self.rows = [self.array(f"row_{q}", self.word) for q in range(rows)]
        self._functions = {
            f"pwl_{name}": pwl.leaf(f"pwl_{name}", self.k, table)
            for name, table in tables(design).items()
        }
        self._valid: Net | None = None
        self._marks: dict[int, Net] = {}

    def array(self, name: str, word: int) -> Net:
        """A new input of k words."""
        return self.n.input(name, Array(self.k, word))

    def output(self, name: str, word: int) -> Net:
        return self.n.output(name, Array(self.k, word))

    def held(self, label: str, net: Net, cycles: int) -> Net:
        return carried(self.n, label, net, cycles)

    def biased(self, name: str, row: Net, bias: Net) -> Net:
        """row + bias, a bit wider; BIAS_LATENCY."""
        leaf = arrays_leaf(
            self._bias, add_bias, self.k, {"row": self.word, "bias": self.word},
            {"total": self.word + 1}, {},
        )  # fmt: skip
        return self.n.add(f"bias_{name}", leaf, clk=self.clk, row=row, bias=bias)["total"]

    def saturated(self, name: str, total: Net) -> Net:
        """A sum in the format of the pre-activations; rounding.LATENCY."""
        leaf = rounding.leaf(self.k, total.type.width, self.word, 0)
        return self.n.add(f"saturate_{name}", leaf, clk=self.clk, source=total)["target"]

    def rounded(self, name: str, source: Net, frac: int, target: Format, into: Net | None = None):
        """Rounded to a format; rounding.LATENCY."""
        leaf = rounding.leaf(self.k, source.type.width, target.word, frac - target.frac)
        nets = {} if into is None else {"target": into}
        return self.n.add(f"round_{name}", leaf, clk=self.clk, source=source, **nets)["target"]

    def activated(self, name: str, table: str, source: Net) -> Net:
        """A piecewise linear function; pwl.LATENCY."""
        leaf = self._functions[f"pwl_{table}"]
        return self.n.add(f"activate_{name}", leaf, clk=self.clk, source=source)["target"]

    def masked(self, source: Net, mask: Net, at: int, into: Net | None = None) -> Net:
        """An array, there `at` cycles after the operands, zero where the mask bit is 0; MASK_LATENCY."""
        leaf = mask_leaf(self.k, source.type.width)
        nets = {"mask": self.held("hold_mask", mask, at)} | (
            {} if into is None else {"target": into}
        )
        return self.n.add("mask_block", leaf, clk=self.clk, source=source, **nets)["target"]

    def with_product(
        self, name: str, leaf: Leaf, cleared: Net, total: Net, factor: Net, seen: Net
    ) -> Net:
        """saturate(total + round(factor * seen)) by a leaf of `product_leaf`; PEEPHOLE_LATENCY."""
        return self.n.add(
            f"peephole_{name}", leaf, clk=self.clk, fresh=cleared, total=total, peephole=factor,
            state=seen,
        )["target"]  # fmt: skip

    def product_leaf(self, name: str, factor: Format, seen: Format) -> Leaf:
        """`add_peephole` of these formats."""
        total = self.word + 1
        return arrays_leaf(
            name,
            add_peephole,
            self.k,
            {"total": total, "peephole": factor.word, "state": seen.word},
            {"target": self.word},
            {
                "state_word": seen.word,
                "peephole_word": factor.word,
                "total_word": total,
                "target_word": self.word,
                "shift": factor.frac + seen.frac - self.formats.preactivation.frac,
            },
            ("fresh",),
        )

    def probe(self, stage: str, cycles: int, net: Net) -> None:
        """Name a stage that is there `cycles` after the operands; a valid bit travels beside the data."""
        if self._valid is None:
            self._valid = self.n.input("valid", Bit())
        if cycles not in self._marks:
            self._marks[cycles] = delayed(self.n, f"valid_{cycles}", self._valid, cycles)
        self.n.probe(stage, self._marks[cycles], net)


@block
def gather(clk, rst, chunk_valid, chunk, chunk_tag, rows, valid, index, tag, size, slots,
           chunks, groups):  # fmt: skip
    """Collects chunks of `size` words into groups of `slots` chunks; `chunks` of them are a frame.

    valid: rows holds group number index of the frame that tag names. The last group of a frame may be incomplete.
    """
    slot = unsigned(bits_for(slots))
    count = unsigned(bits_for(chunks))
    group = unsigned(bits_for(groups))
    last_slot, last_chunk = slots - 1, chunks - 1

    @always(clk.posedge)
    def control():
        if rst:
            slot.next = 0
            count.next = 0
            group.next = 0
            valid.next = False
            index.next = 0
            tag.next = 0
        else:
            valid.next = False
            if chunk_valid:
                if count == last_chunk:
                    count.next = 0
                    slot.next = 0
                    group.next = 0
                    valid.next = True
                else:
                    count.next = count + 1
                    if slot == last_slot:
                        slot.next = 0
                        group.next = group + 1
                        valid.next = True
                    else:
                        slot.next = slot + 1
                index.next = group
                tag.next = chunk_tag

    @always(clk.posedge)
    def store_one():
        # a chunk is a group and passes with its valid bit, so no net must enable all registers
        for i in range(size):
            rows[i].next = chunk[i]

    @always(clk.posedge)
    def store():
        if chunk_valid:
            for s in range(slots):
                if slot == s:
                    for i in range(size):
                        rows[s * size + i].next = chunk[i]

    return (control, store) if slots > 1 else (control, store_one)


@block
def add_bias(clk, row, bias, total, count):
    """total = row + bias"""

    @always(clk.posedge)
    def add():
        for i in range(count):
            total[i].next = row[i] + bias[i]

    return add


@block
def mask_block(clk, source, mask, target, count):
    """target = source, or zero where the mask bit is 0."""

    @always(clk.posedge)
    def select():
        for i in range(count):
            if mask[i]:
                target[i].next = source[i]
            else:
                target[i].next = 0

    return select


@block
def add_peephole(clk, fresh, total, peephole, state, target, count, state_word, peephole_word,
                 total_word, target_word, shift):  # fmt: skip
    """target = saturate(total + round(peephole * state)); the state counts as zero where fresh.

    total comes BIAS_LATENCY after the operands, so that it may be made beside their registers.
    """
    product_word = state_word + peephole_word
    right, left = max(shift, 0), max(-shift, 0)
    kept = max(right - 1, 0)  # the half bit becomes the lowest, as in `rounding`
    wide = max(product_word - kept + left, total_word + 1) + 1
    limit = 1 << (wide - 1)
    sign = target_word - 1
    highest, lowest = (1 << sign) - 1, -(1 << sign)
    peephole_1, state_1 = array(count, peephole_word), array(count, state_word)
    product = array(count, product_word)
    total_2 = array(count, total_word)
    summed = array(count, wide)
    # made once: MyHDL counts the digits of both limits whenever it makes an intbv
    word = intbv(0, min=-limit, max=limit)
    twice = intbv(0, min=-limit, max=limit)
    beyond = intbv(0, min=-limit, max=limit)

    @always(clk.posedge)
    def operands():
        for i in range(count):
            peephole_1[i].next = peephole[i]
            if fresh:
                state_1[i].next = 0
            else:
                state_1[i].next = state[i]

    @always(clk.posedge)
    def multiply():
        for i in range(count):
            product[i].next = peephole_1[i] * state_1[i]
            total_2[i].next = total[i]

    # limited behind its register, in the cycle of what reads it: the multiplier is far from the sum
    @always(clk.posedge)
    def add_right():
        for i in range(count):
            word[:] = product[i] >> kept
            twice[:] = total_2[i]
            twice[:] = twice << 1
            twice[0] = True  # plus half an LSB
            word[:] = word + twice
            summed[i].next = word >> 1

    @always(clk.posedge)
    def add_left():
        for i in range(count):
            word[:] = product[i]
            word[:] = word << left
            summed[i].next = word + total_2[i]

    @always_comb
    def saturate():
        for i in range(count):
            beyond[:] = summed[i] >> sign
            if summed[i] < 0:
                beyond[:] = ~beyond
            if beyond != 0:
                if summed[i] < 0:
                    target[i].next = lowest
                else:
                    target[i].next = highest
            else:
                target[i].next = summed[i]

    return operands, multiply, (add_right if right else add_left), saturate


def arrays_leaf(name, function, count, inputs, outputs, parameters, bits=(), more=None):
    """A leaf whose array ports are given by their widths; more: inputs of other types."""
    ports = ins(clk=Bit()) | ins(**{b: Bit() for b in bits}) | ins(**(more or {}))
    ports |= ins(**{p: Array(count, w) for p, w in inputs.items()})
    ports |= outs(**{p: Array(count, w) for p, w in outputs.items()})
    return Leaf(name, function, ports, {"count": count} | parameters)


def mask_leaf(count: int, word: int) -> Leaf:
    """`mask_block` of so many words."""
    words = {"source": word}, {"target": word}
    return arrays_leaf("mask_block", mask_block, count, *words, {}, (), {"mask": Word(count)})


@made_once
def gather_leaf(
    points: int,
    word: int,
    units: int,
    rows: int,
    chunks: int,
    groups: int,
    tag_bits: int,
    label: str = "cells",
) -> Leaf:
    """Collects chunks of `units` rows into the `rows` rows of a group."""
    size = units * points
    slots = rows // units
    return Leaf(
        f"{label}_gather",
        gather,
        ins(clk=Bit(), rst=Bit(), chunk_valid=Bit(), chunk=Array(size, word))
        | ins(chunk_tag=Word(tag_bits))
        | outs(
            rows=Array(slots * size, word),
            valid=Bit(),
            index=Word(bits_for(groups)),
            tag=Word(tag_bits),
        ),
        {"size": size, "slots": slots, "chunks": chunks, "groups": groups},
    )
