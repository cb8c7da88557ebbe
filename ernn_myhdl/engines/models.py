"""The two models as engines: golden (fxpmath) and integer (NumPy)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.golden.fixed_point_steps import FixedPointSteps
from ernn_myhdl.golden.integer_steps import IntegerSteps
from ernn_myhdl.golden.network_models import FixedPointNetwork, fixed_point_model, integer_model
from ernn_myhdl.golden.result import ModelRun
from ernn_myhdl.streams.initial_states import as_models_take_it


def run_golden(job: Job) -> EngineResult:
    """The fxpmath reference, frame by frame."""
    model = fixed_point_model(job.design)
    if isinstance(model, FixedPointNetwork) and job.design.graph and job.design.graph.over_time:
        return _run_sequences(job, model)
    output = job.design.output_stage
    made: dict[str, list[np.ndarray]] = {}
    done = 0
    saturations: dict[str, int] = {}
    for sequence, state in zip(job.sequences, job.states, strict=True):
        model.reset(as_models_take_it(job.design, state))
        for x in sequence:
            for name, words in model.step(x).items():
                if job.stages or name == output:
                    made.setdefault(name, []).append(words)
            done += 1
            if job.progress:
                job.progress(done, 0)
        for name, count in model.saturations.items():
            saturations[name] = saturations.get(name, 0) + count
    stages = {n: np.array(frames, dtype=np.int64) for n, frames in made.items()}
    raw = stages[output].reshape(len(stages[output]), -1)[:, : job.design.outputs]
    return EngineResult(raw, stages if job.stages else {}, saturations=saturations)


def _run_sequences(job: Job, model: FixedPointNetwork) -> EngineResult:
    """As `run_golden`, a sequence at a time: joins over time take whole ones."""
    runs, done = [], 0
    for sequence, state in zip(job.sequences, job.states, strict=True):
        runs.append(model.run(sequence, as_models_take_it(job.design, state)))
        done += len(sequence)
        if job.progress:
            job.progress(done, 0)
    return _result(job, runs)


def run_integer(job: Job) -> EngineResult:
    """The numpy model, vectorised over the sequences."""
    initial = [as_models_take_it(job.design, state) for state in job.states]
    runs = integer_model(job.design).run(job.sequences, stages=job.stages, initial=initial)
    if job.progress:
        job.progress(job.frames, 0)
    return _result(job, runs)


def _result(job: Job, runs: Sequence[ModelRun]) -> EngineResult:
    """The runs of the sequences as one result."""
    kept = runs[0].stages if job.stages else {}
    stages = {n: np.concatenate([r.stages[n] for r in runs]) for n in kept}
    saturations = {n: sum(r.saturations[n] for r in runs) for n in runs[0].saturations}
    return EngineResult(np.concatenate([r.raw for r in runs]), stages, saturations=saturations)


def golden_steps(
    core: CoreSpecification, streams: int, say: Callable[[str], None] | None
) -> FixedPointSteps:
    """The fxpmath reference one frame at a time."""
    return FixedPointSteps(core, streams)


def integer_steps(
    core: CoreSpecification, streams: int, say: Callable[[str], None] | None
) -> IntegerSteps:
    """The numpy model one frame at a time."""
    return IntegerSteps(core, streams)
