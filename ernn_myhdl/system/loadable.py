"""Weights of a core that load at run time: what its system and its host must know of them, and the images of designs."""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.structure_digest import structure_digest
from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.loadable_weights import LoadableWeights
from ernn_myhdl.host.weight_image import MemoryShape, write_image
from ernn_myhdl.rtl.weights.memories import loadable_memories


def loadable_weights(design: CoreSpecification) -> LoadableWeights | None:
    """What loads into the core of `design`; None where its weights are fixed."""
    hardware = design.layers[0].hardware
    if not hardware.loadable:
        return None
    shapes = (MemoryShape(m.number, m.name, m.depth, m.width) for m in loadable_memories(design))
    return LoadableWeights(hardware.weight_banks, structure_digest(design), tuple(shapes))


def memory_contents(design: CoreSpecification) -> dict[int, tuple[int, ...]]:
    """Number of each memory that loads -> its words with the weights of `design`."""
    return {memory.number: tuple(memory.contents()) for memory in loadable_memories(design)}


def weight_image(design: CoreSpecification, name: str = "design") -> bytes:
    """The image of the weights of `design`, for any core of its structure; DesignError where its weights are fixed. name: for messages."""
    weights = loadable_weights(design)
    if weights is None:
        raise DesignError(
            f'{name}: has fixed weights; set weights = "loadable" under [hardware] of its file (of all layers), or make it with '
            "ernn new --weights loadable, and convert it again"
        )
    return write_image(weights.structure, weights.memories, memory_contents(design))
