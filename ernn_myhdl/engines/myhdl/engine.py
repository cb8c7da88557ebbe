"""MyHDL as an engine: a job through a simulation of the core, with its waveforms."""

from __future__ import annotations

from contextlib import ExitStack

from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.engines.recorded_run import beats_of, result_of, state_beats_of
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.engines.trace import CycleTrace, VcdTrace


def run_myhdl(job: Job) -> EngineResult:
    """The core itself, cycle by cycle."""
    trace, notes = CycleTrace(job.design), []
    with ExitStack() as stack:
        watchers = [trace.watch]
        if job.vcd:
            vcd = stack.enter_context(VcdTrace(job.vcd, lanes=job.vcd_lanes))
            watchers.append(vcd.watch)
        record = simulate(
            job.design,
            beats_of(job),
            len(job.output_turns),
            job.traffic,
            watch=_together(watchers) if job.stages or job.vcd else None,
            stages=job.stages,
            progress=job.progress,
            states=state_beats_of(job),
        )
    if job.vcd and vcd.note:
        notes.append(f"{vcd.note}; they are in it with --vcd-lanes")
    if job.stages:
        record.trace = trace.arrays()
    return result_of(job, record, notes)


def _together(watchers: list):
    """One `watch` hook that calls all of `watchers`."""

    def watch(model):
        samples = [w(model) for w in watchers]

        def sample(cycle: int) -> None:
            for one in samples:
                one(cycle)

        return sample

    return watch
