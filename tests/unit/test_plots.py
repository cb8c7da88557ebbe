"""Pictures: they are made, and their text tells what they show."""

import re
from functools import cache

import numpy as np
import pytest

from ernn_myhdl import DesignError, GruCell, LinearCell, new_design, new_network
from ernn_myhdl.plots.error import plot_error, stage_errors
from ernn_myhdl.plots.schedule import plot_schedule
from ernn_myhdl.plots.training import plot_history
from ernn_myhdl.plots.waveform import plot_waveform, signal_names


@cache
def small_design():
    return new_design(4, 8, 4, 4, lanes=4)


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(0)
    return small_design().run([rng.standard_normal((n, 4)) for n in (2, 1)], engine="myhdl")


def texts(file):
    return re.findall(r"<text[^>]*>([^<]*)</text>", file.read_text())


def test_legends_of_curves_look_for_no_place(tmp_path, monkeypatch):
    """On a slow machine matplotlib warned that looking took long."""
    monkeypatch.delattr("matplotlib.legend.Legend._find_best_position")
    epochs = [{"step": n, "loss": 1 / n, "validation": {"accuracy": 0.2 * n}} for n in (1, 2, 3)]
    updates = [
        {"step": n, "residuals": {"w": {"relative_primal": 1 / n, "relative_dual": 0.5 / n}}}
        for n in (1, 2, 3)
    ]
    phases = [{"name": "admm", "first_step": 0, "last_step": 3}]
    history = {"phases": phases, "epochs": epochs, "updates": updates}
    plot_history(history, tmp_path / "curves.svg")
    assert "accuracy" in texts(tmp_path / "curves.svg")


def test_waveform(run, tmp_path):
    plot_waveform(run, tmp_path / "w.svg")
    shown = texts(tmp_path / "w.svg")
    for part in ("s_axis_tvalid", "operation", "m_axis_tdata [0]", "cell_state [0]"):
        assert part in shown
    assert any("cycle (" in t for t in shown)
    assert any("k = 4" in t for t in shown)


def test_waveform_values_are_those_of_the_run(run, tmp_path):
    first = int(run.stage_cycles["output"][0, 0])
    plot_waveform(run, tmp_path / "w.svg", ["output", "operation"], first - 4, first + 4)
    shown = texts(tmp_path / "w.svg")
    assert str(run.raw[0, 0]) in [t.strip() for t in shown]
    assert "s_axis_tvalid" not in shown


def test_waveform_window_and_names_are_checked(run, tmp_path):
    cycles = len(run.trace["op_valid"])
    for options, part in (
        ({"signals": ["outptu"]}, "did you mean output"),
        ({"signals": ["zzz"]}, "--signals list"),
        ({"signals": []}, "0 given"),
        ({"signals": ["output"] * 41}, "41 given"),
        ({"first": 9, "last": 3}, "9 to 3"),
        ({"first": -1}, "-1"),
        ({"first": cycles}, f"0 to {cycles - 1}"),
    ):
        with pytest.raises(DesignError, match=part):
            plot_waveform(run, tmp_path / "w.png", **options)
    assert list(tmp_path.iterdir()) == []
    assert "operation" in signal_names(run)


def test_error(run, tmp_path):
    plot_error(run, tmp_path / "e.svg")
    shown = texts(tmp_path / "e.svg")
    for part in ("SQNR (dB)", "frame", "elements", "RMS error in a frame (value)", "gate_spectra"):
        assert part in shown
    assert any("LSB" in t for t in shown)


def test_errors_are_small_and_padding_is_left_out(run):
    errors, reference = stage_errors(run)
    assert reference.shape == run.outputs.shape
    assert set(errors) == set(run.stages)
    for name, error in errors.items():
        assert error.sqnr > 30, name
        assert error.rms.shape == (3,)


def test_error_of_a_run_without_stages(tmp_path):
    run = small_design().run(np.zeros((2, 4)), engine="integer", stages=False)
    plot_error(run, tmp_path / "e.png")
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("projection", [0, 4])
def test_schedule(projection, tmp_path):
    design = new_design(4, 8, projection, 4, lanes=4)
    plot_schedule(design, tmp_path / "s.svg", 2)
    shown = texts(tmp_path / "s.svg")
    for part in ("lanes", "element-wise", "output y", "products with x"):
        assert part in shown
    assert ("products of the projection" in shown) == bool(projection)
    assert any(t.startswith("latency ") for t in shown)
    assert any("interval" in t for t in shown)
    assert any(t.startswith("cycle") for t in shown)


def test_schedule_of_several_streams_has_a_panel_for_each_rate(tmp_path):
    plot_schedule(new_design(4, 8, 4, 4, lanes=4, streams=2), tmp_path / "s.svg")
    shown = [t for t in texts(tmp_path / "s.svg") if "interval" in t]
    assert [t.split(":")[0] for t in shown] == ["one stream", "2 streams in turn"]


def test_schedule_of_a_gru_shows_the_candidate_and_its_legend_fits(tmp_path):
    plot_schedule(new_design(4, 8, block=4, lanes=4, cell="gru"), tmp_path / "s.svg")
    shown = texts(tmp_path / "s.svg")
    for part in ("x", "r · h"):
        assert f"products of the candidate with {part}" in shown
    legend = re.findall(r'start" x="([\d.-]+)".*?>([^<]*)</text>', (tmp_path / "s.svg").read_text())
    assert "y leaves" in dict(map(reversed, legend))
    # the text of the leftmost column begins behind its patch, the last one takes about 100 points
    assert all(30 < float(x) < 864 - 100 for x, text in legend if " " in text and ":" not in text)


@pytest.mark.parametrize("suffix", ["png", "svg", "PNG"])
def test_files_are_by_name_and_reproducible(suffix, tmp_path):
    a, b = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    design = new_design(1, 1, block=1, cell="linear", lanes=1)
    plot_schedule(design, a)
    plot_schedule(design, b)
    assert a.read_bytes() == b.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [a.name, b.name]
    with pytest.raises(DesignError, match=".png or .svg"):
        plot_schedule(design, tmp_path / "c.jpg")


@pytest.mark.parametrize("stages", [True, False])
def test_error_of_a_network(tmp_path, stages):
    network = new_network((GruCell(4, 6, block=2), LinearCell(6, 3, block=1)))
    run = network.run(np.random.default_rng(0).normal(size=(5, 4)), engine="integer", stages=stages)
    errors, reference = stage_errors(run)
    assert ("layer_0.gates" in errors) == stages
    assert errors["layer_1.output"].sqnr > 30
    assert reference.shape == (5, 3)
    plot_error(run, tmp_path / "error.svg", 2)
