"""What happened in a training, as numbers that JSON can hold and `plot_history` draws."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from numbers import Real

from ernn_myhdl.errors import DesignError

Validation = float | dict[str, float] | None


def checked_validation(given: object) -> Validation:
    """What `validate` gave, as numbers; DesignError where it is none."""
    if isinstance(given, dict):
        return {str(name): _number(value) for name, value in given.items()}
    return None if given is None else _number(given)


def _number(value: object) -> float:
    if getattr(value, "shape", None) == ():  # a tensor or an array of one number
        value = value.item()  # type: ignore[attr-defined]  # what has a shape has it
    if not isinstance(value, Real):
        raise DesignError(
            f"validate: gave {type(value).__name__}, must give a number or a dictionary of numbers"
        )
    return float(value)


class HistoryRecords(dict[str, list[dict]]):
    """The dictionary of `History.as_dict`, printed on one short line."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_summary(self['phases'], self['epochs'], self['updates'])})"


def _summary(phases: list[dict], epochs: list[dict], updates: list[dict]) -> str:
    """Names of the phases and counts."""
    names = ", ".join(phase["name"] for phase in phases) or "no phase"
    return f"{names}: {len(epochs)} epochs, {len(updates)} updates"


@dataclass(repr=False)
class History:
    """Records in the order of time; `step` counts the steps of the optimiser over all phases.

    phases: name, first and last step, and what was found at the start.
    epochs: phase, epoch (in the phase), step at its end, mean loss, and what `validate` gave.
    updates: of ADMM: step, rho, penalty and the residuals of each matrix.
    """

    phases: list[dict] = field(default_factory=list)
    epochs: list[dict] = field(default_factory=list)
    updates: list[dict] = field(default_factory=list)

    def __repr__(self) -> str:
        """Names of the phases and counts, on one line."""
        return f"History({_summary(self.phases, self.epochs, self.updates)})"

    def begin(self, name: str, found: dict | None) -> None:
        """A phase begins."""
        first = self.phases[-1]["last_step"] if self.phases else 0
        self.phases.append({"name": name, "first_step": first} | (found or {}))

    def end(self, steps: int) -> None:
        """The phase ends after so many steps of its own."""
        self.phases[-1]["last_step"] = self._step(steps)

    def epoch(self, number: int, steps: int, loss: float, validation) -> None:
        """An epoch ends, the number-th of the phase, after so many steps of the phase."""
        record = {
            "phase": self.phases[-1]["name"],
            "epoch": number,
            "step": self._step(steps),
            "loss": loss,
        }
        if validation is not None:
            record["validation"] = validation
        self.epochs.append(record)

    def update(self, steps: int, record: dict) -> None:
        """ADMM has updated Z and U."""
        self.updates.append({"step": self._step(steps)} | record)

    def _step(self, steps: int) -> int:
        return self.phases[-1]["first_step"] + steps

    def as_dict(self) -> HistoryRecords:
        """A copy as dictionaries and lists."""
        return HistoryRecords(copy.deepcopy(vars(self)))
