"""A training of the search for a model, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from ernn_myhdl.explore.choice import Choice
from ernn_myhdl.explore.model_hardware import HardwareFit


@dataclass(frozen=True)
class ModelTrial:
    """A training. why: the step of the search. met: whether the accuracy is reached. hardware: None without a device."""

    choice: Choice
    why: str
    accuracy: float
    met: bool
    operations: int
    weight_bits: int
    hardware: HardwareFit | None = None

    @property
    def cost(self) -> tuple[float, int, int]:
        """Less is better: share of the scarcest resource, operations, weight bits."""
        share = self.hardware.share if self.hardware else 0.0
        return share, self.operations, self.weight_bits
