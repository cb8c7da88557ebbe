"""The digest of a core's structure: of all that is not weights.

Two cores of one structure are the same circuit: only the contents of the memories that a loadable core
(`ernn_myhdl.design.hardware.Hardware.weights`) has for its weights differ. So an image of weights tells the digest of the
structure that it is made for.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from ernn_myhdl.design.embedding import Embedding, Table
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.structure import CoreStructure, Structure
from ernn_myhdl.design.tables import tables


def structure_digest(core: CoreStructure) -> str:
    """SHA-256 over cells, formats, hardware, tables of activations and graph, as 64 hexadecimal digits.

    Neither weights, tables of embeddings, names nor what the host does are in it.
    """
    state = hashlib.sha256(b"structure of a core\0")
    for layer in core.layers:
        state.update(_layer_text(layer).encode() + b"\0")
    if core.graph is not None:
        state.update(_graph_text(core.graph).encode())
    return state.hexdigest()


def _layer_text(layer: Structure) -> str:
    hw = layer.hardware
    hardware = (repr(hw), hw.sequence_ends, hw.weights, hw.weight_banks)
    activations = sorted(tables(layer).items())
    return repr((layer.cell, layer.formats, hardware, layer.activations, activations))


def _graph_text(graph: Graph) -> str:
    joins = [
        replace(join, table=Table(np.zeros_like(join.table.values)))
        if isinstance(join, Embedding)
        else join
        for join in graph.joins
    ]
    return repr((graph.sources, joins, graph.output))
