"""Outputs of the models for every sequence of a data set, some sequences at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.golden.initial_state import State
from ernn_myhdl.golden.network_models import float_model, integer_model

#: Sequences that run side by side.
BATCH = 64
Progress = Callable[[int, int], None]


def in_batches(
    data: DataSet, run, progress: Progress | None, done: int, one_stream: bool = False
) -> list:
    """`run` on the sequences, some at a time. done: frames that progress begins with. one_stream: on all of them as one."""
    results = []
    if one_stream:
        (whole,) = run([np.concatenate(data.sequences)])
        if progress:
            progress(done + data.frames, 0)
        return [whole]
    for start in range(0, len(data.sequences), BATCH):
        batch = data.sequences[start : start + BATCH]
        results += run(batch)
        done += sum(len(s) for s in batch)
        if progress:
            progress(done, 0)
    return results


def divided(outputs: list[np.ndarray], data: DataSet, one_stream: bool) -> list[np.ndarray]:
    """Outputs of every sequence, of those of one stream."""
    if not one_stream:
        return outputs
    return np.split(outputs[0], np.cumsum([len(s) for s in data.sequences])[:-1])


def float_outputs(
    core: CoreSpecification,
    data: DataSet,
    progress: Progress | None = None,
    initial: Sequence[State | None] | None = None,
    one_stream: bool = False,
) -> list[np.ndarray]:
    """Outputs (frames, outputs) of every sequence by the float reference, behind the host steps (but argmax, which
    the scores are made with themselves). initial, one_stream: as in `evaluate`."""
    model = float_model(core)

    def run(x: list) -> list:
        return model.run(x, initial=_each(core, initial, x))

    made = in_batches(data, run, progress, 0, one_stream)
    return behind_host(core, divided(made, data, one_stream), data)


def behind_host(
    core: CoreSpecification, outputs: list[np.ndarray], data: DataSet
) -> list[np.ndarray]:
    return [
        stepped(core.host_steps, y, argmax=False, frames=np.full(len(y), len(x)))
        for y, x in zip(outputs, data.sequences, strict=True)
    ]


def fixed_runs(
    core: CoreSpecification,
    data: DataSet,
    progress: Progress | None = None,
    done: int = 0,
    initial: Sequence[State | None] | None = None,
    one_stream: bool = False,
) -> list:
    """The run of every sequence by the integer model; with one_stream the one of all of them. done: frames that progress begins
    with."""
    model = integer_model(core)

    def run(x: list) -> list:
        return model.run(x, initial=_each(core, initial, x))

    return in_batches(data, run, progress, done, one_stream)


def _each(core, initial: Sequence[State | None] | None, x: list) -> list | None:
    """The state of a core for each of the sequences x, as its models take it."""
    if initial is None:
        return None
    return [initial[0] if isinstance(core, Design) else list(initial)] * len(x)
