"""Resources of a design without synthesis: every distinct block once, times its instances.

The numbers of the blocks are those of the netlist. Multipliers and block RAMs follow from rules, LUTs and
flip-flops from the terms of a block (`block_terms`) with weights that were fitted to Yosys
(`block_costs.json` and `block_costs_ecp5.json`, made by `python -m benchmarks.fit_resources`). There are rules and weights of 7-series
devices, by which UltraScale is told too, and of ECP5.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from ernn_myhdl.design.design import CoreStructure
from ernn_myhdl.explore.block_terms import PRODUCTS, function_of, kind_of, terms_of
from ernn_myhdl.explore.memories import XILINX_MEMORIES, Memories, Memory, memory_of, widest
from ernn_myhdl.explore.memories_ecp5 import ECP5_MEMORIES
from ernn_myhdl.hdl.components import External, Leaf, Rom
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.writable_memory import WritableMemory
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.rtl.memory import ram

Component = Leaf | Rom
Widths = Callable[[Rom], int]
PARTS = 100_000


@dataclass(frozen=True, eq=False)
class Rules:
    """How blocks become resources of a family.

    costs: the file of weights. wide, narrow: bits of the operands of one multiplier, signed. memories: what memories become.
    """

    costs: str
    wide: int
    narrow: int
    memories: Memories


XILINX = Rules("block_costs.json", 25, 18, XILINX_MEMORIES)
ECP5 = Rules("block_costs_ecp5.json", 18, 18, ECP5_MEMORIES)
#: Family of a device -> its rules.
RULES = {"xc7": XILINX, "xcu": XILINX, "xcup": XILINX, "ecp5": ECP5}


@dataclass(frozen=True)
class Resources:
    """Multipliers, block RAMs of 18 and 36 kbit, LUTs and flip-flops of a core or of a part of one.

    lut_parts, ff_parts: the LUTs and flip-flops of the model in 1 / PARTS of one. Whole numbers, so that a sum
    of parts is that of the whole in any order.
    """

    lut_parts: int = 0
    ff_parts: int = 0
    dsp: int = 0
    ramb18: int = 0
    ramb36: int = 0

    @property
    def lut(self) -> int:
        return round(self.lut_parts / PARTS)

    @property
    def ff(self) -> int:
        return round(self.ff_parts / PARTS)

    @property
    def bram36(self) -> int:
        """Two RAMB18 fit into a RAMB36."""
        return self.ramb36 + -(-self.ramb18 // 2)

    @property
    def block_ram(self) -> int:
        """Block RAMs of 18 kbit."""
        return 2 * self.ramb36 + self.ramb18

    @property
    def numbers(self) -> tuple[int, int, int, int, int]:
        """All fields in their order."""
        return self.lut_parts, self.ff_parts, self.dsp, self.ramb18, self.ramb36

    def __add__(self, other: Resources) -> Resources:
        return Resources(*(a + b for a, b in zip(self.numbers, other.numbers, strict=True)))

    def __sub__(self, other: Resources) -> Resources:
        return Resources(*(a - b for a, b in zip(self.numbers, other.numbers, strict=True)))


@cache
def block_costs(rules: Rules = XILINX) -> dict[str, dict[str, dict[str, float]]]:
    """Weights of the terms: kind of block -> lut or ff -> term -> weight."""
    text = (files("ernn_myhdl.explore") / rules.costs).read_text(encoding="utf-8")
    return json.loads(text)["weights"]


def dsp_of_product(first: int, second: int, rules: Rules = XILINX) -> int:
    """Multipliers of a product of two signed words of so many bits."""
    wide, narrow = max(first, second), min(first, second)
    parts = [
        1 if word <= most else 1 + -(-(word - most) // (most - 1))
        for word, most in ((wide, rules.wide), (narrow, rules.narrow))
    ]
    return parts[0] * parts[1]


def products_of(leaf: Leaf) -> list[tuple[int, int, int]]:
    """(number, bits, bits) of the products of a leaf."""
    p, kind = leaf.parameters, kind_of(leaf)
    if kind == "lane":
        return [(p["products"], p["spectrum_word"] + 1, p["weight_word"] + 1)]
    if kind == "multiply_constant":
        source = leaf.ports["source"].type.width
        return [(p["count"], source, p["constant"].bit_length() + 1)] if p["constant"] > 1 else []
    return [(p["count"], p[a], p[b]) for a, b in PRODUCTS.get(kind, ())]


def _modelled(lut: float, ff: float, dsp: int = 0, ramb18: int = 0, ramb36: int = 0) -> Resources:
    return Resources(round(lut * PARTS), round(ff * PARTS), dsp, ramb18, ramb36)


def _leaf_resources(leaf: Leaf, rules: Rules) -> Resources:
    if leaf.block is ram:
        return _memory_resources(memory_of(leaf, memories=rules.memories))
    dsp = sum(number * dsp_of_product(a, b, rules) for number, a, b in products_of(leaf))
    weights, terms = block_costs(rules)[kind_of(leaf)], terms_of(leaf)
    lut, ff = (
        sum(weights[resource].get(name, 0.0) * value for name, value in terms.items())
        for resource in ("lut", "ff")
    )
    return _modelled(lut, ff, dsp)


@lru_cache(maxsize=4096)
def _memory_resources(memory: Memory) -> Resources:
    return _modelled(memory.lut, memory.ff, 0, memory.ramb18, memory.ramb36)


@lru_cache(maxsize=1 << 16)
def _known(rules: Rules, function, parameters: tuple, ports: tuple, leaf: _Same) -> Resources:
    return _leaf_resources(leaf.leaf, rules)


class _Same:
    """A leaf that all others with its block, parameters and ports are like."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same)

    def __hash__(self) -> int:
        return 0


#: Of leaves, most of which are made once for all cores: (identity, rules) -> the leaf, so that no other gets its identity, and its resources.
_by_identity: dict[tuple[int, Rules], tuple[Leaf, Resources]] = {}
MOST_KEPT = 1 << 14


def _of(component: Component, widths: Widths, rules: Rules) -> Resources:
    if isinstance(component, WritableMemory):
        return _memory_resources(memory_of(component, memories=rules.memories))
    if isinstance(component, Rom):
        return _memory_resources(memory_of(component, widths(component), rules.memories))
    known = _by_identity.get((id(component), rules))
    if known is not None:
        return known[1]
    ports = tuple([p.type for p in component.ports.values()])
    parameters = tuple(component.parameters.values())
    found = _known(rules, function_of(component), parameters, ports, _Same(component))
    if len(_by_identity) >= MOST_KEPT:
        _by_identity.clear()
    _by_identity[id(component), rules] = component, found
    return found


def resources_of(
    components: Iterable[tuple[Component | External | Netlist, int]],
    widths: Widths,
    family: str = "xc7",
) -> Resources:
    """Of components with their instances; those that are made of others count nothing themselves."""
    total, rules = [0] * 5, RULES[family]
    for component, count in components:
        if isinstance(component, Component):
            for i, value in enumerate(_of(component, widths, rules).numbers):
                total[i] += count * value
    return Resources(*total)


def estimate(design: CoreStructure, widths: Widths = widest, family: str = "xc7") -> Resources:
    """Resources of the core of a design or network.

    widths: tells of a memory with initial values how many of its bits vary; the default looks at all its
    contents. family: of the device, one of `RULES`.
    """
    return resources_of(core(design).components().values(), widths, family)
