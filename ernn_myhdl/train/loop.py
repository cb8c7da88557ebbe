"""The loop through phases, epochs and steps, from its beginning or from a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.train.carried_state import CarriedBatch
from ernn_myhdl.train.checkpoint import load_checkpoint, remove_partial, save_checkpoint
from ernn_myhdl.train.generators import Batches, Data, seeded
from ernn_myhdl.train.history import History, Validation, checked_validation
from ernn_myhdl.train.makers import check_maker, falling, kind_of, made, takes
from ernn_myhdl.train.phases import TrainingPhase
from ernn_myhdl.whole_numbers import is_number, whole

Step = Callable[[nn.Module, Any], Tensor]
MakeOptimiser = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
MakeScheduler = Callable[[torch.optim.Optimizer, int], Any]
Validate = Callable[[nn.Module], float | dict[str, float]]


#: Names of all phases that there are.
PHASES = ("train", "admm", "retrain", "direct", "quantise")


def adam(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser where none is given: Adam, learning rate 0.002."""
    return torch.optim.Adam(parameters, lr=2e-3)


@checked_call
@dataclass(frozen=True)
class Settings:
    """How a training runs, but for its phases: what `compress` and `fit` take as keywords.

    Parameters
    ----------
    optimiser : function of (parameters), or dict of them by the name of the phase
        Makes an optimiser: every phase trains other tensors. None of a phase: Adam, learning rate 0.002. The phases are "train",
        "admm", "retrain", "direct" and "quantise".
    scheduler : function of (optimiser, steps), dict of them by the name of the phase, or None
        Makes a learning rate scheduler for so many steps; it is stepped after each step. None: the learning rate stays, but in the
        phase "admm" it falls to a hundredth in the second half (`falling`), without which W does not come to rest at Z; a
        dictionary without "admm" keeps that constant too.
    clip : float or None
        Largest norm of the gradients together, None: not clipped.
    seed : int
        Of all global generators, at least 0.
    checkpoint : path or None
        A folder, None: no checkpoints.
    checkpoint_steps : int or None
        A checkpoint every so many steps, and one at the end of each epoch; None: these only.
    validate : function of (model) or None
        Called with the model in evaluation mode after each epoch; gives a number, or a dictionary of them, for the history.
    progress : bool
        A bar on the terminal's standard error; none where that is no terminal.

    Raises
    ------
    DesignError
        For what is none of these.
    """

    optimiser: MakeOptimiser | Mapping[str, MakeOptimiser] = adam
    scheduler: MakeScheduler | Mapping[str, MakeScheduler] | None = None
    clip: float | None = None
    seed: int = 0
    checkpoint: str | Path | None = None
    checkpoint_steps: int | None = None
    validate: Validate | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        for name, count in (("optimiser", 1), ("scheduler", 2)):
            given = getattr(self, name)
            phases = given if isinstance(given, Mapping) else {}
            if unknown := sorted(set(phases) - set(PHASES)):
                raise DesignError(
                    f"{name} of phase {unknown[0]!r}: the phases are {', '.join(PHASES)}"
                )
            makers = {f"{name} of phase {phase!r}": make for phase, make in phases.items()}
            for where, make in (makers if phases else {name: given}).items():
                if make is not None and make != {}:
                    check_maker(where, make, count)
        whole("seed", self.seed, 0)
        if self.seed >= 2**63:
            raise DesignError(f"seed = {self.seed}: must be below 2^63")
        if not isinstance(self.progress, bool):
            raise DesignError(f"progress = {self.progress!r}: must be True or False")
        self._check_checkpoint()
        validate = self.validate
        if validate is not None and not (callable(validate) and takes(validate, 1)):
            raise DesignError(
                f"validate: is {kind_of(validate)}, must be a function of the model that gives a number or a dictionary "
                "of them"
            )
        if self.clip is None:
            return
        if not is_number(self.clip):
            raise DesignError(f"clip = {self.clip!r}: must be a number above 0, or None")
        if not self.clip > 0:
            raise DesignError(f"clip = {self.clip!r}: must be above 0, or None")

    def _check_checkpoint(self) -> None:
        checkpoint = self.checkpoint
        if not isinstance(checkpoint, str | PathLike | None):
            raise DesignError(f"checkpoint = {checkpoint!r}: must be the name of a folder, or None")
        if checkpoint is not None and Path(checkpoint).is_file():
            raise DesignError(f"checkpoint {checkpoint}: is a file, must be the name of a folder")
        if self.checkpoint_steps is None:
            return
        whole("checkpoint_steps", self.checkpoint_steps, 1)
        if checkpoint is None:
            raise DesignError(
                f"checkpoint_steps = {self.checkpoint_steps}: there are no checkpoints; give checkpoint, a folder, as well"
            )


