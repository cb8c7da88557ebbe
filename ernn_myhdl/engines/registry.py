"""The engines by name; all agree on every bit of what they compute."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from ernn_myhdl.design import Design
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.formats import quantise


def run_golden(job: Job) -> EngineResult:
    """The fxpmath reference, frame by frame."""
    from golden.fixed_point import FixedPointModel

    model = FixedPointModel(job.design)
    frames: list[dict[str, np.ndarray]] = []
    saturations: dict[str, int] = {}
    for sequence in job.sequences:
        model.reset()
        for x in sequence:
            made = model.step(x)
            frames.append(made if job.stages else {"output": made["output"]})
            if job.progress:
                job.progress(len(frames), 0)
        for name, count in model.saturations.items():
            saturations[name] = saturations.get(name, 0) + count
    stages = {n: np.array([f[n] for f in frames], dtype=np.int64) for n in frames[0]}
    raw = stages["output"].reshape(len(frames), -1)[:, : job.design.cell.outputs]
    return EngineResult(raw, stages if job.stages else {}, saturations=saturations)


def run_integer(job: Job) -> EngineResult:
    """The numpy model, vectorised over the sequences."""
    from golden.integer import IntegerModel

    runs = IntegerModel(job.design).run(job.sequences, stages=job.stages)
    if job.progress:
        job.progress(job.frames, 0)
    stages = {n: np.concatenate([r.stages[n] for r in runs]) for n in runs[0].stages}
    saturations = {n: sum(r.saturations[n] for r in runs) for n in runs[0].saturations}
    return EngineResult(np.concatenate([r.raw for r in runs]), stages, saturations=saturations)


def run_myhdl(job: Job) -> EngineResult:
    """The core itself, cycle by cycle."""
    from ernn_myhdl.engines.recorded_stages import assemble
    from ernn_myhdl.engines.simulation import simulate
    from ernn_myhdl.engines.stimulus import beats_of_frame, frame_beats
    from ernn_myhdl.trace import CycleTrace, VcdTrace

    design, frames = job.design, job.frames
    beats = []
    for raw in raw_sequences(job):
        for t, frame in enumerate(raw):
            beats += frame_beats(frame, design, user=t == 0)
    trace = CycleTrace(design)
    with ExitStack() as stack:
        watchers = [trace.watch]
        if job.vcd:
            vcd = stack.enter_context(VcdTrace(job.vcd, lanes=job.vcd_lanes))
            watchers.append(vcd.watch)
        record = simulate(
            design,
            beats,
            frames,
            job.traffic,
            watch=_together(watchers) if job.stages or job.vcd else None,
            stages=job.stages,
            progress=job.progress,
        )
    raw, delivered = _frames_of(design, record, frames, [len(s) for s in job.sequences])
    per_frame = beats_of_frame(design.cell.inputs, design.hardware.samples_per_beat)
    accepted = [cycle for cycle, _ in record.accepted[::per_frame]][:frames]
    result = EngineResult(raw, cycles=record.cycles, elaboration_seconds=record.elaboration_seconds)
    result.frame_cycles = np.array([accepted, delivered], dtype=np.int64).T
    if job.vcd and vcd.note:
        result.notes.append(f"{vcd.note}; they are in it with --vcd-lanes")
    if job.stages:
        result.stages, result.stage_cycles = assemble(design, record.stages, frames)
        result.trace = trace.arrays()
    return result


def _together(watchers: list):
    """One `watch` hook that calls all of `watchers`."""

    def watch(model):
        samples = [w(model) for w in watchers]

        def sample(cycle: int) -> None:
            for one in samples:
                one(cycle)

        return sample

    return watch


def _frames_of(
    design: Design, record, frames: int, lengths: list[int]
) -> tuple[np.ndarray, list[int]]:
    """Raw outputs of the delivered beats and the cycle of each frame's last beat."""
    from ernn_myhdl.engines.stimulus import beats_of_frame, unpack_beat

    size = beats_of_frame(design.cell.outputs, design.hardware.samples_per_beat)
    beats = record.delivered[: frames * size]
    starts = set(np.cumsum([0, *lengths]).tolist())
    for i, (cycle, beat) in enumerate(beats):
        expected = (i % size == size - 1, i % size == 0 and i // size in starts)
        if (beat.last, beat.user) != expected:
            raise ToolError(
                f"simulation: beat {i} on m_axis at cycle {cycle} has tlast, tuser = "
                f"{beat.last}, {beat.user}, expected {expected[0]}, {expected[1]}; this is a "
                "defect of the core, please report the design"
            )
    if record.error:
        raise ToolError("simulation: frame_error is high; this is a defect of the core")
    samples = [unpack_beat(beat.data, design) for _, beat in beats]
    raw = np.array(samples, dtype=np.int64).reshape(frames, -1)[:, : design.cell.outputs]
    return np.ascontiguousarray(raw), [cycle for cycle, _ in beats[size - 1 :: size]]


def run_ghdl_engine(job: Job) -> EngineResult:
    """The converted VHDL in GHDL."""
    from ernn_myhdl.convert.ghdl import run_ghdl

    raw, accepted, delivered = run_ghdl(job.design, raw_sequences(job), job.traffic)
    if job.progress:
        job.progress(job.frames, 0)
    cycles = np.array([accepted, delivered], dtype=np.int64).T
    return EngineResult(
        np.asarray(raw, dtype=np.int64), frame_cycles=cycles, cycles=int(cycles[-1, 1]) + 1
    )


def raw_sequences(job: Job) -> list[np.ndarray]:
    """The sequences in the `input` format."""
    return [quantise(s, job.design.formats.input) for s in job.sequences]


ENGINES = {
    "golden": run_golden,
    "integer": run_integer,
    "myhdl": run_myhdl,
    "ghdl": run_ghdl_engine,
}
#: Engines that know cycles; only `myhdl` sees inside.
CYCLE_ENGINES = ("myhdl", "ghdl")


def check_engine(name: str) -> None:
    """DesignError unless there is an engine of this name."""
    if name not in ENGINES:
        raise DesignError(f"engine {name!r}: must be one of {', '.join(ENGINES)}")
