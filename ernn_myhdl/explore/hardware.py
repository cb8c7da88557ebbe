"""Phase II: the hardware of a layer on a device, from all that is legal.

Everything is computed, nothing simulated or synthesised: cycles by the cycle model, which equals the
simulation, DSP48s, block RAMs, LUTs and flip-flops by `ernn_myhdl.explore.resources`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ernn_myhdl import sweep
from ernn_myhdl.cells import Cell
from ernn_myhdl.design import CoreSpecification, Design, Hardware
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore import candidates as choices
from ernn_myhdl.explore.candidates import Candidate, Numbers
from ernn_myhdl.explore.pareto import front
from ernn_myhdl.report import checked_clock
from ernn_myhdl.synthesis.devices import Device
from ernn_myhdl.synthesis.resources import LIMITED, percentages

GOALS = ("smallest", "latency", "fps")
STREAMS = (1, 2, 4)
#: Candidates of one task of the sweep.
CHUNK = 100


@dataclass(frozen=True)
class Goal:
    """What is wanted.

    max_latency_us: of a frame that finds the core idle. min_fps: frames a second of all streams together.
    choose: among those that keep both, the one with the smallest share of the device's scarcest resource, the
    lowest latency, or the most frames a second.
    """

    choose: str = "latency"
    max_latency_us: float | None = None
    min_fps: float | None = None
    clock_mhz: float = 200.0

    def __post_init__(self) -> None:
        checked_clock(self.clock_mhz)
        if self.choose not in GOALS:
            raise DesignError(f"goal = {self.choose!r}: must be one of {', '.join(GOALS)}")
        for name in ("max_latency_us", "min_fps"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise DesignError(f"{name} = {value}: must be above 0")

    def latency_us(self, candidate: Candidate) -> float:
        return candidate.latency / self.clock_mhz

    def fps(self, candidate: Candidate) -> float:
        """Frames a second of all streams."""
        return self.clock_mhz * 1e6 / candidate.interval

    def missed(self, candidate: Candidate) -> list[str]:
        """The limits that a candidate does not keep."""
        missed = []
        if self.max_latency_us is not None and self.latency_us(candidate) > self.max_latency_us:
            missed.append("latency")
        if self.min_fps is not None and self.fps(candidate) < self.min_fps:
            missed.append("frames/s")
        return missed

    def order(self, candidate: Candidate, share: float) -> tuple:
        """Less is better. share: of the scarcest resource."""
        keys = {
            "latency": (candidate.latency, share, candidate.interval),
            "fps": (candidate.interval, share, candidate.latency),
            "smallest": (share, candidate.latency, candidate.interval),
        }
        return keys[self.choose]

    def nearness(self, candidate: Candidate) -> float:
        """By how much the limits are missed, as the larger of the factors."""
        factors = [1.0]
        if self.max_latency_us is not None:
            factors.append(self.latency_us(candidate) / self.max_latency_us)
        if self.min_fps is not None:
            factors.append(self.min_fps / self.fps(candidate))
        return max(factors)


@dataclass(frozen=True)
class Choices:
    """Values to combine; None: all that make sense for the layer."""

    lanes: Sequence[int] | None = None
    ifft_units: Sequence[int] | None = None
    element_width: Sequence[int] | None = None
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
class Exploration:
    """The result.

    candidates: those that fit the device. pruned: reason -> how many combinations. front: places of the
    Pareto front in candidates (latency, interval, DSP48s, block RAMs). chosen: None where no candidate
    keeps the limits; nearest: then the one that misses them least. binding: what keeps a better
    one away, with the number of combinations that it prunes.
    """

    device: Device
    goal: Goal
    designs: dict[int, Design]
    candidates: list[Candidate] = field(default_factory=list)
    pruned: Counter = field(default_factory=Counter)
    considered: int = 0
    front: list[int] = field(default_factory=list)
    chosen: Candidate | None = None
    nearest: Candidate | None = None
    binding: str = ""

    def design(self, candidate: Candidate) -> Design:
        """The design with its weights on the hardware of a candidate."""
        return replace(self.designs[candidate.word], hardware=candidate.hardware)

    def shares(self, candidate: Candidate) -> dict[str, float]:
        """Percentage of the device used."""
        return percentages({n: getattr(candidate, n) for n in LIMITED}, self.device)

    def row(self, candidate: Candidate) -> dict:
        """A candidate for tables and JSON."""
        hw = candidate.hardware
        return {
            "word": candidate.word,
            "lanes": hw.lanes,
            "ifft_units": hw.ifft_units,
            "element_width": hw.element_width,
            "streams": hw.streams,
            "latency_cycles": candidate.latency,
            "latency_us": round(self.goal.latency_us(candidate), 4),
            "interval_cycles_single": candidate.interval_single,
            "interval_cycles_interleaved": candidate.interval,
            "frames_per_second_single": round(
                self.goal.clock_mhz * 1e6 / candidate.interval_single
            ),
            "frames_per_second": round(self.goal.fps(candidate)),
            **{n: getattr(candidate, n) for n in LIMITED},
            "percent": self.shares(candidate),
        }


def explore(
    design: CoreSpecification,
    device: Device,
    goal: Goal,
    what: Choices | None = None,
    words: dict[int, Design] | None = None,
    jobs: int = 1,
    dask: str | None = None,
    progress: sweep.Progress | None = None,
) -> Exploration:
    """Evaluate every legal combination, and choose.

    words: the same layer in other word lengths, by word; without it only that of the design. jobs, dask:
    `ernn_myhdl.sweep.run`.
    """
    if not isinstance(design, Design):
        raise DesignError(
            f"design {design.name}: is a network of {len(design.layers)} layers; explore each layer "
            "by itself: its folder is inside the network's"
        )
    if len(design.cell.block_sizes) > 1:
        raise DesignError(
            f"cell block {design.cell.block_text}: matrices with blocks of their own have no resource model "
            "yet; explore a layer with one block size"
        )
    if design.loads_states:
        raise DesignError(
            "hardware initial_states = True: the blocks that load states have no resource model yet; "
            "explore the layer without"
        )
    designs = words or {design.formats.weight_word: design}
    result = Exploration(device, goal, designs)
    numbers = [Numbers.of(other) for other in designs.values()]
    legal = []
    for place, other in enumerate(designs.values()):
        for hardware in (what or Choices()).combinations(numbers[place], other.hardware):
            result.considered += 1
            if isinstance(hardware, str):
                result.pruned[f"not legal: {hardware}"] += 1
            elif choices.product_count(numbers[place], hardware) > device.dsp:
                result.pruned[f"more dsp than {device.name} has"] += 1
            else:
                legal.append((place, hardware))
    if not result.considered:
        raise DesignError(
            "choices: no combination of hardware parameters; give at least one of each"
        )
    tasks = in_tasks(numbers, legal)
    evaluated = sweep.run(choices.evaluate, tasks, jobs, dask, progress=progress)
    _choose(result, [c for part in evaluated.values() for c in part])
    return result


def in_tasks(numbers: list[Numbers], legal: list[tuple[int, Hardware]]) -> dict[str, tuple]:
    """Tasks of `evaluate`, so that what candidates share is computed in few of them."""
    order = sorted(legal, key=lambda item: (*choices.shared_order(item[1]), item[0]))
    return {
        f"from {first}": (numbers, order[first : first + CHUNK])
        for first in range(0, len(order), CHUNK)
    }


def _choose(result: Exploration, evaluated: list[Candidate]) -> None:
    device, goal = result.device, result.goal
    excluded: list[tuple[Candidate, str]] = []
    for candidate in evaluated:
        shares = result.shares(candidate)
        worst = max(shares, key=lambda name: shares[name])
        if shares[worst] > 100:
            result.pruned[f"more {worst} than {device.name} has"] += 1
            excluded.append((candidate, worst))
        else:
            result.candidates.append(candidate)
    fitting = result.candidates
    # of equal ones the one with fewest LUTs
    fitting.sort(key=lambda c: (c.lut, c.ff))
    result.front = front([(c.latency, c.interval, c.dsp, c.bram36) for c in fitting])
    kept = [c for c in fitting if not goal.missed(c)]
    if kept:
        result.chosen = min(kept, key=lambda c: goal.order(c, max(result.shares(c).values())))
    elif fitting:
        result.nearest = min(fitting, key=lambda c: (goal.nearness(c), c.dsp))
    result.binding = _binding(result, excluded)


def _binding(result: Exploration, excluded: list[tuple[Candidate, str]]) -> str:
    """What keeps a faster candidate away."""
    best = result.chosen or result.nearest
    name = result.device.name
    if best is None:
        most = [reason for reason, _ in result.pruned.most_common() if reason.startswith("more")]
        return f"{most[0]}; nothing fits" if most else "nothing is legal"
    by_fps = result.goal.choose == "fps" or (
        result.chosen is None and "frames/s" in result.goal.missed(best)
    )
    value = (lambda c: c.interval) if by_fps else (lambda c: c.latency)
    better = Counter(worst for candidate, worst in excluded if value(candidate) < value(best))
    if multiplied := result.pruned.get(f"more dsp than {name} has", 0):
        better["dsp"] += multiplied
    shares = result.shares(best)
    scarce = max(shares, key=lambda n: shares[n])
    used = f"{scarce} ({shares[scarce]:.1f} % of {name} used)"
    if result.goal.choose == "smallest" and result.chosen is not None:
        return f"{used}: the smallest share that keeps the limits"
    if not better:
        return f"none: no faster combination was left out; most used is {used}"
    which, count = better.most_common(1)[0]
    return (
        f"{which}: {count:,} combinations need more than {name} has; the best that fits uses "
        f"{shares[which]:.1f} % of it"
    )
