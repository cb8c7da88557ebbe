"""Hardware of a network that is a graph, from that of its layers, which work at the same time in one core.

All layers have the same words and streams. Layers are added one after the other, each time sifted by bounds: the resources
of the layers, the interval of the slowest, the latencies along the longest way. Of what is left, `MOST` at most, the best for the goal
first, the course of a frame alone through the graph tells the latency, with FIFOs at the joins that are never full, and how many words these then
hold, which count with the joins as resources. The interval is that of the slowest layer, or of the joins where these are slower.
What is chosen is scheduled whole (`exact`): its FIFOs are those that the core gets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from ernn_myhdl.design.graph import number_of
from ernn_myhdl.design.hardware import Hardware
from ernn_myhdl.design.network import Network
from ernn_myhdl.explore.candidates import Candidate
from ernn_myhdl.explore.combine import PAIRS, unbeaten
from ernn_myhdl.explore.memories import widest
from ernn_myhdl.explore.resources import Resources, resources_of
from ernn_myhdl.rtl import fifo
from ernn_myhdl.rtl.core import network_core
from ernn_myhdl.rtl.core.top import layer_core
from ernn_myhdl.rtl.cycles.graph_run import Depths
from ernn_myhdl.rtl.cycles.graph_times import (
    GraphShape,
    endless,
    graph_alone,
    graph_depths,
    graph_interval,
    graph_latency,
    graph_shape,
    latency_of,
)
from ernn_myhdl.rtl.joins.beats import beat_fields

#: Combinations of layers that are kept while layers are added, and those whose course through the graph is computed.
KEPT, MOST = 300, 200
#: Less is better: how good a candidate is for the goal.
Order = Callable[[Candidate], tuple]
Task = tuple[GraphShape, Sequence[Candidate]]
#: Runs a function on tasks by name.
Evaluated = Callable[[Callable, dict[str, Task]], list]


class GraphSearch:
    """The combinations for the networks of each word, which are one graph in other formats.

    order: of candidates, by the goal. family: of the device.
    """

    def __init__(self, networks: Mapping[int, Network], order: Order, family: str = "xc7") -> None:
        self.networks, self.order, self.family = networks, order, family
        self.shape = graph_shape(next(iter(networks.values())))
        #: Resources of the layers of a candidate, by its word and their hardware.
        self._layers: dict[tuple[int, tuple[Hardware, ...]], Resources] = {}

    def candidates(
        self, kept: Sequence[Sequence[Candidate]], evaluated: Evaluated
    ) -> list[Candidate]:
        """Candidates from the unbeaten ones of each layer."""
        shape, bounds = self.shape, _Bounds(self.shape)
        made = [bounds.one(c, 0) for c in kept[0]]
        for number in range(1, len(kept)):
            made = self._thinned(unbeaten(made), KEPT)
            made = [
                bounds.joined(a, b, number)
                for a in made
                for b in kept[number]
                if a.group == b.group
            ]
        chosen = self._thinned(unbeaten(made), MOST)
        each = max(1, min(PAIRS, MOST // 8))
        starts = range(0, len(chosen), each)
        tasks: dict[str, Task] = {f"from {i}": (shape, chosen[i : i + each]) for i in starts}
        alone = evaluated(courses, tasks)
        slowest = _intervals_of_joins(shape, chosen)
        self._layers |= {(c.word, c.layers): c.resources for c in chosen}
        return [
            replace(
                candidate,
                latency=latency,
                interval_single=max(candidate.interval_single, slowest[candidate.group][0]),
                interval=max(candidate.interval, slowest[candidate.group][1]),
                resources=candidate.resources + self.own_resources(candidate, held),
            )
            for candidate, (latency, held) in zip(chosen, alone, strict=True)
        ]

    def exact(self, candidate: Candidate) -> Candidate:
        """The candidate with the FIFOs, the cycles and the resources of its core."""
        shape = _on(self.shape, candidate)
        depths = graph_depths(shape)
        single = graph_interval(shape, depths)
        several = graph_interval(shape, depths, candidate.streams)
        assert single is not None and several is not None  # with these depths no graph stops
        layers = self._layers[candidate.word, candidate.layers]
        return replace(
            candidate,
            latency=graph_latency(shape, depths),
            interval_single=single,
            interval=several,
            resources=layers + self.own_resources(candidate, depths),
        )

    def own_resources(self, candidate: Candidate, depths: Depths) -> Resources:
        """Of what is beside the layers: joins, their FIFOs, and where streams divide."""
        joins, word = _joins_alone(self.networks[candidate.word], candidate.streams, self.family)
        fifos = [(fifo.fifo_leaf(word, depth), 1) for depth in depths.values() if depth]
        return joins + resources_of(fifos, widest, self.family)

    def _thinned(self, made: Sequence[Candidate], most: int) -> list[Candidate]:
        """So many: the first half those that are best for the goal, the others spread over the latencies."""
        if len(made) <= most:
            return list(made)
        best = sorted(made, key=self.order)
        rest = sorted(best[most // 2 :], key=lambda c: (c.latency, c.merits))
        more = most - most // 2
        return best[: most // 2] + [rest[i * len(rest) // more] for i in range(more)]


class _Bounds:
    """What is known of some layers of a graph by themselves."""

    def __init__(self, shape: GraphShape) -> None:
        graph = self.graph = shape.graph
        #: Frames of each layer for a frame of x.
        self.share = [
            1 / graph.cadences[f"layer_{i}"].step
            if (frames := graph.frames[f"layer_{i}"]) is None
            else frames / graph.least
            for i in range(len(shape.layers))
        ]
        self._latencies: dict[tuple, tuple[int, ...]] = {}

    def one(self, candidate: Candidate, number: int) -> Candidate:
        """The first layer."""
        share = self.share[number]
        made = replace(
            candidate,
            interval_single=candidate.interval_single * share,
            interval=candidate.interval * share,
        )
        self._latencies[made.word, made.layers] = (candidate.latency,)
        return made

    def joined(self, first: Candidate, last: Candidate, number: int) -> Candidate:
        """Layers with that of the next number."""
        last_alone, share = last.latency, self.share[number]
        latencies = (*self._latencies[first.word, first.layers], last_alone)
        layers = first.layers + last.layers
        self._latencies[first.word, layers] = latencies
        return Candidate(
            first.word,
            layers,
            self._longest(latencies),
            max(first.interval_single, last.interval_single * share),
            max(first.interval, last.interval * share),
            first.resources + last.resources,
        )

    def _longest(self, latencies: Sequence[int]) -> int:
        """The most cycles that these layers take on a way through the graph."""
        at = {"x": 0}
        for name, operands in ((n, self.graph.operands[n]) for n in self.graph.order):
            own = 0
            if self.graph.join_of(name) is None and number_of(name) < len(latencies):
                own = latencies[number_of(name)]
            at[name] = own + max(at[operand] for operand in operands)
        return max(at.values())


def _intervals_of_joins(
    shape: GraphShape, made: Sequence[Candidate]
) -> dict[tuple[int, int], tuple[float, float]]:
    """For each word and number of streams the intervals that the joins have at least, of one stream and of all."""
    found = {}
    for group in {c.group for c in made}:
        fastest = min((c for c in made if c.group == group), key=lambda c: c.interval)
        own = _on(shape, fastest)
        counts = (1, fastest.streams)
        bounds = (fastest.interval_single, fastest.interval)
        seen = [graph_interval(own, endless(own), n) or 0.0 for n in counts]
        # as fast as the slowest layer: then the joins are no slower than that
        single, several = (s if s > b else 0.0 for s, b in zip(seen, bounds, strict=True))
        found[group] = single, several
    return found


def _on(shape: GraphShape, candidate: Candidate) -> GraphShape:
    """A graph on the hardware of a candidate."""
    layers = zip(shape.layers, candidate.layers, strict=True)
    return replace(shape, layers=tuple((cell, hardware) for (cell, _), hardware in layers))


def courses(task: Task) -> list[tuple[int, dict[tuple[str, int], int]]]:
    """Latency of each candidate, and the most words that FIFOs at the joins hold of a frame alone."""
    shape, made = task
    found = []
    for candidate in made:
        own = _on(shape, candidate)
        alone = graph_alone(own, endless(own))
        found.append((latency_of(own, alone), alone.held))
    return found


@lru_cache(maxsize=64)
def _joins_alone(network: Network, streams: int, family: str) -> tuple[Resources, int]:
    """Resources beside the layers without FIFOs at the joins, and the bits of a word of these."""
    layers = tuple(layer.with_hardware(streams=streams) for layer in network.layers)
    changed = replace(network, layers=layers)
    shape = graph_shape(changed)
    cores = [layer_core(layer, True) for layer in layers]
    whole = network_core.core(changed, cores, dict.fromkeys(shape.operands, 0))
    of_layers = [resources_of(core.components().values(), widest, family) for core in cores]
    own = resources_of(whole.components().values(), widest, family)
    for resources in of_layers:
        own = own - resources
    word = sum(kind.bits for kind in beat_fields(changed.inner_shape).values())
    return own, word
