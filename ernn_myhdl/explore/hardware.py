"""Phase II: the hardware of a layer or network on a device, from all that is legal.

Everything is computed, nothing simulated or synthesised: cycles by the cycle model, which equals the
simulation, multipliers, block RAMs, LUTs and flip-flops by `ernn_myhdl.explore.resources`. A network is made of
the best hardware of its layers (`ernn_myhdl.explore.combine`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ernn_myhdl import sweep
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.design.design import CoreSpecification, Design, Hardware
from ernn_myhdl.design.network import Network
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore import candidates as choices
from ernn_myhdl.explore.candidates import Candidate, Numbers
from ernn_myhdl.explore.combine import combined, unbeaten
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.graphs import GraphSearch
from ernn_myhdl.explore.pareto import front
from ernn_myhdl.explore.resources import RULES
from ernn_myhdl.synthesis.devices import Device, require_family
from ernn_myhdl.synthesis.resources import percentages

STREAMS = (1, 2, 4)
#: Candidates of one task of the sweep.
CHUNK = 100


@dataclass(frozen=True)
class Choices:
    """Values to combine; None: all that make sense for the layer."""

    lanes: Sequence[int] | None = None
    ifft_units: Sequence[int] | None = None
    element_width: Sequence[int | float] | None = None
    streams: Sequence[int] = STREAMS

    def combinations(self, numbers: Numbers, like: Hardware):
        """Legal hardware, or the name of what is not legal."""
        cell: Cell = numbers.cell
        return choices.hardware_choices(
            numbers,
            like,
            self.lanes or choices.lane_choices(cell),
            self.ifft_units or choices.unit_choices(cell),
            self.element_width or choices.width_choices(cell),
            self.streams,
        )


@dataclass
class LayerSearch:
    """The hardware of one layer.

    considered: combinations. pruned: reason -> how many of them. fitting: those that the device holds.
    excluded: the others that were evaluated, each with what it needs too much of. kept: those that no other of the same word and streams beats.
    """

    considered: int = 0
    pruned: Counter = field(default_factory=Counter)
    fitting: list[Candidate] = field(default_factory=list)
    excluded: list[tuple[Candidate, str]] = field(default_factory=list)
    kept: list[Candidate] = field(default_factory=list)


@dataclass
class Exploration:
    """The result.

    layers: the search of each layer. candidates: those that fit the device, of a network combinations of
    what was kept of its layers. pruned: reason -> how many combinations. front: places of the
    Pareto front in candidates (latency, interval, DSP48s, block RAMs). chosen: None where no candidate
    keeps the limits; nearest: then the one that misses them least. binding: what keeps a better
    one away, with the number of combinations that it prunes.
    """

    device: Device
    goal: Goal
    designs: dict[int, CoreSpecification]
    layers: list[LayerSearch] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    excluded: list[tuple[Candidate, str]] = field(default_factory=list)
    pruned: Counter = field(default_factory=Counter)
    considered: int = 0
    front: list[int] = field(default_factory=list)
    chosen: Candidate | None = None
    nearest: Candidate | None = None
    binding: str = ""

    def design(self, candidate: Candidate) -> CoreSpecification:
        """The design or network with its weights on the hardware of a candidate."""
        whole = self.designs[candidate.word]
        if isinstance(whole, Design):
            return replace(whole, hardware=candidate.layers[0])
        layers = zip(whole.layers, candidate.layers, strict=True)
        made = tuple(replace(d, hardware=hw) for d, hw in layers)
        assert isinstance(whole, Network)
        return replace(whole, layers=made)

    def shares(self, candidate: Candidate) -> dict[str, float]:
        """Percentage of the device used."""
        return percentages({n: getattr(candidate, n) for n in self.device.limited}, self.device)

    def too_much(self, candidate: Candidate) -> str | None:
        """The resource of which a candidate needs most, where that is more than the device has."""
        shares = self.shares(candidate)
        worst = max(shares, key=lambda name: shares[name])
        return worst if shares[worst] > 100 else None

    def row(self, candidate: Candidate) -> dict:
        """A candidate for tables and JSON; lanes, units and widths of a network are lists, one for each layer."""

        def each(name: str) -> int | list[int]:
            values = [getattr(hardware, name) for hardware in candidate.layers]
            return values[0] if len(values) == 1 else values

        clock_mhz, origin = self.goal.clock_of(candidate)
        return {
            "word": candidate.word,
            **{name: each(name) for name in ("lanes", "ifft_units", "element_width")},
            "streams": candidate.streams,
            "latency_cycles": candidate.latency,
            "latency_us": round(self.goal.latency_us(candidate), 4),
            "interval_cycles_single": candidate.interval_single,
            "interval_cycles_interleaved": candidate.interval,
            "frames_per_second_single": round(clock_mhz * 1e6 / candidate.interval_single),
            "frames_per_second": round(self.goal.fps(candidate)),
            "clock_mhz": clock_mhz,
            "clock_origin": origin,
            **{n: getattr(candidate, n) for n in self.device.limited},
            "percent": self.shares(candidate),
        }


def explore(
    design: CoreSpecification,
    device: Device,
    goal: Goal,
    what: Choices | None = None,
    words: dict[int, CoreSpecification] | None = None,
    jobs: int = 1,
    dask: str | None = None,
    progress: sweep.Progress | None = None,
) -> Exploration:
    """Evaluate every legal combination, and choose.

    words: the same layer or network in other word lengths, by word; without it only that of the design. jobs,
    dask: `ernn_myhdl.sweep.run`. progress: as there, starting anew with every layer and with the
    combinations of layers. DesignError for a device of a family without a model of its resources.
    """
    require_family(device, tuple(RULES), "exploring")
    designs = words or {max(d.formats.weight_word for d in design.layers): design}
    result = Exploration(device, goal, designs)

    def evaluated(function, tasks: dict[str, tuple]) -> list[Candidate]:
        return [
            c
            for part in sweep.run(function, tasks, jobs, dask, progress=progress).values()
            for c in part
        ]

    for place in range(len(design.layers)):
        layers = {word: whole.layers[place] for word, whole in designs.items()}
        result.layers.append(_searched(result, layers, what or Choices(), evaluated))
    if design.graph is not None:
        _of_graph(result, evaluated)
        return result
    if len(design.layers) == 1:
        (only,) = result.layers
        result.considered, result.pruned = only.considered, only.pruned
        result.candidates, result.excluded = only.fitting, only.excluded
    else:
        kept = [search.kept for search in result.layers]
        made = combined(design.layers, kept, evaluated, device.family)
        result.considered = len(made)
        result.candidates, result.excluded = _divided(result, made, result.pruned)
    _choose(result)
    return result


def _of_graph(result: Exploration, evaluated) -> None:
    """Candidates of a graph; what is chosen of them is scheduled whole, until it stays the chosen one."""

    def order(candidate: Candidate) -> tuple:
        missed, share = bool(result.goal.missed(candidate)), max(result.shares(candidate).values())
        near = result.goal.nearness(candidate) if missed else 0.0
        return share > 100, missed, near, result.goal.order(candidate, share)

    networks = {word: n for word, n in result.designs.items() if isinstance(n, Network)}
    search = GraphSearch(networks, order, result.device.family)
    made = search.candidates([each.kept for each in result.layers], evaluated)
    result.considered = len(made)
    seen: set[int] = set()
    while True:
        result.pruned.clear()
        result.candidates, result.excluded = _divided(result, made, result.pruned)
        _choose(result)
        best = result.chosen or result.nearest
        if best is None or id(best) in seen:
            return
        scheduled = search.exact(best)
        seen.add(id(scheduled))
        made[next(i for i, c in enumerate(made) if c is best)] = scheduled


def _searched(
    result: Exploration, layers: dict[int, Design], what: Choices, evaluated
) -> LayerSearch:
    """All hardware of one layer in its words."""
    search, device = LayerSearch(), result.device
    numbers = [Numbers.of(word, layer, device.family) for word, layer in layers.items()]
    legal = []
    for place, layer in enumerate(layers.values()):
        for hardware in what.combinations(numbers[place], layer.hardware):
            search.considered += 1
            if isinstance(hardware, str):
                search.pruned[f"not legal: {hardware}"] += 1
            elif choices.product_count(numbers[place], hardware) > device.dsp:
                search.pruned[_reason(_multiplier(device), device)] += 1
            else:
                legal.append((place, hardware))
    if not search.considered:
        raise DesignError(
            "choices: no combination of hardware parameters; give at least one of each"
        )
    made = evaluated(choices.evaluate, in_tasks(numbers, legal))
    search.fitting, search.excluded = _divided(result, made, search.pruned)
    search.kept = unbeaten(search.fitting)
    return search


def _divided(
    result: Exploration, made: list[Candidate], pruned: Counter
) -> tuple[list[Candidate], list[tuple[Candidate, str]]]:
    """Those that fit, of equal ones the one with fewest LUTs first; the others, which are counted in `pruned`."""
    fitting, excluded = [], []
    for candidate in made:
        worst = result.too_much(candidate)
        if worst:
            pruned[_reason(worst, result.device)] += 1
            excluded.append((candidate, worst))
        else:
            fitting.append(candidate)
    return sorted(fitting, key=lambda c: (c.lut, c.ff)), excluded


def _reason(resource: str, device: Device) -> str:
    return f"more {resource} than {device.name} has"


def _multiplier(device: Device) -> str:
    """The name of multipliers among what the device may run out of."""
    return device.limited[2]


def in_tasks(numbers: list[Numbers], legal: list[tuple[int, Hardware]]) -> dict[str, tuple]:
    """Tasks of `evaluate`, so that what candidates share is computed in few of them."""
    order = sorted(legal, key=lambda item: (*choices.shared_order(item[1]), item[0]))
    return {
        f"from {first}": (numbers, order[first : first + CHUNK])
        for first in range(0, len(order), CHUNK)
    }


def _choose(result: Exploration) -> None:
    goal, fitting = result.goal, result.candidates
    result.front = front([(c.latency, c.interval, c.dsp, c.bram36) for c in fitting])
    kept = [c for c in fitting if not goal.missed(c)]
    if kept:
        result.chosen = min(kept, key=lambda c: goal.order(c, max(result.shares(c).values())))
    elif fitting:
        result.nearest = min(fitting, key=lambda c: (goal.nearness(c), c.dsp))
    result.binding = _binding(result)


def _binding(result: Exploration) -> str:
    """What keeps a faster candidate away."""
    best, goal = result.chosen or result.nearest, result.goal
    name = result.device.name
    searches = result.layers if len(result.layers) > 1 else []
    pruned = sum((search.pruned for search in searches), result.pruned)
    if best is None:
        most = [reason for reason, _ in pruned.most_common() if reason.startswith("more")]
        return f"{most[0]}; nothing fits" if most else "nothing is legal"
    by_fps = goal.choose == "fps" or (result.chosen is None and "frames/s" in goal.missed(best))
    value = (lambda c: -goal.fps(c)) if by_fps else goal.latency_us
    better = Counter(worst for c, worst in result.excluded if value(c) < value(best))
    for place, search in enumerate(searches):
        own = next(
            c for c in search.kept if (c.word, c.layers[0]) == (best.word, best.layers[place])
        )
        better += Counter(worst for c, worst in search.excluded if value(c) < value(own))
    multiplier = _multiplier(result.device)
    reason = _reason(multiplier, result.device)
    multiplied = sum(
        s.pruned[reason] - sum(w == multiplier for _, w in s.excluded) for s in result.layers
    )
    if multiplied:
        better[multiplier] += multiplied
    shares = result.shares(best)
    scarce = max(shares, key=lambda n: shares[n])
    used = f"{scarce} ({shares[scarce]:.1f} % of {name} used)"
    if goal.choose == "smallest" and result.chosen is not None:
        return f"{used}: the smallest share that keeps the limits"
    if not better:
        return f"none: no faster combination was left out; most used is {used}"
    which, count = better.most_common(1)[0]
    return (
        f"{which}: {count:,} combinations need more than {name} has; the best that fits uses "
        f"{shares[which]:.1f} % of it"
    )
