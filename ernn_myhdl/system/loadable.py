"""Weights of a core that load at run time: what its system and its host must know of them, and the images of designs."""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.structure_digest import structure_digest
from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.loadable_weights import LoadableWeights
from ernn_myhdl.rtl.weights.image import image_of, memory_shapes


def loadable_weights(design: CoreSpecification) -> LoadableWeights | None:
    """What loads into the core of `design`; None where its weights are fixed."""
    hardware = design.layers[0].hardware
    if not hardware.loadable:
        return None
    return LoadableWeights(hardware.weight_banks, structure_digest(design), memory_shapes(design))


def weight_image(design: CoreSpecification, name: str = "design") -> bytes:
    """The image of the weights of `design`, for any core of its structure; DesignError where its weights are fixed. name: for messages."""
    if loadable_weights(design) is None:
        raise DesignError(
            f'{name}: has fixed weights; set weights = "loadable" under [hardware] of its file (of all layers), or make it with '
            "ernn new --weights loadable, and convert it again"
        )
    return image_of(design)
