"""Graphs of small layers whose frames carry the bank of their weights through every kind of join."""

from __future__ import annotations

from ernn_myhdl import LinearCell, RnnCell, new_network
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import (
    ADDITION,
    CONCATENATION,
    PRODUCT,
    ArgMax,
    Embedding,
    Graph,
    Join,
    Window,
)

TABLE = Embedding(table=[[0.5, -0.5, 0.25], [0.25, 1.0, 0.0], [-1.0, 0.75, -0.5]])
#: sources of the layers, joins, output, cells.
GRAPHS = {
    # x divides, and all that joins two signals is there
    "joins": (
        ("x", "x", "join_2"),
        (
            Join(PRODUCT, ("layer_0", "layer_1")),
            Join(ADDITION, ("layer_0", "layer_1")),
            Join(CONCATENATION, ("join_0", "join_1")),
            ElementWise(inputs=("layer_2",), activation="relu"),
        ),
        "join_3",
        (RnnCell(3, 3, 1), LinearCell(3, 3, 1), LinearCell(6, 2, 1)),
    ),
    "windows": (
        ("join_0", "join_1"),
        (Window(inputs=("x",), size=2, kernel=2), Window(inputs=("layer_0",), size=3, dilation=2)),
        "layer_1",
        (LinearCell(4, 3, 1), RnnCell(6, 2, 1)),
    ),
    "embedding and argmax": (
        ("join_0",),
        (TABLE, Join(ADDITION, ("layer_0", "join_0")), ArgMax(inputs=("join_1",), size=3)),
        "join_2",
        (RnnCell(3, 3, 1),),
    ),
}  # fmt: skip


def banked_graph(name: str, **hardware):
    """A network; hardware: of all layers."""
    sources, joins, output, cells = GRAPHS[name]
    graph = Graph(sources, joins, output)
    return new_network(list(cells), graph=graph, lanes=1, samples_per_beat=2, **hardware)
