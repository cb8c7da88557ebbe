"""What the hardware of a model takes of a device, without a training: the measure by which `explore_model` chooses.

The hardware is that of `ernn explore hardware`: of all that keeps the limits, the one whose scarcest resource has the smallest
share of the device. Its model needs no trained weights, since all bits of weights are taken to vary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.design.cells import Cell
from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.hardware import Choices, explore
from ernn_myhdl.synthesis.devices import Device

#: Bits of the cell state and of pre-activations beyond those of a weight.
STATE_BITS = 4


@dataclass(frozen=True)
class HardwareFit:
    """percent: of the device, by resource; empty where nothing fits. missed: the limits that the nearest hardware misses.

    lanes: of every layer. why: what keeps all hardware away, where nothing fits.
    """

    percent: dict[str, float] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    lanes: tuple[int, ...] = ()
    why: str = ""

    @property
    def good(self) -> bool:
        """Fits and keeps the limits."""
        return bool(self.percent) and not self.missed

    @property
    def scarcest(self) -> str:
        """The resource of which most is used."""
        return max(self.percent, key=lambda name: self.percent[name])

    @property
    def share(self) -> float:
        """Percentage of the scarcest resource; infinite for hardware that does not do."""
        return self.percent[self.scarcest] if self.good else float("inf")

    @property
    def text(self) -> str:
        """Shares of all resources, or what is wrong."""
        shares = ", ".join(f"{name} {value:.1f} %" for name, value in self.percent.items())
        if not self.percent:
            return self.why
        return (
            f"{shares}; misses the limit of {' and '.join(self.missed)}" if self.missed else shares
        )

    def as_dict(self) -> dict:
        return {
            "percent": {name: round(value, 2) for name, value in self.percent.items()},
            "scarcest": self.scarcest if self.percent else None,
            "good": self.good,
            "missed": list(self.missed),
            "lanes": list(self.lanes),
            "why": self.why,
        }


Fit = Callable[[Sequence[Cell]], HardwareFit]


def fit_to(device: Device, goal: Goal, word: int) -> Fit:
    """A function that gives the smallest hardware of layers on a device within the limits of a goal.

    word: bits of weights, x and y.
    """
    if goal.choose != "smallest":
        raise DesignError(f"goal = {goal.choose!r}: must be 'smallest' to compare models")

    @lru_cache(maxsize=64)
    def fitted(cells: tuple[Cell, ...]) -> HardwareFit:
        network = new_network(cells, word=word, state_word=word + STATE_BITS)
        result = explore(network, device, goal, Choices(streams=(1,)))
        best = result.chosen or result.nearest
        if best is None:
            return HardwareFit(why=result.binding)
        missed = () if result.chosen else tuple(goal.missed(best))
        lanes = tuple(hardware.lanes for hardware in best.layers)
        return HardwareFit(result.shares(best), missed, lanes)

    return lambda cells: fitted(tuple(cells))
