"""Between a job and a simulation of the core: the beats that go in, and the result of those that came out."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.engines.recorded_stages import assemble
from ernn_myhdl.engines.result import EngineResult, Job
from ernn_myhdl.engines.simulation_record import SimulationRecord
from ernn_myhdl.errors import ToolError
from ernn_myhdl.hdl.stream_port import SINK
from ernn_myhdl.streams.frame_counts import frame_starts
from ernn_myhdl.streams.initial_states import state_beats
from ernn_myhdl.streams.traffic import (
    Beat,
    StateBeat,
    Turn,
    beats_of_frame,
    end_of_sequence,
    places,
    turn_beats,
    turn_user,
    unpack_beat,
)


def beats_of(job: Job) -> list[Beat]:
    """Beats of all sequences of a job, in the order in which their frames are sent."""
    return turn_beats(job.raw_sequences, job.turns, job.design, job.loaded)


def state_beats_of(job: Job) -> list[StateBeat]:
    """Beats of s_state for the sequences of a job."""
    return state_beats(job.design, job.states, job.turns)


def result_of(job: Job, record: SimulationRecord, notes: list[str]) -> EngineResult:
    """What a simulation of the core recorded, as an engine's result."""
    design, turns = job.design, job.output_turns
    other_frames = design.graph is not None and not design.graph.frames_of_x
    if record.interrupted:
        frames = sum(beat.last for _, beat in record.delivered)
        # the last frame's stages may not all have been seen
        turns = turns[: max(frames - 1, 0) if job.stages else frames]
        if not turns or other_frames:  # y of frames that were not all sent is nothing to go on with
            raise KeyboardInterrupt
        notes = [*notes, f"interrupted: {len(turns)} of {job.frames} frames"]
    raw, delivered = _frames_of(job, record, turns)
    per_frame = beats_of_frame(design.inputs, design.stream_shape.samples_per_beat)
    starts = [cycle for cycle, _ in record.accepted[::per_frame]]
    accepted = frame_starts(design, job.turns, job.lengths, starts, turns)
    # frames leave in the order of their turns; results are in the order of the sequences
    order = np.argsort(places(turns, job.output_lengths))
    result = EngineResult(raw[order], cycles=record.cycles, notes=notes)
    result.preparation_seconds = record.preparation_seconds
    result.frame_cycles = np.array([accepted, delivered], dtype=np.int64).T[order]
    if record.interrupted:
        result.done = np.bincount([t.sequence for t in turns], minlength=len(job.lengths)).tolist()
    if job.stages:
        # in a core whose signals all have the frames of x, all stages have the frames that are done
        stage_turns = (
            (lambda signal: job.turns_of(signal)) if other_frames else (lambda signal: turns)
        )
        stages, stage_cycles = assemble(design, record.stages, lambda s: len(stage_turns(s)))
        for name, values in stages.items():
            own = stage_turns(name)
            order = np.argsort(places(own, [design.frames_of(name, n) for n in job.lengths]))
            result.stages[name] = values[order]
            result.stage_cycles[name] = stage_cycles[name][order]
        result.trace = record.trace
    return result


def _frames_of(
    job: Job, record: SimulationRecord, turns: list[Turn]
) -> tuple[np.ndarray, list[int]]:
    """Raw outputs of the delivered beats and the cycle of each frame's last beat, turn by turn."""
    design, lengths = job.design, job.output_lengths
    size = beats_of_frame(design.outputs, design.stream_shape.samples_per_beat)
    end = end_of_sequence(design.stream_shape)
    beats = record.delivered[: len(turns) * size]
    for i, (cycle, beat) in enumerate(beats):
        turn = turns[i // size]
        last = end if turn.frame == lengths[turn.sequence] - 1 else 0
        user = turn_user(turn, job.loaded, last) if i % size == 0 else 0
        expected = (i % size == size - 1, user, turn.stream)
        if (beat.last, beat.user, beat.stream) != expected:
            raise ToolError(
                f"simulation: beat {i} on {SINK} at cycle {cycle} has tlast, tuser, tid = "
                f"{beat.last}, {beat.user}, {beat.stream}, expected {expected[0]}, {expected[1]}, "
                f"{expected[2]}; this is a defect of the core, please report the design"
            )
    if record.error:
        raise ToolError("simulation: frame_error is high; this is a defect of the core")
    samples = [unpack_beat(beat.data, design) for _, beat in beats]
    raw = np.array(samples, dtype=np.int64).reshape(len(turns), -1)[:, : design.outputs]
    return np.ascontiguousarray(raw), [cycle for cycle, _ in beats[size - 1 :: size]]
