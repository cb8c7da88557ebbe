"""The states of a core behind the last frames of a run's sequences, in raw words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.streams.initial_states import CoreState, as_models_take_it

#: Frames of which the integer model keeps the named tensors at a time.
FRAMES_AT_A_TIME = 256


def check_no_windows(design: CoreSpecification) -> None:
    """DesignError where windows hold frames of a sequence, which no state brings back."""
    if design.graph is not None and design.graph.windows:
        raise DesignError(
            "state: the frames that the windows of the design hold are no part of a state, from which a sequence could go on; keep "
            "the session open, or run whole sequences"
        )


def of_stages(
    design: CoreSpecification, stages: Mapping[str, np.ndarray], lengths: Sequence[int]
) -> list[CoreState | None] | None:
    """The states behind sequences of these lengths, one after the other, from the named tensors of all their frames;
    None where these hold not all states."""
    states: list[CoreState | None] = []
    lasts = [
        np.cumsum([design.frames_of(prefix, n) for n in lengths]) - 1
        for prefix in (design.layer_prefixes if design.graph else [""] * len(design.layers))
    ]
    for number in range(len(lengths)):
        core: list[dict[str, np.ndarray] | None] = []
        for layer, prefix, ends in zip(design.layers, design.layer_prefixes, lasts, strict=True):
            last, sizes = ends[number], layer.cell.state_sizes
            if any(prefix + name not in stages for name in sizes):
                return None
            own = {
                name: stages[prefix + name][last].reshape(-1)[:size].astype(np.int64)
                for name, size in sizes.items()
            }
            core.append(own or None)
        states.append(tuple(core))
    return states


def of_model(
    design: CoreSpecification, x: Sequence[np.ndarray], initial: Sequence[CoreState | None]
) -> list[CoreState | None]:
    """The states behind sequences, by the integer model, which agrees with every engine to the bit."""
    model = integer_model(design)
    found: list[CoreState | None] = []
    for sequence, before in zip(x, initial, strict=True):
        state: CoreState | None = before
        whole = bool(
            design.graph and design.graph.over_time
        )  # joins over time take whole sequences
        step = len(sequence) if whole else FRAMES_AT_A_TIME
        for start in range(0, len(sequence), step):
            part = sequence[start : start + step]
            run = model.run(part, stages=True, initial=as_models_take_it(design, state))
            states = of_stages(design, run.stages, [len(part)])
            assert states is not None  # the model gives every tensor
            (state,) = states
        found.append(state)
    return found
