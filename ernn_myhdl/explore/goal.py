"""What is wanted of hardware: limits, and what is best within them."""

from __future__ import annotations

from dataclasses import dataclass

from ernn_myhdl.design.design import Hardware
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore.candidates import Candidate
from ernn_myhdl.runs.report import checked_clock

GOALS = ("smallest", "latency", "fps")


@dataclass(frozen=True)
class Placed:
    """Hardware whose clock was measured by place and route. word, layers: as of its `Candidate`. origin: where the clock is from, in words."""

    word: int
    layers: tuple[Hardware, ...]
    clock_mhz: float
    origin: str


@dataclass(frozen=True)
class Goal:
    """What is wanted.

    max_latency_us: of a frame that finds the core idle. min_fps: frames a second of all streams together.
    choose: among those that keep both, the one with the smallest share of the device's scarcest resource, the
    lowest latency, or the most frames a second. clock_mhz: assumed for all hardware but that of `placed`.
    """

    choose: str = "latency"
    max_latency_us: float | None = None
    min_fps: float | None = None
    clock_mhz: float = 200.0
    placed: Placed | None = None

    def __post_init__(self) -> None:
        checked_clock(self.clock_mhz)
        if self.choose not in GOALS:
            raise DesignError(f"goal = {self.choose!r}: must be one of {', '.join(GOALS)}")
        for name in ("max_latency_us", "min_fps"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise DesignError(f"{name} = {value}: must be above 0")

    def clock_of(self, candidate: Candidate) -> tuple[float, str]:
        """MHz, and "assumed" or where it was measured."""
        p = self.placed
        if p is not None and (candidate.word, candidate.layers) == (p.word, p.layers):
            return p.clock_mhz, p.origin
        return self.clock_mhz, "assumed"

    def latency_us(self, candidate: Candidate) -> float:
        return candidate.latency / self.clock_of(candidate)[0]

    def fps(self, candidate: Candidate) -> float:
        """Frames a second of all streams."""
        return self.clock_of(candidate)[0] * 1e6 / candidate.interval

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
            "latency": (self.latency_us(candidate), share, candidate.interval),
            "fps": (-self.fps(candidate), share, candidate.latency),
            "smallest": (share, self.latency_us(candidate), candidate.interval),
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
