"""Runs: engines agree on every stage, folders round trip, differences are found."""

import json
from dataclasses import replace

import numpy as np
import pytest
from lazy_designs import Lazily

from ernn_myhdl import DesignError, Traffic, load_run, new_design
from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.golden.tensors import tensor_names, tensor_shapes
from ernn_myhdl.numerics.formats import Format, to_real
from ernn_myhdl.runs.check import check_run, count_mismatches, first_mismatch

TINY = Lazily(
    {
        "projection and peepholes": lambda: new_design(
            5, 10, 3, 4, True, lanes=6, ifft_units=2, element_width=2, samples_per_beat=2
        ),
        "dense, sigmoid": lambda: new_design(
            3, 5, 0, 1, False, "sigmoid", lanes=4, samples_per_beat=4
        ),
    }
)
SEQUENCES = (3, 1, 2)


def sequences(design, seed=3):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, design.cell.inputs)) for n in SEQUENCES]


@pytest.fixture(scope="module", params=TINY)
def runs(request):
    """The runs of one design on golden, integer and MyHDL."""
    design = TINY[request.param]
    x = sequences(design)
    made = {e: design.run(x, engine=e) for e in ("golden", "integer")}
    made["myhdl"] = design.run(x, engine="myhdl", traffic=Traffic(0.3, 0.3, 1))
    return made


@pytest.mark.parametrize("engine", ["integer", "myhdl"])
def test_every_stage_agrees(runs, engine):
    run, golden = runs[engine], runs["golden"]
    design = run.design
    shapes = tensor_shapes(design.cell)
    for name in tensor_names(design.cell):
        assert run.stages[name].shape == (6, *shapes[name])
        assert run.stages[name].dtype == np.int64
        assert np.array_equal(run.stages[name], golden.stages[name]), name
    assert np.array_equal(run.raw, golden.raw)
    assert np.array_equal(run.outputs, to_real(run.raw, design.formats.output))
    assert first_mismatch(run, golden) is None
    assert run.sequences == list(SEQUENCES)
    assert run.digest == design.digest


def test_integer_counts_the_same_saturations(runs):
    assert runs["integer"].saturations == runs["golden"].saturations


def test_cycles_of_a_simulation(runs):
    run = runs["myhdl"]
    accepted, delivered = run.frame_cycles.T
    assert (np.diff(accepted) > 0).all()
    assert (np.diff(delivered) > 0).all()
    assert run.cycles == delivered[-1] + 1
    assert 0 < run.preparation_seconds < run.seconds
    computing = run.seconds - run.preparation_seconds  # a build's time was in the rates
    assert run.cycles_per_second == pytest.approx(run.cycles / computing)
    assert run.frames_per_second == pytest.approx(run.frames / computing)
    for name, shape in tensor_shapes(run.design.cell).items():
        assert run.stage_cycles[name].shape == (6, *shape[:-1])
    order = [run.stage_cycles[n].max(axis=tuple(range(1, run.stage_cycles[n].ndim)))
             for n in ("input", "input_spectrum", "accumulators", "gate_sums", "cell_state",
                       "cell_output", "output")]  # fmt: skip
    assert (np.diff(np.array(order), axis=0) >= 0).all()
    assert (order[0] >= accepted).all()
    assert (order[-1] <= delivered).all()
    assert runs["golden"].frame_cycles is None
    trace = run.trace
    handshakes = trace["s_axis_tvalid"] & trace["s_axis_tready"]
    assert np.flatnonzero(handshakes)[0] == accepted[0]
    last = trace["m_axis_tvalid"] & trace["m_axis_tready"] & trace["m_axis_tlast"]
    assert np.array_equal(np.flatnonzero(last), delivered)


def test_latency_is_the_scheduled_one():
    design = TINY["dense, sigmoid"]
    summary = design.run(sequences(design)[0][:1], engine="myhdl").summary()
    assert summary["latency_cycles"] == schedule_for(design).latency


def test_a_run_without_stages():
    design = TINY["dense, sigmoid"]
    x = sequences(design)
    run = design.run(x, engine="myhdl", stages=False, frames=4)
    assert not run.stages and not run.trace
    assert run.sequences == [3, 1]
    assert check_run(run, reference="integer") is None


def test_state_is_cleared_between_sequences():
    design = TINY["dense, sigmoid"]
    x = sequences(design)[0]
    twice = design.run([x, x], engine="integer").raw
    assert np.array_equal(twice[:3], twice[3:])
    assert not np.array_equal(twice, design.run(np.concatenate([x, x]), engine="integer").raw)


@pytest.mark.parametrize("engine", ["golden", "myhdl"])
def test_round_trip(runs, engine, tmp_path):
    run = runs[engine]
    loaded = load_run(run.save(tmp_path / "run"))
    assert loaded.design == run.design
    assert loaded.digest == run.digest
    assert loaded.summary() == run.summary()
    for name in ("x", "outputs", "raw", "frame_cycles"):
        assert np.array_equal(getattr(loaded, name), getattr(run, name))
    for group in ("stages", "stage_cycles", "trace"):
        saved, now = getattr(run, group), getattr(loaded, group)
        assert list(saved) == list(now)
        for name in saved:
            assert now[name].dtype == np.int64
            assert np.array_equal(now[name], saved[name])
    with pytest.raises(DesignError, match="--force"):
        run.save(tmp_path / "run")
    run.save(tmp_path / "run", force=True)


