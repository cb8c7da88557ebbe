"""Initial states of the sequences of a run: checked, in raw words, and as beats of s_state.

A state of a core is a tuple of one a layer, as `ernn_myhdl.golden.initial_state` takes it: name -> array, or None for
zero. A sequence without one starts from zero; the core is told by tuser which sequences have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ernn_myhdl.design.design import Design
from ernn_myhdl.design.structure import CoreStructure, Structure
from ernn_myhdl.errors import WARNING, DesignError
from ernn_myhdl.golden.initial_state import (
    InitialStates,
    ModelState,
    check_state,
    one_each,
)
from ernn_myhdl.golden.sequences import check_raw
from ernn_myhdl.numerics.formats import quantise, to_real
from ernn_myhdl.streams.traffic import StateBeat, Turn, packed_samples

#: The state of a core before a sequence, one entry a layer.
CoreState = tuple[dict[str, np.ndarray] | None, ...]


def check_initial_states(
    design: CoreStructure, initial: InitialStates, count: int, single: bool
) -> list[CoreState | None]:
    """One state of the core for each of `count` sequences, None for zero.

    initial: None, for the states that are the design's own (`ernn_myhdl.design.own_states`), or as the models of `ernn_myhdl.golden.network_models` take it: for one sequence (single) a state, for a
    list of them a list of states; the state of a network is a list of one a layer.
    Raises DesignError where the design loads none, or where one is not that of its layer.
    """
    if initial is None:
        return [own_state(design)] * count
    if not design.stream_shape.initial_states:
        raise DesignError(
            "initial states: hardware initial_states = false, the core starts every sequence from zero; "
            "set it to true in design.toml of every layer, or make the design with --initial-states"
        )
    given = [initial] if single else one_each(initial, count)
    return [
        None if state is None else core_state(design, state, "" if single else f"sequence {i} ")
        for i, state in enumerate(given)
    ]


def own_state(design: CoreStructure) -> CoreState | None:
    """The state that sequences of a design start from where none is given; None for zero."""
    states = [layer.initial if isinstance(layer, Design) else None for layer in design.layers]
    if not any(states):
        return None
    return tuple(None if state is None else dict(state) for state in states)


def core_state(design: CoreStructure, state: Any, where: str = "") -> CoreState | None:
    """A state as the models take it, checked, as one of the core; None where all of it is zero.

    where: names its sequence in a DesignError.
    """
    layers = design.layers
    if isinstance(design, Structure):
        state = [state]
    elif not isinstance(state, list | tuple) or len(state) != len(layers):
        raise DesignError(
            f"{where}initial state: must be a list of one for each of {len(layers)} layers"
        )
    checked = []
    for layer, prefix, own in zip(layers, design.layer_prefixes, state, strict=True):
        try:
            own = check_state(layer.cell, own)
            raw_state(layer, own)
        except DesignError as error:
            raise DesignError(f"{where}{prefix.replace('.', ' ')}{error}") from error
        checked.append(own)
    return None if all(own is None for own in checked) else tuple(checked)


def as_models_take_it(design: CoreStructure, state: CoreState | None) -> ModelState:
    """The state of a core as the models of `ernn_myhdl.golden.network_models` take it."""
    return state[0] if state is not None and isinstance(design, Structure) else state


def raw_state(design: Structure, state: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """The state of a layer in raw words of its formats; zeros for None."""
    raw = {}
    for name, size in design.cell.state_sizes.items():
        fmt = getattr(design.formats, name)
        values = np.zeros(size) if state is None else np.asarray(state[name])
        if values.dtype.kind == "f":
            raw[name] = quantise(values, fmt)
            continue
        check_raw(values, fmt, f"initial state {name}")
        raw[name] = values.astype(np.int64)
    return raw


def saturated_states(design: CoreStructure, states: Sequence[CoreState | None]) -> list[str]:
    """A warning for each part of the state with values beyond its format, over all sequences."""
    found: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    for state in states:
        if state is None:
            continue
        for layer, prefix, own in zip(design.layers, design.layer_prefixes, state, strict=True):
            raw = raw_state(layer, own)
            for name, given in (own or {}).items():
                if given.dtype.kind != "f":
                    continue
                fmt = getattr(layer.formats, name)
                off = np.abs(to_real(raw[name], fmt) - given)
                sizes[prefix + name] = sizes.get(prefix + name, 0) + len(given)
                found.setdefault(prefix + name, []).extend(off[off > fmt.lsb / 2].tolist())
    formats = {
        prefix + name: getattr(layer.formats, name)
        for layer, prefix in zip(design.layers, design.layer_prefixes, strict=True)
        for name in layer.cell.state_sizes
    }
    return [
        f"{WARNING}initial states: {len(off)} of {sizes[name]} values of {name} are beyond its format "
        f"{formats[name]}, by up to {max(off):.4g}, and saturate; make the design with such states, or edit its "
        "formats"
        for name, off in found.items()
        if off
    ]


def state_beats(
    design: CoreStructure, states: Sequence[CoreState | None], turns: Sequence[Turn]
) -> list[StateBeat]:
    """Beats of s_state for the sequences that have a state, in the order in which they begin."""
    return [
        beat
        for turn in turns
        if turn.frame == 0 and (state := states[turn.sequence]) is not None
        for number, layer in enumerate(design.layers)
        if layer.loads_states
        for beat in layer_beats(layer, state[number], turn.stream, number)
    ]


def layer_beats(
    design: Structure, state: dict[str, np.ndarray] | None, stream: int = 0, layer: int = 0
) -> list[StateBeat]:
    """The frame of s_state for one layer: y and c, or h, each filled up to whole blocks and beats."""
    unit = max(design.cell.tile, design.hardware.samples_per_beat)
    samples = []
    for words in raw_state(design, state).values():
        samples += [*words.tolist(), *[0] * (-len(words) % unit)]
    beats = packed_samples(samples, design)
    return [StateBeat(data, i == len(beats) - 1, stream, layer) for i, data in enumerate(beats)]
