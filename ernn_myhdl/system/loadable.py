"""Weights of a core that load at run time, as its system and its host know them."""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.host.loadable_weights import LoadableWeights


def loadable_weights(design: CoreSpecification) -> LoadableWeights | None:
    """What loads into the core of `design`; None where its weights are fixed."""
    return None
