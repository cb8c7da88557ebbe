"""The joins by themselves: streams of frames with random gaps and back-pressure, against the words that Python joins."""

from __future__ import annotations

import numpy as np
import pytest
from block_bench import run_myhdl

from ernn_myhdl import Format, LinearCell, new_network
from ernn_myhdl.design.graph import Graph, Join
from ernn_myhdl.golden.joins import joined_words
from ernn_myhdl.rtl.joins.concatenation import layout_of
from ernn_myhdl.rtl.joins.divide import divide_leaf
from ernn_myhdl.rtl.joins.join import join_netlist
from ernn_myhdl.streams.traffic import frame_beats

#: kind, sizes of the operands, samples of a beat.
CASES = {
    "sum of three": ("addition", (5, 5, 5), 2),
    "sum of single beats": ("addition", (3, 3), 4),
    "product": ("product", (5, 5), 2),
    "product of single beats": ("product", (3, 3), 4),
    "samples that wait": ("concatenation", (3, 5, 2), 4),
    "a beat that follows the last": ("concatenation", (3, 3), 4),
    "several short ones in a beat": ("concatenation", (1, 1, 1), 4),
    "whole beats": ("concatenation", (4, 2, 3), 2),
    "single samples": ("concatenation", (2, 1), 1),
}


def network_of(kind: str, sizes: tuple[int, ...], beat: int):
    """A network of linear layers whose outputs are joined, in other formats than the result."""
    cells = [LinearCell(2, size, 1) for size in sizes]
    names = tuple(f"layer_{i}" for i in range(len(sizes)))
    graph = Graph(("x",) * len(sizes), (Join(kind, names, Format(7, 6)),), "join_0")
    return new_network(cells, graph=graph, samples_per_beat=beat, sample_bits=16)


@pytest.mark.parametrize("case", CASES)
def test_a_join_gives_every_frame_whatever_the_traffic(case):
    kind, sizes, beat = CASES[case]
    network = network_of(kind, sizes, beat)
    signals, frames = network.signals, 6
    rng = np.random.default_rng(len(case))
    words = []
    for i, size in enumerate(sizes):
        fmt = signals.formats[f"layer_{i}"]
        words.append(rng.integers(fmt.minimum, fmt.maximum + 1, (frames, size)))
    wanted, changed = joined_words(signals, "join_0", words)
    assert changed.any()
    queues = [
        [b for f, frame in enumerate(each) for b in frame_beats(frame, network, int(f % 3 == 0))]
        for each in words
    ]
    results = [
        b for f, frame in enumerate(wanted) for b in frame_beats(frame, network, int(f % 3 == 0))
    ]
    taken: list[tuple] = []

    def vectors():
        place = [0] * len(sizes)
        offered = [False] * len(sizes)
        yield {"rst": 1, "m_tready": 0} | {f"s{i}_tvalid": 0 for i in range(len(sizes))}
        for cycle in range(3000):
            # at full speed at first, then with gaps and back-pressure
            rough = 0.0 if cycle < 12 else 0.5
            ready = int(rng.random() >= rough)
            values = {"rst": 0, "m_tready": ready}
            for i, queue in enumerate(queues):
                offered[i] = place[i] < len(queue) and (offered[i] or rng.random() >= rough)
                next_beat = queue[min(place[i], len(queue) - 1)]
                values |= {
                    f"s{i}_tvalid": int(offered[i]), f"s{i}_tdata": next_beat.data,
                    f"s{i}_tlast": int(next_beat.last), f"s{i}_tuser": next_beat.user,
                }  # fmt: skip
            seen = yield values
            for i in range(len(sizes)):
                if offered[i] and seen[f"s{i}_tready"]:
                    place[i] += 1
                    offered[i] = False
            if ready and seen["m_tvalid"]:
                taken.append((seen["m_tdata"], seen["m_tlast"], seen["m_tuser"]))
            if len(taken) == len(results):
                return

    run_myhdl(
        join_netlist(
            "join_0",
            network.graph.joins[0],
            signals,
            network.stream_shape,
            network.layers[0].hardware,
        ),
        vectors,
    )
    assert taken == [(b.data, int(b.last), b.user) for b in results]


@pytest.mark.parametrize(
    ("sizes", "beat"), [((3, 5, 2), 4), ((3, 3), 4), ((8, 4), 4), ((1, 1, 1), 4)]
)
def test_the_layout_of_a_concatenation_holds_every_sample_once(sizes, beat):
    layout = layout_of(sizes, beat)
    starts = np.cumsum([0, *sizes])
    assert layout.offsets == tuple(int(s) % beat for s in starts[:-1])
    beats = (
        sum((size - 1) // beat + layout.leaving[i] for i, size in enumerate(sizes)) + layout.flushes
    )
    assert beats == -(-sum(sizes) // beat)


def test_a_divided_stream_gives_every_beat_to_all_once():
    rng = np.random.default_rng(1)
    beats, cycles = 40, 400
    got: list[list[int]] = [[], [], []]
    state = {"beat": 0}

    def vectors():
        yield {"rst": 1, "valid": 0, "readies": 0}
        valid = 0
        for _ in range(cycles):
            valid = int(state["beat"] < beats and (valid or rng.random() < 0.7))
            readies = int(rng.integers(8))
            seen = yield {"rst": 0, "valid": valid, "readies": readies}
            for i in range(3):
                if (seen["valids"] & readies) >> i & 1:
                    got[i].append(state["beat"])
            if valid and seen["ready"]:
                state["beat"], valid = state["beat"] + 1, 0

    run_myhdl(divide_leaf(3), vectors)
    assert got == [list(range(beats))] * 3