@dataclass
class _Position:
    """Where a training is: phase, epoch in it, batches done in the epoch, steps done in the phase.

    losses: sum over the batches of the epoch. begun: states of the generators at its beginning.
    """

    phase: int = 0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    losses: float = 0.0
    begun: dict = field(default_factory=dict)


def _of_phase(setting, phase: TrainingPhase):
    """A setting, or that of the phase where there is one for each; None without."""
    return setting.get(phase.name) if isinstance(setting, Mapping) else setting


def _differences(saved: Mapping, own: Mapping) -> dict[str, tuple]:
    """Where two identities differ: name, or name[key] -> both values."""
    found: dict[str, tuple] = {}
    for name in {**saved, **own}:
        one, other = saved.get(name), own.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found |= {f"{name}[{k!r}]": pair for k, pair in _differences(one, other).items()}
        elif one != other:
            found[name] = one, other
    return found


class Training:
    """Runs phases one after the other; see the module.

    identity: what must be equal for a checkpoint to be continued, name -> number or text.
    """

    def __init__(
        self,
        model: nn.Module,
        phases: Sequence[TrainingPhase],
        step: Step,
        data: Data,
        settings: Settings,
        identity: dict[str, Any],
    ) -> None:
        self.model, self.phases, self.settings = model, phases, settings
        self._loss, self.batches = step, Batches(data)
        self._identity = identity
        self.history = History()
        self.found: dict[str, dict] = {}  # what each phase that ended found
        self.resumed = False
        self._at = _Position()
        self._optimiser: Any = None  # of the phase that runs
        self._scheduler: Any = None
        self._folder = None if settings.checkpoint is None else Path(settings.checkpoint)

    def run(self, check: Callable[[], None] = lambda: None) -> None:
        """Train to the end; the model holds the result and is in evaluation mode.

        check: of the model, before a training that does not go on from a checkpoint.
        """
        with seeded(self.settings.seed):
            saved = self._saved()
            if saved is None:
                check()
            if saved is not None and not self._restore(saved):
                saved = None
            while self._at.phase < len(self.phases):
                self._run_phase(self.phases[self._at.phase], saved)
                saved = None
        self.model.eval()

    def _run_phase(self, phase: TrainingPhase, saved: dict | None) -> None:
        at = self._at
        if saved is None:
            self.history.begin(phase.name, phase.start())
        make = _of_phase(self.settings.optimiser, phase) or adam
        self._optimiser = made("optimiser", make, phase.parameters())
        self._scheduler = self._make_scheduler(phase)
        if saved is not None:
            self._optimiser.load_state_dict(saved["optimiser"])
            if self._scheduler is not None:
                self._scheduler.load_state_dict(saved["scheduler"])
            self.batches.restore(saved["generators"])
        count = self.batches.count
        total = None if count is None else count * phase.epochs
        hidden = None if self.settings.progress else True  # None: hidden where it is no terminal
        with tqdm(total=total, desc=phase.name, unit="step", disable=hidden) as bar:
            bar.update(at.step)
            while at.epoch < phase.epochs and not phase.finished:
                self._run_epoch(phase, bar)
        self.found[phase.name] = phase.finish()
        self.history.end(at.step)
        self._hand_on(at.phase, at.epoch)
        self._at = _Position(at.phase + 1)
        self._save(None)

    def _hand_on(self, number: int, epochs: int) -> None:
        """Add what a phase has left after so many epochs to the next one."""
        left = self.phases[number].left(epochs)
        if left and number + 1 < len(self.phases):
            self.phases[number + 1].epochs += left

    def _run_epoch(self, phase: TrainingPhase, bar) -> None:
        at = self._at
        self.model.train()
        for batch in self._epoch_batches():
            loss = self._step(phase, batch)
            bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
            bar.update()
            every = self.settings.checkpoint_steps
            if every and at.step % every == 0:
                self._save(phase)
            if phase.finished:
                break
        if not at.batch:
            raise DesignError("data: an epoch has no batches; give at least one")
        self._record(phase.after_epoch())
        self.history.epoch(at.epoch, at.step, at.losses / at.batch, self._validated())
        at.epoch, at.batch, at.losses, at.begun = at.epoch + 1, 0, 0.0, {}
        self._save(phase)

    def _epoch_batches(self) -> Iterator:
        """The batches of the epoch that are left."""
        at, number = self._at, len(self.history.epochs)
        if not at.batch:
            at.begun = self.batches.state()
            return self.batches.epoch(number)
        now = self.batches.state()
        self.batches.restore(at.begun)
        left = self.batches.epoch(number, at.batch)
        self.batches.restore(now)
        return left

    def _step(self, phase: TrainingPhase, batch) -> float:
        at = self._at
        self.model.zero_grad()
        self._optimiser.zero_grad()
        loss = self._loss(self.model, batch)
        if isinstance(batch, CarriedBatch) and not batch.carried:
            raise DesignError(
                "step: did not hand the state on to the next chunk; call batch.carry(state) with the state that the model "
                "gives after batch.x"
            )
        value = self._checked(loss, phase)
        loss.backward()
        phase.after_backward()
        if self.settings.clip is not None:
            nn.utils.clip_grad_norm_(phase.parameters(), self.settings.clip)
        self._optimiser.step()
        if self._scheduler is not None:
            self._scheduler.step()
        at.step, at.batch, at.losses = at.step + 1, at.batch + 1, at.losses + value
        self._record(phase.after_step(at.step))
        return value

    def _checked(self, loss: object, phase: TrainingPhase) -> float:
        """The value of a loss; DesignError where it is none."""
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
            what = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
            raise DesignError(
                f"step: gave {what}, must give the loss: a tensor of one number that depends on the "
                "parameters of the model"
            )
        value = loss.item()
        if not math.isfinite(value):
            raise DesignError(
                f"loss is {value} in phase {phase.name}, epoch {self._at.epoch}, batch {self._at.batch}; "
                "take a smaller learning rate or rho, or clip the gradients"
            )
        return value

    def _record(self, update: dict | None) -> None:
        if update is not None:
            self.history.update(self._at.step, update)

    def _validated(self) -> Validation:
        if self.settings.validate is None:
            return None
        self.model.eval()
        with torch.no_grad():
            return checked_validation(self.settings.validate(self.model))

    def _make_scheduler(self, phase: TrainingPhase):
        make = _of_phase(self.settings.scheduler, phase)
        if self.settings.scheduler is None and phase.name == "admm" and self.batches.count:
            make = falling
        if make is None or not phase.epochs:
            return None
        if self.batches.count is None:
            raise DesignError(
                "data: have no length, which a scheduler needs for the number of steps; give data with "
                "__len__, the batches of an epoch"
            )
        return made("scheduler", make, self._optimiser, phase.epochs * self.batches.count)

    def _save(self, phase: TrainingPhase | None) -> None:
        """Write a checkpoint; phase: the one that runs, None between two."""
        if self._folder is None:
            return
        tree: dict[str, object] = {
            "identity": self._identity,
            "at": asdict(self._at),
            "model": self.model.state_dict(),
            "history": self.history.as_dict(),
            "found": self.found,
            "generators": self.batches.state(),
        }
        if phase is not None:
            tree["phase"] = phase.state()
            tree["optimiser"] = self._optimiser.state_dict()
            tree["scheduler"] = None if self._scheduler is None else self._scheduler.state_dict()
        save_checkpoint(self._folder, tree)

    def _saved(self) -> dict | None:
        """The checkpoint to continue from; DesignError where it is that of another training."""
        if self._folder is None:
            return None
        remove_partial(self._folder)
        saved = load_checkpoint(self._folder)
        if saved is None:
            return None
        for name, (found, value) in _differences(saved["identity"], self._identity).items():
            raise DesignError(
                f"checkpoint {self._folder}: is of a training with {name} = {found!r}, this one has "
                f"{value!r}; give another folder, or delete it to begin anew"
            )
        return saved

    def _restore(self, saved: dict) -> bool:
        """Take over a checkpoint; whether it is in the middle of a phase."""
        self.resumed = True
        self._at = _Position(**saved["at"])
        self.model.load_state_dict(saved["model"])
        self.history = History(**saved["history"])
        self.found = saved["found"]
        self.batches.restore(saved["generators"])
        done = [epoch["phase"] for epoch in self.history.epochs]
        for number, phase in enumerate(self.phases[: self._at.phase]):
            self._hand_on(number, done.count(phase.name))
        if "optimiser" not in saved:
            return False
        self.phases[self._at.phase].restore(saved["phase"])
        return True
