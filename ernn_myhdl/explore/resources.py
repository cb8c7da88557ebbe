"""Resources of a design without synthesis: every distinct block once, times its instances.

The numbers of the blocks are those of the netlist. DSP48s and block RAMs follow from rules, LUTs and
flip-flops from the terms of a block (`block_terms`) with weights that were fitted to Yosys
(`block_costs.json`, made by `python -m benchmarks.fit_resources`). The rules and weights are those of a
7-series device; other families are told by the same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from ernn_myhdl.design.design import CoreStructure
from ernn_myhdl.explore.block_terms import function_of, kind_of, terms_of
from ernn_myhdl.explore.memories import Memory, memory_of, widest
from ernn_myhdl.hdl.components import External, Leaf, Rom
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.writable_memory import WritableMemory
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.rtl.memory import ram

Component = Leaf | Rom
Widths = Callable[[Rom], int]
COSTS = "block_costs.json"
PARTS = 100_000
#: Operands of one DSP48E1, signed.
DSP_WIDE, DSP_NARROW = 25, 18


@dataclass(frozen=True)
class Resources:
    """DSP48s, block RAMs of 18 and 36 kbit, LUTs and flip-flops of a core or of a part of one.

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
    def numbers(self) -> tuple[int, int, int, int, int]:
        """All fields in their order."""
        return self.lut_parts, self.ff_parts, self.dsp, self.ramb18, self.ramb36

    def __add__(self, other: Resources) -> Resources:
        return Resources(*(a + b for a, b in zip(self.numbers, other.numbers, strict=True)))

    def __sub__(self, other: Resources) -> Resources:
        return Resources(*(a - b for a, b in zip(self.numbers, other.numbers, strict=True)))


@cache
def block_costs() -> dict[str, dict[str, dict[str, float]]]:
    """Weights of the terms: kind of block -> lut or ff -> term -> weight."""
    text = (files("ernn_myhdl.explore") / COSTS).read_text(encoding="utf-8")
    return json.loads(text)["weights"]


def dsp_of_product(first: int, second: int) -> int:
    """DSP48s of a product of two signed words of so many bits."""
    wide, narrow = max(first, second), min(first, second)
    parts = [
        1 if word <= most else 1 + -(-(word - most) // (most - 1))
        for word, most in ((wide, DSP_WIDE), (narrow, DSP_NARROW))
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
    words = {
        "add_peephole": [("state_word", "peephole_word")],
        "update_state": [("gate_word", "state_word"), ("gate_word", "gate_word")],
        "multiply_output": [("gate_word", "gate_word")],
        "multiply_state": [("gate_word", "state_word")],
        "blend": [("gate_word", "difference_word")],
    }.get(kind, [])
    return [(p["count"], p[a], p[b]) for a, b in words]


def _modelled(lut: float, ff: float, dsp: int = 0, ramb18: int = 0, ramb36: int = 0) -> Resources:
    return Resources(round(lut * PARTS), round(ff * PARTS), dsp, ramb18, ramb36)


def _leaf_resources(leaf: Leaf) -> Resources:
    if leaf.block is ram:
        return _memory_resources(memory_of(leaf))
    dsp = sum(number * dsp_of_product(a, b) for number, a, b in products_of(leaf))
    weights, terms = block_costs()[kind_of(leaf)], terms_of(leaf)
    lut, ff = (
        sum(weights[resource].get(name, 0.0) * value for name, value in terms.items())
        for resource in ("lut", "ff")
    )
    return _modelled(lut, ff, dsp)


@lru_cache(maxsize=4096)
def _memory_resources(memory: Memory) -> Resources:
    return _modelled(memory.lut, memory.ff, 0, memory.ramb18, memory.ramb36)


@lru_cache(maxsize=1 << 16)
def _known(function, parameters: tuple, ports: tuple, leaf: _Same) -> Resources:
    return _leaf_resources(leaf.leaf)


class _Same:
    """A leaf that all others with its block, parameters and ports are like."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same)

    def __hash__(self) -> int:
        return 0


def _of(component: Component, widths: Widths) -> Resources:
    if isinstance(component, WritableMemory):
        return _memory_resources(memory_of(component))
    if isinstance(component, Rom):
        return _memory_resources(memory_of(component, widths(component)))
    ports = tuple([p.type for p in component.ports.values()])
    return _known(
        function_of(component), tuple(component.parameters.values()), ports, _Same(component)
    )


def resources_of(
    components: Iterable[tuple[Component | External | Netlist, int]], widths: Widths
) -> Resources:
    """Of components with their instances; those that are made of others count nothing themselves."""
    total = [0] * 5
    for component, count in components:
        if isinstance(component, Component):
            for i, value in enumerate(_of(component, widths).numbers):
                total[i] += count * value
    return Resources(*total)


def estimate(design: CoreStructure, widths: Widths = widest) -> Resources:
    """Resources of the core of a design or network.

    widths: tells of a memory with initial values how many of its bits vary; the default looks at all its
    contents.
    """
    return resources_of(core(design).components().values(), widths)
