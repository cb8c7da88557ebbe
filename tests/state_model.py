"""Initial states for tests, and what the core must make of any beats on s_state."""

from __future__ import annotations

import numpy as np

from ernn_myhdl.design.design import CoreSpecification, Design
from ernn_myhdl.streams.traffic import StateBeat, unpack_beat


def random_states(design: CoreSpecification, count: int, seed: int, share: float = 0.7) -> list:
    """Raw states, uniform over their formats, before `count` sequences; None for about 1 - share."""
    rng = np.random.default_rng(seed)

    def one(layer: Design) -> dict[str, np.ndarray] | None:
        state = {}
        for name, size in layer.cell.state_sizes.items():
            fmt = getattr(layer.formats, name)
            state[name] = rng.integers(fmt.minimum, fmt.maximum + 1, size)
        return state or None

    states = []
    for _ in range(count):
        layers = [one(layer) for layer in design.layers]
        state = layers[0] if isinstance(design, Design) else layers
        states.append(state if rng.random() < share else None)
    return states


def states_of(beats: list[StateBeat], design: Design) -> tuple[list[dict[str, np.ndarray]], bool]:
    """The states that beats of s_state stand for, and whether a frame had a wrong length.

    A short frame is completed with zeros, the surplus of a long one dropped up to its tlast, a beat of
    another stream always starts a frame.
    """
    size = design.hardware.samples_per_beat
    unit = max(size, design.cell.tile)
    padded = {n: -(-s // unit) * unit for n, s in design.cell.state_sizes.items()}
    total = sum(padded.values())
    frames, error, frame, dropping, stream = [], False, [], False, 0
    for beat in beats:
        if beat.stream != stream and (frame or dropping):
            error |= bool(frame)
            frames += [frame] if frame else []
            frame, dropping = [], False
        stream = beat.stream
        if dropping:
            dropping = not beat.last
            continue
        frame = frame + unpack_beat(beat.data, design)
        if beat.last or len(frame) == total:
            error |= not (beat.last and len(frame) == total)
            dropping = not beat.last
            frames.append(frame)
            frame = []
    states = []
    for samples in frames:
        samples, state = [*samples, *[0] * total][:total], {}
        for name, length in design.cell.state_sizes.items():
            bits = getattr(design.formats, name).word
            words = np.array(samples[:length], dtype=np.int64)
            state[name] = ((words + (1 << bits - 1)) & ((1 << bits) - 1)) - (1 << bits - 1)
            samples = samples[padded[name] :]
        states.append(state)
    return states, error
