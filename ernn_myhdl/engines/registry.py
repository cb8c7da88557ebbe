"""The engines by name; all agree on every bit of what they compute."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.numerics.formats import quantise
from ernn_myhdl.streams.initial_states import as_models_take_it, state_beats
from ernn_myhdl.streams.traffic import StateBeat, Turn, places, turn_user


def run_golden(job: Job) -> EngineResult:
    """The fxpmath reference, frame by frame."""
    from ernn_myhdl.golden.network import fixed_point_model

    model = fixed_point_model(job.design)
    output = f"{job.design.layer_prefixes[-1]}output"
    frames: list[dict[str, np.ndarray]] = []
    saturations: dict[str, int] = {}
    for sequence, state in zip(job.sequences, job.states, strict=True):
        model.reset(as_models_take_it(job.design, state))
        for x in sequence:
            made = model.step(x)
            frames.append(made if job.stages else {output: made[output]})
            if job.progress:
                job.progress(len(frames), 0)
        for name, count in model.saturations.items():
            saturations[name] = saturations.get(name, 0) + count
    stages = {n: np.array([f[n] for f in frames], dtype=np.int64) for n in frames[0]}
    raw = stages[output].reshape(len(frames), -1)[:, : job.design.outputs]
    return EngineResult(raw, stages if job.stages else {}, saturations=saturations)


def run_integer(job: Job) -> EngineResult:
    """The numpy model, vectorised over the sequences."""
    from ernn_myhdl.golden.network import integer_model

    initial = [as_models_take_it(job.design, state) for state in job.states]
    runs = integer_model(job.design).run(job.sequences, stages=job.stages, initial=initial)
    if job.progress:
        job.progress(job.frames, 0)
    stages = {n: np.concatenate([r.stages[n] for r in runs]) for n in runs[0].stages}
    saturations = {n: sum(r.saturations[n] for r in runs) for n in runs[0].saturations}
    return EngineResult(np.concatenate([r.raw for r in runs]), stages, saturations=saturations)


def run_myhdl(job: Job) -> EngineResult:
    """The core itself, cycle by cycle."""
    from ernn_myhdl.engines.myhdl.simulation import simulate
    from ernn_myhdl.engines.trace import CycleTrace, VcdTrace

    trace, notes = CycleTrace(job.design), []
    with ExitStack() as stack:
        watchers = [trace.watch]
        if job.vcd:
            vcd = stack.enter_context(VcdTrace(job.vcd, lanes=job.vcd_lanes))
            watchers.append(vcd.watch)
        record = simulate(
            job.design,
            _beats(job),
            job.frames,
            job.traffic,
            watch=_together(watchers) if job.stages or job.vcd else None,
            stages=job.stages,
            progress=job.progress,
            states=_state_beats(job),
        )
    if job.vcd and vcd.note:
        notes.append(f"{vcd.note}; they are in it with --vcd-lanes")
    if job.stages:
        record.trace = trace.arrays()
    return _result(job, record, notes)


def run_verilator(job: Job) -> EngineResult:
    """The converted core, compiled by Verilator."""
    from ernn_myhdl.engines.verilator.build import build
    from ernn_myhdl.engines.verilator.run import CompiledCore

    made = build(job.design, job.source, job.say)
    notes = [] if made.cached else [f"compiled in {made.seconds:.0f} s; later runs take the build"]
    with CompiledCore(job.design, made.library) as compiled:
        record = compiled.simulate(
            _beats(job), job.frames, job.traffic, job.stages, job.progress,
            states=_state_beats(job),
        )  # fmt: skip
    return _result(job, record, notes)


def _beats(job: Job) -> list:
    """Beats of all sequences of a job, in the order in which their frames are sent."""
    from ernn_myhdl.streams.traffic import turn_beats

    return turn_beats(raw_sequences(job), job.turns, job.design, job.loaded)


def _state_beats(job: Job) -> list[StateBeat]:
    """Beats of s_state for the sequences of a job."""
    return state_beats(job.design, job.states, job.turns)


def _result(job: Job, record, notes: list[str]) -> EngineResult:
    """What a simulation of the core recorded, as an engine's result."""
    from ernn_myhdl.engines.recorded_stages import assemble
    from ernn_myhdl.streams.traffic import beats_of_frame

    design, turns = job.design, job.turns
    if record.interrupted:
        frames = sum(beat.last for _, beat in record.delivered)
        # the last frame's stages may not all have been seen
        turns = turns[: max(frames - 1, 0) if job.stages else frames]
        if not turns:
            raise KeyboardInterrupt
        notes = [*notes, f"interrupted: {len(turns)} of {job.frames} frames"]
    frames = len(turns)
    raw, delivered = _frames_of(job, record, turns)
    per_frame = beats_of_frame(design.inputs, design.stream_shape.samples_per_beat)
    accepted = [cycle for cycle, _ in record.accepted[::per_frame]][:frames]
    # frames leave in the order of their turns; results are in the order of the sequences
    order = np.argsort(places(turns, job.lengths))
    result = EngineResult(raw[order], cycles=record.cycles, notes=notes)
    result.elaboration_seconds = record.elaboration_seconds
    result.frame_cycles = np.array([accepted, delivered], dtype=np.int64).T[order]
    if record.interrupted:
        result.done = np.bincount([t.sequence for t in turns], minlength=len(job.lengths)).tolist()
    if job.stages:
        stages, stage_cycles = assemble(design, record.stages, frames)
        result.stages = {name: values[order] for name, values in stages.items()}
        result.stage_cycles = {name: cycles[order] for name, cycles in stage_cycles.items()}
        result.trace = record.trace
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


