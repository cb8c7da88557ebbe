"""The image of weights (`ernn_myhdl.host.weight_image`) of a design, of which the core takes a word with each beat of s_weights."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.design.structure_digest import structure_digest
from ernn_myhdl.host.weight_image import MemoryShape, write_image
from ernn_myhdl.rtl.weights.memories import loadable_memories


def memory_shapes(core: CoreStructure) -> tuple[MemoryShape, ...]:
    """The memories of a core that load."""
    return tuple(MemoryShape(m.number, m.name, m.depth, m.width) for m in loadable_memories(core))


def memory_contents(design: CoreSpecification) -> dict[int, tuple[int, ...]]:
    """Number of each memory that loads -> its words with the weights of `design`."""
    return {memory.number: tuple(memory.contents()) for memory in loadable_memories(design)}


def image_of(design: CoreSpecification) -> bytes:
    """The image of the weights of a design, for each core of its structure: a record for each memory."""
    return write_image(structure_digest(design), memory_shapes(design), memory_contents(design))


def image_words(design: CoreSpecification) -> list[int]:
    """The 32-bit words of the image."""
    words: list[int] = np.frombuffer(image_of(design), dtype="<u4").tolist()
    return words
