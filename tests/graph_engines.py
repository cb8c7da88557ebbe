"""Graphs that hypothesis draws, through all engines: every bit of every stage, and traffic of all kinds on every engine that has any."""

from __future__ import annotations

import numpy as np
from hypothesis import note
from hypothesis import strategies as st
from layer_graphs import frame_cycles, random_layer_graph
from random_designs import random_inputs
from time_join_graphs import time_join_graph

from ernn_myhdl.design.network import Network
from ernn_myhdl.design.time_joins import taken_lengths
from ernn_myhdl.streams.traffic import Traffic

#: What a graph may hold beside branches, concatenations and additions; "time": joins over time and argmax.
PARTS = ("windows", "functions", "products")
SHARES = st.sampled_from((0.0, 0.3, 0.6))


@st.composite
def graphs(draw) -> Network:
    """A network of one to three layers with joins, of small sizes."""
    seed, layers = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 3))
    if draw(st.booleans()):
        functions = draw(st.booleans())
        note(f"time_join_graph({seed}, {layers + 1}, functions={functions})")
        return time_join_graph(seed, layers + 1, functions=functions)
    parts = {part: draw(st.booleans()) for part in PARTS}
    note(f"random_layer_graph({seed}, {layers}, 5, **{parts})")
    return random_layer_graph(seed, layers, 5, **parts)


@st.composite
def traffics(draw) -> Traffic:
    """Gaps of the source and stalls of the sink, at random, of all kinds."""
    return Traffic(
        draw(SHARES), draw(SHARES), draw(st.integers(0, 99)), shuffle=draw(st.booleans())
    )


def check_everywhere(core: Network, traffic: Traffic, engines: tuple[str, ...]) -> None:
    """Golden, integer and MyHDL agree on every stage and in every cycle; all engines under the traffic in the words of y."""
    lengths = taken_lengths(core.graph, (2, 1))
    x = [random_inputs(i, core, n) for i, n in enumerate(lengths)]
    golden = core.run(x, "golden")
    for engine in ("integer", "myhdl"):
        run = core.run(x, engine)
        for name, stage in golden.stages.items():
            assert np.array_equal(run.stages[name], stage), f"{engine}: {name}"
        assert np.array_equal(run.raw, golden.raw), engine
    assert sorted(run.known_frame_cycles[:, 1].tolist()) == frame_cycles(core, lengths)
    for engine in engines:
        rough = core.run(x, engine, traffic=traffic, stages=False)
        assert np.array_equal(rough.raw, golden.raw), f"{engine}: {traffic}"
