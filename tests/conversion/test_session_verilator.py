"""Sessions of the compiled core: frames one at a time, streams, states that it has no hardware to load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_designs import random_inputs
from tools import build_without_optimisation, require_verilator

from ernn_myhdl.calibration.build import build_network
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell, RnnCell
from ernn_myhdl.engines.verilator.compiled_hdl import compiled_core, shared_blocks
from ernn_myhdl.engines.verilator.steps import with_initial_states
from ernn_myhdl.files.cache_folder import CACHE_VARIABLE
from ernn_myhdl.golden.network_models import integer_model

pytestmark = [pytest.mark.verilator, pytest.mark.slow]

CELLS = (
    LstmCell(5, 6, projection=3, block=2, peepholes=True),
    GruCell(3, 4, block=2, reset="before"),
    LstmCell(4, 5, block=4),
    GruCell(5, 3, block=2),
    RnnCell(3, 3, block=2),
    LinearCell(3, 2, block=1),
)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    require_verilator()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    build_without_optimisation(monkeypatch)


def every_cell(**hardware):
    """A network of every cell; without `initial_states`."""
    weights = [random_weights(cell, i) for i, cell in enumerate(CELLS)]
    calibration = [np.random.default_rng(9).normal(size=(20, 5))]
    return build_network(CELLS, weights, calibration, samples_per_beat=2, **hardware)


def test_every_cell_in_a_core_that_goes_on(own_cache, tmp_path):
    design = every_cell(streams=2)
    sequences = [random_inputs(20 + i, design, n) for i, n in enumerate((5, 4, 3))]
    expected = [run.raw for run in integer_model(design).run(sequences)]
    fmt = design.output_format
    said, file = [], tmp_path / "states.safetensors"
    # three streams: two models of a core with two
    with design.open(engine="verilator", streams=3, say=said.append) as session:
        got = [[], [], []]

        def step(*streams):
            x = np.array([sequences[s][len(got[s])] for s in streams])
            for s, y in zip(streams, session.step(x, streams), strict=True):
                got[s].append(np.round(y / fmt.lsb).astype(int))

        step(2, 0)
        step(0)
        step(1, 0, 2)
        assert session.saturations is None and session.frames == [3, 1, 2]
        state = session.state(0)
        # a state is loaded into a core that cannot: the others go on
        session.start(1, state)
        continued = session.step(sequences[0][3], 1)
        assert any("initial_states" in step for step in said)
        step(0, 2)
        assert (continued == got[0][3] * fmt.lsb).all()
        session.end(1)
        got[1].clear()
        step(1)
        step(1)
        session.save(file)
    with design.open(engine="verilator", streams=3) as session:
        session.restore(file)
        step(1, 0)
        step(1)
    for s in range(3):
        np.testing.assert_array_equal(got[s], expected[s], f"stream {s}")


def test_states_with_longer_words_than_the_samples(own_cache):
    made = new_design(3, 4, block=2, lanes=2, samples_per_beat=2)
    assert made.stream_shape.sample_bits == 16
    state = made.formats.cell_state
    longer = replace(state, word=20, frac=state.frac + 20 - state.word)
    design = replace(made, formats=replace(made.formats, cell_state=longer))
    loading = with_initial_states(design)
    assert loading.stream_shape.sample_bits == 32 and loading.stream_shape.initial_states
    x = random_inputs(2, design, 3)
    expected = integer_model(design).run(x).outputs
    with design.open(engine="verilator") as session:
        first = session.step(x[0])
        session.start(0, session.state())
        np.testing.assert_array_equal([first, session.step(x[1]), session.step(x[2])], expected)


def test_cores_of_shared_blocks_are_closed_in_any_order(own_cache):
    """Verilator makes and frees such blocks in the context of the model that the thread made last."""
    design = new_design(4, 16, 4, block=2, lanes=8, ifft_units=2, samples_per_beat=4)
    assert shared_blocks(compiled_core(design))
    x = random_inputs(2, design, 3)
    expected = integer_model(design).run(x).outputs
    first, unused, second = (design.open(engine="verilator") for _ in range(3))
    np.testing.assert_array_equal([second.step(frame) for frame in x], expected)
    second.close()
    np.testing.assert_array_equal([first.step(frame) for frame in x], expected)
    unused.close()
    first.start(0)
    np.testing.assert_array_equal([first.step(frame) for frame in x], expected)
    first.close()
