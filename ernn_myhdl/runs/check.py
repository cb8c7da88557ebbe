"""Comparison of a run with the golden model, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines.registry import DEFAULT, REFERENCES
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.tensors import stages_of
from ernn_myhdl.runs.run import Run, run_design
from ernn_myhdl.streams.initial_states import as_models_take_it


@dataclass(frozen=True)
class Mismatch:
    """The first element that differs: the first frame and there the first stage.

    Parameters
    ----------
    frame : int
        Counted over all sequences.
    cycle : int or None
        At which the element appeared, None where the engine knows no cycles.
    stage : str
        Name of the tensor.
    element : tuple of int
        Index into the stage's tensor.
    got, expected : int
        Raw words.
    gate : str
        What the first axis of a tensor with three counts, by name.
    """

    frame: int
    cycle: int | None
    stage: str
    element: tuple[int, ...]
    got: int
    expected: int
    gate: str = ""

    def __str__(self) -> str:
        where = f"element {list(self.element)}"
        if len(self.element) == 3:
            _, block, word = self.element
            where += f" (gate {self.gate}, block {block}, word {word})"
        elif len(self.element) == 2:
            where += f" (block {self.element[0]}, word {self.element[1]})"
        cycle = "no cycle" if self.cycle is None else f"cycle {self.cycle}"
        return (
            f"frame {self.frame}, {cycle}, stage {self.stage}, {where}: got {self.got}, "
            f"expected {self.expected}"
        )


def check_run(
    run: Run,
    design: CoreSpecification | None = None,
    reference: str = DEFAULT,
    progress: Callable[[int, int], None] | None = None,
) -> Mismatch | None:
    """The first difference between a run and the reference model on the same input.

    Parameters
    ----------
    run : Run
    design : Design or Network, optional
        Whose model is the reference; None: that of the run.
    reference : str
        "golden" or "integer".
    progress : callable, optional
        Called with (frames done, cycle).

    Returns
    -------
    Mismatch or None
        None: every bit is equal.

    Raises
    ------
    DesignError
        Where the design does not fit the run, or there is no such reference.
    """
    if reference not in REFERENCES:
        raise DesignError(f"reference {reference!r}: must be one of {', '.join(REFERENCES)}")
    design = design or run.design
    initial = [as_models_take_it(design, state) for state in run.initial]
    expected = run_design(
        design, run.input_sequences, reference, stages=bool(run.stages), progress=progress,
        # None of all would be the design's own
        initial=initial if initial and design.stream_shape.initial_states else None,
    )  # fmt: skip
    return first_mismatch(run, expected)


def first_mismatch(run: Run, expected: Run) -> Mismatch | None:
    """The first difference between two runs, or None."""
    pairs = [
        (name, run.stages[name], expected.stages[name])
        for name in stages_of(run.design)
        if name in run.stages and name in expected.stages
    ]
    pairs.append(("outputs", run.raw, expected.raw))
    differing = []
    for order, (name, got, wanted) in enumerate(pairs):
        if got.shape != wanted.shape:
            raise DesignError(f"stage {name}: shapes {got.shape} and {wanted.shape} cannot agree")
        frames = np.flatnonzero((got != wanted).reshape(len(got), -1).any(axis=1))
        if len(frames):
            differing.append((int(frames[0]), order))
    if not differing:
        return None
    frame, order = min(differing)
    name, got, wanted = pairs[order]
    element = tuple(np.argwhere(got[frame] != wanted[frame])[0].tolist())
    cycle = None
    if name in run.stage_cycles:
        block = (frame, *element[:-1])
        cycle = int(run.stage_cycles[name][block])
    elif run.frame_cycles is not None and name == "outputs":
        cycle = int(run.frame_cycles[frame, 1])
    place = (frame, *element)
    values = int(got[place]), int(wanted[place])
    gate = ""
    if len(element) == 3:
        gate = stages_of(run.design)[name].rows[element[0]]
    return Mismatch(frame, cycle, name, element, *values, gate)


def count_mismatches(run: Run, expected: Run) -> int:
    """Bits of the raw outputs that differ."""
    bits = run.design.output_format.word
    different = (run.raw ^ expected.raw) & ((1 << bits) - 1)
    return int(sum(int(v).bit_count() for v in different.reshape(-1)))
