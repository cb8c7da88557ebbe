"""Verilator as an engine: a job through the compiled core."""

from __future__ import annotations

import time

from ernn_myhdl.engines.recorded_run import beats_of, result_of, state_beats_of
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.engines.verilator.build import build
from ernn_myhdl.engines.verilator.compiled_hdl import compiled_core
from ernn_myhdl.engines.verilator.run import CompiledCore


def run_verilator(job: Job) -> EngineResult:
    """The converted core, compiled by Verilator."""
    start = time.perf_counter()
    view = compiled_core(job.design)
    made = build(job.design, job.source, job.say, view)
    notes = [] if made.cached else [f"compiled in {made.seconds:.0f} s; later runs take the build"]
    with CompiledCore(job.design, made.library, view) as compiled:
        preparation = time.perf_counter() - start
        record = compiled.simulate(
            beats_of(job), len(job.output_turns), job.traffic, job.stages, job.progress,
            states=state_beats_of(job),
        )  # fmt: skip
    record.preparation_seconds = preparation
    return result_of(job, record, notes)
