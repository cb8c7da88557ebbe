"""ADMM: training of dense weights that end block-circulant.

min f(W) subject to W = Z, Z block-circulant; scaled dual variable U, penalty rho; P is the projection:

    W: optimiser's steps on f(W), behind each one the proximal step of rho/2 |W - Z + U|^2
    Z: P(W + U)          U: U + W - Z          after each `steps` of them

until |W - Z| and the change of Z are small. (E-RNN, HPCA 2019; Boyd et al., Distributed Optimization and
Statistical Learning via the Alternating Direction Method of Multipliers, section 3.)

The optimiser does not see the penalty: an optimiser whose steps have a largest size, as Adam's have, would move W towards
Z no faster than that, whatever rho is, and clipping would take from the gradients of all other parameters what the penalty
has. The proximal step W: (W + c (Z - U)) / (1 + c), c = rho times the size of the optimiser's step over that of the
gradient, is the implicit one of the same length, and does not overshoot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.train.matrices import Matrix
from ernn_myhdl.train.phases import TrainingPhase, norm
from ernn_myhdl.whole_numbers import is_number, whole

#: Where the distance of W from Z is smaller, this share of the norm of W counts in its place.
LEAST_DISTANCE = 1e-3


@checked_call
@dataclass(frozen=True)
class AdmmSchedule:
    """How ADMM runs.

    Parameters
    ----------
    epochs : int
        At most so many, at least 1.
    rho : float
        Penalty at the beginning, above 0. With `relative` the pull of the penalty over that of the loss, so that one
        number fits every loss; else the factor rho of |W - Z + U|^2 / 2 itself.
    growth : float or None
        Factor of rho after each update, at least 1; None: after each epoch rho is multiplied by what makes it reach
        largest_rho for the last fifth of the epochs, however many updates an epoch has.
    largest_rho : float
        Where the growth ends, at least rho.
    steps : int or None
        Steps of the optimiser between two updates of Z and U; None: an epoch.
    primal, dual : float
        The phase ends when for every matrix |W - Z| / |W| <= primal and |Z - Z before| / |Z| <= dual. A phase that
        ends after its last epoch with a larger |W - Z| has not converged, and warns.
    relative : bool
        rho and largest_rho are multiplied by a scale: the norm of the gradient of the loss, the mean over the steps between two
        updates and the largest of these means so far, over the norm of W - Z at the beginning, of all matrices with blocks
        together. A loss that is ten times as large then has a rho that is ten times as large.
    hand_on : bool
        The epochs that are left where the phase ends before its last one are added to those inside the structure.

    Raises
    ------
    DesignError
        For a value that is none of these.
    """

    epochs: int = 25
    rho: float = 0.1
    growth: float | None = None
    largest_rho: float = 1000.0
    steps: int | None = None
    primal: float = 0.02
    dual: float = 0.02
    relative: bool = True
    hand_on: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "steps"):
            value = getattr(self, name)
            if name == "steps" and value is None:
                continue
            whole(f"schedule {name}", value, 1)
        for name in ("relative", "hand_on"):
            if not isinstance(given := getattr(self, name), bool):
                raise DesignError(f"schedule {name} = {given!r}: must be True or False")
        least = {"growth": 1.0, "primal": 0.0, "dual": 0.0}
        for name in ("rho", "growth", "largest_rho", "primal", "dual"):
            value = getattr(self, name)
            if name == "growth" and value is None:
                continue
            real = is_number(value)
            if not real or not math.isfinite(value):
                raise DesignError(f"schedule {name} = {value!r}: must be a finite number")
            if name in least and value < least[name]:
                raise DesignError(f"schedule {name} = {value}: must be at least {least[name]:g}")
        if not 0 < self.rho <= self.largest_rho:
            raise DesignError(
                f"schedule rho = {self.rho}: must be above 0 and at most largest_rho = {self.largest_rho}"
            )

    @property
    def epoch_growth(self) -> float:
        """Factor of rho after an epoch where no growth is given."""
        grows = max(self.epochs - 1 - self.epochs // 5, 1)
        return float((self.largest_rho / self.rho) ** (1 / grows))


class AdmmPhase(TrainingPhase):
    """The dense model with the penalty of ADMM on every matrix with blocks."""

    def __init__(self, model: nn.Module, schedule: AdmmSchedule, matrices: Sequence[Matrix]):
        super().__init__("admm", model, schedule.epochs)
        self.schedule = schedule
        self.matrices = [m for m in matrices if m.block > 1]
        self._wanted = schedule.rho  # as the schedule means it
        self._scale = _Scale(schedule.relative)
        self._converged = False
        self._residuals: dict[str, float] = {}
        self._z: dict[str, Tensor] = {}
        self._u: dict[str, Tensor] = {}
        self._before: list[Tensor] = []  # the matrices before a step of the optimiser
        self._gradient = 0.0  # the norm of the loss's in that step
        self._length = 0.0  # of the optimiser's steps, for a gradient of 1

    @property
    def rho(self) -> float:
        """The penalty itself."""
        return self._wanted * self._scale.value

    @torch.no_grad()
    def start(self) -> None:
        for matrix in self.matrices:
            self._z[matrix.name] = self._nearest(matrix, matrix.parameter)
            self._u[matrix.name] = torch.zeros_like(matrix.parameter)
        away = [norm(m.parameter - self._z[m.name]) for m in self.matrices]
        norms = [norm(m.parameter) for m in self.matrices]
        self._scale.distance = max(math.hypot(*away), LEAST_DISTANCE * math.hypot(*norms))

    @staticmethod
    def _nearest(matrix: Matrix, dense: Tensor) -> Tensor:
        return matrix.dense(matrix.projected(dense))

    @torch.no_grad()
    def after_backward(self) -> None:
        gradients = [m.parameter.grad for m in self.matrices]
        before = self._scale.value
        self._gradient = math.hypot(*(norm(g) for g in gradients if g is not None))
        self._scale.add(self._gradient)
        self._keep_dual(before)
        self._before = [m.parameter.clone() for m in self.matrices]

    @torch.no_grad()
    def after_step(self, step: int) -> dict | None:
        self._pull()
        every = self.schedule.steps
        return self._update() if every and step % every == 0 else None

    def _pull(self) -> None:
        """The proximal step of the penalty, as long as the optimiser's for a gradient of that size."""
        pairs = zip(self.matrices, self._before, strict=True)
        moved = math.hypot(*(norm(m.parameter - before) for m, before in pairs))
        if self._gradient:
            self._length = moved / self._gradient
        share = 1 - 1 / (1 + self.rho * self._length)
        for matrix in self.matrices:
            goal = self._z[matrix.name] - self._u[matrix.name]
            matrix.parameter.lerp_(goal, share)

    @torch.no_grad()
    def after_epoch(self) -> dict | None:
        record = self._update() if self.schedule.steps is None else None
        if self.schedule.growth is None:
            self._grow(self.schedule.epoch_growth)
        return record

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
        self._residuals = {name: r["relative_primal"] for name, r in residuals.items()}
        self._converged = all(
            r["relative_primal"] <= self.schedule.primal
            and r["relative_dual"] <= self.schedule.dual
            for r in residuals.values()
        )
        before = self._scale.value
        self._scale.update()
        self._keep_dual(before)
        if self.schedule.growth is not None:
            self._grow(self.schedule.growth)
        return record

    def _grow(self, growth: float) -> None:
        """The next rho."""
        before = self._wanted
        self._wanted = min(before * growth, self.schedule.largest_rho)
        self._shrink(before / self._wanted)

    def _keep_dual(self, scale: float) -> None:
        """Follow a scale that was another one before."""
        if self._scale.value != scale:
            self._shrink(scale / self._scale.value)

    def _shrink(self, factor: float) -> None:
        """U is the dual variable over rho, so it shrinks as rho grows."""
        for u in self._u.values():
            u *= factor

    @property
    def finished(self) -> bool:
        return self._converged

    def left(self, epochs: int) -> int:
        return self.epochs - epochs if self.schedule.hand_on else 0

    def finish(self) -> dict:
        return {"converged": self._converged, "residuals": dict(self._residuals)}

    def state(self) -> dict:
        return {
            "z": self._z,
            "u": self._u,
            "rho": self._wanted,
            "scale": self._scale.state(),
            "length": self._length,
            "converged": self._converged,
            "residuals": self._residuals,
        }

    def restore(self, state: dict) -> None:
        self._z, self._u = state["z"], state["u"]
        self._wanted, self._converged = state["rho"], state["converged"]
        self._residuals = state["residuals"]
        self._scale.restore(state["scale"])
        self._length = state.get("length", 0.0)  # checkpoints of versions before hold none


class _Scale:
    """What rho is multiplied by: 1, or for a relative one the gradients of the loss over `distance`."""

    def __init__(self, relative: bool) -> None:
        self.relative, self.distance = relative, 1.0
        self.value = 1.0
        self._largest = self._sum = 0.0
        self._count = 0

    def add(self, gradient: float) -> None:
        """The norm of a step's gradient; before the first update the mean so far counts at once."""
        if not self.relative:
            return
        self._sum += gradient
        self._count += 1
        if not self._largest:
            self._set(self._sum / self._count)

    def update(self) -> None:
        """The end of the steps between two updates."""
        if self._count:
            self._largest = max(self._largest, self._sum / self._count)
            self._set(self._largest)
        self._sum, self._count = 0.0, 0

    def _set(self, gradient: float) -> None:
        if gradient and self.distance:
            self.value = gradient / self.distance

    def state(self) -> list[float]:
        return [self.value, self.distance, self._largest, self._sum, float(self._count)]

    def restore(self, state: list[float]) -> None:
        self.value, self.distance, self._largest, self._sum, count = state
        self._count = int(count)
