"""Saturations of runs whose engine counts none."""

from __future__ import annotations

from ernn_myhdl.calibration.saturation import saturation_notes
from ernn_myhdl.corpus.inputs import first_frames
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.runs.run import Run
from ernn_myhdl.streams.initial_states import as_models_take_it


def model_saturations(run: Run, frames: int) -> list[str]:
    """Notes on saturations of a run whose engine counts none: those of the integer model, which agrees with it
    to the bit, in the first `frames` frames."""
    x = first_frames(run.input_sequences, frames)
    if run.design.graph and run.design.graph.over_time:  # which takes whole sequences
        x = run.input_sequences[: len(x)]
    states = [as_models_take_it(run.design, s) for s in (run.initial or [None] * len(x))[: len(x)]]
    runs = integer_model(run.design).run(x, initial=states)
    counts = {name: sum(one.saturations[name] for one in runs) for name in runs[0].saturations}
    return saturation_notes(run.design, counts, sum(one.frames for one in runs))
