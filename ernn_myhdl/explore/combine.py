"""Hardware of a network from that of its layers, which work at the same time in one core.

All layers have the same words and streams. Resources add up, with the leaves that join the layers; the interval
is that of the slowest layer; the latency is that of the network's cycle model, in which each layer gets the
beats of the one before as they are delivered (`ernn_myhdl.cycle_model.network_schedule`).

Layers are joined one after the other. Of the layers, and of what is joined so far, only what nothing beats is joined
further: where another of the same words and streams is at least as good in latency, interval and every resource,
the rest of the network can hardly be better with the beaten one (it could where its first beats come earlier
although its last one comes later).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ernn_myhdl.cycle_model.network_schedule import network_frames, network_latency
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import Design
from ernn_myhdl.explore.candidates import Candidate, as_scheduled
from ernn_myhdl.explore.memories import widest
from ernn_myhdl.explore.pareto import front
from ernn_myhdl.explore.resources import Resources, resources_of
from ernn_myhdl.rtl.core.network_core import joining_leaves

#: Pairs of one task of the sweep.
PAIRS = 200
Pair = tuple[Candidate, Candidate]
Task = tuple[Sequence[Cell], Resources, Sequence[Pair]]


def unbeaten(made: Sequence[Candidate]) -> list[Candidate]:
    """What no other of the same word and streams is at least as good as in all merits."""
    groups: dict[tuple[int, int], list[Candidate]] = {}
    for candidate in made:
        groups.setdefault(candidate.group, []).append(candidate)
    return [group[i] for group in groups.values() for i in front([c.merits for c in group])]


def join(task: Task) -> list[Candidate]:
    """Candidates of some layers, each joined with one of the layer behind them.

    The task: the cells of all of them; the resources of what joins them, where they are the whole network;
    the pairs.
    """
    cells, joints, pairs = task
    return [_joined(cells, joints, *pair) for pair in pairs]


def _joined(
    cells: Sequence[Cell], joints: Resources, first: Candidate, last: Candidate
) -> Candidate:
    layers = first.layers + last.layers
    single = max(first.interval_single, last.interval_single)
    scheduled = [(c, as_scheduled(hw, 1)) for c, hw in zip(cells, layers, strict=True)]
    return Candidate(
        first.word,
        layers,
        network_latency(network_frames(scheduled, 1, single)),
        single,
        max(first.interval, last.interval),
        first.resources + last.resources + joints,
    )


def combined(
    layers: Sequence[Design],
    kept: Sequence[Sequence[Candidate]],
    evaluated: Callable[[Callable[[Task], list[Candidate]], dict[str, Task]], list[Candidate]],
    family: str = "xc7",
) -> list[Candidate]:
    """Candidates of a network of these layers from the unbeaten ones of each.

    evaluated: runs a function on tasks by name. family: of the device.
    """
    cells = [layer.cell for layer in layers]
    joints = resources_of(
        ((leaf, 1) for leaf in joining_leaves([layer.loads_states for layer in layers])),
        widest,
        family,
    )
    made = list(kept[0])
    for count in range(2, len(layers) + 1):
        pairs = [(a, b) for a in unbeaten(made) for b in kept[count - 1] if a.group == b.group]
        own = joints if count == len(layers) else Resources()
        made = evaluated(
            join,
            {
                f"from {i}": (cells[:count], own, pairs[i : i + PAIRS])
                for i in range(0, len(pairs), PAIRS)
            },
        )
    return made
