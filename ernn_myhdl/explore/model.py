"""Phase I of E-RNN: cell and block sizes that keep an accuracy, found with at most five trainings.

1. Sanity: the first cell at the lower bound of k. Where that misses the accuracy, nothing larger can reach it, and network
   and device do not go together.
2. Growth: the largest k up to the upper bound that keeps the accuracy, by bisection.
3. Fine-tuning with what is left: larger blocks for the matrices of x, and a GRU in the place of an LSTM; the one
   that saves more operations first.

Of the trainings that keep the accuracy the one with the fewest operations is chosen. The search follows from the accuracies
alone, so an interrupted one is repeated with those that its file holds, to the same end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ernn_myhdl.design.cells import BLOCK_SIZES, WITH_STATE, Cell
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.storage import load_design, save_design
from ernn_myhdl.errors import DesignError, alternatives
from ernn_myhdl.explore.block_bounds import (
    Bounds,
    block_bounds,
    device_bits,
    model_operations,
    weight_bits,
)
from ernn_myhdl.explore.choice import Choice
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.model_hardware import Fit, HardwareFit, fit_to
from ernn_myhdl.explore.model_log import ModelLog
from ernn_myhdl.explore.model_state import STATE_NAME, ModelState
from ernn_myhdl.explore.model_trial import ModelTrial
from ernn_myhdl.explore.resources import RULES
from ernn_myhdl.files.long_output import made_in
from ernn_myhdl.files.output_target import only_user
from ernn_myhdl.synthesis.devices import Device, require_family
from ernn_myhdl.whole_numbers import is_number

MOST_TRAININGS = 5
#: Share of the scarcest resource (without a device, of the operations) that a fine-tuning must save.
WORTH = 0.05
LARGER_INPUT, GRU = "larger blocks for x", "GRU in the place of LSTM"

Train = Callable[[Choice], tuple[float, CoreSpecification]]
MakeCells = Callable[[Choice], Sequence[Cell]]


@dataclass(frozen=True)
class ModelExploration:
    """trials: in their order. chosen: None where network and device are infeasible, for the reason. measure: by what it
    was chosen.
    """

    bounds: Bounds
    trials: tuple[ModelTrial, ...]
    chosen: ModelTrial | None
    reason: str
    folder: Path
    measure: str = ""

    def design(self) -> CoreSpecification:
        """The chosen design; DesignError where there is none."""
        if self.chosen is None:
            raise DesignError(f"exploration {self.folder}: has no design: {self.reason}")
        return load_design(self.folder / "design")


def explore_model(
    cells: MakeCells,
    train: Train,
    accuracy: float,
    device: Device | None,
    folder: str | Path,
    cell: str = "lstm",
    word: int = 12,
    about: Mapping[str, object] | None = None,
    force: bool = False,
    say: Callable[[str], None] = lambda step: None,
    goal: Goal | None = None,
    fit: Fit | None = None,
) -> ModelExploration:
    """Search in a folder, or go on with an interrupted search.

    cells: the layers of a choice. train: trains a choice; its accuracy (larger is better) and its design. accuracy:
    that must be reached. device: whose memory bounds k, and whose scarcest resource decides; None: operations
    decide. cell: "lstm", of which a GRU may take the place, "gru" or "rnn". word: bits of a weight.
    about: what else must be the same to go on, ready for JSON. force: replace another search, a complete one when the new one is. say: called with
    every line of the log. goal: limits of the hardware, "smallest". fit: gives the hardware of layers in the place of
    `ernn_myhdl.explore.model_hardware.fit_to`.

    The folder holds log.md, exploration.json (state), designs, and design (the chosen one).
    """
    result, place = made_in(
        folder, force, STATE_NAME,
        lambda place: explore_in(
            place, cells, train, accuracy, device, cell, word, about, force, say, goal, fit
        ),
    )  # fmt: skip
    return replace(result, folder=place)


def explore_in(
    folder: Path,
    cells: MakeCells,
    train: Train,
    accuracy: float,
    device: Device | None,
    cell: str,
    word: int,
    about: Mapping[str, object] | None,
    force: bool,
    say: Callable[[str], None],
    goal: Goal | None,
    fit: Fit | None = None,
    error: str = "",
) -> ModelExploration:
    """`explore_model`; OtherOutput where the folder holds a complete search of other arguments, with force.

    error: what the log calls 1 - accuracy, and tells in its place.
    """
    real = is_number(accuracy)
    if not real or not math.isfinite(accuracy):
        raise DesignError(f"accuracy = {accuracy!r}: must be a finite number")
    if cell not in WITH_STATE:
        raise DesignError(f"cell = {cell!r}: must be {alternatives(map(repr, WITH_STATE))}")
    goal = goal or Goal("smallest")
    if device is not None:
        require_family(device, tuple(RULES), "exploring")
        fit = fit or fit_to(device, goal, word)
    log = ModelLog(folder, say, error)
    search = _Search(cells, train, float(accuracy), device, folder, cell, word, log, fit, goal)
    search.open(dict(about or {}), force)
    with only_user(folder):
        return search.run()


class _Search:
    """One search; `open` reads or makes the state of its folder, `run` goes through its steps.

    fit: hardware of layers; None: operations decide. The hardware of every size between the bounds is looked at.
    """

    def __init__(
        self,
        cells,
        train,
        accuracy,
        device,
        folder,
        cell,
        word,
        log: ModelLog,
        fit: Fit | None,
        goal: Goal,
    ) -> None:
        self.cells, self.train, self.accuracy, self.device = cells, train, accuracy, device
        self.folder, self.cell, self.word = folder, cell, word
        self.bounds = block_bounds(lambda k: cells(Choice(cell, k, k)), device, word)
        self.trials: list[ModelTrial] = []
        self.log = log
        self.state: Any = None
        self.fit, self.goal = fit, goal
        self.hardware: dict[int, HardwareFit] = {}
        if fit is not None:
            self.hardware = {k: fit(self.cells(Choice(self.cell, k, k))) for k in self.bounds.sizes}

    @property
    def measure(self) -> str:
        """By what is chosen."""
        if self.fit is None:
            return "the fewest operations; no device was given, so what its hardware takes is not known"
        return f"the smallest share of what {self.device_name} runs out of"

    @property
    def device_name(self) -> str:
        return self.device.name if self.device else "the device"

    def open(self, about: dict, force: bool) -> None:
        """Read or make the state of the folder."""
        identity = {
            "accuracy": self.accuracy,
            "device": self.device.name if self.device else None,
            "cell": self.cell,
            "word": self.word,
            "operations": {str(c.block): c.operations for c in self.bounds.costs},
            "limits": [self.goal.max_latency_us, self.goal.min_fps, self.goal.clock_mhz],
            "hardware": {str(k): h.as_dict()["percent"] for k, h in self.hardware.items()},
        } | about
        self.state = ModelState(self.folder, identity, force)

    def run(self) -> ModelExploration:
        self.log.begin(self.accuracy, self.device, self.word, self.bounds, self.hardware, self.goal)
        if not self.bounds.sizes:
            return self._end(
                f"with the largest blocks ({BLOCK_SIZES[-1]}) the weights do not fit the block RAM of "
                f"{self.device_name}: take a larger device, fewer cells or shorter words"
            )
        sizes = self._sizes()
        if not sizes:
            each = "; ".join(f"k = {k}: {h.text}" for k, h in self.hardware.items())
            return self._end(
                f"no hardware of any block size keeps the limits on {self.device_name} ({each}): take a larger device, "
                "fewer cells, shorter words or wider limits"
            )
        self.log.step("Sanity", f"train at the lower bound, k = {sizes[0]}.")
        first = self._trial(Choice(self.cell, sizes[0], sizes[0]), "sanity")
        if not first.met:
            return self._end(
                f"the accuracy is missed at the lower bound k = {sizes[0]}, and larger blocks do not raise it: "
                f"network and {self.device_name} do not go together; take another network, a larger device or a "
                "lower accuracy"
            )
        self._grow(sizes)
        self._fine_tune()
        return self._end("")

    def _sizes(self) -> list[int]:
        """The block sizes to search: each takes less of the device than all smaller ones."""
        sizes: list[int] = []
        for k in self.bounds.sizes:
            hardware = self.hardware.get(k)
            if hardware is None:  # operations decide
                sizes.append(k)
            elif not hardware.good:
                self.log.step("Hardware", f"k = {k} is left out: {hardware.text}.")
            elif sizes and hardware.share >= self.hardware[sizes[-1]].share:
                least = self.hardware[sizes[-1]]
                self.log.step(
                    "Hardware",
                    f"k = {k} is left out: it takes {hardware.share:.1f} % of {hardware.scarcest}, k = {sizes[-1]} only "
                    f"{least.share:.1f} % of {least.scarcest}.",
                )
            else:
                sizes.append(k)
        return sizes

    @property
    def best(self) -> ModelTrial:
        """The trial of the lowest cost that met the accuracy; the earliest of equal ones."""
        return min((t for t in self.trials if t.met), key=lambda t: t.cost)

    @property
    def left(self) -> int:
        return MOST_TRAININGS - len(self.trials)

    def _grow(self, sizes: list[int]) -> None:
        """Bisection; sizes[0] is good."""
        if len(sizes) == 1:
            self.log.step("Growth", f"none: k = {sizes[0]} is the only size between the bounds.")
            return
        good, bad = 0, len(sizes)
        while bad - good > 1:
            middle = (good + bad + 1) // 2
            untried = ", ".join(str(k) for k in sizes[good + 1 : bad])
            self.log.step(
                "Growth", f"k = {sizes[good]} keeps the accuracy, of {untried} try {sizes[middle]}."
            )
            k = sizes[middle]
            if self._trial(Choice(self.cell, k, k), "growth").met:
                good = middle
            else:
                bad = middle
        why = "the upper bound" if bad == len(sizes) else f"k = {sizes[bad]} misses the accuracy"
        self.log.step("Growth", f"ends at k = {sizes[good]}: {why}.")

    def _fine_tune(self) -> None:
        tried: set[str] = set()
        what_is_saved = "operations" if self.fit is None else "scarcest resource"
        while True:
            options = self._options(tried)
            if not options:
                return
            _, what, choice, saved = options[0]
            tried.add(what)
            if saved < WORTH:
                self.log.step(
                    "Fine-tuning",
                    f"{what}: not tried, {choice.text} {_saving(saved, what_is_saved)}.",
                )
            elif not self.left:
                self.log.step(
                    "Fine-tuning", f"{what}: not tried, {MOST_TRAININGS} trainings are done."
                )
            elif self.device and weight_bits(self.cells(choice), self.word) > device_bits(
                self.device
            ):
                self.log.step("Fine-tuning", f"{what}: not tried, its weights do not fit.")
            else:
                self.log.step(
                    "Fine-tuning",
                    f"{what}: {choice.text} saves {saved:.1%} of the {what_is_saved}; try it.",
                )
                self._trial(choice, "fine-tuning")

    def _options(self, tried: set[str]) -> list[tuple[tuple, str, Choice, float]]:
        """What was not tried, on the best so far: (cost, what, choice, share saved), most saving first."""
        best = self.best
        now = best.choice
        choices = {LARGER_INPUT: _larger_input(now)}
        if self.cell == "lstm":
            choices[GRU] = Choice("gru", now.block, now.input_block)
        found = []
        for what, choice in choices.items():
            if what not in tried and choice is not None:
                cells = self.cells(choice)
                operations = model_operations(cells)
                if self.fit is None:
                    cost, before = float(operations), float(best.operations)
                else:
                    cost, before = self.fit(cells).share, best.cost[0]
                found.append(((cost, operations), what, choice, 1 - cost / before))
        return sorted(found, key=lambda option: option[:2])

    def _trial(self, choice: Choice, why: str) -> ModelTrial:
        """Train a choice, or take its result from the state."""
        number = len(self.trials)
        known = self.state.trial(number, choice)
        if known is None:
            begun = time.perf_counter()
            accuracy, design = self.train(choice)
            _check_result(choice, accuracy, design)
            save_design(design, self._design_folder(choice), force=True)
            known = float(accuracy)
            self.state.add(choice, known, time.perf_counter() - begun)
        cells = self.cells(choice)
        met = known >= self.accuracy
        trial = ModelTrial(
            choice, why, known, met, model_operations(cells), weight_bits(cells, self.word),
            self.fit(cells) if self.fit else None,
        )  # fmt: skip
        self.trials.append(trial)
        self.log.trial(len(self.trials), trial, self.accuracy)
        return trial

    def _design_folder(self, choice: Choice) -> Path:
        return self.folder / "designs" / choice.name

    def _end(self, reason: str) -> ModelExploration:
        chosen = None if reason else self.best
        if chosen is not None:
            save_design(
                load_design(self._design_folder(chosen.choice)), self.folder / "design", True
            )
        self.log.end(self.trials, chosen, reason, self.bounds, self.measure)
        trials = tuple(self.trials)
        return ModelExploration(self.bounds, trials, chosen, reason, self.folder, self.measure)


def _larger_input(choice: Choice) -> Choice | None:
    """Twice the blocks for the matrices of x, where there are such."""
    size = 2 * choice.block
    return Choice(choice.cell, choice.block, size) if size in BLOCK_SIZES else None


def _saving(saved: float, what: str) -> str:
    """Why what saves less than WORTH is not tried."""
    if saved <= 0:
        return (
            f"saves none of the {what}" if saved == 0 else f"takes {-saved:.1%} more of the {what}"
        )
    return f"saves {saved:.1%} of the {what}, less than {WORTH:.0%}"


def _check_result(choice: Choice, accuracy: object, design: object) -> None:
    if not is_number(accuracy) or not math.isfinite(accuracy):
        raise DesignError(
            f"train({choice.text}): gave accuracy {accuracy!r}, must be a finite number"
        )
    if not isinstance(design, CoreSpecification):
        raise DesignError(
            f"train({choice.text}): gave {type(design).__name__}, must be a Design or Network"
        )
