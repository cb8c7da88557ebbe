"""How far the outputs of a model are from those of another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.golden.sqnr import sqnr


@dataclass(frozen=True)
class OutputLoss:
    """Outputs against a reference's, of all frames and outputs together.

    sqnr: power of the reference over that of the difference, dB. error: largest magnitude of the
    difference. span: largest minus smallest output of the reference.
    """

    sqnr: float
    error: float
    span: float

    @property
    def relative(self) -> float:
        """The largest difference as a part of the span; of the difference itself where there is no span."""
        return self.error / self.span if self.span else self.error

    def __str__(self) -> str:
        return (
            f"largest error {self.error:.4g}, {100 * self.relative:.3g} % of the output's span of "
            f"{self.span:.4g}; SQNR {self.sqnr:.1f} dB"
        )

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {
            "sqnr_db": self.sqnr,
            "largest_error": self.error,
            "span": self.span,
            "largest_error_of_span": self.relative,
        }


def output_loss(reference: Sequence[np.ndarray], given: Sequence[np.ndarray]) -> OutputLoss:
    """Outputs (frames, outputs) of every sequence against those of a reference."""
    exact, other = np.concatenate(list(reference)), np.concatenate(list(given))
    error = float(np.abs(other - exact).max()) if exact.size else 0.0
    span = float(np.ptp(exact)) if exact.size else 0.0
    return OutputLoss(sqnr(exact, other), error, span)
