"""Formats hold the initial states that sequences start from: they were chosen as if all started from zero."""

from __future__ import annotations

import numpy as np
import pytest

from ernn_myhdl.calibration.build import build_design, build_network
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.golden.network_models import float_model

CELLS = {
    "gru before": GruCell(5, 8, 4),
    "gru after": GruCell(5, 8, 1, "after"),
    "lstm": LstmCell(5, 8, 0, 2),
    "lstm with projection": LstmCell(5, 8, 4, 1),
}
WORD, STATE_WORD = 16, 20


def _state(cell, largest: float) -> dict[str, np.ndarray] | None:
    rng = np.random.default_rng(7)
    sizes = cell.state_sizes
    return {n: rng.uniform(-largest, largest, size) for n, size in sizes.items()} or None


def _built(cells, largest: float):
    weights = [random_weights(cell, i) for i, cell in enumerate(cells)]
    x = [np.random.default_rng(3).normal(size=(12, 5)) for _ in range(2)]
    states = [_state(cell, largest) for cell in cells]
    words = {"word": WORD, "state_word": STATE_WORD, "initial_states": True, "lanes": 3}
    if len(cells) == 1:
        return build_design(cells[0], weights[0], x, initial=states[0], **words), x, states[0]
    return build_network(cells, weights, x, initial=states, **words), x, states


def _agree(design, x, state, hardware: bool = True) -> None:
    """Golden, integer and MyHDL to the bit; close to the float reference; nothing saturates."""
    golden, *others = (
        design.run([s[:2] for s in x], engine, initial=[state, None])
        for engine in ("golden", "integer", *(["myhdl"] if hardware else []))
    )
    for run in others:
        assert np.array_equal(run.raw, golden.raw), run.engine
        for stage, expected in golden.stages.items():
            assert np.array_equal(run.stages[stage], expected), f"{run.engine}: {stage}"
    whole = design.run(x, "integer", initial=[state, None])
    exact = float_model(design).run(x, initial=[state, None])
    # 0.34 and 0.83 with states up to 2 and 0.83 and 3.0 with states up to 4, when they were left out
    assert np.abs(whole.outputs - np.concatenate(exact)).max() < 2e-3
    assert not any(whole.saturations.values()), whole.saturations


@pytest.mark.parametrize("largest", [2.0, 4.0])
@pytest.mark.parametrize("name", CELLS)
def test_states_beyond_one_are_held_in_models_and_hardware(name, largest):
    cell = CELLS[name]
    design, x, state = _built([cell], largest)
    for part, values in state.items():
        low, high = getattr(design.formats, part).range
        assert low <= values.min() and values.max() <= high
    _agree(design, x, state, largest == 4.0)


def test_a_network_holds_the_states_of_all_layers():
    cells = [GruCell(5, 6, 2, "after"), LstmCell(6, 4, 0, 1), LinearCell(4, 3, 1)]
    _agree(*_built(cells, 4.0))


@pytest.mark.parametrize("name", CELLS)
def test_states_within_one_change_no_format(name):
    """Formats of designs without states, or with small ones, are those of before."""
    with_states, x, _ = _built([CELLS[name]], 0.01)
    without = build_design(
        CELLS[name], random_weights(CELLS[name], 0), x, WORD, STATE_WORD, 3, initial_states=True
    )
    assert with_states.formats == without.formats
