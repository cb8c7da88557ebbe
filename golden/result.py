"""What the fixed-point model and the integer model return."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ModelRun:
    """One sequence through a model.

    raw: (frames, outputs) int64 in the `output` format; outputs: the same as float64 values.
    stages: named tensor -> (frames, ...) int64, shapes as `ernn_myhdl.golden.tensors.tensor_shapes`; empty
    where they were not asked for.
    saturations: tensor -> number of saturated elements, `ernn_myhdl.golden.tensors.saturating_names`.
    """

    raw: np.ndarray
    outputs: np.ndarray
    stages: dict[str, np.ndarray] = field(default_factory=dict)
    saturations: dict[str, int] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.raw)

    @property
    def saturated(self) -> int:
        """Saturated elements of all tensors together."""
        return sum(self.saturations.values())
