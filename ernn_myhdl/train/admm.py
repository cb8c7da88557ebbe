"""ADMM: training of dense weights that end block-circulant.

min f(W) subject to W = Z, Z block-circulant; scaled dual variable U, penalty rho; P is the projection:

    W: optimiser's steps on f(W) + rho/2 |W - Z + U|^2
    Z: P(W + U)          U: U + W - Z          after each `steps` of them

until |W - Z| and the change of Z are small. (E-RNN, HPCA 2019; Boyd et al., Distributed Optimization and
Statistical Learning via the Alternating Direction Method of Multipliers, section 3.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.matrices import Matrix
from ernn_myhdl.train.phases import Phase, norm
from ernn_myhdl.whole_numbers import whole


@dataclass(frozen=True)
class AdmmSchedule:
    """How ADMM runs.

    epochs: at most so many. rho: penalty at the beginning; after each update it is multiplied by growth
    until it reaches largest_rho. steps: of the optimiser between updates, None: an epoch. primal, dual: the
    phase ends when for every matrix |W - Z| / |W| <= primal and |Z - Z before| / |Z| <= dual.
    """

    epochs: int = 25
    rho: float = 0.1
    growth: float = 1.25
    largest_rho: float = 10.0
    steps: int | None = None
    primal: float = 0.02
    dual: float = 0.02

    def __post_init__(self) -> None:
        for name in ("epochs", "steps"):
            value = getattr(self, name)
            if name == "steps" and value is None:
                continue
            whole(f"schedule {name}", value, 1)
        least = {"growth": 1.0, "primal": 0.0, "dual": 0.0}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("epochs", "steps"):
                continue
            real = isinstance(value, int | float) and not isinstance(value, bool)
            if not real or not math.isfinite(value):
                raise DesignError(f"schedule {field.name} = {value!r}: must be a finite number")
            if field.name in least and value < least[field.name]:
                raise DesignError(
                    f"schedule {field.name} = {value}: must be at least {least[field.name]:g}"
                )
        if not 0 < self.rho <= self.largest_rho:
            raise DesignError(
                f"schedule rho = {self.rho}: must be above 0 and at most largest_rho = {self.largest_rho}"
            )


class AdmmPhase(Phase):
    """The dense model with the penalty of ADMM on every matrix with blocks."""

    def __init__(self, model: nn.Module, schedule: AdmmSchedule, matrices: Sequence[Matrix]):
        super().__init__("admm", model, schedule.epochs)
        self.schedule = schedule
        self.matrices = [m for m in matrices if m.block > 1]
        self.rho = schedule.rho
        self._converged = False
        self._z: dict[str, Tensor] = {}
        self._u: dict[str, Tensor] = {}

    @torch.no_grad()
    def start(self) -> None:
        for matrix in self.matrices:
            self._z[matrix.name] = self._nearest(matrix, matrix.parameter)
            self._u[matrix.name] = torch.zeros_like(matrix.parameter)

    @staticmethod
    def _nearest(matrix: Matrix, dense: Tensor) -> Tensor:
        return matrix.dense(matrix.projected(dense))

    @torch.no_grad()
    def after_backward(self) -> None:
        for matrix in self.matrices:
            away = matrix.parameter - self._z[matrix.name] + self._u[matrix.name]
            gradient = matrix.parameter.grad
            if gradient is None:
                matrix.parameter.grad = self.rho * away
            else:
                gradient.add_(away, alpha=self.rho)

    @torch.no_grad()
    def after_step(self, step: int) -> dict | None:
        every = self.schedule.steps
        return self._update() if every and step % every == 0 else None

    @torch.no_grad()
    def after_epoch(self) -> dict | None:
        return self._update() if self.schedule.steps is None else None

    def _update(self) -> dict:
        """Update Z, U and rho; the residuals of each matrix: absolute and relative."""
        residuals = {}
        penalty = 0.0
        for matrix in self.matrices:
            w, u, old = matrix.parameter, self._u[matrix.name], self._z[matrix.name]
            penalty += self.rho / 2 * norm(w - old + u) ** 2
            z = self._nearest(matrix, w + u)
            u += w - z
            self._z[matrix.name] = z
            primal, change = norm(w - z), norm(z - old)
            residuals[matrix.name] = {
                "primal": primal,
                "dual": self.rho * change,
                "relative_primal": primal / (norm(w) or 1.0),
                "relative_dual": change / (norm(z) or 1.0),
            }
        record = {"rho": self.rho, "penalty": penalty, "residuals": residuals}
        self._converged = all(
            r["relative_primal"] <= self.schedule.primal
            and r["relative_dual"] <= self.schedule.dual
            for r in residuals.values()
        )
        self._grow()
        return record

    def _grow(self) -> None:
        """The next rho; U is the dual variable over rho, so it shrinks as rho grows."""
        rho = min(self.rho * self.schedule.growth, self.schedule.largest_rho)
        for u in self._u.values():
            u *= self.rho / rho
        self.rho = rho

    @property
    def finished(self) -> bool:
        return self._converged

    def finish(self) -> dict:
        return {"converged": self._converged}

    def state(self) -> dict:
        return {"z": self._z, "u": self._u, "rho": self.rho, "converged": self._converged}

    def restore(self, state: dict) -> None:
        self._z, self._u = state["z"], state["u"]
        self.rho, self._converged = state["rho"], state["converged"]
