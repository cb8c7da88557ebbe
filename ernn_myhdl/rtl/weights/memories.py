"""The memories of a core whose words an image of weights brings, in the order of their numbers.

This list is the only source of the numbers: the blocks of a core, the images and the documentation are made from it. Of
each layer in order: `lane_weights` of lane 0, 1, ...; then the parameters of each element-wise unit by its blocks. Behind
all layers the table of each embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ernn_myhdl.design.embedding import Embedding
from ernn_myhdl.design.structure import CoreStructure, Structure
from ernn_myhdl.hdl.components import Rom
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.element_wise import UNIT_LABELS, parameter_memory
from ernn_myhdl.rtl.core.products import lane_memory
from ernn_myhdl.rtl.joins.embedding import table_memory

#: Layer of a memory that is no layer's: the table of an embedding.
NO_LAYER = None


@dataclass(frozen=True)
class MemoryGroup:
    """Memories of one shape: all of a `Rom`. first: number of the first of them; layer: None of an embedding."""

    first: int
    name: str
    layer: int | None
    rom: Rom

    @property
    def count(self) -> int:
        return len(self.rom.contents)


@dataclass(frozen=True)
class LoadableMemory:
    """A memory. depth: its words; width: bits of each; index: which of its group's. contents() needs weights."""

    number: int
    name: str
    layer: int | None
    depth: int
    width: int
    index: int
    rom: Rom

    def contents(self) -> tuple[int, ...]:
        """The words that the design has: non-negative integers of `width` bits. DesignError of a structure without weights."""
        return self.rom.contents[self.index]


def layer_roms(layer: Structure) -> list[tuple[str, Rom]]:
    """Names and shapes of the loadable memories of a layer."""
    program = program_for(layer)
    sizes = (
        (layer.hardware.cell_blocks, program.cell_groups),
        (program.output_width, program.output_groups),
    )
    roms = [("lane_weights", lane_memory(layer))]
    for label, unit, (width, groups) in zip(UNIT_LABELS, units_for(layer), sizes, strict=False):
        rom = parameter_memory(layer, label, unit, width, groups)
        roms.append((rom.name, rom))
    return roms


def embedding_roms(core: CoreStructure) -> list[tuple[str, Rom]]:
    """Names and shapes of the tables of a graph's embeddings."""
    if core.graph is None:
        return []
    joins = ((f"join_{i}", join) for i, join in enumerate(core.graph.joins))
    samples = core.stream_shape.samples_per_beat
    return [
        (f"{name}.table", table_memory(name, join, samples))
        for name, join in joins
        if isinstance(join, Embedding)
    ]


def memory_groups(core: CoreStructure) -> list[MemoryGroup]:
    """The loadable memories of a core by their shapes, in the order of their numbers."""
    roms: list[tuple[str, int | None, Rom]] = []
    for i, (layer, prefix) in enumerate(zip(core.layers, core.layer_prefixes, strict=True)):
        roms += [(f"{prefix}{name}", i, rom) for name, rom in layer_roms(layer)]
    roms += [(name, NO_LAYER, rom) for name, rom in embedding_roms(core)]
    groups, number = [], 0
    for name, layer_number, rom in roms:
        groups.append(MemoryGroup(number, name, layer_number, rom))
        number += groups[-1].count
    return groups


def _memories(core: CoreStructure) -> Iterator[LoadableMemory]:
    for group in memory_groups(core):
        rom = group.rom
        for i in range(group.count):
            yield LoadableMemory(
                group.first + i, f"{group.name}_{i}", group.layer, rom.depth, rom.type.bits, i, rom
            )


def loadable_memories(core: CoreStructure) -> list[LoadableMemory]:
    """The loadable memories of a core; the place of each in the list is its number."""
    return list(_memories(core))


def total_words(core: CoreStructure) -> int:
    """Words of all loadable memories: as many an image must bring."""
    return sum(group.count * group.rom.depth for group in memory_groups(core))