def _frames_of(job: Job, record, turns: list[Turn]) -> tuple[np.ndarray, list[int]]:
    """Raw outputs of the delivered beats and the cycle of each frame's last beat, turn by turn."""
    from ernn_myhdl.streams.traffic import beats_of_frame, unpack_beat

    design = job.design
    size = beats_of_frame(design.outputs, design.stream_shape.samples_per_beat)
    beats = record.delivered[: len(turns) * size]
    for i, (cycle, beat) in enumerate(beats):
        turn = turns[i // size]
        user = turn_user(turn, job.loaded) if i % size == 0 else 0
        expected = (i % size == size - 1, user, turn.stream)
        if (beat.last, beat.user, beat.stream) != expected:
            raise ToolError(
                f"simulation: beat {i} on m_axis at cycle {cycle} has tlast, tuser, tid = "
                f"{beat.last}, {beat.user}, {beat.stream}, expected {expected[0]}, {expected[1]}, "
                f"{expected[2]}; this is a defect of the core, please report the design"
            )
    if record.error:
        raise ToolError("simulation: frame_error is high; this is a defect of the core")
    samples = [unpack_beat(beat.data, design) for _, beat in beats]
    raw = np.array(samples, dtype=np.int64).reshape(len(turns), -1)[:, : design.outputs]
    return np.ascontiguousarray(raw), [cycle for cycle, _ in beats[size - 1 :: size]]


def run_ghdl_engine(job: Job) -> EngineResult:
    """The converted VHDL in GHDL."""
    from ernn_myhdl.engines.ghdl import run_ghdl

    raw, accepted, delivered = run_ghdl(
        job.design, raw_sequences(job), job.traffic, states=job.states
    )
    if job.progress:
        job.progress(job.frames, 0)
    cycles = np.array([accepted, delivered], dtype=np.int64).T
    total = int(cycles[-1, 1]) + 1
    order = np.argsort(places(job.turns, job.lengths))
    return EngineResult(raw[order], frame_cycles=cycles[order], cycles=total)


def raw_sequences(job: Job) -> list[np.ndarray]:
    """The sequences in the `input` format."""
    sequences = scaled(job.design.host_scaling, job.sequences)
    return [quantise(s, job.design.input_format) for s in sequences]


ENGINES = {
    "golden": run_golden,
    "integer": run_integer,
    "myhdl": run_myhdl,
    "verilator": run_verilator,
    "ghdl": run_ghdl_engine,
}
#: Engines that know cycles; `myhdl` and `verilator` see inside.
CYCLE_ENGINES = ("myhdl", "verilator", "ghdl")
#: The fastest engine there that knows cycles and sees inside.
AUTO = "auto"
#: All that may be asked for.
ENGINE_NAMES = (*ENGINES, AUTO)


def choose_engine(name: str, vcd: bool = False) -> tuple[str, list[str]]:
    """The engine of this name, with notes on the choice; DesignError unless there is one."""
    from ernn_myhdl.engines.verilator.build import missing_tool

    if name not in ENGINE_NAMES:
        raise DesignError(f"engine {name!r}: must be one of {', '.join(ENGINE_NAMES)}")
    if name != AUTO:
        return name, []
    if vcd:
        return "myhdl", ["engine auto: myhdl, since only that makes a waveform"]
    if missing := missing_tool():
        return "myhdl", [f"engine auto: myhdl, since {missing}"]
    return "verilator", ["engine auto: verilator"]
