"""The log of a search for a model, as Markdown that is complete after every line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ernn_myhdl.explore.block_bounds import GAIN, Bounds, device_bits
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.model_hardware import HardwareFit
from ernn_myhdl.explore.model_trial import ModelTrial
from ernn_myhdl.files.output_folder import new_file
from ernn_myhdl.synthesis.devices import Device

LOG_NAME = "log.md"


class ModelLog:
    """Lines that were decided so far. say: gets each of them. error: what 1 - accuracy is called, where that is told in the place of an
    accuracy, which it may be above 1; empty: the accuracy is."""

    def __init__(self, folder: Path, say: Callable[[str], None], error: str = "") -> None:
        self._file, self._say, self._error = folder / LOG_NAME, say, error
        self._lines: list[str] = []

    def begin(
        self,
        accuracy: float,
        device: Device | None,
        word: int,
        bounds: Bounds,
        hardware: Mapping[int, HardwareFit],
        goal: Goal,
    ) -> None:
        """hardware: the smallest one of the block sizes that are searched, within the limits of the goal."""
        where = "no device"
        if device is not None:
            where = f"{device.name} with {device_bits(device):,} bits of block RAM"
        self._lines = [
            "# Search for a model",
            "",
            f"{self._score[0].upper()}{self._score[1:]} at {'most' if self._error else 'least'} {self._told(accuracy)}; {where}; weights of {word} bits.{_limits(goal)}",
            "",
            "## Bounds of the block size",
            "",
            *table(
                ("k", "weight bits", "of the device", "operations of a frame", "saving", "smallest hardware"),
                [
                    (c.block, f"{c.weight_bits:,}",
                     f"{c.weight_bits / device_bits(device):.1%}" if device else "",
                     f"{c.operations:,}", f"{c.saving:.2f}",
                     hardware[c.block].text if c.block in hardware else "")
                    for c in bounds.costs
                ],
            ),
            "",
        ]  # fmt: skip
        lower = "none: no size fits" if bounds.lower is None else f"k = {bounds.lower}"
        self._add(f"- Lower bound, the smallest k whose weights fit: {lower}.")
        self._add(
            f"- Upper bound, the last k that saves at least {GAIN:g} times as much as k / 2: k = {bounds.upper}."
        )
        if bounds.lower is not None and bounds.lower > bounds.upper:
            self._add("- The lower bound is above the upper: it alone is tried.")
        self._lines += ["", "## Decisions", ""]

    def step(self, name: str, decision: str) -> None:
        """A decision."""
        self._add(f"- {name}: {decision}")

    def trial(self, number: int, trial: ModelTrial, accuracy: float) -> None:
        """A training that is done."""
        verb = "keeps" if trial.met else "misses"
        self._add(
            f"- Training {number}: {trial.choice.text}: {self._score} {self._told(trial.accuracy)} {verb} {self._told(accuracy)}."
        )

    def end(
        self,
        trials: Sequence[ModelTrial],
        chosen: ModelTrial | None,
        reason: str,
        bounds: Bounds,
        measure: str,
    ) -> None:
        """measure: by what is chosen."""
        if chosen is None:
            self._add(f"- Infeasible: {reason}.")
        else:
            self._add(
                f"- Chosen: {chosen.choice.text}, of the trainings that keep the accuracy the one with {measure}"
                f"{_shares(chosen)}."
            )
            for other in trials:
                if other.met and other.hardware and other.operations < chosen.operations:
                    self._add(
                        f"- Not chosen: {other.choice.text}, with fewer operations ({other.operations:,} against "
                        f"{chosen.operations:,}){_shares(other)}."
                    )
        dense = bounds.costs[0].operations * bounds.costs[0].saving
        rows = [
            (i, t.choice.text, t.why, self._told(t.accuracy), "yes" if t.met else "no",
             f"{t.operations:,}", f"{dense / t.operations:.2f}", f"{t.weight_bits:,}",
             t.hardware.text if t.hardware else "", "chosen" if t is chosen else "")
            for i, t in enumerate(trials, 1)
        ]  # fmt: skip
        header = (
            "training", "model", "step", self._score, "kept", "operations", "saving", "weight bits",
            "smallest hardware", "",
        )  # fmt: skip
        if rows:
            self._lines += ["", "## Trainings", "", *table(header, rows)]
        self._write()

    @property
    def _score(self) -> str:
        return self._error or "accuracy"

    def _told(self, accuracy: float) -> str:
        return f"{1 - accuracy if self._error else accuracy:.2%}"

    def _add(self, line: str) -> None:
        self._lines.append(line)
        self._write()
        self._say(line.removeprefix("- "))

    def _write(self) -> None:
        with new_file(self._file) as partial:
            partial.write_text("\n".join(self._lines) + "\n", encoding="utf-8")


def _shares(trial: ModelTrial) -> str:
    """What the hardware of a training takes."""
    hardware = trial.hardware
    if hardware is None:
        return ""
    scarcest = f": {hardware.scarcest}" if hardware.good else ""
    return f"{scarcest} ({hardware.text})"


def _limits(goal: Goal) -> str:
    limits = []
    if goal.max_latency_us is not None:
        limits.append(f"a latency of at most {goal.max_latency_us:g} us")
    if goal.min_fps is not None:
        limits.append(f"at least {goal.min_fps:,.0f} frames/s")
    return f" Hardware with {' and '.join(limits)} at {goal.clock_mhz:g} MHz." if limits else ""


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
