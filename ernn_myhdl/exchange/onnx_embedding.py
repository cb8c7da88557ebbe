"""Rows of a constant table that x has the numbers of: Gather of a graph's input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ernn_myhdl.design.embedding import Table
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.graph import Input, LookedUp, Node, WholeNumbers
from ernn_myhdl.exchange.onnx_values import Labels, Signal


def looked_up(
    where: str, kind: str, attributes: dict, given: list, labels: Labels
) -> Signal | None:
    """The signal of the rows, which are the elements of a frame; None where it is something else.

    DesignError where the numbers of the rows are not x itself.
    """
    if kind != "Gather" or len(given) != 2 or not isinstance(given[0], np.ndarray):
        return None
    table, signal = given
    if not isinstance(signal, Signal):
        return None
    source = signal.node
    if isinstance(source.operation, WholeNumbers):
        source = source.input
    if not isinstance(source.operation, Input):
        raise DesignError(
            f"{where}: looks up what follows from x (an embedding), must be x itself; look it up on the host"
        )
    if table.dtype.kind != "f" or table.ndim != 2 or attributes.get("axis", 0) % 2:
        raise DesignError(
            f"{where}: its table has shape {table.shape} of {table.dtype}, must be floating point (rows, elements), of which "
            "rows are looked up"
        )
    if signal.padded or signal.last or signal.feature is not None:
        raise DesignError(f"{where}: looks up a part of x; give the core the numbers of the frames")
    try:
        node = Node(LookedUp(Table(table)), (source,), where)
    except DesignError as error:
        raise DesignError(f"{where}: {error}") from error
    feature = labels.new(table.shape[1])
    return replace(signal.moved((*signal.axes, feature)), node=node, feature=feature[0])
