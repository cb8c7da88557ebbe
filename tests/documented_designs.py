"""Designs that between them have every block of the documentation."""

from __future__ import annotations

from functools import lru_cache

from ernn_myhdl import Format, GruCell, LinearCell, LstmCell, RnnCell, new_design, new_network
from ernn_myhdl.design.element_wise import ElementWise
from ernn_myhdl.design.graph import ArgMax, Embedding, Graph, Join, Window
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat


@lru_cache
def designs():
    """Small designs that together have every kind of leaf and every unit."""
    few = {"block": 4, "lanes": 4, "ifft_units": 2}
    return (
        new_design(12, 24, 16, 8, True, lanes=8, ifft_units=4, samples_per_beat=4),
        new_design(20, 16, 0, 4, lanes=8, ifft_units=2, samples_per_beat=16),
        new_design(5, 6, 2, 1, lanes=4, ifft_units=1, streams=2, initial_states=True),
        new_design(5, 9, cell="gru", reset="before", **few),
        new_design(5, 9, cell="gru", reset="after", **few, streams=2),
        new_design(5, 16, cell="linear", **few | {"ifft_units": 1}),
        *(
            new_design(
                5, 16, cell="linear", activation=name, slope=slope, **few | {"ifft_units": 1}
            )
            for name, slope in (("relu", None), ("leaky_relu", 0.01), ("hard_sigmoid", 0.2))
        ),
        new_design(5, 9, cell="gru", input_block=2, **few),
        *(
            new_design(
                5,
                9,
                cell="rnn",
                **few | {"ifft_units": 1, "lanes": 2},
                weights=kind,
                weight_banks=banks,
                streams=banks,
            )
            for kind, banks in (("fixed", 1), ("loadable", 1), ("loadable", 2))
        ),
        new_design(5, 9, 0, 4, lanes=2, element_width=1 / 4),
        new_design(5, 9, cell="rnn", activation="relu", **few | {"ifft_units": 1, "lanes": 2}),
    )


@lru_cache
def network():
    cells = [GruCell(5, 8, 4), LstmCell(8, 8, 4, 4), LinearCell(4, 3, 1)]
    return new_network(cells, streams=2, initial_states=True)


@lru_cache
def graph():
    """x divides behind its entry; both joins, a window, an ArgMax; samples of the concatenation wait for others."""
    joins = (
        Join("addition", ("layer_0", "layer_1"), Format(12, 9)),
        Join("concatenation", ("x", "join_0"), Format(12, 9)),
        Window(inputs=("join_1",), size=8, kernel=2),
        ArgMax(inputs=("join_4",), size=2),
        ElementWise(inputs=("layer_2",), activation="leaky_relu", slope=0.1),
    )
    cells = [GruCell(5, 3, 1), RnnCell(5, 3, 1), LinearCell(16, 2, 1)]
    return new_network(
        cells, graph=Graph(("x", "x", "join_2"), joins, "join_3"), streams=2, initial_states=True,
        samples_per_beat=2,
    )  # fmt: skip


@lru_cache
def graph_over_time():
    """All joins over time, of x too, behind its entry, and windows that leave out the last frame."""
    joins = (
        Maximum(("layer_0",)), Mean(("layer_0",), frames=3), LastFrame(("x",)),
        Join("concatenation", ("join_0", "join_1", "join_2"), Format(12, 9)), Repeat(("join_3",), frames=2),
        Window(inputs=("join_4",), size=11, kernel=2, stride=2),
    )  # fmt: skip
    cells = [RnnCell(5, 3, 1), LinearCell(22, 3, 1)]
    fixed = new_network(
        cells, graph=Graph(("x", "join_5"), joins, "layer_1"), streams=2, initial_states=True, samples_per_beat=2
    )  # fmt: skip
    return fixed.with_weights("loadable")


@lru_cache
def graph_of_numbers():
    """A table, of whose rows x is the numbers."""
    table = Embedding(table=[[0.0, 0.5, 1.0], [1.0, -0.5, 0.0], [0.25, 0.0, -1.0]])
    graph = Graph(("join_0",), (table,), "layer_0")
    return new_network([LinearCell(3, 2, 1)], graph=graph, samples_per_beat=2)
