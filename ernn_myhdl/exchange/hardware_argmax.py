"""An argmax at the end of a model in the core, in place of the host."""

from __future__ import annotations

from dataclasses import replace

from ernn_myhdl.design.graph import ArgMax, Graph, row
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.source import Source

#: Steps that leave the largest element the largest.
_KEEP_ORDER = ("softmax", "log_softmax")


def with_hardware_argmax(source: Source) -> Source:
    """The source with its argmax as a join of its graph; softmax before it, which changes no order, is left out.

    DesignError where the model ends with none, or the host computes something else before it.
    """
    *before, last = source.steps or (None,)
    if last is None or last.kind != "argmax":
        raise DesignError(
            "hardware argmax: the model has no argmax at its end; export it with one, or leave the class to the host"
        )
    others = [step for step in before if step.kind not in _KEEP_ORDER or step.elements is not None]
    if others:
        raise DesignError(
            f"hardware argmax: the host computes {others[0]} before it; leave it to the host too"
        )
    graph = source.graph or row(len(source.layers))
    joins = (*graph.joins, ArgMax(inputs=(graph.output,), size=source.outputs))
    return replace(
        source, graph=Graph(graph.sources, joins, f"join_{len(joins) - 1}"), steps=(),
        notes=(*[n for n in source.notes if "the host computes" not in n], "the core computes the argmax: y is the number of a class"),
    )  # fmt: skip
