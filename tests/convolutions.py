"""Networks that begin with a convolution over frames, small, for tests."""

from __future__ import annotations

from ernn_myhdl import LinearCell, RnnCell, new_network
from ernn_myhdl.design.graph import Graph, Window


def convolution(
    size: int,
    outputs: int = 3,
    samples_per_beat: int = 2,
    streams: int = 1,
    block: int = 1,
    groups: int = 1,
    lanes: int = 1,
    **window,
):
    """relu of a convolution of `outputs` elements in groups, an RNN of two cells behind it. lanes: of the convolution."""
    joins = (Window(inputs=("x",), size=size, **window),)
    cells = [
        LinearCell(
            joins[0].elements,
            outputs,
            block,
            activation="relu",
            groups=groups,
            taps=joins[0].kernel if groups > 1 else 1,
        ),
        RnnCell(outputs, 2, 1),
    ]
    graph = Graph(("join_0", "layer_0"), joins, "layer_1")
    return new_network(
        cells, lanes=[lanes, 1], graph=graph, samples_per_beat=samples_per_beat, streams=streams
    )
