"""Sessions of the models: one frame at a time gives the bits of a whole run, on every cell and on networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_designs import numbered_network, random_design, random_inputs

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.golden.spectral_matrix import FEW_SPECTRA, SpectralMatrix
from ernn_myhdl.numerics.formats import quantise
from ernn_myhdl.runs.run import run_design
from ernn_myhdl.runs.session import open_session
from ernn_myhdl.streams.state_file import read_initial_states

KINDS = {
    "lstm": {"kind": "lstm", "projection": False},
    "lstm with projection": {"kind": "lstm", "projection": True, "peepholes": True},
    "gru, reset after": {"kind": "gru", "reset": "after"},
    "gru, reset before": {"kind": "gru", "reset": "before"},
    "rnn": {"kind": "rnn"},
    "linear": {"kind": "linear"},
}
SMALL = new_design(5, 8, projection=4, block=4, lanes=4)


def runs(design, sequences, initial=None):
    """The integer model over whole sequences."""
    return integer_model(design).run(sequences, initial=initial)


def interleaved(session, sequences, lengths_first=()):
    """Outputs of sequences on streams of their own, whose frames come in random order."""
    rng = np.random.default_rng(5)
    outputs = [[] for _ in sequences]
    while True:
        left = [i for i, s in enumerate(sequences) if len(outputs[i]) < len(s)]
        if not left:
            return [np.array(y) for y in outputs]
        chosen = rng.permutation(left)[: rng.integers(1, len(left) + 1)].tolist()
        x = np.array([sequences[i][len(outputs[i])] for i in chosen])
        for i, y in zip(chosen, session.step(x, chosen), strict=True):
            outputs[i].append(y)


def agrees(design, seed, engine):
    sequences = [random_inputs(seed + i, design, n) for i, n in enumerate((4, 2, 5))]
    expected = runs(design, sequences)
    with design.open(engine=engine, streams=3) as session:
        got = interleaved(session, sequences)
        assert session.saturations == {
            name: sum(run.saturations[name] for run in expected) for name in expected[0].saturations
        }
        assert session.frames == [4, 2, 5]
    for y, run in zip(got, expected, strict=True):
        np.testing.assert_array_equal(y, run.outputs)


@pytest.mark.parametrize("engine", ["integer", "golden"])
@pytest.mark.parametrize("mixed", [False, True], ids=["one block", "mixed blocks"])
@pytest.mark.parametrize("kind", KINDS)
def test_frame_by_frame_as_a_whole_run(kind, mixed, engine):
    for seed in range(4 if engine == "integer" else 1):
        design = random_design(300 + seed, **KINDS[kind], mixed=mixed, max_inputs=12, max_hidden=14)
        agrees(design, seed, engine)


@pytest.mark.parametrize("number", range(9))
def test_networks_frame_by_frame_as_a_whole_run(number):
    design = numbered_network(number)
    agrees(design, number, "integer")
    if number < 3:
        agrees(design, number, "golden")


def test_many_streams_take_the_products_by_bins_and_few_take_all_at_once():
    design = new_design(9, 16, block=8, lanes=4)
    assert not design.stream_shape.initial_states
    x = random_inputs(1, design, 2 * FEW_SPECTRA)
    whole = [run.outputs for run in runs(design, [frame[None] for frame in x])]
    for count in (1, FEW_SPECTRA, FEW_SPECTRA + 1, 2 * FEW_SPECTRA):
        with design.open(streams=count) as session:
            np.testing.assert_array_equal(session.step(x[:count] if count > 1 else x[0][None]),
                                          np.concatenate(whole[:count]))  # fmt: skip


@pytest.mark.parametrize("k", [1, 2, 4, 8, 16, 32])
def test_the_matrix_of_all_bins_gives_what_the_bins_give(k):
    rng = np.random.default_rng(k)
    weights = rng.integers(-2048, 2048, (2, 3, 4, k))
    spectra = rng.integers(-2048, 2048, (FEW_SPECTRA + 1, 5, k))
    together = SpectralMatrix(weights, exact=True).multiply(spectra)
    one_by_one = [
        SpectralMatrix(weights, exact=True).multiply(spectra[i : i + 1]) for i in range(5)
    ]
    integers = SpectralMatrix(weights, exact=False).multiply(spectra)
    np.testing.assert_array_equal(together, np.concatenate(one_by_one))
    np.testing.assert_array_equal(together, integers)


@pytest.mark.parametrize("engine", ["integer", "golden"])
def test_sequences_start_and_end(engine):
    x = random_inputs(3, SMALL, 4)
    once = runs(SMALL, x).outputs
    with SMALL.open(engine=engine) as session:
        first = [session.step(frame) for frame in x]
        session.end()
        assert session.frames == [0]
        again = [session.step(frame) for frame in x]
        on = session.step(x[0])
        session.start()
        anew = session.step(x[0])
    np.testing.assert_array_equal(first, once)
    np.testing.assert_array_equal(again, once)
    np.testing.assert_array_equal(anew, once[0])
    assert (on != once[0]).any()  # the state was kept


@pytest.mark.parametrize("engine", ["integer", "golden"])
@pytest.mark.parametrize(
    "design",
    [SMALL, new_design(5, 7, block=2, cell="gru", lanes=2), numbered_network(2)],
    ids=["lstm", "gru", "network"],
)
def test_a_saved_state_goes_on_in_another_session_and_in_a_run(design, engine, tmp_path):
    first, second = random_inputs(3, design, 5), random_inputs(4, design, 4)
    expected = [run.outputs for run in runs(design, [first, second])]
    file = tmp_path / "states.safetensors"
    with design.open(engine=engine, streams=2) as session:
        session.step(first[:2][0], stream=0)
        session.step(first[1], stream=0)
        session.step(second[0], stream=1)
        assert session.save(file) == file
        state = session.state(0)
        np.testing.assert_array_equal(session.step(first[2], stream=0), expected[0][2])
    with design.open(engine="integer", streams=2) as session:
        session.restore(file)
        got = interleaved(session, [first[2:], second[1:]])
    np.testing.assert_array_equal(got[0], expected[0][2:])
    np.testing.assert_array_equal(got[1], expected[1][1:])
    # what `ernn simulate --initial-states` reads
    states = read_initial_states(file, design, 2)
    for run, rest in zip(runs(design, [first[2:], second[1:]], states), got, strict=True):
        np.testing.assert_array_equal(run.outputs, rest)
    np.testing.assert_array_equal(runs(design, first[2:], state).outputs, expected[0][2:])


def test_the_host_scales_x_and_raw_words_pass_as_they_are():
    scaling = InputScaling((3, -2, 0, 1, -1), (0.5, 0.0, -0.25, 0.0, 8.0))
    design = replace(SMALL, input_scaling=scaling)
    x = random_inputs(8, SMALL, 5)
    whole = run_design(design, x, "integer")
    assert (whole.raw != run_design(SMALL, x, "integer").raw).any()
    with design.open() as session:
        np.testing.assert_array_equal([session.step(frame) for frame in x], whole.outputs)
    raw = quantise(scaling.apply(x), design.input_format)
    with design.open() as session:
        np.testing.assert_array_equal([session.step_raw(frame) for frame in raw], whole.raw)


@pytest.mark.parametrize("kind", ["softmax", "argmax"])
def test_the_host_computes_what_follows_the_core(kind):
    """A session gave y before the softmax of an imported classifier, a run what is behind it."""
    design = SMALL.with_host_steps([HostStep(kind)])
    x = random_inputs(8, SMALL, 5)
    whole = run_design(design, x, "integer")
    with design.open(streams=2) as session:
        y = np.array([session.step(np.stack([frame, frame]))[1] for frame in x])
    np.testing.assert_array_equal(y, whole.outputs)
    with design.open() as session:
        np.testing.assert_array_equal(session.step(x[0]), whole.outputs[0])


def test_what_is_no_frame_is_refused_and_no_stream_goes_on():
    frame = np.zeros(5)
    with SMALL.open(streams=2) as session:
        cases = [
            ((frame,), r"shape \(5,\) in a session of 2 streams; give stream="),
            ((frame[:4], 0), r"shape \(4,\), must be \(5,\)"),
            ((np.zeros((3, 5)),), r"shape \(3, 5\), must be \(2, 5\)"),
            ((np.zeros((2, 5)), [1, 1]), "must name different streams"),
            ((np.zeros((0, 5)), []), "must name different streams, at least one"),
            ((frame, 2), "stream = 2: must be 0 to 1"),
            ((frame, True), "stream = True: must be a whole number"),
            ((frame.astype(int), 0), "type int64, must be floating point"),
            ((np.full(5, np.nan), 0), "NaN or infinity"),
            (([frame, frame[:4]],), "frame: is no array"),
        ]
        for arguments, message in cases:
            with pytest.raises(DesignError, match=message):
                session.step(*arguments)
        with pytest.raises(DesignError, match="type float64, must be integers"):
            session.step_raw(frame, 0)
        with pytest.raises(
            DesignError,
            match="raw words from 4000 to 4000, must be -2048 to 2047; `step` takes values",
        ):
            session.step_raw(np.full(5, 4000), 0)
        with pytest.raises(DesignError, match="the lstm cell needs 'output', 'cell_state'"):
            session.start(0, {"cell_state": np.zeros(8)})
        assert session.frames == [0, 0]
    with pytest.raises(DesignError, match="is closed"):
        session.step(frame, 0)
    for streams in (0, 1.5, True, 5000):
        with pytest.raises(DesignError, match=f"streams = {streams}"):
            SMALL.open(streams=streams)
    for engine in ("myhdl", "ghdl", "auto", "float"):
        with pytest.raises(DesignError, match=f"engine '{engine}': takes no frames one at a time"):
            open_session(SMALL, engine)


def test_saving_keeps_existing_files_and_a_design_without_a_state_has_nothing_to_save(tmp_path):
    file = tmp_path / "states.safetensors"
    file.write_bytes(b"mine")
    with SMALL.open() as session:
        with pytest.raises(DesignError, match=r"exists; .*force=True"):
            session.save(file)
        assert file.read_bytes() == b"mine"
        session.save(file, force=True)
        session.restore(file)
    with SMALL.open(streams=3) as session, pytest.raises(DesignError, match=r"shape \(1, 8\)"):
        session.restore(file)
    linear = random_design(1, kind="linear")
    with linear.open() as session:
        with pytest.raises(DesignError, match="no layer of the design has one"):
            session.save(tmp_path / "none.safetensors")
        assert session.state() is None


def test_a_session_says_what_saturates():
    with SMALL.open() as session:
        session.step(np.full(5, 1e6))
        assert any("of input" in note and "saturate" in note for note in session.notes)
        assert session.saturations["input"] == 5
        state = session.state()
        session.start(0, {"output": state["output"], "cell_state": np.full(8, 1e6)})
        assert "of cell_state are beyond its format" in session.warnings[0]
    assert repr(session) == f"<Session of {SMALL.name}: integer, 1 stream, closed>"


def test_streams_may_be_integers_of_numpy():
    x = np.full((3, 5), 0.5)
    with SMALL.open(streams=2) as session:
        first = session.step(x[0], np.int64(1))
        session.end(np.int64(1))
        session.start(np.int32(0), session.state(np.int64(1)))
        np.testing.assert_array_equal(session.step(x[1], np.uint8(1)), first)
        with pytest.raises(DesignError, match="stream = .*True.*: must be a whole number"):
            session.end(np.True_)