def test_damaged_run_folders(runs, tmp_path):
    run = runs["golden"]
    for name, damage in {
        "stages.npz": b"PK\x03\x04 no archive",
        "raw.npy": b"",
        "run.json": b"{",
        "x.npy": None,
    }.items():
        folder = run.save(tmp_path / name)
        if damage is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(damage)
        with pytest.raises(DesignError, match="damaged.*simulate again"):
            load_run(folder)
    with pytest.raises(DesignError, match="ernn simulate"):
        load_run(tmp_path / "none")


def test_the_first_difference_is_named(runs):
    run, golden = runs["myhdl"], runs["golden"]
    stages = {n: a.copy() for n, a in run.stages.items()}
    stages["cell_state"][4, 0, 0] += 1
    stages["gates"][2, 3, 1, 0] += 1
    stages["output"][2, 0, 0] -= 5
    mismatch = first_mismatch(replace(run, stages=stages), golden)
    assert (mismatch.frame, mismatch.stage, mismatch.element) == (2, "gates", (3, 1, 0))
    assert mismatch.got == mismatch.expected + 1
    assert mismatch.cycle == run.stage_cycles["gates"][2, 3, 1]
    text = str(mismatch)
    for part in ("frame 2", f"cycle {mismatch.cycle}", "stage gates", "gate output", "block 1"):
        assert part in text


def test_a_difference_of_the_outputs_alone(runs):
    run, golden = runs["myhdl"], runs["golden"]
    raw = run.raw.copy()
    raw[5, 1] ^= 6
    wrong = replace(run, raw=raw)
    mismatch = first_mismatch(wrong, golden)
    assert (mismatch.frame, mismatch.stage, mismatch.element) == (5, "outputs", (1,))
    assert mismatch.cycle == run.frame_cycles[5, 1]
    assert count_mismatches(wrong, golden) == 2


def test_check_against_another_design_finds_it(runs):
    run = runs["golden"]
    formats = run.design.formats
    other = replace(run.design, formats=replace(formats, gate=Format(8, 7)))
    assert check_run(run, other, "integer").stage in ("preactivations", "gates")


def test_engines_and_options_are_checked():
    design = TINY["dense, sigmoid"]
    x = sequences(design)
    for options, part in (
        ({"engine": "iverilog"}, "engine 'iverilog'"),
        ({"engine": "verilator", "vcd": "x.vcd"}, "vcd with engine"),
        ({"engine": "myhdl", "source": "vhdl"}, "source 'vhdl'"),
        ({"engine": "golden", "vcd": "x.vcd"}, "vcd with engine"),
        ({"engine": "golden", "traffic": Traffic(0.5)}, "traffic with engine"),
        ({"engine": "myhdl", "traffic": Traffic(1.0)}, "traffic idle"),
        ({"frames": 0}, "frames = 0"),
        ({"frames": 1.5}, "frames = 1.5"),
    ):
        with pytest.raises(DesignError, match=part):
            design.run(x, **options)


def test_summary_is_json(runs):
    for run in runs.values():
        assert json.loads(json.dumps(run.summary(), allow_nan=False))["frames"] == 6


def test_lanes_are_left_out_of_large_waveforms(monkeypatch, tmp_path):
    from ernn_myhdl.engines import trace

    design = TINY["dense, sigmoid"]
    x = sequences(design)[0][:1]
    full = design.run(x, engine="myhdl", vcd=tmp_path / "full.vcd")
    monkeypatch.setattr(trace, "MANY_ELEMENTS", 10)
    part = design.run(x, engine="myhdl", vcd=tmp_path / "part.vcd")
    lanes = design.run(x, engine="myhdl", vcd=tmp_path / "lanes.vcd", vcd_lanes=True)
    assert "left out" in part.notes[0]
    assert full.notes == lanes.notes == []
    sizes = {n: (tmp_path / f"{n}.vcd").stat().st_size for n in ("full", "part", "lanes")}
    assert sizes["part"] < sizes["full"] == sizes["lanes"]


def test_interval_of_several_streams_was_that_within_a_sequence():
    """The frames of two sequences that take turns are delivered twice as often."""
    design = new_design(5, 8, block=4, lanes=4, streams=2)
    x = [np.zeros((6, 5)), np.zeros((6, 5))]
    run = design.run(x, engine="myhdl", stages=False)
    delivered = np.sort(run.frame_cycles[:, 1])
    assert run.summary()["interval_cycles"] == round((delivered[-1] - delivered[0]) / 11)
    within = np.diff(run.frame_cycles[:6, 1]).mean()
    assert run.summary()["interval_cycles"] < 0.7 * within
